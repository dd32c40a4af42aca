"""Diagrams of the generator, of AdaIN and of the ID-block, drawn from the sizes of the network at hand (paper 3.2)."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from simswap_lib.figures import GREY, INK, RESULT, SOURCE, TARGET
from simswap_lib.models.generator import GeneratorConfig

PALE = {SOURCE: "#DCEBF5", TARGET: "#FBE6D9", RESULT: "#D9F0E8", GREY: "#F1F1F1"}


class Canvas:
    """A drawing surface in inches, y upwards, with boxes, arrows and words in one hand."""

    def __init__(self, width: float, height: float):
        self.figure = plt.figure(figsize=(width, height))
        self.axis = self.figure.add_axes([0, 0, 1, 1])
        self.axis.set(xlim=(0, width), ylim=(0, height))
        self.axis.set_axis_off()

    def box(self, x, y, width, height, words, colour=GREY, strong=False, size=11):
        """A rounded box centred at (x, y)."""
        self.axis.add_patch(
            FancyBboxPatch(
                (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0,rounding_size=0.1",
                facecolor=PALE[colour], edgecolor=colour, linewidth=3 if strong else 1.3, zorder=2,
            )
        )  # fmt: skip
        self.words(x, y, words, size=size, weight="bold" if strong else "normal")

    def words(self, x, y, words, size=10, colour=INK, weight="normal", align="center", vertical="center"):
        self.axis.text(
            x,
            y,
            words,
            ha=align,
            va=vertical,
            fontsize=size,
            color=colour,
            fontweight=weight,
            zorder=4,
            linespacing=1.25,
        )

    def arrow(self, *points, colour=INK, width=1.6, head=True):
        """A line through the points, in straight parts, with a head at the last."""
        for i, (a, b) in enumerate(pairwise(points)):
            last = head and i == len(points) - 2
            self.axis.add_patch(
                FancyArrowPatch(
                    a, b, arrowstyle="-|>" if last else "-", mutation_scale=14, color=colour, linewidth=width,
                    shrinkA=0, shrinkB=0, zorder=1, capstyle="round",
                )
            )  # fmt: skip

    def dot(self, x, y, words, colour=INK, radius=0.17):
        """A small circle with a sign in it: +, ×, −."""
        self.axis.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=colour, linewidth=1.5, zorder=3))
        self.words(x, y, words, size=13)

    def picture(self, x, y, side, image, words, colour):
        """A picture centred at (x, y) with a frame, or an empty frame, and words below."""
        box = (x - side / 2, x + side / 2, y - side / 2, y + side / 2)
        if image is None:
            self.box(x, y, side, side, "", colour)
        else:
            self.axis.imshow(image, extent=box, interpolation="nearest", zorder=2, aspect="auto")
            self.axis.add_patch(
                plt.Rectangle((box[0], box[2]), side, side, fill=False, edgecolor=colour, linewidth=3, zorder=3)
            )
        self.words(x, box[2] - 0.08, words, colour=colour, weight="bold", vertical="top")

    def finish(self, alt: str) -> Figure:
        self.figure.alt = alt
        return self.figure


def generator(
    config: GeneratorConfig,
    source: np.ndarray | None = None,
    target: np.ndarray | None = None,
    result: np.ndarray | None = None,
    highlight: str = "injection",
) -> Figure:
    """The whole generator with the shapes of one picture on its arrows; `highlight` is encoder, injection or decoder.

    Pictures are uint8 RGB (H, W, 3), or left out. Raises: ValueError for another highlight.
    """
    if highlight not in ("encoder", "injection", "decoder"):
        raise ValueError(f"highlight is encoder, injection or decoder, got {highlight!r}.")
    side = config.image_size // 2**config.downs
    picture, feature = f"3 × {config.image_size} × {config.image_size}", f"{config.channels} × {side} × {side}"
    canvas, y = Canvas(10.4, 4.3), 1.35
    canvas.picture(0.85, y, 1.3, target, "target\ngives pose, light", TARGET)
    canvas.box(2.85, y, 1.05, 1.0, "Encoder", TARGET, highlight == "encoder")
    canvas.box(5.2, y, 1.6, 1.5, f"ID Injection\n{config.blocks} ID-blocks", SOURCE, highlight == "injection")
    canvas.box(7.55, y, 1.05, 1.0, "Decoder", RESULT, highlight == "decoder")
    canvas.picture(9.55, y, 1.3, result, "result", RESULT)
    for start, end, words in (
        (1.5, 2.325, picture),
        (3.375, 4.4, feature),
        (6.0, 7.025, feature),
        (8.075, 8.9, picture),
    ):
        canvas.arrow((start, y), (end, y))
        canvas.words((start + end) / 2, y + 0.14, words.replace(" × ", "×"), size=7.5, vertical="bottom")
    canvas.picture(0.85, 3.5, 1.1, source, "source", SOURCE)
    canvas.box(2.95, 3.5, 1.5, 0.8, "recogniser\n(ArcFace, frozen)", GREY, size=10)
    canvas.arrow((1.4, 3.5), (2.2, 3.5), colour=SOURCE)
    canvas.arrow((3.7, 3.5), (5.2, 3.5), (5.2, y + 0.75), colour=SOURCE, width=2.4)
    canvas.words(4.45, 3.62, rf"$v_S$, {config.identity_dim} numbers", colour=SOURCE, vertical="bottom")
    canvas.words(
        5.35, 2.72, "the source's only way in:\nno pixels, one short vector", size=9.5, colour=SOURCE, align="left"
    )
    return canvas.finish(
        f"Diagram of the generator. The target picture ({picture}) goes through the Encoder, the ID Injection Module "
        f"of {config.blocks} ID-blocks ({feature} in and out) and the Decoder, and comes out as the result "
        f"({picture}). The source picture goes through a frozen recogniser, and only its identity vector of "
        f"{config.identity_dim} numbers enters, at the ID Injection Module. Highlighted: {highlight}."
    )


def adain() -> Figure:
    """What AdaIN takes from the feature and what it writes, with shapes."""
    canvas, y = Canvas(10.4, 3.5), 1.0
    canvas.box(0.95, y, 1.4, 0.95, "feature\n$Fea$", TARGET)
    canvas.dot(2.75, y, "−")
    canvas.dot(3.95, y, "÷")
    canvas.box(5.6, y, 1.35, 0.95, "normalised\nmean 0, spread 1", TARGET, size=9)
    canvas.dot(7.15, y, "×", SOURCE)
    canvas.dot(8.05, y, "+", SOURCE)
    canvas.box(9.5, y, 1.3, 0.95, "AdaIN(Fea, $v_S$)", RESULT, strong=True, size=9)
    for a, b in ((1.65, 2.58), (2.92, 3.78), (4.12, 4.925), (6.275, 6.98), (7.32, 7.88), (8.22, 8.85)):
        canvas.arrow((a, y), (b, y))
    canvas.words(0.95, 0.4, "B × C × H × W", size=8.5)
    canvas.words(5.6, 0.4, "B × C × H × W\nonly the layout is left", size=8.5, vertical="top")
    canvas.words(9.5, 0.4, "B × C × H × W", size=8.5)
    for x, words in ((2.75, r"$\mu(Fea)$"), (3.95, r"$\sigma(Fea)$")):
        canvas.words(x, 2.2, words, size=12, colour=TARGET, vertical="bottom")
        canvas.arrow((x, 2.12), (x, y + 0.17), colour=TARGET)
    canvas.words(3.35, 2.62, "the target's own, B × C: thrown away", size=9.5, colour=TARGET, vertical="bottom")
    canvas.box(7.6, 2.9, 1.9, 0.62, "linear layer", SOURCE, size=10)
    canvas.words(9.95, 2.9, "$v_S$", size=14, colour=SOURCE)
    canvas.arrow((9.75, 2.9), (8.55, 2.9), colour=SOURCE, width=2)
    canvas.words(9.95, 2.55, "B × D", size=8.5)
    for x, words, side in ((7.15, r"$\sigma_S$", -0.1), (8.05, r"$\mu_S$", 0.1)):
        canvas.arrow((x, 2.59), (x, y + 0.17), colour=SOURCE, width=2)
        canvas.words(x + side, 1.85, words, size=13, colour=SOURCE, align="left" if side > 0 else "right")
    canvas.words(8.75, 1.85, "B × C each: written\nby the source", size=9.5, colour=SOURCE, align="left")
    return canvas.finish(
        "Diagram of AdaIN. From the feature (B, C, H, W), each channel's own mean mu(Fea) is subtracted and the "
        "channel is divided by its own spread sigma(Fea); both are thrown away, and only the layout is left, with "
        "mean 0 and spread 1. A linear layer reads sigma_S and mu_S, (B, C) each, from the identity vector v_S (B, "
        "D); the layout is multiplied by sigma_S, and mu_S is added."
    )


def id_block() -> Figure:
    """The residual block: a main road, and a branch of two convolutions with an AdaIN each."""
    canvas, road, y = Canvas(10.4, 3.4), 0.55, 1.6
    parts = (
        (2.35, "conv 3×3", GREY),
        (4.0, "AdaIN", SOURCE),
        (5.4, "ReLU", GREY),
        (6.75, "conv 3×3", GREY),
        (8.4, "AdaIN", SOURCE),
    )
    canvas.words(0.55, road, "$x$", size=15, colour=TARGET)
    canvas.arrow((0.75, road), (9.33, road), colour=TARGET, width=2.6)
    canvas.words(
        5.0,
        road - 0.12,
        "main road: nothing on it, so the target's features pass unchanged",
        size=9.5,
        colour=TARGET,
        vertical="top",
    )
    previous = None
    for x, words, colour in parts:
        half = 0.45 if words == "ReLU" else 0.58
        canvas.box(x, y, 2 * half, 0.62, words, colour, strong=colour == SOURCE, size=10.5)
        if previous is None:
            canvas.arrow((1.2, road), (1.2, y), (x - half, y))
        else:
            canvas.arrow((previous, y), (x - half, y))
        previous = x + half
    canvas.dot(9.5, road, "+")
    canvas.arrow((previous, y), (9.5, y), (9.5, road + 0.17))
    canvas.arrow((9.67, road), (10.2, road), colour=RESULT, width=2.6)
    canvas.words(1.12, 1.05, "branch", size=9.5, align="right")
    canvas.words(6.2, 3.0, "$v_S$", size=15, colour=SOURCE)
    for x in (4.0, 8.4):
        canvas.arrow((6.0 if x < 6 else 6.4, 3.0), (x, 3.0), (x, y + 0.31), colour=SOURCE, width=2)
    canvas.words(
        6.2, 2.55, "the same identity vector, a linear layer of its own in each AdaIN", size=9.5, colour=SOURCE
    )
    return canvas.finish(
        "Diagram of an ID-block. On the main road x goes straight to a plus sign. A branch leaves x and passes a 3 by "
        "3 convolution, an AdaIN, a ReLU, a second 3 by 3 convolution and a second AdaIN, and joins at the plus sign. "
        "The identity vector v_S enters both AdaINs. Nothing follows the plus sign. All shapes are (B, C, H, W)."
    )

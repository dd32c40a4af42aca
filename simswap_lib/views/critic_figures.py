"""Static figures of feature matching: a discriminator's maps, what its cells see, what each map charges, and scores."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simswap_lib.figures import GREY, INK, RESULT, SOURCE, TARGET
from simswap_lib.files import to_tensor
from simswap_lib.models.discriminator import Discriminator

MAP_COLOURS = (SOURCE, RESULT, "#E69F00", TARGET, "#CC79A7")  # of map 1, 2, ...: Okabe and Ito, too


def map_colour(i: int, count: int) -> str:
    """Of map i + 1 of `count`; the logits behind them are black."""
    return INK if i >= count else MAP_COLOURS[i % len(MAP_COLOURS)]


@torch.no_grad()
def maps(critic: Discriminator, image: np.ndarray) -> Figure:
    """What each scale of the critic sees, and each of its maps: the mean over the channels, bright where it is strong.

    image: uint8 RGB (H, W, 3).
    """
    device = next(critic.parameters()).device
    outputs = critic(to_tensor(image, device))
    rows, columns = len(outputs), critic.maps + 2
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.75 * columns, 2.2 * rows), squeeze=False, layout="constrained"
    )
    told = []
    for s, scale in enumerate(outputs):
        step = 2**s  # what average pooling leaves, up to its border
        seen = (
            image.reshape(image.shape[0] // step, step, image.shape[1] // step, step, 3).mean((1, 3)).astype(np.uint8)
        )
        axes[s, 0].imshow(seen)
        axes[s, 0].set_title(f"scale {s + 1} sees\n{seen.shape[0]} × {seen.shape[1]}", fontsize=9, fontweight="bold")
        for i, x in enumerate(scale):
            axis, last = axes[s, i + 1], i == critic.maps
            axis.imshow(
                (x[0, 0] if last else x[0].abs().mean(0)).cpu().numpy(), cmap="cividis", interpolation="nearest"
            )
            words = "logits" if last else f"map {i + 1}"
            axis.set_title(
                f"{words}\n" + " × ".join(map(str, x.shape[1:])), fontsize=9, color=map_colour(i, critic.maps)
            )
            told.append(f"scale {s + 1} {words} {' by '.join(map(str, x.shape[1:]))}")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.alt = (
        f"A picture as the discriminator's {rows} scales see it, the second at half the size, and behind each "
        "its maps, "
        f"coarser and coarser: {', '.join(told)} (channels by height by width). In the first map outlines and textures "
        "can be seen, in the later ones only where something is."
    )
    return figure


def fields(
    image: np.ndarray,
    seen: Sequence[tuple[int, int, int]],
    names: Sequence[str],
    cells: Sequence[tuple[int, int]],
) -> Figure:
    """One picture for each map, with the patch that one of its cells sees as a frame; beyond the picture is padding.

    seen: (size, step, start) for each map, as `receptive_field` gives them; cells: (row, column) of the cell.
    """
    figure, axes = plt.subplots(1, len(seen), figsize=(1.9 * len(seen), 2.3), squeeze=False, layout="constrained")
    side, told = image.shape[0], []
    firsts = [[start + n * step for n in cell] for (_, step, start), cell in zip(seen, cells, strict=True)]
    ends = [first + size - side for (size, _, _), pair in zip(seen, firsts, strict=True) for first in pair]
    margin = max(0, *ends, *(-first for pair in firsts for first in pair))
    for axis, (size, _, _), name, (top, left) in zip(axes.flat, seen, names, firsts, strict=True):
        axis.imshow(image, interpolation="nearest")
        for colour, width in (("white", 4), (SOURCE, 2.2)):
            corner = (left - 0.5, top - 0.5)
            axis.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=colour, linewidth=width))
        axis.set(xlim=(-margin - 1, side + margin), ylim=(side + margin, -margin - 1))
        axis.set_title(f"{name}\n{size} × {size} pixels", fontsize=10)
        axis.set_axis_off()
        told.append(f"{name} {size} by {size}")
    patches = ", ".join(told)
    figure.alt = f"A picture of {side} by {side} pixels, each time with the patch that one cell sees: {patches}."
    return figure


def charges(rows: dict[str, Sequence[float]], title: str = "share of the price of an unrelated picture") -> Figure:
    """What each map charges for each change: bars in a row for each change, one bar for each map."""
    figure, axis = plt.subplots(figsize=(8.2, 0.62 * len(rows) + 0.9), layout="constrained")
    count = len(next(iter(rows.values())))
    hatches = ("", "///", "...", "xxx", "\\\\")
    for i in range(count):
        places = [k + (i - (count - 1) / 2) * 0.8 / count for k in range(len(rows))]
        axis.barh(
            places,
            [values[i] for values in rows.values()],
            0.74 / count,
            color=map_colour(i, count),
            label=f"map {i + 1}",
            hatch=hatches[i % 5],
            edgecolor="white",
            linewidth=0,
        )
    axis.set_yticks(range(len(rows)), rows)
    axis.invert_yaxis()
    axis.set_xlabel(title)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, ncols=count, loc="upper center", bbox_to_anchor=(0.5, 1.12 + 0.1 / len(rows)))
    told = "; ".join(f"{name}: {', '.join(f'{value:.2f}' for value in values)}" for name, values in rows.items())
    figure.alt = f"Bar chart of {title}, for map 1 to {count}. {told}."
    return figure


def trade(points: dict[str, tuple[float, float]], xlabel: str, ylabel: str) -> Figure:
    """Named points joined in their order, with their names beside them, or below where one is close above."""
    figure, axis = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
    x, y = np.array(list(points.values())).T
    axis.plot(x, y, color=GREY, linewidth=1.2, zorder=1)
    wide, high = np.ptp(x), np.ptp(y)
    for (name, (a, b)), colour, marker in zip(points.items(), (*MAP_COLOURS[:4], INK), "osD^v", strict=False):
        axis.scatter([a], [b], color=colour, marker=marker, s=70, zorder=2)
        crowded = ((abs(x - a) < 0.2 * wide) & (y > b) & (y - b < 0.1 * high)).any()
        axis.annotate(
            name, (a, b), xytext=(8, -12 if crowded else 4), textcoords="offset points", fontsize=10, color=colour,
            weight="bold",
        )  # fmt: skip
    axis.margins(0.16)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    told = "; ".join(f"{name}: {a:.3g}, {b:.3g}" for name, (a, b) in points.items())
    figure.alt = f"Points of {xlabel} against {ylabel}. {told}."
    return figure


def curves(panels: dict[str, dict[str, tuple[Sequence[float], Sequence[float], str]]], xlabel: str) -> Figure:
    """Panels side by side, each {name of the curve: (x, y, colour)}; every curve has a line style of its own."""
    figure, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 3.0), squeeze=False, layout="constrained")
    told = []
    for axis, (title, drawn) in zip(axes.flat, panels.items(), strict=True):
        for (name, (x, y, colour)), style in zip(drawn.items(), ("-", "--", ":", "-."), strict=False):
            axis.plot(x, y, style, color=colour, linewidth=2, label=name)
            told.append(
                f"{title}, {name}: {y[0]:.3g} at {x[0]}, least {min(y):.3g}, most {max(y):.3g}, {y[-1]:.3g} at {x[-1]}"
            )
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(xlabel)
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    figure.alt = f"Line charts over {xlabel}. {'; '.join(told)}."
    return figure

"""The static figures of lesson 05: who asks for what, what a patch sees, the hinge, and runs that lack one term."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from simswap_lib import experiments, figures
from simswap_lib.figures import GREY, RESULT, SOURCE, TARGET
from simswap_lib.files import to_tensor
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.views.diagrams import Canvas

COLUMNS = 5  # of a strip, that a figure shows
# What the judge and the validation measured at the end of a run: words, whether more is better, and how large a
# difference between two runs must be to be called one. A run is one run: smaller ones may be chance.
MEASURES = {
    "to_source": ("cosine to the source", True, 0.05),
    "to_target": ("cosine to the target", False, 0.05),
    "retrieval": ("retrieval", True, 0.05),
    "redrawn_l1": ("error when redrawing a person", False, 0.008),
    "detail": ("fine detail, of the true answer's", True, 0.1),
}


def objective(source: np.ndarray, target: np.ndarray, result: np.ndarray) -> Figure:
    """Which term looks at which pictures, and through which network; pictures are uint8 (H, W, 3)."""
    canvas, y = Canvas(10.4, 4.3), 2.35
    canvas.picture(0.85, 3.55, 1.05, source, "source", SOURCE)
    canvas.picture(0.85, 1.2, 1.05, target, "target", TARGET)
    canvas.box(2.75, y, 1.35, 0.8, "generator", RESULT)
    canvas.picture(4.75, y, 1.2, result, "result", RESULT)
    canvas.arrow((1.4, 3.55), (2.75, 3.55), (2.75, y + 0.4), colour=SOURCE)
    canvas.words(2.1, 3.63, "$v_S$", colour=SOURCE, vertical="bottom", size=12)
    canvas.arrow((1.4, 1.35), (2.75, 1.35), (2.75, y - 0.4), colour=TARGET)
    canvas.arrow((3.43, y), (4.13, y))
    rows = (
        (3.65, "recogniser\n(frozen)", "identity\n$1-\\cos(v_R, v_S)$", SOURCE, "whose face is it?"),
        (y, "critic\n(learns, too)", "adversarial\nhinge on its verdict", RESULT, "could it be real?"),
        (0.85, "pixel by pixel", "reconstruction\n$|I_R - I_T|_1$", TARGET, "if source and target\nare one person"),
    )  # fmt: skip
    for height, network, term, colour, question in rows:
        if height == y:
            canvas.arrow((5.37, y), (6.05, y))
        else:
            canvas.arrow((5.7, y), (5.7, height), (6.05, height))
        canvas.box(6.88, height, 1.65, 0.66, network, size=10)
        canvas.arrow((7.71, height), (8.2, height))
        canvas.box(9.2, height, 1.95, 0.75, term, colour, strong=True, size=10)
        canvas.words(9.2, height - 0.44, question, size=9, vertical="top")
    canvas.arrow((1.4, 0.85), (6.05, 0.85), colour=TARGET)
    return canvas.finish(
        "Diagram of the objective. The generator makes the result from the source's identity vector and the target. "
        "Three terms look at it: identity, through the frozen recogniser, asks whose face it is; adversarial, through "
        "a critic that learns, too, asks whether it could be real; reconstruction compares it with the target pixel "
        "by pixel, only where source and target are one person."
    )


def curves(
    x: Sequence[float], lines: dict[str, tuple[Sequence[float], str]], xlabel: str, ylabel: str, alt: str,
    ends: bool = True,
) -> Figure:  # fmt: skip
    """Curves over numbers, each (values, colour) with a line style of its own; `alt` is completed with their ends."""
    figure, axis = plt.subplots(figsize=(5.8, 2.5), layout="constrained")
    for (label, (values, colour)), style in zip(lines.items(), ("-", "--", "-.", ":"), strict=False):
        axis.plot(x, values, style, color=colour, linewidth=2, label=label)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, fontsize=9)
    told = "; ".join(f"{label} {values[0]:.3g} to {values[-1]:.3g}" for label, (values, _) in lines.items())
    figure.alt = f"{alt} From left to right: {told}." if ends else alt
    return figure


def patches(critic: Discriminator, image: np.ndarray) -> Figure:
    """How much each pixel counts for the logit in the middle of each scale: the size of its gradient there.

    image: uint8 (H, W, 3), at least as large as the critic wants.
    """
    x = to_tensor(image, next(critic.parameters()).device).requires_grad_()
    logits = [scale[-1] for scale in critic(x)]
    figure, axes = plt.subplots(1, 1 + len(logits), figsize=(1.9 * (1 + len(logits)), 2.3), layout="constrained")
    axes[0].imshow(image, interpolation="nearest")
    axes[0].set_title("the picture", fontsize=10)
    told = []
    for i, (logit, axis) in enumerate(zip(logits, axes[1:], strict=True)):
        h, w = logit.shape[2:]
        (gradient,) = torch.autograd.grad(logit[0, 0, h // 2, w // 2], x, retain_graph=True)
        counts = gradient[0].abs().sum(0)
        top, left, height, width = _extent(counts > 0)
        axis.imshow(image, interpolation="nearest")
        axis.imshow((counts / counts.max()).sqrt().cpu().numpy(), cmap="cividis", alpha=0.85, interpolation="nearest")
        frame = Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor="white", linewidth=2.5)
        axis.add_patch(frame)
        axis.set_title(f"scale {i}: one of {h} x {w} logits\nsees {width} x {height} pixels", fontsize=9)
        told.append(f"the middle one of the {h} x {w} logits of scale {i} sees {width} x {height} pixels")
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    figure.alt = (
        f"A picture of {image.shape[1]} x {image.shape[0]} pixels, and how much each pixel counts for one logit: "
        f"{'; '.join(told)}. Pixels in the middle of what it sees count most."
    )
    return figure


def _extent(seen: torch.Tensor) -> tuple[int, int, int, int]:
    """(top, left, height, width) of the box around what is true in (H, W)."""
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    top, left = int(rows[0]), int(columns[0])
    return top, left, int(rows[-1]) - top + 1, int(columns[-1]) - left + 1


def measured(name: str) -> dict[str, float]:
    """The five figures of a run by which this lesson compares; see MEASURES."""
    values = experiments.figures(name)
    return {key: values[key] for key in MEASURES if key in values} | {"detail": detail(experiments.strip(name))}


def detail(strip: np.ndarray) -> float:
    """How much fine detail the results of a strip have, as a share of what their true answers have.

    Detail is the mean distance of a pixel from the mean of its 3 x 3 neighbourhood; strip is uint8 with four rows of
    square tiles, the third of results and the fourth of true answers.
    """
    side = len(strip) // 4
    result, truth = (_roughness(strip[row * side : (row + 1) * side], side) for row in (2, 3))
    return result / truth


def _roughness(row: np.ndarray, side: int) -> float:
    tiles = torch.from_numpy(row.astype(np.float32)).unfold(1, side, side).permute(1, 2, 0, 3)  # (N, C, H, W)
    smooth = torch.nn.functional.avg_pool2d(tiles, 3, stride=1)
    return float((tiles[..., 1:-1, 1:-1] - smooth).abs().mean())


def without(name: str, base: str = experiments.ALL_TERMS) -> Figure:
    """Held-out swaps of a run that lacks something, between those of the run with all terms and the true answers."""
    full, lacking = experiments.strip(base), experiments.strip(name)
    side = len(full) // 4
    rows = [
        full[:side],
        full[side : 2 * side],
        full[2 * side : 3 * side],
        lacking[2 * side : 3 * side],
        full[3 * side :],
    ]
    picture = np.concatenate([row[:, : COLUMNS * side] for row in rows])
    alt = f"{COLUMNS} held-out swaps. Rows: sources, targets, the run with all terms, the run {name}, true answers. "
    names = ["source", "target", "all terms", name.replace("-", " "), "true answer"]
    figure = figures.sheet(picture, names, [""] * COLUMNS, alt + compared(name, base, "; "), size=0.7)
    figure.soft = True
    return figure


def compared(name: str, base: str = experiments.ALL_TERMS, between: str = "\n") -> str:
    """Every measure in words: where the run `name` is worse, better or no different from the run `base`."""
    full, lacking = measured(base), measured(name)
    worse, better, alike = [], [], []
    for key, (words, more_is_better, margin) in MEASURES.items():
        difference = lacking[key] - full[key]
        digits = 3 if key == "redrawn_l1" else 2
        told = f"{words} {full[key]:.{digits}f} -> {lacking[key]:.{digits}f}"
        good = (difference > 0) == more_is_better
        (alike if abs(difference) <= margin else better if good else worse).append(told)
    told = ("worse than with all terms", worse), ("better", better), ("no different", alike)
    parts = [f"{head}: {', '.join(words)}" for head, words in told if words]
    return between.join(parts if worse else ["no failure appears in these runs", *parts])


def table(names: Sequence[str], base: str = experiments.ALL_TERMS) -> Figure:
    """All runs at a glance: a panel a measure, a dot a run, and the run with all terms as a line."""
    values = {name: measured(name) for name in (base, *names)}
    figure, axes = plt.subplots(
        1, len(MEASURES), figsize=(11, 0.36 * len(values) + 1.1), sharey=True, layout="constrained"
    )
    places = np.arange(len(values))[::-1]
    for axis, (key, (words, more_is_better, margin)) in zip(axes, MEASURES.items(), strict=True):
        level = values[base][key]
        axis.axvspan(level - margin, level + margin, color=GREY, alpha=0.18)
        for place, name in zip(places, values, strict=True):
            axis.plot([level, values[name][key]], [place, place], color=GREY, linewidth=1)
            worse = (values[name][key] < level - margin) if more_is_better else (values[name][key] > level + margin)
            axis.plot(values[name][key], place, "s" if worse else "o", color=TARGET if worse else SOURCE, markersize=7)
        axis.set_title(f"{words.replace(', ', ',' + chr(10)).replace(' when ', chr(10) + 'when ')}\n"
                       f"({'more' if more_is_better else 'less'} is better)", fontsize=8.5)  # fmt: skip
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
        axis.margins(x=0.15)
    axes[0].set_yticks(places, ["all terms", *(name.replace("-", " ") for name in names)], fontsize=9)
    told = [f"{name}: {compared(name, base, '; ')}" for name in names]
    figure.alt = "Five measures of each run beside the run with all terms. " + ". ".join(told) + "."
    return figure


Critic = Callable[[torch.Tensor], Sequence[Sequence[torch.Tensor]]]


def slopes(critic: Critic, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """(B,) lengths of the critic's gradient half-way between real and fake pictures (B, 3, H, W)."""
    x = (0.5 * real + 0.5 * fake).detach().requires_grad_()
    score = torch.stack([scale[-1].flatten(1).mean(1) for scale in critic(x)]).mean(0)  # (B,)
    (gradient,) = torch.autograd.grad(score.sum(), x)
    return gradient.flatten(1).norm(dim=1)

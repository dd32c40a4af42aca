"""The figures of identity vectors: people in the plane, vectors as strips, means as bars (paper 3.2)."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.figures import GREY, INK, RESULT, SOURCE, TARGET
from simswap_lib.models.arcface import all_cosines

# Okabe and Ito's colours, each with a letter and a marker of its own, so that no reading hangs on colour.
COLOURS, NAMES, MARKERS = (SOURCE, TARGET, RESULT, "#CC79A7", "#E69F00", "#56B4E9"), "ABCDEF", "os^DvP"


def spread(points: Tensor, people: Tensor) -> tuple[float, float]:
    """Degrees: mean angle of a vector to its person's mean direction, and the least angle between two such means."""
    unit = F.normalize(points, dim=1)
    means = F.normalize(torch.stack([unit[people == p].mean(0) for p in people.unique()]), dim=1)
    own = (unit * means[people]).sum(1).clamp(-1, 1).acos()
    between = all_cosines(means, means).fill_diagonal_(-1).clamp(-1, 1).acos()
    return float(own.mean().rad2deg()), float(between.min().rad2deg())


def plane(panels: dict[str, tuple[Tensor, Tensor, Tensor]], alt: str, circle: bool | Sequence[bool] = True) -> Figure:
    """Vectors in the plane, coloured by person: title -> (vectors (N, 2), people (N,), directions (P, 2)).

    With `circle` vectors are brought to length 1 and pushed a little outwards by chance, so that they do not hide each
    other; without, they stand where they are. Each person's direction is a line with the person's letter at its end.
    """
    rings = [circle] * len(panels) if isinstance(circle, bool) else circle
    figure, axes = plt.subplots(1, len(panels), figsize=(3.5 * len(panels), 3.8), squeeze=False, layout="constrained")
    rng = np.random.default_rng(0)
    for axis, ring, (title, (points, people, directions)) in zip(axes.flat, rings, panels.items(), strict=True):
        xy, people = points.cpu().numpy(), people.cpu().numpy()
        reach = 1.0 if ring else 1.05 * float(np.abs(xy).max())
        if ring:
            xy = xy / np.linalg.norm(xy, axis=1, keepdims=True) * rng.uniform(0.9, 1.06, (len(xy), 1))
            axis.add_patch(plt.Circle((0, 0), 1, fill=False, color=GREY, linewidth=0.8))
        ends = reach * F.normalize(directions, dim=1).cpu().numpy()
        for p, (x, y) in enumerate(ends):
            mine, ink = xy[people == p], COLOURS[p % len(COLOURS)]
            axis.plot([0, x], [0, y], color=ink, linewidth=1, alpha=0.7)
            axis.scatter(*mine.T, s=16, color=ink, marker=MARKERS[p % 6], alpha=0.65, linewidths=0)
            crowd = int((ends[:p] @ ends[p] > 0.98 * reach**2).sum())  # letters of neighbours would cover each other
            far = 1.14 + 0.11 * crowd
            axis.text(far * x, far * y, NAMES[p], ha="center", va="center", fontweight="bold", color=INK)
        axis.set(xlim=(-1.3 * reach, 1.3 * reach), ylim=(-1.3 * reach, 1.3 * reach), xticks=[], yticks=[])
        axis.set_title(title, fontsize=10)
        axis.set_aspect("equal")
        axis.spines[:].set_color("#DDDDDD")
    figure.alt = alt
    return figure


def strips(images: Sequence[np.ndarray], vectors: Tensor, names: Sequence[str], alt: str) -> Figure:
    """Each picture beside its vector as a strip of bars, blue below zero and orange above, and all cosines as a table.

    images: uint8 RGB (H, W, 3) each; vectors (B, D), length 1; names: one for each.
    """
    count = len(images)
    figure, axes = plt.subplots(
        count, 3, figsize=(9.6, 1.15 * count), width_ratios=(1, 5.4, 3), layout="constrained", squeeze=False
    )
    cosines = all_cosines(vectors, vectors).cpu().numpy()
    for i, (image, vector, name) in enumerate(zip(images, vectors.cpu().numpy(), names, strict=True)):
        picture, strip, row = axes[i]
        picture.imshow(image, interpolation="nearest")
        picture.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        picture.set(xticks=[], yticks=[])
        strip.bar(range(len(vector)), vector, width=1.0, color=np.where(vector < 0, SOURCE, TARGET))
        strip.set(xlim=(-1, len(vector)), ylim=(-0.3, 0.3), xticks=[], yticks=[])
        row.imshow(cosines[i : i + 1], cmap="cividis", vmin=-0.3, vmax=1, aspect="auto")
        row.set(xticks=[], yticks=[])
        for j, value in enumerate(cosines[i]):
            row.text(j, 0, f"{value:.2f}", ha="center", va="center", color="black" if value > 0.4 else "white")
        if i == 0:
            strip.set_title(f"the identity vector: {len(vector)} numbers", fontsize=10)
            row.set_title("cosine to each", fontsize=10)
        for axis in (picture, strip, row):
            axis.spines[:].set_visible(False)
    axes[-1][2].set_xticks(range(count), [name.replace(" ", "\n") for name in names], fontsize=8)
    axes[-1][2].tick_params(length=0)
    figure.alt = alt
    return figure


def bars(
    groups: dict[str, tuple[dict[str, np.ndarray], str]],
    xlabel: str,
    lines: dict[str, float] | None = None,
    low: float = 0.0,
) -> Figure:
    """Horizontal bars of means with the middle half of the cases as whiskers: group -> ({name: cases (N,)}, colour).

    lines: name -> value, drawn as dotted upright lines. The alt text names every mean.
    """
    rows = [
        (name, values, colour, group) for group, (found, colour) in groups.items() for name, values in found.items()
    ]
    figure, axis = plt.subplots(figsize=(7.4, 0.8 + 0.27 * len(rows)), layout="constrained")
    for y, (_, values, colour, _) in enumerate(rows):
        mean, (first, third) = np.mean(values), np.quantile(values, (0.25, 0.75))
        axis.barh(y, mean - low, left=low, color=colour, height=0.7)
        if len(values) > 1:
            axis.plot([first, third], [y, y], color=INK, linewidth=1.4)
        end = max(mean, third) if len(values) > 1 else mean
        axis.text(end, y, f" {mean:.2f}", ha="left", va="center", fontsize=8, color=INK)
    for group, (_, colour) in groups.items():
        axis.barh(0, 0, left=low, color=colour, label=group)
    for name, value in (lines or {}).items():
        axis.axvline(value, color=GREY, linestyle=":")
        axis.text(value, -0.9, name, ha="center", va="bottom", fontsize=8, color=INK)
    axis.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axis.set(xlabel=xlabel, ylim=(len(rows) - 0.4, -1.0 if lines else -0.6))
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(groups))
    told = [
        f"{group}: " + ", ".join(f"{n} {np.mean(v):.2f}" for n, v in found.items())
        for group, (found, _) in groups.items()
    ]
    told += [f"{name}: {value:.2f}" for name, value in (lines or {}).items()]
    figure.alt = f"Bar chart of {xlabel}. {'; '.join(told)}."
    return figure

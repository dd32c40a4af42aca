"""The static figures: grids of pictures, plots, and diagrams of the paper's modules, each with a text that says it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's palette, in which every pair of colours differs for every kind of colour vision. The source is always
# blue and the target always orange, in figures and in widgets.
SOURCE, TARGET, RESULT = "#0072B2", "#D55E00", "#009E73"
GREY, INK = "#767676", "#222222"
DPI = 100


def show(figure: Figure, alt: str | None = None, kind: str | None = None) -> None:
    """Display a figure with alt text, then close it; outside a notebook, print the alt text.

    kind: "png", or "jpeg" for figures of many photographs, which takes a fifth of the bytes and changes no pixel by
    much more than a camera's noise. None takes the attribute `figure.kind`, else "png".

    The alt text goes into the output's metadata, for tools and tests, and into a folded line below the figure, which
    is how it reaches a reader: nbconvert, for one, makes no alt attribute of that metadata.

    Raises: ValueError if there is neither `alt` nor the attribute `figure.alt`, or for another kind.
    """
    kind = kind or getattr(figure, "kind", "png")
    if kind not in ("png", "jpeg"):
        raise ValueError(f"A figure is shown as png or jpeg, not as {kind!r}.")
    alt = alt or getattr(figure, "alt", "")
    if not alt or len(alt) < 12:
        raise ValueError(f"A figure needs a sentence that says what it shows, got alt={alt!r}.")
    data = encoded(figure, kind)
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:  # the library does not depend on IPython
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(f"[figure] {alt}")
        return
    mime = f"image/{kind}"
    display({mime: data, "text/plain": f"[figure] {alt}"}, raw=True, metadata={mime: {"alt": alt}})
    words = f"<details><summary>This figure in words</summary><p>{html.escape(alt)}</p></details>"
    display({"text/html": words, "text/plain": ""}, raw=True)


def encoded(figure: Figure, kind: str = "png") -> str:
    """The figure as a picture in base64, as Jupyter and data addresses want it; closes the figure."""
    buffer = io.BytesIO()
    # A white ground, so that black letters can be read on a dark page, too.
    # Enlarged photographs have no fine colours to lose: `figure.soft` says so, and they take half the bytes.
    soft = {"quality": 80, "subsampling": 2} if getattr(figure, "soft", False) else {"quality": 84, "subsampling": 0}
    quality = {"pil_kwargs": soft} if kind == "jpeg" else {}
    figure.savefig(buffer, format=kind, dpi=DPI, facecolor="white", bbox_inches="tight", **quality)
    plt.close(figure)
    return base64.b64encode(buffer.getvalue()).decode()


def pictures(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    alt: str,
    columns: int = 4,
    captions: Sequence[str] | None = None,
    size: float = 1.9,
    colours: Sequence[str] | None = None,
    marks: Sequence[np.ndarray | None] | None = None,
) -> Figure:
    """Pictures in rows of `columns`, each with a title above and, if given, a caption below and marked points on it.

    Args:
        images: uint8 RGB (H, W, 3) each; drawn as large square pixels of `size` inches a side, not smoothed.
        titles, captions, colours: one for each picture; colours of the titles.
        marks: for each picture points (N, 2), x and y in pixels from its top left corner, or None.
        alt: what a person who does not see the figure needs to know.
    Raises: ValueError if the lists differ in length.
    """
    captions, colours = captions or [""] * len(images), colours or [INK] * len(images)
    marks = [None] * len(images) if marks is None else marks
    if not len(images) == len(titles) == len(captions) == len(colours) == len(marks):
        raise ValueError(
            f"{len(images)} pictures, {len(titles)} titles, {len(captions)} captions, {len(colours)} colours, "
            f"{len(marks)} sets of marks."
        )
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    lines = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
    height = size + 0.25 * (1 + max(title.count("\n") for title in titles)) + 0.18 * lines
    figure, axes = plt.subplots(
        rows, columns, figsize=(size * columns, height * rows), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    each = zip(axes.flat, images, titles, captions, colours, marks, strict=False)
    for axis, image, title, caption, colour, points in each:
        axis.imshow(image, interpolation="nearest")
        if points is not None:
            # A dark ring within a white one: seen on every skin and every wall.
            x, y = np.asarray(points, float).T - 0.5  # matplotlib counts from the middle of the first pixel
            axis.plot(x, y, "o", markersize=5, markerfacecolor=SOURCE, markeredgecolor="white", markeredgewidth=1.2)
        axis.set_title(title, fontsize=10, color=colour, fontweight="bold")
        axis.text(0.5, -0.03, caption, transform=axis.transAxes, ha="center", va="top", fontsize=9, color=INK)
    figure.alt = alt
    return figure


def numbers(matrices: Sequence[np.ndarray], titles: Sequence[str], alt: str, columns: int = 3) -> Figure:
    """Small matrices with each number written into its cell, dark for low and light for high, each on its own scale."""
    rows = -(-len(matrices) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(2.3 * columns, 2.0 * rows), squeeze=False, layout="constrained")
    for axis, matrix, title in zip(axes.flat, matrices, titles, strict=True):
        matrix = np.asarray(matrix)
        axis.imshow(matrix, cmap="cividis")
        axis.set_title(title, fontsize=10)
        axis.set(xticks=[], yticks=[])
        middle = (matrix.min() + matrix.max()) / 2
        for (i, j), value in np.ndenumerate(matrix):
            ink = "black" if value > middle else "white"
            axis.text(j, i, f"{value:g}", ha="center", va="center", fontsize=13, color=ink)
    figure.alt = alt
    return figure


def lines(
    names: Sequence[str],
    curves: dict[str, tuple[Sequence[float], str]],
    xlabel: str,
    ylabel: str,
    chance: float | None = None,
) -> Figure:
    """Curves over named places, each (values, colour) with a marker of its own, so that no reading hangs on colour.

    `chance`, if given, is drawn as a dotted line. The alt text names every value.
    """
    figure, axis = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
    for (label, (values, colour)), marker in zip(curves.items(), "osD^v", strict=False):
        axis.plot(range(len(values)), values, color=colour, marker=marker, linewidth=2, label=label)
    if chance is not None:
        axis.axhline(chance, color=GREY, linestyle=":", label="chance")
    axis.set_xticks(range(len(names)), names)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.3)
    axis.legend(frameon=False)
    told = [f"{label}: {', '.join(f'{value:.3g}' for value in values)}" for label, (values, _) in curves.items()]
    told += [] if chance is None else [f"chance: {chance:.3g}"]
    figure.alt = f"Line chart of {ylabel}, {xlabel} {', '.join(names)}. {'; '.join(told)}."
    return figure


def sheet(image: np.ndarray, rows: Sequence[str], columns: Sequence[str], alt: str, size: float = 1.2) -> Figure:
    """One picture made of equal tiles, with a name before each row and above each column; `size` inches a tile."""
    figure, axis = plt.subplots(
        figsize=(size * len(columns) + 0.1 + 0.085 * max(map(len, rows)), size * len(rows) + 0.3), layout="constrained"
    )
    axis.imshow(image, interpolation="nearest")
    height, width = image.shape[0] / len(rows), image.shape[1] / len(columns)
    axis.set_yticks((np.arange(len(rows)) + 0.5) * height - 0.5, rows)
    axis.set_xticks((np.arange(len(columns)) + 0.5) * width - 0.5, columns)
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=10)
    axis.spines[:].set_visible(False)
    figure.alt = alt
    return figure


def legend_above(axis: Axes, columns: int = 2, share: float = 0.4) -> None:
    """A legend at the top of the panel, where room is made for it (`share` of the height), so that it hides nothing."""
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + share * (high - low))
    axis.legend(frameon=False, fontsize=7.5, loc="upper left", ncols=columns, columnspacing=1.0, handlelength=1.6)


def point_sets(panels: dict[str, dict[str, tuple[np.ndarray, str]]], alt: str, size: float = 2.6) -> Figure:
    """Sets of points side by side, each panel {name of the set: (points (N, 2), colour)}; y runs down, as in pictures.

    A set is drawn as a closed outline whose first point is a large one, so that a turn shows, and a mirror image too.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(size * len(panels), size + 0.4), squeeze=False, sharex=True, sharey=True,
        layout="constrained",
    )  # fmt: skip
    for axis, (title, sets) in zip(axes.flat, panels.items(), strict=True):
        for (name, (points, colour)), line, marker in zip(sets.items(), ("-", "--", ":"), "os^", strict=False):
            x, y = np.concatenate([points, points[:1]]).T
            axis.plot(x, y, line, marker=marker, color=colour, markersize=5, linewidth=1.8, label=name)
            axis.plot(x[0], y[0], marker, color=colour, markersize=11)
        axis.set_title(title, fontsize=10)
        axis.set_aspect("equal")
        axis.grid(alpha=0.3)
        axis.tick_params(labelsize=8)
        axis.legend(frameon=False, fontsize=8, loc="best")
    axes.flat[0].invert_yaxis()
    figure.alt = alt
    return figure

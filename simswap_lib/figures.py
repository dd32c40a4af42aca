"""The static figures: grids of pictures, plots, and diagrams of the paper's modules, each with a text that says it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

# Okabe and Ito's palette, in which every pair of colours differs for every kind of colour vision. The source is always
# blue and the target always orange, in figures and in widgets.
SOURCE, TARGET, RESULT = "#0072B2", "#D55E00", "#009E73"
GREY, INK = "#767676", "#222222"
DPI = 100


def show(figure: Figure, alt: str | None = None) -> None:
    """Display a figure as PNG with alt text, then close it; outside a notebook, print the alt text.

    The alt text goes into the output's metadata, for tools and tests, and into a folded line below the figure, which
    is how it reaches a reader: nbconvert, for one, makes no alt attribute of that metadata.

    Raises: ValueError if there is neither `alt` nor the attribute `figure.alt`.
    """
    alt = alt or getattr(figure, "alt", "")
    if not alt or len(alt) < 12:
        raise ValueError(f"A figure needs a sentence that says what it shows, got alt={alt!r}.")
    buffer = io.BytesIO()
    # A white ground, so that black letters can be read on a dark page, too.
    figure.savefig(buffer, format="png", dpi=DPI, facecolor="white", bbox_inches="tight")
    plt.close(figure)
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:  # the library does not depend on IPython
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(f"[figure] {alt}")
        return
    png = base64.b64encode(buffer.getvalue()).decode()
    display({"image/png": png, "text/plain": f"[figure] {alt}"}, raw=True, metadata={"image/png": {"alt": alt}})
    words = f"<details><summary>This figure in words</summary><p>{html.escape(alt)}</p></details>"
    display({"text/html": words, "text/plain": ""}, raw=True)


def pictures(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    alt: str,
    columns: int = 4,
    captions: Sequence[str] | None = None,
    size: float = 1.9,
    colours: Sequence[str] | None = None,
) -> Figure:
    """Pictures in rows of `columns`, each with a title above and, if given, a caption below.

    Args:
        images: uint8 RGB (H, W, 3) each; drawn as large square pixels of `size` inches a side, not smoothed.
        titles, captions, colours: one for each picture; colours of the titles.
        alt: what a person who does not see the figure needs to know.
    Raises: ValueError if the lists differ in length.
    """
    captions, colours = captions or [""] * len(images), colours or [INK] * len(images)
    if not len(images) == len(titles) == len(captions) == len(colours):
        raise ValueError(
            f"{len(images)} pictures, {len(titles)} titles, {len(captions)} captions, {len(colours)} colours."
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
    for axis, image, title, caption, colour in zip(axes.flat, images, titles, captions, colours, strict=False):
        axis.imshow(image, interpolation="nearest")
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

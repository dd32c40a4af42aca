"""Views of an evaluation: how a retrieval is measured, whom a swap is taken for, and how one recogniser is pleased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from simswap_lib.evaluation_rows import Cases
from simswap_lib.figures import GREY, INK, RESULT, SOURCE, TARGET
from simswap_lib.measures import others_as_near
from simswap_lib.published import Published
from simswap_lib.views.diagrams import Canvas
from simswap_lib.widgets import Explorer, _column, _figures, _slider

NEAREST = 5  # people of the gallery that the explorer shows
PLUM = "#AA3377"  # the true answer, told from blue, orange and green by every kind of colour vision
COLOURS = {"swap": RESULT, "copy of the target": TARGET, "pasted source": SOURCE, "true answer": PLUM}
PALETTE = (SOURCE, TARGET, RESULT, PLUM, GREY)


# --- static figures ---------------------------------------------------------------------------------------------------


def measurement(pictures: Cases, result: np.ndarray, cosines: np.ndarray, case: int = 0, shown: int = 4) -> Figure:
    """How ID retrieval is measured, on one swap: result -> judge -> the nearest of a gallery, which has other pictures.

    result: uint8 RGB (H, W, 3) of this case; cosines: (people,), of the result to each gallery picture.
    """
    own = int(pictures.labels[case])
    others = [int(i) for i in np.argsort(-cosines) if i != own][: shown - 1]
    people = sorted([own, *others])
    canvas, y = Canvas(11.0, 3.4), 1.95
    canvas.picture(0.75, y + 0.75, 0.95, pictures.source[case], "source", SOURCE)
    canvas.picture(0.75, y - 0.85, 0.95, pictures.target[case], "target", TARGET)
    canvas.box(2.25, y, 1.0, 0.8, "swapper")
    canvas.arrow((1.25, y + 0.75), (2.25, y + 0.75), (2.25, y + 0.4), colour=SOURCE)
    canvas.arrow((1.25, y - 0.85), (2.25, y - 0.85), (2.25, y - 0.4), colour=TARGET)
    canvas.picture(3.75, y, 1.15, result, "result", RESULT)
    canvas.arrow((2.75, y), (3.17, y))
    canvas.box(5.25, y, 1.1, 0.8, "judge\n(took no part\nin training)", strong=True, size=8.5)
    canvas.arrow((4.33, y), (4.7, y))
    left, gap = 6.75, 0.98
    canvas.words(left + 1.5 * gap, y + 0.68, f"gallery: {len(cosines)} people, one other picture each", size=9)
    for i, person in enumerate(people):
        x, mark = left + i * gap, SOURCE if person == own else GREY
        words = f"{cosines[person]:.2f}" + ("\nsource's person" if person == own else "")
        canvas.picture(x, y, 0.82, pictures.gallery[person], words, mark)
    canvas.words(left + 3.62 * gap, y, "…", size=15)
    canvas.arrow((5.8, y), (left - 0.46, y))
    found = int(cosines.argmax()) == own
    canvas.words(
        left + 1.5 * gap, y - 1.25, f"cosines to the result; the highest {'is' if found else 'is not'}\n"
        f"the source's person: {'a hit' if found else 'a miss'}", size=9,
    )  # fmt: skip
    told = ", ".join(f"{cosines[p]:.2f}{' (the source’s person)' if p == own else ''}" for p in people)
    return canvas.finish(
        "Source and target go into the swapper, its result into the judge. The judge compares it with a gallery of "
        f"other pictures, one a person. Four of its cosines: {told}. It is a {'hit' if found else 'miss'}."
    )


def circle(gallery: dict[str, float], queries: dict[str, float]) -> Figure:
    """Identity vectors of two numbers: people of the gallery and queries at these angles, in degrees, on a circle."""
    figure, axis = plt.subplots(figsize=(3.6, 3.6), layout="constrained")
    turn = np.radians(np.linspace(0, 360, 200))
    axis.plot(np.cos(turn), np.sin(turn), color=GREY, linewidth=1)
    for points, colour, marker in ((gallery, SOURCE, "o"), (queries, RESULT, "s")):
        for name, angle in points.items():
            x, y = np.cos(np.radians(angle)), np.sin(np.radians(angle))
            axis.plot([0, x], [0, y], color=colour, linewidth=1.2, linestyle="-" if marker == "o" else "--")
            axis.plot(x, y, marker, color=colour, markersize=9)
            axis.text(1.22 * x, 1.22 * y, name, color=colour, ha="center", va="center", fontweight="bold")
    axis.set(xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal")
    axis.set_axis_off()
    told = "; ".join(f"{name} at {angle:g} degrees" for name, angle in {**gallery, **queries}.items())
    figure.alt = f"Vectors of length 1 on a circle. {told}."
    return figure


def intervals(rows: dict[str, tuple[float, tuple[float, float]]], label: str, groups: Sequence[str] = ()) -> Figure:
    """Shares with their intervals as bars, in per cent; `groups` may name the kind of each row, for its colour."""
    figure, axis = plt.subplots(figsize=(7.2, 0.8 + 0.33 * len(rows)), layout="constrained")
    kinds = list(dict.fromkeys(groups))
    for i, (name, (value, (low, high))) in enumerate(rows.items()):
        colour = PALETTE[kinds.index(groups[i]) % len(PALETTE)] if groups else COLOURS.get(name, INK)
        axis.plot([100 * low, 100 * high], [i, i], color=colour, linewidth=3, solid_capstyle="butt", alpha=0.55)
        axis.plot(100 * value, i, "o", color=colour, markersize=7)
        axis.text(100 * value, i - 0.34, f"{100 * value:.1f}", color=colour, ha="center", va="center", fontsize=8.5)
    axis.set_yticks(range(len(rows)), rows)
    axis.set(ylim=(len(rows) - 0.5, -0.7), xlabel=label)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", alpha=0.3)
    told = "; ".join(f"{n}: {100 * v:.1f} ({100 * a:.1f} to {100 * b:.1f})" for n, (v, (a, b)) in rows.items())
    figure.alt = f"{label}, each with its interval. {told}."
    return figure


def published(rows: Sequence[Published], highlight: str = "SimSwap") -> Figure:
    """ID retrieval against pose error; whoever has nobody both to the right and below is joined by a line."""
    figure, axis = plt.subplots(figsize=(7.2, 4.0), layout="constrained")
    front = [a for a in rows if not any(b.retrieval > a.retrieval and b.pose < a.pose for b in rows)]
    front.sort(key=lambda row: row.retrieval)
    axis.plot([r.retrieval for r in front], [r.pose for r in front], color=GREY, linestyle="--", linewidth=1.2)
    for row in rows:
        first = row.method == highlight
        colour = RESULT if first else SOURCE
        axis.plot(row.retrieval, row.pose, "D" if first else "o", color=colour, markersize=9 if first else 6)
        left = row.method in ("RAFSwap", "FSGAN")  # on the other side their names would meet others
        lower = row.method == "FaceDancer"
        axis.annotate(
            row.method, (row.retrieval, row.pose), textcoords="offset points",
            xytext=(-7 if left else 7, -6 if lower else 2), ha="right" if left else "left", va="center",
            fontsize=8.5, color=colour,
            fontweight="bold" if first else "normal",
        )  # fmt: skip
    axis.set(xlabel="ID retrieval, % (more is better)", ylabel="pose error, degrees (less is better)", xlim=(10, 112))
    axis.invert_yaxis()
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    told = "; ".join(f"{row.method} {row.retrieval:.2f} and {row.pose:.2f}" for row in rows)
    figure.alt = f"Published ID retrieval in per cent and pose error in degrees. {told}."
    return figure


# --- widgets ----------------------------------------------------------------------------------------------------------


def gallery_explorer(pictures: Cases, rows: dict[str, np.ndarray], cosines: dict[str, np.ndarray]) -> Explorer:
    """Choose a swap, a row of the table and the size of the gallery; see the nearest people, and whether it is a hit.

    The others join the gallery in an order that is fixed for each swap.

    rows: name -> uint8 RGB (S, H, W, 3); cosines: name -> (S, people), of each picture to the gallery.
    """
    swaps, people = next(iter(cosines.values())).shape
    labels = pictures.labels.numpy()
    controls = {
        "swap": _slider(ipywidgets.IntSlider, "swap number", value=0, min=0, max=swaps - 1),
        "row": ipywidgets.Dropdown(
            description="picture", options=[(name, name) for name in rows], value=next(iter(rows)),
            style={"description_width": "110px"}, layout=ipywidgets.Layout(width="380px", max_width="98%"),
        ),
        "size": _slider(ipywidgets.IntSlider, "gallery size", value=people, min=2, max=people),
    }  # fmt: skip

    def draw(swap: int, row: str, size: int) -> str:
        there = gallery_of(swap, int(labels[swap]), people, size)
        order = there[np.argsort(-cosines[row][swap][there], kind="stable")]
        place = int(others_as_near(cosines[row][swap : swap + 1][:, there], np.array([0]))[0])
        verdict = "a hit" if place == 0 else f"a miss: {place} of {size - 1} others as near"
        shown = [
            ("Source", f"person {labels[swap]}", pictures.source[swap], None),
            ("Queried", f"{row}, swap {swap}: {verdict}", rows[row][swap], None),
        ]
        for rank, person in enumerate(order[:NEAREST], start=1):
            right = person == labels[swap]
            name = f"Nearest {rank}" + (" · right" if right else "")
            shown.append(
                (
                    name,
                    f"person {person}, cosine {cosines[row][swap, person]:.2f}",
                    pictures.gallery[person],
                    None,
                )
            )
        return _figures(shown)

    return Explorer(
        "Gallery explorer",
        controls,
        [_column("Whom does the judge take it for?", list(controls.values()))],
        draw,
        {"Another swap": lambda dice: {"swap": dice.randint(0, swaps - 1)}},
    )


def gallery_of(swap: int, own: int, people: int, size: int) -> np.ndarray:
    """Numbers of the people in a gallery of `size`: the right one first, then others in this swap's own order."""
    others = np.random.default_rng(swap).permutation([i for i in range(people) if i != own])
    return np.concatenate([[own], others[: size - 1]])


@dataclass(frozen=True, eq=False)
class Nudged:
    """Pictures nudged within one budget, and what both recognisers say of them."""

    budget: float  # grey levels of 255
    images: np.ndarray  # uint8 RGB (B, H, W, 3)
    cosines: dict[str, np.ndarray]  # name of the recogniser -> (B,), to the source
    nearer: dict[str, np.ndarray]  # -> (B,), how many others of the gallery are as near


def flattery_explorer(source: np.ndarray, target: np.ndarray, results: Sequence[Nudged]) -> Explorer:
    """Choose a budget and a pair; see the nudged picture, what was changed, and what each recogniser takes it for.

    source, target: uint8 RGB (B, H, W, 3); results: one for each budget, the first usually 0.
    """
    controls = {
        "pair": _slider(ipywidgets.IntSlider, "pair", value=0, min=0, max=len(source) - 1),
        "step": ipywidgets.SelectionSlider(
            description="budget", options=[(f"{r.budget:g} of 255", i) for i, r in enumerate(results)],
            value=len(results) - 1, continuous_update=False, style={"description_width": "110px"},
            layout=ipywidgets.Layout(width="380px", max_width="98%"),
        ),
    }  # fmt: skip

    def draw(pair: int, step: int) -> str:
        chosen = results[step]
        change = chosen.images[pair].astype(int) - target[pair]
        visible = np.clip(128 + 8 * change, 0, 255).astype(np.uint8)
        words = "; ".join(
            f"{name}: {chosen.cosines[name][pair]:.2f}, {'found' if chosen.nearer[name][pair] == 0 else 'not found'}"
            for name in chosen.cosines
        )
        return _figures(
            [
                ("Source", "whom it shall be taken for", source[pair], None),
                ("Target", "the picture as it was", target[pair], None),
                (f"Nudged by up to {chosen.budget:g}", words, chosen.images[pair], None),
                ("The change, times 8", f"at most {np.abs(change).max()} grey levels", visible, None),
            ]
        )

    return Explorer(
        "Flattery explorer",
        controls,
        [_column("How far may a pixel move?", list(controls.values()))],
        draw,
        {"Another pair": lambda dice: {"pair": dice.randint(0, len(source) - 1)}},
    )

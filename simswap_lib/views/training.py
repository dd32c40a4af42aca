"""What lesson 07 shows: one step as a diagram, the curves of a log, and a ward of runs to be diagnosed."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from simswap_lib import failures
from simswap_lib.figures import GREY, INK, RESULT, SOURCE, TARGET, encoded, legend_above
from simswap_lib.views.diagrams import Canvas
from simswap_lib.widgets import Explorer

Log = Sequence[Mapping[str, float]]
# The patients of the ward, in an order that gives nothing away.
WARD = dict(zip("ABCD", ("the discriminator wins", "copies the target", "not a number", "collapses"), strict=True))
PURPLE = "#CC79A7"
# Panels of a log: title, then (field, words, colour, line) of each curve.
PANELS = {
    "whose face?": (
        ("cos_source", "cosine to source", SOURCE, "-"),
        ("cos_target", "cosine to target", TARGET, "--"),
    ),
    "two players": (
        ("critic", "critic's loss", PURPLE, "-"),
        ("adversarial", "adversarial", RESULT, "--"),
    ),
    "attributes": (
        ("reconstruction", "reconstruction", INK, "-"),
        ("wfm", "feature matching", GREY, "--"),
    ),
}


def step_diagram() -> Figure:
    """Both halves of a step: what is computed once, where gradients go, and where they are cut off."""
    canvas = Canvas(10.4, 4.5)
    canvas.words(0.55, 3.3, "target", colour=TARGET, weight="bold")
    canvas.words(0.8, 2.2, "$v_S$", size=14, colour=SOURCE)
    canvas.box(2.3, 2.75, 1.45, 0.9, "generator", RESULT, strong=True)
    canvas.arrow((1.0, 3.3), (1.3, 3.3), (1.3, 2.9), (1.575, 2.9), colour=TARGET)
    canvas.arrow((1.0, 2.2), (1.3, 2.2), (1.3, 2.6), (1.575, 2.6), colour=SOURCE)
    canvas.arrow((3.025, 2.75), (4.0, 2.75), colour=RESULT, width=2.2)
    canvas.words(4.4, 2.75, "result", colour=RESULT, weight="bold")
    canvas.box(6.3, 3.7, 1.5, 0.62, "recogniser, frozen", GREY, size=8.5)
    canvas.box(6.3, 2.75, 1.5, 0.62, "critic, frozen", GREY, size=9.5)
    canvas.box(6.3, 1.0, 1.5, 0.8, "critic", TARGET, strong=True)
    canvas.arrow((4.8, 2.9), (5.1, 2.9), (5.1, 3.7), (5.55, 3.7), colour=RESULT)
    canvas.arrow((4.8, 2.75), (5.55, 2.75), colour=RESULT)
    canvas.arrow((4.4, 2.58), (4.4, 1.15), (5.55, 1.15), colour=RESULT)
    canvas.box(4.4, 1.75, 0.95, 0.4, "detach()", GREY, size=9)
    canvas.arrow((0.3, 3.12), (0.3, 0.85), (5.55, 0.85), colour=TARGET)
    for y, words, colour in (
        (3.7, "$L_{Id}$: the source's face?", INK),
        (2.75, "$L_{Adv}$, $L_{wFM}$; and $L_{Recon}$", INK),
        (1.0, "$L_{Adv}$ (hinge), $L_{GP}$", INK),
    ):
        canvas.arrow((7.05, y), (7.45, y))
        canvas.words(7.55, y, words, size=10, colour=colour, align="left")
    canvas.words(2.3, 4.25, "1  the generator moves", size=12, colour=RESULT, weight="bold")
    canvas.words(2.3, 0.35, "2  the critic moves", size=12, colour=TARGET, weight="bold")
    canvas.words(8.9, 3.22, "gradients run back to the generator", size=8.5, colour=RESULT)
    canvas.words(8.75, 0.5, "gradients end at the critic", size=8.5, colour=TARGET)
    return canvas.finish(
        "Diagram of one step. First half: target and v_S go through the generator, and the result is looked at by the "
        "frozen recogniser (L_Id) and the frozen critic (L_Adv and L_wFM), and compared with the target (L_Recon); "
        "gradients run back to the generator, which moves. Second half: the same result, cut off by detach(), and the "
        "target go to the critic, which is no longer frozen (hinge loss and penalty); gradients end at the critic, "
        "which moves."
    )


def two_ways(logs: Mapping[str, Log], goal: float) -> Figure:
    """The sum of both losses, and the shift that should come to `goal`, for each way of playing."""
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.0), layout="constrained")
    for (name, log), colour, line in zip(logs.items(), (TARGET, SOURCE), ("--", "-"), strict=True):
        for axis, field in zip(axes, ("sum", "shift"), strict=True):
            axis.plot(*_points(log, field, "step"), line, color=colour, label=name, linewidth=1.6)
    axes[1].axhline(goal, color=GREY, linestyle=":", label="where it should be")
    for axis, title in zip(axes, ("the sum of both losses", "the shift"), strict=True):
        axis.set(title=title, xlabel="step")
        axis.spines[["top", "right"]].set_visible(False)
        legend_above(axis, columns=1)
    last = {name: log[-1] for name, log in logs.items()}
    ends = "; ".join(
        f"{name}: the sum ends at {end['sum']:.1f}, the shift at {end['shift']:.1f}" for name, end in last.items()
    )
    figure.alt = f"Two line charts over the steps. {ends}. The shift should come to {goal:g}."
    return figure


def curves(log: Log, behind: Log | None = None, x: str = "pictures") -> Figure:
    """The three panels of one log; `behind`, if given, is drawn faintly for comparison."""
    figure, axes = plt.subplots(1, 3, figsize=(10.4, 3.0), layout="constrained")
    for axis, title in zip(axes, PANELS, strict=True):
        _panel(axis, title, log, behind, x)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("pictures seen" if x == "pictures" else x)
        legend_above(axis, share=0.2)
    figure.alt = f"Three line charts. {told(log)}"
    return figure


def ward(logs: Mapping[str, Log], behind: Log | None = None) -> Figure:
    """Several logs side by side, a column each, with common scales in a row; `behind` is drawn faintly in each."""
    figure, axes = plt.subplots(
        len(PANELS), len(logs), figsize=(2.4 * len(logs), 5.2), squeeze=False, sharex=True, sharey="row",
        layout="constrained",
    )  # fmt: skip
    for column, (name, log) in enumerate(logs.items()):
        for row, title in enumerate(PANELS):
            axis = axes[row, column]
            _panel(axis, title, log, behind, "step")
            if column == 0:
                axis.set_ylabel(title)
            if column == len(logs) - 1:
                axis.legend(frameon=False, fontsize=7.5, loc="upper right")
        axes[0, column].set_title(f"patient {name}", fontsize=11, fontweight="bold")
        axes[-1, column].set_xlabel("step")
    axes[0, 0].set_ylim(-0.35, 1.05)
    figure.alt = "Curves of several runs. " + " ".join(f"Patient {name}: {told(log)}" for name, log in logs.items())
    return figure


def told(log: Log) -> str:
    """Where each curve begins and ends, in words."""
    parts = []
    for panel in PANELS.values():
        for field, words, *_ in panel:
            values = [record[field] for record in log if field in record]
            if values:
                parts.append(f"{words} from {_said(values[0])} to {_said(values[-1])}")
    return ", ".join(parts) + f" in {log[-1]['step']} steps."


def _panel(axis, title: str, log: Log, behind: Log | None, x: str) -> None:
    for field, words, colour, line in PANELS[title]:
        if behind is not None:
            points = _points(behind, field, x)
            axis.plot(*points, line, color=colour, alpha=0.22, linewidth=3)
        places, values = _points(log, field, x)
        axis.plot(places, values, line, color=colour, linewidth=1.8, label=words, marker="." if len(values) < 8 else "")
        if len(values) and not math.isfinite(values[-1]):
            axis.axvline(places[-1], color=colour, linewidth=1, linestyle=":")
            axis.text(places[-1], 0.03, " nan", color=INK, fontsize=9, transform=axis.get_xaxis_transform())
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", alpha=0.3)


def _points(log: Log, field: str, x: str) -> tuple[list[float], list[float]]:
    chosen = [(record[x], record[field]) for record in log if field in record]
    return [place for place, _ in chosen], [value for _, value in chosen]


def _said(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "nan"


# ----------------------------------------------------------------------------------------------------------------------


def failure_clinic() -> Explorer:
    """Choose a patient, look at the curves, name the failure; the cause is told once the name is right.

    Raises: FileNotFoundError if the logs are missing.
    """
    healthy = failures.records("healthy")
    pictures = {}  # drawn once each

    def picture(patient: str) -> str:
        if patient not in pictures:
            figure = curves(failures.records(WARD[patient]), healthy, "step")
            pictures[patient] = (f"data:image/png;base64,{encoded(figure)}", figure.alt)
        source, alt = pictures[patient]
        return f'<img alt="Patient {patient}. {html.escape(alt)}" src="{source}" style="max-width:100%">'

    def draw(patient: str, answer: str) -> str:
        right = WARD[patient]
        if answer == "?":
            words = "Faint lines: the healthy run. What do you see? Choose a diagnosis."
        elif answer == right:
            words = f"<b>Yes: {html.escape(right)}.</b> The cause: {html.escape(failures.FAILURES[right].cause)}."
        else:
            words = f"<b>Not “{html.escape(answer)}”.</b> {html.escape(AGAINST[answer])}"
        return f'{picture(patient)}<p role="status">{words}</p>'

    controls = {
        "patient": ipywidgets.Dropdown(description="patient", options=[(name, name) for name in WARD]),
        "answer": ipywidgets.Dropdown(
            description="diagnosis", options=[("?", "?"), *[(name, name) for name in AGAINST]]
        ),
    }
    row = ipywidgets.HBox(list(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
    return Explorer("Failure clinic", controls, [row], draw, {})


# What speaks against each diagnosis, for whoever has chosen it wrongly.
AGAINST = {
    "copies the target": "Then the two cosines would cross: the dashed one above the solid one.",
    "collapses": "Then the reconstruction loss would rise far above its beginning.",
    "the discriminator wins": "Then the critic's loss would go to 0, and the adversarial term would climb.",
    "not a number": "Then the curves would end in the middle, at a point marked nan.",
}

"""The interactive views: a swap beside its true answer, and identity injection block by block (paper 3.2)."""

import base64
import html
import io
import random

import ipywidgets
import numpy as np
from PIL import Image

from simswap_lib.figures import SOURCE, TARGET
from simswap_lib.studio import Cosine, Pair, Person, Studio, cosine
from simswap_lib.world import HELD_OUT

PEOPLE, PHOTOS = 100, 120  # held-out people and photographs that the sliders reach
AT_REST = {"source": 35, "second": 24, "source_shot": 53, "target": 49, "target_shot": 111}  # after HELD_OUT
# The pair of lesson 04's figures, on which a beard comes and goes.
INJECTION_AT_REST = {"source": 38, "source_shot": 38, "target": 8, "target_shot": 8}
SIDE = 160  # CSS pixels of a picture on the page


def swap_explorer(cosine: Cosine = cosine) -> "Explorer":
    """Choose whose face goes into which photograph, and see source, target, swap and the true answer side by side.

    Everybody on the sliders is held out: no network was trained on these people or photographs. The cosines are the
    judge's, a recogniser that took no part in training the swapper.

    Args:
        cosine: two (B, D) -> (B,), in [-1, 1]; a learner's own function may stand here.

    Raises: FileNotFoundError if the shipped weights are missing.
    """
    studio = Studio(cosine=cosine)
    controls = {
        "source": _seed_slider("source person", AT_REST["source"], PEOPLE),
        "second": _seed_slider("second person", AT_REST["second"], PEOPLE),
        "blend": _slider(ipywidgets.FloatSlider, "blend of the two", value=0.0, min=0.0, max=1.0, step=0.1),
        "source_shot": _seed_slider("source photo", AT_REST["source_shot"], PHOTOS),
        "target": _seed_slider("target person", AT_REST["target"], PEOPLE),
        "target_shot": _seed_slider("target photo", AT_REST["target_shot"], PHOTOS),
    }

    def draw(source, second, blend, source_shot, target, target_shot) -> str:
        person = Person(source, second, blend) if blend else Person(source)
        pair = Pair(person, source_shot, Person(target), target_shot)
        swap, truth = studio.swap(pair), studio.truth(pair)
        who = f"person {source}" if blend == 0 else f"{source}, {blend:.0%} towards {second}"
        return _figures(
            [
                ("Source", f"{who}, photo {source_shot}", studio.source(pair), None),
                ("Target", f"person {target}, photo {target_shot}", studio.target(pair), None),
                ("Swap", "drawn by the network, from these two", swap, studio.judge(pair, swap)),
                ("True answer", "rendered; no network ever saw it", truth, studio.judge(pair, truth)),
            ]
        )

    surprise = {name: control for name, control in controls.items() if name != "blend"}
    return Explorer(
        "Swap explorer",
        controls,
        [
            _column("Source: whose face is it?", [controls[n] for n in ("source", "source_shot", "second", "blend")]),
            _column("Target: which photograph?", [controls[n] for n in ("target", "target_shot")]),
        ],
        draw,
        {"Surprise me": lambda dice: {name: dice.randint(c.min, c.max) for name, c in surprise.items()}},
    )


def injection_explorer(cosine: Cosine = cosine) -> "Explorer":
    """Switch the identity injection of each ID-block on and off, on the shipped weights, and see the face change.

    A block that is off gets the *target's* own identity vector instead of the source's, so that with all blocks off the
    network redraws the target. Or it gets no modulation at all: sigma_s = 1 and mu_s = 0, plain normalisation, a state
    that training never saw.

    Args and Raises: as `swap_explorer`.
    """
    studio = Studio(cosine=cosine)
    count = len(studio.generator.injection.blocks)
    blocks = {
        f"block{i}": ipywidgets.Checkbox(
            value=True, description=f"block {i + 1}", indent=False, layout=ipywidgets.Layout(width="86px")
        )
        for i in range(count)
    }
    pair_controls = {
        "source": _seed_slider("source person", INJECTION_AT_REST["source"], PEOPLE),
        "source_shot": _seed_slider("source photo", INJECTION_AT_REST["source_shot"], PHOTOS),
        "target": _seed_slider("target person", INJECTION_AT_REST["target"], PEOPLE),
        "target_shot": _seed_slider("target photo", INJECTION_AT_REST["target_shot"], PHOTOS),
    }
    off = ipywidgets.Dropdown(
        description="a block that is off gets",
        options=[("the target's identity vector", "target"), ("no modulation: sigma_s = 1, mu_s = 0", "nothing")],
        value="target",
        style={"description_width": "initial"},
        layout=ipywidgets.Layout(width="430px", max_width="98%"),
    )

    def draw(source, source_shot, target, target_shot, off, **states) -> str:
        pair = Pair(Person(source), source_shot, Person(target), target_shot)
        silent = tuple(i for i in range(count) if not states[f"block{i}"])
        full, mixed = studio.swap(pair), studio.swap(pair, silent, off)
        on = "all blocks" if not silent else "no block" if len(silent) == count else f"{count - len(silent)} blocks"
        return _figures(
            [
                ("Source", f"person {source}, photo {source_shot}", studio.source(pair), None),
                ("Target", f"person {target}, photo {target_shot}", studio.target(pair), None),
                ("Full swap", f"the source's identity in all {count} blocks", full, studio.judge(pair, full)),
                ("Your choice", f"the source's identity in {on}", mixed, studio.judge(pair, mixed)),
            ]
        )

    row = ipywidgets.HBox(list(blocks.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
    return Explorer(
        "Injection explorer",
        {**blocks, "off": off, **pair_controls},
        [
            _column("Which blocks get the source's identity?", [row, off], width="100%"),
            _column("Source", [pair_controls[n] for n in ("source", "source_shot")]),
            _column("Target", [pair_controls[n] for n in ("target", "target_shot")]),
        ],
        draw,
        {
            "All blocks on": lambda dice: dict.fromkeys(blocks, True),
            "All blocks off": lambda dice: dict.fromkeys(blocks, False),
            "Another pair": lambda dice: {name: dice.randint(c.min, c.max) for name, c in pair_controls.items()},
        },
    )


class Explorer(ipywidgets.VBox):
    """Controls above, pictures below. One redraw a change; what goes wrong is said in words, and kept in `.error`.

    `.controls` are the controls by name, `.buttons` the buttons by their words, `.view` the pictures, and
    `.set(name=value, ...)` moves several controls with a single redraw.
    """

    def __init__(self, title, controls, columns, draw, actions):
        self.title, self.controls, self.draw, self.error = title, controls, draw, None
        self.view = ipywidgets.HTML()
        self._dice, self._paused = random.Random(0), False
        start = {name: control.value for name, control in controls.items()}
        self.buttons = {}
        for words, action in {**actions, "Start again": lambda dice: start}.items():
            self.buttons[words] = ipywidgets.Button(description=words, layout=ipywidgets.Layout(width="auto"))
            self.buttons[words].on_click(lambda _, action=action: self.set(**action(self._dice)))
        for control in controls.values():
            control.observe(lambda change: self._redraw(), names="value")
        # The first picture is drawn unguarded: a broken installation must be loud, also in an automatic run.
        self.view.value = draw(**start)
        row = ipywidgets.HBox(list(self.buttons.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
        top = ipywidgets.HBox(columns, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([top, row, self.view])

    def __repr__(self) -> str:
        # What a reader sees where no kernel runs; Jupyter cuts it at 110 characters.
        return f"{self.title}: it comes alive when you run this cell. The figure below shows it at rest."

    def set(self, **values) -> None:
        """Move several controls, then draw once."""
        self._paused = True
        try:
            for name, value in values.items():
                self.controls[name].value = value
        finally:
            self._paused = False
        self._redraw()

    def _redraw(self) -> None:
        if self._paused:
            return
        try:
            self.view.value = self.draw(**{name: control.value for name, control in self.controls.items()})
            self.error = None
        except Exception as error:  # whatever it is, it would vanish in the browser's log
            self.error = error
            self.view.value = (
                f'<p role="alert"><b>This choice could not be drawn.</b> {html.escape(str(error) or repr(error))} '
                "Press “Start again”, or run the cell once more.</p>"
            )


def _seed_slider(words: str, start: int, count: int) -> ipywidgets.IntSlider:
    return _slider(ipywidgets.IntSlider, words, value=HELD_OUT + start, min=HELD_OUT, max=HELD_OUT + count - 1)


def _slider(kind: type, words: str, **numbers):
    return kind(
        description=words,
        continuous_update=False,  # one drawing when the handle is let go
        style={"description_width": "110px"},
        layout=ipywidgets.Layout(width="380px", max_width="98%"),
        **numbers,
    )


def _column(heading: str, children: list, width: str = "410px") -> ipywidgets.VBox:
    title = ipywidgets.HTML(f"<b>{html.escape(heading)}</b>")
    return ipywidgets.VBox([title, *children], layout=ipywidgets.Layout(width=width, max_width="100%"))


def _figures(pictures: list[tuple[str, str, np.ndarray, tuple[float, float] | None]]) -> str:
    """A row of pictures with words and, where there are any, two bars: like the source, like the target."""
    cells = []
    for title, words, image, cosines in pictures:
        bars = "" if cosines is None else _bar("source", cosines[0], SOURCE) + _bar("target", cosines[1], TARGET)
        alt = f"{title}: {words}" + (
            "" if cosines is None else f"; cosine {cosines[0]:.2f} to source, {cosines[1]:.2f} to target"
        )
        cells.append(
            f'<figure style="margin:0;width:{SIDE}px"><img alt="{html.escape(alt)}" src="{_png(image)}" '
            f'width="{SIDE}" height="{SIDE}" style="border-radius:6px;max-width:none">'
            f'<figcaption style="line-height:1.3"><b>{html.escape(title)}</b><br>{html.escape(words)}'
            f"{bars}</figcaption></figure>"
        )
    return f'<div role="status" style="display:flex;flex-wrap:wrap;gap:14px;margin-top:8px">{"".join(cells)}</div>'


def _bar(name: str, cosine: float, colour: str) -> str:
    return (
        f'<div style="margin-top:4px">like the {name}: <b>{cosine:.2f}</b></div>'
        f'<div style="height:6px;background:rgba(128,128,128,.25)">'
        f'<div style="height:6px;width:{100 * min(max(cosine, 0.0), 1.0):.0f}%;background:{colour}"></div></div>'
    )


def _png(image: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

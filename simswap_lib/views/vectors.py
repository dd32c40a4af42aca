"""The interactive views of identity vectors: a margin that is trained anew, and one change of a face (paper 3.2)."""

import html
from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache

import ipywidgets
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.figures import GREY
from simswap_lib.models.arcface import ArcFace, all_cosines, margin_logits
from simswap_lib.studio import Cosine, cosine
from simswap_lib.views.vector_figures import COLOURS, NAMES, spread
from simswap_lib.widgets import PEOPLE, PHOTOS, Explorer, _column, _figures, _slider
from simswap_lib.world import HELD_OUT, Identity, Shot, render

MARGINS, SCALES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6), (1, 4, 16, 64)
# What can be exchanged between two people, and between two photographs; together all that the renderer reads.
OF_PERSON = {
    "bones": ("shape",),
    "brows": tuple(f.name for f in fields(Identity) if f.name.startswith("brow")),
    "eyes": ("iris", "iris_ring", "lashes"),
    "skin colour": ("tone", "skin", "ruddiness"),
    "lips": ("lips",),
    "beard": ("beard", "moustache", "beard_colour"),
    "marks": ("freckles", "moles", "scar", "mottling", "pattern", "spots"),
    "age of the skin": ("age", "wrinkles", "shadows", "oil", "pores"),
}
OF_SHOT = {
    "pose": ("yaw", "pitch", "roll"),
    "expression": ("expression",),
    "gaze": ("gaze",),
    "light": ("light", "light_colour", "softness", "rim", "rim_colour", "sky", "ground", "exposure"),
    "hair": ("hair", "hair_colour", "hair_volume", "hairline", "hair_side"),
    "glasses": ("glasses", "glasses_colour", "glasses_shape"),
    "in the way": ("occluder", "occluder_colour", "occluder_place"),
    "clothes": ("clothes", "cloth", "cloth_pattern", "collar"),
    "background": ("backdrop", "backdrop_colours", "backdrop_blur"),
    "camera": ("distance", "blur", "noise", "jpeg"),
}
AT_REST = {"person": 29, "photo": 43, "other_person": 12, "other_photo": 45}  # after HELD_OUT


def exchanged(one: Identity | Shot, other: Identity | Shot, what: str, amount: float = 1.0) -> Identity | Shot:
    """`one` with the part `what` moved towards `other`: numbers are mixed, kinds (hair, glasses) change at one half.

    what: one of OF_PERSON for two people, of OF_SHOT for two photographs. amount: 0 (as it was) to 1 (the other's).
    Raises: KeyError for another part.
    """
    parts = OF_PERSON if isinstance(one, Identity) else OF_SHOT
    moved = replace(one, **{name: _mix(getattr(one, name), getattr(other, name), amount) for name in parts[what]})
    if what == "light":
        unit = {name: np.asarray(getattr(moved, name)) for name in ("light", "rim")}
        return replace(moved, **{n: tuple((x / max(np.linalg.norm(x), 1e-6)).tolist()) for n, x in unit.items()})
    return moved


def last_layer(
    features: Tensor,
    people: Tensor,
    scale: float,
    margin: float,
    logits: Callable[..., Tensor] = margin_logits,
    steps: int = 60,
    seed: int = 0,
) -> tuple[nn.Module, Tensor]:
    """Train a last layer anew: features (N, F) to the plane, with one direction for each person.

    logits: (cosines, people, scale, margin) -> logits; a learner's own may stand here. Returns the layer and the
    directions (P, 2). All pictures in every step; 60 steps take a tenth of a second.
    """
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        layer = nn.Sequential(nn.BatchNorm1d(features.shape[1]), nn.Linear(features.shape[1], 2))
        weight = nn.Parameter(torch.randn(int(people.max()) + 1, 2).to(features.device))
        layer.to(features.device)
        optimiser = torch.optim.Adam([*layer.parameters(), weight], lr=0.03)
        for _ in range(steps):
            loss = F.cross_entropy(logits(all_cosines(layer(features), weight), people, scale, margin), people)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return layer.eval(), weight.detach()


def margin_explorer(
    features: Tensor,
    people: Tensor,
    unseen: Tensor,
    unseen_people: Tensor,
    logits: Callable[..., Tensor] = margin_logits,
) -> Explorer:
    """Choose margin and scale; a last layer of two numbers is trained anew on the spot and shown on unseen pictures.

    features (N, F) and people (N,) are trained on, `unseen` ones are shown. logits: as `last_layer`.
    """
    controls = {
        "margin": ipywidgets.SelectionSlider(
            description="margin m", options=MARGINS, value=0.0, continuous_update=False
        ),
        "scale": ipywidgets.SelectionSlider(description="scale s", options=SCALES, value=16, continuous_update=False),
        "start": _slider(ipywidgets.IntSlider, "another start", value=0, min=0, max=9),
    }

    def draw(margin, scale, start) -> str:
        layer, directions = last_layer(features, people, scale, margin, logits, seed=start)
        with torch.no_grad():
            points = layer(unseen)
        found = (all_cosines(points, directions).argmax(1) == unseen_people).float().mean()
        own, between = spread(points, unseen_people)
        words = (
            f"margin {margin:g}, scale {scale}: {found:.0%} of unseen pictures lie nearest to their own person; mean "
            f"angle to the middle of the own person {own:.1f} degrees, least angle between two people {between:.0f}"
        )
        return (
            f'<div role="status" style="display:flex;flex-wrap:wrap;gap:18px;margin-top:8px">'
            f"{_ring(points, unseen_people, directions, words)}"
            f'<p style="max-width:260px">{html.escape(words.capitalize())}.</p></div>'
        )

    return Explorer(
        "Margin explorer",
        controls,
        [_column("How hard is the right answer made?", list(controls.values()))],
        draw,
        {"No margin": lambda dice: {"margin": 0.0}, "A large one": lambda dice: {"margin": 0.5}},
    )


def vector_explorer(recogniser: ArcFace, cosine: Cosine = cosine) -> Explorer:
    """Exchange one part of a person or of a photograph, a little or all of it, and watch the cosine.

    Two (B, D) -> (B,) is what `cosine` does; a learner's own may stand here. Everybody is held out.
    """
    size = recogniser.config.whole_size
    parts = {f"person: {name}": name for name in OF_PERSON} | {f"photograph: {name}": name for name in OF_SHOT}
    controls = {
        "what": ipywidgets.Dropdown(
            description="exchange", options=[(words, words) for words in parts], value="person: bones"
        ),
        "amount": _slider(ipywidgets.FloatSlider, "how far", value=1.0, min=0.0, max=1.0, step=0.1),
        **{
            name: _slider(
                ipywidgets.IntSlider, words, value=HELD_OUT + AT_REST[name], min=HELD_OUT, max=HELD_OUT + count - 1
            )
            for name, words, count in (
                ("person", "person", PEOPLE),
                ("photo", "photo", PHOTOS),
                ("other_person", "other person", PEOPLE),
                ("other_photo", "other photo", PHOTOS),
            )
        },
    }

    @lru_cache(maxsize=64)
    def seen(person: int, photo: int) -> tuple[np.ndarray, Tensor]:
        return _seen(Identity.sample(person), Shot.sample(photo))

    def _seen(identity: Identity, shot: Shot) -> tuple[np.ndarray, Tensor]:
        image = render(identity, shot, size).image
        return image, recogniser.embed(image)

    def draw(what, amount, person, photo, other_person, other_photo) -> str:
        one, two = Identity.sample(person), Identity.sample(other_person)
        shot, another = Shot.sample(photo), Shot.sample(other_photo)
        if what.startswith("person"):
            image, v = _seen(exchanged(one, two, parts[what], amount), shot)
        else:
            image, v = _seen(one, exchanged(shot, another, parts[what], amount))
        before = seen(person, photo)
        cases = [
            ("As it was", f"person {person}, photo {photo}", *before),
            ("Changed", f"{what}, {amount:.0%} of the way", image, v),
            ("All of the photo", f"person {person}, photo {other_photo}", *seen(person, other_photo)),
            ("All of the person", f"person {other_person}, photo {photo}", *seen(other_person, photo)),
        ]
        told = [
            (title, f"{words}; cosine {float(cosine(before[1], vector)):.2f}", picture, None)
            for title, words, picture, vector in cases
        ]
        return _figures(told)

    return Explorer(
        "Vector explorer",
        controls,
        [
            _column("What is exchanged?", [controls[n] for n in ("what", "amount")]),
            _column("Between whom?", [controls[n] for n in ("person", "other_person", "photo", "other_photo")]),
        ],
        draw,
        {"Surprise me": lambda dice: {"what": dice.choice(list(parts)), "amount": 1.0}},
    )


# ----------------------------------------------------------------------------------------------------------------------


def _mix(a, b, t: float):
    """(1 - t) a + t b for numbers and tuples of them; for kinds and for lists of actions, see below."""
    if isinstance(a, tuple) and (not a or (isinstance(a[0], tuple) and a[0] and isinstance(a[0][0], str))):
        one, other = dict(a), dict(b)  # facial actions by name; one that is missing has strength 0
        return tuple((n, (1 - t) * one.get(n, 0.0) + t * other.get(n, 0.0)) for n in {**one, **other})
    if isinstance(a, tuple):
        return tuple(_mix(x, y, t) for x, y in zip(a, b, strict=True))
    if isinstance(a, str) or isinstance(a, int):
        return a if t < 0.5 else b
    return (1 - t) * a + t * b


def _ring(points: Tensor, people: Tensor, directions: Tensor, words: str) -> str:
    """The circle as an SVG, which draws in no time: unseen pictures as letters around it, directions as lines."""
    rng = np.random.default_rng(0)
    marks = []
    for p, (x, y) in enumerate((F.normalize(directions, dim=1) * 100).tolist()):
        ink = COLOURS[p % len(COLOURS)]
        marks.append(f'<line x1="0" y1="0" x2="{x:.0f}" y2="{-y:.0f}" stroke="{ink}" stroke-width="1.5"/>')
    for (x, y), p in zip((F.normalize(points, dim=1) * 100).tolist(), people.tolist(), strict=True):
        r = rng.uniform(0.93, 1.22)
        marks.append(
            f'<text x="{r * x:.1f}" y="{-r * y + 4:.1f}" font-size="11" font-weight="bold" text-anchor="middle" '
            f'fill="{COLOURS[p % len(COLOURS)]}">{NAMES[p % len(NAMES)]}</text>'
        )
    return (
        f'<svg role="img" aria-label="{html.escape("People on the circle: " + words)}" width="330" height="330" '
        f'viewBox="-135 -135 270 270" style="background:white"><circle r="100" fill="none" stroke="{GREY}"/>'
        f"{''.join(marks)}</svg>"
    )

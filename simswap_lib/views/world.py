"""The interactive views of the face world: a person moved through identity space, a photograph through shot space."""

from dataclasses import fields, replace
from functools import lru_cache

import ipywidgets
import numpy as np

from simswap_lib.widgets import PEOPLE, PHOTOS, Explorer, _column, _figures, _slider
from simswap_lib.world import HELD_OUT, Identity, Shot, render
from simswap_lib.world.people import OLDEST, SPREAD, YOUNGEST
from simswap_lib.world.shots import GLASSES, HAIR_STYLES, MOODS, OCCLUDERS, sides

SIZE = 128  # pixels of a picture
RANGES = {"tone": (0.0, 1.0, 0.1), "age": (YOUNGEST, OLDEST, 1.0), "sex": (0.0, 1.0, 0.1)}  # least, most, step
WORDS = {"tone": "darker by", "age": "older by", "sex": "more male by"}
SHAPES = 3  # how many of the shape's principal components have a slider
KINDS = {"hair": HAIR_STYLES, "glasses": GLASSES, "occluder": OCCLUDERS}
AT_REST = {"first": 23, "second": 1, "photo": 43, "other_photo": 45, "person": 29, "other_person": 12}


def moved(identity: Identity, bones: tuple[float, ...] = (), **labels: float) -> Identity:
    """The person moved in identity space: along principal components of the head, and towards other labels.

    bones: steps along the first components, in standard deviations.
    labels: what tone, age or sex shall become, in the units of `Identity`. What goes with a label goes along, as
    `directions` has it, and stays within what people have; the label itself gets the value exactly.
    """
    if labels:
        slopes, least, most = directions()
        own = _numbers(identity)
        change = [labels.get(name, getattr(identity, name)) - getattr(identity, name) for name in RANGES]
        numbers = np.clip(own + change @ slopes, np.minimum(own, least), np.maximum(own, most))
        identity = replace(_with_numbers(identity, numbers), **{name: float(labels[name]) for name in labels})
    shape = list(identity.shape)
    for i, step in enumerate(bones):
        shape[i] += step * SPREAD
    return replace(identity, shape=tuple(shape))


@lru_cache(maxsize=1)
def directions(people: int = 1_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What goes with tone, age and sex in this world: a linear regression of a person's numbers on them.

    Returns the slopes (3, K), one row for each of RANGES, and the least and the most (K,) of each of the K numbers of a
    person, all over sampled people who are not held out.
    """
    sampled = [Identity.sample(seed) for seed in range(people)]
    numbers = np.stack([_numbers(one) for one in sampled])  # (people, K)
    labels = np.array([[getattr(one, name) for name in RANGES] for one in sampled])  # (people, 3)
    slopes = np.linalg.lstsq(labels - labels.mean(0), numbers - numbers.mean(0), rcond=None)[0]
    return slopes, numbers.min(0), numbers.max(0)


def retaken(
    shot: Shot,
    yaw: float,
    pitch: float,
    mood: str,
    gaze: tuple[float, float],
    light: float,
    **kinds,
) -> Shot:
    """The photograph taken again: head turned, another expression and gaze, light from another side, other things on.

    yaw, pitch, gaze (right, up) and the light's azimuth in degrees; mood: one of MOODS; kinds: as KINDS has them, such
    as hair="bald". What is not named stays as it was.
    """
    if kinds.get("occluder", shot.occluder) != shot.occluder:
        kinds["occluder_colour"] = _seen_in(kinds["occluder"])
    played = {name + side: value for name, value in MOODS[mood].items() for side in sides(name)}
    across = np.hypot(shot.light[0], shot.light[2])
    direction = (across * np.sin(np.radians(light)), shot.light[1], across * np.cos(np.radians(light)))
    return replace(
        shot,
        yaw=float(yaw),
        pitch=float(pitch),
        expression=tuple(played.items()),
        gaze=tuple(map(float, gaze)),
        light=tuple(map(float, direction)),
        **kinds,
    )


def identity_explorer() -> Explorer:
    """Blend two people and push the bones of the head, and see the person change while the photograph stays."""
    controls = {
        "first": _seed("first person", "first", PEOPLE),
        "second": _seed("second person", "second", PEOPLE),
        "blend": _slider(ipywidgets.FloatSlider, "blend of the two", value=0.5, min=0.0, max=1.0, step=0.1),
        "photo": _seed("photo", "photo", PHOTOS),
        "other_photo": _seed("another photo", "other_photo", PHOTOS),
    }
    bones = {
        f"shape{i + 1}": _slider(ipywidgets.FloatSlider, f"shape {i + 1}", value=0.0, min=-3.0, max=3.0, step=0.5)
        for i in range(SHAPES)
    }

    labels = {
        name: _slider(ipywidgets.FloatSlider, WORDS[name], value=0.0, min=low - high, max=high - low, step=step)
        for name, (low, high, step) in RANGES.items()
    }

    def draw(first, second, blend, photo, other_photo, **steps) -> str:
        ends = Identity.sample(first), Identity.sample(second)
        person = Identity.lerp(*ends, blend)
        wanted = {n: float(np.clip(getattr(person, n) + steps[n], *RANGES[n][:2])) for n in labels if steps[n]}
        person = moved(person, tuple(steps[n] for n in bones), **wanted)
        shot, other = Shot.sample(photo), Shot.sample(other_photo)
        return _figures(
            [
                ("First person", f"person {first}, photo {photo}", _image(ends[0], shot), None),
                ("Your person", f"{blend:.0%} on the way, the same photo", _image(person, shot), None),
                ("Second person", f"person {second}, photo {photo}", _image(ends[1], shot), None),
                ("Your person", f"whom else could it be? Photo {other_photo}", _image(person, other), None),
            ]
        )

    return Explorer(
        "Identity explorer",
        {**controls, **bones, **labels},
        [
            _column(
                "Who?", [controls["first"], controls["second"], controls["blend"], *bones.values(), *labels.values()]
            ),
            _column("In which photographs?", [controls["photo"], controls["other_photo"]]),
        ],
        draw,
        {
            "Another pair": lambda dice: {
                n: dice.randint(HELD_OUT, HELD_OUT + PEOPLE - 1) for n in ("first", "second")
            },
            "As they were": lambda dice: dict.fromkeys((*bones, *labels), 0.0),
        },
    )


def shot_explorer() -> Explorer:
    """Take a photograph again with another pose, expression, gaze, light or hair, and see that the person stays."""
    controls = {
        "person": _seed("person", "person", PEOPLE),
        "other_person": _seed("another person", "other_person", PEOPLE),
        "photo": _seed("photo", "photo", PHOTOS),
    }
    camera = {
        "yaw": _slider(ipywidgets.IntSlider, "yaw", value=20, min=-35, max=35),
        "pitch": _slider(ipywidgets.IntSlider, "pitch", value=0, min=-20, max=20),
        "gaze_right": _slider(ipywidgets.IntSlider, "gaze right", value=0, min=-22, max=22),
        "gaze_up": _slider(ipywidgets.IntSlider, "gaze up", value=0, min=-12, max=12),
        "light": _slider(ipywidgets.IntSlider, "light from", value=-60, min=-75, max=75),
        "mood": _dropdown("expression", MOODS, "smile"),
        **{name: _dropdown(name, ("as it was", *kinds), "as it was") for name, kinds in KINDS.items()},
    }
    camera["hair"].value = "short"

    def draw(person, other_person, photo, yaw, pitch, gaze_right, gaze_up, light, mood, **chosen) -> str:
        one, other = Identity.sample(person), Identity.sample(other_person)
        before = Shot.sample(photo)
        kinds = {name: kind for name, kind in chosen.items() if kind != "as it was"}
        after = retaken(before, yaw, pitch, mood, (gaze_right, gaze_up), light, **kinds)
        told = [f"yaw {yaw}", f"pitch {pitch}", mood, f"light from {light}", *(f"{n}: {k}" for n, k in kinds.items())]
        words = ", ".join(told)
        return _figures(
            [
                ("As it was taken", f"person {person}, photo {photo}", _image(one, before), None),
                ("Taken again", f"person {person}: {words}", _image(one, after), None),
                ("As it was taken", f"person {other_person}, photo {photo}", _image(other, before), None),
                ("Taken again", f"person {other_person}, the same changes", _image(other, after), None),
            ]
        )

    return Explorer(
        "Shot explorer",
        {**controls, **camera},
        [
            _column("Which photograph? (angles in degrees)", list(camera.values())),
            _column("Of whom?", list(controls.values())),
        ],
        draw,
        {
            "Another photo": lambda dice: {"photo": dice.randint(HELD_OUT, HELD_OUT + PHOTOS - 1)},
            "Surprise me": lambda dice: {name: _any(dice, control) for name, control in camera.items()},
        },
    )


# ----------------------------------------------------------------------------------------------------------------------


def _numbers(identity: Identity) -> np.ndarray:
    """(K,) all numbers of a person in the order of the fields."""
    return np.concatenate([np.ravel(getattr(identity, field.name)) for field in fields(Identity)]).astype(float)


def _with_numbers(identity: Identity, numbers: np.ndarray) -> Identity:
    """The person with these numbers: `_numbers` backwards."""
    values, at = {}, 0
    for field in fields(Identity):
        old = np.asarray(getattr(identity, field.name), float)
        new = numbers[at : at + old.size].reshape(old.shape)
        values[field.name] = _plain(new.tolist())
        at += old.size
    return Identity(**values)


def _plain(value):
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def _image(person: Identity, shot: Shot) -> np.ndarray:
    return render(person, shot, SIZE).image


@lru_cache
def _seen_in(occluder: str) -> tuple[float, float, float]:
    """The colour of this occluder in the first photograph that shows one: a hand is not black."""
    return next(shot.occluder_colour for shot in map(Shot.sample, range(10_000)) if shot.occluder == occluder)


def _seed(words: str, name: str, count: int) -> ipywidgets.IntSlider:
    value = HELD_OUT + AT_REST[name]
    return _slider(ipywidgets.IntSlider, words, value=value, min=HELD_OUT, max=HELD_OUT + count - 1)


def _dropdown(words: str, options, value: str) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        description=words,
        options=[(option, option) for option in options],
        value=value,
        style={"description_width": "110px"},
        layout=ipywidgets.Layout(width="380px", max_width="98%"),
    )


def _any(dice, control):
    if isinstance(control, ipywidgets.Dropdown):
        return dice.choice([value for _, value in control.options])
    return dice.randint(control.min, control.max)

"""The interactive views of the face world: a person moved through identity space, a photograph through shot space."""

from dataclasses import replace

import ipywidgets
import numpy as np

from simswap_lib.widgets import PEOPLE, PHOTOS, Explorer, _column, _figures, _slider
from simswap_lib.world import HELD_OUT, Identity, Shot, render
from simswap_lib.world.people import SHAPE_STD
from simswap_lib.world.shots import HAIR_STYLES, MOODS

SIZE = 144  # pixels of a picture
SHAPES = 3  # how many of the shape's principal components have a slider
AT_REST = {"first": 22, "second": 28, "photo": 30, "other_photo": 12, "person": 18, "other_person": 6}


def moved(identity: Identity, bones: tuple[float, ...] = ()) -> Identity:
    """The person moved along the first principal components of the head, by `bones` standard deviations each."""
    shape = list(identity.shape)
    for i, step in enumerate(bones):
        shape[i] += step * SHAPE_STD
    return replace(identity, shape=tuple(shape))


def retaken(
    shot: Shot,
    yaw: float,
    pitch: float,
    mood: str,
    gaze: tuple[float, float],
    light: float,
    hair: str,
) -> Shot:
    """The photograph taken again: head turned, another expression, gaze, hair, and the light from another side.

    yaw, pitch, gaze (right, up) and the light's azimuth in degrees; mood: one of MOODS; hair: one of HAIR_STYLES.
    """
    sides = {name + side: value for name, value in MOODS[mood].items() for side in _sides(name)}
    across = np.hypot(shot.light[0], shot.light[2])
    direction = (across * np.sin(np.radians(light)), shot.light[1], across * np.cos(np.radians(light)))
    return replace(
        shot,
        yaw=float(yaw),
        pitch=float(pitch),
        expression=tuple(sides.items()),
        gaze=tuple(map(float, gaze)),
        light=tuple(map(float, direction)),
        hair=hair,
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

    def draw(first, second, blend, photo, other_photo, **bones) -> str:
        ends = Identity.sample(first), Identity.sample(second)
        person = moved(Identity.lerp(*ends, blend), tuple(bones.values()))
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
        {**controls, **bones},
        [
            _column("Who?", [controls["first"], controls["second"], controls["blend"], *bones.values()]),
            _column("In which photographs?", [controls["photo"], controls["other_photo"]]),
        ],
        draw,
        {
            "Another pair": lambda dice: {
                n: dice.randint(HELD_OUT, HELD_OUT + PEOPLE - 1) for n in ("first", "second")
            },
            "Bones as they were": lambda dice: dict.fromkeys(bones, 0.0),
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
        "hair": _dropdown("hair", HAIR_STYLES, "short"),
    }

    def draw(person, other_person, photo, yaw, pitch, gaze_right, gaze_up, light, mood, hair) -> str:
        one, other = Identity.sample(person), Identity.sample(other_person)
        before = Shot.sample(photo)
        after = retaken(before, yaw, pitch, mood, (gaze_right, gaze_up), light, hair)
        words = f"yaw {yaw}, pitch {pitch}, {mood}, light from {light}, {hair} hair"
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
            "Another photograph": lambda dice: {"photo": dice.randint(HELD_OUT, HELD_OUT + PHOTOS - 1)},
            "Surprise me": lambda dice: {name: _any(dice, control) for name, control in camera.items()},
        },
    )


# ----------------------------------------------------------------------------------------------------------------------


def _image(person: Identity, shot: Shot) -> np.ndarray:
    return render(person, shot, SIZE).image


def _sides(action: str) -> tuple[str, ...]:
    """Actions of both halves of the face are named for each half."""
    single = {"jawOpen", "mouthFunnel", "mouthPucker", "browInnerUp", "mouthShrugLower", "mouthLeft"}
    return ("",) if action in single else ("Left", "Right")


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

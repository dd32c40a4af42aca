"""Shot: everything about a photograph that SimSwap must keep from the target, and how photographs are distributed."""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np

from simswap_lib.world.dice import (
    Colour,
    as_tuple,
    as_tuples,
    between,
    bounded,
    clip,
    dice,
    linear,
    pick,
    ramp_of,
    uniform,
    within,
)
from simswap_lib.world.people import GREY, HAIRS, SKIN_RAMP

HAIR_STYLES = ("bald", "buzz", "short", "side", "swept", "curly", "afro", "bob", "long", "wavy", "tied")
HAIR_OFTEN = (0.06, 0.10, 0.14, 0.12, 0.10, 0.09, 0.06, 0.10, 0.09, 0.08, 0.06)
# Natural colours as people have them, then what comes out of a bottle.
HAIR_COLOURS = (*HAIRS, GREY, (214, 206, 196), (92, 30, 34), (196, 160, 112), (70, 84, 120))
CLOTHES = ("crew", "vee", "collar", "high", "scoop")
GLASSES = ("none", "thin", "thick", "sun")
GLASSES_OFTEN = (0.82, 0.08, 0.07, 0.03)
OCCLUDERS = ("none", "hand", "microphone", "mask", "strand")
OCCLUDERS_OFTEN = (0.88, 0.03, 0.03, 0.02, 0.04)
MASKS = ((226, 232, 236), (120, 168, 196), (30, 32, 36))  # sRGB of face masks
INDOORS = ("wall", "window", "shelf", "lamps")
OUTDOORS = ("sky", "trees", "street", "night")
BACKDROPS = {  # sRGB of the backgrounds whose colours are always alike: first, second and third
    "sky": ((120, 165, 215), (205, 215, 225), (96, 110, 76)),
    "trees": ((86, 112, 58), (44, 66, 34), (196, 212, 176)),
    "street": ((150, 146, 140), (92, 88, 86), (184, 196, 206)),
    "night": ((26, 26, 38), (12, 12, 18), (255, 190, 110)),
}
# What faces do: groups of facial actions with their strengths. A shot plays one of them.
MOODS = {
    "neutral": {},
    "smile": {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.2},
    "laugh": {"mouthSmile": 0.9, "jawOpen": 0.35, "mouthUpperUp": 0.3, "cheekSquint": 0.6, "eyeSquint": 0.35},
    "sad": {"mouthFrown": 0.8, "browInnerUp": 0.7, "mouthShrugLower": 0.4},
    "angry": {"browDown": 0.9, "noseSneer": 0.4, "mouthPress": 0.5, "eyeSquint": 0.3},
    "surprise": {"browInnerUp": 0.7, "browOuterUp": 0.8, "eyeWide": 0.8, "jawOpen": 0.45},
    "ah": {"jawOpen": 0.6},
    "oh": {"jawOpen": 0.35, "mouthFunnel": 0.7},
    "oo": {"mouthPucker": 0.8, "jawOpen": 0.08},
    "ee": {"mouthStretch": 0.6, "jawOpen": 0.15, "mouthLowerDown": 0.4},
    "smirk": {"mouthLeft": 0.4, "mouthDimple": 0.4},
    "blink": {"eyeBlink": 1.0},
}
WHOLE = {"jawOpen", "mouthFunnel", "mouthPucker", "browInnerUp", "mouthShrugLower", "mouthLeft"}  # not once a side
OFTEN = (0.14, 0.14, 0.10, 0.07, 0.08, 0.08, 0.08, 0.07, 0.06, 0.07, 0.07, 0.04)  # probability of each mood


@dataclass(frozen=True)
class Shot:
    """One photograph without its person: pose, expression, gaze, light, hair, clothes, what is in the way, camera.

    Angles are degrees; positive yaw turns the face to the picture's right, positive pitch looks up. Lengths are eye
    distances. Colours are linear RGB.
    """

    yaw: float
    pitch: float
    roll: float
    expression: tuple[tuple[str, float], ...]  # facial actions and their strengths in [0, 1]
    gaze: tuple[float, float]  # degrees right and up, relative to the head
    light: tuple[float, float, float]  # direction to the main light, unit length, camera axes
    light_colour: Colour  # times its strength
    softness: float  # of the main light's shadows, eye distances
    rim: tuple[float, float, float]  # direction to a second light, behind or beside
    rim_colour: Colour  # times its strength
    sky: Colour  # ambient light from above
    ground: Colour  # ambient light from below
    hair: str  # one of HAIR_STYLES
    hair_colour: Colour  # albedo
    hair_volume: float  # 0 to 1
    hairline: float  # up is higher
    hair_side: float  # parting and fringe, -1 to 1
    clothes: str  # one of CLOTHES
    cloth: tuple[Colour, Colour]  # albedos
    cloth_pattern: float  # 0 to 1: plain up to 0.5, then striped, then checked
    collar: float  # up is higher
    glasses: str  # one of GLASSES
    glasses_colour: Colour
    glasses_shape: tuple[float, float, float]  # width, height and roundness of the lenses, each 0 to 1
    occluder: str  # one of OCCLUDERS
    occluder_colour: Colour
    occluder_place: tuple[float, float, float]  # across, up and turn, each -1 to 1
    backdrop: str  # one of INDOORS or OUTDOORS
    backdrop_colours: tuple[Colour, Colour, Colour]
    backdrop_blur: float  # standard deviation, share of the picture's side
    distance: float  # camera to face
    exposure: float
    blur: float  # camera blur, share of the picture's side
    noise: float  # sensor noise, standard deviation of 255 grey levels
    jpeg: int  # quality of the compression, 100 for none
    seed: int  # of hair strands, weave and background
    frame: int = 0  # of the sensor noise: pictures of a film differ in nothing else

    @classmethod
    def sample(cls, seed: int) -> "Shot":
        """The photograph with this number, always the same. The distribution is described in data/README.md."""
        rng = dice(seed, 2)
        mood = MOODS[pick(rng, tuple(MOODS), OFTEN)]
        weight = uniform(rng, 0.4, 1.0)
        actions = {action: weight * strength for action, strength in mood.items()}
        # The model's resting lids hang a little low.
        actions.setdefault("eyeWide", uniform(rng, 0.0, 0.5))
        indoor = rng.random() < 0.55
        backdrop = pick(rng, INDOORS if indoor else OUTDOORS)
        light = _light(rng, indoor, backdrop)
        tint = uniform(rng, 25, 225, 3)
        grey = tint.sum() / 3
        cloth = linear(bounded(grey + (tint - grey) * uniform(rng, 0.1, 1.0, 2)[:, None], 8, 240))  # (2, 3)
        skin = between(SKIN_RAMP, uniform(rng, 0, len(SKIN_RAMP) - 1))
        occluder = pick(rng, OCCLUDERS, OCCLUDERS_OFTEN)
        hair = pick(rng, HAIR_STYLES, HAIR_OFTEN)
        # Natural colours four times out of five.
        at = uniform(rng, 0, len(HAIRS)) if rng.random() < 0.8 else uniform(rng, 0, len(HAIR_COLOURS) - 1)
        hair_colour = between(HAIR_COLOURS, at) * uniform(rng, 0.8, 1.15)
        metal, dyed = uniform(rng, 14, 60), rng.integers(len(MASKS))
        if occluder == "microphone":
            cover = linear(np.full(3, metal))
        elif occluder == "mask":
            cover = linear(MASKS[dyed])
        else:
            cover = {"hand": skin, "strand": hair_colour}.get(occluder, np.zeros(3))
        return cls(
            yaw=clip(rng.normal(0, 15), -36, 36),
            pitch=clip(rng.normal(0, 8), -20, 20),
            roll=clip(rng.normal(0, 7), -18, 18),
            expression=tuple(_both_sides(actions, rng)),
            gaze=(clip(rng.normal(0, 10), -22, 22), clip(rng.normal(0, 6), -12, 12)),
            **light,
            hair=hair,
            hair_colour=within(hair_colour, 0.002, 0.8),
            hair_volume=uniform(rng, 0, 1),
            hairline=rng.normal(0.05, 0.07),
            hair_side=uniform(rng, -1, 1),
            clothes=pick(rng, CLOTHES),
            cloth=as_tuples(cloth),
            cloth_pattern=uniform(rng, 0, 1),
            collar=uniform(rng, -0.2, 0.2),
            glasses=pick(rng, GLASSES, GLASSES_OFTEN) if occluder != "mask" else "none",
            glasses_colour=as_tuple(linear((18, 40, 90, 150)[rng.integers(4)] * uniform(rng, 0.7, 1.2, 3))),
            glasses_shape=as_tuple(uniform(rng, 0, 1, 3)),
            occluder=occluder,
            occluder_colour=within(cover, 0.004, 0.9),
            occluder_place=as_tuple(uniform(rng, -1, 1, 3)),
            backdrop=backdrop,
            backdrop_colours=_backdrop_colours(rng, backdrop),
            backdrop_blur=uniform(rng, 0.012, 0.06),
            distance=uniform(rng, 9, 28),
            exposure=uniform(rng, 0.9, 1.15),
            blur=uniform(rng, 0, 0.005),
            noise=uniform(rng, 0.3, 2.5),
            jpeg=int(rng.integers(72, 97)) if rng.random() < 0.5 else 100,
            seed=int(seed),
        )


def _light(rng: np.random.Generator, indoor: bool, backdrop: str) -> dict:
    """One main light, a second one behind or beside, and what comes from all sides."""
    azimuth, height = uniform(rng, -75, 75), uniform(rng, -5, 60)
    warmth = rng.normal(0.04 if indoor else -0.02, 0.10)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    soft = uniform(rng, 0, 1)  # 0: a bare bulb or the sun, 1: an overcast sky
    key = uniform(rng, 0.65, 1.28) * (1.1 - 0.55 * soft)
    fill = uniform(rng, 0.30, 0.50) + 0.25 * soft
    if backdrop == "night":
        key, fill = key * 0.9, fill * 0.6
    sky = fill * (np.array([1.06, 1.0, 0.92]) if indoor else np.array([0.90, 0.99, 1.10]))
    ground = sky * uniform(rng, 0.4, 0.8) * np.array([1.06, 1.0, 0.9])
    side = azimuth + (-1, 1)[rng.integers(2)] * uniform(rng, 100, 160)
    rim = uniform(rng, 0.15, 0.8) if rng.random() < 0.45 else 0.0
    return {
        "light": _direction(azimuth, height),
        "light_colour": as_tuple(key * tint),
        "softness": float(0.02 + 0.30 * soft * soft),
        "rim": _direction(side, uniform(rng, 0, 45)),
        "rim_colour": as_tuple(rim * np.array([1 - 0.6 * warmth, 1.0, 1 + 0.6 * warmth])),
        "sky": as_tuple(sky),
        "ground": as_tuple(ground),
    }


def _backdrop_colours(rng: np.random.Generator, kind: str) -> tuple[Colour, Colour, Colour]:
    """Three colours in which a background of this kind is painted."""
    bright = uniform(rng, 0.55, 1.3)
    base = uniform(rng, 60, 200, 3)
    grey = base.sum() / 3
    wall = grey + (base - grey) * uniform(rng, 0.1, 0.5)
    darker, other = uniform(rng, 0.5, 0.9), uniform(rng, 0.6, 1.3)
    if kind in BACKDROPS:
        light = ramp_of(BACKDROPS[kind])
    else:
        colours = {
            "wall": (wall, wall * darker, wall * other),
            "window": (wall, wall * 0.7, (235, 240, 245)),
            "shelf": (wall * 0.6, (110, 76, 50), base),
            "lamps": (wall * 0.5, wall * 0.3, (255, 214, 150)),
        }[kind]
        light = linear(bounded(np.array(colours), 0, 255))
    return as_tuples(bounded(light * bright, 0.003, 1.2))


def sides(action: str) -> tuple[str, ...]:
    """The endings with which the head model knows an action of MOODS: none, or one for each half of the face."""
    return ("",) if action in WHOLE else ("Left", "Right")


def _both_sides(actions: dict[str, float], rng: np.random.Generator) -> list[tuple[str, float]]:
    """Actions that exist for the left and the right half are played on both, nearly alike."""
    out = []
    for action, strength in actions.items():
        out += [(action + side, strength * uniform(rng, 0.85, 1.0)) for side in sides(action)]
    return out


def _direction(azimuth: float, height: float) -> tuple[float, float, float]:
    """Unit vector towards a light at `azimuth` degrees to the right and `height` degrees up; 0, 0 is the camera."""
    a, h = radians(azimuth), radians(height)
    return (sin(a) * cos(h), sin(h), cos(a) * cos(h))

"""Shot: everything about a photograph that SimSwap must keep from the target, and how photographs are distributed."""

from dataclasses import dataclass

import numpy as np

from simswap_lib.world.people import BROWS, Colour, _between, _tuple, linear

HAIR_STYLES = ("bald", "cropped", "short", "curly", "bob", "long")
HAIR_COLOURS = (*BROWS, (196, 160, 106), (210, 204, 196))
# What faces do: groups of facial actions with their strengths. A shot mixes one or two of them.
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
OFTEN = (0.14, 0.14, 0.10, 0.07, 0.08, 0.08, 0.08, 0.07, 0.06, 0.07, 0.07, 0.04)  # probability of each mood


@dataclass(frozen=True)
class Shot:
    """One photograph without its person: pose, expression, gaze, light, hair, clothes, background, camera.

    Angles are degrees; positive yaw turns the face to the picture's right, positive pitch looks up.
    """

    yaw: float
    pitch: float
    roll: float
    expression: tuple[tuple[str, float], ...]  # facial actions and their strengths in [0, 1]
    gaze: tuple[float, float]  # degrees right and up, relative to the head
    light: tuple[float, float, float]  # direction to the main light, unit length, camera axes
    light_colour: Colour  # linear, times its strength
    sky: Colour  # ambient light from above
    ground: Colour  # ambient light from below
    hair: str  # one of HAIR_STYLES
    hair_colour: Colour  # linear albedo
    hair_volume: float  # 0 to 1
    hairline: float  # eye distances, up is higher
    hair_side: float  # parting and fringe, -1 to 1
    clothes: Colour  # linear albedo
    collar: float  # eye distances
    backdrop: tuple[Colour, Colour, Colour]  # linear colours of the background
    backdrop_kind: float  # 0 a plain wall to 1 a lively scene, out of focus
    distance: float  # camera to face, eye distances
    exposure: float
    blur: float  # camera blur, share of the picture's side
    noise: float  # sensor noise, standard deviation of 255 grey levels
    seed: int  # of the noise and of the background's pattern

    @classmethod
    def sample(cls, seed: int) -> "Shot":
        """The photograph with this number, always the same. The distribution is described in data/README.md."""
        rng = np.random.default_rng([seed, 2])
        mood = MOODS[list(MOODS)[rng.choice(len(OFTEN), p=OFTEN)]]
        weight = rng.uniform(0.4, 1.0)
        actions = {action: weight * strength for action, strength in mood.items()}
        # The model's resting lids hang a little low.
        actions.setdefault("eyeWide", rng.uniform(0.0, 0.5))
        azimuth, height = rng.uniform(-75, 75), rng.uniform(-5, 60)
        warmth = rng.normal(0, 0.12)
        tint = np.array([1 + warmth, 1.0, 1 - warmth])
        key = rng.uniform(0.45, 1.25)
        fill = rng.uniform(0.22, 0.55)
        indoor = rng.random() < 0.5
        sky = fill * (np.array([1.05, 1.0, 0.92]) if indoor else np.array([0.88, 0.98, 1.12]))
        ground = sky * rng.uniform(0.35, 0.8) * np.array([1.06, 1.0, 0.9])
        base = linear(rng.uniform(35, 215, 3))
        grey = base.mean()
        backdrop = [(grey + (base - grey) * rng.uniform(0.05, 0.7)) * rng.uniform(0.4, 1.5) for _ in range(3)]
        return cls(
            yaw=float(np.clip(rng.normal(0, 15), -36, 36)),
            pitch=float(np.clip(rng.normal(0, 8), -20, 20)),
            roll=float(np.clip(rng.normal(0, 7), -18, 18)),
            expression=tuple(_both_sides(actions, rng)),
            gaze=(float(np.clip(rng.normal(0, 10), -22, 22)), float(np.clip(rng.normal(0, 6), -12, 12))),
            light=_direction(azimuth, height),
            light_colour=_tuple(key * tint),
            sky=_tuple(sky),
            ground=_tuple(ground),
            hair=HAIR_STYLES[rng.choice(len(HAIR_STYLES), p=(0.07, 0.18, 0.27, 0.16, 0.16, 0.16))],
            hair_colour=_tuple(_between(HAIR_COLOURS, rng.uniform(0, len(HAIR_COLOURS) - 1))),
            hair_volume=rng.uniform(0, 1),
            hairline=rng.normal(0.04, 0.09),
            hair_side=rng.uniform(-1, 1),
            clothes=_tuple(linear(rng.uniform(20, 225, 3))),
            collar=rng.uniform(-0.25, 0.25),
            backdrop=tuple(_tuple(np.clip(c, 0.005, 0.9)) for c in backdrop),
            backdrop_kind=rng.uniform(0, 1),
            distance=rng.uniform(9, 28),
            exposure=rng.uniform(0.85, 1.2),
            blur=rng.uniform(0, 0.006),
            noise=rng.uniform(0, 2.5),
            seed=int(seed),
        )


def _both_sides(actions: dict[str, float], rng: np.random.Generator) -> list[tuple[str, float]]:
    """Actions that exist for the left and the right half are played on both, nearly alike."""
    single = {"jawOpen", "mouthFunnel", "mouthPucker", "browInnerUp", "mouthShrugLower", "mouthLeft"}
    out = []
    for action, strength in actions.items():
        sides = ("",) if action in single else ("Left", "Right")
        out += [(action + side, float(np.clip(strength * rng.uniform(0.85, 1.0), 0, 1))) for side in sides]
    return out


def _direction(azimuth: float, height: float) -> tuple[float, float, float]:
    """Unit vector towards a light at `azimuth` degrees to the right and `height` degrees up, in front of the face."""
    a, h = np.radians(azimuth), np.radians(height)
    return (float(np.sin(a) * np.cos(h)), float(np.sin(h)), float(np.cos(a) * np.cos(h)))

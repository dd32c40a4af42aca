"""Identity: everything about a person that SimSwap must take from the source, and how people are distributed."""

from dataclasses import dataclass, fields, replace

import numpy as np

# People with these seeds and above are never trained on: they are the strangers on which everything is judged.
HELD_OUT = 900_000

SHAPES = 80  # principal components of the head
MOLES = 6
SHAPE_STD = 0.85  # narrower than the sampled heads: full width gives caricatures

# sRGB anchors from very light to very dark skin; a person's tone lies anywhere between two neighbours.
SKIN_RAMP = (
    (246, 214, 196),
    (232, 188, 160),
    (210, 158, 122),
    (176, 119, 84),
    (132, 82, 56),
    (88, 55, 40),
    (62, 40, 31),
)
IRISES = ((96, 62, 36), (62, 38, 24), (120, 92, 52), (98, 112, 72), (84, 116, 148), (118, 140, 152), (70, 98, 128))
BROWS = ((22, 17, 15), (42, 28, 20), (74, 48, 30), (112, 78, 46), (148, 112, 72), (122, 62, 34), (120, 116, 112))

Colour = tuple[float, float, float]


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 255] -> linear light in [0, 1], with a plain power of 2.2."""
    return (np.asarray(srgb, float) / 255) ** 2.2


@dataclass(frozen=True)
class Identity:
    """One person: bone structure, skin, brows, irises, lips, moles, beard. Colours are linear RGB in [0, 1]."""

    shape: tuple[float, ...]  # (80,) coefficients of the head model, about normal(0, 0.85)
    skin: Colour  # albedo
    lips: Colour  # albedo
    iris: Colour
    brow: Colour  # colour of brows, lashes and beard
    ruddiness: float  # redness of cheeks, nose and ears, 0 to 1
    mottling: float  # unevenness of the skin, 0 to 1
    freckles: float  # 0 (none) to 1
    shadows: float  # darkness under the eyes, 0 to 1
    pattern: tuple[float, float, float]  # where in the noise this person's skin lies
    brow_height: float  # eye distances above the brow ridge
    brow_arch: float  # rise of the middle over the ends, eye distances
    brow_tilt: float  # outer end over inner end, eye distances
    brow_thickness: float  # half width, eye distances
    brow_gap: float  # from the middle of the face to the inner end, eye distances
    brow_length: float  # eye distances
    brow_density: float  # 0 to 1
    lashes: float  # darkness of the lash line, 0 to 1
    beard: float  # 0 (none) over 0.3 (stubble) to 1 (full)
    moustache: float  # 0 to 1
    moles: tuple[tuple[float, float, float, float], ...]  # (6) x, y on the face, radius (eye distances), darkness

    @classmethod
    def sample(cls, seed: int) -> "Identity":
        """The person with this number, always the same. Seeds from 900,000 on are the held-out people.

        The distribution is described, parameter by parameter, in data/README.md.
        """
        rng = np.random.default_rng([seed, 1])
        shape = np.clip(rng.normal(0, SHAPE_STD, SHAPES), -2.2 * SHAPE_STD, 2.2 * SHAPE_STD)
        tone = rng.uniform(0, len(SKIN_RAMP) - 1)
        skin = _between(SKIN_RAMP, tone) * rng.normal(1, [0.03, 0.025, 0.04])
        rose = linear((196, 92, 96)) * rng.uniform(0.5, 1.0)
        lips = skin * np.array([0.92, 0.62, 0.64]) * rng.uniform(0.75, 1.1)
        lips = lips + (rose - lips) * rng.beta(1.2, 2.5)
        dark = tone / (len(SKIN_RAMP) - 1)  # darker skin goes with darker irises and brows, never without exception
        iris = _between(IRISES, rng.uniform(0, len(IRISES) - 1) * (1 if rng.random() > dark else 0.25))
        brow = _between(BROWS, rng.uniform(0, len(BROWS) - 1) * (1 if rng.random() > dark else 0.3))
        bearded = rng.random() < 0.3
        moles = [
            (rng.normal(0, 0.5), rng.uniform(-1.6, 1.1), rng.uniform(0.018, 0.042), rng.uniform(0.5, 0.9))
            if rng.random() < 0.4
            else (0.0, 0.0, 0.0, 0.0)
            for _ in range(MOLES)
        ]
        return cls(
            shape=_tuple(shape),
            skin=_tuple(np.clip(skin, 0.012, 0.92)),
            lips=_tuple(np.clip(lips, 0.01, 0.85)),
            iris=_tuple(iris * rng.uniform(0.85, 1.3)),
            brow=_tuple(brow),
            ruddiness=rng.beta(1.5, 2.5),
            mottling=rng.uniform(0.2, 1.0),
            freckles=rng.uniform(0.3, 1.0) if rng.random() < 0.25 * (1.2 - dark) else 0.0,
            shadows=rng.beta(1.5, 2.5),
            pattern=_tuple(rng.uniform(0, 32, 3)),
            brow_height=rng.normal(0, 0.045),
            brow_arch=rng.uniform(-0.01, 0.09),
            brow_tilt=rng.normal(0.02, 0.04),
            brow_thickness=rng.uniform(0.03, 0.085),
            brow_gap=rng.uniform(0.10, 0.24),
            brow_length=rng.uniform(0.55, 0.72),
            brow_density=rng.uniform(0.45, 1.0),
            lashes=rng.uniform(0.25, 1.0),
            beard=rng.uniform(0.25, 1.0) if bearded else 0.0,
            moustache=rng.uniform(0.2, 1.0) if bearded or rng.random() < 0.05 else 0.0,
            moles=tuple(tuple(float(v) for v in mole) for mole in moles),
        )

    @staticmethod
    def lerp(a: "Identity", b: "Identity", t: float) -> "Identity":
        """The person between `a` (t = 0) and `b` (t = 1): every parameter is (1 - t) a + t b."""
        return Identity(**{f.name: _mix(getattr(a, f.name), getattr(b, f.name), float(t)) for f in fields(Identity)})

    def with_colours_of(self, other: "Identity") -> "Identity":
        """This person's shape and marks with the skin, lip, iris and brow colour of `other`."""
        return replace(self, skin=other.skin, lips=other.lips, iris=other.iris, brow=other.brow)


def _between(ramp: tuple, position: float) -> np.ndarray:
    """Linear-light colour at a fractional position of a ramp of sRGB anchors."""
    i = min(int(position), len(ramp) - 2)
    return (1 - (position - i)) * linear(ramp[i]) + (position - i) * linear(ramp[i + 1])


def _tuple(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _mix(a, b, t: float):
    if isinstance(a, tuple):
        return tuple(_mix(x, y, t) for x, y in zip(a, b, strict=True))
    return (1 - t) * a + t * b

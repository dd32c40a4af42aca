"""Identity: everything about a person that SimSwap must take from the source, and how people are distributed."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from simswap_lib.world import head_model
from simswap_lib.world.dice import Colour, as_tuple, between, clip, dice, linear, ramp_of, uniform, within

# People with these seeds and above are never trained on: they are the strangers on which everything is judged.
HELD_OUT = 900_000

SHAPES = 80  # principal components of the head
MOLES = 6
SPREAD = 0.85  # of the head's shape around what sex and age explain; the full width gives caricatures
YOUNGEST, OLDEST = 18, 80

# sRGB anchors from very light to very dark skin; a person's tone lies anywhere between two neighbours.
SKIN_RAMP = (
    (238, 204, 186),
    (230, 188, 164),
    (216, 168, 138),
    (194, 142, 110),
    (164, 112, 82),
    (130, 84, 60),
    (98, 63, 47),
    (82, 54, 43),
)
IRISES = ((58, 36, 24), (84, 54, 32), (112, 76, 42), (122, 100, 58), (98, 110, 74), (92, 124, 138), (96, 132, 164))
# Brows, lashes, beard and hair: black to blond, then red.
HAIRS = ((16, 13, 12), (34, 24, 18), (58, 38, 26), (88, 60, 38), (124, 92, 58), (166, 132, 88), (126, 66, 36))
GREY = (172, 170, 166)

SKIN_SPREAD = np.array([0.025, 0.025, 0.04])  # of people of the same tone
ROSE = linear((186, 74, 82))  # of painted lips


@dataclass(frozen=True)
class Labels:
    """Which group a person belongs to as drawn, so that errors can be reported by group."""

    tone: str  # "light", "medium", "dark": thirds of the ramp of skin tones
    age: str  # "young" (to 38), "middle" (to 59), "old"
    sex: str  # "female", "male"


@dataclass(frozen=True)
class Identity:
    """One person: bone structure, skin, brows, irises, lips, marks, beard. Colours are linear RGB in [0, 1].

    Lengths are eye distances. `tone`, `age` and `sex` say how the person was drawn; what the renderer reads are the
    numbers that follow from them.
    """

    tone: float  # 0 (lightest) to 1 (darkest)
    age: float  # years
    sex: float  # 0 (female) to 1 (male)
    shape: tuple[float, ...]  # (80,) coefficients of the head model
    skin: Colour  # albedo
    lips: Colour  # albedo
    iris: Colour
    iris_ring: float  # how much lighter the middle of the iris is, 0 to 1
    brow: Colour  # colour of brows and lashes
    beard_colour: Colour
    ruddiness: float  # redness of cheeks, nose and ears, 0 to 1
    mottling: float  # unevenness of the skin, 0 to 1
    freckles: float  # 0 (none) to 1
    shadows: float  # darkness under the eyes, 0 to 1
    wrinkles: float  # 0 (smooth) to 1 (deep lines)
    spots: float  # age spots, 0 to 1
    oil: float  # how much the skin shines, 0 to 1
    pores: float  # coarseness of the skin's relief, 0 to 1
    pattern: tuple[float, float, float]  # where in the noise this person's skin lies
    brow_height: float  # above the brow ridge
    brow_arch: float  # rise of the middle over the ends
    brow_tilt: float  # outer end over inner end
    brow_thickness: float  # half width
    brow_gap: float  # from the middle of the face to the inner end
    brow_length: float
    brow_density: float  # 0 to 1
    lashes: float  # length and darkness of the lashes, 0 to 1
    beard: float  # 0 (none) over 0.3 (stubble) to 1 (full)
    moustache: float  # 0 to 1
    scar: tuple[float, float, float, float, float]  # x, y, angle (radians), half length, strength 0 to 1
    moles: tuple[tuple[float, float, float, float], ...]  # (6) x, y on the face, radius, darkness

    @classmethod
    def sample(cls, seed: int) -> "Identity":
        """The person with this number, always the same. Seeds from 900,000 on are the held-out people.

        The distribution is described, parameter by parameter, in data/README.md.
        """
        rng = dice(seed, 1)
        tone, male = rng.random(), rng.random() < 0.5
        age = uniform(rng, YOUNGEST, OLDEST)
        sex = rng.beta(5, 1.4) if male else rng.beta(1.4, 5)
        old = max(0.0, (age - 35) / (OLDEST - 35))
        at = tone * (len(SKIN_RAMP) - 1)
        skin = between(SKIN_RAMP, at) * (1 + SKIN_SPREAD * rng.standard_normal(3))
        rose = ROSE * uniform(rng, 0.5, 1.0)
        lips = skin * np.array([0.90, 0.60, 0.62]) * uniform(rng, 0.75, 1.1)
        lips = lips + (rose - lips) * (rng.beta(1.0, 4.0) if male else rng.beta(1.3, 2.2))
        # Darker skin goes with darker irises and brows, never without exception.
        iris = between(IRISES, uniform(rng, 0, len(IRISES) - 1) * (1 if rng.random() > tone else 0.25))
        hair = between(HAIRS, uniform(rng, 0, len(HAIRS) - 1) * (1 if rng.random() > tone else 0.25))
        grey = clip(rng.normal(1.5 * old - 0.5, 0.25), 0, 1)
        brow = hair + (ramp_of((GREY,))[0] * uniform(rng, 0.5, 1.0) - hair) * 0.7 * grey
        beard_colour = hair * 0.9 + (ramp_of((GREY,))[0] * 0.75 - hair * 0.9) * grey
        bearded = male and rng.random() < 0.5
        moustache = bearded or (male and rng.random() < 0.08)
        moles = [
            (rng.normal(0, 0.5), uniform(rng, -1.6, 1.1), uniform(rng, 0.016, 0.04), uniform(rng, 0.5, 0.9))
            if rng.random() < 0.35
            else (0.0, 0.0, 0.0, 0.0)
            for _ in range(MOLES)
        ]
        scar = (rng.normal(0, 0.55), uniform(rng, -1.5, 1.0), uniform(rng, -1.6, 1.6), uniform(rng, 0.08, 0.3))
        return cls(
            tone=tone,
            age=age,
            sex=sex,
            shape=as_tuple(head_model.load().sample_shape(sex, age, SPREAD, rng)),
            skin=within(skin, 0.012, 0.92),
            lips=within(lips, 0.01, 0.85),
            iris=as_tuple(iris * uniform(rng, 0.85, 1.3)),
            iris_ring=rng.beta(1.5, 2.0),
            brow=as_tuple(brow),
            beard_colour=as_tuple(beard_colour),
            ruddiness=rng.beta(1.5, 2.5),
            mottling=uniform(rng, 0.2, 1.0),
            freckles=uniform(rng, 0.35, 1.0) if rng.random() < 0.28 * (1.15 - tone) else 0.0,
            shadows=min(1.0, rng.beta(1.5, 3.0) + 0.25 * old),
            wrinkles=clip(1.15 * old + rng.normal(0, 0.1), 0, 1),
            spots=clip(uniform(rng, -0.4, 1.2) * old, 0, 1),
            oil=rng.beta(1.6, 2.2),
            pores=clip(uniform(rng, 0.1, 0.8) + 0.15 * male, 0, 1),
            pattern=as_tuple(uniform(rng, 0, 32, 3)),
            brow_height=rng.normal(0.0 if male else 0.02, 0.04),
            brow_arch=uniform(rng, -0.01, 0.06) if male else uniform(rng, 0.02, 0.10),
            brow_tilt=rng.normal(0.02, 0.04),
            brow_thickness=uniform(rng, 0.045, 0.095) if male else uniform(rng, 0.03, 0.07),
            brow_gap=uniform(rng, 0.12, 0.24),
            brow_length=uniform(rng, 0.55, 0.72),
            brow_density=uniform(rng, 0.5, 1.0),
            lashes=uniform(rng, 0.2, 0.6) if male else uniform(rng, 0.4, 1.0),
            beard=uniform(rng, 0.2, 1.0) if bearded else 0.0,
            moustache=uniform(rng, 0.2, 1.0) if moustache else 0.0,
            scar=(*scar, uniform(rng, 0.5, 1.0) if rng.random() < 0.08 else 0.0),
            moles=tuple(moles),
        )

    @staticmethod
    def lerp(a: "Identity", b: "Identity", t: float) -> "Identity":
        """The person between `a` (t = 0) and `b` (t = 1): every parameter is (1 - t) a + t b."""
        return Identity(**{f.name: _mix(getattr(a, f.name), getattr(b, f.name), float(t)) for f in fields(Identity)})

    def with_colours_of(self, other: "Identity") -> "Identity":
        """This person's shape and marks with the skin, lip, iris, brow and beard colours of `other`."""
        taken = ("tone", "skin", "lips", "iris", "iris_ring", "brow", "beard_colour")
        return replace(self, **{name: getattr(other, name) for name in taken})

    @cached_property
    def labels(self) -> Labels:
        """The groups of this person, from `tone`, `age` and `sex`."""
        return Labels(
            tone=("light", "medium", "dark")[min(int(3 * self.tone), 2)],
            age="young" if self.age < 39 else "middle" if self.age < 60 else "old",
            sex="male" if self.sex > 0.5 else "female",
        )


def _mix(a, b, t: float):
    if isinstance(a, tuple):
        return tuple(_mix(x, y, t) for x, y in zip(a, b, strict=True))
    return (1 - t) * a + t * b

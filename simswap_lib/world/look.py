"""What the shader reads of a shot, and how it numbers kinds of surface, parts and what a vertex carries."""

from math import cos, radians, sin

import numpy as np

from simswap_lib.world.shots import CLOTHES, Shot

# Kinds of surface, after those of the head model.
LOCK, LASH, FRAME, CLOTH_MASK, MICROPHONE, HANDLE, HAND, STRAND = range(7, 15)
PARTS = ("skin", "brows", "eyes", "lips", "mouth", "hair", "neck", "glasses", "occluder", "background")
P_SKIN, P_BROWS, P_EYES, P_LIPS, P_MOUTH, P_HAIR, P_NECK, P_GLASSES, P_OCCLUDER, P_BACKGROUND = range(10)
# Numbers of a vertex of the head: place on the template, lips, openness, lash line, height above the hairline, face,
# neck, the six fields of skin.py. Of a ribbon: place along, number, place across, tangent, openness. Of other things:
# the place for which their pattern is made.
ATTRIBUTES, RIBBON = 15, 7
X, Y, Z, LIPS, OPEN, RIM, ABOVE, FACE, NECK, FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
SHADOW_SIZE, SHADOW_REACH = 96, 3.2  # cells a side of the shadow map, and eye distances from its middle to its edge
SHADOW_BEHIND = 20.0  # eye distances that the shadow map reaches behind the face
SHADOW_CELLS = SHADOW_SIZE / (2 * SHADOW_REACH)  # an eye distance


# The numbers of a shot that the shader reads; Shot explains them. `gaze` is a unit vector in the head's axes.
LOOK = np.dtype(
    [(name, "f4", 3) for name in ("light", "light_colour", "rim", "rim_colour", "sky", "ground", "hair_colour")]
    + [("frame", "f4", 3), ("cover", "f4", 3), ("gaze", "f4", 3), ("cloth", "f4", (2, 3))]
    + [(name, "f4") for name in ("softness", "hairline", "hair_side", "cloth_pattern", "collar", "seed")]
    + [(name, "f4") for name in ("has_hair", "short", "curly", "clothes")]
)


def pack(s: Shot) -> np.ndarray:
    """The shader's view of a shot: one LOOK record."""
    h, v = radians(s.gaze[0]), radians(s.gaze[1])
    numbers = (
        *s.light, *s.light_colour, *s.rim, *s.rim_colour, *s.sky, *s.ground, *s.hair_colour,
        *s.glasses_colour, *s.occluder_colour, sin(h) * cos(v), sin(v), cos(h) * cos(v), *s.cloth[0], *s.cloth[1],
        s.softness, s.hairline, s.hair_side, s.cloth_pattern, s.collar, s.seed % 97,
        s.hair != "bald", s.hair == "buzz", s.hair in ("curly", "afro"), CLOTHES.index(s.clothes),
    )  # fmt: skip
    return np.array(numbers, np.float32).view(LOOK)

"""What the shader reads of a shot, and how it numbers kinds of surface, parts and what a vertex carries."""

import numpy as np

from simswap_lib.world.shots import CLOTHES, Shot

# Kinds of surface, after those of the head model.
LOCK, LASH, FRAME, CLOTH_MASK, MICROPHONE, HANDLE, HAND, STRAND = range(7, 15)
PARTS = ("skin", "brows", "eyes", "lips", "mouth", "hair", "neck", "glasses", "occluder", "background")
P_SKIN, P_BROWS, P_EYES, P_LIPS, P_MOUTH, P_HAIR, P_NECK, P_GLASSES, P_OCCLUDER, P_BACKGROUND = range(10)
# Numbers of a vertex of the head: place on the template, lips, openness, lash line, height above the hairline, face,
# neck, the six fields of skin.py. Of a ribbon: place along, number, place across, tangent, openness.
ATTRIBUTES = 15
X, Y, Z, LIPS, OPEN, RIM, ABOVE, FACE, NECK, FIELDS = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
SHADOW_SIZE, SHADOW_REACH = 96, 3.2


# The numbers of a shot that the shader reads; Shot explains them. `gaze` is a unit vector in the head's axes.
LOOK = np.dtype(
    [(name, "f4", 3) for name in ("light", "light_colour", "rim", "rim_colour", "sky", "ground", "gaze", "hair_colour")]
    + [("cloth", "f4", (2, 3)), ("frame", "f4", 3), ("cover", "f4", 3)]
    + [(name, "f4") for name in ("softness", "hairline", "hair_side", "cloth_pattern", "collar", "seed")]
    + [(name, "i4") for name in ("has_hair", "short", "curly", "clothes")]
)


def pack(s: Shot) -> np.ndarray:
    """The shader's view of a shot: one LOOK record."""
    out = np.zeros(1, LOOK)
    for name in ("light", "light_colour", "rim", "rim_colour", "sky", "ground", "hair_colour", "cloth", "softness"):
        out[name] = getattr(s, name)
    for name in ("hairline", "hair_side", "cloth_pattern", "collar"):
        out[name] = getattr(s, name)
    h, v = np.radians(s.gaze)
    out["gaze"] = np.sin(h) * np.cos(v), np.sin(v), np.cos(h) * np.cos(v)
    out["frame"], out["cover"], out["seed"] = s.glasses_colour, s.occluder_colour, s.seed % 97
    out["has_hair"], out["short"], out["curly"] = s.hair != "bald", s.hair == "buzz", s.hair in ("curly", "afro")
    out["clothes"] = CLOTHES.index(s.clothes)
    return out

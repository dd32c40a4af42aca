"""What is painted on a person: skin, lips, brows, marks and irises, each in coordinates of the template.

A point of the template is the same spot of every face, under every pose and expression, so what is painted stays put.
Nothing here knows the photograph.
"""

from functools import lru_cache, partial

import cv2
import numpy as np

from simswap_lib.world import head_model
from simswap_lib.world.compiled import compiled
from simswap_lib.world.noise import blob, lattice, noise, step, towards
from simswap_lib.world.people import MOLES, Identity

LINES_SIDE = 256
FIELDS = ("red", "under", "oil", "jaw", "upper", "lid")  # smooth fields on the template, one number a vertex


# The numbers of a person that the painter reads; Identity explains each. A record is what compiled code reads quickest.
SKIN = np.dtype(
    [("skin", "f4", 3), ("lips", "f4", 3), ("iris", "f4", 3), ("brow", "f4", 3), ("beard_colour", "f4", 3)]
    + [("pattern", "f4", 3), ("scar", "f4", 5), ("moles", "f4", (MOLES, 4))]
    + [(name, "f4") for name in ("iris_ring", "ruddiness", "mottling", "freckles", "shadows", "spots", "oil", "pores")]
    + [(name, "f4") for name in ("brow_height", "brow_arch", "brow_tilt", "brow_thickness", "brow_gap", "brow_length")]
    + [(name, "f4") for name in ("brow_density", "lashes", "beard", "moustache")]
    + [("lines", "f4", 4)]  # depth of forehead lines, crow's feet, folds beside the mouth, frown
)


def pack(person: Identity) -> np.ndarray:
    """The painter's view of a person: one SKIN record. Which lines come first with age differs between people."""
    a, b, c = person.pattern
    lines = [person.wrinkles * (0.45 + 0.55 * (part % 1)) for part in (a, b, c, a + b)]
    moles = [number for mole in person.moles for number in mole]
    numbers = []
    for name in SKIN.names[:-1]:
        value = moles if name == "moles" else getattr(person, name)
        numbers += value if isinstance(value, (tuple, list)) else (value,)
    return np.array(numbers + lines, np.float32).view(SKIN)


@lru_cache(maxsize=1)
def fields() -> np.ndarray:
    """(N, 6) of the mean head, columns FIELDS: blood, thin skin under the eyes, oil, beard, moustache, upper lid."""
    head = head_model.load()
    x, y, z = head.mean.T
    ax = np.abs(x)

    def spot(cx, cy, rx, ry):
        return np.exp(-(((ax - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)

    def rise(a, b, v):
        t = np.clip((v - a) / (b - a), 0, 1)
        return t * t * (3 - 2 * t)

    red = spot(0.68, -0.62, 0.42, 0.34) + 0.8 * spot(0, -0.55, 0.24, 0.25) + 0.35 * spot(0, -1.62, 0.3, 0.2)
    red = np.minimum(red + 0.5 * rise(1.15, 1.3, ax), 1)
    under = spot(0.46, -0.27, 0.26, 0.11) + 0.6 * spot(0.2, -0.08, 0.08, 0.14)
    oil = spot(0, 0.75, 0.5, 0.3) + 0.9 * spot(0, -0.4, 0.14, 0.4) + 0.6 * spot(0.62, -0.42, 0.22, 0.16)
    oil += 0.5 * spot(0, -1.62, 0.2, 0.15)
    jaw = rise(-0.85, -1.25, y + 0.55 * rise(0.55, 1.05, ax)) * rise(-2.3, -1.95, y)
    gap = rise(0.02, 0.16, np.abs(y + 1.02) - 0.10 + 0.8 * np.maximum(ax - 0.45, 0))
    jaw *= np.where((y > -1.2) & (ax < 0.5), gap, 1) * rise(-1.15, -0.8, z)
    upper = np.minimum(1.3 * spot(0.2, -0.87, 0.34, 0.085) * rise(0.02, 0.08, ax + 0.03), 1)
    lid = spot(0.5, 0.14, 0.28, 0.09)
    return np.column_stack([red, under, oil, jaw, upper, lid]).astype(np.float32) * (z > -1.6)[:, None]


@lru_cache(maxsize=1)
def lines() -> np.ndarray:
    """(256, 256, 4) depth in [0, 1] of the lines of age over x in [-1.4, 1.4] and y from 1.5 down to -2.5."""
    fine = 4
    out = np.zeros((LINES_SIDE, LINES_SIDE, 4), np.float32)
    t = np.linspace(-1, 1, 40)

    def draw(channel, x, y, width, strength=1.0):
        side = LINES_SIDE * fine
        for mirror in (1, -1):
            px = np.stack([(mirror * x + 1.4) / 2.8 * side, (1.5 - y) / 4.0 * side], axis=1)
            layer = np.zeros((side, side), np.float32)
            cv2.polylines(layer, [np.round(px * 16).astype(np.int32)], False, 1.0, max(1, int(width * side / 4)), 16, 4)
            layer = cv2.GaussianBlur(layer, (0, 0), width * side / 4)
            layer = cv2.resize(layer, (LINES_SIDE, LINES_SIDE), interpolation=cv2.INTER_AREA)
            out[..., channel] = np.maximum(out[..., channel], strength * layer / max(layer.max(), 1e-6))

    for i, height in enumerate((0.66, 0.80, 0.93, 1.06)):
        draw(
            0,
            (0.55 - 0.07 * i) * t,
            height + 0.05 * t * t + 0.012 * np.sin(4 * t + 2 * i),
            0.020,
            (0.7, 0.9, 0.7, 0.4)[i],
        )
    for angle in (-38, -14, 10, 34):
        a, r = np.radians(angle), 0.04 + 0.11 * (t + 1)
        draw(1, 0.86 + r * np.cos(a), -0.02 + r * np.sin(a) - 0.1 * r * r, 0.018)
    draw(1, 0.5 + 0.27 * t, -0.30 - 0.07 * (1 - t * t), 0.028, 0.7)
    draw(2, 0.43 + 0.12 * t - 0.03 * t * t, -0.93 - 0.24 * t, 0.05)
    draw(2, 0.47 + 0.02 * t, -1.36 - 0.14 * t, 0.035, 0.6)
    draw(3, 0.10 + 0.01 * t, 0.36 + 0.13 * t, 0.024)
    return np.ascontiguousarray(out)


@lru_cache(maxsize=1)
def lined() -> np.ndarray:
    """(32, 32) whether there is any line in a block of the chart, or just beyond it: where the chart, which is too
    large to stay near the processor, need not be read."""
    there = (lines() > 0).any(-1)
    there[:-1] |= there[1:]  # a place lies between a cell and the next ones
    there[:, :-1] |= there[:, 1:]
    return there.reshape(32, LINES_SIDE // 32, 32, LINES_SIDE // 32).any((1, 3))


@compiled
def lines_at(chart, p, x, y):
    """How deep the lines of age are here, about 0 to 1, and how fast that grows along x and along y.

    chart: what `lines` and `lined` return.
    """
    depths, somewhere = chart
    u, v = (x + 1.4) / 2.8 * LINES_SIDE - 0.5, (1.5 - y) / 4.0 * LINES_SIDE - 0.5
    i, j = int(np.floor(v)), int(np.floor(u))
    if i < 0 or j < 0 or i >= LINES_SIDE - 1 or j >= LINES_SIDE - 1:
        return 0.0, 0.0, 0.0
    if not somewhere[i >> 3, j >> 3]:
        return 0.0, 0.0, 0.0
    v, u = v - i, u - j
    depth, right, down = 0.0, 0.0, 0.0
    for c in range(4):
        a, b, d, e = depths[i, j, c], depths[i, j + 1, c], depths[i + 1, j, c], depths[i + 1, j + 1, c]
        above, below = a + (b - a) * u, d + (e - d) * u
        depth += p.lines[c] * (above + (below - above) * v)
        right += p.lines[c] * ((b - a) * (1 - v) + (e - d) * v)
        down += p.lines[c] * (below - above)
    return depth, right * (LINES_SIDE / 2.8), -down * (LINES_SIDE / 4.0)


@partial(compiled, inline=True)
def paint_skin(p, grid, chart, x, y, z, A, lips, rim, fine):
    """Albedo of the skin at the template point (x, y, z).

    A: numbers of the point, as look.py counts them; fine: 0 to 1, how much is painted of what is smaller than a
    pixel of a 64-pixel face.
    Returns the albedo (3), how shiny the skin is (0 to 1), and how much of the point is brow and how much is lip.
    Colours are handed on as three numbers and not as an array: those the processor keeps at hand.
    """
    ax = abs(x)
    px, py, pz = p.pattern[0] + 3 * x, p.pattern[1] + 3 * y, p.pattern[2] + 3 * z
    tone = 1 + 0.20 * p.mottling * (noise(grid, px, py, pz) - 0.5)
    warm = 0.10 * p.mottling * (noise(grid, 0.8 * py + 7, 0.8 * pz, 0.8 * px) - 0.5)
    if fine > 0:
        tone += fine * 0.16 * (noise(grid, 8 * px, 8 * py, 8 * pz) - 0.5)
    red, green, blue = p.skin[0] * tone * (1 + warm), p.skin[1] * tone, p.skin[2] * tone * (1 - warm)
    # Blood near the surface: cheeks, nose, chin, ears.
    if A[9] > 0.01:
        blood = A[9] * (0.25 + 0.75 * p.ruddiness) * (0.55 + 0.9 * noise(grid, py, pz, px))
        green *= 1 - 0.27 * blood
        blue *= 1 - 0.22 * blood
    # Thin skin under the eyes, and the upper lids.
    dark = A[10] * (0.15 + 0.5 * p.shadows)
    red *= 1 - 0.42 * dark - 0.08 * A[14]
    green *= 1 - 0.50 * dark - 0.14 * A[14]
    blue *= 1 - 0.38 * dark - 0.12 * A[14]
    colour = red, green, blue
    if p.freckles > 0 and z > -0.6:
        where = blob(ax, y, 0.45, -0.42, 0.75, 0.5) + 0.25
        spot = step(0.64, 0.76, noise(grid, 4.3 * px, 4.3 * py, 2 * pz) + 0.10 * (where - 0.5))
        spot = max(spot, 0.8 * step(0.68, 0.78, noise(grid, 9.1 * px, 9.1 * py, 5 * pz)))
        amount = 0.6 * p.freckles * spot * min(where, 1.0)
        colour = towards(colour, p.skin[0] * 0.55, p.skin[1] * 0.38, p.skin[2] * 0.28, amount)
    if p.spots > 0:
        spot = step(0.70, 0.80, noise(grid, 1.9 * px + 3, 1.9 * py, 1.9 * pz))
        colour = towards(colour, p.skin[0] * 0.62, p.skin[1] * 0.50, p.skin[2] * 0.42, 0.6 * p.spots * spot)
    for m in range(len(p.moles)):
        radius = p.moles[m, 2]
        if radius > 0 and z > -0.5:
            distance = np.sqrt((x - p.moles[m, 0]) ** 2 + (y - p.moles[m, 1]) ** 2)
            if distance < 1.2 * radius:
                amount = p.moles[m, 3] * (1 - step(0.6 * radius, 1.15 * radius, distance))
                colour = towards(colour, 0.25 * p.skin[0], 0.17 * p.skin[1], 0.14 * p.skin[2], amount)
    gloss = 0.35 + 0.65 * A[11] * p.oil
    if p.scar[4] > 0 and z > -0.5:
        c, s = np.cos(p.scar[2]), np.sin(p.scar[2])
        along, across = (x - p.scar[0]) * c + (y - p.scar[1]) * s, (y - p.scar[1]) * c - (x - p.scar[0]) * s
        across += 0.012 * np.sin(21 * along)
        inside = p.scar[4] * (1 - step(0.8 * p.scar[3], p.scar[3], abs(along))) * (1 - step(0.012, 0.03, abs(across)))
        colour = towards(
            colour, min(1.25 * p.skin[0] + 0.06, 0.9), 0.95 * p.skin[1] + 0.03, p.skin[2] + 0.03, 0.75 * inside
        )
        gloss += 0.3 * inside
    # Beard and moustache: hairs too fine to see one by one, so a tint with a little grain.
    hairy = max(A[12] * p.beard, A[13] * p.moustache)
    if hairy > 0.01:
        patchy = step(0.0, 0.55, hairy - 0.35 * (noise(grid, 5 * x + p.pattern[2], 5 * y, 5 * z) - 0.3))
        amount = patchy * (0.35 + 0.65 * max(p.beard, p.moustache))
        if fine > 0:
            grain = noise(grid, 46 * x + p.pattern[0], 20 * y + p.pattern[1], 24 * z)
            amount *= 1 - 0.55 * fine * (1 - step(0.25, 0.7, grain))
        amount *= 1 - step(0.15, 0.4, lips)
        colour = towards(colour, p.beard_colour[0], p.beard_colour[1], p.beard_colour[2], min(0.92 * amount, 0.94))
        gloss *= 1 - 0.6 * amount
    # Lips, with fine upright lines.
    mouth = step(0.16, 0.5, lips)
    if mouth > 0:
        upright = 1 - 0.14 * noise(grid, 8 * x, 6 * y, 1.5)
        if fine > 0:
            upright -= 0.22 * fine * noise(grid, 30 * x, 4 * y, p.pattern[0])
        darker = 1 - 0.16 * step(-1.0, -0.96, y)  # the upper lip
        upright *= darker
        colour = towards(colour, p.lips[0] * upright, p.lips[1] * upright, p.lips[2] * upright, mouth)
        gloss = gloss + (0.75 - gloss) * mouth
    # Lines of age are a little darker than what they part.
    if p.lines[0] + p.lines[2] > 0.02 and z > -0.9:
        depth, _, _ = lines_at(chart, p, x, y)
        if depth > 0:
            depth = min(depth, 1.0) * (0.35 + 0.9 * noise(grid, 2.2 * px, 1.3 * py, 3.5))
        colour = colour[0] * (1 - 0.16 * depth), colour[1] * (1 - 0.24 * depth), colour[2] * (1 - 0.24 * depth)
    # Brows follow an arc; their ends thin out, their hairs lie flatter towards the temple.
    brow = 0.0
    if 0.0 < y < 0.95 and z > -0.6:
        u = (ax - p.brow_gap) / p.brow_length
        if -0.12 < u < 1.12:
            middle = 0.385 + p.brow_height + p.brow_arch * 4 * u * (1 - u) + p.brow_tilt * u
            half = p.brow_thickness * (1.05 - 0.55 * u * u) * step(-0.12, 0.08, u) * step(1.10, 0.85, u)
            lean = 0.35 + 1.1 * min(max(u, 0.0), 1.0)
            side = 1.0 if y > middle else -0.6
            along, across = ax * np.sin(lean) + side * y * np.cos(lean), ax * np.cos(lean) - side * y * np.sin(lean)
            hairs = 0.5 * noise(grid, 52 * across, 7 * along, p.pattern[1]) + 0.5 * noise(
                grid, 25 * across, 5 * along, 9.0
            )
            hairs = 0.5 + (0.35 + 0.65 * fine) * (hairs - 0.5) * 1.3
            edge = 1 - step(0.45, 1.3, abs(y - middle) / (half + 1e-4) + 0.5 * (0.5 - hairs))
            brow = min(edge * p.brow_density * (0.55 + 0.75 * hairs), 0.96)
            brow *= step(-0.12, 0.35, u + 0.25)
            colour = towards(colour, p.brow[0] * 0.75, p.brow[1] * 0.75, p.brow[2] * 0.75, brow)
            gloss *= 1 - 0.7 * brow
    # Lash line around the opening of the eye, stronger above.
    if rim > 0:
        dark = rim * (0.35 + 0.65 * p.lashes) * (0.95 if y > 0.0 else 0.5)
        colour = towards(colour, 0.02 + 0.15 * p.brow[0], 0.014 + 0.15 * p.brow[1], 0.012 + 0.15 * p.brow[2], dark)
        gloss *= 1 - 0.5 * dark
    return colour, gloss, brow, mouth


@compiled
def paint_eye(p, grid, gaze, dx, dy, dz, inner):
    """Albedo of the eyeball in the direction (dx, dy, dz) from its centre; inner: direction of the nose, +1 or -1."""
    cosine = dx * gaze[0] + dy * gaze[1] + dz * gaze[2]
    angle = np.arccos(min(max(cosine, -1.0), 1.0))
    veins = noise(grid, 7 * dx, 7 * dy, 7 * dz) * step(0.45, 1.1, angle)
    corner = step(0.35, 0.9, dx * inner)
    red = 0.14 * veins + 0.22 * corner
    colour = 0.56 - 0.06 * veins - 0.02 * corner, 0.53 - red, 0.52 - red
    iris = 1 - step(0.455, 0.545, angle)
    if iris > 0:
        around = np.arctan2(dy - gaze[1], dx - gaze[0])
        c, s = np.cos(around), np.sin(around)
        rays = 0.62 + 0.45 * noise(grid, 9 * c + p.pattern[0], 9 * s, 3 * angle)
        rays += 0.35 * noise(grid, 19 * c + p.pattern[1], 19 * s, 7 * angle) - 0.1
        limbus = 1 - 0.80 * step(0.36, 0.5, angle)
        ring = 1 + 0.9 * p.iris_ring * (1 - step(0.24, 0.34, angle))
        k = rays * limbus * ring
        colour = towards(colour, p.iris[0] * k * (1 + 0.1 * p.iris_ring), p.iris[1] * k, p.iris[2] * k, iris)
        colour = towards(colour, 0.004, 0.004, 0.004, 1 - step(0.175, 0.215, angle))
    return colour


def albedo(person: Identity, points: np.ndarray, size: int = 128) -> np.ndarray:
    """Linear RGB (P, 3) of a person's skin at points (P, 3) of the template, no light and no photograph involved.

    size: side of the picture for which it is painted; in a small one, what is finer than a pixel is left out.
    """
    head = head_model.load()
    out = np.empty((len(points), 3), np.float32)
    near = np.linalg.norm(head.mean[None] - np.asarray(points)[:, None], axis=-1).argmin(1)
    _albedo(
        out, pack(person), *tables(), points.astype(np.float32), fields()[near], head.lips[near], head.rim[near],
        np.float32(fineness(size)),
    )  # fmt: skip
    return out


@partial(compiled, allocates=True)
def _albedo(out, person, grid, chart, points, f, lips, rim, fine):
    p = person[0]
    A = np.zeros(15, np.float32)
    for i in range(len(points)):
        A[9:] = f[i]
        colour, _, _, _ = paint_skin(p, grid, chart, points[i, 0], points[i, 1], points[i, 2], A, lips[i], rim[i], fine)
        for m in range(3):
            out[i, m] = colour[m]


def fineness(size: int) -> float:
    """0 for a face of 64 pixels, 1 from 160 pixels on: what is smaller than a pixel only makes noise."""
    return float(np.clip((size - 64) / 96, 0, 1))


@lru_cache(maxsize=1)
def tables() -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Random lattice and chart of lines, with where it is empty: the tables that the painter reads."""
    return lattice(), (lines(), lined())

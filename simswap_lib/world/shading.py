"""What a point of a face looks like: everything painted in the template's coordinates, lit in linear light."""

from functools import lru_cache

import numpy as np
from numba import njit

from simswap_lib.world.head_model import HAIR, LEFT_EYE, MOUTH, RIGHT_EYE, SKIN, TEETH, TONGUE
from simswap_lib.world.people import Identity
from simswap_lib.world.shots import Shot

MOLES_AT = 29  # where the moles start in a packed person


def pack_person(p: Identity) -> np.ndarray:
    """The numbers of a person that the shader reads, in its order."""
    head = (p.ruddiness, p.mottling, p.freckles, p.shadows, *p.pattern, p.brow_height, p.brow_arch, p.brow_tilt)
    tail = (p.brow_thickness, p.brow_gap, p.brow_length, p.brow_density, p.lashes, p.beard, p.moustache)
    moles = [value for mole in p.moles for value in mole]
    return np.array([*p.skin, *p.lips, *p.iris, *p.brow, *head, *tail, *moles], np.float32)


def pack_shot(s: Shot) -> np.ndarray:
    """The numbers of a shot that the shader reads, in its order."""
    h, v = np.radians(s.gaze)
    gaze = (np.sin(h) * np.cos(v), np.sin(v), np.cos(h) * np.cos(v))
    light = (*s.light, *s.light_colour, *s.sky, *s.ground)
    hair = (*s.hair_colour, s.hair != "bald", s.hairline, s.hair == "cropped", s.hair == "curly", s.hair_side)
    return np.array([*light, *hair, *s.clothes, s.collar, *gaze, s.seed % 97], np.float32)


@lru_cache(maxsize=1)
def lattice() -> np.ndarray:
    """Random values on a 32 x 32 x 32 grid that repeats: the source of all noise."""
    return np.random.default_rng(20210610).random((32, 32, 32), np.float32)


@njit(cache=True, fastmath=True, error_model="numpy")
def noise(grid, x, y, z):
    """Smooth noise in [0, 1] with features of about unit size."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    i, j, k = int(fx) & 31, int(fy) & 31, int(fz) & 31
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    i1, j1, k1 = (i + 1) & 31, (j + 1) & 31, (k + 1) & 31
    a = (grid[i, j, k] * (1 - u) + grid[i1, j, k] * u) * (1 - v) + (grid[i, j1, k] * (1 - u) + grid[i1, j1, k] * u) * v
    b = (grid[i, j, k1] * (1 - u) + grid[i1, j, k1] * u) * (1 - v) + (
        grid[i, j1, k1] * (1 - u) + grid[i1, j1, k1] * u
    ) * v
    return a * (1 - w) + b * w


@njit(cache=True, fastmath=True, error_model="numpy")
def step(edge0, edge1, x):
    """0 below edge0, 1 above edge1, smooth between."""
    t = min(max((x - edge0) / (edge1 - edge0), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@njit(cache=True, fastmath=True, error_model="numpy")
def blob(x, y, cx, cy, rx, ry):
    """A soft spot, 1 in the middle."""
    return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)


@njit(cache=True, fastmath=True, error_model="numpy")
def towards(colour, r, g, b, amount):
    colour[0] += (r - colour[0]) * amount
    colour[1] += (g - colour[1]) * amount
    colour[2] += (b - colour[2]) * amount


@njit(cache=True, fastmath=True, error_model="numpy")
def paint_skin(colour, P, grid, x, y, z, lips, rim):
    """Albedo of the skin at the template point (x, y, z) into `colour`; returns how shiny it is."""
    ax = abs(x)
    px, py, pz = P[16] + 3 * x, P[17] + 3 * y, P[18] + 3 * z
    tone = 1 + 0.22 * P[13] * (noise(grid, px, py, pz) - 0.5) + 0.10 * (noise(grid, 9 * px, 9 * py, 9 * pz) - 0.5)
    for c in range(3):
        colour[c] = P[c] * tone
    # Blood near the surface: cheeks, nose, chin, ears.
    red = (
        blob(ax, y, 0.68, -0.62, 0.42, 0.34)
        + 0.8 * blob(ax, y, 0.0, -0.55, 0.24, 0.25)
        + 0.35 * blob(ax, y, 0.0, -1.62, 0.3, 0.2)
    )
    red = min(red + 0.4 * step(1.15, 1.3, ax), 1.0) * (0.25 + 0.75 * P[12]) * (0.6 + 0.8 * noise(grid, py, pz, px))
    colour[1] *= 1 - 0.32 * red
    colour[2] *= 1 - 0.26 * red
    # Thin skin under the eyes.
    dark = blob(ax, y, 0.46, -0.27, 0.26, 0.11) * (0.15 + 0.5 * P[15])
    colour[0] *= 1 - 0.42 * dark
    colour[1] *= 1 - 0.50 * dark
    colour[2] *= 1 - 0.38 * dark
    if P[14] > 0 and z > -0.6:
        where = blob(ax, y, 0.45, -0.42, 0.75, 0.5) + 0.25
        spot = step(0.66, 0.78, noise(grid, 4.3 * px, 4.3 * py, 2 * pz) + 0.10 * (where - 0.5))
        amount = 0.55 * P[14] * spot * min(where, 1.0)
        towards(colour, P[0] * 0.52, P[1] * 0.36, P[2] * 0.26, amount)
    for m in range(MOLES_AT, len(P), 4):
        radius = P[m + 2]
        if radius > 0 and z > -0.5:
            distance = np.sqrt((x - P[m]) ** 2 + (y - P[m + 1]) ** 2)
            amount = P[m + 3] * (1 - step(0.7 * radius, 1.1 * radius, distance))
            towards(colour, 0.045, 0.022, 0.014, amount)
    # Beard and moustache: hairs too fine to see one by one, so a tint with a little grain.
    if P[27] + P[28] > 0 and z > -1.0:
        jaw = step(-0.85, -1.25, y + 0.55 * step(0.55, 1.05, ax)) * step(-2.3, -1.9, y)
        jaw *= step(0.02, 0.16, abs(y + 1.02) - 0.10 + 0.8 * max(ax - 0.45, 0.0)) if y > -1.2 and ax < 0.5 else 1.0
        upper = blob(ax, y, 0.2, -0.87, 0.34, 0.085) * step(0.02, 0.08, ax + 0.03)
        hairy = max(jaw * P[27], min(1.3 * upper, 1.0) * P[28])
        grain = noise(grid, 44 * x + P[16], 24 * y + P[17], 24 * z)
        amount = hairy * (0.55 + 0.45 * step(0.25, 0.7, grain)) * (1 - step(0.15, 0.4, lips))
        towards(colour, P[9] * 0.8, P[10] * 0.8, P[11] * 0.8, min(0.88 * amount, 0.92))
    # Lips, with fine upright lines.
    mouth = step(0.16, 0.5, lips)
    if mouth > 0:
        lines = 1 - 0.16 * noise(grid, 26 * x, 5 * y, P[16])
        towards(colour, P[3] * lines, P[4] * lines, P[5] * lines, mouth)
    # Brows follow an arc; their ends thin out.
    if 0.0 < y < 0.95 and z > -0.6:
        u = (ax - P[23]) / P[24]
        if -0.1 < u < 1.1:
            middle = 0.385 + P[19] + P[20] * 4 * u * (1 - u) + P[21] * u
            half = P[22] * (1.05 - 0.62 * u * u) * step(-0.1, 0.08, u) * step(1.1, 0.8, u)
            hairs = noise(grid, 30 * x + 14 * y, 16 * y - 6 * ax, P[17])
            edge = 1 - step(0.55, 1.25, abs(y - middle) / (half + 1e-4) + 0.35 * (hairs - 0.5))
            amount = edge * P[25] * (0.72 + 0.4 * hairs)
            towards(colour, P[9] * 0.75, P[10] * 0.75, P[11] * 0.75, min(amount, 0.96))
    # Lash line around the opening of the eye, stronger above.
    if rim > 0:
        towards(
            colour,
            0.02 + 0.2 * P[9],
            0.015 + 0.2 * P[10],
            0.012 + 0.2 * P[11],
            rim * P[26] * (0.92 if y > 0.0 else 0.45),
        )
    return (0.055 + 0.09 * mouth) * (0.6 + 0.8 * noise(grid, 14 * x, 14 * y, 14 * z))


@njit(cache=True, fastmath=True, error_model="numpy")
def paint_eye(colour, P, S, grid, dx, dy, dz):
    """Albedo of the eyeball in the direction (dx, dy, dz) from its centre."""
    cosine = dx * S[24] + dy * S[25] + dz * S[26]
    angle = np.arccos(min(max(cosine, -1.0), 1.0))
    iris = 1 - step(0.47, 0.53, angle)
    veins = noise(grid, 9 * dx, 9 * dy, 9 * dz)
    white = 1 - 0.10 * step(0.5, 1.1, angle) * veins
    colour[0], colour[1], colour[2] = 0.70 * white, 0.66 * white * white, 0.63 * white * white
    if iris > 0:
        around = np.arctan2(dy - S[25], dx - S[24])
        rays = 0.72 + 0.55 * noise(grid, 9 * np.cos(around) + P[16], 9 * np.sin(around), 9 * angle)
        ring = (1 - 0.72 * step(0.36, 0.5, angle)) * (1 + 0.5 * (1 - step(0.2, 0.32, angle)))
        towards(colour, P[6] * rays * ring, P[7] * rays * ring, P[8] * rays * ring, iris)
        towards(colour, 0.004, 0.004, 0.004, 1 - step(0.185, 0.23, angle))


@njit(cache=True, fastmath=True, error_model="numpy")
def shade(image, mask, index, weights, triangles, attributes, normals, part, eyes, P, S, grid):
    """Linear RGB of every covered pixel into `image` (S, S, 3), visible face into `mask` (S, S)."""
    size = len(index)
    colour = np.empty(3, np.float32)
    A = np.empty(attributes.shape[1], np.float32)
    n = np.empty(3, np.float32)
    half = np.array([S[0], S[1], S[2] + 1.0], np.float32)
    half /= np.sqrt((half * half).sum())
    for row in range(size):
        for col in range(size):
            t = index[row, col]
            if t < 0:
                continue
            i, j, k = triangles[t]
            b, c = weights[row, col]
            a = 1 - b - c
            for m in range(len(A)):
                A[m] = a * attributes[i, m] + b * attributes[j, m] + c * attributes[k, m]
            for m in range(3):
                n[m] = a * normals[i, m] + b * normals[j, m] + c * normals[k, m]
            n /= np.sqrt((n * n).sum()) + 1e-9
            kind = part[i]
            x, y, z, openness = A[0], A[1], A[2], A[4]
            visible = A[7]
            wrap, gloss, power = 0.0, 0.0, 16.0
            strand = False
            if kind == SKIN:
                gloss = paint_skin(colour, P, grid, x, y, z, A[3], A[5])
                wrap = 0.32
                if y < -2.45 - 0.22 * z + S[23]:  # clothes
                    weave = 0.85 + 0.3 * noise(grid, 24 * x, 24 * y, 24 * z)
                    for m in range(3):
                        colour[m] = S[20 + m] * weave
                    gloss = 0.0
                    visible = 0.0
                if S[15] > 0:
                    ragged = 0.16 * (noise(grid, 14 * x, 4 * y, 14 * z + S[27]) - 0.5)
                    cover = step(-0.03, 0.10, A[6] - S[16] + ragged)
                    if S[17] > 0:
                        cover *= 0.82
                    if cover > 0.5:
                        strand = True
                    elif cover > 0:
                        towards(colour, S[12], S[13], S[14], cover)
            elif kind == HAIR:
                strand = True
            elif kind == LEFT_EYE or kind == RIGHT_EYE:
                e = 0 if kind == LEFT_EYE else 1
                dx, dy, dz = x - eyes[e, 0], y - eyes[e, 1], z - eyes[e, 2]
                length = np.sqrt(dx * dx + dy * dy + dz * dz)
                paint_eye(colour, P, S, grid, dx / length, dy / length, dz / length)
                # The lids shade the ball, the upper one more.
                openness = (0.62 + 0.38 * step(0.2, -0.08, dy)) * min(openness + 0.45, 1.0)
                wrap, gloss, power = 0.25, 0.9, 180.0
            elif kind == TEETH:
                colour[0], colour[1], colour[2] = 0.62, 0.57, 0.48
                openness = min(0.35 + openness, 1.0)
                wrap, gloss = 0.3, 0.15
            elif kind == TONGUE:
                colour[0], colour[1], colour[2] = 0.34, 0.09, 0.08
                openness = 0.6
                wrap, gloss = 0.3, 0.08
            elif kind == MOUTH:
                colour[0], colour[1], colour[2] = 0.16, 0.035, 0.03
                openness = 0.35
            if strand:
                visible = 0.0
                around = np.arctan2(x, z + 0.95)
                if S[18] > 0:
                    fibre = 0.25 + 0.5 * noise(grid, 21 * x, 21 * y, 21 * z)
                else:
                    fibre = noise(grid, 34 * around + 2 * S[19] * y, 1.6 * y, 3 * S[27])
                    fibre = 0.6 * fibre + 0.4 * noise(grid, 90 * around, 2.5 * y, S[27])
                for m in range(3):
                    colour[m] = S[12 + m] * (0.35 + 1.25 * fibre)
                # Strands run down: they shine in a band across them.
                tangent = half[1] - n[1] * (half[0] * n[0] + half[1] * n[1] + half[2] * n[2])
                gloss = 0.22 * fibre * max(1 - abs(tangent) * 2.2, 0.0)
                wrap, power = 0.35, 6.0
                openness = 0.45 + 0.55 * openness if kind == SKIN else 0.9
            up = 0.5 + 0.5 * n[1]
            facing = n[0] * S[0] + n[1] * S[1] + n[2] * S[2]
            shine = (
                max(n[0] * half[0] + n[1] * half[1] + n[2] * half[2], 0.0) ** power
                * gloss
                * (1 if facing > -0.1 else 0)
            )
            if kind == SKIN:
                rim = max(1 - n[2], 0.0)
                shine += 0.05 * rim * rim * rim
            shadow = 0.30 + 0.70 * step(0.05, 0.75, openness)
            for m in range(3):
                soft = wrap * (1.0 if m == 0 else 0.62)  # red light travels farther inside skin
                direct = max((facing + soft) / (1 + soft), 0.0)
                ambient = (S[6 + m] * up + S[9 + m] * (1 - up)) * (0.25 + 0.75 * openness)
                image[row, col, m] = colour[m] * (ambient + S[3 + m] * direct * shadow) + S[3 + m] * shine * shadow
            mask[row, col] = visible

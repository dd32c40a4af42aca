"""Smooth noise and soft edges, of which everything painted is made."""

from functools import lru_cache

import numpy as np

from simswap_lib.world.compiled import compiled


@lru_cache(maxsize=1)
def lattice() -> np.ndarray:
    """Random values on a 32 x 32 x 32 grid that repeats: the source of all noise. Flat, because then a place is found
    with shifts, and compiled code hands on one length instead of three with their strides."""
    return np.random.default_rng(20210610).random(32**3, np.float32)


@compiled
def _edges(i, j, k):
    """Where the four rows of the lattice along z begin between which a cell lies, and the second place in a row."""
    i0, i1, j0, j1 = i << 10, ((i + 1) & 31) << 10, j << 5, ((j + 1) & 31) << 5
    return i0 | j0, i0 | j1, i1 | j0, i1 | j1, (k + 1) & 31


@compiled
def noise(grid, x, y, z):
    """Smooth noise in [0, 1] with features of about unit size."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    i, j, k = int(fx) & 31, int(fy) & 31, int(fz) & 31
    u, v, w = x - fx, y - fy, z - fz
    # In the lattice's own precision: to widen each of its eight numbers would take longer than to mix them.
    u, v, w = np.float32(u * u * (3 - 2 * u)), np.float32(v * v * (3 - 2 * v)), np.float32(w * w * (3 - 2 * w))
    p, q, r, s, k1 = _edges(i, j, k)
    a, b, c, d = grid[p | k], grid[q | k], grid[r | k], grid[s | k]
    a, b = a + (grid[p | k1] - a) * w, b + (grid[q | k1] - b) * w
    c, d = c + (grid[r | k1] - c) * w, d + (grid[s | k1] - d) * w
    a, c = a + (b - a) * v, c + (d - c) * v
    return a + (c - a) * u


@compiled
def slope(grid, x, y, z):
    """How fast `noise` grows along x, y and z."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    i, j, k = int(fx) & 31, int(fy) & 31, int(fz) & 31
    u, v, w = x - fx, y - fy, z - fz
    du, dv, dw = 6 * u * (1 - u), 6 * v * (1 - v), 6 * w * (1 - w)
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    p, q, r, s, k1 = _edges(i, j, k)
    # Along z first: values and differences at the four edges, then their mixtures.
    a, b, c, d = grid[p | k], grid[q | k], grid[r | k], grid[s | k]
    az, bz, cz, dz = grid[p | k1] - a, grid[q | k1] - b, grid[r | k1] - c, grid[s | k1] - d
    a, b, c, d = a + az * w, b + bz * w, c + cz * w, d + dz * w
    along_x = (c - a) * (1 - v) + (d - b) * v
    along_y = (b - a) * (1 - u) + (d - c) * u
    along_z = (az * (1 - v) + bz * v) * (1 - u) + (cz * (1 - v) + dz * v) * u
    return along_x * du, along_y * dv, along_z * dw


@compiled
def step(edge0, edge1, x):
    """0 at edge0, 1 at edge1, smooth between; edge0 may be the larger one."""
    t = min(max((x - edge0) / (edge1 - edge0), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@compiled
def blob(x, y, cx, cy, rx, ry):
    """A soft spot, 1 in the middle."""
    return np.exp(-(((x - cx) / rx) ** 2) - ((y - cy) / ry) ** 2)


@compiled
def towards(colour, r, g, b, amount):
    """`colour`, three numbers, mixed with (r, g, b)."""
    return (
        colour[0] + (r - colour[0]) * amount,
        colour[1] + (g - colour[1]) * amount,
        colour[2] + (b - colour[2]) * amount,
    )

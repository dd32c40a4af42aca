"""Smooth noise and soft edges, of which everything painted is made."""

from functools import lru_cache

import numpy as np

from simswap_lib.world.compiled import compiled


@lru_cache(maxsize=1)
def lattice() -> np.ndarray:
    """Random values on a 32 x 32 x 32 grid that repeats: the source of all noise."""
    return np.random.default_rng(20210610).random((32, 32, 32), np.float32)


@compiled
def noise(grid, x, y, z):
    """Smooth noise in [0, 1] with features of about unit size."""
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    i, j, k = int(fx) & 31, int(fy) & 31, int(fz) & 31
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    i1, j1, k1 = (i + 1) & 31, (j + 1) & 31, (k + 1) & 31
    a = (grid[i, j, k] * (1 - w) + grid[i, j, k1] * w) * (1 - v) + (grid[i, j1, k] * (1 - w) + grid[i, j1, k1] * w) * v
    b = (grid[i1, j, k] * (1 - w) + grid[i1, j, k1] * w) * (1 - v) + (
        grid[i1, j1, k] * (1 - w) + grid[i1, j1, k1] * w
    ) * v
    return a * (1 - u) + b * u


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
    """Mix `colour` in place with (r, g, b)."""
    colour[0] += (r - colour[0]) * amount
    colour[1] += (g - colour[1]) * amount
    colour[2] += (b - colour[2]) * amount

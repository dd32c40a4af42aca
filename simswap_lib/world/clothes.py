"""Clothes of a shot: where they begin on the body, how they lie over it, and their cloth."""

import numpy as np

from simswap_lib.world.compiled import compiled
from simswap_lib.world.noise import noise, step, towards


@compiled
def in_cloth(clothes, collar, x, y, z):
    """How deep under the edge of the clothes a point of the template lies, in eye distances; negative above it."""
    edge = -2.55 - 0.22 * z + collar
    front = step(-1.2, -0.2, z)
    if clothes == 1:  # a V
        edge -= front * max(0.75 - 1.1 * abs(x), 0.0)
    elif clothes == 2:  # a shirt, open at the top
        edge += 0.22 - front * max(0.75 - 2.2 * abs(x), 0.0)
    elif clothes == 3:  # up the neck
        edge += 0.42
    elif clothes == 4:  # a scoop
        edge -= 0.15 + front * 0.5 * np.exp(-x * x / 0.5)
    return edge - y


@compiled
def dress(vertices, rows, mean, normals, clothes, collar):
    """Push the body (rows of vertices) out to the surface of the clothes, in place."""
    for r in rows:
        deep = in_cloth(clothes, collar, mean[r, 0], mean[r, 1], mean[r, 2])
        thick = 0.055 * step(0.0, 0.10, deep)
        for m in range(3):
            vertices[r, m] += thick * normals[r, m]


@compiled
def cloth(s, grid, x, y, z, deep):
    """Albedo of the clothes: plain, striped or checked, with a weave and a seam at the edge."""
    other = 0.0
    if s.cloth_pattern > 0.75:
        other = 0.5 * (np.sin(14 * x) > 0.3) + 0.5 * (np.sin(14 * y) > 0.3)
    elif s.cloth_pattern > 0.55:
        other = 1.0 if np.sin(16 * y + 2 * z) > 0.5 else 0.0
    if s.clothes == 2 and deep < 0.42 - 0.35 * step(-0.9, -0.2, z) * max(0.0, 1 - 1.1 * abs(x)):
        other = 0.0 if s.cloth_pattern > 0.5 else 0.35
    weave = 0.86 + 0.28 * noise(grid, 26 * x, 26 * y, 26 * z + s.seed)
    fold = 0.82 + 0.36 * noise(grid, 2.2 * x + s.seed, 1.1 * y, 2.2 * z)
    k = weave * fold * (0.72 + 0.28 * step(0.0, 0.05, deep))
    r, g, b = towards((s.cloth[0, 0], s.cloth[0, 1], s.cloth[0, 2]), s.cloth[1, 0], s.cloth[1, 1], s.cloth[1, 2], other)
    return r * k, g * k, b * k

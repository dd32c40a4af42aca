"""Ribbons, lines whose flat side is turned to the camera: locks of hair, lashes, straps and frames are made of them."""

from functools import partial

import numpy as np

from simswap_lib.world.compiled import compiled
from simswap_lib.world.look import RIBBON


@partial(compiled, allocates=True)
def ribbons(lines, widths, numbers, distance, taper, centre, dark):
    """Triangles for lines (L, K, 3) in camera space, seen from (0, 0, distance).

    widths (L,): half widths at the root; taper: share of it that is lost towards the tip; numbers (L,) in [0, 1];
    centre (3,): what the ribbons face away from; dark: how much less light the root gets than the tip. Returns vertices
    (2 L K, 3), triangles (2 L (K - 1), 3), normals (2 L K, 3) and what they carry, (2 L K, RIBBON): place along,
    number, place across in [-1, 1], tangent x, y, z, openness.
    """
    count, steps = lines.shape[0], lines.shape[1]
    vertices = np.empty((2 * count * steps, 3), np.float32)
    normals = np.empty((2 * count * steps, 3), np.float32)
    what = np.empty((2 * count * steps, RIBBON), np.float32)
    triangles = np.empty((2 * count * (steps - 1), 3), np.int32)
    n, t = 0, 0
    for r in range(count):
        for k in range(steps):
            a, b = max(k - 1, 0), min(k + 1, steps - 1)
            x, y, z = lines[r, k, 0], lines[r, k, 1], lines[r, k, 2]
            tx, ty, tz = (
                lines[r, b, 0] - lines[r, a, 0],
                lines[r, b, 1] - lines[r, a, 1],
                lines[r, b, 2] - lines[r, a, 2],
            )
            length = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
            tx, ty, tz = tx / length, ty / length, tz / length
            vx, vy, vz = -x, -y, distance - z
            sx, sy, sz = ty * vz - tz * vy, tz * vx - tx * vz, tx * vy - ty * vx
            along = k / (steps - 1)
            half = widths[r] * (1 - taper * along * along) / (np.sqrt(sx * sx + sy * sy + sz * sz) + 1e-9)
            ox, oy, oz = x - centre[0], y - centre[1], max(z - centre[2], 0.1)
            out = np.sqrt(ox * ox + oy * oy + oz * oz)
            for side in (-1.0, 1.0):
                vertices[n, 0], vertices[n, 1], vertices[n, 2] = (
                    x + side * half * sx,
                    y + side * half * sy,
                    z + side * half * sz,
                )
                normals[n, 0], normals[n, 1], normals[n, 2] = ox / out, oy / out, oz / out
                what[n, 0], what[n, 1], what[n, 2] = along, numbers[r], side
                what[n, 3], what[n, 4], what[n, 5] = tx, ty, tz
                what[n, 6] = 1 - dark * (1 - along)
                n += 1
            if k > 0:
                triangles[t, 0], triangles[t, 1], triangles[t, 2] = n - 4, n - 3, n - 2
                triangles[t + 1, 0], triangles[t + 1, 1], triangles[t + 1, 2] = n - 3, n - 1, n - 2
                t += 2
    return vertices, triangles, normals, what

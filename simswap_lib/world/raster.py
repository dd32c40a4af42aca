"""The rasteriser: which triangle covers a pixel, and where in the triangle the pixel lies."""

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True, error_model="numpy")
def rasterise(screen, inverse_depth, triangles, two_sided_from, size):
    """Z-buffer of a triangle mesh.

    screen (N, 2) pixel positions, inverse_depth (N,) larger is nearer, triangles (T, 3); triangles from number
    `two_sided_from` on are seen from both sides. Returns (size, size) triangle numbers (-1 where none) and
    (size, size, 2) perspective-correct weights of the second and third corner.
    """
    nearest = np.zeros((size, size), np.float32)
    index = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    for t in range(len(triangles)):
        i, j, k = triangles[t]
        ax, ay = screen[i, 0], screen[i, 1]
        bx, by = screen[j, 0] - ax, screen[j, 1] - ay
        cx, cy = screen[k, 0] - ax, screen[k, 1] - ay
        area = bx * cy - by * cx
        # y points down on the screen, so a front face turns the other way round.
        if area > -1e-6 and (t < two_sided_from or area < 1e-6):
            continue
        x0 = max(int(np.floor(ax + min(0.0, bx, cx) - 0.5)), 0)
        x1 = min(int(np.ceil(ax + max(0.0, bx, cx) - 0.5)), size - 1)
        y0 = max(int(np.floor(ay + min(0.0, by, cy) - 0.5)), 0)
        y1 = min(int(np.ceil(ay + max(0.0, by, cy) - 0.5)), size - 1)
        wi, wj, wk = inverse_depth[i], inverse_depth[j], inverse_depth[k]
        for y in range(y0, y1 + 1):
            py = y + 0.5 - ay
            for x in range(x0, x1 + 1):
                px = x + 0.5 - ax
                b = (px * cy - py * cx) / area
                c = (bx * py - by * px) / area
                a = 1.0 - b - c
                if a < 0 or b < 0 or c < 0:
                    continue
                w = a * wi + b * wj + c * wk
                if w > nearest[y, x]:
                    nearest[y, x] = w
                    index[y, x] = t
                    weights[y, x, 0] = b * wj / w
                    weights[y, x, 1] = c * wk / w
    return index, weights


@njit(cache=True, fastmath=True, error_model="numpy")
def normals_of(vertices, triangles):
    """(N, 3) unit normals, each the area-weighted mean of the triangles around the vertex."""
    out = np.zeros_like(vertices)
    for t in range(len(triangles)):
        i, j, k = triangles[t]
        ux, uy, uz = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        vx, vy, vz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for m in (i, j, k):
            out[m, 0] += nx
            out[m, 1] += ny
            out[m, 2] += nz
    for m in range(len(out)):
        length = np.sqrt(out[m, 0] ** 2 + out[m, 1] ** 2 + out[m, 2] ** 2) + 1e-12
        out[m] /= length
    return out

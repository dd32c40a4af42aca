"""The rasteriser: which triangle covers a sample, and where in the triangle the sample lies."""

from functools import partial

import numpy as np

from simswap_lib.world.compiled import compiled

SHIFT = 3
TILE = 1 << SHIFT  # samples a side
AGAIN = 1500  # triangles of hair after which one looks again what is hidden


@partial(compiled, allocates=True)
def rasterise(screen, depth, triangles, two_sided_from, height, width):
    """Z-buffer of a triangle mesh, seen from the camera or from a light.

    screen (N, 2) sample positions (x, y); depth (N,) above 0, larger is nearer, linear on the screen: the inverse
    distance of a camera, the height towards a far light. triangles (T, 3); those from number `two_sided_from` on are
    seen from both sides. Returns (height, width) triangle numbers, -1 where none, and depths, 0 where none.
    """
    nearest = np.zeros((height, width), np.float32)
    index = np.full((height, width), np.int32(-1))
    farthest = np.zeros((1, 1), np.float32)
    for t in range(len(triangles)):
        if t >= two_sided_from and (t - two_sided_from) % AGAIN == 0:
            farthest = _farthest(nearest)  # the head is drawn: what comes now is hair, and most of it is hidden
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = screen[i, 0], screen[i, 1]
        bx, by = screen[j, 0] - ax, screen[j, 1] - ay
        cx, cy = screen[k, 0] - ax, screen[k, 1] - ay
        area = bx * cy - by * cx
        # y points down on the screen, so a front face turns the other way round.
        if area > -1e-7 and (t < two_sided_from or area < 1e-7):
            continue
        x0 = max(int(np.ceil(ax + min(0.0, bx, cx) - 0.5)), 0)
        x1 = min(int(np.floor(ax + max(0.0, bx, cx) - 0.5)), width - 1)
        y0 = max(int(np.ceil(ay + min(0.0, by, cy) - 0.5)), 0)
        y1 = min(int(np.floor(ay + max(0.0, by, cy) - 0.5)), height - 1)
        if x0 > x1 or y0 > y1:
            continue
        if t >= two_sided_from and _hidden(farthest, max(depth[i], depth[j], depth[k]), x0, x1, y0, y1):
            continue
        over = 1.0 / area
        bdx, cdx = cy * over, -by * over
        w, wj, wk = depth[i], depth[j] - depth[i], depth[k] - depth[i]
        px = x0 + 0.5 - ax
        for y in range(y0, y1 + 1):
            py = y + 0.5 - ay
            b, c = (px * cy - py * cx) * over, (bx * py - by * px) * over
            inside = False
            for x in range(x0, x1 + 1):
                if b >= 0 and c >= 0 and b + c <= 1:
                    inside = True
                    near = w + b * wj + c * wk
                    if near > nearest[y, x]:
                        nearest[y, x] = near
                        index[y, x] = t
                elif inside:  # a triangle has no holes
                    break
                b += bdx
                c += cdx
    return index, nearest


@partial(compiled, allocates=True)
def _farthest(nearest):
    """The lowest depth in each tile: what lies behind it is seen nowhere in the tile."""
    height, width = nearest.shape
    out = np.empty(((height + TILE - 1) // TILE, (width + TILE - 1) // TILE), np.float32)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            least = nearest[row * TILE, col * TILE]
            for y in range(row * TILE, min((row + 1) * TILE, height)):
                for x in range(col * TILE, min((col + 1) * TILE, width)):
                    least = min(least, nearest[y, x])
            out[row, col] = least
    return out


@compiled
def _hidden(farthest, near, x0, x1, y0, y1):
    """Whether something whose nearest corner has the depth `near` is hidden all over its box of samples."""
    near *= 1.000001  # depths between the corners are rounded, and may come out a little larger
    for row in range(y0 >> SHIFT, (y1 >> SHIFT) + 1):
        for col in range(x0 >> SHIFT, (x1 >> SHIFT) + 1):
            if farthest[row, col] <= near:
                return False
    return True


@compiled
def weights(screen, inverse, i, j, k, x, y):
    """Perspective-correct weights of the second and third corner of triangle (i, j, k) at a point of the screen.

    A point a little outside is extrapolated, by half a triangle at most: edge on, a triangle is a line.
    """
    ax, ay = screen[i, 0], screen[i, 1]
    bx, by = screen[j, 0] - ax, screen[j, 1] - ay
    cx, cy = screen[k, 0] - ax, screen[k, 1] - ay
    over = 1.0 / (bx * cy - by * cx)
    b = min(max(((x - ax) * cy - (y - ay) * cx) * over, -0.5), 1.5)
    c = min(max((bx * (y - ay) - by * (x - ax)) * over, -0.5), 1.5)
    w = 1.0 / (inverse[i] + b * (inverse[j] - inverse[i]) + c * (inverse[k] - inverse[i]))
    return b * inverse[j] * w, c * inverse[k] * w


@partial(compiled, allocates=True)
def normals_of(vertices, triangles, two_sided_from):
    """(N, 3) unit normals, each the area-weighted mean of the triangles around the vertex.

    Those of vertices from number `two_sided_from` on are turned to the camera.
    """
    out = np.zeros_like(vertices)
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = vertices[j, 0] - vertices[i, 0], vertices[j, 1] - vertices[i, 1], vertices[j, 2] - vertices[i, 2]
        vx, vy, vz = vertices[k, 0] - vertices[i, 0], vertices[k, 1] - vertices[i, 1], vertices[k, 2] - vertices[i, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for m in (i, j, k):
            out[m, 0] += nx
            out[m, 1] += ny
            out[m, 2] += nz
    for m in range(len(out)):
        length = np.sqrt(out[m, 0] ** 2 + out[m, 1] ** 2 + out[m, 2] ** 2) + 1e-12
        if m >= two_sided_from and out[m, 2] < 0:
            length = -length
        for c in range(3):
            out[m, c] /= length
    return out

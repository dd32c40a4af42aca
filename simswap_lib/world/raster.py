"""The rasteriser: which triangle covers a sample, and where in the triangle the sample lies."""

import numpy as np

from simswap_lib.world.compiled import compiled


@compiled
def span(b, bdx, c, cdx, adx, last):
    """First and last step n of 0 ... last at which b + n bdx, c + n cdx and 1 - both are no less than 0; or (1, 0)."""
    a = 1 - b - c
    low, high = 0.0, float(last)
    for m in range(3):
        start, slope = (b, bdx) if m == 0 else (c, cdx) if m == 1 else (a, adx)
        if slope > 0:
            low = max(low, -start / slope)
        elif slope < 0:
            high = min(high, -start / slope)
        elif start < 0:
            return 1, 0
    if low > high:
        return 1, 0
    return int(np.ceil(low)), int(np.floor(high))


@compiled
def rasterise(screen, inverse_depth, triangles, two_sided_from, height, width):
    """Z-buffer of a triangle mesh.

    screen (N, 2) sample positions (x, y), inverse_depth (N,) larger is nearer, triangles (T, 3); triangles from number
    `two_sided_from` on are seen from both sides. Returns (height, width) triangle numbers (-1 where none) and
    (height, width, 2) perspective-correct weights of the second and third corner, and (height, width) inverse depths.
    """
    nearest = np.zeros((height, width), np.float32)
    index = np.full((height, width), -1, np.int32)
    weights = np.empty((height, width, 2), np.float32)
    for t in range(len(triangles)):
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
        over = 1.0 / area
        wi, wj, wk = inverse_depth[i], inverse_depth[j], inverse_depth[k]
        bdx, cdx = cy * over, -by * over
        adx = -bdx - cdx
        for y in range(y0, y1 + 1):
            py = y + 0.5 - ay
            px = x0 + 0.5 - ax
            b0 = (px * cy - py * cx) * over
            c0 = (bx * py - by * px) * over
            left, right = span(b0, bdx, c0, cdx, adx, x1 - x0)
            for n in range(left, right + 1):
                b, c = b0 + n * bdx, c0 + n * cdx
                w = wi + b * (wj - wi) + c * (wk - wi)
                x = x0 + n
                if w > nearest[y, x]:
                    nearest[y, x] = w
                    index[y, x] = t
                    weights[y, x, 0] = b * wj / w
                    weights[y, x, 1] = c * wk / w
    return index, weights, nearest


@compiled
def heights(points, triangles, across, size, reach):
    """The shadow map: how far towards the light the nearest surface lies, on a square grid that faces the light.

    points (N, 3) in the light's axes (x, y across, z towards it), triangles (T, 3). The grid of (size, size) covers
    [-reach, reach] around `across` (x, y). Returns (size, size), -1e9 where nothing is.
    """
    out = np.full((size, size), np.float32(-1e9))
    scale = size / (2 * reach)
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = (points[i, 0] - across[0] + reach) * scale, (points[i, 1] - across[1] + reach) * scale
        bx, by = (points[j, 0] - points[i, 0]) * scale, (points[j, 1] - points[i, 1]) * scale
        cx, cy = (points[k, 0] - points[i, 0]) * scale, (points[k, 1] - points[i, 1]) * scale
        area = bx * cy - by * cx
        if abs(area) < 1e-7:
            continue
        x0 = max(int(np.ceil(ax + min(0.0, bx, cx) - 0.5)), 0)
        x1 = min(int(np.floor(ax + max(0.0, bx, cx) - 0.5)), size - 1)
        y0 = max(int(np.ceil(ay + min(0.0, by, cy) - 0.5)), 0)
        y1 = min(int(np.floor(ay + max(0.0, by, cy) - 0.5)), size - 1)
        if x0 > x1 or y0 > y1:
            continue
        over = 1.0 / area
        zi, zj, zk = points[i, 2], points[j, 2] - points[i, 2], points[k, 2] - points[i, 2]
        bdx, cdx = cy * over, -by * over
        adx = -bdx - cdx
        for y in range(y0, y1 + 1):
            py = y + 0.5 - ay
            px = x0 + 0.5 - ax
            b0 = (px * cy - py * cx) * over
            c0 = (bx * py - by * px) * over
            left, right = span(b0, bdx, c0, cdx, adx, x1 - x0)
            for n in range(left, right + 1):
                z = zi + (b0 + n * bdx) * zj + (c0 + n * cdx) * zk
                if z > out[y, x0 + n]:
                    out[y, x0 + n] = z
    return out


@compiled
def normals_of(vertices, triangles):
    """(N, 3) unit normals, each the area-weighted mean of the triangles around the vertex."""
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
        for c in range(3):
            out[m, c] /= length
    return out

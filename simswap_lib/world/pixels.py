"""From samples to pixels: every covered pixel is shaded, and lenses are laid over what is behind them."""

import numpy as np

from simswap_lib.world.compiled import compiled
from simswap_lib.world.look import ATTRIBUTES, LOCK, P_BACKGROUND, P_GLASSES, RIBBON
from simswap_lib.world.noise import step
from simswap_lib.world.raster import weights
from simswap_lib.world.shading import surface

BEFORE = 32  # added to the kind of a sample that lies before an outline; there are fewer kinds


def scratch(light: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """What `shade` writes to again and again, and the direction halfway between the light and the camera.

    Compiled code that makes no array of its own need not count who holds one, which took a tenth of the time.
    """
    half = np.array(light, np.float32) + np.array([0, 0, 1], np.float32)
    half /= np.sqrt((half * half).sum()) + np.float32(1e-6)
    return *(np.zeros(count, np.float32) for count in (3, 3, 3, 3, 10, ATTRIBUTES)), half, np.empty(4, np.int64)


@compiled
def shade(
    image, mask, extras, index, nearest, screen, inverse, triangles, kinds, detail, head, things, normals, positions,
    eyes, person, shot, grid, chart, depths, lamp, fine, parts_out, albedo_out, normals_out, depth_out, distance,
    scratch,
):  # fmt: skip
    """Light of every covered pixel into `image` (H, W, 3), visible face into `mask` (H, W), at half the samples' pitch.

    Four samples make a pixel. Those that lie on one kind of surface are shaded once, in the middle of them; where the
    face is cut by its own outline, what is before it and what is behind, and where it has fine detail, each sample.
    head (M, ATTRIBUTES), things (V - M, RIBBON): what the vertices carry, the head's and then all others'; scratch:
    what the function of this name returns.
    """
    p, s = person[0], shot[0]
    height, width = image.shape[0], image.shape[1]
    first = len(head)
    colour, out, n, pos, parts, A, half, group = scratch
    for row in range(height):
        for col in range(width):
            covered, dense = 0, False
            near, far = 0.0, 1e9
            for k in range(4):
                r, c = 2 * row + (k >> 1), 2 * col + (k & 1)
                t = index[r, c]
                group[k] = -1
                if t >= 0:
                    covered += 1
                    group[k] = kinds[t]
                    if group[k] < LOCK:
                        near, far = max(near, nearest[r, c]), min(far, nearest[r, c])
                        if t < len(detail):
                            dense |= detail[t]
            if covered == 0:
                continue
            for m in range(3):
                image[row, col, m] *= 1 - 0.25 * covered
            if near - far > 0.012 * near:
                for k in range(4):
                    if 0 <= group[k] < LOCK and nearest[2 * row + (k >> 1), 2 * col + (k & 1)] > 0.5 * (near + far):
                        group[k] += BEFORE
            for k in range(4):
                kind = group[k]
                if kind < 0:
                    continue
                count, last = 0, k
                for q in range(k, 4):
                    if group[q] == kind and (q == k or not dense):
                        group[q] = -1
                        count += 1
                        last = q
                kind &= BEFORE - 1
                # The middle of a group lies between its first and its last sample.
                x = 2 * col + 0.5 * ((k & 1) + (last & 1)) + 0.5
                y = 2 * row + 0.5 * ((k >> 1) + (last >> 1)) + 0.5
                t = np.uint32(index[2 * row + (k >> 1), 2 * col + (k & 1)])
                i, j, o = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                b2, b3 = weights(screen, inverse, i, j, o, x, y)
                b1, b2, b3 = np.float32(1 - b2 - b3), np.float32(b2), np.float32(b3)
                if i < first:
                    for m in range(ATTRIBUTES):
                        A[m] = b1 * head[i, m] + b2 * head[j, m] + b3 * head[o, m]
                else:
                    for m in range(RIBBON):
                        A[m] = b1 * things[i - first, m] + b2 * things[j - first, m] + b3 * things[o - first, m]
                for m in range(3):
                    n[m] = b1 * normals[i, m] + b2 * normals[j, m] + b3 * normals[o, m]
                    pos[m] = b1 * positions[i, m] + b2 * positions[j, m] + b3 * positions[o, m]
                length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-9
                for m in range(3):
                    n[m] /= length
                visible = surface(
                    out, colour, parts, A, n, pos, kind, p, s, grid, chart, eyes, depths, lamp, half, fine
                )
                share = 0.25 * count
                for m in range(3):
                    image[row, col, m] += share * out[m]
                mask[row, col] += share * visible
                if extras:
                    for m in range(10):
                        parts_out[m, row, col] += share * parts[m]
                    parts_out[P_BACKGROUND, row, col] -= share
                    if depth_out[row, col] < 0:  # not yet written; fastmath knows no infinity
                        depth_out[row, col] = distance - pos[2]
                        for m in range(3):
                            normals_out[row, col, m] = n[m]
                            albedo_out[row, col, m] = colour[m]
                            albedo_out[row, col, 3 + m] = A[m]


@compiled
def glaze(image, index, nearest_lens, nearest, screen, inverse, places, triangles, dark, shot, extras, parts):
    """Lay lenses over what lies behind them: `dark` is how much light they keep, 0 to 1. places: (N, 2) on the lens."""
    s = shot[0]
    height, width = image.shape[0], image.shape[1]
    for row in range(height):
        for col in range(width):
            share, u, v = 0.0, 0.0, 0.0
            for k in range(4):
                r, c = 2 * row + (k >> 1), 2 * col + (k & 1)
                t = index[r, c]
                if t < 0 or nearest_lens[r, c] < nearest[r, c]:
                    continue
                share += 0.25
                i, j, o = triangles[t, 0], triangles[t, 1], triangles[t, 2]
                b, d = weights(screen, inverse, i, j, o, c + 0.5, r + 0.5)
                u += 0.25 * ((1 - b - d) * places[i, 0] + b * places[j, 0] + d * places[o, 0])
                v += 0.25 * ((1 - b - d) * places[i, 1] + b * places[j, 1] + d * places[o, 1])
            if share == 0:
                continue
            u, v = u / share, v / share
            keep = dark * (0.80 + 0.20 * v)
            streak = u + 0.6 * v - 0.5 * s.light[0]
            streak = step(0.10, 0.28, streak) * step(0.62, 0.45, streak)
            mirror = 0.03 + 0.10 * streak * max(s.light[1] + 0.35, 0.1)
            for m in range(3):
                glow = mirror * (0.6 * s.sky[m] + 0.5 * s.light_colour[m])
                image[row, col, m] += share * ((1 - keep) * image[row, col, m] + glow - image[row, col, m])
            if extras:
                for m in range(10):
                    parts[m, row, col] *= 1 - share * dark
                parts[P_GLASSES, row, col] += share * dark

"""How light falls on a point: what is there, how dark it lies, what shines on it. All in linear light."""

from functools import partial

import numpy as np

from simswap_lib.world.clothes import cloth, in_cloth
from simswap_lib.world.compiled import compiled
from simswap_lib.world.head_model import HAIR, LEFT_EYE, MOUTH, RIGHT_EYE, SKIN, TEETH, TONGUE
from simswap_lib.world.look import (
    ABOVE,
    CLOTH_MASK,
    FACE,
    FRAME,
    HAND,
    HANDLE,
    LASH,
    LIPS,
    LOCK,
    MICROPHONE,
    NECK,
    OPEN,
    P_BROWS,
    P_EYES,
    P_GLASSES,
    P_HAIR,
    P_LIPS,
    P_MOUTH,
    P_NECK,
    P_OCCLUDER,
    P_SKIN,
    RIM,
    SHADOW_CELLS,
    STRAND,
    X,
    Y,
    Z,
)
from simswap_lib.world.noise import noise, slope, step
from simswap_lib.world.skin import lines_at, paint_eye, paint_skin


@partial(compiled, inline=True)
def shadow(depths, lamp, px, py, pz, soft):
    """Share of the main light that reaches a point (camera axes): looks up the shadow map at four places.

    lamp (3, 4): from camera axes to the map's column, row and depth; soft: half width of the shadow's edge in cells.
    """
    u = lamp[0, 0] * px + lamp[0, 1] * py + lamp[0, 2] * pz + lamp[0, 3] - 0.5
    v = lamp[1, 0] * px + lamp[1, 1] * py + lamp[1, 2] * pz + lamp[1, 3] - 0.5
    w = 16 * (lamp[2, 0] * px + lamp[2, 1] * py + lamp[2, 2] * pz + lamp[2, 3]) + 1.6
    last = len(depths) - 1
    free = 0.0
    for i in range(4):
        a = u + soft if i & 1 else u - soft
        b = v + soft if i & 2 else v - soft
        ia, ib = int(a), int(b)
        if a < 0 or b < 0 or ia >= last or ib >= last:
            free += 1.0
            continue
        a, b = a - ia, b - ib
        # Each neighbour answers on its own, softly; then the answers are mixed.
        s00 = min(max(w - 16 * depths[ib, ia], 0.0), 1.0)
        s01 = min(max(w - 16 * depths[ib, ia + 1], 0.0), 1.0)
        s10 = min(max(w - 16 * depths[ib + 1, ia], 0.0), 1.0)
        s11 = min(max(w - 16 * depths[ib + 1, ia + 1], 0.0), 1.0)
        free += (s00 * (1 - a) + s01 * a) * (1 - b) + (s10 * (1 - a) + s11 * a) * b
    return free / 4


@partial(compiled, inline=True)
def surface(out, albedo, parts, A, n, pos, kind, p, s, grid, chart, eyes, depths, lamp, half, fine):
    """Light that comes from one point: into `out` (3,); its albedo into `albedo`, what it is into `parts` (10,).

    Returns how much of it is visible face, 0 to 1.
    """
    x, y, z = A[X], A[Y], A[Z]
    openness, visible = A[OPEN], 0.0
    wrap, gloss, power, thin = 0.0, 0.0, 20.0, 0.0
    strand, colour = 0.0, (0.0, 0.0, 0.0)
    for m in range(10):
        parts[m] = 0.0
    if kind == SKIN:
        # What covers the skin comes first: nobody sees what is painted under it.
        deep = in_cloth(s.clothes, s.collar, x, y, z) if y < -1.0 else -1.0
        line = A[ABOVE] - s.hairline
        if deep <= 0 and s.has_hair > 0 and line > -0.15:
            ragged = 0.1
            if line < 0.26:
                ragged = 0.14 * (noise(grid, 16 * x, 5 * y, 16 * z + s.seed) - 0.5)
                ragged += 0.05 * (noise(grid, 47 * x, 9 * y, 47 * z) - 0.5)
            strand = step(-0.05, 0.16, line + ragged)
            if s.short > 0:
                strand *= 0.80
            if strand < 0.02:
                strand = 0.0
        if deep > 0:
            colour = cloth(s, grid, x, y, z, deep)
            wrap = 0.1
            parts[P_NECK] = 1.0
        elif strand < 1.0:
            colour, shine, brow, lip = paint_skin(p, grid, chart, x, y, z, A, A[LIPS], A[RIM], fine)
            neck = min(max(A[NECK], 0.0), 1.0)
            gloss, wrap, thin = 0.10 * shine, 0.34, 1.0
            if fine > 0:  # pores shine unevenly
                gloss *= 0.7 + 0.6 * noise(grid, 13 * x, 13 * y, 13 * z)
            power = 26.0 - 12 * lip
            visible = A[FACE]
            parts[P_BROWS], parts[P_LIPS] = brow, lip * (1 - brow)
            parts[P_NECK] = (1 - brow) * (1 - lip) * neck
            parts[P_SKIN] = (1 - brow) * (1 - lip) * (1 - neck)
            if fine > 0.15 and brow < 0.5:  # the relief of pores and of the lines of age
                gx, gy, gz = slope(grid, 24.0 * x, 24.0 * y, 24.0 * z)
                bump = 24.0 * 0.0045 * (0.4 + p.pores) * fine
                gx, gy, gz = bump * gx, bump * gy, bump * gz
                if p.lines[0] + p.lines[2] > 0.02 and z > -0.9:
                    _, right, up = lines_at(chart, p, x, y)
                    gx -= 0.015 * right
                    gy -= 0.015 * up
                n[0] -= gx
                n[1] -= gy
                n[2] -= gz
                length = np.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-9
                for m in range(3):
                    n[m] /= length
        if deep > -0.25 and deep < 0:  # the collar keeps light from the neck
            openness *= 0.6 + 0.4 * step(0.0, -0.25, deep)
    elif kind == LEFT_EYE or kind == RIGHT_EYE:
        e = 0 if kind == LEFT_EYE else 1
        dx, dy, dz = x - eyes[e, 0], y - eyes[e, 1], z - eyes[e, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        dx, dy, dz = dx / length, dy / length, dz / length
        colour = paint_eye(p, grid, s.gaze, dx, dy, dz, -1.0 if eyes[e, 0] > 0 else 1.0)
        # The lids shade the ball, the upper one more.
        openness = (0.50 + 0.50 * step(0.24, -0.10, dy)) * min(openness + 0.45, 1.0)
        wrap, gloss, power = 0.25, 0.16, 70.0
        visible = A[FACE]
        parts[P_EYES] = 1.0
    elif kind == TEETH:
        across_tooth = abs(x) / 0.125
        gap = abs(across_tooth - np.floor(across_tooth) - 0.5) * 2  # 1 between two teeth
        k = 1 - 0.35 * step(0.80, 1.0, gap) - 0.35 * step(0.2, 0.55, abs(x))
        colour = 0.64 * k, 0.59 * k, 0.50 * k
        openness = min(0.40 + openness, 1.0)
        wrap, gloss, power = 0.3, 0.10, 40.0
        visible = A[FACE]
        parts[P_MOUTH] = 1.0
    elif kind == TONGUE:
        k = 0.8 + 0.4 * noise(grid, 14 * x, 14 * y, 14 * z)
        colour = 0.34 * k, 0.10 * k, 0.095 * k
        openness = 0.55
        wrap, gloss, power = 0.3, 0.07, 30.0
        visible = A[FACE]
        parts[P_MOUTH] = 1.0
    elif kind == MOUTH:
        colour = 0.14, 0.030, 0.026
        openness = 0.3
        visible = A[FACE]
        parts[P_MOUTH] = 1.0
    elif kind == HAIR:
        strand = 1.0
        openness = 0.55
    elif kind == LOCK or kind == STRAND:
        strand = 1.0
    elif kind == LASH:
        colour = 0.012 + 0.12 * p.brow[0], 0.010 + 0.12 * p.brow[1], 0.009 + 0.12 * p.brow[2]
        openness = 0.7
        visible = 1.0
        parts[P_EYES] = 1.0
    elif kind == FRAME:
        colour = 1.0 * s.frame[0], 1.0 * s.frame[1], 1.0 * s.frame[2]
        openness, gloss, power = 0.9, 0.5, 50.0
        parts[P_GLASSES] = 1.0
    elif kind == CLOTH_MASK:
        pleat = 1 - 0.30 * step(0.55, 1.0, np.sin(27 * y) * 0.5 + 0.5) * step(0.9, 0.7, abs(x))
        pleat *= 0.92 + 0.16 * noise(grid, 30 * x, 30 * y, 30 * z)
        colour = s.cover[0] * pleat, s.cover[1] * pleat, s.cover[2] * pleat
        openness, wrap = 0.95, 0.25
        parts[P_OCCLUDER] = 1.0
    elif kind == MICROPHONE or kind == HANDLE:
        mesh = 1.0
        if kind == MICROPHONE:
            mesh = 0.5 + (0.5 if (np.sin(64 * x) * np.sin(64 * y) > 0) else 1.2)
        colour = s.cover[0] * mesh, s.cover[1] * mesh, s.cover[2] * mesh
        openness, gloss, power = 0.9, 0.35 if kind == MICROPHONE else 0.2, 25.0
        parts[P_OCCLUDER] = 1.0
    elif kind == HAND:
        k = 0.85 + 0.3 * noise(grid, 5 * x, 5 * y, 5 * z) + fine * 0.14 * (noise(grid, 26 * x, 26 * y, 26 * z) - 0.5)
        colour = s.cover[0] * k, s.cover[1] * k * 0.93, s.cover[2] * k * 0.93
        openness, wrap, gloss, thin = 0.92, 0.34, 0.045, 1.0
        parts[P_OCCLUDER] = 1.0

    # What reaches the point.
    facing = n[0] * s.light[0] + n[1] * s.light[1] + n[2] * s.light[2]
    lit = 1.0
    if facing > -wrap:
        soft = SHADOW_CELLS * max(s.softness * 0.375, 0.02625)
        lit = shadow(depths, lamp, pos[0] + 0.05 * n[0], pos[1] + 0.05 * n[1], pos[2] + 0.05 * n[2], soft)
    up = 0.5 + 0.5 * n[1]
    edge = 1 - max(n[2], 0.0)
    fresnel = edge * edge * edge
    back = n[0] * s.rim[0] + n[1] * s.rim[1] + n[2] * s.rim[2]
    dim = 0.15 + 0.85 * openness
    for m in range(3):
        albedo[m] = colour[m]
    if strand < 1.0:
        shine = max(n[0] * half[0] + n[1] * half[1] + n[2] * half[2], 0.0)
        broad = shine * shine
        broad *= broad
        broad *= broad
        sharp = np.exp(power * (shine - 1)) if shine > 0.6 else 0.0  # as good as shine ** power, and quicker
        if kind == SKIN or kind == HAND:
            sharp = 0.65 * sharp + 0.35 * broad
        shine = gloss * (1 + 4 * fresnel) * sharp * (1.0 if facing > -0.1 else 0.0)
        for m in range(3):
            soft = wrap * (1.0 if m == 0 else 0.55 if m == 1 else 0.45)  # red light travels farther inside skin
            direct = max((facing + soft) / (1 + soft), 0.0)
            reached = lit
            if thin > 0 and m == 0:
                reached = lit + 0.28 * lit * (1 - lit) + 0.04 * (1 - lit)
            sky = s.sky[m] * up + s.ground[m] * (1 - up)
            # What is hidden from the sky still gets light from its neighbours, in their colour.
            ambient = sky * openness / (1 - 0.75 * min(colour[m], 0.95) * (1 - openness))
            rim = max((back + 0.15) / 1.15, 0.0) * dim
            out[m] = colour[m] * (ambient + s.light_colour[m] * direct * reached * dim + s.rim_colour[m] * rim)
            out[m] += s.light_colour[m] * shine * lit * dim
            out[m] += (
                (0.10 * gloss * 4 * sky + 0.35 * s.rim_colour[m] * max(back + 0.3, 0.0))
                * fresnel
                * dim
                * (0.35 if thin > 0 else 0.2)
            )
        if kind == LEFT_EYE or kind == RIGHT_EYE:  # the cornea mirrors the light: a bright point that is never missing
            e = 0 if kind == LEFT_EYE else 1
            dx, dy, dz = x - eyes[e, 0], y - eyes[e, 1], z - eyes[e, 2]
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            gx = 0.5 * (dx / length - s.gaze[0]) + 0.5 * n[0] - 0.42 * half[0]
            gy = 0.5 * (dy / length - s.gaze[1]) + 0.5 * n[1] - 0.42 * half[1]
            far = np.sqrt(gx * gx + gy * gy)
            glint = (1 - step(0.055, 0.10, far)) * (0.4 + 0.6 * lit)
            for m in range(3):
                out[m] += 0.9 * glint * (s.light_colour[m] + 0.4 * s.sky[m])
    if strand > 0:
        if kind == LOCK or kind == STRAND:
            tx, ty, tz = A[3], A[4], A[5]
            own = A[1]
            fibre = noise(grid, 3.2 * A[2] + 40 * own, 3.0 * A[0] + 17 * own, 31 * own)
            fibre = 0.6 * fibre + 0.4 * noise(grid, 8.0 * A[2] + 61 * own, 5.0 * A[0], 77 * own)
            root = 0.62 + 0.38 * step(0.0, 0.35, A[0])
            k = (0.45 + 0.95 * fibre) * (0.72 + 0.56 * own) * root * (1 - 0.25 * A[2] * A[2])
            openness = A[6]
        else:
            around = np.arctan2(x, z + 0.95)
            if s.curly:
                k = 0.35 + 0.8 * noise(grid, 15 * x, 15 * y, 15 * z)
            else:
                fibre = noise(grid, 34 * around + 2 * s.hair_side * y, 1.6 * y, 3 * s.seed)
                k = 0.35 + 0.9 * (0.6 * fibre + 0.4 * noise(grid, 90 * around, 2.5 * y, s.seed))
            tx, ty, tz = -n[0] * n[1], 1 - n[1] * n[1], -n[2] * n[1]  # down along the surface
            length = np.sqrt(tx * tx + ty * ty + tz * tz) + 1e-6
            tx, ty, tz = tx / length, ty / length, tz / length
            openness = (0.30 + 0.45 * openness) if kind == SKIN else openness
        tl = tx * s.light[0] + ty * s.light[1] + tz * s.light[2]
        th = tx * half[0] + ty * half[1] + tz * half[2]
        diffuse = np.sqrt(max(1 - tl * tl, 0.0)) * min(max(0.55 + 0.65 * facing, 0.0), 1.0)
        sine = np.sqrt(max(1 - (th + 0.08) * (th + 0.08), 0.0))
        white, tinted = np.exp(70 * (sine - 1)), np.exp(14 * (np.sqrt(max(1 - (th - 0.1) * (th - 0.1), 0.0)) - 1))
        white *= max(facing + 0.3, 0.0)
        tinted *= max(facing + 0.4, 0.0)
        behind = max(back, 0.0)
        for m in range(3):
            c = (s.cover[m] if kind == STRAND else s.hair_colour[m]) * k
            sky = s.sky[m] * up + s.ground[m] * (1 - up)
            h = c * (sky * (0.25 + 0.75 * openness) + s.light_colour[m] * lit * (0.85 * diffuse + 0.9 * tinted))
            h += s.light_colour[m] * lit * 0.035 * white * k
            h += s.rim_colour[m] * behind * (1.3 * c + 0.05 * k) * dim
            out[m] = h if strand >= 1.0 else out[m] + (h - out[m]) * strand
            albedo[m] = c if strand >= 1.0 else colour[m] + (c - colour[m]) * strand
        for m in range(10):
            parts[m] *= 1 - strand
        parts[P_OCCLUDER if kind == STRAND else P_HAIR] += strand
        visible *= 1 - strand
    return min(max(visible, 0.0), 1.0)  # between samples it may overshoot

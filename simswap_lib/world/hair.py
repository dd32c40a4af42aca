"""Hair of a shot: the scalp pushed outwards, locks that grow from it, and a curtain behind the longer styles."""

from functools import lru_cache, partial
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from simswap_lib.world import head_model
from simswap_lib.world.compiled import compiled
from simswap_lib.world.noise import step
from simswap_lib.world.shots import Shot

COLUMNS, ROWS = 41, 7  # of the curtain's grid
DOWN, ACROSS = np.linspace(0, 1, ROWS)[:, None], np.linspace(-1, 1, COLUMNS)[None]
CENTRE = np.array([0.0, 0.1, -0.95], np.float32)  # of the skull
CROWN = np.array([0.0, 1.45, -1.45], np.float32)  # where the whorl sits
ROOTS = 2600
BEARINGS, HEIGHTS = 64, 40  # of the map of the skull's radius


class Style(NamedTuple):
    """How a style grows. Lengths are eye distances, thin to full."""

    shell: tuple[float, float]  # how far the scalp is pushed out
    length: tuple[float, float] = (0.0, 0.0)  # of the locks; none without
    stiff: float = 0.3  # how far a lock stands off at its root, 0 to 1
    gravity: float = 0.2
    whorl: float = 0.0  # flow away from the crown,
    part: float = 0.0  # away from the parting,
    back: float = 0.0  # and backwards
    curl: float = 0.0  # radius of the curls
    turns: float = 0.0  # curls a lock
    curtain: float = 0.0  # where the back hangs down to; 0 for none


STYLES = {
    "bald": Style((0.0, 0.0)),
    "buzz": Style((0.012, 0.035)),
    "short": Style((0.05, 0.14), (0.22, 0.48), stiff=0.35, gravity=0.1, whorl=1.0, part=0.15),
    "side": Style((0.07, 0.17), (0.45, 0.75), stiff=0.25, gravity=0.18, whorl=0.25, part=1.0),
    "swept": Style((0.10, 0.24), (0.5, 0.85), stiff=0.55, gravity=0.0, back=1.0, part=0.25),
    "curly": Style((0.12, 0.30), (0.35, 0.65), stiff=0.7, gravity=0.3, whorl=0.4, curl=0.075, turns=2.2),
    "afro": Style((0.30, 0.75), (0.14, 0.22), stiff=1.0, gravity=0.0, curl=0.05, turns=1.6),
    "bob": Style((0.05, 0.14), (1.5, 2.0), stiff=0.15, gravity=0.5, whorl=0.3, part=0.8, curtain=-1.3),
    "long": Style((0.05, 0.14), (3.0, 4.2), stiff=0.15, gravity=0.6, whorl=0.3, part=0.8, curtain=-3.4),
    "wavy": Style((0.07, 0.18), (2.2, 3.4), 0.2, gravity=0.5, whorl=0.3, part=0.8, curl=0.085, turns=3.5, curtain=-2.6),
    "tied": Style((0.04, 0.09), (0.7, 1.0), stiff=0.05, gravity=0.0, back=1.0),
}  # fmt: skip


@lru_cache(maxsize=1)
def scalp() -> np.ndarray:
    """(N,) signed distance above the mean hairline in eye distances, for skin vertices; -9 elsewhere."""
    head = head_model.load()
    x, y, z = head.mean.T
    # The hairline's height over depth: forehead, temple, in front of the ear, behind it, nape.
    line = np.interp(
        z, [-2.6, -2.2, -1.75, -1.3, -1.05, -0.8, -0.45, -0.1, 0.2], [-1.1, -1.0, -0.8, -0.3, 0.1, 0.1, 0.72, 1.2, 1.3]
    )
    above = y - line
    # Around the ears the line rises, and no ear is ever pushed out with the scalp.
    ear = np.sqrt((np.abs(x) - 1.28) ** 2 + (0.75 * (y - 0.02)) ** 2 + (0.9 * (z + 1.22)) ** 2)
    above = np.minimum(above, 1.6 * (ear - 0.42))
    above[(head.part != head_model.SKIN) | (ear < 0.3)] = -9
    return above.astype(np.float32)


@lru_cache(maxsize=1)
def skull() -> np.ndarray:
    """(HEIGHTS, BEARINGS) distance from CENTRE to the mean head's skin, by height (sine) and bearing."""
    head = head_model.load()
    arms = head.mean[head.part == head_model.SKIN] - CENTRE
    radius = np.linalg.norm(arms, axis=1)
    sine = (np.arange(HEIGHTS) + 0.5) / HEIGHTS * 2 - 1
    bearing = (np.arange(BEARINGS) + 0.5) / BEARINGS * 2 * np.pi - np.pi
    sine, bearing = np.meshgrid(sine, bearing, indexing="ij")
    level = np.sqrt(1 - sine**2)
    unit = np.stack([level * np.sin(bearing), sine, level * np.cos(bearing)], axis=-1)
    _, near = cKDTree(arms / radius[:, None]).query(unit.reshape(-1, 3), k=4)
    return radius[near].mean(1).reshape(HEIGHTS, BEARINGS).astype(np.float32)


@lru_cache(maxsize=1)
def roots() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where locks grow, in a random order: triangles (ROOTS,), weights (ROOTS, 3) and heights above the hairline."""
    head = head_model.load()
    above = scalp()[head.coarse]  # (T, 3), of the coarse mesh, whose vertices every level of detail has
    hairy = np.flatnonzero(above.min(1) > -0.12)
    a, b, c = (head.mean[head.coarse[hairy, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(7)
    chosen = hairy[rng.choice(len(hairy), ROOTS, p=area / area.sum())]
    weights = rng.dirichlet([1, 1, 1], ROOTS).astype(np.float32)
    return chosen, weights, (above[chosen] * weights).sum(1).astype(np.float32)


@lru_cache(maxsize=1)
def ring() -> tuple[np.ndarray, np.ndarray]:
    """Vertices from which the curtain hangs, and their horizontal directions (COLUMNS, 2) as x and z."""
    head = head_model.load()
    angle = np.radians(np.linspace(-112, 112, COLUMNS))
    direction = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    x, y, z = head.mean.T
    # The ring sinks from the temples to the back of the head, and lies on the widest part of the skull.
    height = 0.75 - 0.25 * np.cos(angle)
    centre = np.array([0.0, -0.95])
    candidates = np.unique(head.coarse[(head.part[head.coarse] == head_model.SKIN).all(1)])
    vertices = []
    for d, h in zip(direction, height, strict=True):
        along = (x[candidates] - centre[0]) * d[0] + (z[candidates] - centre[1]) * d[1]
        across = (x[candidates] - centre[0]) * d[1] - (z[candidates] - centre[1]) * d[0]
        vertices.append(candidates[np.argmin(across**2 + (y[candidates] - h) ** 2 - 0.05 * along)])
    return np.array(vertices), direction


@lru_cache(maxsize=1)
def curtain_triangles() -> np.ndarray:
    """(T, 3) triangles of the curtain's grid, numbered from 0."""
    i = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, :-1].ravel(), i[1:, 1:].ravel()
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)


def lift(vertices: np.ndarray, shot: Shot, mean: np.ndarray, normals: np.ndarray, above: np.ndarray) -> np.ndarray:
    """The head with its scalp pushed out to the surface of the hair."""
    style = STYLES[shot.hair]
    thin, full = style.shell
    thickness = thin + (full - thin) * shot.hair_volume
    wave = 0.16 if style.curl else 0.0
    return _lift(vertices, mean, normals, above, thickness, shot.hairline, shot.hair_side, wave, shot.seed % 7)


@partial(compiled, allocates=True)
def _lift(vertices, mean, normals, above, thickness, hairline, side, wave, phase):
    out = vertices.copy()
    for i in range(len(out)):
        inside = step(0.0, 0.5, above[i] - hairline)
        if inside == 0 or thickness == 0:
            continue
        x, y, z = mean[i, 0], mean[i, 1], mean[i, 2]
        shape = 0.75 + 0.45 * min(max((y - 0.4) / 1.4, 0.0), 1.0)  # more on top than at the sides
        shape += 0.25 * side * min(max(x, -1.0), 1.0) * min(max(y - 0.8, 0.0), 1.0)
        if wave > 0:
            shape += wave * np.sin(9 * x + phase) * np.sin(8 * y) * np.sin(8 * z + 1)
        for m in range(3):
            out[i, m] += thickness * shape * inside * normals[i, m]
    return out


def curtain(top: np.ndarray, shot: Shot) -> np.ndarray:
    """(ROWS * COLUMNS, 3) points of the hair that hangs behind the locks, from the ring's points (COLUMNS, 3)."""
    _, direction = ring()
    end = STYLES[shot.hair].curtain + 0.3 * (shot.hair_volume - 0.5)
    drop = (top[:, 1] - end)[None] * DOWN * (1 - 0.12 * shot.hair_side * ACROSS)
    bulge = -0.04 + (0.05 + 0.12 * shot.hair_volume) * np.sin(np.pi * np.minimum(DOWN * 1.1, 1)) * (1 - 0.3 * DOWN)
    out = np.empty((ROWS, COLUMNS, 3), np.float32)
    out[..., 0] = top[:, 0] + direction[:, 0] * bulge
    out[..., 1] = top[:, 1] - drop
    out[..., 2] = top[:, 2] + direction[:, 1] * bulge
    return out.reshape(-1, 3)


def locks(lifted: np.ndarray, level, shot: Shot, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Locks of hair as lines: points (L, K, 3), half widths (L,) and a number in [0, 1] of each (L,); None if none.

    lifted: the head's vertices, scalp pushed out; level: its mesh. A small picture gets fewer and wider locks with
    fewer points.
    """
    style = STYLES[shot.hair]
    if style.length[1] == 0:
        return None
    _, weights, above = roots()
    rows, normals = level.roots
    count = int(min(max(3.5 * size, 240), ROOTS))
    start = shot.seed * 7919 % (len(_chances()) - ROOTS)
    chance = _chances()[start : start + count]
    length = style.length[0] + (style.length[1] - style.length[0]) * shot.hair_volume
    steps = int(min(max(5 + size / 48 + 1.2 * style.length[1] + 2 * style.turns * (style.curl > 0), 5), 18))
    flow = (
        style.stiff, style.gravity, style.whorl, style.part, style.back, 0.45 * shot.hair_side,
        float(style.length[1] > 0.6),
    )  # fmt: skip
    points, grown = _grow(
        lifted, rows[:count], weights[:count], above[:count], normals[:count], chance, shot.hairline, length,
        style.length[1] < 1.2, steps, flow, style.curl, style.turns, skull(),
    )  # fmt: skip
    if len(points) == 0:
        return None
    chance = chance[grown]
    width = (0.034 + 0.012 * style.length[1]) * (0.7 + 0.6 * chance[:, 1]) * sqrt(900 / count)
    return points, np.clip(width, 1.3 / size, 0.11).astype(np.float32), chance[:, 2]


@lru_cache(maxsize=1)
def _chances() -> np.ndarray:
    """Dice for locks, of which each shot reads another stretch: length, width, turn and distance from the skull."""
    return np.random.default_rng(5).random((65_536, 4), np.float32)


@partial(compiled, allocates=True)
def _grow(vertices, rows, weights, above, normals, chance, hairline, longest, short, steps, flow, curl, turns, skull):
    """Let each lock grow step by step: off the scalp, along the flow, downwards, around the skull and never into it.

    Returns points (L, steps, 3) and which roots (L,) they grow from.
    """
    stiff, gravity, whorl, part, back, side, keep = flow
    grown = np.flatnonzero(above > hairline - 0.02)
    points = np.empty((len(grown), steps, 3), np.float32)
    p, d, q, comb = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32), np.empty(3, np.float32)
    for n in range(len(grown)):
        r = grown[n]
        for m in range(3):
            p[m] = 0
            for c in range(3):
                p[m] += weights[r, c] * vertices[rows[r, c], m]
            d[m] = normals[r, m] * (0.25 + stiff)
        length = longest * (0.75 + 0.4 * chance[r, 0])
        if short:  # thins out towards the hairline, the nape and the ears; long hair covers them
            length *= 0.45 + 0.55 * min(max((above[r] - hairline) / 0.5, 0.0), 1.0)
            length *= min(max(0.35 + 0.9 * (p[1] + 0.3), 0.3), 1.0)
        stride = length / (steps - 1)
        ratio = 1.0
        for k in range(steps):
            rad = 0.0
            for m in range(3):
                q[m] = p[m] - CENTRE[m]
                rad += q[m] * q[m]
            rad = np.sqrt(rad) + 1e-6
            i = min(max(int((q[1] / rad + 1) / 2 * HEIGHTS), 0), HEIGHTS - 1)
            j = min(max(int((np.arctan2(q[0], q[2]) + np.pi) / (2 * np.pi) * BEARINGS), 0), BEARINGS - 1)
            if k == 0:
                ratio = rad / skull[i, j]
            floor = skull[i, j] * ratio + 0.015 + 0.03 * chance[r, 3]
            if k > 0 and rad < floor and q[1] > -0.62 * rad:
                for m in range(3):
                    p[m] = CENTRE[m] + q[m] / rad * floor
            for m in range(3):
                points[n, k, m] = p[m]
            if curl > 0:
                turn = 2 * np.pi * (turns * k / (steps - 1) + chance[r, 2])
                swing = curl * min(k / 2, 1.0)
                points[n, k, 0] += swing * np.sin(turn)
                points[n, k, 1] += 0.4 * swing * np.cos(turn)
                points[n, k, 2] += swing * np.cos(turn)
            # Where the hair flows here, along the scalp.
            away = np.sqrt((p[0] - CROWN[0]) ** 2 + (p[1] - CROWN[1]) ** 2 + (p[2] - CROWN[2]) ** 2) + 0.2
            over = 1.0 if p[0] > side else -1.0
            top = min(max(p[1] / 0.9, 0.0), 1.0)
            comb[0] = whorl * (p[0] - CROWN[0]) / away + part * over * top
            comb[1] = whorl * (p[1] - CROWN[1]) / away - part * (0.25 + 0.75 * (1 - top)) + back * 0.1
            comb[2] = whorl * (p[2] - CROWN[2]) / away + 0.12 * part * top - back
            for m in range(3):
                comb[m] += 0.3 * (chance[r, m] - 0.5)
            # Hair is kept out of the face: what comes near it goes round.
            if keep > 0 and p[2] > -0.75 and p[1] < 1.25 and k > 0:
                side_of = 1.0 if p[0] > 0 else -1.0
                comb[0] += keep * side_of * 1.6
                comb[2] -= keep * 2.0
            inward = (comb[0] * q[0] + comb[1] * q[1] + comb[2] * q[2]) / rad
            strength = 0.8 if keep > 0 and p[2] > -0.75 and p[1] < 1.25 else 0.55 if k < 3 else 0.3
            total = 0.0
            for m in range(3):
                d[m] += strength * (comb[m] - 0.9 * inward * q[m] / rad)
            d[1] -= gravity * (0.5 + 0.5 * k / steps)
            for m in range(3):
                total += d[m] * d[m]
            total = np.sqrt(total) + 1e-6
            for m in range(3):
                d[m] /= total
                p[m] += d[m] * stride
    return points, grown

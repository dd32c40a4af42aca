"""Hair of a shot: the scalp pushed outwards and, for the longer styles, a curtain that hangs from it."""

from functools import lru_cache

import numpy as np

from simswap_lib.world import head_model
from simswap_lib.world.shots import Shot

COLUMNS, ROWS = 49, 9
# How far each style lifts the scalp (thin to full) and where its curtain ends, both in eye distances.
LIFT = {
    "bald": (0, 0),
    "cropped": (0.02, 0.05),
    "short": (0.08, 0.2),
    "curly": (0.16, 0.42),
    "bob": (0.08, 0.2),
    "long": (0.06, 0.18),
}
CURTAIN = {"bob": -1.35, "long": -3.6}


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
    ear = (np.abs(x) > 1.16) & (z > -1.75) & (z < -0.75) & (y < 0.35)
    above[(head.part != head_model.SKIN) | (ear & (above < 0.5))] = -9
    return above


@lru_cache(maxsize=1)
def ring() -> tuple[np.ndarray, np.ndarray]:
    """Vertices from which the curtain hangs, and their horizontal directions (COLUMNS, 2) as x and z."""
    head = head_model.load()
    angle = np.radians(np.linspace(-118, 118, COLUMNS))
    direction = np.stack([np.sin(angle), -np.cos(angle)], axis=1)
    x, y, z = head.mean.T
    # The ring sinks from the temples to the back of the head, and lies on the widest part of the skull.
    height = 0.75 - 0.25 * np.cos(angle)
    centre = np.array([0.0, -0.95])
    candidates = np.flatnonzero(head.part == head_model.SKIN)
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


def lift(vertices: np.ndarray, shot: Shot) -> np.ndarray:
    """The head with its scalp pushed out to the surface of the hair."""
    thin, full = LIFT[shot.hair]
    if full == 0:
        return vertices
    head = head_model.load()
    above = scalp() - shot.hairline
    inside = np.clip(above / 0.55, 0, 1)
    inside = inside * inside * (3 - 2 * inside)
    x, y, z = head.mean.T
    thickness = thin + (full - thin) * shot.hair_volume
    shape = 0.75 + 0.45 * np.clip((y - 0.4) / 1.4, 0, 1)  # more on top than at the sides
    shape += 0.25 * shot.hair_side * np.clip(x, -1, 1) * np.clip(y - 0.8, 0, 1)
    if shot.hair == "curly":
        shape = shape + 0.16 * np.sin(9 * x + shot.seed % 7) * np.sin(8 * y) * np.sin(8 * z + 1)
    return vertices + (thickness * shape * inside)[:, None].astype(np.float32) * head.normals


def curtain(vertices: np.ndarray, shot: Shot) -> np.ndarray:
    """(ROWS * COLUMNS, 3) points of the hanging hair, from the lifted head's vertices."""
    indices, direction = ring()
    top = vertices[indices]
    end = CURTAIN[shot.hair] + 0.35 * (shot.hair_volume - 0.5)
    t = np.linspace(0, 1, ROWS)[:, None]
    u = np.linspace(-1, 1, COLUMNS)[None]
    drop = (top[:, 1] - end)[None] * t * (1 - 0.12 * shot.hair_side * u)
    bulge = 0.02 + (0.06 + 0.16 * shot.hair_volume) * np.sin(np.pi * np.minimum(t * 1.1, 1))
    if shot.hair == "long":
        bulge = bulge * (1 - 0.3 * t)
    wave = 0.025 * np.sin(23 * u + 5 * t + shot.seed % 5)
    out = np.empty((ROWS, COLUMNS, 3), np.float32)
    out[..., 0] = top[:, 0] + direction[:, 0] * (bulge + wave)
    out[..., 1] = top[:, 1] - drop
    out[..., 2] = top[:, 2] + direction[:, 1] * (bulge + wave)
    return out.reshape(-1, 3)

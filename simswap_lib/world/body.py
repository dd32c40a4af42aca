"""The body below the bust: in a wide picture arms hang down, and clothes go on to the lower edge."""

from functools import cached_property, lru_cache

import numpy as np

from simswap_lib.world import head_model, look
from simswap_lib.world.mesh import Mesh, mesh

# Rows of the body that is added under the bust's ragged edge: height on the template, and how far it is on its way
# from the bust's outline (0) to the waist's (1).
ROWS = ((-5.75, 0.0), (-6.6, 0.25), (-7.6, 0.5), (-9.0, 0.8), (-11.0, 1.0), (-15.0, 1.0), (-22.0, 1.0))
REACH = 17.0  # eye distances below the middle of the face: so far down a body goes in the picture, whatever its pose
ARMS = 2.9  # from so far out the shoulders are drawn in, because the arms of the model stand off
WAIST = 0.94  # width of the waist, arms included, as share of the chest's


class Body(Mesh):
    """A level of detail of the head with a body: rows under the bust's edge, which move with the edge they hang on.

    The vertices that are added repeat the numbers of the edge's, so shapes and expressions carry them along.
    """

    @cached_property
    def bust(self) -> int:
        """Vertices before those of the body."""
        return len(np.unique(self.number))

    @cached_property
    def at(self) -> np.ndarray:
        at = np.full(len(head_model.load().mean), -1)
        at[self.number[: self.bust]] = np.arange(self.bust)
        return at

    @cached_property
    def mean(self) -> np.ndarray:
        out = head_model.load().mean[self.number].copy()
        deep = np.clip((-2.8 - out[:, 1]) / 1.2, 0, 1)
        outside = np.maximum(np.abs(out[:, 0]) - ARMS, 0)
        out[:, 0] -= np.sign(out[:, 0]) * 0.55 * outside * deep * deep * (3 - 2 * deep)
        edge = np.unique(self.edges)
        outline = _smooth(out[:, ::2], self.edges)[edge]  # (E, 2) across and towards the camera
        outline[:, 0] *= np.abs(out[edge, 0]).max() / np.abs(outline[:, 0]).max()  # smoothing draws in the arms
        middle = np.array([0, outline[:, 1].mean()])
        for k, (height, way) in enumerate(ROWS):
            rows = slice(self.bust + k * len(edge), self.bust + (k + 1) * len(edge))
            out[rows, ::2] = middle + (outline - middle) * (1 + (WAIST - 1) * way)
            out[rows, 1] = height
        return out

    @cached_property
    def edges(self) -> np.ndarray:
        """(E, 2) rows of the bust's lower edge, in the direction of the triangles above it."""
        return _edges(self.triangles[(self.triangles < self.bust).all(1)], self.number)

    @cached_property
    def attributes(self) -> np.ndarray:
        out = super().attributes.copy()
        out[:, : look.Z + 1] = self.mean
        return out


def _edges(triangles: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Edges that one triangle has alone, on the bust's lower side."""
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)
    both = np.sort(sides, axis=1)
    _, where, count = np.unique(both[:, 0] << 32 | both[:, 1], return_index=True, return_counts=True)
    alone = sides[where[count == 1]]
    return alone[(head_model.load().mean[number[alone], 1] < -3.5).all(1)]


def _smooth(points: np.ndarray, edges: np.ndarray, rounds: int = 6) -> np.ndarray:
    """Points along the edge, each drawn to its two neighbours again and again."""
    out = points.copy()
    for _ in range(rounds):
        total, count = np.zeros_like(out), np.zeros((len(out), 1), out.dtype)
        for a, b in (edges.T, edges.T[::-1]):
            np.add.at(total, a, out[b])
            np.add.at(count, a, 1)
        on = count[:, 0] > 0
        out[on] = 0.5 * out[on] + 0.5 * total[on] / count[on]
    return out


@lru_cache(maxsize=2)
def body(coarse: bool) -> Body:
    """The mesh of this level of detail with a body."""
    bust = mesh(coarse)
    edges = _edges(bust.triangles, bust.number)
    edge = np.unique(edges)
    place = np.full(len(bust.number), -1)
    place[edge] = np.arange(len(edge))
    triangles = [bust.triangles]
    upper = edges
    for k in range(len(ROWS)):
        lower = len(bust.number) + k * len(edge) + place[edges]
        (a, b), (c, d) = upper.T, lower.T
        triangles += [np.stack([b, a, c], axis=1), np.stack([b, c, d], axis=1)]
        upper = lower
    number = np.concatenate([bust.number, np.tile(bust.number[edge], len(ROWS))])
    return Body(number, np.concatenate(triangles).astype(bust.triangles.dtype))

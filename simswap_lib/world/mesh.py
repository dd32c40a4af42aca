"""The head's mesh in two levels of detail, with everything that each vertex carries through the renderer."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from simswap_lib.world import hair, head_model, look, skin

COARSE_UP_TO = 128  # pixels: smaller pictures are drawn with fewer triangles


@dataclass(frozen=True, eq=False)
class Mesh:
    """A level of detail: the vertices `number` of the head model, M of its N."""

    number: np.ndarray  # (M,) of the head model's vertices
    triangles: np.ndarray  # (T, 3) rows of this mesh

    @cached_property
    def at(self) -> np.ndarray:
        """(N,) row of each of the head model's vertices, -1 for those that this level leaves out."""
        at = np.full(len(head_model.load().mean), -1)
        at[self.number] = np.arange(len(self.number))
        return at

    @cached_property
    def mean(self) -> np.ndarray:
        return head_model.load().mean[self.number]

    @cached_property
    def identity(self) -> np.ndarray:
        """(80, 3 M)"""
        return np.ascontiguousarray(
            head_model.load().identity[:, self.number].reshape(len(head_model.load().identity), -1)
        )

    @cached_property
    def expression(self) -> np.ndarray:
        """(52, M, 3)"""
        return np.ascontiguousarray(head_model.load().expression[:, self.number])

    @cached_property
    def normals(self) -> np.ndarray:
        """(M, 3) of the mean head."""
        return head_model.load().normals[self.number].astype(np.float32)

    @cached_property
    def above(self) -> np.ndarray:
        return hair.scalp()[self.number]

    @cached_property
    def part(self) -> np.ndarray:
        return head_model.load().part[self.number].astype(np.int64)

    @cached_property
    def kinds(self) -> np.ndarray:
        """(T,) part to which each triangle belongs: that of its first corner."""
        return self.part[self.triangles[:, 0]].astype(np.uint8)

    @cached_property
    def shadow_triangles(self) -> np.ndarray:
        """The coarse mesh in rows of this one: shadows are soft enough for it."""
        return self.at[head_model.load().coarse].astype(np.int32)

    @cached_property
    def attributes(self) -> np.ndarray:
        """(M, ATTRIBUTES) as look.py numbers them."""
        head = head_model.load()
        _, y, z = head.mean.T
        oval = np.clip((z + 0.85) / 0.15, 0, 1) * np.clip((y + 1.95) / 0.1, 0, 1) * np.clip((1.35 - y) / 0.1, 0, 1)
        under = np.clip((head.normals[:, 1] + 0.85) / 0.15, 0, 1)  # the underside of the chin is not the face
        face = oval * np.where((head.part == head_model.SKIN) & (y < -1.3), under, 1)
        columns = [head.mean, head.lips, head.openness, head.rim, hair.scalp(), face, head.neck, skin.fields()]
        return np.column_stack(columns).astype(np.float32)[self.number]

    @cached_property
    def detail(self) -> np.ndarray:
        """(T,) whether a triangle belongs to the eyes or to the lids, where a small picture needs dense samples."""
        eyes = (self.part == head_model.LEFT_EYE) | (self.part == head_model.RIGHT_EYE)
        return (eyes | (self.attributes[:, look.RIM] > 0.05))[self.triangles].any(1)

    @cached_property
    def roots(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows (ROOTS, 3) of the triangles from which locks grow, and the mean head's normals there, (ROOTS, 3)."""
        chosen, weights, _ = hair.roots()
        rows = self.at[head_model.load().coarse[chosen]]
        return rows, (self.normals[rows] * weights[..., None]).sum(1)

    @cached_property
    def lowest(self) -> np.ndarray:
        """Rows of the vertices that clothes may cover."""
        return np.flatnonzero((self.mean[:, 1] < -1.6) & (self.part == head_model.SKIN))


@lru_cache(maxsize=2)
def mesh(coarse: bool) -> Mesh:
    head = head_model.load()
    if coarse:
        return Mesh(head.coarse_vertices, head.coarse_triangles)
    return Mesh(np.arange(len(head.mean)), head.triangles)

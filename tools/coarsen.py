"""A coarse mesh for small pictures: half-edge collapses onto existing vertices, the cheapest first.

The error of a collapse is the quadric error of Garland and Heckbert (1997), summed over several poses of the mesh, so
that what an expression bends keeps its detail.
"""

import heapq

import numpy as np


def coarsen(poses, triangles, weight, locked, target: int) -> np.ndarray:
    """(T', 3) triangles over the same vertex numbers, T' near `target`.

    poses (P, N, 3) the mesh in P shapes, triangles (T, 3), weight (N,) cost factor, locked (N,) bool: never removed.
    """
    corners = poses[:, triangles]
    cross = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
    area = np.linalg.norm(cross, axis=-1, keepdims=True)
    normal = cross / np.maximum(area, 1e-12)
    plane = np.concatenate([normal, -(normal * corners[:, :, 0]).sum(-1, keepdims=True)], axis=-1)
    outer = plane[..., :, None] * plane[..., None, :] * area[..., None]
    quadric = np.zeros((poses.shape[1], len(poses), 4, 4))
    for i in range(3):
        np.add.at(quadric, triangles[:, i], outer.transpose(1, 0, 2, 3))
    point = np.concatenate([poses, np.ones((*poses.shape[:2], 1))], axis=-1).transpose(1, 0, 2)  # (N, P, 4)

    faces = {t: [int(v) for v in triangle] for t, triangle in enumerate(triangles)}
    around: list[set[int]] = [set() for _ in range(len(point))]
    for t, face in faces.items():
        for v in face:
            around[v].add(t)
    version = np.zeros(len(point), int)

    def neighbours(v: int) -> set[int]:
        return {u for t in around[v] for u in faces[t]} - {v}

    def cost(v: int, u: int) -> float:
        q, p = quadric[v] + quadric[u], point[u]
        error = np.einsum("pi,pij,pj->", p, q, p)
        length = ((point[u] - point[v]) ** 2).sum(-1).mean()
        return float(weight[v] * (error + 2e-4 * length))

    def push(v: int) -> None:
        if not locked[v]:
            for u in neighbours(v):
                heapq.heappush(heap, (cost(v, u), v, u, version[v], version[u]))

    def allowed(v: int, u: int) -> bool:
        if len(neighbours(v) & neighbours(u)) != 2:
            return False
        for t in around[v] - around[u]:
            before = poses[:, faces[t]]
            after = poses[:, [u if w == v else w for w in faces[t]]]
            n0 = np.cross(before[:, 1] - before[:, 0], before[:, 2] - before[:, 0])
            n1 = np.cross(after[:, 1] - after[:, 0], after[:, 2] - after[:, 0])
            l0, l1 = np.linalg.norm(n0, axis=-1), np.linalg.norm(n1, axis=-1)
            if ((n0 * n1).sum(-1) < 0.3 * l0 * l1 + 1e-12).any():
                return False
            longest = ((after - np.roll(after, 1, axis=1)) ** 2).sum(-1).max(-1)
            if (l1 < 0.06 * longest).any():
                return False
        return True

    heap: list = []
    for v in range(len(point)):
        push(v)
    while heap and len(faces) > target:
        _, v, u, seen_v, seen_u = heapq.heappop(heap)
        if not around[v] or not around[u] or version[v] != seen_v or version[u] != seen_u or not allowed(v, u):
            continue
        for t in list(around[v]):
            if u in faces[t]:
                for w in faces[t]:
                    around[w].discard(t)
                del faces[t]
            else:
                faces[t] = [u if w == v else w for w in faces[t]]
                around[u].add(t)
        around[v].clear()
        quadric[u] += quadric[v]
        version[u] += 1
        push(u)
        for w in neighbours(u):
            if not locked[w]:
                heapq.heappush(heap, (cost(w, u), w, u, version[w], version[u]))
    return np.array(list(faces.values()))

"""Alignment: the similarity transform that brings five points of a face to the places every network expects."""

import numpy as np

# Eyes, nose tip, mouth corners (the viewer's left first) of the FFHQ crop, in a square of side 1. That crop shows the
# whole head; ours draws in on the face, from hairline to chin, because every pixel of a small picture counts.
FFHQ = (
    np.array(
        [
            [192.98138, 239.94708],
            [318.90277, 240.1936],
            [256.63416, 314.01935],
            [201.26117, 371.41043],
            [313.08905, 371.15118],
        ]
    )
    / 512
)
TEMPLATE = np.array([0.5, 0.6]) + 1.2 * (FFHQ - [0.5, 0.6])


def best_rotation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The rotation that turns the points `p` towards the points `q` as well as any can, never a mirror image.

    Minimises sum_i || R p_i - q_i ||^2 over the rotations R. With the singular value decomposition q^T p = U S V^T it
    is R = U diag(1, det U det V) V^T. Both sets have their mean at the origin; the scale of either does not matter.

    p, q: (N, 2). Returns (2, 2) with determinant 1, to be applied as `p @ R.T`.
    Source: as `similarity`.
    """
    u, _, vt = np.linalg.svd(q.T @ p)
    # A mirror image would fit some point sets better; a face must not be mirrored.
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return u @ np.diag([1.0, sign]) @ vt


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The similarity transform (turn, one scale, shift) that maps `points` to `target` with least squared error.

    Minimises sum_i || s R p_i + t - q_i ||^2 over the scale s > 0, the rotation R and the shift t.

    points, target: (N, 2), N >= 2. Returns (2, 3): [s R | t], to be applied as `points @ m[:, :2].T + m[:, 2]`.
    Raises: ValueError when shapes differ, or when all points coincide.
    Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991.
    """
    points, target = np.asarray(points, float), np.asarray(target, float)
    if points.shape != target.shape or points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"Expected two arrays (N, 2) with N >= 2, got {points.shape} and {target.shape}.")
    mean_p, mean_q = points.mean(0), target.mean(0)
    p, q = points - mean_p, target - mean_q
    variance = (p**2).sum()
    if variance < 1e-12:
        raise ValueError("All points coincide, so no scale can be found.")
    rotation = best_rotation(p, q)
    scale = (q * (p @ rotation.T)).sum() / variance
    return np.column_stack([scale * rotation, mean_q - scale * rotation @ mean_p])

"""Alignment: the similarity transform that brings five points of a face to the places every network expects."""

import cv2
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

SHRINKING = 0.75  # below this scale a picture is averaged before it is warped


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


def align(
    image: np.ndarray, points: np.ndarray, size: int, template: np.ndarray = TEMPLATE
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a face out of a picture: turned upright, `size` pixels a side, its five points on `template`.

    crop(M p) = image(p), where M = similarity(points, size * template).

    image: uint8 RGB (H, W, 3). points: (5, 2), x and y in pixels from the picture's top left corner, so that the middle
    of the first pixel is (0.5, 0.5); eyes, nose tip, mouth corners, the viewer's left first. size: 16 to 4096.
    template: (5, 2) in a square of side 1, `TEMPLATE` or `FFHQ`.
    Returns (crop, M): uint8 RGB (size, size, 3), and float64 (2, 3) to be applied as `points @ M[:, :2].T + M[:, 2]`.
    What lies outside the picture repeats its outermost pixels: black would be a hard edge that every network sees, and
    a mirrored border can grow a second mouth under a face that touches the frame.
    Raises: ValueError when an argument has another type, shape or range, or when the points coincide.
    """
    image, points, template = np.asarray(image), np.asarray(points, float), np.asarray(template, float)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"Expected a picture as uint8 RGB (H, W, 3), got {image.dtype} {image.shape}.")
    for name, array in (("points", points), ("template", template)):
        if array.shape != (5, 2) or not np.isfinite(array).all():
            raise ValueError(f"The {name} must be five pairs of finite numbers (5, 2), got {array.tolist()}.")
    if not isinstance(size, (int, np.integer)) or not 16 <= size <= 4096:
        raise ValueError(f"An aligned face is 16 to 4096 pixels wide, asked for {size!r}.")
    matrix = similarity(points, template * size)
    source, to_crop = image, matrix
    scale = np.hypot(*matrix[:, 0])
    if scale < SHRINKING:
        # Bilinear interpolation reads four pixels however many fall on one of the crop, and what it skips comes back as
        # false patterns. So the picture is shrunk first, by averaging, and the warp only turns and shifts it.
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        source = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        to_crop = matrix * [image.shape[1] / width, image.shape[0] / height, 1]
    shift = to_crop[:, 2] + to_crop[:, :2].sum(1) / 2 - 0.5  # OpenCV counts from the middle of the first pixel
    to_crop = np.column_stack([to_crop[:, :2], shift])
    crop = cv2.warpAffine(source, to_crop, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return crop, matrix

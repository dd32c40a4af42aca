"""What the paper does with each photograph before training: drop the small, align, crop (paper 4, on VGGFace2)."""

import numpy as np

from simswap_lib.faces.align import align

SMALLEST, SIZE = 250, 224  # the paper's: no picture below 250 x 250, crops of 224 x 224


def prepare(photo: np.ndarray, points: np.ndarray, size: int = SIZE, smallest: int = SMALLEST) -> np.ndarray | None:
    """A photograph as training wants it: aligned by its five points, `size` pixels a side; None if it is too small.

    Too small is a photograph with a side of less than `smallest` pixels. Enlarged, its face would be soft, and a
    network that learns from soft faces draws soft faces.

    photo: uint8 RGB (H, W, 3). points: (5, 2) pixels, as `align` takes them. Returns uint8 RGB (size, size, 3) or None.
    Raises: as `align`.
    """
    if min(photo.shape[:2]) < smallest:
        return None
    return align(photo, points, size)[0]

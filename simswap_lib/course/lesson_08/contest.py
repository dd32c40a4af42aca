"""The contest that opens lesson 08: three methods, sixteen swaps each, one number."""

import numpy as np

from simswap_lib.evaluation_rows import Cases
from simswap_lib.files import to_images, to_tensor
from simswap_lib.flattery import flattered
from simswap_lib.swapper import FaceSwapper

PAIRS, BUDGET, STEPS = 16, 8, 20


def contest(swapper: FaceSwapper, pictures: Cases, swaps: np.ndarray) -> dict[str, np.ndarray]:
    """What methods A, B and C hand in for the first sixteen pairs: uint8 RGB (16, H, W, 3) each."""
    target = to_tensor(pictures.target[:PAIRS], swapper.device)
    v_source = swapper.recogniser.embed(pictures.source[:PAIRS])
    return {
        "A": to_images(flattered(target, v_source, swapper.recogniser, BUDGET, STEPS)),  # the target, nudged
        "B": swaps[:PAIRS],  # the network
        "C": pictures.truth[:PAIRS],  # the true answers
    }

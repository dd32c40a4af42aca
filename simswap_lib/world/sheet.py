"""A contact sheet: people down, photographs across, so that one look shows what is identity and what is shot."""

from collections.abc import Iterable

import numpy as np

from simswap_lib.world.people import Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import Shot


def contact_sheet(people: Iterable[int], shots: Iterable[int], size: int = 128) -> np.ndarray:
    """uint8 RGB (people * size, shots * size, 3). Row i, column j is the true swap of person i into photograph j.

    people, shots: seeds. Raises: ValueError when either is empty.
    """
    people, shots = list(people), list(shots)
    if not people or not shots:
        raise ValueError("A contact sheet needs at least one person and one shot.")
    rows = [[render(Identity.sample(p), Shot.sample(s), size).image for s in shots] for p in people]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)

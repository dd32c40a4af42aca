"""What a run trains on, and the photographs kept back to choose its best moment: of the face world, or of a folder."""

from typing import NamedTuple

import numpy as np

from simswap_lib.batches import Photographs
from simswap_lib.data import WorldDataset
from simswap_lib.folders import FolderDataset
from simswap_lib.photographs import photograph
from simswap_lib.world.people import HELD_OUT

VALIDATION = 64  # people on whom the best moment of a run is chosen; of the face world, others judge it in the end


class Material(NamedTuple):
    """The photographs of a run; nobody who is kept back is among those to train on."""

    photographs: Photographs
    kept_first: np.ndarray  # uint8 RGB (V, H, W, 3): people kept back
    kept_second: np.ndarray  # the same people in another photograph


def world(people: int, photos: int, size: int, cache: str | None) -> Material:
    """People of the face world from seed 0 on; kept back are held-out ones."""
    kept = range(HELD_OUT + 500, HELD_OUT + 500 + VALIDATION)
    first, second = (np.stack([photograph(person, photo, size) for person in kept]) for photo in (0, 1))
    return Material(WorldDataset(people, photos, size, 0, cache), first, second)


def folder(path: str, size: int) -> Material:
    """The people of a folder; a tenth of them, 2 to 64, are kept back.

    Raises: as `FolderDataset` and `kept_back`.
    """
    everybody = FolderDataset(path, size)
    print(everybody)
    kept = kept_back(everybody.person, everybody.name)
    back = everybody.only(lambda person: person in kept)
    starts = np.unique(back.person, return_index=True)[1]
    first, second = (np.stack([back.picture(i + photo) for i in starts]) for photo in (0, 1))
    return Material(everybody.only(lambda person: person not in kept), first, second)


def kept_back(person: np.ndarray, name: str) -> set[int]:
    """Numbers of the people to keep back, spread evenly over those with 2 pictures or more.

    person: int64 (N,), whom each picture shows. Raises: ValueError, in one sentence, if too few would be left.
    """
    people, counts = np.unique(person, return_counts=True)
    paired = people[counts >= 2]
    if len(people) < 4 or len(paired) < 3:
        raise ValueError(
            "Two people with 2 pictures each are kept back to judge a run by, so at least 4 people are needed, 3 of "
            f"them with 2 pictures or more; {name} has {len(people)}, {len(paired)} of them with 2 or more: add some."
        )
    count = min(max(len(paired) // 10, 2), VALIDATION)
    return set(paired[np.arange(count) * len(paired) // count].tolist())

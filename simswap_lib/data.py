"""Photographs of people as a collection has them, and the paper's turns of same-person and two-person batches."""

import hashlib
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from simswap_lib import files
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import Shot

PHOTOS_LIMIT = 100  # shots reserved for each person; more would run into the next person's


def shot_seed(person: int, photo: int) -> int:
    """The shot that belongs to this photo of this person, and to no other photo.

    Photographs of a collection are like that: no two people share pose, light and background exactly. Shots of people
    below HELD_OUT stay below HELD_OUT, those of held-out people lie above it.
    Raises: ValueError if the person or the photo is out of range.
    """
    first = HELD_OUT if person >= HELD_OUT else 0
    seed = first + (person - first) * PHOTOS_LIMIT + photo
    if person < 0 or not 0 <= photo < PHOTOS_LIMIT or (first == 0 and seed >= HELD_OUT):
        raise ValueError(
            f"There are {PHOTOS_LIMIT} shots for each of {HELD_OUT // PHOTOS_LIMIT} people (or for a held-out one); "
            f"asked for photo {photo} of person {person}."
        )
    return seed


def photograph(person: int, photo: int, size: int) -> np.ndarray:
    """Photo number `photo` of person number `person`: uint8 RGB (size, size, 3)."""
    return render(Identity.sample(person), Shot.sample(shot_seed(person, photo)), size).image


# ----------------------------------------------------------------------------------------------------------------------


class WorldPhotos:
    """`people` people from number `first` on, `photos` photographs each, every one its own shot.

    The pictures are rendered once. With a `cache` folder they lie there as one memory-mapped file, whose name holds
    the request and a checksum of what the world draws, so that a changed world is never mixed with old pictures.

    Attributes: images, uint8 RGB (people, photos, size, size, 3); first, the number of the first person.
    Raises: ValueError if nothing is asked for, or if training people and held-out people would be mixed.
    """

    def __init__(
        self,
        people: int,
        photos: int,
        size: int = 64,
        first: int = 0,
        cache: str | os.PathLike | None = None,
        workers: int = 1,
    ):
        if people < 1 or photos < 1:
            raise ValueError(f"WorldPhotos needs at least one person and one photo, got {people} and {photos}.")
        if (first >= HELD_OUT) != (first + people - 1 >= HELD_OUT):
            raise ValueError(f"People {first} to {first + people - 1} mix training people and held-out ones.")
        shot_seed(first + people - 1, photos - 1)  # out of range: say so before an hour of rendering
        self.first = first
        if cache is None:
            self.images = np.empty((people, photos, size, size, 3), np.uint8)
            _fill(self.images, first, workers)
            return
        folder = Path(cache)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"world-{world_version()}-{first}-{people}x{photos}-{size}px.npy"
        if not path.exists():
            with files.whole_file(path) as temporary:
                shape = (people, photos, size, size, 3)
                images = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
                _fill(images, first, workers)
                images.flush()
        self.images = np.load(path, mmap_mode="r")


def world_version() -> str:
    """Eight hexadecimal digits that change when the world draws anything differently: a hash of a few small renders."""
    digest = hashlib.sha256()
    for number in range(4):
        digest.update(photograph(number, number, 64).tobytes())
    return digest.hexdigest()[:8]


def _fill(images: np.ndarray, first: int, workers: int) -> None:
    people, photos, size = images.shape[:3]
    tasks = [(first + i, photos, size) for i in range(people)]
    bar = {"total": people, "desc": "rendering", "unit": "person", "disable": people * photos < 500}
    if workers <= 1:
        for i, task in enumerate(tqdm(tasks, **bar)):
            images[i] = _person(*task)
        return
    # Spawned, because a forked copy of a process that has run OpenMP threads may hang. One thread each, because two
    # libraries that both think they own all cores are slower than one.
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(before, "1"))
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            for i, pictures in enumerate(tqdm(pool.map(_person, *zip(*tasks, strict=True), chunksize=8), **bar)):
                images[i] = pictures
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _person(person: int, photos: int, size: int) -> np.ndarray:
    return np.stack([photograph(person, photo, size) for photo in range(photos)])  # (photos, H, W, 3)


# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Batch:
    """Sources and targets of one step."""

    source: np.ndarray  # uint8 RGB (B, H, W, 3)
    target: np.ndarray  # uint8 RGB (B, H, W, 3)
    same: np.ndarray  # bool (B,): source and target show one person
    source_index: np.ndarray  # int64 (B, 2): person and photo, as they index `images`
    target_index: np.ndarray  # int64 (B, 2)


def pairs(photos: WorldPhotos, step: int, batch: int, seed: int = 0) -> Batch:
    """The batch of this step, a pure function of (seed, step), so that a resumed run sees what it would have seen.

    Even steps pair two different photos of one person, odd steps photos of two different people: the paper's
    alternation. No target is ever shown in a second person's shot: there is no answer to look up.

    Raises: ValueError if there are too few people or photos for such pairs.
    """
    people, count = photos.images.shape[:2]
    if people < 2 or count < 2:
        raise ValueError(f"Pairs need at least 2 people with 2 photos each, got {people} with {count}.")
    rng = np.random.default_rng([seed, step])
    same = np.full(batch, step % 2 == 0)
    target_person, target_photo = rng.integers(people, size=batch), rng.integers(count, size=batch)
    # A step of 1 ... n - 1 around the circle never comes back to where it started.
    other_person = (target_person + rng.integers(1, people, size=batch)) % people
    other_photo = (target_photo + rng.integers(1, count, size=batch)) % count
    source_person = np.where(same, target_person, other_person)
    return Batch(
        source=gather(photos.images, source_person, other_photo),
        target=gather(photos.images, target_person, target_photo),
        same=same,
        source_index=np.stack([source_person, other_photo], axis=1),
        target_index=np.stack([target_person, target_photo], axis=1),
    )


def gather(images: np.ndarray, people: Sequence[int], photos: Sequence[int]) -> np.ndarray:
    """Pictures (B, H, W, 3) number (people[i], photos[i]) of (people, photos, H, W, 3), read into memory."""
    return np.stack([images[person, photo] for person, photo in zip(people, photos, strict=True)])

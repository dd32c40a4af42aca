"""Photographs to train on, and the paper's two kinds of batches: same identity, different identities (section 4.1).

The photographs are those of a photo collection: every shot belongs to one person, so no picture of one person in
another person's shot, the true answer of a swap, is among them.
"""

import hashlib
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from simswap_lib.files import whole_file
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import Shot

SHOTS_EACH = 100  # photograph k of person p is shot 100 p + k, so that no two people share one


@lru_cache(maxsize=1)
def world_version() -> str:
    """12 hexadecimal digits that change when the world draws other pictures: a checksum of eight small renders."""
    pictures = [render(Identity.sample(7 * i), Shot.sample(11 * i), 48).image for i in range(8)]
    return hashlib.sha256(np.stack(pictures).tobytes()).hexdigest()[:12]


def photo(person: int, k: int, size: int) -> np.ndarray:
    """Photograph number k of a person, uint8 RGB (size, size, 3)."""
    return render(Identity.sample(person), Shot.sample(SHOTS_EACH * person + k), size).image


@dataclass(frozen=True)
class WorldPhotos:
    """A photo collection of people who do not exist, rendered once and kept in a memory-mapped file.

    people: how many; their seeds are first, first + 1, ...   photos: of each person, each a shot of its own
    size: side in pixels   cache: folder of the file, or None to keep the pictures in memory

    Raises: ValueError when held-out people (or shots) would be among them, or for counts out of range.
    """

    people: int
    photos: int
    size: int = 64
    first: int = 0
    cache: str | os.PathLike | None = None

    def __post_init__(self):
        if self.people < 2 or not 2 <= self.photos <= SHOTS_EACH:
            raise ValueError(
                f"Expected at least 2 people and 2 to {SHOTS_EACH} photos, got {self.people}, {self.photos}."
            )
        if self.first < 0 or SHOTS_EACH * (self.first + self.people) > HELD_OUT:
            raise ValueError(
                f"Training people have seeds from 0 to {HELD_OUT // SHOTS_EACH - 1}; the others are held out."
            )

    @property
    def path(self) -> Path | None:
        """The cache file: its name says what is in it and which version of the world drew it."""
        if self.cache is None:
            return None
        name = f"people-{self.first}-{self.people}x{self.photos}-{self.size}px-{world_version()}.npy"
        return Path(self.cache) / name

    def images(self) -> np.ndarray:
        """uint8 (people, photos, size, size, 3); rendered now if the cache does not hold it. Never half a file."""
        if self.path is None:
            out = np.empty((self.people, self.photos, self.size, self.size, 3), np.uint8)
            self._render_into(out)
            return out
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(self.path) as temporary:
                shape = (self.people, self.photos, self.size, self.size, 3)
                out = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
                self._render_into(out)
                out.flush()
                del out
        return np.load(self.path, mmap_mode="r")

    def _render_into(self, out: np.ndarray) -> None:
        jobs = [(self.first + i, self.photos, self.size) for i in range(self.people)]
        bar = tqdm(total=self.people, desc="photographing", unit="person", disable=self.people < 100)
        if self.people * self.photos < 2000:  # not worth starting processes
            for i, job in enumerate(jobs):
                out[i] = _photograph(job)
                bar.update()
        else:
            for i, pictures in enumerate(_in_processes(jobs)):
                out[i] = pictures
                bar.update()
        bar.close()


def _photograph(job: tuple[int, int, int]) -> np.ndarray:
    person, photos, size = job
    return np.stack([photo(person, k, size) for k in range(photos)])


def _in_processes(jobs: list):
    # A worker is one core's worth of work; BLAS threads inside it would only fight each other.
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
            yield from pool.map(_photograph, jobs, chunksize=8)
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


# ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """Numbers of the photographs of one training step, as (person, photo) pairs."""

    source: np.ndarray  # (B, 2)
    target: np.ndarray  # (B, 2)
    same: np.ndarray  # (B,) bool: source and target show the same person


def pairs(people: int, photos: int, step: int, batch: int, seed: int = 0) -> Batch:
    """The pairs of one step: two photographs of one person on even steps, of two people on odd steps.

    A pure function of its arguments, so that a resumed run goes on with exactly the batches it would have seen.
    Raises: ValueError when there are not two people or two photographs to choose from.
    """
    if people < 2 or photos < 2:
        raise ValueError(f"Pairs need at least 2 people with 2 photos each, got {people} with {photos}.")
    rng = np.random.default_rng([seed, step])
    same = step % 2 == 0
    who = rng.integers(people, size=batch)
    other = who if same else (who + rng.integers(1, people, size=batch)) % people
    k = rng.integers(photos, size=batch)
    # Another photograph: of the same person it must differ, of another person any will do.
    other_k = (k + rng.integers(1, photos, size=batch)) % photos if same else rng.integers(photos, size=batch)
    return Batch(np.stack([who, k], 1), np.stack([other, other_k], 1), np.full(batch, same))

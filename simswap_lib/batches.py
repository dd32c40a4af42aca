"""The paper's turns of same-person and two-person batches, for any number of people, photos and workers.

A batch is a pure function of seed and step. No worker counts anything, so nothing can get out of step: however many
processes read the pictures, they get the batches that one process would have got.
"""

import signal
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from torch.utils.data import Dataset, Sampler


class Photographs(Protocol):
    """What a collection of photographs must offer: `WorldDataset` and `FolderDataset` do."""

    name: str  # for messages
    size: int  # pixels a side
    person: np.ndarray  # int64 (N,): whom picture i shows, counted from 0; pictures of one person stand together

    def __len__(self) -> int: ...

    def picture(self, index: int) -> np.ndarray:
        """uint8 RGB (size, size, 3)."""


class Pair(NamedTuple):
    """One sample: numbers of two pictures, and whether they show one person."""

    source: int
    target: int
    same: bool


class PairBatches(Sampler[list[Pair]]):
    """Batches of pairs for the steps `steps`, as torch's DataLoader takes them: `batch_sampler=PairBatches(...)`.

    Even steps pair two different photos of one person, odd steps photos of two different people: the paper's
    alternation. Everybody is as likely as anybody, however many photos there are of them; who has only one photo takes
    part in the odd steps alone. A batch may be larger than the number of people: people then return within it.

    Of several training processes, number `rank` of `processes` gets its equal part of each batch.

    Raises: ValueError, in one sentence, if there are too few people or photos for such pairs.
    """

    def __init__(
        self, photographs: Photographs, batch: int, steps: range, seed: int = 0, rank: int = 0, processes: int = 1
    ):
        self.batch, self.steps, self.seed = batch, steps, seed
        self.part = slice(rank * batch // processes, (rank + 1) * batch // processes)
        _, self.start, self.count = np.unique(photographs.person, return_index=True, return_counts=True)
        if batch < 1:
            raise ValueError(f"A batch has at least 1 pair, got {batch}.")
        if len(self.count) < 2:
            raise ValueError(
                f"Pairs of two people need at least 2 people, and {photographs.name} has {len(self.count)}: add some."
            )
        if self.count.max() < 2:
            raise ValueError(
                f"Pairs of one person need somebody with at least 2 photos, and in {photographs.name} all of the "
                f"{len(self.count)} people have only one: add photos."
            )

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[list[Pair]]:
        return (self.at(step)[self.part] for step in self.steps)

    def at(self, step: int) -> list[Pair]:
        """The whole batch of this step, a pure function of (seed, step): a resumed run sees what it would have seen."""
        sources, targets, same = draw_pairs(self.start, self.count, self.batch, self.seed, step)
        return [Pair(s, t, same) for s, t in zip(sources.tolist(), targets.tolist(), strict=True)]


def draw_pairs(
    start: np.ndarray, count: np.ndarray, batch: int, seed: int, step: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """The pairs of one step: even steps take two photos of one person, odd steps photos of two people.

    A pure function of (seed, step): nothing is remembered from one step to the next. First people are drawn, each as
    likely as any other, then photos. On even steps only people with two photos or more take part.

    start, count: int (P,): the pictures of person p are start[p], ..., start[p] + count[p] - 1.
    Returns numbers of pictures, sources and targets int (batch,), and whether the two of a pair show one person.
    Source: the paper (batches of one and of two identities in turn).
    """
    rng = np.random.default_rng([seed, step])
    same = step % 2 == 0
    people = np.flatnonzero(count >= 2) if same else np.arange(len(count))
    target_person = people[rng.integers(len(people), size=batch)]  # (B,)
    target = rng.integers(count[target_person])  # (B,), of the person's own photos
    # A step of 1 ... n - 1 around the circle never comes back to where it started.
    if same:
        source_person = target_person
        source = (target + rng.integers(1, count[source_person])) % count[source_person]
    else:
        source_person = (target_person + rng.integers(1, len(people), size=batch)) % len(people)
        source = rng.integers(count[source_person])
    return start[source_person] + source, start[target_person] + target, same


class Pairs(Dataset):
    """The pictures of pairs, for `DataLoader(Pairs(photographs), batch_sampler=PairBatches(photographs, ...))`.

    A sample is a dictionary: target uint8 (H, W, 3); source likewise, unless `sources` is False (training looks at
    identity vectors instead); source_index, target_index; same. The loader stacks them to tensors (B, ...).
    """

    def __init__(self, photographs: Photographs, sources: bool = True):
        self.photographs, self.sources = photographs, sources

    def __getitem__(self, pair: Pair) -> dict:
        pictures = {"target": self.photographs.picture(pair.target)}
        if self.sources:
            pictures["source"] = self.photographs.picture(pair.source)
        return {**pictures, "source_index": pair.source, "target_index": pair.target, "same": pair.same}


def quiet_worker(_: int) -> None:
    """`worker_init_fn` of a DataLoader: Ctrl-C is the parent's affair, who ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

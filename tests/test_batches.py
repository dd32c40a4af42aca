"""Batches of pairs that depend on seed and step alone, with any number of people, photos and workers."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from simswap_lib.batches import PairBatches, Pairs, quiet_worker

STEPS = range(40)


class Collection:
    """People with so many photos each; picture i is filled with the number i."""

    name, size = "the shoe box", 4

    def __init__(self, *counts: int):
        self.person = np.arange(len(counts)).repeat(counts)

    def __len__(self):
        return len(self.person)

    def picture(self, index: int) -> np.ndarray:
        return np.full((4, 4, 3), index, np.uint8)


@pytest.fixture(scope="module")
def photographs():
    return Collection(3, 1, 2, 5)


def numbers(batch) -> tuple[np.ndarray, np.ndarray]:
    return np.array([pair.source for pair in batch]), np.array([pair.target for pair in batch])


class TestPairBatches:
    def test_even_steps_show_one_person_twice_in_different_photos(self, photographs):
        for step in range(0, 40, 2):
            batch = PairBatches(photographs, 64, STEPS).at(step)
            source, target = numbers(batch)
            assert all(pair.same is True for pair in batch)
            assert (photographs.person[source] == photographs.person[target]).all() and (source != target).all()

    def test_odd_steps_show_two_people(self, photographs):
        for step in range(1, 40, 2):
            batch = PairBatches(photographs, 64, STEPS).at(step)
            source, target = numbers(batch)
            assert all(pair.same is False for pair in batch)
            assert (photographs.person[source] != photographs.person[target]).all()

    def test_a_pure_function_of_seed_and_step(self, photographs):
        batches = PairBatches(photographs, 8, STEPS, seed=7)
        expected = batches.at(3)
        np.random.seed(99)  # noqa: NPY002 - the global state must not matter
        torch.manual_seed(99)
        assert list(batches)[3] == expected and len(batches) == 40
        later = PairBatches(photographs, 8, range(3, 5), seed=7)
        assert next(iter(later)) == expected and len(later) == 2
        assert batches.at(5) != expected and PairBatches(photographs, 8, STEPS, seed=8).at(3) != expected

    def test_everybody_is_as_likely_as_anybody_and_every_photo_gets_a_turn(self, photographs):
        for step, who, share in ((0, {0, 2, 3}, 1 / 3), (1, {0, 1, 2, 3}, 1 / 4)):
            for index in numbers(PairBatches(photographs, 4000, STEPS).at(step)):
                people, count = np.unique(photographs.person[index], return_counts=True)
                assert set(people) == who and np.allclose(count / 4000, share, atol=0.03)
                assert set(index) == set(np.flatnonzero(np.isin(photographs.person, list(who))))

    def test_who_has_one_photo_takes_part_in_odd_steps_alone(self):
        alone = Collection(1, 1, 2)
        batches = PairBatches(alone, 50, STEPS)
        assert set(np.concatenate(numbers(batches.at(0)))) == {2, 3}
        assert {0, 1} < set(np.concatenate(numbers(batches.at(1))))

    def test_a_batch_larger_than_the_number_of_people(self):
        batch = PairBatches(Collection(2, 1), 100, STEPS)
        assert len(batch.at(0)) == len(batch.at(1)) == 100

    @pytest.mark.parametrize("counts, batch, words", [
        ((5,), 4, "Pairs of two people need at least 2 people, and the shoe box has 1: add some."),
        ((), 4, "at least 2 people, and the shoe box has 0"),
        ((1, 1, 1), 4, "somebody with at least 2 photos, and in the shoe box all of the 3 people have only one"),
        ((2, 2), 0, "at least 1 pair, got 0"),
    ])  # fmt: skip
    def test_impossible_pairs_are_one_sentence(self, counts, batch, words):
        with pytest.raises(ValueError, match=words) as caught:
            PairBatches(Collection(*counts), batch, STEPS)
        assert "\n" not in str(caught.value)


class TestLoader:
    @staticmethod
    def read(photographs, workers: int) -> list[dict]:
        batches = PairBatches(photographs, 5, range(7, 19), seed=1)
        return list(
            DataLoader(Pairs(photographs), batch_sampler=batches, num_workers=workers, worker_init_fn=quiet_worker)
        )

    @pytest.mark.filterwarnings("ignore:This DataLoader will create")
    def test_any_number_of_workers_gives_the_same_batches(self, photographs):
        expected = self.read(photographs, 0)
        assert len(expected) == 12
        for workers in (1, 3):
            found = self.read(photographs, workers)
            for one, other in zip(expected, found, strict=True):
                assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)

    def test_pictures_are_those_of_the_numbers(self, photographs):
        for step, batch in enumerate(self.read(photographs, 0), start=7):
            assert batch["same"].dtype == torch.bool and (batch["same"] == (step % 2 == 0)).all()
            for part in ("source", "target"):
                assert batch[part].dtype == torch.uint8 and batch[part].shape == (5, 4, 4, 3)
                assert torch.equal(batch[part][:, 0, 0, 0].long(), batch[f"{part}_index"])

    def test_sources_may_stay_on_the_disk(self, photographs):
        seen = []
        spy = SimpleNamespace(picture=lambda index: seen.append(index) or photographs.picture(index))
        sample = Pairs(spy, sources=False)[PairBatches(photographs, 1, STEPS).at(0)[0]]
        assert "source" not in sample and seen == [sample["target_index"]]

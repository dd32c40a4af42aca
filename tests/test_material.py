"""Nobody who is kept back to judge a run is trained on; too few people are one sentence."""

import numpy as np
import pytest

from simswap_lib import material
from simswap_lib.batches import PairBatches
from simswap_lib.photographs import photograph, rendered
from simswap_lib.world.people import HELD_OUT

SIZE = 32


def test_of_the_world_held_out_people_are_kept_back(monkeypatch):
    monkeypatch.setattr(material, "VALIDATION", 2)
    found = material.world(3, 2, SIZE, None)
    assert found.photographs.images.shape[:2] == (3, 2) and found.photographs.first == 0
    for i in range(2):
        assert np.array_equal(found.kept_first[i], photograph(HELD_OUT + 500 + i, 0, SIZE))
        assert np.array_equal(found.kept_second[i], photograph(HELD_OUT + 500 + i, 1, SIZE))


def test_of_a_folder_a_few_people_are_kept_back(tmp_path):
    list(rendered(range(6), 2, SIZE, 1, tmp_path))
    found = material.folder(str(tmp_path), SIZE)
    kept = [person for person in range(6) if f"person_{person:06d}" not in found.photographs.people]
    assert len(kept) == 2 and len(found.photographs) == 8
    for i, person in enumerate(kept):
        assert np.array_equal(found.kept_first[i], photograph(person, 0, SIZE))
        assert np.array_equal(found.kept_second[i], photograph(person, 1, SIZE))


def people(*counts: int) -> np.ndarray:
    return np.arange(len(counts)).repeat(counts)


def test_a_tenth_is_kept_back_and_all_of_it_has_two_pictures():
    counts = [1, 2, 3] * 50
    kept = material.kept_back(people(*counts), "x")
    assert len(kept) == 10 and all(counts[person] >= 2 for person in kept)
    assert min(kept) < 30 and max(kept) > 120
    assert len(material.kept_back(people(*[2] * 2000), "x")) == material.VALIDATION


@pytest.mark.parametrize("counts", [(2, 2, 2, 1), (2, 2, 2, 2), (9, 1, 2, 2, 1)])
def test_what_is_left_can_be_trained_on(counts):
    person = people(*counts)
    kept = material.kept_back(person, "x")
    assert len(kept) == 2

    class Left:
        name = "what is left"

    Left.person = person[~np.isin(person, list(kept))]
    PairBatches(Left, 4, range(2))


@pytest.mark.parametrize("counts", [(), (2, 2, 2), (2, 2, 1, 1), (5, 1, 1, 1, 1)])
def test_too_few_people_are_one_sentence(counts):
    with pytest.raises(ValueError, match="the shoe box has .* add some") as caught:
        material.kept_back(people(*counts), "the shoe box")
    assert "\n" not in str(caught.value)

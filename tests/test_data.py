"""Photo collections that never show two people in one shot, and batches that depend on seed and step alone."""

import numpy as np
import pytest

from simswap_lib import data
from simswap_lib.data import PHOTOS_LIMIT, WorldPhotos, gather, pairs, photograph, shot_seed, world_version
from simswap_lib.world.people import HELD_OUT

SIZE = 32


@pytest.fixture(scope="module")
def photos():
    return WorldPhotos(people=5, photos=3, size=SIZE)


class TestShots:
    def test_no_two_photographs_share_a_shot(self):
        seeds = [shot_seed(p, k) for p in (*range(40), HELD_OUT, HELD_OUT + 1) for k in range(PHOTOS_LIMIT)]
        assert len(set(seeds)) == len(seeds)

    def test_held_out_shots_belong_to_held_out_people_alone(self):
        assert shot_seed(HELD_OUT // PHOTOS_LIMIT - 1, PHOTOS_LIMIT - 1) < HELD_OUT
        assert shot_seed(HELD_OUT, 0) >= HELD_OUT

    @pytest.mark.parametrize("person, photo", [(-1, 0), (0, -1), (0, PHOTOS_LIMIT), (HELD_OUT // PHOTOS_LIMIT, 0)])
    def test_out_of_range_is_an_error(self, person, photo):
        with pytest.raises(ValueError, match="There are"):
            shot_seed(person, photo)


class TestWorldPhotos:
    def test_pictures_are_the_photographs(self, photos):
        assert photos.images.shape == (5, 3, SIZE, SIZE, 3) and photos.images.dtype == np.uint8
        assert np.array_equal(photos.images[4, 2], photograph(4, 2, SIZE))

    def test_first_moves_on_to_other_people(self, photos):
        later = WorldPhotos(people=2, photos=2, size=SIZE, first=3)
        assert np.array_equal(later.images, photos.images[3:, :2])

    def test_the_cache_holds_the_same_bytes_and_is_rendered_once(self, photos, tmp_path, monkeypatch):
        first = WorldPhotos(5, 3, SIZE, cache=tmp_path / "new folder")
        assert isinstance(first.images, np.memmap) and np.array_equal(first.images, photos.images)
        monkeypatch.setattr(data, "_fill", lambda *_: pytest.fail("rendered again"))
        assert np.array_equal(WorldPhotos(5, 3, SIZE, cache=tmp_path / "new folder").images, photos.images)

    def test_another_world_gets_another_file(self, tmp_path, monkeypatch):
        WorldPhotos(1, 1, SIZE, cache=tmp_path)
        monkeypatch.setattr(data, "world_version", lambda: "changed")
        WorldPhotos(1, 1, SIZE, cache=tmp_path)
        assert len(list(tmp_path.iterdir())) == 2

    def test_the_version_sees_what_is_drawn(self, monkeypatch):
        before = world_version()
        assert before == world_version() and len(before) == 8
        monkeypatch.setattr(data, "photograph", lambda *_: np.zeros((64, 64, 3), np.uint8))
        assert world_version() != before

    def test_a_failure_leaves_no_file(self, tmp_path, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(data, "_person", stop)
        with pytest.raises(KeyboardInterrupt):
            WorldPhotos(2, 2, SIZE, cache=tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_processes_draw_the_same(self, photos):
        assert np.array_equal(WorldPhotos(5, 3, SIZE, workers=2).images, photos.images)

    @pytest.mark.parametrize("wrong", [
        {"people": 0}, {"photos": 0}, {"first": HELD_OUT - 1}, {"first": -1}, {"photos": PHOTOS_LIMIT + 1},
        {"first": HELD_OUT // PHOTOS_LIMIT - 1},
    ], ids=str)  # fmt: skip
    def test_impossible_collections_are_errors(self, wrong):
        with pytest.raises(ValueError):
            WorldPhotos(**{"people": 2, "photos": 2, "size": SIZE, **wrong})


class TestPairs:
    def test_even_steps_show_one_person_twice_in_different_photos(self, photos):
        batch = pairs(photos, step=4, batch=64)
        assert batch.same.all() and batch.same.dtype == bool
        assert np.array_equal(batch.source_index[:, 0], batch.target_index[:, 0])
        assert (batch.source_index[:, 1] != batch.target_index[:, 1]).all()

    def test_odd_steps_show_two_people(self, photos):
        batch = pairs(photos, step=5, batch=64)
        assert not batch.same.any()
        assert (batch.source_index[:, 0] != batch.target_index[:, 0]).all()

    def test_pictures_are_those_of_the_numbers(self, photos):
        batch = pairs(photos, step=1, batch=8)
        for pictures, index in ((batch.source, batch.source_index), (batch.target, batch.target_index)):
            assert np.array_equal(pictures, photos.images[index[:, 0], index[:, 1]])

    def test_a_pure_function_of_seed_and_step(self, photos):
        def numbers(step, seed):
            batch = pairs(photos, step, 8, seed)
            return np.concatenate([batch.source_index, batch.target_index]).tolist()

        expected = numbers(3, 7)
        np.random.seed(99)  # noqa: NPY002 - the global state must not matter
        numbers(50, 7)
        assert numbers(3, 7) == expected
        assert numbers(5, 7) != expected and numbers(3, 8) != expected

    def test_every_person_and_photo_gets_a_turn(self, photos):
        for step in (0, 1):
            batch = pairs(photos, step, batch=400)
            for index in (batch.source_index, batch.target_index):
                assert len(np.unique(index, axis=0)) == 15

    def test_too_few_for_pairs_is_an_error(self):
        for images in (np.zeros((1, 3, 4, 4, 3), np.uint8), np.zeros((3, 1, 4, 4, 3), np.uint8)):
            collection = WorldPhotos.__new__(WorldPhotos)
            collection.images = images
            with pytest.raises(ValueError, match="at least 2 people with 2 photos"):
                pairs(collection, 0, 4)

    def test_gather_reads_into_memory(self, photos):
        pictures = gather(photos.images, [1, 1], [0, 2])
        assert np.array_equal(pictures, photos.images[1, [0, 2]]) and not isinstance(pictures, np.memmap)

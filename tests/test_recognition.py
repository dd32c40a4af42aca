"""How many true pictures of unseen people a recogniser finds, and how sure that is."""

import numpy as np
import pytest
import torch

from simswap_lib import recognition
from simswap_lib.photographs import photograph, shot_seed
from simswap_lib.world.people import HELD_OUT
from simswap_lib.world.shots import Shot


class Says:
    """Stands in for an ArcFace: of the picture whose values are all i it says `vectors[i]`."""

    def __init__(self, vectors):
        self.vectors = vectors

    def embed(self, pictures):
        return self.vectors[pictures[:, 0, 0, 0].tolist()]


def test_who_is_hidden_in_the_gallery_is_lost_in_all_lookups():
    # Two people, three pictures each; the second person's first picture shows nothing of them.
    vectors = torch.tensor([[1.0, 0.0], [1, 0], [1, 0], [0.8, -0.6], [0, 1], [0, 1]])
    pictures = np.broadcast_to(np.arange(6, dtype=np.uint8).reshape(2, 3, 1, 1, 1), (2, 3, 4, 4, 3))
    one, two, three = recognition.found_in_turn(Says(vectors), pictures).tolist()
    assert one == recognition.found(vectors.unflatten(0, (2, 3))).tolist() == [[True, True], [False, False]]
    assert two == three == [[True, True], [False, True]]


def test_the_interval_draws_people_again():
    whole, none = np.ones((5, 40, 4), bool), np.zeros((5, 40, 4), bool)
    low, high = recognition.interval_of_people(whole)
    assert high == 1 and low == pytest.approx(1 - 3 / 40, abs=0.01)
    assert recognition.interval_of_people(none) == pytest.approx((0, 1 - low))
    whole[:, :2] = False  # eight of 160 lookups, but only two people
    low, high = recognition.interval_of_people(whole[:1])
    assert low < 0.89 and high == 1


def test_what_hides_a_face_is_known():
    shots = [Shot.sample(shot_seed(HELD_OUT + i, 0)) for i in range(60)]
    hidden = [i for i in range(60) if not recognition.unobstructed(HELD_OUT + i, 0)]
    assert 2 < len(hidden) < 30
    assert all(shots[i].occluder != "none" or shots[i].glasses == "sun" for i in hidden)
    assert all(shots[i].occluder == "none" for i in range(60) if i not in hidden)


class Knows:
    """Stands in for an ArcFace that has learned 20 pictures by heart; those in `blind` say nothing to it."""

    def __init__(self, pictures, blind):
        flat = pictures.reshape(-1, *pictures.shape[2:])
        self.numbers = {
            picture.tobytes(): 4 if i in blind else i // recognition.PHOTOS for i, picture in enumerate(flat)
        }

    def embed(self, pictures):
        return torch.eye(5)[[self.numbers[picture.tobytes()] for picture in pictures]]


def test_true_pictures_of_people_whom_nobody_saw():
    pictures = recognition.unseen_people(4, 32)
    assert pictures.shape == (4, recognition.PHOTOS, 32, 32, 3) and pictures.dtype == np.uint8
    assert (pictures[3, 2] == photograph(HELD_OUT + 3, 2, 32)).all()
    blind = [11]  # picture 1 of person 2
    result = recognition.true_pictures({"all": Knows(pictures, []), "most": Knows(pictures, blind)}, 4, 32)
    assert result["all"]["id_retrieval"] == result["all"]["in_turn"]["id_retrieval"] == 1
    assert result["most"]["id_retrieval"] == 15 / 16 and result["most"]["pictures"] == 16
    # It is lost when looked up in the four other galleries, and loses four lookups in its own.
    assert result["most"]["in_turn"]["id_retrieval"] == 1 - 8 / 80 and result["most"]["in_turn"]["pictures"] == 80
    low, high = result["most"]["interval"]
    assert low < 15 / 16 < high == 1
    assert 0 <= result["most"]["unobstructed"] <= 1

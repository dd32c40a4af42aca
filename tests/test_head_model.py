"""The linear head: a mean, people, expressions, five points."""

import numpy as np
import pytest

from simswap_lib.world import head_model

HEAD = head_model.load()
MEAN = (0.0,) * len(HEAD.identity)


def test_the_mean_head_has_no_coefficients():
    assert np.array_equal(HEAD.vertices(MEAN), HEAD.mean)


def test_it_is_linear():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, len(MEAN)))
    both = HEAD.vertices(tuple(a + b)) - HEAD.mean
    assert np.allclose(both, HEAD.vertices(tuple(a)) + HEAD.vertices(tuple(b)) - 2 * HEAD.mean, atol=1e-3)


def test_an_expression_moves_the_face_and_not_the_skull():
    moved = np.linalg.norm(HEAD.vertices(MEAN, (("jawOpen", 1.0),)) - HEAD.mean, axis=1)
    assert moved[HEAD.mean[:, 1] < -1].max() > 0.2
    assert moved[HEAD.mean[:, 1] > 0.8].max() < 0.02


def test_expressions_do_not_change_the_cached_person():
    before = HEAD.vertices(MEAN).copy()
    HEAD.vertices(MEAN, (("jawOpen", 1.0),))
    assert np.array_equal(HEAD.vertices(MEAN), before)


def test_five_points_are_where_they_should_be():
    left_eye, right_eye, nose, left_mouth, right_mouth = HEAD.five_points(HEAD.mean)
    assert left_eye[0] < nose[0] < right_eye[0] and left_mouth[0] < right_mouth[0]
    assert left_eye[1] > nose[1] > left_mouth[1]
    assert nose[2] > left_eye[2] and nose[2] > left_mouth[2]
    assert right_eye[0] - left_eye[0] == pytest.approx(1, abs=0.1)


def test_unknown_action_and_wrong_shape():
    with pytest.raises(ValueError, match="frown"):
        HEAD.vertices(MEAN, (("frown", 1.0),))
    with pytest.raises(ValueError, match="coefficients"):
        HEAD.vertices((0.0, 1.0))


def test_missing_file_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(head_model, "DATA", tmp_path)
    head_model.load.cache_clear()
    try:
        with pytest.raises(FileNotFoundError, match="clone"):
            head_model.load()
    finally:
        head_model.load.cache_clear()

"""The similarity transform: exact where it can be, least squares where it cannot, never a mirror image."""

import numpy as np
import pytest

from simswap_lib.faces.align import TEMPLATE, similarity


def apply(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_recovers_a_known_transform():
    angle = 0.4
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = TEMPLATE @ turn.T + [3, -2]
    assert np.allclose(similarity(TEMPLATE, target), np.column_stack([turn, [3, -2]]))


def test_is_the_least_squares_answer():
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    best = similarity(points, target)
    error = ((apply(best, points) - target) ** 2).sum()
    for _ in range(200):
        a, b = best[0, 0] + rng.normal(0, 0.05), best[1, 0] + rng.normal(0, 0.05)
        other = np.column_stack([[[a, -b], [b, a]], best[:, 2] + rng.normal(0, 0.05, 2)])
        assert ((apply(other, points) - target) ** 2).sum() >= error - 1e-12


def test_never_mirrors():
    mirrored = TEMPLATE * [-1, 1]
    assert np.linalg.det(similarity(TEMPLATE, mirrored)[:, :2]) > 0


def test_template_lies_in_the_picture_and_shows_the_chin():
    eyes, mouth = TEMPLATE[:2].mean(0), TEMPLATE[3:].mean(0)
    chin = eyes + (mouth - eyes) * 1.7  # the chin lies about 0.7 eye-mouth distances under the mouth
    assert (TEMPLATE > 0.2).all() and (TEMPLATE < 0.8).all() and chin[1] < 1


@pytest.mark.parametrize(
    "points, target", [(np.zeros((5, 2)), TEMPLATE), (TEMPLATE[:4], TEMPLATE), (TEMPLATE[:1],) * 2]
)
def test_bad_input(points, target):
    with pytest.raises(ValueError, match="coincide|Expected"):
        similarity(points, target)

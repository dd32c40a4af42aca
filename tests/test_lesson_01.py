"""Lesson 01 from a reader's seat: right answers in other words pass, wrong ones show in the crop as the lesson says."""

import cv2
import numpy as np
import pytest

from simswap_lib.course import exercises, grade
from simswap_lib.course.arrays import call_with_arrays, some_points
from simswap_lib.course.exercise import Wrong
from simswap_lib.course.lesson_01.mutants import mystery
from simswap_lib.faces import align as library
from simswap_lib.faces.align import TEMPLATE
from simswap_lib.faces.prepare import prepare as library_prepare
from simswap_lib.world import HELD_OUT, Identity, Shot, render

LESSON = {e.id: e for e in exercises().values() if e.lesson == "01"}


# What a reader might write, in other words than the library. ----------------------------------------------------------


def contact_sheet(people, shots, size):
    sheet = np.zeros((len(people) * size, len(shots) * size, 3), np.uint8)
    for i in range(len(people)):
        for j in range(len(shots)):
            picture = render(Identity.sample(people[i]), Shot.sample(shots[j]), size=size).image
            sheet[i * size : (i + 1) * size, j * size : (j + 1) * size] = picture
    return sheet


def best_rotation(p, q):
    """Without a decomposition: in the plane the best angle can be written down, and it never mirrors."""
    angle = np.arctan2((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum(), (p * q).sum())
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def similarity(points, target):
    """With complex numbers, as "Going further" suggests."""
    z, w = points[:, 0] + 1j * points[:, 1], target[:, 0] + 1j * target[:, 1]
    dz, dw = z - z.mean(), w - w.mean()
    a = (dz.conj() * dw).sum() / (dz.conj() * dz).sum().real
    t = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, t.real], [a.imag, a.real, t.imag]])


def align(image, points, size, template=TEMPLATE):
    matrix = similarity(points, size * template)
    return cv2.warpAffine(image, matrix, (size, size)), matrix


def prepare(photo, points, size=224, smallest=250):
    height, width, _ = photo.shape
    if height >= smallest and width >= smallest:
        crop, _ = align(photo, points, size)
        return crop


MINE = {"01.1": contact_sheet, "01.2": best_rotation, "01.3": similarity, "01.4": align, "01.5": prepare}


@pytest.mark.parametrize("id", LESSON)
def test_a_right_answer_in_other_words_passes(id):
    verdict = grade(LESSON[id], MINE[id])
    assert verdict.passed, verdict.message


def test_a_list_of_crop_and_matrix_is_as_good_as_a_tuple():
    def align_in_a_list(image, points, size, template=TEMPLATE):
        return list(align(image, points, size, template))

    assert grade(LESSON["01.4"], align_in_a_list).passed


def test_two_roads_to_the_best_rotation_agree():
    rng = np.random.default_rng(1)
    p = rng.normal(size=(5, 2))
    p -= p.mean(axis=0)
    for q in (2 * p, p * [-1, 1], p @ np.array([[0, -1], [1, 0]]) + rng.normal(size=(5, 2))):
        q = q - q.mean(axis=0)
        assert np.allclose(library.best_rotation(p, q), best_rotation(p, q))


# Break it: what the colleague's version does. -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photograph():
    return render(Identity.sample(HELD_OUT + 22), Shot.sample(HELD_OUT + 31), 128)


def test_on_points_in_the_right_order_the_colleagues_version_is_right(photograph):
    points, target = photograph.landmarks.astype(float), 64 * TEMPLATE
    assert np.allclose(mystery(points, target), library.similarity(points, target))


def test_with_left_and_right_exchanged_it_mirrors_and_ours_is_loud(photograph):
    points, target = photograph.landmarks.astype(float), 64 * TEMPLATE
    exchanged = points[[1, 0, 2, 4, 3]]
    silent, loud = mystery(exchanged, target), library.similarity(exchanged, target)
    assert np.linalg.det(silent[:, :2]) < 0 < np.linalg.det(loud[:, :2])

    def left_over(matrix):
        return np.abs(exchanged @ matrix[:, :2].T + matrix[:, 2] - target).max()

    assert left_over(silent) < 5 and left_over(loud) > 10
    landed = points @ silent[:, :2].T + silent[:, 2]  # so the eye on the picture's left becomes the one on the right
    assert np.abs(landed[0] - target[1]).max() < 5 and np.abs(landed[1] - target[0]).max() < 5


# Preparation. ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width", "kept"), [(250, 250, True), (249, 900, False), (900, 249, False)])
def test_a_photograph_is_dropped_if_a_side_is_below_250(height, width, kept):
    photo = np.zeros((height, width, 3), np.uint8)
    crop = library_prepare(photo, 200 * TEMPLATE)
    assert (crop is not None) == kept
    assert crop is None or crop.shape == (224, 224, 3)


# The messages of `call_with_arrays`. ----------------------------------------------------------------------------------


def in_place(points):
    points -= points.mean(axis=0)
    return points


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (in_place, "changes it in place"),
        (lambda points: None, "`return` missing"),
        (lambda points: points.tolist(), "returned a list"),
        (lambda points: points[:3], "shape \\(3, 2\\); expected \\(5, 2\\)"),
        (lambda points: points * np.nan, "nan or infinity"),
    ],
)
def test_what_comes_back_wrongly_is_said_in_words(answer, said):
    with pytest.raises(Wrong, match=said):
        call_with_arrays(answer, shape=(5, 2), points=some_points())


def test_an_exception_keeps_what_it_was_called_with():
    with pytest.raises(ZeroDivisionError) as caught:
        call_with_arrays(lambda points: 1 / 0, points=some_points())
    assert "points of shape (5, 2)" in caught.value.__notes__[0]

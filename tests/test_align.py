"""The similarity transform: exact where it can be, least squares where it cannot, never a mirror image; and crops."""

import cv2
import numpy as np
import pytest

from simswap_lib.faces.align import FFHQ, TEMPLATE, align, similarity


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


def moved(angle: float, scale: float, shift) -> np.ndarray:
    """The template as a face of another size, turned and elsewhere."""
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return TEMPLATE @ turn.T + shift


@pytest.mark.parametrize("angle", [-2.5, -0.3, 0.0, 0.7])
def test_agrees_with_opencv(angle):
    points = moved(angle, 90, [200, 110])
    theirs, inliers = cv2.estimateAffinePartial2D(points, TEMPLATE * 64)
    assert inliers.all()
    assert np.allclose(similarity(points, TEMPLATE * 64), theirs, atol=1e-4)


@pytest.mark.parametrize("mirrored", [False, True])
def test_agrees_with_scikit_image_on_inexact_points(mirrored):
    transform = pytest.importorskip("skimage.transform")
    rng = np.random.default_rng(1)
    points = moved(0.4, 90, [200, 110]) + rng.normal(0, 4, (5, 2))
    points = points * [-1, 1] if mirrored else points
    if hasattr(transform.SimilarityTransform, "from_estimate"):
        theirs = transform.SimilarityTransform.from_estimate(points, TEMPLATE * 64)
    else:
        theirs = transform.SimilarityTransform()
        theirs.estimate(points, TEMPLATE * 64)
    assert np.allclose(similarity(points, TEMPLATE * 64), theirs.params[:2])


def dots(points: np.ndarray, shape, radius: float) -> np.ndarray:
    """A black picture with a round soft dot at each point, x and y from the picture's corner."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    glow = sum(np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * radius**2)) for px, py in points)
    return np.repeat((255 * np.minimum(glow, 1)).astype(np.uint8)[..., None], 3, axis=-1)


@pytest.mark.parametrize("template", [TEMPLATE, FFHQ], ids=["course", "ffhq"])
@pytest.mark.parametrize("side", [40, 96, 110, 700])  # enlarged, as it is, a little smaller, much smaller
def test_what_is_at_the_points_comes_to_the_template(side, template):
    points = moved(0.3, side, [side * 0.6, side * 0.2])
    crop, matrix = align(dots(points, (round(side * 1.5), round(side * 1.7)), side / 40), points, 96, template)
    assert crop.shape == (96, 96, 3) and crop.dtype == np.uint8
    y, x = np.mgrid[:96, :96] + 0.5
    for point, goal in zip(points, apply(matrix, points)):
        near = crop[..., 0] * (np.hypot(x - goal[0], y - goal[1]) < 9)
        assert np.abs(np.array([(x * near).sum(), (y * near).sum()]) / near.sum() - goal).max() < 0.1, point
    assert np.allclose(apply(matrix, points), template * 96)


def test_a_face_in_its_place_is_not_touched():
    image = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    crop, matrix = align(image, TEMPLATE * 64, 64)
    assert np.array_equal(crop, image) and np.allclose(matrix, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("shrunk", [1.5, 3.3, 7.5])
def test_fine_patterns_average_out_instead_of_coming_back(shrunk):
    side = round(64 * shrunk)
    board = np.repeat((np.indices((side, side)).sum(0) % 2 * 255).astype(np.uint8)[..., None], 3, axis=-1)
    points = TEMPLATE * side
    naive = cv2.warpAffine(board, similarity(points, TEMPLATE * 64), (64, 64))
    crop, _ = align(board, points, 64)
    assert naive.std() > 25  # otherwise the pattern proves nothing
    assert crop.std() < naive.std() / 3 and abs(crop.mean() - 127.5) < 4


def test_outside_the_picture_its_edge_goes_on():
    image = np.full((50, 60, 3), (200, 30, 90), np.uint8)
    crop, _ = align(image, moved(0.5, 90, [-30, 20]), 64)
    assert (crop == (200, 30, 90)).all()
    image[:, 55:] = (10, 220, 30)  # nothing of the left side may turn up beyond the right edge, as a mirror would do
    crop, _ = align(image, TEMPLATE * 64 + [40, 0], 64)
    assert (crop[:, 20:] == (10, 220, 30)).all()


PICTURE = np.zeros((32, 32, 3), np.uint8)


@pytest.mark.parametrize(
    "image, points, size, template, said",
    [
        (PICTURE.astype(float), TEMPLATE * 32, 64, TEMPLATE, "uint8 RGB"),
        (PICTURE[..., 0], TEMPLATE * 32, 64, TEMPLATE, "uint8 RGB"),
        (PICTURE[:0], TEMPLATE * 32, 64, TEMPLATE, "uint8 RGB"),
        (PICTURE, TEMPLATE[:4] * 32, 64, TEMPLATE, "points must be five"),
        (PICTURE, TEMPLATE * np.nan, 64, TEMPLATE, "points must be five"),
        (PICTURE, TEMPLATE * 32, 64, TEMPLATE[:3], "template must be five"),
        (PICTURE, TEMPLATE * 0 + 7, 64, TEMPLATE, "coincide"),
        (PICTURE, TEMPLATE * 32, 8, TEMPLATE, "16 to 4096"),
        (PICTURE, TEMPLATE * 32, 64.0, TEMPLATE, "16 to 4096"),
    ],
)
def test_align_refuses(image, points, size, template, said):
    with pytest.raises(ValueError, match=said):
        align(image, points, size, template)

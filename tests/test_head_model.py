"""The linear head: a mean, people, expressions, five points."""

import numpy as np
import pytest

from simswap_lib.world import head_model
from simswap_lib.world.raster import rasterise

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


def points68(*expression):
    return HEAD.vertices(MEAN, expression)[HEAD.landmarks68]


def test_the_68_landmarks_lie_in_their_order():
    x, y, z = points68().T
    assert len(set(HEAD.landmarks68)) == 68
    assert (np.diff(x[3:14]) > 0).all() and y[8] == y[:17].min()  # jaw, past the ears' bulge
    assert (np.diff(x[17:27]) > 0).all() and (y[17:27] > y[36:48].max()).all()  # brows above the eyes
    assert (np.diff(y[27:31]) < 0).all() and z[30] == z.max()  # down the nose to its tip
    assert (np.diff(x[31:36]) > 0).all() and (y[31:36] < y[30]).all()
    for first in (36, 42):
        assert (np.diff(x[first : first + 4]) > 0).all() and (np.diff(x[first + 3 : first + 6]) < 0).all()
        assert y[first + 1 : first + 3].min() > y[first + 4 : first + 6].max()
    assert (np.diff(x[48:55]) > 0).all() and (np.diff(x[54:60]) < 0).all()
    assert y[49:54].min() > y[61:64].max() and y[65:68].min() > y[55:60].max()


def test_the_68_landmarks_are_mirror_images():
    pairs = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)] + [(31, 35), (32, 34)]
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46), (48, 54), (50, 52), (60, 64), (67, 65)]
    left, right = np.array(pairs).T
    assert np.allclose(points68()[left] * [-1, 1, 1], points68()[right], atol=0.02)


def test_landmarks_follow_lips_and_lids():
    gap = [61, 62, 63], [67, 66, 65]
    rest, opened = points68(), points68(("jawOpen", 1.0))
    assert (rest[gap[0], 1] - rest[gap[1], 1]).max() < 0.05
    assert (opened[gap[0], 1] - opened[gap[1], 1]).min() > 0.3
    lids = [37, 38, 43, 44], [41, 40, 47, 46]
    blink = points68(("eyeBlinkLeft", 1.0), ("eyeBlinkRight", 1.0))
    assert (rest[lids[0], 1] - rest[lids[1], 1]).min() > 0.1
    assert (blink[lids[0], 1] - blink[lids[1], 1]).max() < 0.02


def seen_parts(vertices, triangles, size=256):
    """Number of pixels of each part, looking at the mouth from the front."""
    screen = (vertices[:, :2] - [-0.6, -1.8]) * size / 1.2
    screen[:, 1] = size - screen[:, 1]
    near = 1 / (20 - vertices[:, 2])
    index, *_ = rasterise(screen.astype(np.float32), near.astype(np.float32), triangles, len(triangles), size, size)
    return np.bincount(HEAD.part[triangles[index[index >= 0], 0]], minlength=6)


def test_a_resting_mouth_hides_teeth_and_tongue():
    rng = np.random.default_rng(5)
    for shape in [MEAN, *(tuple(np.clip(rng.normal(0, 0.85, 80), -1.9, 1.9)) for _ in range(5))]:
        seen = seen_parts(HEAD.vertices(shape), HEAD.triangles)
        assert seen[head_model.TEETH] + seen[head_model.TONGUE] < 40
    opened = seen_parts(HEAD.vertices(MEAN, (("jawOpen", 1.0),)), HEAD.triangles)
    assert opened[head_model.TEETH] > 300 and opened[head_model.TONGUE] > 300


def test_the_coarse_mesh_is_a_smaller_mesh_of_the_same_head():
    triangles = HEAD.coarse_vertices[HEAD.coarse_triangles]
    assert 0.25 < len(triangles) / len(HEAD.triangles) < 0.4
    assert np.isin(HEAD.landmarks68, HEAD.coarse_vertices).all() and np.isin(HEAD.five, HEAD.coarse_vertices).all()
    assert (np.sort(triangles, axis=1)[:, 1:] > np.sort(triangles, axis=1)[:, :-1]).all()
    for expression in ((), (("jawOpen", 1.0),), (("eyeBlinkLeft", 1.0), ("mouthSmileLeft", 0.9))):
        vertices = HEAD.vertices(MEAN, expression)
        full, coarse = seen_parts(vertices, HEAD.triangles), seen_parts(vertices, triangles)
        assert np.abs(full - coarse).sum() < 0.02 * full.sum()


def test_neck_and_lids_are_where_they_should_be():
    x, y, z = HEAD.mean.T
    assert HEAD.neck[(y < -2.4) & (HEAD.part == head_model.SKIN)].min() == 1
    assert HEAD.neck[(y > -0.7) & (z > -1)].max() == 0
    lid = HEAD.eyelid > 0.5
    assert lid.sum() > 40 and (np.abs(np.abs(x[lid]) - 0.5) < 0.3).all() and (y[lid] > 0).all() and (y[lid] < 0.2).all()


def test_sex_and_age_shape_the_mean_head():
    def mean_of(sex, age):
        return HEAD.vertices(tuple(np.array([1, sex, age, sex * age]) @ HEAD.label_basis))[HEAD.landmarks68]

    woman, man, old = mean_of(0, 25), mean_of(1, 25), mean_of(0, 75)
    assert man[5:12, 1].mean() < woman[5:12, 1].mean() - 0.05  # a man's jaw reaches lower
    assert np.linalg.norm(old - woman, axis=1).mean() > 0.02
    assert (HEAD.residual_std > 0.5).all() and (HEAD.residual_std < 1.05).all()


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

"""Renders: deterministic, framed by the shot alone, with landmarks and mask where the face is."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from simswap_lib.faces.align import TEMPLATE
from simswap_lib.world import Identity, Shot, contact_sheet, render, swap_truth
from simswap_lib.world.renderer import rotation

PERSON, SHOT = Identity.sample(7), Shot.sample(3)


def test_same_seeds_same_bytes_also_in_another_process():
    import hashlib

    image = render(PERSON, SHOT, 64).image
    assert np.array_equal(image, render(Identity.sample(7), Shot.sample(3), 64).image)
    code = (
        "import hashlib; from simswap_lib.world import *;"
        "print(hashlib.sha256(render(Identity.sample(7), Shot.sample(3), 64).image.tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(image.tobytes()).hexdigest()


@pytest.mark.parametrize("size", [32, 64, 97, 512])
def test_sizes(size):
    r = render(PERSON, SHOT, size)
    assert r.image.shape == (size, size, 3) and r.image.dtype == np.uint8
    assert r.mask.shape == (size, size) and 0 <= r.mask.min() and r.mask.max() <= 1
    assert r.landmarks.shape == (5, 2)


@pytest.mark.parametrize("size", [31, 513, 0, -1, 64.0, "64"])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="32 to 512"):
        render(PERSON, SHOT, size)


def test_a_picture_scales_with_its_size():
    small, large = render(PERSON, SHOT, 64), render(PERSON, SHOT, 256)
    assert np.allclose(small.landmarks * 4, large.landmarks, atol=0.01)
    shrunk = cv2.resize(large.image, (64, 64), interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(shrunk - small.image).mean() < 4


def test_landmarks_are_near_the_template_and_on_the_face():
    for seed in range(40):
        r = render(Identity.sample(seed), Shot.sample(seed), 64)
        assert np.abs(r.landmarks / 64 - TEMPLATE).mean() < 0.06
        eyes = r.landmarks[:2].astype(int)
        assert r.mask[eyes[:, 1], eyes[:, 0]].max() > 0.5


def test_the_mean_heads_points_fit_the_template_in_every_shot():
    mean = Identity.lerp(PERSON, PERSON, 0.5)
    mean = Identity(**{**mean.__dict__, "shape": (0.0,) * len(mean.shape)})
    for seed in range(20):
        error = render(mean, Shot.sample(seed), 64).landmarks / 64 - TEMPLATE
        assert np.abs(error.mean(0)).max() < 1e-4  # least squares leaves no shift


def test_the_frame_depends_on_the_shot_alone():
    # The background behind two people is the same wherever neither of them stands.
    a, b = (render(Identity.sample(seed), SHOT, 64) for seed in (7, 8))
    same = (a.image == b.image).all(-1)
    assert same.mean() > 0.12


def test_identity_and_shot_both_show():
    base = render(PERSON, SHOT, 64)
    inside = base.mask > 0.5
    other_person = render(Identity.sample(8), SHOT, 64).image
    other_shot = render(PERSON, Shot.sample(4), 64).image
    assert np.abs(base.image.astype(int) - other_person)[inside].mean() > 5
    assert np.abs(base.image.astype(int) - other_shot)[inside].mean() > 5


def test_mask_covers_a_face():
    shares = [render(Identity.sample(s), Shot.sample(s), 64).mask.mean() for s in range(30)]
    assert min(shares) > 0.12 and max(shares) < 0.7


def test_pose_is_read_back_from_the_landmarks():
    # PnP with the person's own five points finds the head's rotation.
    from simswap_lib.world import head_model
    from simswap_lib.world.renderer import _crop

    head = head_model.load()
    for seed in (1, 5, 9):
        shot = Shot.sample(seed)
        size = 256
        points = head.five_points(head.vertices(PERSON.shape, shot.expression)).astype(float) * [1, -1, -1]
        pixels = render(PERSON, shot, size).landmarks.astype(float)
        crop = _crop(shot)
        scale = np.hypot(*crop[:, 0]) * size * shot.distance
        camera = np.array([[scale, 0, crop[0, 2] * size], [0, scale, crop[1, 2] * size], [0, 0, 1]])
        _, turn, _ = cv2.solvePnP(points, pixels, camera, None, flags=cv2.SOLVEPNP_SQPNP)
        flip = np.diag([1.0, -1, -1])
        found = flip @ cv2.Rodrigues(turn)[0] @ flip
        wanted = rotation(*render(PERSON, shot, 64).pose)
        angle = np.degrees(np.arccos((np.trace(found @ wanted.T) - 1) / 2))
        assert angle < 1.0, (seed, angle)


def test_yaw_and_pitch_signs():
    forward = np.array([0, 0, 1.0])
    assert (rotation(20, 0, 0) @ forward)[0] > 0  # to the picture's right
    assert (rotation(0, 20, 0) @ forward)[1] > 0  # up


def test_truth_is_the_render_of_the_person_in_the_shot():
    assert np.array_equal(swap_truth(PERSON, SHOT, 64).image, render(PERSON, SHOT, 64).image)


def test_contact_sheet():
    sheet = contact_sheet([7, 8], [3, 4, 5], 32)
    assert sheet.shape == (64, 96, 3)
    assert np.array_equal(sheet[:32, :32], render(PERSON, SHOT, 32).image)
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], [1])

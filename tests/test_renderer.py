"""Renders: deterministic, framed by the shot alone, with a mask where the face is."""

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from simswap_lib.faces.align import TEMPLATE, similarity
from simswap_lib.world import Identity, Shot, contact_sheet, render, render_batch, swap_truth
from simswap_lib.world.camera import AROUND, MIDDLE, _onto_template, rotation
from simswap_lib.world.shots import HAIR_STYLES

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


def test_landmarks_are_near_the_template():
    for seed in range(40):
        r = render(Identity.sample(seed), Shot.sample(seed), 64)
        assert np.abs(r.landmarks / 64 - TEMPLATE).mean() < 0.06


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
    shares = [render(Identity.sample(s), replace(Shot.sample(s), occluder="none"), 64).mask.mean() for s in range(30)]
    assert min(shares) > 0.12 and max(shares) < 0.7


@pytest.mark.parametrize("kind", ["hand", "microphone", "mask", "strand"])
def test_what_is_in_the_way_covers_the_face(kind):
    free, covered = (render(PERSON, replace(SHOT, occluder=k, hair="short"), 64).mask for k in ("none", kind))
    assert 0.02 * free.sum() < free.sum() - covered.sum() < 0.7 * free.sum()
    assert (covered <= free + 0.2).all()  # pixels at an edge are sampled elsewhere


def test_a_batch_is_its_renders():
    people, shots = [PERSON, Identity.sample(8)], [SHOT, Shot.sample(4)]
    for one, person, shot in zip(render_batch(people, shots, 48), people, shots, strict=True):
        assert np.array_equal(one.image, render(person, shot, 48).image)
    with pytest.raises(ValueError, match="a shot for each person"):
        render_batch(people, shots[:1])


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_every_hair_style_keeps_the_face_free(style):
    shares = [
        render(Identity.sample(s), replace(Shot.sample(s), hair=style, occluder="none"), 64).mask.mean()
        for s in range(6)
    ]
    bald = [
        render(Identity.sample(s), replace(Shot.sample(s), hair="bald", occluder="none"), 64).mask.mean()
        for s in range(6)
    ]
    assert np.mean(shares) > 0.6 * np.mean(bald)


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


def test_the_framing_is_the_similarity_that_alignment_teaches():
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.normal(0, 1, (5, 2))
        assert np.allclose(_onto_template(points, AROUND, MIDDLE), similarity(points, TEMPLATE), atol=1e-12)

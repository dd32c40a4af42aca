"""Clips: exact at any moment, smooth, alive, and the same film for whoever is in it."""

from dataclasses import fields, replace

import numpy as np
import pytest

from simswap_lib.world import HELD_OUT, PARTS, Clip, Identity, Shot, render
from simswap_lib.world.clip import CLOSING, LIMITS, SHUT, Syllable

CLIP, PERSON = Clip.sample(2), Identity.sample(2)
MOVES = {"yaw", "pitch", "roll", "expression", "gaze", "light", "light_colour", "frame"}
STILL = replace(CLIP, turns=((), (), ()), syllables=(), blinks=(), looks=(), light_turn=(), light_strength=())


def test_any_rate_shows_the_same_film():
    slow = list(CLIP.frames(PERSON, rate=5, size=32))
    fast = list(CLIP.frames(PERSON, rate=10, size=32))
    assert len(slow) == 20 and len(fast) == 40
    for k in (0, 1, 7, 19):
        assert np.array_equal(slow[k].image, fast[2 * k].image)
    assert all(CLIP.shot(k / 25) == CLIP.shot(2 * k / 50) for k in range(100))
    assert np.array_equal(slow[3].image, CLIP.frame(PERSON, 0.6, 32).image)
    assert Clip.sample(2) == CLIP != Clip.sample(3)


def test_frames_are_made_when_they_are_asked_for():
    long = Clip.sample(2, seconds=600)
    film = iter(long.frames(PERSON, rate=240, size=32))
    assert np.array_equal(next(film).image, CLIP.frame(PERSON, 0, 32).image)


def test_a_longer_film_begins_as_the_shorter_one():
    longer = Clip.sample(2, seconds=30)
    assert all(longer.shot(t) == CLIP.shot(t) for t in np.linspace(0, 4, 60))


@pytest.mark.parametrize("seed", range(6))
def test_nothing_jumps_from_frame_to_frame(seed):
    clip = Clip.sample(seed, seconds=10)
    shots = [clip.shot(k / 50) for k in range(500)]
    pose = np.array([(s.yaw, s.pitch, s.roll) for s in shots])
    assert np.abs(np.diff(pose, axis=0)).max() < 1.6  # degrees in a fiftieth of a second
    assert (np.abs(pose) <= LIMITS).all() and np.ptp(pose[:, 0]) > 3
    names = sorted({name for s in shots for name, _ in s.expression})
    strength = np.array([[dict(s.expression).get(name, 0.0) for name in names] for s in shots])
    assert strength.min() >= 0 and strength.max() <= 1
    assert np.abs(np.diff(strength, axis=0)).max() < 0.45
    gaze = np.array([s.gaze for s in shots])
    step = np.abs(np.diff(gaze, axis=0)).max(1)
    assert step.max() < 16 and np.median(step) < 0.5  # eyes rest, then jump
    jump = [clip.shot(clip.looks[0][0] + k / 1000).gaze for k in range(-10, 100)]
    assert np.abs(np.diff(jump, axis=0)).max() < 0.6  # and even a jump has a middle
    light = np.array([s.light for s in shots])
    assert np.allclose(np.linalg.norm(light, axis=1), 1) and np.abs(np.diff(light, axis=0)).max() < 0.03
    assert np.abs(np.diff([s.light_colour for s in shots], axis=0)).max() < 0.02


def test_only_what_moves_moves():
    first, later = CLIP.shot(0.1), CLIP.shot(1.9)
    assert {f.name for f in fields(Shot) if getattr(first, f.name) != getattr(later, f.name)} == MOVES
    far = CLIP.base
    assert all(getattr(first, f.name) == getattr(far, f.name) for f in fields(Shot) if f.name not in MOVES)


def test_landmarks_glide():
    points = np.array([CLIP.frame(PERSON, k / 50, 64).landmarks for k in range(0, 60)])
    assert np.linalg.norm(np.diff(points, axis=0), axis=2).max() < 1.6
    assert np.linalg.norm(points - points[0], axis=2).max() > 1.5


def test_a_blink_closes_the_eyes_and_opens_them_again():
    clip = replace(STILL, blinks=(1.0,))
    eyes = [
        clip.frame(PERSON, t, 96, extras=True).parts[PARTS.index("eyes")].sum()
        for t in (0.9, 1.0 + CLOSING + SHUT / 2, 1.5)
    ]
    assert eyes[1] < 0.4 * eyes[0] and abs(eyes[2] - eyes[0]) < 0.02 * eyes[0]
    closing = [dict(clip.shot(1.0 + s).expression)["eyeBlinkLeft"] for s in (0.04, 0.095, 0.15, 0.28)]
    assert 0.4 < closing[0] < 0.6 and closing[1] == 1 and 0.4 < closing[2] < 1 and closing[3] == 0
    wide = replace(clip, base=replace(clip.base, expression=(("eyeWideLeft", 0.5),)))
    assert [dict(wide.shot(t).expression)["eyeWideLeft"] for t in (0.9, 1.0 + CLOSING)] == [0.5, 0]  # nothing holds up
    clips = [Clip.sample(seed, 60) for seed in range(20)]
    assert all(c.blinks[0] <= 2.4 and 8 <= len(c.blinks) <= 40 for c in clips)
    assert 12 <= np.mean([len(c.blinks) for c in clips]) <= 30


def test_speech_opens_the_mouth():
    clip = replace(STILL, syllables=(Syllable(1.0, 0.3, 0.6, 0.0),))
    still, open_ = (clip.frame(PERSON, t, 96, extras=True) for t in (0.5, 1.15))
    mouth = PARTS.index("mouth")
    assert open_.parts[mouth].sum() > still.parts[mouth].sum() + 15
    gap = [np.linalg.norm(r.landmarks68[66] - r.landmarks68[62]) for r in (still, open_)]
    assert gap[1] > gap[0] + 3
    lips = [replace(STILL, syllables=(Syllable(1.0, 0.3, 0.1, way),)).shot(1.15).expression for way in (-1.0, 1.0)]
    assert dict(lips[0])["mouthStretchLeft"] > 0.4 and dict(lips[1])["mouthFunnel"] > 0.4


def test_the_eyes_stay_on_what_they_look_at():
    clip = replace(STILL, base=replace(CLIP.base, gaze=(0.0, 0.0)), turns=(((10.0, 0.25, 0.0),), (), ()))
    assert clip.shot(1.0).yaw == pytest.approx(CLIP.base.yaw + 10)
    assert clip.shot(1.0).gaze[0] == pytest.approx(-8)


def test_the_camera_stands_still():
    """The crop is the base's: it does not follow the head, and at rest it is the base's photograph."""
    turning = replace(STILL, turns=(((10.0, 0.25, 0.0),), (), ()))
    rest, turned = turning.frame(PERSON, 0.0, 64), turning.frame(PERSON, 1.0, 64)
    assert np.abs(rest.landmarks - render(PERSON, CLIP.base, 64).landmarks).max() < 0.01
    assert turned.landmarks[2, 0] - rest.landmarks[2, 0] > 4
    assert np.abs(turned.landmarks - render(PERSON, turning.shot(1.0), 64).landmarks).max() > 2
    noise = np.abs(rest.image[:6].astype(int) - turned.image[:6])  # at the top edge stand background and hair
    assert np.median(noise) <= 4


def test_noise_is_new_in_each_frame_and_nothing_else():
    noisy = replace(STILL, light_warmth=(), base=replace(CLIP.base, noise=2.0, jpeg=100))
    a, b = noisy.frame(PERSON, 0.0, 64).image.astype(int), noisy.frame(PERSON, 0.04, 64).image.astype(int)
    assert 0.5 < np.abs(a - b).mean() < 4 and np.abs(a - b).max() < 20
    silent = replace(noisy, base=replace(noisy.base, noise=0.0))
    assert np.array_equal(silent.frame(PERSON, 0.0, 64).image, silent.frame(PERSON, 0.04, 64).image)


def test_a_swap_is_the_same_clip_with_another_identity():
    other = Identity.sample(HELD_OUT + 1)
    a, b = CLIP.frame(PERSON, 1.3, 64), CLIP.frame(other, 1.3, 64)
    assert a.pose == b.pose and a.gaze == b.gaze and np.array_equal(a.expression, b.expression)
    assert not np.array_equal(a.image, b.image)
    assert Clip.sample(HELD_OUT).base.seed >= HELD_OUT > CLIP.base.seed


def test_impossible_clips_are_refused_in_words():
    for seconds in (0, -1, 601, float("nan")):
        with pytest.raises(ValueError, match="lasts more than 0"):
            Clip.sample(0, seconds)
        with pytest.raises(ValueError, match="lasts more than 0"):
            replace(CLIP, seconds=seconds)
    for t in (-0.01, 4.01, float("nan")):
        with pytest.raises(ValueError, match="nothing at second"):
            CLIP.shot(t)
    for rate in (0, 241, 29.97):
        with pytest.raises(ValueError, match="frames a second"):
            CLIP.frames(PERSON, rate=rate)
    with pytest.raises(ValueError, match="32 to 512"):
        CLIP.frame(PERSON, 0, 16)
    with pytest.raises(ValueError, match="seed is 0 or more"):
        Clip.sample(-3)

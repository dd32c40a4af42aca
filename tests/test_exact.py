"""What a rendering says of itself is true: landmarks, parts, depth, pose, and what belongs to whom."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from simswap_lib.world import PARTS, Identity, Shot, camera, head_model, render, skin

GOLDEN = Path(__file__).parent / "golden"
SIZE = 256
CASES = [(seed, seed + 1) for seed in range(24)]


def free(shot: Shot) -> Shot:
    """The shot with nothing before the face, and with open eyes."""
    awake = tuple((name, s) for name, s in shot.expression if not name.startswith(("eyeBlink", "eyeSquint")))
    return replace(shot, hair="short", hair_volume=0.2, hairline=0.1, glasses="none", occluder="none", expression=awake)


@pytest.fixture(scope="module")
def renderings():
    return [render(Identity.sample(p), free(Shot.sample(s)), SIZE, extras=True) for p, s in CASES]


def share(rendering, part: str, point, radius: int) -> float:
    """The largest share that a part has of a pixel within `radius` of a point; nan if that is outside the picture."""
    x, y = np.floor(point).astype(int)
    if not (radius <= x < SIZE - radius and radius <= y < SIZE - radius):
        return np.nan
    return rendering.parts[PARTS.index(part), y - radius : y + radius + 1, x - radius : x + radius + 1].max()


@pytest.mark.parametrize("part, points, radius, at_least", [
    ("eyes", range(36, 48), 4, 0.95), ("lips", range(48, 60), 3, 0.98), ("brows", range(17, 27), 9, 0.95),
])  # fmt: skip
def test_landmarks_lie_on_their_parts(renderings, part, points, radius, at_least):
    shares = np.array([share(r, part, r.landmarks68[i], radius) for r in renderings for i in points])
    assert np.nanmean(shares > 0.15) >= at_least


def test_five_points_lie_on_eyes_nose_and_lips(renderings):
    for r in renderings:
        eyes = [share(r, "eyes", p, 1) for p in r.landmarks[:2]]
        assert np.nanmin(eyes) > 0.5
        assert share(r, "skin", r.landmarks[2], 1) > 0.5
        assert np.nanmin([share(r, "lips", p, 4) for p in r.landmarks[3:]]) > 0.15
    # the five and the 68 agree on what they share: nose tip and mouth corners
    assert all(np.allclose(r.landmarks[2:], r.landmarks68[[30, 48, 54]], atol=1e-3) for r in renderings)


def test_the_jaw_lies_between_face_and_neck(renderings):
    chins = [r.landmarks68[8] for r in renderings]
    below = [share(r, "neck", p + [0, 12], 8) for r, p in zip(renderings, chins, strict=True)]
    above = [share(r, "skin", p - [0, 12], 4) for r, p in zip(renderings, chins, strict=True)]
    assert np.nanmin(above) > 0.9 and np.nanmean(below) > 0.5


@pytest.mark.parametrize("seed", range(40, 60))
def test_parts_sum_to_one_whatever_is_worn(seed):
    r = render(Identity.sample(seed), Shot.sample(seed), 96, extras=True)
    assert np.abs(r.parts.sum(0) - 1).max() < 1e-5 and r.parts.min() > -1e-5


@pytest.mark.parametrize("part, change", [
    ("glasses", {"glasses": "thick"}), ("glasses", {"glasses": "sun"}), ("occluder", {"occluder": "hand"}),
    ("occluder", {"occluder": "mask"}), ("occluder", {"occluder": "microphone"}), ("occluder", {"occluder": "strand"}),
    ("hair", {"hair": "long"}), ("mouth", {"expression": (("jawOpen", 0.8),)}),
], ids=str)  # fmt: skip
def test_parts_appear_with_what_makes_them(part, change):
    shot = free(replace(Shot.sample(5), expression=()))
    without, there = (
        render(Identity.sample(3), s, 96, extras=True).parts[PARTS.index(part)].sum()
        for s in (replace(shot, hair="bald"), replace(shot, **{"hair": "bald", **change}))
    )
    assert there > without + 10


def test_depth_and_normals(renderings):
    for r, (_, s) in zip(renderings, CASES, strict=True):
        shown = np.isfinite(r.depth)
        background = r.parts[PARTS.index("background")]
        assert (background[shown] < 1).all() and (background[~shown] == 1).all()
        assert np.abs(r.depth[shown] - Shot.sample(s).distance).max() < 5
        assert np.allclose(np.linalg.norm(r.normals[shown], axis=-1), 1, atol=1e-4)
        assert (r.normals[~shown] == 0).all()
        nose = tuple(np.floor(r.landmarks[2]).astype(int)[::-1])
        assert r.depth[nose] < np.median(r.depth[shown])


def test_without_extras_nothing_more_is_made_and_the_picture_is_the_same(renderings):
    person, shot = CASES[0]
    plain = render(Identity.sample(person), free(Shot.sample(shot)), SIZE)
    assert plain.parts is plain.depth is plain.normals is plain.landmarks68 is plain.albedo is None
    assert np.array_equal(plain.image, renderings[0].image)


def test_pose_is_read_back_from_the_landmarks():
    """PnP with the mean head's 68 points, of a person whom nobody has measured: as a head pose tracker does it."""
    head = head_model.load()
    for seed in range(20):
        shot, person = Shot.sample(seed), Identity.sample(seed)
        points = head.vertices(person.shape, shot.expression)[head.landmarks68].astype(float) * [1, -1, -1]
        rendering = render(person, shot, SIZE, extras=True)
        crop = camera.framing(shot)
        focal = np.hypot(*crop[:, 0]) * SIZE * shot.distance
        lens = np.array([[focal, 0, crop[0, 2] * SIZE], [0, focal, crop[1, 2] * SIZE], [0, 0, 1]])
        pixels = rendering.landmarks68.astype(float)
        _, turn, _ = cv2.solvePnP(points, pixels, lens, None, flags=cv2.SOLVEPNP_SQPNP)
        flip = np.diag([1.0, -1, -1])
        found = flip @ cv2.Rodrigues(turn)[0] @ flip
        wanted = camera.rotation(*rendering.pose)
        angle = np.degrees(np.arccos(np.clip((np.trace(found @ wanted.T) - 1) / 2, -1, 1)))
        assert angle < 1.0, (seed, angle)


def test_expression_gaze_and_light_are_those_of_the_shot():
    shot = Shot.sample(9)
    r = render(Identity.sample(1), shot, 48)
    names = head_model.load().expression_names
    assert {names[i]: float(v) for i, v in enumerate(r.expression) if v} == pytest.approx(dict(shot.expression))
    assert r.gaze == shot.gaze and r.light == shot.light


# ----------------------------------------------------------------------------


def bare(r, part: str) -> np.ndarray:
    return r.parts[PARTS.index(part)] > 0.999


def test_a_persons_skin_is_the_same_in_every_shot():
    """What is painted at a place of the template is a function of the person alone: no photograph changes it."""
    person, size = Identity.sample(12), 192
    for seed in (3, 8, 21):
        r = render(person, free(Shot.sample(seed)), size, extras=True)
        here = bare(r, "skin") & (r.mask > 0.999)
        colour, place = r.albedo[here][:, :3], r.albedo[here][:, 3:]
        assert here.sum() > 2000
        expected = skin.albedo(person, place, size)
        assert np.abs(colour - expected).mean() < 0.002  # the fields come from the nearest vertex
        other = skin.albedo(Identity.sample(13), place, size)
        assert np.abs(colour - other).mean() > 0.02


def test_what_a_shot_shows_beside_the_face_is_the_same_behind_everybody():
    shot = replace(free(Shot.sample(6)), cloth_pattern=0.6, occluder="microphone")
    a, b = (render(Identity.sample(p), shot, 192, extras=True) for p in (1, 2))
    for part, at_least in (("background", 2000), ("occluder", 100)):
        both = bare(a, part) & bare(b, part)
        assert both.sum() > at_least
        assert np.abs(a.albedo[both] - b.albedo[both]).max() < 1e-6
    both = bare(a, "background") & bare(b, "background")
    far = cv2.erode(both.astype(np.uint8), np.ones((15, 15))) > 0  # lens blur and JPEG carry colours a little way
    assert np.abs(a.image[far].astype(int) - b.image[far]).mean() < 1
    # hair hangs on another skull, but it has one colour
    hair = [r.albedo[bare(r, "hair")][:, :3].mean(0) for r in (a, b)]
    assert np.abs(hair[0] / hair[1] - 1).max() < 0.15


def test_a_persons_resting_shape_knows_no_shot_and_a_shots_changes_know_no_person():
    head = head_model.load()
    one, two = Identity.sample(4), Identity.sample(5)
    shots = [Shot.sample(3), Shot.sample(8)]
    rest = [head.vertices(one.shape), head.vertices(two.shape)]
    assert np.abs(rest[0] - rest[1]).max() > 0.05
    for shot in shots:
        change = [head.vertices(p.shape, shot.expression) - r for p, r in zip((one, two), rest, strict=True)]
        assert np.abs(change[0] - change[1]).max() < 1e-5
    # Nothing but its own numbers enters a person, and nothing but its own numbers a shot.
    assert Identity.sample(4) == one and Shot.sample(3) == shots[0]


# ----------------------------------------------------------------------------

GOLDEN_CASES = {
    "plain": (31, 4, {}),
    "glasses": (32, 5, {"glasses": "thin"}),
    "hand": (33, 6, {"occluder": "hand"}),
    "long": (34, 7, {"hair": "long"}),
    "curly": (35, 9, {"hair": "curly", "glasses": "sun"}),
}


def golden(name: str) -> np.ndarray:
    person, shot, change = GOLDEN_CASES[name]
    # Noise and compression are the libraries' business, not the renderer's.
    return render(Identity.sample(person), replace(Shot.sample(shot), noise=0.0, jpeg=100, **change), 128).image


@pytest.mark.parametrize("name", GOLDEN_CASES)
def test_golden_pictures(name):
    """To renew them after a wanted change: python tests/test_exact.py"""
    stored = np.asarray(Image.open(GOLDEN / f"face-{name}.png")).astype(float)
    assert np.abs(golden(name) - stored).mean() < 1


if __name__ == "__main__":
    for case in GOLDEN_CASES:
        Image.fromarray(golden(case)).save(GOLDEN / f"face-{case}.png", optimize=True)

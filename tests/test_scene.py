"""Scenes: a group in one picture, everything said of each face true, and a swap that changes nobody else."""

from dataclasses import replace

import numpy as np
import pytest

from simswap_lib.world import HELD_OUT, Identity, Place, Scene, Shot, render
from simswap_lib.world.assembly import assemble, head
from simswap_lib.world.body import REACH, body
from simswap_lib.world.mesh import mesh
from simswap_lib.world.scene import LIGHT

SCENE = Scene.sample(3, people=4)


def clean(scene: Scene) -> Scene:
    """Without what spreads from pixel to pixel."""
    return replace(scene, camera=replace(scene.camera, jpeg=100, blur=0.0))


@pytest.fixture(scope="module")
def drawn():
    return clean(SCENE).render()


def test_shapes_and_the_same_bytes_again(drawn):
    assert drawn.image.shape == (480, 640, 3) and drawn.image.dtype == np.uint8
    assert drawn.boxes.shape == (4, 4) and drawn.landmarks.shape == (4, 5, 2) and drawn.landmarks68.shape == (4, 68, 2)
    assert drawn.masks.shape == (4, 480, 640) and drawn.masks.dtype == np.float32
    assert drawn.seen.shape == (480, 640) and set(np.unique(drawn.seen)) == {-1, 0, 1, 2, 3}
    assert drawn.poses.shape == (4, 3) and drawn.gazes.shape == (4, 2)
    assert np.array_equal(clean(Scene.sample(3, people=4)).render().image, drawn.image)


@pytest.mark.parametrize("people", range(1, 9))
def test_faces_of_many_sizes_stand_inside_the_picture_and_apart(people):
    for seed, (width, height) in enumerate([(640, 480), (1920, 1080), (700, 1300), (3840, 3840)] * 3):
        scene = Scene.sample(seed, people, width, height)
        middle = np.array([(p.x * width, p.y * height) for p in scene.places])
        eyes = np.array([p.eyes * height for p in scene.places])
        # About 1.6 eye distances from the middle of a face to ear and forehead.
        assert (middle - 1.5 * eyes[:, None] > 0).all() and (middle + 1.5 * eyes[:, None] < [width, height]).all()
        if people > 1:
            gaps = np.linalg.norm(middle[:, None] - middle[None], axis=2) / np.maximum(eyes[:, None], eyes[None])
            assert gaps[~np.eye(people, dtype=bool)].min() > 2.6
            assert eyes.max() > 1.01 * eyes.min()
        assert len({scene.people[i].shape for i in range(people)}) == people


def test_one_light_and_one_background_for_all():
    for name in LIGHT:
        assert len({getattr(shot, name) for shot in (*SCENE.shots, SCENE.camera)}) == 1, name
    assert len({shot.hair_colour for shot in SCENE.shots}) == len({shot.yaw for shot in SCENE.shots}) == 4
    # Who looks smaller stands farther away: one camera sees them all.
    sizes = [place.eyes * shot.distance for place, shot in zip(SCENE.places, SCENE.shots, strict=True)]
    assert np.allclose(sizes, sizes[0])


def test_what_is_said_of_a_face_is_true(drawn):
    for i in range(4):
        left, top, right, bottom = drawn.boxes[i]
        ys, xs = np.nonzero(drawn.masks[i] > 0.5)
        off = np.array([xs.min() - left, ys.min() - top, right - xs.max() - 1, bottom - ys.max() - 1])
        assert off.min() > -0.1 * SCENE.places[i].eyes * 480 and off.max() < 0.25 * SCENE.places[i].eyes * 480
        assert (drawn.landmarks68[i] >= [left - 0.01, top - 0.01]).all()
        assert (drawn.landmarks68[i] <= [right + 0.01, bottom + 0.01]).all()
        # The five points are means of the 68 in the eyes, up to what the two sets call a corner.
        eyes = np.stack([drawn.landmarks68[i, 36:42].mean(0), drawn.landmarks68[i, 42:48].mean(0)])
        assert np.abs(eyes - drawn.landmarks[i, :2]).max() < 0.12 * np.linalg.norm(eyes[0] - eyes[1])
        x, y = drawn.landmarks[i, 2].astype(int)  # the tip of the nose
        assert drawn.seen[y, x] == i and drawn.masks[i, y, x] > 0.9
    assert drawn.masks.sum(0).max() <= 1.001
    assert np.allclose(drawn.poses[:, 0], [shot.yaw for shot in SCENE.shots])


def test_who_stands_in_front_takes_the_face_behind_away():
    near, far = Place(0.5, 0.45, 0.1), Place(0.53, 0.42, 0.09)
    scene = replace(SCENE, people=SCENE.people[:2], shots=SCENE.shots[:2], places=(far, near))
    both = scene.render()
    alone = replace(scene, people=scene.people[:1], shots=scene.shots[:1], places=(far,)).render()
    assert both.masks[0].sum() < 0.5 * alone.masks[0].sum()
    assert np.array_equal(both.boxes[0], alone.boxes[0]) and np.array_equal(both.landmarks[0], alone.landmarks[0])
    assert both.masks[0][both.seen == 1].max() < 0.5


def test_a_swap_changes_that_person_and_nothing_else(drawn):
    person = Identity.sample(HELD_OUT + 5)
    swapped = clean(SCENE).with_person(1, person)
    other = swapped.render()
    theirs = (drawn.seen == 1) | (other.seen == 1)
    near = np.zeros_like(theirs)  # a pixel they cover by less than half is not theirs, yet shows them
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near |= np.roll(theirs, (dy, dx), (0, 1))
    changed = (drawn.image != other.image).any(2)
    assert not changed[~near].any()
    assert changed[drawn.masks[1] > 0.9].mean() > 0.9
    others = [0, 2, 3]
    assert np.array_equal(drawn.landmarks[others], other.landmarks[others])
    assert np.array_equal(drawn.boxes[others], other.boxes[others])
    assert not np.array_equal(drawn.landmarks68[1], other.landmarks68[1])
    assert swapped.with_person(1, SCENE.people[1]) == clean(SCENE)


def test_the_window_a_person_is_drawn_in_cuts_nothing_off(drawn, monkeypatch):
    monkeypatch.setattr("simswap_lib.world.scene.ASIDE", 100.0)
    monkeypatch.setattr("simswap_lib.world.scene.ABOVE", 100.0)
    whole = clean(SCENE).render()
    assert (whole.seen != drawn.seen).sum() < 40  # samples that lie on an edge fall to either side
    assert np.abs(whole.image.astype(int) - drawn.image).mean() < 0.1


def test_bodies_reach_the_lower_edge(drawn):
    for i, place in enumerate(SCENE.places):
        below = drawn.seen[int(place.y * 480) :, int(np.clip(place.x * 640, 0, 639))]
        assert i in below and -1 not in below


@pytest.mark.parametrize("coarse", [False, True])
def test_a_body_is_added_under_the_bust_and_changes_nothing_above_the_arms(coarse):
    level, shot = body(coarse), SCENE.shots[0]
    bust = level.mean[: level.bust]
    assert np.array_equal(bust[bust[:, 1] > -2.8], mesh(coarse).mean[bust[:, 1] > -2.8])
    assert level.mean[:, 1].min() < -REACH and np.abs(level.mean[level.mean[:, 1] < -5, 0]).max() < 4.2
    things = assemble(level, head(level, SCENE.people[0], shot), SCENE.people[0], shot, 128)
    assert np.isfinite(things.seen).all() and np.isfinite(things.normals).all()
    rows = slice(level.bust, len(level.number))
    chest = (np.abs(level.mean[rows, 0]) < 2) & (level.mean[rows, 2] > -1)
    assert chest.any() and (things.normals[rows][chest, 2] > 0).all()  # triangles of the body face outwards


def test_seeds_of_held_out_people_show_nobody_else():
    assert Scene.sample(4) == Scene.sample(4) != Scene.sample(5)
    assert len(set(Scene.sample(HELD_OUT + 4).people) & set(Scene.sample(4).people)) == 0
    assert Scene.sample(HELD_OUT).shots[0].seed >= HELD_OUT > Scene.sample(0).shots[0].seed


def test_impossible_scenes_are_refused_in_words():
    for people in (0, 9, 2.5):
        with pytest.raises(ValueError, match="1 to 8 people"):
            Scene.sample(0, people)
    for size in ((639, 480), (640, 479), (640, 4000), (640.0, 480)):
        with pytest.raises(ValueError, match="pixels (wide|high)"):
            Scene.sample(0, 2, *size)
    with pytest.raises(ValueError, match="seed is 0 or more"):
        Scene.sample(-1)
    with pytest.raises(ValueError, match="a shot and a place for each person"):
        replace(SCENE, places=SCENE.places[:2])
    for place, words in (
        (Place(1.2, 0.5, 0.1), "shares of the picture"),
        (Place(0.5, 0.5, 0.001), "pixels apart"),
        (Place(0.5, 0.5, 0.4), "pixels apart"),
        (Place(0.5, 0.1, 0.03), "lower or larger"),
    ):
        with pytest.raises(ValueError, match=words):
            replace(SCENE, places=(place, *SCENE.places[1:]))
    for i in (-1, 4):
        with pytest.raises(IndexError, match="no person"):
            SCENE.with_person(i, SCENE.people[0])


def test_a_scene_does_not_change_what_a_render_draws():
    before = render(Identity.sample(1), Shot.sample(1), 64).image
    SCENE.render()
    assert np.array_equal(before, render(Identity.sample(1), Shot.sample(1), 64).image)

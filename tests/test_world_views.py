"""The views of the face world: every control is moved, and a person stays a person when the photograph changes."""

import re
import time

import numpy as np
import pytest
from test_widgets import controls_in, sweep

from simswap_lib.views import world as world_views
from simswap_lib.world import HELD_OUT, Identity, Shot, render


@pytest.fixture(scope="module", params=["identity_explorer", "shot_explorer"])
def view(request):
    return getattr(world_views, request.param)()


@pytest.fixture(autouse=True)
def back_to_the_start(request):
    if "view" in request.fixturenames:
        request.getfixturevalue("view").buttons["Start again"].click()


def test_every_control_moves_without_an_exception(view):
    assert {id(control) for control in controls_in(view)} == {id(control) for control in view.controls.values()}
    for control in view.controls.values():
        sweep(view, control)


def test_every_button_works(view):
    at_rest = view.view.value
    for words, button in view.buttons.items():
        button.click()
        assert view.error is None, words
    assert view.view.value == at_rest


def test_words_for_those_who_do_not_see_the_picture(view):
    tags = re.findall(r"<img [^>]*>", view.view.value)
    assert len(tags) == 4 and all(len(re.search(r'alt="([^"]*)"', tag)[1]) > 20 for tag in tags)
    assert all(control.description for control in controls_in(view))
    assert len(repr(view)) <= 110


def test_a_change_is_quick(view):
    spent = []
    for step in range(5):
        start = time.process_time()
        name = "first" if "first" in view.controls else "person"
        view.set(**{name: HELD_OUT + 40 + step})
        spent.append(time.process_time() - start)
    assert min(spent) < 0.6


def test_a_person_who_is_not_moved_stays_and_a_moved_one_does_not():
    person, shot = Identity.sample(HELD_OUT), Shot.sample(HELD_OUT)
    stays = world_views.moved(person)
    assert np.array_equal(render(stays, shot, 64).image, render(person, shot, 64).image)
    assert not np.array_equal(
        render(world_views.moved(person, bones=(2.0,)), shot, 64).image, render(person, shot, 64).image
    )


def test_a_photograph_taken_again_has_what_was_asked_for():
    shot = Shot.sample(HELD_OUT + 3)
    again = world_views.retaken(shot, yaw=20, pitch=-5, mood="smile", gaze=(10, 0), light=-60, hair="bald")
    assert (again.yaw, again.pitch, again.gaze, again.hair) == (20.0, -5.0, (10.0, 0.0), "bald")
    assert (
        np.isclose(np.linalg.norm(again.light), 1, atol=1e-6) and again.light[0] < 0 and again.backdrop == shot.backdrop
    )
    turned = render(Identity.sample(HELD_OUT), again, 64).pose
    assert turned[0] == pytest.approx(20, abs=0.5)


def test_numbers_of_a_person_there_and_back():
    person = Identity.sample(HELD_OUT + 5)
    back = world_views._with_numbers(person, world_views._numbers(person))
    assert back == person


@pytest.mark.parametrize("label", world_views.RANGES)
def test_a_person_moved_to_a_label_has_it_and_looks_it(label):
    low, high, _ = world_views.RANGES[label]
    person, shot = Identity.sample(HELD_OUT), Shot.sample(HELD_OUT)
    ends = [world_views.moved(person, **{label: value}) for value in (low, high)]
    assert [getattr(end, label) for end in ends] == [low, high]
    pictures = [render(end, shot, 64).image.astype(int) for end in ends]
    assert np.abs(pictures[0] - pictures[1]).mean() > 1  # grey levels
    unmoved = world_views.moved(person, **{label: getattr(person, label)})
    assert np.allclose(world_views._numbers(unmoved), world_views._numbers(person), atol=1e-6)

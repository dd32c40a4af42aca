"""The views of identity vectors: every control moves, an exchange changes one thing, the margin does what it says."""

import re
import time
from dataclasses import fields

import numpy as np
import pytest
import torch
from test_widgets import controls_in

from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.views import vectors as vector_views
from simswap_lib.views.vector_figures import spread
from simswap_lib.views.vectors import OF_PERSON, OF_SHOT, exchanged, last_layer
from simswap_lib.world import HELD_OUT, Identity, Shot, render

PEOPLE = torch.arange(6).repeat_interleave(20)


def features(seed: int) -> torch.Tensor:
    """Six people in 16 dimensions, seen through noise."""
    middle = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))
    return middle[PEOPLE] + 0.4 * torch.randn(120, 16, generator=torch.Generator().manual_seed(seed))


def make(name: str):
    if name == "margin_explorer":
        return vector_views.margin_explorer(features(1), PEOPLE, features(2), PEOPLE)
    torch.manual_seed(0)
    return vector_views.vector_explorer(ArcFace(ArcFaceConfig(48, 8, (1, 1), 16)).eval())


@pytest.fixture(scope="module", params=["margin_explorer", "vector_explorer"])
def view(request):
    return make(request.param)


@pytest.fixture(autouse=True)
def back_to_the_start(request):
    if "view" in request.fixturenames:
        request.getfixturevalue("view").buttons["Start again"].click()


def positions(control) -> list:
    if hasattr(control, "options"):
        return [option[1] if isinstance(option, tuple) else option for option in control.options]
    return [control.min, control.max]


def test_every_control_moves_and_changes_the_view(view):
    assert {id(control) for control in controls_in(view)} == {id(control) for control in view.controls.values()}
    for name, control in view.controls.items():
        view.buttons["Start again"].click()
        if name == "other_person":
            view.set(what="person: skin colour")
        seen = set()
        for value in positions(control):
            control.value = value
            assert view.error is None, f"{name} = {value}"
            seen.add(view.view.value)
        assert len(seen) > 1, f"moving {name} changes nothing"


def test_every_button_works(view):
    at_rest = view.view.value
    for words, button in view.buttons.items():
        button.click()
        assert view.error is None, words
    assert view.view.value == at_rest


def test_words_for_those_who_do_not_see_the_picture(view):
    said = re.findall(r'(?:alt|aria-label)="([^"]*)"', view.view.value)
    assert len(said) in (1, 4) and all(len(words) > 30 for words in said)
    assert all(control.description for control in controls_in(view))
    assert len(repr(view)) <= 110


def test_a_change_is_quick(view):
    name, values = ("start", range(1, 6)) if "start" in view.controls else ("photo", range(HELD_OUT, HELD_OUT + 5))
    spent = []
    for value in values:
        start = time.process_time()
        view.set(**{name: value})
        spent.append(time.process_time() - start)
    assert min(spent) < 0.6


def test_the_learners_pieces_make_the_numbers():
    network = ArcFace(ArcFaceConfig(48, 8, (1, 1), 16)).eval()
    view = vector_views.vector_explorer(network, cosine=lambda a, b: torch.full((len(a),), 0.123))
    assert view.view.value.count("cosine 0.12") == 8  # each of the four pictures, and its alt text
    calls = []

    def logits(cosines, people, scale, margin):
        calls.append(margin)
        return scale * cosines

    vector_views.margin_explorer(features(1), PEOPLE, features(2), PEOPLE, logits).set(margin=0.4)
    assert 0.0 in calls and 0.4 in calls


PERSONS = Identity.sample(HELD_OUT + 29), Identity.sample(HELD_OUT + 12)
SHOTS = Shot.sample(HELD_OUT + 43), Shot.sample(HELD_OUT + 45)


@pytest.mark.parametrize(("parts", "pair"), [(OF_PERSON, PERSONS), (OF_SHOT, SHOTS)], ids=["person", "shot"])
class TestExchanged:
    def test_all_parts_together_make_the_other(self, parts, pair):
        one, other = pair
        for what in parts:
            one = exchanged(one, other, what)
        left = {f.name for f in fields(one) if not _same(getattr(one, f.name), getattr(other, f.name))}
        assert left <= {"sex", "seed", "frame"}  # a label that nothing is drawn from, and the dice

    def test_a_part_changes_itself_alone(self, parts, pair):
        for what, names in parts.items():
            changed = exchanged(*pair, what)
            touched = {f.name for f in fields(changed) if not _same(getattr(changed, f.name), getattr(pair[0], f.name))}
            assert touched and touched <= set(names), what

    def test_no_amount_changes_nothing(self, parts, pair):
        for what in parts:
            still = exchanged(*pair, what, 0.0)
            assert all(_same(getattr(still, f.name), getattr(pair[0], f.name)) for f in fields(still)), what


def _same(a, b) -> bool:
    if (isinstance(a, tuple) and a and isinstance(a[0], tuple) and isinstance(a[0][0], str)) or a == () or b == ():
        a, b = ({n: v for n, v in x if v} for x in (a, b))  # facial actions; one of strength 0 is none
        return a.keys() == b.keys() and all(abs(a[n] - b[n]) < 1e-6 for n in a)
    return a == b if isinstance(a, str) else np.allclose(a, b, atol=1e-6)


def test_half_way_is_a_picture_between_and_light_stays_a_direction():
    half = exchanged(*SHOTS, "light", 0.5)
    assert np.linalg.norm(half.light) == pytest.approx(1, abs=1e-6)
    pictures = [render(PERSONS[0], shot, 64).image.astype(int) for shot in (SHOTS[0], half, exchanged(*SHOTS, "light"))]
    assert np.abs(pictures[0] - pictures[1]).mean() > 1 and np.abs(pictures[1] - pictures[2]).mean() > 1
    assert exchanged(*SHOTS, "hair", 0.4).hair == SHOTS[0].hair
    assert exchanged(*SHOTS, "hair", 0.6).hair == SHOTS[1].hair
    with pytest.raises(KeyError):
        exchanged(*SHOTS, "bones")


def test_a_margin_keeps_people_apart_where_a_large_scale_is_content():
    gaps = []
    for margin in (0.0, 0.5):
        found = []
        for seed in range(4):
            layer, _ = last_layer(features(1), PEOPLE, 64, margin, seed=seed)
            with torch.no_grad():
                found.append(spread(layer(features(2)), PEOPLE)[1])
        gaps.append(np.mean(found))
    assert gaps[1] > gaps[0] + 3


def test_training_a_last_layer_leaves_the_dice_alone_and_repeats():
    torch.manual_seed(1)
    first = last_layer(features(1), PEOPLE, 16, 0.3, steps=3)[1]
    after = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(1))
    with torch.no_grad():
        assert torch.equal(first, last_layer(features(1), PEOPLE, 16, 0.3, steps=3)[1])

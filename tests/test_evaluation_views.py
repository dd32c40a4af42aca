"""The views of an evaluation: controls move, hits are told from misses, figures say in words what they show."""

import re
import time

import numpy as np
import pytest
import torch
from test_widgets import controls_in, sweep

from simswap_lib import published
from simswap_lib.evaluation_rows import Cases
from simswap_lib.views import evaluation as views

S, P, SIDE = 6, 9, 32


@pytest.fixture(scope="module")
def pictures():
    rng = np.random.default_rng(0)

    def some(count):
        return rng.integers(0, 256, size=(count, SIDE, SIDE, 3), dtype=np.uint8)

    return Cases(some(P), torch.arange(P), some(S), some(S), torch.tensor([3, 0, 7, 7, 8, 1]))


@pytest.fixture(scope="module")
def cosines():
    rng = np.random.default_rng(1)
    return {name: rng.uniform(-1, 1, size=(S, P)) for name in ("swap", "copy of the target")}


@pytest.fixture(scope="module")
def nudged(pictures):
    rng = np.random.default_rng(2)
    return [
        views.Nudged(
            budget,
            np.clip(pictures.target.astype(int) + rng.integers(-budget, budget + 1, pictures.target.shape), 0, 255)
            .astype(np.uint8),
            {eye: rng.uniform(-1, 1, S) for eye in ("trainer", "judge")},
            {eye: rng.integers(0, 2, S) for eye in ("trainer", "judge")},
        )
        for budget in (0, 2, 8)
    ]  # fmt: skip


@pytest.fixture(params=["gallery", "flattery"])
def explorer(request, pictures, cosines, nudged):
    if request.param == "gallery":
        rows = {"swap": pictures.source, "copy of the target": pictures.target}
        return views.gallery_explorer(pictures, rows, cosines)
    return views.flattery_explorer(pictures.source, pictures.target, nudged)


def test_every_control_moves_without_an_exception(explorer):
    assert {id(control) for control in controls_in(explorer)} == {id(c) for c in explorer.controls.values()}
    for control in explorer.controls.values():
        if hasattr(control, "options") and not hasattr(control, "min"):
            seen = set()
            for _, value in control.options:
                control.value = value
                assert explorer.error is None, value
                seen.add(explorer.view.value)
            assert len(seen) > 1, f"moving {control.description!r} changes nothing"
        else:
            sweep(explorer, control)


def test_every_button_works(explorer):
    at_rest = explorer.view.value
    for words, button in explorer.buttons.items():
        button.click()
        assert explorer.error is None, words
    assert explorer.view.value == at_rest


def test_pictures_have_words_and_changes_are_quick(explorer):
    tags = re.findall(r"<img [^>]*>", explorer.view.value)
    assert len(tags) >= 4 and all(len(re.search(r'alt="([^"]*)"', tag)[1]) > 15 for tag in tags)
    assert all(control.continuous_update is False for control in controls_in(explorer) if hasattr(control, "min"))
    first = next(control for control in controls_in(explorer) if hasattr(control, "min"))
    start = time.process_time()
    first.value = first.max
    assert time.process_time() - start < 0.4


def test_a_hit_is_told_from_a_miss(pictures, cosines):
    explorer = views.gallery_explorer(pictures, {"swap": pictures.source}, {"swap": cosines["swap"]})
    for swap in range(S):
        explorer.set(swap=swap)
        place = int((cosines["swap"][swap] > cosines["swap"][swap, pictures.labels[swap]]).sum())
        words = "a hit" if place == 0 else f"a miss: {place} of {P - 1} others as near"
        assert words in explorer.view.value


def test_a_smaller_gallery_keeps_the_right_person_and_only_loses_others():
    whole = views.gallery_of(3, own=5, people=P, size=P)
    assert sorted(whole) == list(range(P)) and whole[0] == 5
    for size in range(2, P):
        assert np.array_equal(views.gallery_of(3, 5, P, size), whole[:size])
    assert not np.array_equal(views.gallery_of(4, 5, P, P), whole)


def test_the_diagram_says_whether_it_is_a_hit(pictures):
    for best, word in ((3, "a hit"), (5, "a miss")):
        cosines = np.linspace(-0.5, 0.4, P)
        cosines[best] = 0.9
        figure = views.measurement(pictures, pictures.source[0], cosines)
        assert figure.alt.endswith(f"It is {word}.") and "0.90" in figure.alt
        assert any(word in text.get_text() for text in figure.axes[0].texts)


def test_figures_name_every_number():
    assert "Ann at 30 degrees" in views.circle({"Ann": 30}, {"q": 50}).alt
    figure = views.intervals({"swap": (0.8, (0.7, 0.9)), "true answer": (1.0, (0.97, 1.0))}, "found, %")
    assert "swap: 80.0 (70.0 to 90.0)" in figure.alt and len(figure.axes[0].lines) == 4
    grouped = views.intervals({"a": (0.1, (0.0, 0.2)), "b": (0.3, (0.2, 0.4))}, "found, %", ["x", "y"])
    assert grouped.axes[0].lines[0].get_color() != grouped.axes[0].lines[2].get_color()


def test_the_published_figure_joins_those_whom_nobody_beats():
    figure = views.published(published.CASIA)
    assert all(row.method in figure.alt for row in published.CASIA)
    joined = figure.axes[0].lines[0].get_xdata()
    for row in published.CASIA:
        beaten = any(o.retrieval > row.retrieval and o.pose < row.pose for o in published.CASIA)
        assert (row.retrieval in joined) == (not beaten)

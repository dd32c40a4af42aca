"""The views of feature matching: figures say what they show, and every control of both explorers moves something."""

import re
import time

import numpy as np
import pytest
import torch
from test_widgets import controls_in, sweep

from simswap_lib.instruments import convolutions, receptive_field
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.views import critic as critic_views
from simswap_lib.views import critic_figures
from simswap_lib.world import HELD_OUT, Identity, Shot, render


@pytest.fixture(scope="module", params=["price_explorer", "matching_explorer"])
def explorer(request):
    return getattr(critic_views, request.param)()


@pytest.fixture
def image():
    return render(Identity.sample(HELD_OUT + 38), Shot.sample(HELD_OUT + 38), 64).image


def test_every_control_moves_without_an_exception(explorer):
    assert {id(c) for c in controls_in(explorer)} == {id(c) for c in explorer.controls.values()}
    for control in explorer.controls.values():
        explorer.buttons["Start again"].click()
        if hasattr(control, "options"):
            seen = set()
            for option in control.options:
                control.value = option[1] if isinstance(option, tuple) else option
                assert explorer.error is None
                seen.add(explorer.view.value)
            assert len(seen) == len(control.options)
        else:
            sweep(explorer, control)


def test_every_button_works(explorer):
    explorer.buttons["Start again"].click()
    at_rest = explorer.view.value
    for words, button in explorer.buttons.items():
        button.click()
        assert explorer.error is None, words
    assert explorer.view.value == at_rest


def test_words_for_those_who_do_not_see_the_picture(explorer):
    tags = re.findall(r"<img [^>]*>", explorer.view.value)
    assert len(tags) >= 3 and all(len(re.search(r'alt="([^"]*)"', tag)[1]) > 20 for tag in tags)
    assert all(control.description for control in controls_in(explorer))
    assert len(repr(explorer)) <= 110


def test_a_change_is_quick(explorer):
    spent = []
    for step in range(4):
        names = [name for name in explorer.controls if name in ("source", "blend")]
        start = time.process_time()
        explorer.set(**{name: HELD_OUT + step if name == "source" else 0.1 * step for name in names})
        spent.append(time.process_time() - start)
    assert min(spent) < 0.6


def prices(view: str) -> list[float]:
    return [float(x) for x in re.findall(r"charges <b>([\d.]+)</b>", view)]


def test_prices_are_zero_for_the_target_itself_and_the_learners_distances_make_them():
    explorer = critic_views.price_explorer()
    explorer.set(blend=0.0, yaw=0.0, mood="neutral", light=0.0)
    assert prices(explorer.view.value) == [0.0] * len(prices(explorer.view.value))
    mine = critic_views.price_explorer(lambda result, target: torch.full((4,), 2.0))
    assert prices(mine.view.value) == [1.0] * 4


def test_the_matching_explorer_shows_the_chosen_network():
    explorer = critic_views.matching_explorer()
    matchings = critic_views.Matchings()
    at = {name: HELD_OUT + number for name, number in critic_views.MATCHING.items()}
    source, target = (
        render(Identity.sample(at[name]), Shot.sample(at[f"{name}_shot"]), matchings.size).image
        for name in ("source", "target")
    )
    for name in critic_views.MATCHED:
        explorer.set(m=name)
        result = matchings.swap(name, source[None], target[None])
        to_source, to_target = matchings.likeness(result, source[None], target[None])
        chosen = re.search(r'<tr style="font-weight:bold[^>]*>(.*?)</tr>', explorer.view.value)[1]
        assert f">{to_source[0]:.2f}<" in chosen and f">{to_target[0]:.2f}<" in chosen
        assert critic_views.called(name) in explorer.view.value


class TestFigures:
    def test_maps_name_every_shape(self, image):
        figure = critic_figures.maps(Discriminator(DiscriminatorConfig(image_size=64, width=4)), image)
        assert "scale 1 map 1 4 by 32 by 32" in figure.alt and "scale 2 logits 1 by 2 by 2" in figure.alt
        assert len(figure.axes) == 12

    def test_fields_draw_the_patch_where_it_is(self, image):
        critic = Discriminator(DiscriminatorConfig(image_size=64, width=4)).discriminators[0]
        seen = [receptive_field(convolutions(critic.stages[: i + 1])) for i in range(2)]
        figure = critic_figures.fields(image, seen, ["map 1", "map 2"], [(3, 5), (0, 2)])
        frames = [axis.patches[-1] for axis in figure.axes]
        assert [(p.get_x() + 0.5, p.get_y() + 0.5, p.get_width()) for p in frames] == [(9, 5, 4), (5, -3, 10)]
        assert "map 1 4 by 4, map 2 10 by 10" in figure.alt

    def test_charges_draw_each_price(self):
        figure = critic_figures.charges({"person": [0.25, 0.5], "pose": [0.75, 1.0]})
        assert sorted(bar.get_width() for bar in figure.axes[0].patches) == [0.25, 0.5, 0.75, 1.0]
        assert "person: 0.25, 0.50; pose: 0.75, 1.00" in figure.alt

    def test_trade_and_curves_say_their_numbers(self):
        assert "m = 1: 1, 2; none: 3, 4" in critic_figures.trade({"m = 1": (1, 2), "none": (3, 4)}, "x", "y").alt
        drawn = {"panel": {"curve": ([0, 10, 20], [1.0, 5.0, 3.0], "#000000")}}
        assert "1 at 0, least 1, most 5, 3 at 20" in critic_figures.curves(drawn, "step").alt


def test_the_five_networks_go_from_all_maps_to_none():
    assert [critic_views.called(name) for name in critic_views.MATCHED] == ["m = 1", "m = 2", "m = 3", "m = 4", "none"]
    assert np.unique(critic_views.MATCHED).size == 5

"""Presets, the released recipes, and what a run costs."""

from dataclasses import replace

import pytest
import torch
from test_train_step import Alone, recogniser

from simswap_lib import train_cost
from simswap_lib.losses import LossWeights
from simswap_lib.models import weights
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.models.generator import GeneratorConfig
from simswap_lib.train_config import AS_RELEASED, NEEDS, PRESETS, TrainConfig, check_preset, preset
from simswap_lib.train_cost import cost, minutes


def test_the_defaults_are_the_papers():
    config = TrainConfig()
    assert config.loss == LossWeights(identity=10.0, reconstruction=10.0, gp=1e-5, wfm=10.0)
    assert config.betas == (0.0, 0.999)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_built(name):
    config = PRESETS[name]
    GeneratorConfig(config.size, config.width, config.downs, config.blocks)
    with torch.device("meta"):
        critic = Discriminator(DiscriminatorConfig(config.size, config.critic_width, config.scales))
    assert 1 <= config.first_map <= critic.maps
    assert config.steps % config.log_every == 0 and config.validate_every % config.log_every == 0


def test_the_paper_preset_is_the_papers_size():
    paper = PRESETS["paper"]
    assert GeneratorConfig(paper.size, paper.width, paper.downs, paper.blocks) == GeneratorConfig()
    with pytest.raises(ValueError, match="'paper' needs data and recogniser: --set data=DIR recogniser=FILE"):
        check_preset("paper", paper)
    with pytest.raises(ValueError, match="needs recogniser:"):
        check_preset("paper", replace(paper, data="faces"))
    check_preset("paper", replace(paper, data="faces", recogniser="mine"))
    for name in PRESETS.keys() - NEEDS.keys():
        check_preset(name, PRESETS[name])


def test_released_recipes_change_the_objective_and_nothing_else():
    for name, changes in AS_RELEASED.items():
        config = preset("course", name)
        assert all(getattr(config, field) == value for field, value in changes.items())
        assert replace(config, **{field: getattr(PRESETS["course"], field) for field in changes}) == PRESETS["course"]


@pytest.mark.parametrize(("name", "released"), [("fast", None), ("course", "second")])
def test_unknown_names_are_one_sentence(name, released):
    with pytest.raises(ValueError, match="There is no .*; there are "):
        preset(name, released)


def test_the_cost_is_measured(tmp_path, monkeypatch):
    weights.save(recogniser(), tmp_path, "For a test.")
    config = TrainConfig(
        people=30, photos=2, size=32, width=4, downs=1, blocks=1, critic_width=4, first_map=2, batch=4, steps=50,
        recogniser=str(tmp_path),
    )  # fmt: skip
    price = cost(config, Alone("cpu"))
    assert (
        price.pictures == 200 and price.photographs == 60 and price.megabytes == pytest.approx(60 * 32 * 32 * 3 / 1e6)
    )
    assert 0 < price.step_seconds < 10 and 0 < price.render_seconds < 60
    assert "200 pictures in 50 steps" in str(price) and "60 photographs" in str(price)
    larger = cost(replace(config, width=16, blocks=4, batch=16), Alone("cpu"))
    assert larger.parameters > price.parameters and larger.step_seconds > price.step_seconds
    monkeypatch.setattr(train_cost, "render_seconds", lambda size: pytest.fail("a folder is not rendered"))
    assert "photographs" not in str(cost(replace(config, data="faces"), Alone("cpu")))


def test_lengths_of_time():
    assert [minutes(s) for s in (0.4, 89, 91, 5399, 5401)] == ["0 s", "89 s", "2 min", "90 min", "1.5 h"]

"""tools/train_simswap.py: how a run goes on from the one before, and how its parts become one log."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import train_simswap as tool
from torch.nn import functional as F

from simswap_lib.files import to_tensor
from simswap_lib.models import weights
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.photographs import photograph
from simswap_lib.train_config import TrainConfig
from simswap_lib.training import BEST, BEST_CRITIC


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A generator and a discriminator of 32 pixels, as a run leaves them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("small")
    generator = Generator(GeneratorConfig(image_size=32, width=4, downs=1, blocks=1, identity_dim=128)).eval()
    weights.save(generator, folder / "generator", "small")
    weights.save(Discriminator(DiscriminatorConfig(32, width=2)).eval(), folder / "critic", "small")
    return folder / "generator", folder / "critic"


def test_at_the_same_size_a_run_goes_on_as_it_is(small, tmp_path):
    config = tool.go_on(*small, tmp_path, TrainConfig(size=32))
    assert (config.start, config.start_critic) == tuple(map(str, small))


@pytest.fixture
def grown(small, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "END_STEPS", 12)
    return tool.go_on(*small, tmp_path, TrainConfig(size=64, people=8, photos=2)), tmp_path


def test_at_twice_the_size_both_have_grown(small, grown):
    config, folder = grown
    assert Path(config.start).parent == folder
    old, new = Generator.from_pretrained(small[0]), Generator.from_pretrained(config.start)
    assert (new.config.image_size, new.config.width, new.config.downs) == (64, 2, 2)
    assert torch.equal(new.injection.blocks[0].conv1.weight, old.injection.blocks[0].conv1.weight)
    critic = Discriminator.from_pretrained(config.start_critic)
    assert (critic.config.image_size, critic.config.scales) == (64, 3)


def test_a_discriminator_that_the_settings_name_takes_its_place_and_grows_if_it_is_small(small, tmp_path):
    generator, critic = small
    torch.manual_seed(1)
    weights.save(Generator.from_pretrained(generator).grown().eval(), tmp_path / "large", "large")
    weights.save(Discriminator(DiscriminatorConfig(32, width=2)).eval(), tmp_path / "other", "another")
    wanted = TrainConfig(size=64, start_critic=str(tmp_path / "other"))
    config = tool.go_on(tmp_path / "large", critic, tmp_path / "run", wanted)
    assert config.start == str(tmp_path / "large")
    other, new = (Discriminator.from_pretrained(folder) for folder in (tmp_path / "other", config.start_critic))
    assert (new.config.image_size, new.config.scales) == (64, 3)
    first = other.discriminators[0].state_dict()
    assert all(torch.equal(value, first[name]) for name, value in new.discriminators[1].state_dict().items())


@pytest.mark.parametrize(("name", "critic"), [("halfway", "critic"), ("simswap-64", None), ("simswap", "critic-128")])
def test_the_discriminator_of_the_same_moment_is_written_too(name, critic, small, tmp_path, monkeypatch):
    run = tmp_path / "run"
    for folder, network in ((BEST, small[0]), (BEST_CRITIC, small[1])):
        shutil.copytree(network, run / folder)
    record = {"step": 20, "pictures": 160, "minutes": 1.0, "score": -0.2}
    record |= {"held_out_cos_source": 0.9, "held_out_cos_target": 0.1}
    (run / tool.LOG).write_text(json.dumps(record) + "\n")
    (run / "run.json").write_text(json.dumps({"device": "cpu", "config": {"loss": {"gp": 2.0}}}))
    monkeypatch.setitem(tool.RECIPES, name, [TrainConfig()])
    tool.write(name, run, TrainConfig(), tmp_path / "weights")
    assert Generator.from_pretrained(tmp_path / "weights" / name).config.image_size == 32
    assert {folder.name for folder in (tmp_path / "weights").iterdir()} == {name, critic} - {None}
    if critic:
        assert Discriminator.from_pretrained(tmp_path / "weights" / critic).config.image_size == 32
        card = (tmp_path / "weights" / critic / "README.md").read_text()
        assert card.startswith(f"# {critic}\n") and f"`{name}`" in card and "step 20" in card


def test_what_has_grown_is_not_made_again(small, grown, monkeypatch):
    config, folder = grown
    monkeypatch.setattr(tool, "fit_ends", lambda *_: pytest.fail("trained the ends once more"))
    assert tool.go_on(*small, folder, TrainConfig(size=64, people=8, photos=2)) == config


def test_the_new_ends_learn_and_nothing_else_does(small, monkeypatch):
    old = Generator.from_pretrained(small[0])
    pictures = to_tensor(np.stack([photograph(i, 0, 64) for i in range(8)]))
    new = old.grown().train()
    before = {name: value.clone() for name, value in new.state_dict().items()}

    def error():
        with torch.no_grad():
            return F.mse_loss(new.fresh_ends()[0](pictures), old.encoder.layers[0](F.avg_pool2d(pictures, 2))).item()

    untrained = error()
    monkeypatch.setattr(tool, "END_STEPS", 40)
    tool.fit_ends(new, old, TrainConfig(size=64, people=8, photos=2))
    assert error() < 0.6 * untrained
    moved = {name for name, value in new.state_dict().items() if not torch.equal(value, before[name])}
    ends = ("encoder.layers.0", "encoder.layers.1", "decoder.layers.3", "decoder.to_rgb")
    assert moved and all(name.startswith(ends) for name in moved)
    assert {end for end in ends if any(name.startswith(end) for name in moved)} == set(ends)


def test_simswap_needs_the_run_before(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["train_simswap.py", "simswap", "--runs", str(tmp_path)])
    with pytest.raises(SystemExit, match="goes on from the run of `simswap-64`, and .* holds none"):
        tool.main()


def test_the_parts_of_a_run_become_one_log(tmp_path):
    def write(folder, scores, penalty):
        folder.mkdir(exist_ok=True)
        (folder / "run.json").write_text(json.dumps({"config": {"loss": {"gp": penalty}}}))
        records = [
            {"step": 10 * i, "pictures": 160 * i, "minutes": 1.0 * i, "score": score}
            for i, score in enumerate(scores, 1)
        ]
        (folder / tool.LOG).write_text("".join(json.dumps(record) + "\n" for record in records))

    write(tmp_path / "part-1", [-0.5, -0.2, -0.3], 1e-5)  # the second part goes on from step 20
    write(tmp_path, [-0.1, -0.4], 2.0)
    log = tool.whole_log(tmp_path, 2)
    assert [record["step"] for record in log] == [10, 20, 30, 40]
    assert [record["pictures"] for record in log] == [160, 320, 480, 640]
    assert [(record["part"], record["penalty"]) for record in log] == [(1, 1e-5)] * 2 + [(2, 2.0)] * 2


def test_every_part_goes_on_from_the_one_before(monkeypatch, tmp_path):
    started = []

    def train(config, folder):
        started.append((config.loss.gp, config.start, folder))
        return {"step": config.steps}

    monkeypatch.setattr(tool, "train", train)
    monkeypatch.setattr(tool, "go_on", lambda g, c, folder, config: tool.replace(config, start=str(g)))
    monkeypatch.setattr(tool, "write", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["train_simswap.py", "simswap-64", "--runs", str(tmp_path)])
    tool.main()
    run = tmp_path / "simswap-64"
    folders = [run / "part-1", run / "part-2", run / "part-3", run]
    assert [folder for _, _, folder in started] == folders
    assert [start for _, start, _ in started] == ["halfway", *(str(folder / BEST) for folder in folders[:-1])]
    penalties = [gp for gp, _, _ in started]
    assert penalties == sorted(penalties) and penalties[0] == 1e-5


def test_a_stopped_part_ends_the_command(monkeypatch, tmp_path):
    """The next part would go on from a network that is not ready, and the weights would be those of half a run."""
    started = []
    monkeypatch.setattr(tool, "train", lambda config, folder: started.append(folder) or {"step": config.steps - 1})
    monkeypatch.setattr(tool, "write", lambda *_: pytest.fail("wrote weights of a stopped run"))
    monkeypatch.setattr(sys, "argv", ["train_simswap.py", "simswap-64", "--runs", str(tmp_path)])
    tool.main()
    assert started == [tmp_path / "simswap-64" / "part-1"]

"""tools/train_recognisers.py: how a recogniser learns from nothing, and how a larger one grows from it."""

import json
import sys
from dataclasses import replace

import pytest
import torch
import train_recognisers as tool

from simswap_lib.models.arcface import ArcFace, ArcFaceConfig

SMALL = tool.Recipe(
    ArcFaceConfig(16, width=8, blocks=(1, 1), embedding_dim=16), "a test",
    seed=0, first=0, people=6, photos=3, size=32, batch=8, steps=3, changes=(tool.moved, tool.lit),
)  # fmt: skip
LARGE = replace(
    SMALL, config=ArcFaceConfig(32, width=8, blocks=(1, 1), embedding_dim=16, first_stride=2), changes=(tool.softened,)
)


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Trains `name` by this recipe, with the command; returns the folder of its weights."""
    monkeypatch.setattr(tool, "GALLERY", 3)
    monkeypatch.setattr(tool, "SEEING_STEPS", 2)

    def train(name, recipe):
        monkeypatch.setitem(tool.RECIPES, name, recipe)
        words = ["train_recognisers.py", name, "--cache", str(tmp_path), "--output", str(tmp_path), "--device", "cpu"]
        monkeypatch.setattr(sys, "argv", words)
        tool.main()
        return tmp_path / name

    return train


def test_one_learns_from_nothing(trained, tmp_path):
    folder = trained("small", SMALL)
    assert ArcFace.from_pretrained(folder).config == SMALL.config
    (record,) = map(json.loads, (tmp_path / "small.jsonl").read_text().splitlines())
    assert record["step"] == 3 and 0 <= record["retrieval"] <= 1 and 0 <= record["small_retrieval"] <= 1
    card = (folder / "README.md").read_text()
    assert "3 steps of 8 pictures" in card and "6 people (seeds from 0) x 3 photographs" in card and "grown" not in card


def test_one_that_grows_begins_with_what_the_small_one_knows(trained, monkeypatch):
    small = ArcFace.from_pretrained(trained("small", SMALL))
    seen = []

    def learn_to_see(network, known, draw):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        assert known.shape == (6, 16) and torch.allclose(known.norm(dim=1), torch.ones(6))

    monkeypatch.setattr(tool, "learn_to_see", learn_to_see)
    folder = trained("large", replace(LARGE, start=str(trained("small", SMALL))))
    (start,) = seen
    for name, value in small.state_dict().items():
        assert torch.equal(start[name], value), name
    new = set(start) - set(small.state_dict())
    assert new and all(name.startswith("stages.0.shortcut.") for name in new)
    assert "grown from" in (folder / "README.md").read_text()


def test_learning_to_see_moves_the_front_alone_and_brings_it_nearer(monkeypatch):
    monkeypatch.setattr(tool, "SEEING_STEPS", 40)
    torch.manual_seed(0)
    network = ArcFace(LARGE.config).train()
    before = {name: value.clone() for name, value in network.named_parameters()}
    pictures = torch.rand(6, 3, 32, 32) * 2 - 1
    known = torch.nn.functional.normalize(torch.randn(6, 16), dim=1)
    far = tool.apart(network(pictures), known).item()
    tool.learn_to_see(network, known, lambda: (torch.arange(6), pictures))
    assert tool.apart(network(pictures), known).item() < 0.7 * far
    moved = {name for name, value in network.named_parameters() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith(("stem.", "stages.0.")) for name in moved)


def test_staying_near_holds_a_grown_one(trained, monkeypatch):
    """Without the weight it leaves; with a heavy one it says of each person what the small one said."""
    start = trained("small", SMALL)
    monkeypatch.setattr(tool, "SEEING_STEPS", 60)
    images = torch.from_numpy(tool.WorldDataset(6, 3, 32, 0).images.copy()).flatten(0, 1)
    people = torch.arange(6).repeat_interleave(3)

    def means(network):
        return torch.stack([network.embed(images)[people == i].mean(0) for i in range(6)])

    def near(kept):
        monkeypatch.setattr(tool, "KEPT", kept)
        network = ArcFace.from_pretrained(trained("large", replace(LARGE, start=str(start), steps=40, rate=3e-3)))
        return torch.cosine_similarity(means(network), means(ArcFace.from_pretrained(start))).mean().item()

    assert near(100.0) > near(0.0)


def test_two_parts_of_a_cosine():
    x, y = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert tool.apart(x, y).item() == pytest.approx(1 - (1 + 0.8) / 2)

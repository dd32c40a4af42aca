"""tools/train_recognisers.py: how a recogniser learns from nothing, and how a larger one grows from it."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import train_recognisers as tool

from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.photographs import PHOTOS_LIMIT, photograph, shot_seed
from simswap_lib.world.shots import Shot

CONFIG = ArcFaceConfig(16, width=8, blocks=(1, 1), embedding_dim=16)
PART = tool.Part(seed=0, first=0, people=6, photos=3, size=32, batch=8, steps=3, changes=(tool.moved, tool.lit))
SMALL = tool.Recipe(CONFIG, "a test", (PART,))
LARGE_CONFIG = replace(CONFIG, image_size=32, first_stride=2)


def large(start, **changes):
    part = replace(PART, start=str(start), kept=3.0, changes=(tool.softened,), **changes)
    return tool.Recipe(LARGE_CONFIG, "a test", (part,))


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """Trains `name` by this recipe, with the command; returns the folder of its weights."""
    monkeypatch.setattr(tool, "GALLERY", 3)
    monkeypatch.setattr(tool, "SEEING_STEPS", 2)
    monkeypatch.setattr(tool, "SETTLING", 4)

    def train(name, recipe, *more):
        monkeypatch.setitem(tool.RECIPES, name, recipe)
        words = [name, "--cache", str(tmp_path), "--output", str(tmp_path), "--device", "cpu", *more]
        monkeypatch.setattr(sys, "argv", ["train_recognisers.py", *words])
        tool.main()
        return tmp_path / name

    return train


def log(folder):
    return [json.loads(line) for line in folder.with_suffix(".jsonl").read_text().splitlines()]


def test_one_learns_from_nothing(trained):
    folder = trained("small", SMALL)
    assert ArcFace.from_pretrained(folder).config == SMALL.config
    (record,) = log(folder)
    assert record["step"] == 3 and 0 <= record["retrieval"] <= 1 and 0 <= record["in_turn"] <= 1
    card = (folder / "README.md").read_text()
    assert "3 steps of 8 pictures" in card and "6 people (seeds from 0) x 3 photographs" in card and "grown" not in card


def test_statistics_of_batch_norm_are_of_all_that_it_sees_and_not_of_the_last_batch(trained):
    """Batches are bright or dark in turn; a running average of the last few would say bright after an odd number."""
    turns = iter([True, False] * 100)

    def bright_or_dark(images, rng):
        return images * 0 + (1 if next(turns) else -1)

    part = replace(PART, steps=3, changes=(bright_or_dark,))
    network = ArcFace.from_pretrained(trained("turns", replace(SMALL, parts=(part,))))
    norm = next(module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d))
    before = []
    norm.register_forward_pre_hook(lambda _, inputs: before.append(inputs[0].mean(dim=(0, 2, 3))))
    for value in (0, 255):
        network.embed(np.full((1, 32, 32, 3), value, np.uint8))
    assert torch.allclose(norm.running_mean, torch.stack(before).mean(0), atol=0.02)
    assert (before[0] - before[1]).abs().max() > 0.2


@pytest.fixture
def two_parts():
    return replace(SMALL, parts=(PART, replace(PART, seed=1, steps=5, masked=0.25)))


def test_the_second_part_goes_on_from_the_first(trained, two_parts, monkeypatch):
    first = ArcFace.from_pretrained(trained("whole", SMALL)).state_dict()
    begun, train = [], tool.train

    def watched(network, *rest):
        begun.append(network and {name: value.clone() for name, value in network.state_dict().items()})
        return train(network, *rest)

    monkeypatch.setattr(tool, "train", watched)
    folder = trained("whole", two_parts)
    assert begun[0] is None and all(torch.equal(begun[1][name], value) for name, value in first.items())
    steps = [record["step"] for record in log(folder)]
    minutes = [record["minutes"] for record in log(folder)]
    assert steps == [3, 8] and minutes == sorted(minutes)
    card = (folder / "README.md").read_text()
    assert "3 + 5 steps of 8 pictures" in card and card.count("6 people") == 2 and "face masks" in card


def test_a_run_cut_off_in_its_second_part_begins_that_part_again(trained, two_parts):
    folder = trained("whole", two_parts)
    whole, lines = ArcFace.from_pretrained(folder).state_dict(), log(folder)
    trained("whole", SMALL)  # the first part alone, and a line of a second one that never ended
    with open(folder.with_suffix(".jsonl"), "a") as file:
        file.write(json.dumps({**lines[-1], "step": 5}) + "\n")
    trained("whole", two_parts, "--part", "2")
    for name, value in ArcFace.from_pretrained(folder).state_dict().items():
        assert torch.equal(value, whole[name]), name
    assert [record["step"] for record in log(folder)] == [3, 8]


def test_a_part_that_there_is_not(trained, capsys):
    with pytest.raises(SystemExit):
        trained("small", SMALL, "--part", "2")
    assert "small has 1 part(s); there is no part 2" in capsys.readouterr().err


def test_a_later_part_needs_the_log_of_the_one_before(trained, two_parts, capsys, tmp_path):
    trained("whole", SMALL).with_suffix(".jsonl").unlink()
    with pytest.raises(SystemExit):
        trained("whole", two_parts, "--part", "2")
    assert f"copy data/results/whole.jsonl to {tmp_path}" in capsys.readouterr().err


def test_face_masks_are_in_further_photographs_of_the_same_people(tmp_path, monkeypatch):
    pictures, whose = tool.masked_photographs(PART, tmp_path)
    shots = [
        (i, photo)
        for i in range(PART.people)
        for photo in range(PART.photos, PHOTOS_LIMIT)
        if Shot.sample(shot_seed(PART.first + i, photo)).occluder == "mask"
    ]
    assert [i for i, _ in shots] == whose.tolist() and len(shots) > 3
    for picture, (i, photo) in zip(pictures, shots, strict=True):
        assert (picture == photograph(PART.first + i, photo, PART.size)).all()
    monkeypatch.setattr(tool, "photograph", None)  # not rendered again
    again, _ = tool.masked_photographs(PART, tmp_path)
    assert (again == pictures).all()


def test_so_many_of_a_batch_wear_masks(trained, monkeypatch):
    """The masked ones are drawn as black pictures here, so that they can be counted."""
    monkeypatch.setattr(
        tool, "masked_photographs", lambda part, cache: (np.zeros((2, 32, 32, 3), np.uint8), np.array([1, 4]))
    )
    seen = []

    def see(images, rng):
        seen.append((images == -1).all(dim=(1, 2, 3)).sum().item())
        return images

    trained("masked", replace(SMALL, parts=(replace(PART, masked=0.25, changes=(see,)),)))
    assert seen == [2] * (3 + tool.SETTLING)


def test_one_that_grows_begins_with_what_the_small_one_knows(trained, monkeypatch):
    small = ArcFace.from_pretrained(trained("small", SMALL))
    seen = []

    def learn_to_see(network, known, draw):
        seen.append({name: value.clone() for name, value in network.state_dict().items()})
        assert known.shape == (6, 16) and torch.allclose(known.norm(dim=1), torch.ones(6))

    monkeypatch.setattr(tool, "learn_to_see", learn_to_see)
    folder = trained("large", large(trained("small", SMALL)))
    (start,) = seen
    for name, value in small.state_dict().items():
        assert torch.equal(start[name], value), name
    new = set(start) - set(small.state_dict())
    assert new and all(name.startswith("stages.0.shortcut.") for name in new)
    assert "grown from" in (folder / "README.md").read_text()


def test_it_grows_from_the_part_that_it_names_and_not_from_what_came_later(trained, two_parts, tmp_path, monkeypatch):
    trained("small", two_parts)
    first, last = (ArcFace.from_pretrained(tmp_path / f"small-part-{number}").state_dict() for number in (1, 2))
    shipped = ArcFace.from_pretrained(tmp_path / "small").state_dict()
    assert all(torch.equal(shipped[name], value) for name, value in last.items())

    def learn_to_see(network, *_):
        begun = network.state_dict()
        assert all(torch.equal(begun[name], value) for name, value in first.items())
        assert not all(torch.equal(begun[name], value) for name, value in last.items())

    monkeypatch.setattr(tool, "learn_to_see", learn_to_see)
    trained("large", large("small-part-1"))


def test_one_that_grows_needs_the_one_that_it_grows_from(trained, capsys, tmp_path):
    with pytest.raises(SystemExit):
        trained("large", large("small-part-1"))
    told = f"large grows from {tmp_path / 'small-part-1'}: train small first, with the same --cache"
    assert told in capsys.readouterr().err


def test_learning_to_see_moves_the_front_alone_and_brings_it_nearer(monkeypatch):
    monkeypatch.setattr(tool, "SEEING_STEPS", 40)
    torch.manual_seed(0)
    network = ArcFace(LARGE_CONFIG).train()
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
        (part,) = large(start, steps=40).parts
        recipe = tool.Recipe(LARGE_CONFIG, "a test", (replace(part, kept=kept),))
        network = ArcFace.from_pretrained(trained("large", recipe))
        return torch.cosine_similarity(means(network), means(ArcFace.from_pretrained(start))).mean().item()

    assert near(100.0) > near(0.0)


def test_half_of_the_batches_are_mirrored():
    images, rng = torch.rand(2, 3, 4, 4), torch.Generator().manual_seed(0)
    batches = [tool.mirrored(images, rng) for _ in range(200)]
    turned = [torch.equal(batch, images.flip(-1)) for batch in batches]
    assert 80 < sum(turned) < 120
    assert all(torch.equal(batch, images) for batch, other in zip(batches, turned, strict=True) if not other)


def test_two_parts_of_a_cosine():
    x, y = torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert tool.apart(x, y).item() == pytest.approx(1 - (1 + 0.8) / 2)

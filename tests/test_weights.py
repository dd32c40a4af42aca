"""Weights on disk: what is written, what comes back, and every way in which a folder can be wrong."""

import json
from dataclasses import dataclass

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from simswap_lib import files
from simswap_lib.models import weights


@dataclass(frozen=True)
class TinyConfig:
    width: int = 3
    sizes: tuple[int, ...] = (1, 2)


class Tiny(nn.Module):
    Config = TinyConfig

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.layer = nn.Linear(config.width, 2)
        self.norm = nn.BatchNorm1d(2)


class Other(Tiny):
    pass


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    net = Tiny(TinyConfig(width=4))
    net.norm.num_batches_tracked.fill_(70_000)  # a whole number that float16 could not hold
    return weights.save(net, tmp_path / "tiny", "# Tiny\n\nA card.")


def rewrite(folder, state):
    """Other tensors under a correct checksum."""
    save_file(state, folder / "model.safetensors")
    description = json.loads((folder / "config.json").read_text())
    description["sha256"] = files.checksum(folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(description))


class TestSave:
    def test_three_files_and_nothing_else(self, folder):
        assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
        description = json.loads((folder / "config.json").read_text())
        assert description["class"] == "Tiny"
        assert description["config"] == {"width": 4, "sizes": [1, 2]}
        assert description["sha256"] == files.checksum(folder / "model.safetensors")
        assert (folder / "README.md").read_text() == "# Tiny\n\nA card.\n"

    def test_float16_but_counters_stay_whole(self, folder):
        state = load_file(folder / "model.safetensors")
        assert state["layer.weight"].dtype == torch.float16
        assert state["norm.num_batches_tracked"].item() == 70_000

    def test_overwrites(self, folder):
        torch.manual_seed(1)
        net = Tiny(TinyConfig(width=5))
        weights.save(net, folder, "another card")
        assert weights.load(Tiny, folder).config.width == 5

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), 70_000.0])
    def test_what_float16_cannot_hold(self, tmp_path, value):
        net = Tiny(TinyConfig())
        net.layer.bias.data[0] = value
        with pytest.raises(ValueError, match="layer.bias holds numbers that float16 cannot"):
            weights.save(net, tmp_path / "tiny", "card")
        assert not (tmp_path / "tiny").exists()

    def test_a_card_is_needed(self, tmp_path):
        with pytest.raises(ValueError, match="model card"):
            weights.save(Tiny(TinyConfig()), tmp_path / "tiny", " \n")


class TestLoad:
    def test_comes_back_rounded_in_float32_and_evaluation_mode(self, folder):
        torch.manual_seed(0)
        original = Tiny(TinyConfig(width=4))
        net = weights.load(Tiny, folder)
        assert net.config == original.config
        assert not net.training
        assert all(p.dtype == torch.float32 and p.requires_grad for p in net.parameters())
        assert torch.equal(net.layer.weight, original.layer.weight.half().float())
        assert net.norm.num_batches_tracked.item() == 70_000

    def test_random_numbers_are_not_touched(self, folder):
        torch.manual_seed(5)
        expected = torch.rand(1)
        torch.manual_seed(5)
        weights.load(Tiny, folder)
        assert torch.equal(torch.rand(1), expected)

    def test_training_on_leaves_the_file_alone(self, folder):
        before = files.checksum(folder / "model.safetensors")
        with torch.no_grad():
            weights.load(Tiny, folder).layer.weight.fill_(7)
        assert files.checksum(folder / "model.safetensors") == before

    def test_a_name_means_the_data_folder(self, folder, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "DATA", tmp_path / "data")
        weights.save(Tiny(TinyConfig(width=6)), tmp_path / "data" / "weights" / "course", "card")
        assert weights.load(Tiny, "course").config.width == 6
        assert weights.known() == ["course"]
        with pytest.raises(FileNotFoundError, match=r"no weights called 'nothing'.*has: course\."):
            weights.load(Tiny, "nothing")

    def test_device(self, folder):
        assert weights.load(Tiny, folder, device=torch.device("cpu")).layer.weight.device.type == "cpu"


class TestDamage:
    def test_folder_without_weights(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="not a folder of weights"):
            weights.load(Tiny, tmp_path)

    def test_missing_tensors(self, folder):
        (folder / "model.safetensors").unlink()
        with pytest.raises(FileNotFoundError, match="model.safetensors is missing"):
            weights.load(Tiny, folder)

    def test_wrong_class(self, folder):
        with pytest.raises(ValueError, match="holds a Tiny, not a Other"):
            weights.load(Other, folder)

    @pytest.mark.parametrize("keep", [0, 10, 100])
    def test_truncated(self, folder, keep):
        path = folder / "model.safetensors"
        path.write_bytes(path.read_bytes()[:keep])
        with pytest.raises(ValueError, match="checksum"):
            weights.load(Tiny, folder)

    def test_one_changed_byte(self, folder):
        path = folder / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        with pytest.raises(ValueError, match="checksum"):
            weights.load(Tiny, folder)

    def test_no_safetensors_at_all(self, folder):
        rewrite(folder, {"x": torch.zeros(1)})
        (folder / "model.safetensors").write_bytes(b"nonsense")
        description = json.loads((folder / "config.json").read_text())
        description["sha256"] = files.checksum(folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(description))
        with pytest.raises(ValueError, match="cannot be loaded"):
            weights.load(Tiny, folder)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"class": "Tiny"}'])
    def test_damaged_configuration(self, folder, text):
        (folder / "config.json").write_text(text)
        with pytest.raises(ValueError, match="config.json is damaged"):
            weights.load(Tiny, folder)

    def test_unknown_field_in_the_configuration(self, folder):
        description = json.loads((folder / "config.json").read_text())
        description["config"]["depth"] = 3
        (folder / "config.json").write_text(json.dumps(description))
        with pytest.raises(ValueError, match="depth"):
            weights.load(Tiny, folder)

    def test_keys_that_differ_are_named(self, folder):
        state = load_file(folder / "model.safetensors")
        rewrite(folder, {key: value for key, value in state.items() if key != "norm.bias"})
        with pytest.raises(ValueError, match=r"norm\.bias is missing"):
            weights.load(Tiny, folder)
        rewrite(folder, state | {"extra": torch.zeros(1)})
        with pytest.raises(ValueError, match="extra is not expected"):
            weights.load(Tiny, folder)
        rewrite(folder, state | {"layer.weight": torch.zeros(2, 5)})
        with pytest.raises(ValueError, match=r"layer\.weight has shape \(2, 5\) instead of \(2, 4\)"):
            weights.load(Tiny, folder)


class TestBuild:
    def test_the_callers_tensors_are_copied(self):
        state = Tiny(TinyConfig()).state_dict()
        before = state["layer.weight"].clone()
        with torch.no_grad():
            weights.build(Tiny, TinyConfig(), state).layer.weight.fill_(7)
        assert torch.equal(state["layer.weight"], before)

    def test_first_few(self):
        assert weights.first_few(["a"]) == "a."
        assert weights.first_few(["a", "b", "c", "d", "e"]) == "a; b; c, and 2 more."

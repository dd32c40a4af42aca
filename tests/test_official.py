"""The published layout: golden values of both flavours, and files that must be refused."""

import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from simswap_lib.models import official
from simswap_lib.models.generator import Generator, GeneratorConfig

GOLDEN = Path(__file__).parent / "golden" / "official_generator_224.npz"


def seeded(name, shape):
    """The numbers that the golden values were made with; they depend on the tensor's published name alone."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        values = np.zeros(shape, np.int64)
    elif name.endswith("running_var"):
        values = 0.5 + rng.random(shape)
    elif name.endswith(("running_mean", "bias")):
        values = 0.1 * rng.standard_normal(shape)
    elif len(shape) == 1:
        values = 1 + 0.1 * rng.standard_normal(shape)
    else:
        values = rng.standard_normal(shape) / math.sqrt(math.prod(shape[1:]))
    return torch.as_tensor(values if values.dtype == np.int64 else values.astype(np.float32))


@pytest.fixture(scope="module")
def state():
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in Generator().state_dict().items()}
    names = official.published_names(GeneratorConfig())
    return {theirs: seeded(theirs, shapes[ours]) for theirs, ours in names.items()}


@pytest.fixture(scope="module")
def image():
    rng = np.random.default_rng(zlib.crc32(b"image"))
    return torch.as_tensor(rng.random((2, 3, 64, 64)).astype(np.float32))


@pytest.fixture(scope="module")
def identity():
    rng = np.random.default_rng(zlib.crc32(b"identity"))
    vector = torch.as_tensor(rng.standard_normal((2, 512)).astype(np.float32))
    return vector / vector.norm(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as arrays:
        return {name: torch.as_tensor(arrays[name]) for name in arrays.files}


class TestGolden:
    def test_people(self, state, image, identity, golden):
        with torch.no_grad():
            result = official.load_generator(state)(image * 2 - 1, identity)
        torch.testing.assert_close((result + 1) / 2, golden["people_224"], atol=1e-4, rtol=0)

    def test_train_224(self, state, image, identity, golden):
        net = official.load_generator(state, flavour="train-224")
        with torch.no_grad():
            normalised = net.generator.linear((image - net.mean) / net.std, identity)
            result = net(image * 2 - 1, identity)
        torch.testing.assert_close(normalised, golden["train_py"], atol=1e-4, rtol=0)
        expected = (golden["train_py"] * net.std + net.mean).clamp(0, 1) * 2 - 1
        torch.testing.assert_close(result, expected, atol=1e-4, rtol=0)

    def test_the_flavours_differ(self, golden):
        # Else loading one as the other would go unnoticed by the two tests above.
        assert (golden["people_224"] - golden["train_py"]).abs().mean() > 0.1


class TestRange:
    @pytest.mark.parametrize("flavour", official.FLAVOURS)
    def test_result_stays_in_range(self, flavour):
        small = Generator(GeneratorConfig(image_size=16, width=4, downs=2, blocks=1, identity_dim=8)).eval()
        with torch.no_grad():
            small.decoder.to_rgb.weight.mul_(1000)
            result = official.PublishedGenerator(small, flavour)(torch.rand(1, 3, 16, 16), torch.ones(1, 8))
        assert result.min() == -1 and result.max() == 1


class TestNames:
    def test_all_published_tensors_are_there(self, state):
        assert len(state) == 123
        parameters = [value for name, value in state.items() if "running" not in name and "num_" not in name]
        assert sum(value.numel() for value in parameters) == 55_051_779
        assert state["up3.1.weight"].shape == (256, 512, 3, 3)
        assert state["down1.0.weight"].shape == (128, 64, 3, 3)
        assert state["BottleNeck.8.style2.linear.weight"].shape == (1024, 512)

    def test_any_size_has_one_name_for_each_tensor(self):
        config = GeneratorConfig(image_size=32, width=4, downs=4, blocks=2, identity_dim=8)
        names = official.published_names(config)
        assert sorted(names.values()) == sorted(Generator(config).state_dict())
        assert "up4.1.weight" in names and "down4.0.bias" in names


class TestRefusals:
    def test_unknown_flavour(self, state):
        with pytest.raises(ValueError, match="'people'.*'train-224'"):
            official.load_generator(state, flavour="512")

    def test_missing_tensor_is_named(self, state):
        half = {name: value for name, value in state.items() if not name.startswith("up2")}
        with pytest.raises(ValueError, match=r"up2\.1\.weight is missing.*and 4 more"):
            official.load_generator(half)

    def test_unknown_tensor_is_named(self, state):
        with pytest.raises(ValueError, match=r"down0\.0\.weight is not expected"):
            official.load_generator(state | {"down0.0.weight": torch.zeros(1)})

    def test_wrong_shape_is_named(self, state):
        message = r"last_layer\.1\.weight has shape \(3, 32, 7, 7\) instead of \(3, 64, 7, 7\)"
        with pytest.raises(ValueError, match=message):
            official.load_generator(state | {"last_layer.1.weight": torch.zeros(3, 32, 7, 7)})

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere.pth"):
            official.load_generator(tmp_path / "nowhere.pth")

    @pytest.mark.parametrize("name", ["damaged.pth", "damaged.safetensors"])
    @pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04 half a zip file"])
    def test_damaged_file(self, tmp_path, name, content):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            official.load_generator(tmp_path / name)

    def test_pickled_module(self, tmp_path):
        torch.save(torch.nn.Linear(1, 1), tmp_path / "module.pth")
        with pytest.raises(ValueError, match="pickled module"):
            official.load_generator(tmp_path / "module.pth")

    def test_checkpoint_that_is_no_state_dict(self, tmp_path):
        torch.save({"step": 3, "model": {"weight": torch.zeros(1)}}, tmp_path / "checkpoint.pth")
        with pytest.raises(ValueError, match="not a state dict"):
            official.load_generator(tmp_path / "checkpoint.pth")

    def test_readable_file_with_other_tensors(self, tmp_path):
        torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
        save_file({"weight": torch.zeros(1)}, tmp_path / "other.safetensors")
        for name in ("other.pth", "other.safetensors"):
            with pytest.raises(ValueError, match=rf"{name} is not a published.*first_layer\.1\.weight is missing"):
                official.load_generator(tmp_path / name)


class TestFiles:
    def test_pth_and_safetensors_give_the_same_network(self, state, tmp_path):
        torch.save(state, tmp_path / "net.pth")
        save_file(state, tmp_path / "net.safetensors")
        for name in ("net.pth", "net.safetensors"):
            net = official.load_generator(tmp_path / name)
            assert not net.training
            ours = net.generator
            assert torch.equal(ours.decoder.to_rgb.weight, state["last_layer.1.weight"])
            assert torch.equal(ours.injection.blocks[8].adain2.style.bias, state["BottleNeck.8.style2.linear.bias"])
            (tmp_path / name).unlink()

"""FaceSwapper: sizes, batches, devices, and one sentence for whatever does not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from simswap_lib import swapper
from simswap_lib.files import to_images, to_tensor
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.swapper import FaceSwapper, best_device, resize
from simswap_lib.world import HELD_OUT, Identity, Shot, render


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    generator = Generator(GeneratorConfig(32, 8, 2, 2, 16))
    return FaceSwapper(generator, ArcFace(ArcFaceConfig(32, width=8, blocks=(1, 1), embedding_dim=16)))


def picture(side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


@pytest.mark.parametrize("side", [32, 33, 64, 100])
def test_the_result_has_the_targets_size(tiny, side):
    result = tiny.swap_aligned(picture(48), picture(side))
    assert result.shape == (side, side, 3) and result.dtype == np.uint8


def test_a_batch_is_its_pictures_one_by_one(tiny):
    sources, targets = (np.stack([picture(32, s) for s in seeds]) for seeds in ((1, 2, 3), (4, 5, 6)))
    batch = tiny.swap_aligned(sources, targets)
    assert batch.shape == (3, 32, 32, 3)
    for i in range(3):
        one = tiny.swap_aligned(sources[i], targets[i])
        assert np.abs(batch[i].astype(int) - one).max() <= 1


def test_one_source_many_targets_and_the_reverse(tiny):
    many = np.stack([picture(32, s) for s in range(3)])
    assert tiny.swap_aligned(picture(32, 9), many).shape == (3, 32, 32, 3)
    assert tiny.swap_aligned(many, picture(32, 9)).shape == (3, 32, 32, 3)
    with pytest.raises(ValueError, match="2 sources do not fit 3 targets"):
        tiny.swap_aligned(many[:2], many)


def test_draws_what_the_generator_draws(tiny):
    target = np.stack([picture(32, s) for s in range(3)])
    with torch.no_grad():
        expected = to_images(tiny.generator(to_tensor(target), tiny.identity(picture(32, 9)).expand(3, -1)))
    assert np.abs(tiny.swap_aligned(picture(32, 9), target).astype(int) - expected).max() <= 1


def test_inputs_are_left_alone(tiny):
    source, target = picture(32, 1), picture(32, 2)
    before = source.copy(), target.copy()
    tiny.swap_aligned(source, target)
    assert (source == before[0]).all() and (target == before[1]).all()


@pytest.mark.parametrize(
    "bad, words",
    [
        (np.zeros((32, 32), np.uint8), "uint8 RGB"),
        (np.zeros((32, 32, 4), np.uint8), "uint8 RGB"),
        (np.zeros((32, 32, 3), np.float32), "uint8 RGB"),
        (np.zeros((0, 32, 32, 3), np.uint8), "uint8 RGB"),
        (np.zeros((32, 40, 3), np.uint8), "square"),
        (np.zeros((16, 16, 3), np.uint8), "32 to 8192"),
    ],
)
def test_bad_pictures(tiny, bad, words):
    with pytest.raises(ValueError, match=f"source.*{words}"):
        tiny.swap_aligned(bad, picture(32))
    with pytest.raises(ValueError, match=f"target.*{words}"):
        tiny.swap_aligned(picture(32), bad)


def test_recogniser_and_generator_must_fit():
    with pytest.raises(ValueError, match="16 numbers, the recogniser gives 8"):
        FaceSwapper(
            Generator(GeneratorConfig(32, 8, 2, 1, 16)),
            ArcFace(ArcFaceConfig(32, width=8, blocks=(1, 1), embedding_dim=8)),
        )


def test_the_generator_says_who_gives_its_vectors(tiny, tmp_path):
    """Vectors of another recogniser would fit just as well, and mean other people."""
    weights.save(tiny.recogniser, tmp_path / "eyes", "a recogniser")
    generator = Generator(replace(tiny.generator.config, recogniser=str(tmp_path / "eyes"))).eval()
    weights.save(generator, tmp_path / "generator", "a generator")
    loaded = FaceSwapper.from_pretrained(tmp_path / "generator", "cpu")
    assert torch.allclose(loaded.identity(picture(32)), tiny.identity(picture(32)), atol=1e-2)  # float16 on disk
    with pytest.raises(ValueError, match="16 numbers, the recogniser gives 128"):
        FaceSwapper.from_pretrained(tmp_path / "generator", "cpu", recogniser="arcface")


def test_unknown_name():
    with pytest.raises(FileNotFoundError, match="no weights called 'nobody'"):
        FaceSwapper.from_pretrained("nobody")


def test_the_device_is_an_argument():
    assert FaceSwapper.from_pretrained("simswap", device="cpu").device.type == "cpu"
    assert best_device().type in {"cuda", "mps", "cpu"}


def test_resize_keeps_what_fits():
    x = torch.rand(1, 3, 8, 8) * 2 - 1
    assert resize(x, 8) is x
    assert resize(x, 16).abs().max() <= 1


def test_the_shipped_weights_move_identity():
    # Not a benchmark, `evaluate` is one: most of these few strangers must end up nearer to their source.
    shipped, judge = FaceSwapper.from_pretrained("simswap"), ArcFace.from_pretrained("judge")
    people = range(HELD_OUT, HELD_OUT + 12)
    sources = np.stack([render(Identity.sample(p), Shot.sample(p + 300), 64).image for p in people])
    targets = np.stack([render(Identity.sample(p + 12), Shot.sample(p + 400), 64).image for p in people])
    v = judge.embed(shipped.swap_aligned(sources, targets))
    to_source = (v * judge.embed(sources)).sum(1)
    to_target = (v * judge.embed(targets)).sum(1)
    assert to_source.mean() > to_target.mean()
    assert (to_source > to_target).float().mean() > 0.5


def test_more_pictures_than_go_through_at_a_time(tiny, monkeypatch):
    sources, targets = (np.stack([picture(32, s) for s in range(first, first + 5)]) for first in (0, 5))
    whole = tiny.swap_aligned(sources, targets)
    monkeypatch.setattr(swapper, "BATCH", 2)
    assert np.abs(tiny.swap_aligned(sources, targets).astype(int) - whole).max() <= 1


def test_identity_is_the_recognisers_vector(tiny):
    faces = np.stack([picture(32, s) for s in range(3)])
    v_source = tiny.identity(faces)
    assert torch.allclose(v_source, tiny.recogniser.embed(faces), atol=1e-6) and not v_source.requires_grad
    assert torch.allclose(v_source.norm(dim=1), torch.ones(3))


@pytest.mark.parametrize("device", ["cuda:77", "gpu", "meta"])
def test_a_device_that_is_not_there_is_an_error_and_nothing_else_is_tried(device):
    with pytest.raises(ValueError, match=f"no device '{device}'"):
        FaceSwapper.from_pretrained("simswap", device=device)

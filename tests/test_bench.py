"""What the bench compares: the plain step does our step's work, and every figure is a measured one."""

import math

import baselines
import numpy as np
import pytest
import torch
from accelerate import Accelerator

from simswap_lib import bench
from simswap_lib.batches import PairBatches
from simswap_lib.data import WorldDataset
from simswap_lib.files import to_tensor
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import Step


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TrainConfig:
    """Networks of a few thousand numbers, everything else as in the real thing."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("recogniser")
    weights.save(ArcFace(ArcFaceConfig(32, width=4, blocks=(1, 1), embedding_dim=16)), folder, "For a test.")
    return TrainConfig(
        people=3, photos=2, size=32, cache=str(tmp_path_factory.mktemp("cache")), width=4, downs=1, blocks=1,
        critic_width=4, recogniser=str(folder), first_map=2, gp_every=4, batch=4, seed=3,
    )  # fmt: skip


def plain_step(config, like: Step | None = None, first=0) -> baselines.PlainStep:
    generator = Generator(GeneratorConfig(config.size, config.width, config.downs, config.blocks, 16))
    critic = Discriminator(DiscriminatorConfig(config.size, config.critic_width))
    if like:
        generator.load_state_dict(like.generator.state_dict())
        critic.load_state_dict(like.critic.state_dict())
    photographs = WorldDataset(config.people, config.photos, config.size, 0, config.cache)
    recogniser = ArcFace.from_pretrained(config.recogniser)
    return baselines.PlainStep(config, photographs, generator, critic, recogniser, first)


class TestPlainStep:
    @pytest.mark.parametrize("step", [0, 1], ids=["same person", "two people"])
    def test_from_the_same_weights_and_batch_it_computes_what_ours_computes(self, config, step):
        """The generator's terms are the same numbers, and so is the gradient that moves it."""
        recogniser = ArcFace.from_pretrained(config.recogniser).requires_grad_(False).eval()
        ours = Step(config, recogniser, Accelerator())
        plain = plain_step(config, ours, step)
        photographs = plain.photographs
        pairs = PairBatches(photographs, config.batch, range(9), config.seed).at(step)
        sources, targets = (
            np.stack([photographs.picture(getattr(p, who)) for p in pairs]) for who in ("source", "target")
        )
        same = torch.tensor([pair.same for pair in pairs])
        expected = ours(step, to_tensor(targets), recogniser.embed(sources), recogniser.embed(targets), same)
        terms = plain.step()
        assert (terms["reconstruction"] > 0) == (step == 0)
        for name in ("identity", "reconstruction", "adversarial", "wfm"):
            torch.testing.assert_close(terms[name], expected[name], rtol=1e-4, atol=1e-6)
        for one, other in zip(plain.generator.parameters(), ours.generator.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-4)
        assert set(terms) == set(expected) - {"cos_source", "cos_target"}

    def test_each_half_has_a_batch_and_a_pass_of_its_own(self, config):
        torch.manual_seed(0)
        plain = plain_step(config)
        passes, eyes = [], []
        plain.generator.register_forward_hook(lambda _, inputs, result: passes.append((inputs[0], result)))
        plain.recogniser.register_forward_hook(lambda _, inputs, result: eyes.append(len(result)))
        plain.step()
        (one, _), (other, result) = passes
        assert not torch.equal(one, other)
        assert result.requires_grad  # the critic's half keeps everything for a backward pass, too
        assert eyes == [4, 4, 4]  # source, result; source again

    def test_both_networks_learn_and_the_recogniser_does_not(self, config):
        torch.manual_seed(0)
        plain = plain_step(config)
        before = [[p.clone() for p in net.parameters()] for net in (plain.generator, plain.critic, plain.recogniser)]
        plain.step()
        for net, old, moves in zip((plain.generator, plain.critic, plain.recogniser), before, (True, True, False)):
            assert any(not torch.equal(p, q) for p, q in zip(net.parameters(), old)) == moves

    def test_the_penalty_comes_as_often_as_in_ours(self, config):
        torch.manual_seed(0)
        plain = plain_step(config)
        assert ["gp" in plain.step() for _ in range(5)] == [True, False, False, False, True]


def measured(figures: dict) -> None:
    for name, value in figures.items():
        if isinstance(value, float):
            assert math.isfinite(value) and value > 0, name


def test_bench_of_training_steps(config):
    figures = bench.bench_train(baselines, config, rounds=3)
    measured(figures)
    assert figures["batch"] == 4 and figures["pixels"] == 32 and figures["threads"] == torch.get_num_threads()
    assert figures["times_faster"] == pytest.approx(figures["seconds_per_plain_step"] / figures["seconds_per_step"])


def test_bench_of_the_generator():
    small = GeneratorConfig(image_size=32, width=4, downs=1, blocks=1, identity_dim=16)
    figures = bench.bench_generator(baselines, "cpu", small, rounds=2, batch=2, product=64)
    measured(figures)
    assert figures["batch"] == 2 and figures["grey_levels_off_at_most"] < 0.02
    # By hand: 7x7, stride 2, two 3x3 of the ID-block, 3x3 of the Decoder, 7x7; two styles. A product and a sum each.
    convolutions = 32**2 * 3 * 4 * 49 + 16**2 * (4 * 8 * 9 + 2 * 8 * 8 * 9) + 32**2 * (8 * 4 * 9 + 4 * 3 * 49)
    assert figures["gflop_per_picture"] * 1e9 == pytest.approx(2 * (convolutions + 2 * 16 * 16))
    reached = figures["gflop_per_second_fast"] / figures["gflop_per_second_matrix_product"]
    assert figures["share_of_matrix_product"] == pytest.approx(reached)


def test_works_take_turns():
    order = []
    works = {name: lambda name=name: order.append(name) for name in "ab"}
    assert bench.in_turn(works, 2, torch.device("cpu")).keys() == {"a", "b"}
    assert order == ["a", "b"] * 3

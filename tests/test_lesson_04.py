"""Lesson 04 from a reader's seat: right answers draw the shipped picture, wrong ones change it or are named."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.course import Transplant, exercises, grade
from simswap_lib.course.lesson_04.mutants import mystery, over_the_batch
from simswap_lib.files import to_tensor
from simswap_lib.models.generator import Decoder, Encoder
from simswap_lib.swapper import FaceSwapper
from simswap_lib.world import HELD_OUT, Identity, Shot, render

LESSON = [e for e in exercises().values() if e.lesson == "04"]
MUTANTS = [(e, m) for e in LESSON for m in e.mutants]
# Right in the shipped network, in which no sigma_s is negative, or right until it is trained further.
NOT_SEEN = (
    "no_sign",
    "without_gradient",
    "statistics_detached",
    "eps_behind_the_root",
    "MainRoadDetached",
    "NoGradient",
)
SHOWN = [(e, m) for e, m in MUTANTS if m.answer.__name__ not in NOT_SEEN]


# What a reader might write, in other words than the library. ---------------------------------------------------------


def adain(feature, sigma_s, mu_s):
    flat = feature.flatten(2)
    normalised = (flat - flat.mean(2, keepdim=True)) / (flat.var(2, unbiased=False, keepdim=True) + 1e-8) ** 0.5
    return (normalised * sigma_s.unsqueeze(2) + mu_s.unsqueeze(2)).reshape(feature.shape)


class AdaIN(nn.Module):
    def __init__(self, identity_dim, channels):
        super().__init__()
        self.style = nn.Linear(identity_dim, 2 * channels)

    def forward(self, feature, v_source):
        s, mu_s = self.style(v_source).chunk(2, dim=1)
        return adain(feature, 1 + s, mu_s)


class IDBlock(nn.Module):
    def __init__(self, channels, identity_dim):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.adain1 = AdaIN(identity_dim, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.adain2 = AdaIN(identity_dim, channels)

    def forward(self, x, v_source):
        y = self.conv1(x)
        y = nn.functional.relu_(self.adain1(feature=y, v_source=v_source))
        y = self.adain2(self.conv2(y), v_source=v_source)
        return torch.add(x, y)


class IDInjection(nn.Module):
    def __init__(self, channels, identity_dim, blocks=9):
        super().__init__()
        self.blocks = nn.ModuleList()
        for _ in range(blocks):
            self.blocks.append(IDBlock(channels, identity_dim))

    def forward(self, feature, v_source):
        for i in range(len(self.blocks)):
            feature = self.blocks[i](feature, v_source)
        return feature


class Generator(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.encoder = Encoder(config.width, config.downs)
        self.injection = IDInjection(config.channels, config.identity_dim, config.blocks)
        self.decoder = Decoder(config.width, config.downs)

    def forward(self, target, v_source):
        return self.decoder(self.injection(self.encoder(target), v_source)).tanh()


MINE = {"04.1": adain, "04.2": IDBlock, "04.3": IDInjection, "04.4": Generator}


@pytest.mark.parametrize("exercise", LESSON, ids=lambda e: e.id)
def test_a_right_answer_in_other_words_passes(exercise):
    verdict = grade(exercise, MINE[exercise.id])
    assert verdict.passed, verdict.message


class InSequence(nn.Module):
    """The blocks in nn.Sequential: a container like another, as long as the loop is one's own."""

    def __init__(self, channels, identity_dim, blocks=9):
        super().__init__()
        self.blocks = nn.Sequential(*(IDBlock(channels, identity_dim) for _ in range(blocks)))

    def forward(self, feature, v_source):
        for block in self.blocks:
            feature = block(feature, v_source)
        return feature


def test_another_container_is_as_good():
    verdict = grade(exercises()["04.3"], InSequence)
    assert verdict.passed, verdict.message


# In the shipped generator. --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swapper():
    return FaceSwapper.from_pretrained("simswap", device="cpu")


@pytest.fixture(scope="module")
def inputs(swapper):
    """Three held-out targets and three sources: some bugs show only in company."""
    size = swapper.generator.config.image_size
    seeds = range(HELD_OUT, HELD_OUT + 3)
    photos = np.stack([render(Identity.sample(s), Shot.sample(s), size=size).image for s in seeds])
    return to_tensor(photos), swapper.identity(photos).roll(1, 0)


@torch.no_grad()
def draw(network, shipped, inputs):
    """The picture that `network` draws with the shipped weights, as far as they fit."""
    network.load_state_dict({k: v for k, v in shipped.state_dict().items() if _fits(network, k, v)}, strict=False)
    return network.eval()(*inputs)


def _fits(network, name, value):
    found = network.state_dict().get(name)
    return found is not None and found.shape == value.shape


def test_the_readers_own_network_draws_the_shipped_picture(swapper, inputs):
    mine = Generator(swapper.generator.config)
    mine.load_state_dict(swapper.generator.state_dict())
    with torch.no_grad():
        assert torch.allclose(mine.eval()(*inputs), swapper.generator(*inputs), atol=1e-4)


@pytest.mark.parametrize(("name", "times"), [("adain", 2), ("IDBlock", 1), ("IDInjection", 0)])
def test_a_piece_that_passed_is_at_work_inside_the_courses_own(name, times, swapper, inputs):
    """One piece is the reader's, the others are the library's: it is called as often as there are places for it."""
    piece, calls = {e.name: MINE[e.id] for e in LESSON}[name], []

    def counted(*given):
        calls.append(name)
        return piece(*given)

    shipped = swapper.generator
    with Transplant(**{name: counted}), torch.no_grad():
        network = type(shipped)(shipped.config)
        network.load_state_dict(shipped.state_dict())
        picture = network.eval()(*inputs)
    with torch.no_grad():
        assert torch.allclose(picture, shipped(*inputs), atol=1e-4)
    assert len(calls) == max(1, times * shipped.config.blocks)


def test_nothing_is_left_behind_and_unknown_pieces_are_refused(swapper, inputs):
    with torch.no_grad():
        before = swapper.generator(*inputs)
        with pytest.raises(KeyError), Transplant(adain=mystery):
            raise KeyError
        assert torch.equal(swapper.generator(*inputs), before)
    with pytest.raises(ValueError, match="called adin"):
        Transplant(adin=mystery)


@pytest.mark.parametrize(("exercise", "mutant"), SHOWN, ids=[f"{e.id}-{m.answer.__name__}" for e, m in SHOWN])
def test_each_wrong_answer_changes_the_picture(exercise, mutant, swapper, inputs):
    shipped = swapper.generator
    with torch.no_grad():
        right = shipped(*inputs)
    whole = exercise.name == "Generator"
    network = mutant.answer if whole else type(shipped)
    torch.manual_seed(0)
    with nullcontext() if whole else Transplant(**{exercise.name: mutant.answer}):
        try:
            picture = draw(network(shipped.config), shipped, inputs)
        except RuntimeError:
            return  # no picture at all
    # A right network agrees to 1e-4; this is ten times that, and still less than a level of 8 bits.
    assert (picture - right).abs().max() > 1e-3


def test_the_bug_to_diagnose_hides_in_a_single_picture(swapper, inputs):
    assert mystery is over_the_batch
    target, v_source = inputs
    with torch.no_grad():
        right = swapper.generator(target, v_source)
        with Transplant(adain=mystery):
            alone, together = swapper.generator(target[:1], v_source[:1]), swapper.generator(target, v_source)
    assert (alone - right[:1]).abs().max() < 1e-4 and (together - right).abs().max() > 1e-2


# More wrong answers, for their messages alone: their pictures may look right. -----------------------------------------


def no_eps(feature, sigma_s, mu_s):
    normalised = (feature - feature.mean((2, 3), keepdim=True)) / feature.std((2, 3), keepdim=True, correction=0)
    return sigma_s[:, :, None, None] * normalised + mu_s[:, :, None, None]


def built_in(feature, sigma_s, mu_s):
    return sigma_s[:, :, None, None] * F.instance_norm(feature) + mu_s[:, :, None, None]


def in_place(feature, sigma_s, mu_s):
    feature -= feature.mean((2, 3), keepdim=True)
    feature /= (feature.square().mean((2, 3), keepdim=True) + 1e-8).sqrt()
    return sigma_s[:, :, None, None] * feature + mu_s[:, :, None, None]


def no_keepdim(feature, sigma_s, mu_s):
    return sigma_s[:, :, None, None] * (feature - feature.mean((2, 3))) + mu_s[:, :, None, None]


def size_written_in(feature, sigma_s, mu_s):
    return adain(feature, sigma_s, torch.zeros_like(mu_s)) + mu_s.view(3, 4, 1, 1)


def statistics_only(feature, sigma_s, mu_s):
    return sigma_s * feature.mean((2, 3)) + mu_s


def returns_three(feature, sigma_s, mu_s):
    return adain(feature, sigma_s, mu_s), sigma_s, mu_s


def not_normalised(feature, sigma_s, mu_s):
    return sigma_s[:, :, None, None] * (feature - feature.mean((2, 3), keepdim=True)) + mu_s[:, :, None, None]


def forgot_mu(feature, sigma_s, mu_s):
    return adain(feature, sigma_s, torch.zeros_like(mu_s))


def forgot_sigma(feature, sigma_s, mu_s):
    return adain(feature, torch.ones_like(sigma_s), mu_s)


def one_plus_sigma(feature, sigma_s, mu_s):
    return adain(feature, 1 + sigma_s, mu_s)


def default_std(feature, sigma_s, mu_s):
    normalised = (feature - feature.mean((2, 3), keepdim=True)) / (feature.std((2, 3), keepdim=True) + 1e-8)
    return sigma_s[:, :, None, None] * normalised + mu_s[:, :, None, None]


class SumInPlace(IDBlock):
    def forward(self, x, v_source):
        x += self.adain2(self.conv2(F.relu(self.adain1(self.conv1(x), v_source))), v_source)
        return x


class NoVector(IDBlock):
    def forward(self, x, v_source):
        return x + self.adain2(self.conv2(F.relu(self.adain1(self.conv1(x)))))


class OtherVector(IDBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return x + self.adain2(self.conv2(y), 2 * v_source)


class NotAModule:
    def __init__(self, channels, identity_dim):
        pass

    def forward(self, x, v_source):
        return x


class NoSuper(nn.Module):
    def __init__(self, channels, identity_dim, blocks=9):
        self.blocks = nn.ModuleList(IDBlock(channels, identity_dim) for _ in range(blocks))

    def forward(self, feature, v_source):
        return feature


class OtherName(nn.Module):
    def __init__(self, channels, identity_dim, blocks=9):
        super().__init__()
        self.layers = nn.ModuleList(IDBlock(channels, identity_dim) for _ in range(blocks))

    def forward(self, feature, v_source):
        for block in self.layers:
            feature = block(feature, v_source)
        return feature


class CalledAsOne(InSequence):
    def forward(self, feature, v_source):
        return self.blocks(feature, v_source)


class AlwaysNine(nn.Module):
    def __init__(self, channels, identity_dim, blocks=9):
        super().__init__()
        self.blocks = nn.ModuleList(IDBlock(channels, identity_dim) for _ in range(9))

    forward = IDInjection.forward


class Backwards(IDInjection):
    def forward(self, feature, v_source):
        for block in reversed(self.blocks):
            feature = block(feature, v_source)
        return feature


class SwappedArguments(Generator):
    def forward(self, target, v_source):
        return self.decoder(self.injection(v_source, self.encoder(target))).tanh()


class SizesSwapped(Generator):  # no mutant: with the shipped sizes it would ask for millions of channels
    def __init__(self, config):
        super().__init__(config)
        self.encoder = Encoder(config.downs, config.width)
        self.decoder = Decoder(config.downs, config.width)


class DecodedFirst(Generator):
    def forward(self, target, v_source):
        return torch.tanh(self.decoder(self.encoder(target)))


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("04.1", no_eps, "Add a small eps"),
        ("04.1", built_in, "F.instance_norm brings 1e-5"),
        ("04.1", in_place, "changes it in place"),
        ("04.1", no_keepdim, "keepdim=True"),
        ("04.1", size_written_in, "is one of them written in"),
        ("04.1", statistics_only, "has shape (3, 4)"),
        ("04.1", returns_three, "returned a tuple"),
        ("04.1", not_normalised, "never divided by its own spread"),
        ("04.1", forgot_mu, "mu_s was never added"),
        ("04.1", forgot_sigma, "sigma_s was never used"),
        ("04.1", one_plus_sigma, "spread of the result is"),
        ("04.1", default_std, "correction=0"),
        ("04.1", adain(torch.zeros(1, 1, 2, 2), torch.ones(1, 1), torch.ones(1, 1)), "without brackets"),
        ("04.2", SumInPlace, "changes it in place"),
        ("04.2", NoVector, "missing 1 required positional argument: 'v_source'"),
        ("04.2", OtherVector, "`adain2` did not get v_source"),
        ("04.2", NotAModule, "nn.Module"),
        ("04.3", NoSuper, "Module.__init__()"),
        ("04.3", CalledAsOne, "Loop over the blocks yourself"),
        ("04.3", OtherName, "no parameter of that name"),
        ("04.3", AlwaysNine, "`blocks.3.conv1.weight`, which the shipped weights lack"),
        ("04.3", Backwards, "expected blocks.0, blocks.1"),
        ("04.4", SwappedArguments, "Your code raised"),
        ("04.4", SizesSwapped, "Encoder(config.width, config.downs)"),
        ("04.4", DecodedFirst, "Without it the source has no say"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(exercises()[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message

"""Lesson 05 from a reader's seat: right answers train as the library does, wrong ones are named, the bug is silent."""

import pytest
import torch
from test_train_step import Alone, recogniser, samples
from torch import nn
from torch.nn import functional as F

from simswap_lib import losses
from simswap_lib.course import Transplant, exercises, grade
from simswap_lib.course.lesson_05.critic_mutants import mystery
from simswap_lib.course.lesson_05.penalty import Linear
from simswap_lib.losses import LossWeights
from simswap_lib.models.discriminator import PatchDiscriminator
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import Step

LESSON = [e for e in exercises().values() if e.lesson == "05"]


# What a reader might write, in other words than the library. ---------------------------------------------------------


def identity_loss(v_result, v_source):
    a, b = v_result / v_result.norm(dim=1, keepdim=True), v_source / v_source.norm(dim=1, keepdim=True)
    return 1 - (a * b).sum(1).mean()


def reconstruction_loss(result, target, same):
    mask = same.float().view(-1, 1, 1, 1)
    return F.l1_loss(result * mask, target * mask)


def hinge_d_loss(real_outputs, fake_outputs):
    total = 0
    for real, fake in zip(real_outputs, fake_outputs):
        total += (1 - real[-1]).clamp(min=0).mean() + (1 + fake[-1]).clamp(min=0).mean()
    return total / len(real_outputs)


def gradient_penalty(discriminator, real, fake, places=None):
    if places is None:
        places = torch.rand(real.shape[0])
    a = places[:, None, None, None].to(real.device)
    x = torch.lerp(fake.detach(), real.detach(), a)
    x.requires_grad = True
    outputs = discriminator(x)
    score = sum(scale[-1].mean(dim=(1, 2, 3)) for scale in outputs) / len(outputs)
    gradient = torch.autograd.grad(score, x, torch.ones_like(score), create_graph=True)[0]
    return ((gradient.square().sum(dim=(1, 2, 3)).sqrt() - 1) ** 2).mean()


class Discriminator(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.discriminators = nn.ModuleList()
        for _ in range(config.scales):
            self.discriminators.append(PatchDiscriminator(config.width, config.layers))

    def forward(self, image):
        outputs = [self.discriminators[0](image)]
        for network in self.discriminators[1:]:
            image = F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)
            outputs += [network(image)]
        return outputs


MINE = {
    "05.1": identity_loss,
    "05.2": reconstruction_loss,
    "05.3": Discriminator,
    "05.4": hinge_d_loss,
    "05.5": gradient_penalty,
}


@pytest.mark.parametrize("exercise", LESSON, ids=lambda e: e.id)
def test_a_right_answer_in_other_words_passes(exercise):
    verdict = grade(exercise, MINE[exercise.id])
    assert verdict.passed, verdict.message


def one_after_the_other(discriminator, real, fake, places=None):
    places = torch.rand(len(real)) if places is None else places
    total = 0
    for a, r, f in zip(places, real, fake):
        x = (a * r.detach() + (1 - a) * f.detach())[None].requires_grad_()
        score = torch.stack([scale[-1].mean() for scale in discriminator(x)]).mean()
        (gradient,) = torch.autograd.grad(score, x, create_graph=True)
        total = total + (gradient.norm() - 1) ** 2
    return total / len(real)


def by_function_transform(discriminator, real, fake, places=None):
    a = (torch.rand(len(real)) if places is None else places).view(-1, 1, 1, 1)

    def score(x):
        return torch.stack([scale[-1].flatten(1).mean(1) for scale in discriminator(x)]).mean(0).sum()

    gradient = torch.func.grad(score)(torch.lerp(fake.detach(), real.detach(), a))
    return F.mse_loss(torch.linalg.vector_norm(gradient.flatten(1), dim=1), torch.ones(len(real)))


@pytest.mark.parametrize("penalty", [one_after_the_other, by_function_transform])
def test_a_penalty_passes_in_whatever_way_it_comes_to_its_gradients(penalty):
    verdict = grade(exercises()["05.5"], penalty)
    assert verdict.passed, verdict.message


# In the training step. ------------------------------------------------------------------------------------------------

CONFIG = TrainConfig(
    size=32, width=4, downs=1, blocks=1, critic_width=4, first_map=2, gp_every=2, batch=8, loss=LossWeights(gp=1.0)
)


def run(**pieces) -> list[dict]:
    """Three steps with these pieces in place of the library's: what they cost."""
    with Transplant(**pieces):
        step_of = Step(CONFIG, recogniser(), Alone("cpu"))
        return [step_of(step, *samples(step)) for step in range(3)]


def test_the_readers_own_pieces_train_as_the_library_does():
    theirs, mine = run(), run(**{e.name: MINE[e.id] for e in LESSON})
    for a, b in zip(theirs, mine, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            torch.testing.assert_close(a[name], b[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("id", "calls"), [("05.1", 3), ("05.2", 3), ("05.3", 1), ("05.4", 3), ("05.5", 2)])
def test_a_piece_that_passed_is_at_work_in_the_step(id, calls):
    seen = []

    def counted(*given):
        seen.append(id)
        return MINE[id](*given)

    run(**{exercises()[id].name: counted})
    assert len(seen) == calls


def test_the_step_feels_a_wrong_piece():
    """The comparison in the notebook would be worth nothing otherwise."""
    right, wrong = run(), run(identity_loss=lambda v_result, v_source: identity_loss(v_result, -v_source))
    assert abs(right[1]["identity"] - wrong[1]["identity"]) > 1e-3


def test_the_bug_to_diagnose_has_the_right_value_and_no_force():
    real, fake = torch.rand(2, 6, 2, 4, 5) * 2 - 1
    critic, places = Linear(3.0, patches=4, scales=2), torch.linspace(0, 1, 6)
    right, bug = (penalty(critic, real, fake, places) for penalty in (losses.gradient_penalty, mystery))
    torch.testing.assert_close(right, bug)
    assert right.requires_grad and not bug.requires_grad
    (hinge := losses.hinge_d_loss(critic(real), critic(fake))).backward(retain_graph=True)
    alone = critic.w.grad.clone()
    critic.w.grad = None
    (hinge + bug).backward()  # no error: that is what makes it hard to find
    assert torch.equal(critic.w.grad, alone)


# More wrong answers, for their messages. ------------------------------------------------------------------------------


def distances(v_result, v_source):
    return F.mse_loss(v_result, v_source)


def angle(v_result, v_source):
    cosine = F.cosine_similarity(v_result, v_source).clamp(-1 + 1e-6, 1 - 1e-6)
    return torch.acos(cosine).mean()


def number(v_result, v_source):
    return identity_loss(v_result, v_source).item()


def in_numpy(v_result, v_source):
    return torch.tensor(identity_loss(v_result.detach(), v_source).numpy())


def first_row(v_result, v_source):
    return identity_loss(v_result[:1], v_source[:1])


def normalised_in_place(v_result, v_source):
    v_result /= v_result.norm(dim=1, keepdim=True)
    return 1 - (v_result * F.normalize(v_source, dim=1)).sum(1).mean()


def forgot_return(v_result, v_source):
    identity_loss(v_result, v_source)


def no_absolute(result, target, same):
    return ((result - target).mean(dim=(1, 2, 3)) * same).mean()


def flags_do_not_fit(result, target, same):
    return ((result - target).abs() * same).mean()


def smooth(result, target, same):
    return (F.smooth_l1_loss(result, target, reduction="none").mean((1, 2, 3)) * same).mean()


def root_of_squares(result, target, same):
    return ((result - target).flatten(1).norm(dim=1) * same).mean()


def divided_by_pairs(result, target, same):
    return ((result - target).abs().mean((1, 2, 3)) * same).sum() / same.sum()


def detached_result(result, target, same):
    return reconstruction_loss(result.detach(), target, same)


def blurred_flag(result, target, same):
    return F.l1_loss(result, target) * same.float().mean()


def softplus(real_outputs, fake_outputs):
    pairs = zip(real_outputs, fake_outputs)
    return sum(F.softplus(-r[-1]).mean() + F.softplus(f[-1]).mean() for r, f in pairs) / len(real_outputs)


def wasserstein(real_outputs, fake_outputs):
    return sum(f[-1].mean() - r[-1].mean() for r, f in zip(real_outputs, fake_outputs)) / len(real_outputs)


def reals_only(real_outputs, fake_outputs):
    return sum(F.relu(1 - r[-1]).mean() for r in real_outputs) / len(real_outputs)


def every_tensor(real_outputs, fake_outputs):
    return hinge_d_loss(
        [[tensor] for scale in real_outputs for tensor in scale],
        [[tensor] for scale in fake_outputs for tensor in scale],
    )


def patches_summed(real_outputs, fake_outputs):
    pairs = zip(real_outputs, fake_outputs)
    return sum(F.relu(1 - r[-1]).sum() + F.relu(1 + f[-1]).sum() for r, f in pairs) / len(real_outputs)


def unpacked(real_outputs, fake_outputs):
    return hinge_d_loss(real_outputs[-1:], fake_outputs[-1:])


def _x(real, fake, places):
    a = (torch.rand(len(real)) if places is None else places).view(-1, 1, 1, 1)
    return (a * real.detach() + (1 - a) * fake.detach()).requires_grad_()


def _score(discriminator, x):
    return torch.stack([scale[-1].mean((1, 2, 3)) for scale in discriminator(x)]).mean(0)


def ignores_places(discriminator, real, fake, places=None):
    return gradient_penalty(discriminator, real, fake, None)


def half_way(discriminator, real, fake, places=None):
    return gradient_penalty(discriminator, real, fake, torch.full((len(real),), 0.5) if places is None else places)


def always_the_same_draw(discriminator, real, fake, places=None):
    chance = torch.Generator().manual_seed(0)
    return gradient_penalty(
        discriminator, real, fake, torch.rand(len(real), generator=chance) if places is None else places
    )


def places_do_not_fit(discriminator, real, fake, places=None):
    places = torch.rand(len(real)) if places is None else places
    x = (places * real + (1 - places) * fake).requires_grad_()
    return _score(discriminator, x).sum()


def not_summed(discriminator, real, fake, places=None):
    x = _x(real, fake, places)
    (gradient,) = torch.autograd.grad(_score(discriminator, x), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def no_gradient_wanted(discriminator, real, fake, places=None):
    x = _x(real, fake, places).detach()
    (gradient,) = torch.autograd.grad(_score(discriminator, x).sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def with_no_grad(discriminator, real, fake, places=None):
    return gradient_penalty(discriminator, real, fake, places).detach()


def mean_of_squares(discriminator, real, fake, places=None):
    x = _x(real, fake, places)
    (gradient,) = torch.autograd.grad(_score(discriminator, x).sum(), x, create_graph=True)
    return (gradient.flatten(1).square().mean(1).sqrt() - 1).square().mean()


def scale_by_scale(discriminator, real, fake, places=None):
    x = _x(real, fake, places)
    costs = []
    for scale in discriminator(x):
        (gradient,) = torch.autograd.grad(scale[-1].mean((1, 2, 3)).sum(), x, create_graph=True)
        costs.append((gradient.flatten(1).norm(dim=1) - 1).square().mean())
    return sum(costs) / len(costs)


def maps_in_the_score(discriminator, real, fake, places=None):
    x = _x(real, fake, places)
    score = sum(tensor.flatten(1).mean(1) for scale in discriminator(x) for tensor in scale)
    (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


class NoSuper(nn.Module):
    def __init__(self, config):
        self.discriminators = nn.ModuleList(PatchDiscriminator(config.width, config.layers) for _ in range(3))

    forward = Discriminator.forward


class OtherName(Discriminator):
    def __init__(self, config):
        super().__init__(config)
        self.networks = self.discriminators
        del self.discriminators


class TwoScalesAlways(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.discriminators = nn.ModuleList(PatchDiscriminator(config.width, config.layers) for _ in range(2))

    forward = Discriminator.forward


class OtherWidth(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.discriminators = nn.ModuleList(PatchDiscriminator(64, config.layers) for _ in range(config.scales))

    forward = Discriminator.forward


class Averaged(Discriminator):
    def forward(self, image):
        return [[scale[-1].mean()] for scale in super().forward(image)]


class MaxPooled(Discriminator):
    def forward(self, image):
        outputs = []
        for network in self.discriminators:
            outputs.append(network(image))
            image = F.max_pool2d(image, 2)
        return outputs


class ForgotReturn(Discriminator):
    def forward(self, image):
        super().forward(image)


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("05.1", distances, "mean squared difference"),
        ("05.1", angle, "the angle itself"),
        ("05.1", number, "plain Python number"),
        ("05.1", in_numpy, "no gradient reaches it"),
        ("05.1", first_row, "the first row alone"),
        ("05.1", normalised_in_place, "changes it in place"),
        ("05.1", forgot_return, "returned None"),
        ("05.2", no_absolute, "cancel"),
        ("05.2", flags_do_not_fit, "`same` is (B,)"),
        ("05.2", smooth, "smooth L1"),
        ("05.2", root_of_squares, "root of squares"),
        ("05.2", divided_by_pairs, "0 / 0"),
        ("05.2", detached_result, "no gradient reaches it"),
        ("05.2", blurred_flag, "Each sample has its own"),
        ("05.4", softplus, "max(0, 1 - D(real))"),
        ("05.4", wasserstein, "Wasserstein"),
        ("05.4", reals_only, "`fake_outputs`"),
        ("05.4", every_tensor, "only feature maps were changed"),
        ("05.4", patches_summed, "sum over the patches"),
        ("05.4", unpacked, "last scale"),
        ("05.5", ignores_places, "did not look at those points"),
        ("05.5", half_way, "All samples lie at the same place"),
        ("05.5", always_the_same_draw, "Two calls drew the same places"),
        ("05.5", places_do_not_fit, "places.view(-1, 1, 1, 1)"),
        ("05.5", not_summed, "Take their sum"),
        ("05.5", no_gradient_wanted, "requires_grad_()"),
        ("05.5", with_no_grad, "create_graph=True"),
        ("05.5", mean_of_squares, "added up, not averaged"),
        ("05.5", scale_by_scale, "punished one by one"),
        ("05.5", maps_in_the_score, "leave the maps out"),
        ("05.3", NoSuper, "Module.__init__()"),
        ("05.3", OtherName, "no parameter of that name"),
        ("05.3", TwoScalesAlways, "no parameter of that name"),
        ("05.3", OtherWidth, "has shape"),
        ("05.3", Averaged, "expected"),
        ("05.3", MaxPooled, "another picture than the halved one"),
        ("05.3", ForgotReturn, "returned None"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(exercises()[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message

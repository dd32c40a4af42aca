"""Checks of exercise 05.5, the gradient penalty, on critics whose gradient is known (paper 3.4)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_05.probes import judged, require_value

B, C, H, W = 3, 2, 4, 5
NUMBERS = C * H * W


class Linear(nn.Module):
    """D(x) = w x: its gradient is w everywhere. `patches` logits a sample at each of `scales`, all alike.

    It remembers what it looked at, as `seen`.
    """

    def __init__(self, length: float, patches: int = 1, scales: int = 1):
        super().__init__()
        direction = torch.randn(C, H, W)
        self.w = nn.Parameter(length * direction / direction.norm())
        self.patches, self.scales = patches, scales
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        self.seen.append(x.detach().clone())
        logits = (x * self.w).sum(dim=(1, 2, 3)).view(-1, 1, 1, 1).expand(-1, 1, 1, self.patches)
        return [[10 * x, logits] for _ in range(self.scales)]  # maps stand before the logits


class Bowl(nn.Module):
    """D(x) = |x|^2 / 2: its gradient is x itself, so each sample has one of its own."""

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        return [[10 * x, 0.5 * x.square().sum(dim=(1, 2, 3)).view(-1, 1, 1, 1)]]


def some_pictures() -> tuple[Tensor, Tensor]:
    """(real, fake), (B, C, H, W) in [-1, 1]."""
    return torch.rand(B, C, H, W) * 2 - 1, torch.rand(B, C, H, W) * 2 - 1


def penalised(penalty: Callable, critic: nn.Module, real: Tensor, fake: Tensor, places: Tensor | None = None) -> Tensor:
    """The penalty on copies, with its history; the critic is handed in as it is."""
    before = {"discriminator": critic, "real": real, "fake": fake, "places": places}
    given = {name: value.clone() if isinstance(value, Tensor) else value for name, value in before.items()}
    try:
        return judged(penalty, given, before)
    except AttributeError as error:
        if str(error).startswith("'tuple' object"):
            raise Wrong(
                f"{error}: torch.autograd.grad returns a tuple, even of one. Take it out: (gradient,) = "
                "torch.autograd.grad(...)."
            ) from error
        raise
    except RuntimeError as error:
        said = str(error)
        if "must match" in said or "non-singleton" in said:
            raise Wrong(
                f"The shapes do not fit together: {error}. places is (B,) and a picture (B, C, H, W): "
                "places.view(-1, 1, 1, 1)."
            ) from error
        if "scalar outputs" in said:
            raise Wrong(
                "autograd.grad wants one number to start from, and got one a sample. Take their sum: the sum's "
                "gradient holds each sample's own in that sample's place."
            ) from error
        if "does not require grad" in said or "not have been used" in said:
            raise Wrong(
                f"autograd.grad says: {error}. The point between the pictures must know that a gradient is wanted, "
                "x.requires_grad_(), before the critic looks at it, and the critic must look at that very x."
            ) from error
        raise


def _all_seen(critic: Linear) -> Tensor:
    """Everything that the critic looked at, (N, C, H, W); nan, which equals nothing, if those were no pictures."""
    alike = all(x.shape[1:] == (C, H, W) for x in critic.seen) and critic.seen
    return torch.cat(critic.seen) if alike else torch.full((1, C, H, W), torch.nan)


def is_one_number(penalty: Callable) -> None:
    """gives one number for a batch of pictures"""
    penalised(penalty, Linear(2.0), *some_pictures())


def knows_a_linear_critic(penalty: Callable) -> None:
    """costs (|w| - 1)^2 for a critic D(x) = w x"""
    for length in (4.0, 0.5):
        critic = Linear(length)
        w = critic.w.detach()
        pixelwise = (w.norm(dim=0) - 1).square().mean().item()
        require_value(
            penalised(penalty, critic, *some_pictures()), (length - 1) ** 2, f"A linear critic with |w| = {length:g}",
            (
                ((length / B - 1) ** 2, "The gradient was taken of the batch's mean, which makes it B times too small: "
                 "start from the sum of the scores."),
                (pixelwise, "The length was taken over the channels alone, so each pixel has one: flatten(1), "
                 "then norm(dim=1), one length a picture."),
                ((B**0.5 * length - 1) ** 2, "The whole batch was given one length; each sample has its own."),
                ((length**2 - 1) ** 2, "The square root is missing: that is (|w|^2 - 1)^2."),
                (length**2, "The 1 is missing: the slope should be 1, not 0."),
                (abs(length - 1), "The square is missing: (|w| - 1)^2."),
                (length - 1, "The square is missing: (|w| - 1)^2."),
                (max(0.0, length - 1) ** 2, "Only slopes above 1 are punished; the paper's penalty is two-sided."),
                (0.5 * (length - 1) ** 2, "That is half of it; the paper's penalty has no factor 1/2."),
                (B * (length - 1) ** 2, "That is the sum over the batch; take the mean."),
                ((w.abs().mean().item() - 1) ** 2, "A gradient's length is the root of its sum of squares, .norm()."),
                ((w.abs().sum().item() - 1) ** 2, "The length is the root of the sum of squares, not the sum of |.|."),
                (((w.square().mean()).sqrt().item() - 1) ** 2, "The squares are added up, not averaged: .norm()."),
                ((w.abs() - 1).square().mean().item(), "Every number of the gradient was compared with 1; it is their "
                 "common length that should be 1."),
            ),
            "Its gradient is w everywhere. Is the score made of the logits alone (leave the maps out), and the length "
            "of all numbers of a sample?",
        )  # fmt: skip


def takes_each_sample_alone(penalty: Callable) -> None:
    """takes each sample's own slope, squares, and only then the mean over the batch"""
    real, fake = some_pictures()
    real = real / real.flatten(1).norm(dim=1).view(-1, 1, 1, 1) * torch.tensor([0.5, 1.0, 3.0]).view(-1, 1, 1, 1)
    # At a = 1 the point is the real picture, and the gradient of the bowl is the picture: slopes 0.5, 1 and 3.
    require_value(
        penalised(penalty, Bowl(), real, fake, torch.ones(B)), 4.25 / 3, "Three samples with slopes 0.5, 1 and 3",
        (
            (0.25, "The slopes were averaged before the square: one too steep and one too flat would cancel."),
            ((10.25**0.5 - 1) ** 2, "The whole batch was given one slope; each sample has its own."),
            (4.25, "That is the sum; take the mean."),
        ),
        "Expected (0.25 + 0 + 4) / 3 with places = 1, where each point is the real picture itself.",
    )  # fmt: skip


def looks_between_the_pictures(penalty: Callable) -> None:
    """looks at x = a real + (1 - a) fake, one a for each sample"""
    real, fake = some_pictures()
    a = torch.tensor([0.0, 0.25, 1.0])
    critic = Linear(2.0)
    penalised(penalty, critic, real, fake, a)

    def looked_at(places: Tensor) -> bool:
        p = places.view(-1, 1, 1, 1)
        seen = _all_seen(critic)  # in one batch or one after the other
        return all(((seen - x).abs().amax(dim=(1, 2, 3)) < 1e-5).any() for x in p * real + (1 - p) * fake)

    if looked_at(a):
        return
    require(
        not looked_at(1 - a),
        "Real and fake have changed places: a = 1 is the real picture, x = a * real + (1 - a) * fake.",
    )
    require(not looked_at(torch.ones(B)), "The critic looked at the real pictures. That is another penalty, called R1.")
    require(not looked_at(torch.zeros(B)), "The critic looked at the fakes; the point lies between real and fake.")
    raise Wrong(
        "places was given as 0, 0.25 and 1, and the critic did not look at those points. Use `places` where it is not "
        "None; each of its numbers belongs to one sample, places.view(-1, 1, 1, 1)."
    )


def draws_the_places(penalty: Callable) -> None:
    """draws an a in [0, 1] for each sample where none are given, the same for all its pixels"""
    real, fake = torch.ones(64, C, H, W), torch.zeros(64, C, H, W)  # so x is a itself

    def drawn(seed: int | None = None) -> Tensor:
        if seed is not None:
            torch.manual_seed(seed)
        penalised(penalty, critic := Linear(2.0), real, fake)
        return _all_seen(critic).flatten(1)

    first, second = drawn(), drawn()
    require(
        (first.max(dim=1).values - first.min(dim=1).values).max() < 1e-6,
        "The pixels of one sample lie at different places: that mixes two pictures like noise. One a for each sample, "
        "torch.rand(len(real)), so that x lies on the straight line between them.",
    )
    a = first[:, 0]
    require(a.std() > 1e-3, "All samples lie at the same place; draw an a for each: torch.rand(len(real)).")
    require(
        a.min() >= -1e-6 and a.max() <= 1 + 1e-6,
        f"An a of {(a.max() if a.max() > 1 else a.min()):.2f} was drawn, beyond the two pictures. torch.rand is even "
        "in [0, 1]; torch.randn is not.",
    )
    require(a.max() > 0.8 and a.min() < 0.2, "The places do not reach from fake to real: torch.rand(len(real)).")
    require(
        not torch.equal(first, second),
        "Two calls drew the same places. A fixed seed inside would look at one point only.",
    )
    require(
        torch.equal(drawn(5), drawn(5)),
        "After the same torch.manual_seed two calls drew different places, so no run could be repeated: draw them with "
        "torch.rand, not with NumPy's or Python's generator.",
    )


def scores_as_the_hinge_does(penalty: Callable) -> None:
    """takes the slope of the score that the hinge sees: the mean over patches and scales"""
    # Every patch of every scale says w x, so the mean has the slope |w|.
    length, patches, scales = 2.0, 6, 2
    require_value(
        penalised(penalty, Linear(length, patches, scales), *some_pictures()), (length - 1) ** 2,
        "A critic with 6 patches at each of 2 scales, all of which say w x with |w| = 2,",
        (
            ((length * patches * scales - 1) ** 2, "All logits were added up; take the mean over patches and scales."),
            ((length * patches - 1) ** 2, "The patches were added up; take their mean: logits.flatten(1).mean(dim=1)."),
            ((length * scales - 1) ** 2, "The scales were added up; take their mean."),
            ((length / B - 1) ** 2, "The gradient was taken of the batch's mean; start from the sum over the batch."),
            ((length / patches - 1) ** 2, "The mean over the patches was taken twice, or over the batch's patches."),
        ),
        "Average a sample's logits over its patches, then over the scales; leave the maps out.",
    )  # fmt: skip
    other = Linear(length, patches=3, scales=2)
    read = type("SecondScaleSteep", (nn.Module,), {
        "forward": lambda self, x: [
            scale[:-1] + [(1 + 2 * i) * scale[-1][..., : 3 - 2 * i]] for i, scale in enumerate(other(x))
        ]
    })()  # three patches of slope 2, and one of slope 6: the mean of the scales is 4  # fmt: skip
    require_value(
        penalised(penalty, read, *some_pictures()), 9.0, "A critic whose two scales have the slopes 2 and 6",
        ((1.0, "Only the first scale was read."), (25.0, "Only the last scale was read."),
         (4.0, "All patches went into one mean, so the scale with more of them decides. Take each scale's mean first."),
         (13.0, "The scales were punished one by one; the score is the mean over the scales.")),
        "The mean over the scales has the slope 4.",
    )  # fmt: skip


def trains_the_critic(penalty: Callable) -> None:
    """can be differentiated once more: its gradient makes a steep critic flatter"""
    critic = Linear(3.0)
    loss = penalised(penalty, critic, *some_pictures())
    require(
        critic.w.requires_grad,
        "The critic's weights no longer want a gradient: something froze them. The penalty trains them.",
    )
    reached = loss.requires_grad and torch.autograd.grad(loss, critic.w, allow_unused=True, retain_graph=True)[0]
    require(
        isinstance(reached, Tensor),
        "The value is right, but it has no way back to the critic's weights: as a loss it would change nothing. "
        "autograd.grad forgets how it came about unless it is called with create_graph=True; a .detach() forgets, too.",
    )
    wanted = 4 * critic.w.detach() / 3  # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    require(
        torch.allclose(reached, wanted, atol=1e-3),
        "The gradient on the critic's weights is not 2 (|w| - 1) w / |w|. Was a part of it detached?",
    )


def leaves_the_rest_alone(penalty: Callable) -> None:
    """leaves the generator and the critic's own .grad alone"""
    critic, (real, fake) = Linear(3.0), some_pictures()
    critic.train()
    leaf = fake.clone().requires_grad_()
    made = 1.0 * leaf  # as if a generator had drawn it
    value = penalty(critic, real, made, torch.full((B,), 0.5))
    require(
        critic.w.grad is None,
        "After the call the critic's weights have a .grad: .backward() adds to it, and the next optimiser step would "
        "use it. torch.autograd.grad gives the gradient back and touches nothing.",
    )
    require(critic.training, "After the call the critic is in evaluation mode; it was training. Leave its mode alone.")
    bowl = penalty(Bowl(), real, made, torch.full((B,), 0.5))
    reached = [torch.autograd.grad(x, leaf, allow_unused=True)[0] for x in (value, bowl) if x.requires_grad]
    require(
        all(gradient is None or gradient.abs().max() == 0 for gradient in reached),
        "The penalty pulls at the fake picture, and through it at the generator. It trains the critic alone: "
        "fake.detach().",
    )

"""Checks of exercise 05.4, the critic's hinge loss (paper 3.4)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.course.exercise import require
from simswap_lib.course.lesson_05.probes import close, one_number, require_value, slope


def outputs(*scales: list[list[float]]) -> list[list[Tensor]]:
    """A discriminator's outputs from numbers: for each scale [map, ..., logits], each (B, 1, 1, patches)."""
    return [[torch.tensor(values).view(len(values), 1, 1, -1) for values in scale] for scale in scales]


def only_logits(*scales: list[float]) -> list[list[Tensor]]:
    """Outputs whose only sample has these logits, behind two maps with numbers that must not matter."""
    maps = [[[7.0, -3.0, 2.0, 5.0]], [[-6.0, 4.0]]]
    return outputs(*([*maps, [logits]] for logits in scales))


def _hinge(loss: Callable, real: tuple, fake: tuple) -> Tensor:
    return one_number(loss, real_outputs=only_logits(*real), fake_outputs=only_logits(*fake))


def reads_the_logits_alone(loss: Callable) -> None:
    """reads the logits, the last entry of each scale, and nothing else"""
    real, fake = only_logits([0.5, 2.0]), only_logits([-0.5, 1.0])
    before = one_number(loss, real_outputs=real, fake_outputs=fake)
    other = [[10 * tensor + 1 for tensor in scale[:-1]] + scale[-1:] for scale in real]
    after = one_number(loss, real_outputs=other, fake_outputs=fake)
    require(
        close(after, before.item()),
        "The loss changed although only feature maps were changed. A scale is [map_1, ..., map_M, logits]: take its "
        "last entry, scale[-1].",
    )
    for side in ("real_outputs", "fake_outputs"):
        one, other = (
            {"real_outputs": real, "fake_outputs": fake} | {side: only_logits(x)} for x in ([0.2, 0.2], [-0.6, -0.6])
        )
        require(
            not close(one_number(loss, **one), one_number(loss, **other).item()),
            f"The loss did not change although the logits in `{side}` did. Both sides count: what is real should get "
            "more than 1, what is made less than -1.",
        )


def is_content_beyond_the_margin(loss: Callable) -> None:
    """is 0 once all reals are above 1 and all fakes below -1"""
    found = _hinge(loss, ([1.5, 3.0],), ([-1.1, -9.0],))
    swapped = _hinge(loss, ([-1.5, -3.0],), ([1.1, 9.0],))
    require(
        not close(swapped, 0.0) or close(found, 0.0),
        "Real and fake have changed places: it is content when reals are below -1 and fakes above 1.",
    )
    causes = (
        ((1 - 2.25) + (1 - 5.05), "Without the cut at 0 the critic could earn more and more by raising its numbers: "
         "max(0, ...), that is F.relu."),
        (-2.25 - 5.05, "That is the difference of the means, the loss of a Wasserstein critic; the hinge stops at 1."),
    )  # fmt: skip
    require_value(found, 0.0, "A critic that is right by more than 1 everywhere", causes,
                  "max(0, 1 - D(real)) and max(0, 1 + D(fake)) are both 0 there.")  # fmt: skip


def counts_what_is_missing(loss: Callable) -> None:
    """counts what is missing to the margin, patch by patch, on both sides"""
    # Reals 0.5 and 2: 0.5 and 0 are missing. Fakes -0.5 and 1: 0.5 and 2 are.
    softplus = sum(F.softplus(torch.tensor(x)).mean().item() for x in ([-0.5, -2.0], [-0.5, 1.0]))
    require_value(
        _hinge(loss, ([0.5, 2.0],), ([-0.5, 1.0],)), 1.5, "Reals 0.5 and 2, fakes -0.5 and 1",
        (
            (0.75, "That is half of it. The course adds both sides without a factor of 1/2."),
            (0.25, "Only the reals were counted."),
            (1.25, "Only the fakes were counted, or the patches were averaged before the cut: max(0, ...) belongs to "
             "each patch, or one that is too sure would pay for another."),
            (0.5, "The margin is missing: max(0, -D) is content as soon as the sign is right."),
            (3.0, "That is the sum over the patches; take the mean."),
            (softplus, "That is the softplus of a classic GAN; the hinge is max(0, 1 - D)."),
            (2.25, "The missing parts were squared."),
            (0.125 + 2.125, "The missing parts were squared."),
        ),
        "Expected (0.5 + 0) / 2 for the reals and (0.5 + 2) / 2 for the fakes.",
    )  # fmt: skip
    # The same four answers as two samples of one patch each, behind a map.
    real, fake = (outputs([[[7.0], [-3.0]], [[x] for x in logits]]) for logits in ([0.5, 2.0], [-0.5, 1.0]))
    require_value(
        one_number(loss, real_outputs=real, fake_outputs=fake), 1.5,
        "A batch of two, reals 0.5 and 2, fakes -0.5 and 1",
        (
            (3.0, "That is the sum over the batch; take the mean, or the weight changes with the size of the batch."),
            (1.0, "Only the first sample was read; scale[-1] holds the logits of the whole batch."),
            (2.0, "Only the last sample was read; scale[-1] holds the logits of the whole batch."),
        ),
        "Expected (0.5 + 0) / 2 for the reals and (0.5 + 2) / 2 for the fakes: the mean is over batch and patches.",
    )  # fmt: skip


def weighs_the_scales_alike(loss: Callable) -> None:
    """weighs the scales alike, however many patches each has"""
    # Full size, four patches: real 1, fake 0 a patch. Half size, one patch: real 0, fake 3.
    real, fake = ([0.0, 0.0, 0.0, 0.0], [1.5]), ([-2.0, -2.0, -2.0, -2.0], [2.0])
    require_value(
        _hinge(loss, real, fake), 2.0, "A scale of four patches that costs 1 and one of one patch that costs 3",
        (
            (4.0, "That is the sum over the scales; take the mean, or the weight changes with their number."),
            (1.0, "Only the first scale was read."),
            (3.0, "Only the last scale was read."),
            (1.4, "All patches went into one mean, so the large scale decides. Take the mean of each first."),
        ),
        "Expected the mean over the scales, (1 + 3) / 2.",
    )  # fmt: skip


def pushes_them_apart(loss: Callable) -> None:
    """has a gradient that pushes reals up and fakes down"""
    real, fake = only_logits([0.0, 0.5]), only_logits([0.0, -0.5])
    up = slope(loss, "real_outputs", real_outputs=real, fake_outputs=fake)[-1]
    down = slope(loss, "fake_outputs", real_outputs=real, fake_outputs=fake)[-1]
    require(
        (up < 0).all() and (down > 0).all(),
        f"A step down the gradient moves the reals by {-up.mean():.2g} and the fakes by {-down.mean():.2g}; expected "
        "up and down.",
    )

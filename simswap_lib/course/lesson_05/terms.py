"""Checks of exercises 05.1 and 05.2: identity, and reconstruction with its mask (paper 3.4)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_05.probes import one_number, require_value, slope

# --- 05.1 identity_loss -----------------------------------------------------------------------------------------------

B, D = 3, 8  # different, so that no axis can be mistaken for the other


def vectors(*cosines: float) -> tuple[Tensor, Tensor]:
    """(v_result, v_source), (B, D) each, of length 1, whose rows have these cosines."""
    v_source = F.normalize(torch.randn(len(cosines), D), dim=1)
    other = torch.randn(len(cosines), D)
    other = F.normalize(other - (other * v_source).sum(1, keepdim=True) * v_source, dim=1)  # at right angles
    c = torch.tensor(cosines)[:, None]
    return c * v_source + (1 - c**2).clamp(min=0).sqrt() * other, v_source


def _identity(loss: Callable, *cosines: float) -> Tensor:
    v_result, v_source = vectors(*cosines)
    return one_number(loss, v_result=v_result, v_source=v_source)


def gives_one_number(loss: Callable) -> None:
    """gives one number for a batch (B, D)"""
    _identity(loss, 0.5, 0.2, -0.3)


def is_zero_for_the_same_direction(loss: Callable) -> None:
    """is 0 for the same direction"""
    require_value(
        _identity(loss, 1.0, 1.0, 1.0), 0.0, "The same direction in every row",
        (
            (1.0, "That is the cosine itself, which training would push down, away from the source. 1 - cos."),
            (-1.0, "That is -cos: the right way down, but the paper counts from 0: 1 - cos."),
            (2.0, "The sign is turned round: 1 - cos, not 1 + cos."),
        ),
        "1 - cos is 0 where cos is 1. Is each row compared with its own row of the other, and not everybody with "
        "everybody?",
        tolerance=5e-3,  # an angle near 0 is hard to compute, and its own mistake is told below
    )  # fmt: skip


def is_one_and_two_further_away(loss: Callable) -> None:
    """is 1 at a right angle, and 2 for the opposite direction"""
    v_result, v_source = vectors(0.0, 0.0, 0.0)
    columns = (1 - F.cosine_similarity(v_result, v_source, dim=0)).mean().item()
    require_value(
        one_number(loss, v_result=v_result, v_source=v_source), 1.0, "A right angle",
        (
            (columns, "The cosine was taken down the batch, dim=0; it belongs along the numbers of a row: dim=1."),
            (3.0, "That is the sum over the batch; take the mean, or the term's weight would change with the batch."),
            (2.0, "That is the squared distance |a - b|^2 = 2 - 2 cos. It pulls the same way, twice as hard."),
            (1.5708, "That is the angle itself; the paper takes 1 - cos of it."),
            (2 / D, "That is a mean squared difference; the paper compares directions: 1 - cos."),
        ),
        "1 - cos is 1 where cos is 0.",
    )  # fmt: skip
    require_value(
        _identity(loss, -1.0, -1.0, -1.0), 2.0, "The opposite direction",
        ((0.0, "It is 0, as for the same direction: an absolute value or a square has made opposites equal."),
         (1.0, "The cosine was cut off at 0. A result that looks the opposite way needs a pull, too.")),
        "1 - cos is 2 where cos is -1.",
    )  # fmt: skip


def looks_at_directions_only(loss: Callable) -> None:
    """looks at directions only: a vector five times as long costs the same"""
    for which, stretches in (("v_result", (5.0, 1.0)), ("v_source", (1.0, 0.2))):
        v_result, v_source = vectors(0.6, 0.6, 0.6)
        stretch = stretches[0] * stretches[1]
        require_value(
            one_number(loss, v_result=stretches[0] * v_result, v_source=stretches[1] * v_source), 0.4,
            f"Cosine 0.6, with {which} {stretch:g} times as long,",
            ((1 - 0.6 * stretch, "That is 1 minus the plain product, which a result could please by growing: divide by "
              "both lengths."),),
            "The length of a vector is no part of who somebody is: divide by both lengths.",
        )  # fmt: skip


def takes_the_mean_over_the_batch(loss: Callable) -> None:
    """compares row with row, and takes the mean over the batch"""
    # Rows of different lengths: one cosine over all numbers at once would give another value.
    v_result, v_source = vectors(1.0, 0.5, -1.0)
    lengths = torch.tensor([[1.0], [2.0], [4.0]])
    a, b = F.normalize(v_result, dim=1), F.normalize(v_source, dim=1)
    everyone = (1 - a @ b.T).mean().item()
    flat = 1 - F.cosine_similarity((lengths * v_result).flatten(), (lengths * v_source).flatten(), dim=0).item()
    require_value(
        one_number(loss, v_result=lengths * v_result, v_source=lengths * v_source), 2.5 / 3,
        "Rows with cosines 1, 0.5 and -1, and lengths 1, 2 and 4,",
        (
            (2.5, "That is the sum. With a sum the weight of the term would change with the batch; take the mean."),
            (0.0, "That is the first row alone."),
            (2.0, "That is the last row alone, or the worst; take the mean of all."),
            (everyone, "Everybody was compared with everybody: v_result @ v_source.T is (B, B), and only its diagonal "
             "compares a result with its own source."),
            (flat, "All numbers of the batch went into one cosine: flatten nothing, take it along dim=1."),
        ),
        "Expected the mean of 1 - cos over the rows: (0 + 0.5 + 2) / 3.",
    )  # fmt: skip


def turns_the_result_to_the_source(loss: Callable) -> None:
    """has a gradient that turns v_result towards v_source"""
    v_result, v_source = vectors(0.2, 0.5, -0.4)
    (gradient,) = slope(loss, "v_result", v_result=v_result, v_source=v_source)
    before = F.cosine_similarity(v_result, v_source)
    after = F.cosine_similarity(v_result - 0.1 * gradient, v_source)
    require(
        (after > before).all(),
        "A step down the gradient does not bring every row nearer to its source. Does every row take part?",
    )


# --- 05.2 reconstruction_loss -----------------------------------------------------------------------------------------

SIDES = (4, 3, 6, 5)  # B, C, H, W


def _flags(*same: int) -> Tensor:
    return torch.tensor(same, dtype=torch.bool)


def _pictures(*offsets: float) -> tuple[Tensor, Tensor]:
    """(result, target): random targets, and results that differ from them by these numbers, up and down in turns."""
    target = torch.rand(SIDES) - 0.5
    signs = torch.ones(SIDES)
    signs[..., ::2] = -1
    return target + torch.tensor(offsets).view(-1, 1, 1, 1) * signs, target


def _reconstruction(loss: Callable, offsets: tuple[float, ...], same: Tensor) -> Tensor:
    result, target = _pictures(*offsets)
    try:
        return one_number(loss, result=result, target=target, same=same)
    except RuntimeError as error:
        if "must match" in str(error) or "non-singleton" in str(error):
            raise Wrong(
                f"The shapes do not fit together: {error}. The difference is (B, C, H, W) and `same` is (B,). Take the "
                "mean over each picture first, .mean(dim=(1, 2, 3)), then both are (B,)."
            ) from error
        raise


def gives_one_number_for_pictures(loss: Callable) -> None:
    """gives one number for a batch of pictures (B, C, H, W)"""
    _reconstruction(loss, (0.5, 0.1, 0.2, 0.3), _flags(1, 1, 1, 1))


def measures_the_absolute_difference(loss: Callable) -> None:
    """is the mean absolute difference of the pixels, where all pairs show one person"""
    numbers = SIDES[1] * SIDES[2] * SIDES[3]
    require_value(
        _reconstruction(loss, (0.5,) * 4, _flags(1, 1, 1, 1)), 0.5, "A difference of 0.5 in every pixel",
        (
            (0.25, "That is the squared difference, or half of the absolute one; |.|_1 is the absolute one."),
            (0.125, "That is torch's smooth L1 loss; the paper's |.|_1 is the plain absolute difference."),
            (0.5 * numbers, "That is a sum over the pixels: the weight would change with the size of the picture."),
            (2.0 * numbers, "That is a sum over everything; take the mean."),
            (2.0, "That is a sum over the batch; take the mean."),
            (0.5 * SIDES[1], "The channels were added up; take the mean over them, too."),
            (0.5 * numbers**0.5, "That is the length of the difference, a root of squares; take absolute values."),
            (0.0, "Was it masked the wrong way round, or did plus and minus cancel? Take .abs() before the mean."),
            (-0.1, "Plus and minus cancel: take .abs() before the mean."),
            (0.1, "Plus and minus cancel: take .abs() of each pixel before the mean, not of the mean."),
        ),
        "Expected the mean of |result - target| over pixels, channels and samples.",
    )  # fmt: skip


def costs_nothing_for_two_people(loss: Callable) -> None:
    """costs nothing where source and target are two people, however different the pictures"""
    for same, what in ((_flags(0, 0, 0, 0), "A batch of two-people pairs"),):
        require_value(
            _reconstruction(loss, (0.5, 0.4, 0.3, 0.2), same), 0.0, what,
            ((0.35, "The mask is missing: the network would be told to draw the target also where it should draw "
              "somebody else."),),
            "`same` is False for every sample here, so nothing may be asked for.",
        )  # fmt: skip


def asks_each_sample(loss: Callable) -> None:
    """asks each sample's own flag, and divides by the whole batch"""
    offsets = (0.8, 0.4, 0.2, 0.6)  # the flags: yes, no, yes, no
    found = _reconstruction(loss, offsets, _flags(1, 0, 1, 0))
    require_value(
        found, 0.25, "In a batch of four, two pairs of one person with differences 0.8 and 0.2",
        (
            (0.5, "That is the mean over the same-person pairs alone, or all four pairs were counted. The sum of the "
             "two is divided by the whole batch, so that one lucky pair does not weigh as much as a full batch; and a "
             "batch without any would be 0 / 0."),
            (0.0, "One flag decided for the whole batch, with .all() perhaps. Each sample has its own."),
            ((0.4 + 0.6) / 4 + 1e-9, "The mask is turned round: it asks the pairs of two people."),
            (1.0, "That is a sum over the batch; take the mean."),
        ),
        "Expected (0.8 + 0 + 0.2 + 0) / 4.",
    )  # fmt: skip
    require_value(
        _reconstruction(loss, (0.9, 0.1, 0.1, 0.1), _flags(0, 1, 1, 1)), 0.075, "With the first pair of two people",
        ((0.3, "The first flag, or .any(), decided for all. Each sample has its own."),
         (0.0, "The first flag, or .all(), decided for all. Each sample has its own."),
         (0.1, "Divide by the whole batch, not by the number of same-person pairs."),
         (0.225, "The pictures of all pairs were averaged first, and the flags after. Each sample has its own flag.")),
        "Expected (0 + 0.1 + 0.1 + 0.1) / 4.",
    )  # fmt: skip


def pulls_each_pixel_alike(loss: Callable) -> None:
    """pulls every pixel of a same-person result with the same strength, and no pixel of another"""
    result, target = _pictures(0.5, 0.1, 0.01, 0.4)
    (gradient,) = slope(loss, "result", result=result, target=target, same=_flags(1, 1, 1, 0))
    require(
        gradient[3].abs().max() == 0,
        "The gradient pulls at the picture of another person: only the number was set to 0, not the pull.",
    )
    wanted = (result - target).sign()[:3] / result.numel()
    require(
        torch.allclose(gradient[:3], wanted, atol=1e-6),
        "A pixel that is off by 0.01 should be pulled as hard as one that is off by 0.5: the slope of |x| is its sign.",
    )

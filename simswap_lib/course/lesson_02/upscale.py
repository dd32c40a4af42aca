"""Checks of exercise 02.1: the upscale block makes four values a cell, bends them, and lays them out (paper 3.1)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.course.exercise import Wrong, call, require
from simswap_lib.course.probes import build, same, same_parameters, watch
from simswap_lib.models.deepfakes import Upscale

# Unequal numbers, so that no axis can be mistaken for another without notice.
B, BEFORE, AFTER, H, W = 2, 3, 5, 4, 6


def _some() -> Tensor:
    return torch.randn(B, BEFORE, H, W)


def _run(upscale: Callable) -> tuple[Tensor, Tensor]:
    """What the block's convolution put out, and the block's result."""
    steps, result = watch(build(upscale, BEFORE, AFTER), ["convolution"], x=_some())
    require(
        len(steps) == 1,
        f"`self.convolution` ran {len(steps)} times; expected once. Call it in forward: y = self.convolution(x).",
    )
    return steps[0].output, result


def has_one_convolution(upscale: Callable) -> None:
    """holds one 3 x 3 convolution, `self.convolution`, that gives four values for each new channel"""
    module, right = build(upscale, BEFORE, AFTER), Upscale(BEFORE, AFTER)
    found = {name: tuple(value.shape) for name, value in module.state_dict().items()}.get("convolution.weight")
    require(
        found != (AFTER, BEFORE, 3, 3),
        f"The convolution gives {AFTER} channels for after = {AFTER}. Each cell becomes two by two, so it has to give "
        "4 * after channels.",
    )
    same_parameters(module, right, "Expected self.convolution = nn.Conv2d(before, 4 * after, 3, padding=1) alone.")
    mode = getattr(module.convolution, "padding_mode", "zeros")
    require(
        mode == "zeros",
        f"The convolution pads with {mode!r}; expected zeros, nn.Conv2d's default: leave padding_mode out.",
    )


def doubles_both_sides(upscale: Callable) -> None:
    """returns `after` channels, twice as high and twice as wide"""
    try:
        call(build(upscale, BEFORE, AFTER), shape=(B, AFTER, 2 * H, 2 * W), x=_some())
    except Wrong as wrong:
        said = str(wrong)
        for shape, cause in (
            ((B, 4 * AFTER, H, W), "The four values of a cell still lie on top of one another: lay them out."),
            (
                (B, AFTER, 2 * (H - 2), 2 * (W - 2)),
                "The convolution eats a rim of one pixel: a kernel of 3 needs padding=1.",
            ),
            (
                (B, 4 * AFTER, 2 * H, 2 * W),
                "Too many channels: the picture was enlarged by copying. Here the four values of a cell become its "
                "four pixels.",
            ),
        ):
            if f"has shape {shape}" in said:
                raise Wrong(f"The result has shape {shape}; expected {(B, AFTER, 2 * H, 2 * W)}. {cause}") from wrong
        raise


def bends_with_leaky_relu(upscale: Callable) -> None:
    """bends with LeakyReLU, slope 0.1 below zero: the result holds exactly the bent values, in whatever order"""
    y, result = _run(upscale)

    def holds(values: Tensor) -> bool:
        return same(result.flatten().sort().values, values.flatten().sort().values)

    if holds(F.leaky_relu(y, 0.1)):
        return
    for values, cause in (
        (y, "The values come from the convolution as they are: LeakyReLU after it is missing."),
        (F.relu(y), "Negative values became 0: that is a ReLU. LeakyReLU lets a tenth of them through."),
        (F.leaky_relu(y, 0.01), "Negative values were multiplied by 0.01, PyTorch's default; this model takes 0.1."),
        (F.leaky_relu(y, 0.2), "Negative values were multiplied by 0.2; this model takes 0.1."),
        (F.leaky_relu(-y, 0.1), "The sign is turned round."),
    ):
        require(not holds(values), cause)
    raise Wrong(
        "The result does not hold the values of leaky_relu(self.convolution(x), 0.1). Four values a cell go in, four "
        "pixels come out: nothing is averaged, and nothing else happens to them."
    )


def lays_them_out(upscale: Callable) -> None:
    """lays the values 4 c, 4 c + 1 above 4 c + 2, 4 c + 3 out as the two by two pixels of channel c"""
    y, result = _run(upscale)
    y = F.leaky_relu(y, 0.1)
    wanted = F.pixel_shuffle(y, 2)
    if same(result, wanted):
        return
    cells = y.view(B, AFTER, 2, 2, H, W)
    grouped = y.view(B, 2, 2, AFTER, H, W)
    for value, cause in (
        (
            y.reshape(B, AFTER, 2 * H, 2 * W),
            "This is view or reshape alone: it only cuts memory anew, so each map fills two rows of its own and the "
            "picture falls into strips. The axes have to be put in order first: permute, then reshape.",
        ),
        (
            cells.permute(0, 1, 4, 3, 5, 2).reshape(B, AFTER, 2 * H, 2 * W),
            "Rows and columns of the two by two are exchanged: the second value belongs to the right of the first, "
            "the third below it.",
        ),
        (
            grouped.permute(0, 3, 4, 1, 5, 2).reshape(B, AFTER, 2 * H, 2 * W),
            "The four values of a pixel were taken from channels far apart (c, c + after, ...). They lie side by side: "
            "4 c to 4 c + 3, so split the channels as (after, 2, 2).",
        ),
        (
            cells.permute(0, 1, 2, 4, 3, 5).reshape(B, AFTER, 2 * H, 2 * W),
            "Four small copies of the picture stand side by side: i has to follow h, and j has to follow w.",
        ),
    ):
        require(not same(result, value), cause)
    raise Wrong(
        "The right values stand in the wrong places. Cell (h, w) becomes the pixels (2 h + i, 2 w + j), and channel c "
        "takes the values 4 c + 2 i + j."
    )

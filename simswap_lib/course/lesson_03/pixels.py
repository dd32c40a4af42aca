"""Checks of exercise 03.5: how a picture of bytes becomes what a recogniser was trained on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from simswap_lib.course.arrays import run_with_arrays
from simswap_lib.course.exercise import require

B, H, W = 2, 4, 6


def some_pictures() -> np.ndarray:
    """uint8 RGB (B, H, W, 3) in which every number is another one, 0 and 255 among them."""
    values = np.linspace(0, 255, B * H * W * 3).round().astype(np.uint8)
    return values[torch.randperm(len(values)).numpy()].reshape(B, H, W, 3)


def _converted(answer: Callable, images: np.ndarray, device: str = "cpu") -> Tensor:
    result = run_with_arrays(lambda pixels: answer(pixels, torch.device(device)), images=images)
    require(result is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(result, Tensor), f"It returned a {type(result).__name__}; expected a tensor: torch.from_numpy(...)."
    )
    return result


def gives_channels_first(answer: Callable) -> None:
    """pictures (2, 4, 6, 3) of bytes become a float32 tensor (2, 3, 4, 6)"""
    result = _converted(answer, some_pictures())
    usual = {
        (B, H, W, 3): "Convolutions want the channels in front: permute(0, 3, 1, 2).",
        (B, 3, W, H): "Rows and columns are exchanged, so faces lie on their side: permute(0, 3, 1, 2).",
        (3, H, W): "Only one picture came back.",
    }
    found = tuple(result.shape)
    require(found == (B, 3, H, W), f"The shape is {found}; expected {(B, 3, H, W)}. {usual.get(found, '')}".strip())
    require(
        result.dtype == torch.float32, f"The numbers are of type {result.dtype}; the network's are float32: .float()."
    )


def keeps_every_pixel_in_its_place(answer: Callable) -> None:
    """channel, row and column of every number are right: red first, nothing mirrored"""
    images = some_pictures()
    wanted = torch.from_numpy(images).permute(0, 3, 1, 2).double().flatten()

    def alike(values: Tensor) -> bool:
        """Up to a scale and a shift for each channel, or nearly."""
        a, b = (x.reshape(B, 3, -1).double() for x in (values, wanted))
        return all(
            float(torch.corrcoef(torch.stack([a[:, c].flatten(), b[:, c].flatten()]))[0, 1]) > 0.99 for c in range(3)
        )

    result = _converted(answer, images)
    require(torch.isfinite(result).all(), "The result holds nan or infinity.")
    for values, cause in (
        (result.flip(1), "Red and blue are exchanged: OpenCV reads pictures as BGR, the networks here want RGB."),
        (result.flip(3), "The pictures are mirrored, left for right."),
        (result.flip(2), "The pictures stand on their head."),
    ):
        require(alike(result) or not alike(values), cause)
    scrambled = torch.from_numpy(images).reshape(B, 3, H, W).flatten().double()
    both = torch.stack([result.flatten().double(), scrambled])
    require(
        alike(result) or float(torch.corrcoef(both)[0, 1]) < 0.99,
        "The numbers were only cut into another shape: reshape and view keep their order in memory, so colours and "
        "rows run into each other. permute moves axes.",
    )
    require(
        alike(result),
        "Within a channel the result is no longer a copy of the pixels up to a scale and a shift. Bytes wrap round at "
        "256 (200 * 2 is 144), so turn them into floats before you calculate: .float() first.",
    )


def spans_minus_one_to_one(answer: Callable) -> None:
    """0 becomes -1, 255 becomes 1, in every channel"""
    black, white = (_converted(answer, np.full((1, H, W, 3), value, np.uint8)) for value in (0, 255))
    require(
        torch.isfinite(black).all() and torch.isfinite(white).all(),
        "A picture that is black all over becomes nan. Is its own maximum or spread measured, which is 0 here? The "
        "scale is fixed: x / 127.5 - 1.",
    )
    low, high = ([round(float(x[0, c].mean()), 3) for c in range(3)] for x in (black, white))
    require(
        not (len(set(low)) > 1 or len(set(high)) > 1),
        f"Black becomes {low} and white {high}, another number for each channel. Those are ImageNet's mean and spread: "
        "right for networks that were trained with them; this one was not.",
    )
    for (a, b), cause in (
        ((0.0, 1.0), "That is the range [0, 1]. This network was trained on [-1, 1] and sees a faded picture."),
        ((0.0, 255.0), "The bytes were not scaled at all."),
        ((-0.5, 0.5), "That is half the range."),
        ((0.0, 2.0), "The 1 was not subtracted."),
        ((-1.0, 254.0), "1 was subtracted, but the bytes were not scaled."),
    ):
        require(abs(low[0] - a) + abs(high[0] - b) > 1e-3, f"Black becomes {low[0]:g} and white {high[0]:g}. {cause}")
    require(
        abs(low[0] + 1) < 1e-4 and abs(high[0] - 1) < 1e-4,
        f"Black becomes {low[0]:g} and white {high[0]:g}; expected -1 and 1: x / 127.5 - 1. (Dividing by 128, or "
        "measuring the picture's own minimum and maximum, comes out otherwise.)",
    )


def treats_each_picture_alone(answer: Callable) -> None:
    """a grey picture becomes the same numbers, whatever stands beside it"""
    grey = np.full((1, H, W, 3), 100, np.uint8)
    bright = np.full((1, H, W, 3), 200, np.uint8)
    alone, beside = _converted(answer, grey)[0], _converted(answer, np.concatenate([grey, bright]))[0]
    expected = 100 / 127.5 - 1
    require(
        abs(float(alone.mean()) - expected) < 1e-4 and abs(float(beside.mean()) - expected) < 1e-4,
        f"A picture of nothing but the byte 100 becomes {float(alone.mean()):.3f} alone and "
        f"{float(beside.mean()):.3f} beside others; expected {expected:.3f} both times. Is a maximum or a mean taken "
        "from the pictures? The scale is fixed: 127.5.",
    )


def goes_to_the_device(answer: Callable) -> None:
    """lands on the device asked for"""
    result = _converted(answer, some_pictures(), "meta")  # a device that every machine has
    require(
        result.device.type == "meta",
        f"Asked for another device, the tensor is on {result.device}. Hand it on: .to(device).",
    )

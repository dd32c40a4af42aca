"""Instruments that look into a network: which pixels a cell sees, what a map still holds, where a loss pulls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Outputs = Sequence[Sequence[Tensor]]


def convolutions(module: nn.Module) -> list[tuple[int, int, int]]:
    """(kernel, stride, padding) of each convolution in `module`, in their order; for square ones, in one row."""
    found = (part for part in module.modules() if isinstance(part, nn.Conv2d))
    return [(part.kernel_size[0], part.stride[0], part.padding[0]) for part in found]


def receptive_field(layers: Sequence[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Which pixels a cell sees through a row of convolutions: (size, step, start), along one side of the picture.

    Cell n sees the pixels from start + n * step to start + n * step + size - 1; those below 0 or beyond the picture
    are padding. Each convolution of kernel k, stride s and padding p changes the three to

        size + (k - 1) * step,    step * s,    start - p * step

    where `step` on the right is the distance, in pixels, of two cells that the convolution looks at.

    layers: (kernel, stride, padding) of each, from the picture on; `convolutions` reads them off a module.
    Raises: ValueError for a kernel or stride below 1 or a negative padding.
    """
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        if kernel < 1 or stride < 1 or padding < 0:
            raise ValueError(f"No convolution has kernel {kernel}, stride {stride} and padding {padding}.")
        size += (kernel - 1) * step
        start -= padding * step
        step *= stride
    return size, step, start


def invert(distance: Callable[[Tensor], Tensor], start: Tensor, steps: int, rate: float) -> Tensor:
    """A picture near `start` for which `distance(picture)` is small: Adam on the pixels, which stay in [-1, 1].

    With the distance between the features of the picture and those of a given one, this shows what the features still
    hold: all that they do not hold stays as it was in `start`. Only the picture moves: no network that `distance` runs
    receives a gradient, and `start` is left as it is.

    Shapes: start (B, 3, H, W) -> (B, 3, H, W), without history; distance returns ().
    Source: Mahendran & Vedaldi 2015, arXiv 1412.0035, without their prior on pictures.
    """
    picture = start.detach().clone().requires_grad_()
    adam = torch.optim.Adam([picture], rate)
    for _ in range(steps):
        (picture.grad,) = torch.autograd.grad(distance(picture), picture)
        adam.step()
        with torch.no_grad():
            picture.clamp_(-1, 1)
    return picture.detach()


def gradient_reach(loss: Callable[[Outputs, Outputs], Tensor], result_maps: Outputs, target_maps: Outputs) -> Tensor:
    """Where a loss pulls: (2, M + 1) bool, True where its gradient reaches a map and is not all zero.

    Row 0 is the result's side, row 1 the target's; column i - 1 is map i in any scale, the last column the logits. A
    loss may have the right value and pull at nothing, or at what it should leave alone; no value tells, this does.
    It differentiates copies: the maps that are handed in keep their history and get no gradient.

    Raises: whatever `loss` raises.
    """
    copies = [
        [[x.detach().clone().requires_grad_() for x in scale] for scale in maps] for maps in (result_maps, target_maps)
    ]
    value, flat = loss(*copies), [x for maps in copies for scale in maps for x in scale]
    if not value.requires_grad:
        return torch.zeros(2, len(result_maps[0]), dtype=torch.bool)
    gradients = torch.autograd.grad(value, flat, allow_unused=True)
    reached = [gradient is not None and bool(gradient.any()) for gradient in gradients]
    return torch.tensor(reached).view(2, len(result_maps), -1).any(dim=1)  # (2, scales, M + 1) -> (2, M + 1)

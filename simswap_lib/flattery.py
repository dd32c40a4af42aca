"""A picture nudged until one recogniser is pleased: why a score that was trained for proves nothing (Goodhart)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

REACH = 2.5  # how often the steps together could cross the budget: enough to get there, and to look around


def flattered(
    images: Tensor, v_source: Tensor, recogniser: Callable[[Tensor], Tensor], budget: float, steps: int
) -> Tensor:
    """Pictures that `recogniser` finds more like the source, though no pixel leaves its own by more than `budget`.

    Projected gradient ascent on the cosine, with limit = budget / 127.5 and step = 2.5 limit / steps:

        x <- x + step sign(d cos(recogniser(x), v_source) / dx),    clipped to x_0 +- limit and to [-1, 1]

    images: (B, 3, H, W) in [-1, 1]; they stay as they are
    v_source: (B, D) of length 1, what each picture shall resemble
    recogniser: (B, 3, H, W) -> (B, D) of length 1, in evaluation mode; its weights and their gradients stay untouched
    budget: grey levels of 255

    Returns (B, 3, H, W) in [-1, 1], without history. Raises: ValueError for no step, or a budget below 0.
    Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018, arXiv 1706.06083.
    """
    if steps < 1 or budget < 0:
        raise ValueError(f"flattered needs at least one step and a budget of at least 0, got {steps} and {budget}.")
    limit = budget / 127.5
    x = images.detach().clone()
    for _ in range(steps):
        x.requires_grad_()
        cosine = (recogniser(x) * v_source).sum(dim=1)  # (B,)
        (gradient,) = torch.autograd.grad(cosine.sum(), x)  # (B, 3, H, W): no picture has a say in another's
        x = x.detach() + REACH * limit / steps * gradient.sign()
        x = (images + (x - images).clamp(-limit, limit)).clamp(-1, 1)
    return x.detach()

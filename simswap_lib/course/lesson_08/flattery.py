"""Checks of exercise 08.5: a picture nudged within a budget until one recogniser is pleased."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.flattery import flattered as reference

SHAPE, DIM, BUDGET, STEPS = (2, 3, 8, 8), 6, 12.0, 5
LIMIT = BUDGET / 127.5


class Toy(nn.Module):
    """A small curved recogniser that remembers which pictures it was shown."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3 * 8 * 8, 24), nn.Linear(24, DIM)
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach().clone())
        return F.normalize(self.second(torch.tanh(6 * self.first(images.flatten(1)))), dim=1)


def keeps_the_pictures_shape(flattered: Callable) -> None:
    """gives new pictures of the same shape, without history, and leaves the given ones alone"""
    _run(flattered)


def pleases_the_recogniser(flattered: Callable) -> None:
    """the recogniser's cosine to the source rises"""
    images, v_source, toy = _some()
    result = _run(flattered, images, v_source, toy)
    before, after = _cosines(toy, images, v_source), _cosines(toy, result, v_source)
    change = (after - before).mean()
    require(
        not torch.equal(result, images), "The pictures came back as they were. Is the step added, and x used after it?"
    )
    require(
        change > -0.15,
        f"The cosine fell by {-change:.2f}. To raise it, step along the gradient (+), or descend on 1 - cosine.",
    )
    require(
        change > 0.05,
        f"The cosine changed by {change:+.3f} only. Does each step follow the recogniser's gradient, and start "
        "where the last one ended?",
    )


def stays_within_the_budget(flattered: Callable) -> None:
    """no pixel leaves its own by more than budget / 127.5"""
    images, v_source, toy = _some()
    most = (_run(flattered, images, v_source, toy) - images).abs().max().item()
    if most <= LIMIT + 1e-5:
        return
    seen = f"A pixel moved by {127.5 * most:.1f} grey levels; the budget is {BUDGET:g}. "
    require(
        abs(most - 2.5 * LIMIT) > 1e-3,
        seen + "That is all steps in a row: clip x - images to -limit ... limit after each of them.",
    )
    raise Wrong(
        seen + "Pictures run from -1 to 1, so 255 grey levels are 2: limit = budget / 127.5. And clip around `images`, "
        "the pictures given, not around the last x."
    )


def uses_the_budget(flattered: Callable) -> None:
    """somewhere the whole budget is used, and in most places something is"""
    images, v_source, toy = _some()
    change = (_run(flattered, images, v_source, toy) - images).abs()
    most = change.max().item()
    require(
        most > 0.98 * LIMIT,
        f"The largest change is {127.5 * most:.2f} grey levels of a budget of {BUDGET:g}. "
        + (
            "That is half of it: pictures run from -1 to 1, so the limit is budget / 127.5, not budget / 255."
            if abs(most - LIMIT / 2) < 0.02 * LIMIT
            else "A raw gradient is tiny and different for every recogniser; its sign makes every pixel move one step."
        ),
    )
    require(
        (change > 0.01 * LIMIT).float().mean() > 0.5,
        "Most pixels hardly moved: take the gradient's sign, so that each of them goes one step.",
    )


def stays_a_picture(flattered: Callable) -> None:
    """stays in [-1, 1], also where a picture is black or white"""
    images, v_source, toy = _some()
    images = torch.sign(images) * 0.99
    most = _run(flattered, images, v_source, toy).abs().max().item()
    require(
        most <= 1 + 1e-6,
        f"A value of {most:.3f} came out; a picture ends at -1 and 1. Clip there, too, after each step.",
    )


def asks_anew_at_every_step(flattered: Callable) -> None:
    """asks the recogniser once a step, each time about the picture it has by then"""
    images, v_source, toy = _some()
    _run(flattered, images, v_source, toy)
    seen = toy.seen
    require(
        len(seen) >= STEPS,
        f"The recogniser was asked {len(seen)} times for {STEPS} steps. The gradient changes as the picture does: "
        "compute it anew in every step.",
    )
    require(
        len(seen) <= 2 * STEPS + 2,
        f"The recogniser was asked {len(seen)} times for {STEPS} steps; once a step is enough.",
    )
    require(torch.equal(seen[0], images), "The first question should be about the pictures as they were given.")
    require(
        not all(torch.equal(x, images) for x in seen),
        "Every step asked about the same pictures: the gradient is stale. Ask about x, not about `images`.",
    )
    furthest = max((x - images).abs().max().item() for x in seen)
    require(
        furthest <= LIMIT + 1e-5,
        f"On the way a pixel was {127.5 * furthest:.1f} grey levels off; the budget is {BUDGET:g}. Clip inside the "
        "loop, after every step, so that each gradient is taken at an allowed picture.",
    )


def leads_each_picture_to_its_own_source(flattered: Callable) -> None:
    """leads each picture to its own source, and no picture has a say in another's"""
    images, v_source, toy = _some()
    together = _run(flattered, images, v_source, toy)
    for i in range(len(images)):
        alone = _run(flattered, images[i : i + 1], v_source[i : i + 1], toy)
        require(
            _agree(alone, together[i : i + 1]),
            f"Picture {i} comes out differently alone and in company. Its row of recogniser(x) belongs to its row of "
            "v_source: (recogniser(x) * v_source).sum(), not a product of matrices, which adds all pairs.",
        )


def takes_the_steps_of_the_recipe(flattered: Callable) -> None:
    """takes the steps of the recipe: 2.5 * limit / steps along the sign of the present gradient"""
    images, v_source, toy = _some()
    result, best = _run(flattered, images, v_source, toy), reference(images, v_source, toy, BUDGET, STEPS)
    if _agree(result, best):
        return
    toy.seen.clear()
    _run(flattered, images, v_source, toy)
    moved = (toy.seen[1] - images).abs()  # an earlier check saw to it that there is a second one
    step = moved.median().item()
    require(
        moved.std() < 0.2 * moved.mean(),
        f"In the first step pixels moved by {127.5 * moved.min():.2f} to {127.5 * moved.max():.2f} grey levels. A step "
        "is the same for all pixels, up or down: take the gradient's sign.",
    )
    require(
        abs(step / (2.5 * LIMIT / STEPS) - 1) < 0.05,
        f"The first step is {127.5 * step:.2f} grey levels; the recipe's is 2.5 * {BUDGET:g} / {STEPS} = "
        f"{2.5 * BUDGET / STEPS:.2f}.",
    )
    gained = (_cosines(toy, result, v_source) - _cosines(toy, images, v_source)).mean()
    possible = (_cosines(toy, best, v_source) - _cosines(toy, images, v_source)).mean()
    raise Wrong(
        f"The first step is right, later ones differ from the recipe (the cosine rises by {gained:.2f}; "
        f"{possible:.2f} is possible). Each step takes the sign of the gradient at the present picture alone: "
        "gradients must not add up from step to step, and x must not be clipped around anything but `images`."
    )


def _some() -> tuple[Tensor, Tensor, Toy]:
    images = 0.6 * (2 * torch.rand(SHAPE) - 1)
    return images, F.normalize(torch.randn(SHAPE[0], DIM), dim=1), Toy().eval()


def _cosines(toy: Toy, images: Tensor, v_source: Tensor) -> Tensor:
    with torch.no_grad():
        return (toy(images) * v_source).sum(1)


def _agree(a: Tensor, b: Tensor) -> bool:
    """Nearly everywhere: where a gradient is almost 0, rounding decides its sign."""
    return a.shape == b.shape and ((a - b).abs() < 1e-4).float().mean() > 0.97


def _run(
    flattered: Callable, images: Tensor | None = None, v_source: Tensor | None = None, toy: Toy | None = None
) -> Tensor:
    if images is None:
        images, v_source, toy = _some()
    given = images.clone(), v_source.clone()
    toy.seen.clear()
    try:
        result = flattered(given[0], given[1], toy, BUDGET, STEPS)
    except Exception as error:
        error.add_note(f"It was called with images {tuple(images.shape)} and v_source {tuple(v_source.shape)}.")
        raise
    for name, now, before in (("images", given[0], images), ("v_source", given[1], v_source)):
        require(
            torch.equal(now.detach(), before),
            f"`{name}` was not the same after the call: something changes it in place. The limit is measured from the "
            "pictures as they were given, so work on x = images.clone().",
        )
    require(result is not None, "It returned None. Is the `return` missing?")
    require(isinstance(result, Tensor), f"It returned a {type(result).__name__}; expected one tensor of pictures.")
    require(
        result.shape == images.shape,
        f"The result has shape {tuple(result.shape)}; expected the pictures' own, {tuple(images.shape)}.",
    )
    require(bool(torch.isfinite(result).all()), "The result holds nan or infinity.")
    require(
        not result.requires_grad,
        "The result still drags its history along (requires_grad): return x.detach(), or memory grows with every "
        "picture kept.",
    )
    return result

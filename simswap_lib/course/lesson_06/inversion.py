"""Checks of 06.3: a picture that is moved until a network finds in it what it found in another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.probes import same


class Distance:
    """The mean squared difference to `wanted`, through a weight that must not move; keeps what it was shown."""

    def __init__(self, wanted: float = 0.4):
        self.weight, self.wanted, self.shown = nn.Parameter(torch.tensor(1.5)), wanted, []

    def __call__(self, picture: Tensor) -> Tensor:
        self.shown.append(picture.detach().clone())
        return (self.weight * (picture - self.wanted)).square().mean()


def gives_a_picture(answer: Callable) -> None:
    """returns a picture of the shape of `start`, without history"""
    start = _start()
    found = _inverted(answer, Distance(), start, 3, 0.05)
    require(found.shape == start.shape, f"The result has shape {tuple(found.shape)}; expected {tuple(start.shape)}.")
    require(
        not found.requires_grad,
        "The result still carries its history (requires_grad is True), and every later step would drag it along. "
        "Return picture.detach().",
    )


def leaves_the_start_alone(answer: Callable) -> None:
    """leaves `start` as it was"""
    start = _start()
    before = start.clone()
    _inverted(answer, Distance(), start, 3, 0.05)
    require(
        torch.equal(start, before) and not start.requires_grad,
        "`start` was changed by the call. detach() shares its memory with the original: clone() first.",
    )


def goes_downhill(answer: Callable) -> None:
    """brings the distance down, a step at a time"""
    distance, start = Distance(), _start()
    found = _inverted(answer, distance, start, 60, 0.05)
    before, after = distance(start).item(), distance(found).item()
    require(len(distance.shown) > 2, "`distance` was never asked. Its gradient says where to go.")
    calls = len(distance.shown) - 2
    require(calls > 2, f"`distance` was asked {calls} time(s) in 60 steps. Is the `return` inside the loop?")
    require(
        after <= before,
        f"The distance rises from {before:.3f} to {after:.3f}: that is uphill. Go against the gradient.",
    )
    require(
        not torch.equal(found, start),
        "What came back is `start`, pixel by pixel. Does your copy require a gradient, does `distance` see the very "
        "one that the optimiser moves, and is it what you return? `picture = picture.clamp(...)` makes another one; "
        "clamp_ works in place.",
    )
    require(
        after < 0.9 * before,
        f"After 60 steps the distance is still {after:.3f} (from {before:.3f}). Is the tensor that `distance` sees the "
        "very one that the optimiser moves? `picture = picture.clamp(...)` makes another one; clamp_ works in place.",
    )
    require(59 <= calls <= 61, f"`distance` was asked {calls} times in 60 steps; expected once a step.")


def takes_adams_steps(answer: Callable) -> None:
    """takes Adam's steps of the given rate, each with a fresh gradient"""
    start = _start()
    for steps, rate in ((12, 0.02), (25, 0.01)):
        found = _inverted(answer, Distance(), start, steps, rate)
        for kind, stale, cause in (
            (torch.optim.SGD, False, "That is plain gradient descent: its steps shrink with the gradient, which "
"is tiny for a mean over all pixels. Use torch.optim.Adam([picture], rate)."),
            (torch.optim.Adam, True, "Gradients pile up: each step still holds those of all steps before. Fetch "
"a fresh one each time, or call adam.zero_grad()."),
            (torch.optim.SGD, True, "Gradients pile up, and the steps are plain gradient descent: use Adam and "
"a fresh gradient each time."),
        ):  # fmt: skip
            require(not same(found, _walk(start, steps, rate, kind, stale), 1e-5), cause)
        adam = torch.optim.Adam
        for others, cause in (
            ({"each": 1}, "Every step has the same length: a new Adam in each turn of the loop knows nothing of the "
"steps before. Make it once, before the loop."),
            ({"more": 1}, "That is one step too many: for _ in range(steps)."),
            ({"more": -1}, "That is one step too few: for _ in range(steps)."),
            ({"low": 0.0}, "The pixels were clamped to [0, 1]; pictures live in [-1, 1]."),
        ):  # fmt: skip
            require(not same(found, _walk(start, steps, rate, adam, False, **others), 1e-5), cause)
        require(
            not same(found, _walk(torch.zeros_like(start), steps, rate, adam, False), 1e-5),
            "The way begins at a grey picture; it should begin at `start`.",
        )
        wanted = _walk(start, steps, rate, adam, False)
        for other in (1e-3, 0.1):
            require(
                same(found, wanted, 1e-4) or not same(found, _walk(start, steps, other, torch.optim.Adam, False), 1e-4),
                f"The steps are Adam's with rate {other}, whatever `rate` says.",
            )
        off = (found - wanted).abs().max().item()
        require(
            off < 1e-4,
            f"After {steps} steps of rate {rate} some pixel is {off:.4f} from where torch.optim.Adam([picture], "
            "rate) ends.",
        )


def stays_in_range(answer: Callable) -> None:
    """keeps the pixels in [-1, 1], in every step"""
    distance = Distance(wanted=3.0)
    found = _inverted(answer, distance, _start(), 60, 0.1)
    require(
        found.abs().max() <= 1,
        f"A pixel is {found.abs().max():.2f}. Pictures live in [-1, 1]: clamp_(-1, 1) after each step, under no_grad.",
    )
    most = max(x.abs().max().item() for x in distance.shown)
    require(
        most <= 1 + 1e-6,
        f"`distance` was shown a pixel of {most:.2f}: the clamp comes only at the end. A network was never asked about "
        "such pictures; clamp after each step.",
    )
    require(
        found.mean() > 0.9,
        f"Pixels end at {found.mean():.2f} on average where 1 is the best: are they clamped elsewhere than "
        "at -1 and 1?",
    )


def moves_nothing_else(answer: Callable) -> None:
    """leaves no gradient in the network that `distance` runs"""
    distance = Distance()
    _inverted(answer, distance, _start(), 5, 0.05)
    require(
        distance.weight.grad is None,
        "The network behind `distance` was left with a gradient: backward() fills every parameter it meets, and the "
        "next step of the critic would use them. Ask for the picture's alone: torch.autograd.grad(value, picture), or "
        "value.backward(inputs=[picture]).",
    )
    require(
        distance.weight.requires_grad,
        "The network's parameters no longer require a gradient: it was frozen and left so.",
    )


def _start() -> Tensor:
    return torch.rand(2, 3, 4, 5) * 1.6 - 0.8


def _inverted(answer: Callable, distance: Distance, start: Tensor, steps: int, rate: float) -> Tensor:
    try:
        found = answer(distance, start, steps, rate)
    except (RuntimeError, TypeError) as error:
        for said, cause in ERRORS:
            if said in str(error):
                raise Wrong(f"PyTorch says: {str(error)[:150].rstrip('.')}. {cause}") from error
        raise
    require(found is not None, "It returned None. Is the `return` missing?")
    require(isinstance(found, Tensor), f"It returned a {type(found).__name__}; expected the picture, one tensor.")
    require(torch.isfinite(found).all(), "The picture holds nan or infinity.")
    return found


ERRORS = (  # what PyTorch says, and what it means here
    ("leaf Variable that requires grad", "Clamp within `with torch.no_grad():`, so that nobody records it."),
    ("assigned grad expected to be a Tensor", "autograd.grad returns a tuple, even of one: (picture.grad,) = ..."),
    ("params argument given to the optimizer", "Adam wants a list of tensors: torch.optim.Adam([picture], rate)."),
)


def _walk(
    start: Tensor, steps: int, rate: float, kind: type, stale: bool, each: int = 0, more: int = 0, low: float = -1.0
) -> Tensor:
    picture, distance = start.clone().requires_grad_(), Distance()
    optimiser = kind([picture], rate)
    for _ in range(steps + more):
        if each:  # a new optimiser each time
            optimiser = kind([picture], rate)
        (gradient,) = torch.autograd.grad(distance(picture), picture)
        picture.grad = gradient + picture.grad if stale and picture.grad is not None else gradient
        optimiser.step()
        with torch.no_grad():
            picture.clamp_(low, 1)
    return picture.detach()

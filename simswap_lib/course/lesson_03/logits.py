"""Checks of exercises 03.1 and 03.2: cosines of all pairs, and ArcFace's logits (paper 3.2; ArcFace, equation 3)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.course.exercise import Wrong, call, require
from simswap_lib.course.probes import same

# Three different numbers, so that no axis can be mistaken for another without notice.
B, P, D = 3, 5, 4
SCALE, MARGIN = 10.0, 0.4


# --- 03.1 all_cosines -------------------------------------------------------------------------------------------------


def some_vectors() -> tuple[Tensor, Tensor]:
    """Vectors (B, D) and others (P, D), none of length 1."""
    return 3 * torch.randn(B, D), 2 * torch.randn(P, D)


def gives_every_pair(all_cosines: Callable) -> None:
    """one number for each pair: (3, 4) and (5, 4) give (3, 5)"""
    vectors, others = some_vectors()
    try:
        result = call(all_cosines, vectors=vectors, others=others)
    except RuntimeError as error:
        if "must match" not in str(error) and "cannot be multiplied" not in str(error):
            raise
        raise Wrong(
            f"The shapes do not fit together: {error}. `vectors` (B, D) has to meet every row of `others` (P, D): a "
            "matrix product, vectors @ others.T, not a product entry by entry."
        ) from error
    found = tuple(result.shape)
    usual = {
        (P, B): "Rows are the vectors, columns the others: the product is the other way round.",
        (B,): "One number for each vector: nothing is summed or picked at the end.",
        (B, P, D): "The products of the entries are not summed yet.",
    }
    require(found == (B, P), f"The result has shape {found}; expected ({B}, {P}). {usual.get(found, '')}".strip())


def pairs_do_not_mix(all_cosines: Callable) -> None:
    """a pair's number depends on its two vectors alone"""
    vectors, others = some_vectors()
    before = call(all_cosines, vectors=vectors, others=others)
    require(
        not same(before.sum(1), torch.ones(B)),
        "Each row sums to 1: that is a softmax already. Cosines are asked for; the softmax comes with the loss.",
    )
    for name, changed in (("vectors", vectors), ("others", others)):
        loud = changed.clone()
        loud[1:] = 10 * loud[1:] + 1  # the first row stays
        after = call(all_cosines, **({"vectors": vectors, "others": others} | {name: loud}))
        require(
            same(before[0, 0], after[0, 0]),
            f"The first pair came out differently although only other rows of `{name}` were changed. Is the length "
            "taken over the rows, or over the whole tensor? Each row has its own: norm(dim=1, keepdim=True).",
        )


def lengths_do_not_matter(all_cosines: Callable) -> None:
    """a vector twice as long gives the same number, and so do its opposite and minus one"""
    vectors, others = some_vectors()
    plain = call(all_cosines, vectors=vectors, others=others)
    for name, longer in (
        ("vectors", call(all_cosines, vectors=2 * vectors, others=others)),
        ("others", call(all_cosines, vectors=vectors, others=2 * others)),
    ):
        ratio = float((longer / plain).median())
        require(
            abs(ratio - 0.5) > 1e-3,
            f"Doubling `{name}` halves the result: you divide by the square of the length. The length of a vector is "
            "the root of the sum of its squares.",
        )
        require(
            same(longer, plain),
            f"Doubling `{name}` multiplies the result by {ratio:.2f}; expected 1. Divide `{name}` by its length, too: "
            "directions are compared, whatever their lengths.",
        )
    turned = call(all_cosines, vectors=-vectors, others=others)
    require(
        same(turned, -plain), "Opposite vectors do not give the opposite number. Is there an abs, a square or an exp?"
    )


def agrees_with_the_sum_by_hand(all_cosines: Callable) -> None:
    """(3, 4) has cosine 0.96 to (4, 3), 0.6 to (1, 0) and -1 to (-3, -4)"""
    result = call(
        all_cosines, vectors=torch.tensor([[3.0, 4.0]]), others=torch.tensor([[4.0, 3.0], [1.0, 0.0], [-3.0, -4.0]])
    )
    require(
        same(result, torch.tensor([[0.96, 0.6, -1.0]])),
        f"(3, 4) gives {_list(result)} to (4, 3), (1, 0) and (-3, -4); expected 0.96, 0.60 and -1.00: the sum of the "
        "products divided by both lengths. A mean of the products, or an angle instead of its cosine?",
    )


def can_be_trained_through(all_cosines: Callable) -> None:
    """gradients reach the vectors and the others"""
    vectors, others = (x.requires_grad_() for x in some_vectors())
    cosines = all_cosines(vectors, others)
    _reached(cosines, {"vectors": vectors, "others": others})
    grads = torch.autograd.grad(all_cosines(vectors, others).sum(), (vectors, others))
    for name, x, grad in (("vectors", vectors, grads[0]), ("others", others, grads[1])):
        along = (F.normalize(x, dim=1) * F.normalize(grad, dim=1)).sum(1).abs().max()
        require(
            along < 1e-2,
            f"The gradient of `{name}` has a part that only makes the vector longer, though its length does not "
            "matter. Was the length detached, or computed in no_grad? Then training pushes lengths up without end.",
        )


def _reached(result: Tensor, inputs: dict[str, Tensor]) -> None:
    advice = "Training would not move it. Is there a detach, a no_grad, an .item() or a torch.tensor(...) on the way?"
    require(result.requires_grad, f"No gradient comes back through the result. {advice}")
    grads = torch.autograd.grad(result.square().sum(), list(inputs.values()), allow_unused=True)
    for name, grad in zip(inputs, grads, strict=True):
        require(grad is not None and bool(grad.abs().sum() > 0), f"No gradient reaches `{name}`. {advice}")


# --- 03.2 margin_logits -----------------------------------------------------------------------------------------------


def some_cosines() -> tuple[Tensor, Tensor]:
    """Cosines (B, P), none near 1 or -1, and the right person of each row, (B,)."""
    return torch.rand(B, P) * 1.2 - 0.6, torch.tensor([2, 0, 4])


def logits(answer: Callable, cosines: Tensor, people: Tensor, scale: float = SCALE, margin: float = MARGIN) -> Tensor:
    return call(lambda c, p: answer(c, p, scale, margin), cosines=cosines, people=people)


def at_angle(answer: Callable, degrees: float, margin: float = MARGIN) -> float:
    """The right person's logit at this angle, for scale 1; the other person is at a right angle."""
    cosines = torch.tensor([[math.cos(math.radians(degrees)), 0.0]])
    return float(logits(answer, cosines, torch.tensor([0]), 1.0, margin)[0, 0])


def keeps_the_shape(answer: Callable) -> None:
    """one logit for every person: (3, 5) cosines give (3, 5), and the cosines stay as they were"""
    cosines, people = some_cosines()
    found = tuple(logits(answer, cosines, people).shape)
    usual = {
        (B,): "Only the right people's logits came back; cross-entropy needs all of them.",
        (B, 1): "Only the right people's logits came back; cross-entropy needs all of them.",
        (B, B): "cosines[:, people] takes every right person for every row: gather takes one for each.",
        (): "That is a loss already; only the logits are asked for.",
    }
    require(found == (B, P), f"The result has shape {found}; expected ({B}, {P}). {usual.get(found, '')}".strip())


def leaves_the_others_alone(answer: Callable) -> None:
    """people who are not the right one get scale * cosine"""
    cosines, people = some_cosines()
    found, others = logits(answer, cosines, people), torch.ones(B, P, dtype=torch.bool)
    others[torch.arange(B), people] = False
    whom = "the other people" if same(found[~others], SCALE * cosines[~others]) else "everybody"
    plain, all_moved = SCALE * cosines, SCALE * (cosines.acos() + MARGIN).cos()
    for value, cause in (
        (all_moved, f"The margin went to {whom}; only the right person of each row gets it."),
        (cosines, "They were not multiplied by scale."),
        (SCALE * plain, "They were multiplied by scale twice."),
    ):
        require(not same(found[others], value[others]), f"The logits of the other people are off. {cause}")
    ratio = found[others] / cosines[others]
    require(
        same(found[others], plain[others]) or not same(ratio, ratio[:1].expand_as(ratio)),
        f"The logits of the other people are {ratio[0].item():.1f} * cosine; expected scale * cosine with scale = "
        f"{SCALE:.0f}. Is another scale written in the code?",
    )
    require(
        same(found[others], plain[others]),
        "The logits of the other people are not scale * cosine. `people[b]` is the right column of row b: gather and "
        "scatter (dim 1, index people[:, None]), or an index [torch.arange(B), people].",
    )


def turns_the_right_one_away(answer: Callable) -> None:
    """the right person gets scale * cos(theta + margin)"""
    cosines, people = some_cosines()
    found = logits(answer, cosines, people).gather(1, people[:, None]) / SCALE
    c, m = cosines.gather(1, people[:, None]), MARGIN
    sine = (1 - c.square()).sqrt()
    right = c * math.cos(m) - sine * math.sin(m)
    if same(found, right):
        return
    degrees, straight = math.radians(m), c - m * math.sin(m)
    for value, cause in (
        (c, "It got no margin at all. Was the changed value written back?"),
        (c * math.cos(m) + sine * math.sin(m), "That is cos(theta - margin): the right answer became easier."),
        (c - m, "The margin was taken off the cosine (that is CosFace); here it is added to the angle."),
        (c + m, "The margin was added to the cosine; here it is added to the angle."),
        ((m * c.acos()).cos(), "The angle was multiplied by the margin; it is added."),
        (
            c * math.cos(degrees) - sine * math.sin(degrees),
            "The margin is in radians; it was turned into radians once more.",
        ),
        (
            c * math.cos(math.degrees(m)) - sine * math.sin(math.degrees(m)),
            "math.cos wants radians, and the margin comes in radians: nothing is to be turned into degrees.",
        ),
        (right / SCALE, "It was not multiplied by scale."),
        (right * SCALE, "It was multiplied by scale twice."),
        (c * math.cos(m) - (1 - c.square()) * math.sin(m), "The sine is the root of 1 - cosine squared."),
        (c * math.cos(m) - (1 - c) * math.sin(m), "The sine is the root of 1 - cosine squared, not 1 - cosine."),
        (c * math.sin(m) - sine * math.cos(m), "Sine and cosine of the margin have changed places."),
        (
            torch.where(c < math.cos(m), straight, right),
            "The straight line takes over too early: only where cos(theta) < -cos(m); mind the minus.",
        ),
        (
            torch.where(c < 0, straight, right),
            "The straight line takes over too early: only where cos(theta) < -cos(m).",
        ),
        (torch.where(c < 0, c, right), "Below cosine 0 the margin is missing; it belongs to every angle."),
        (c * math.cos(0.5) - sine * math.sin(0.5), "That is a margin of 0.5; take the one that is handed in."),
    ):
        require(not same(found, value), f"The right person's logit is off. {cause}")
    raise Wrong(
        f"At cosine {c[0].item():.3f} the right person's logit is {SCALE} * {found[0].item():.3f}; expected {SCALE} * "
        f"{right[0].item():.3f}: cos(theta + m) = cos(theta) cos(m) - sin(theta) sin(m)."
    )


def goes_on_falling(answer: Callable) -> None:
    """a larger angle is never a better answer, up to 180 degrees"""
    found = [at_angle(answer, degrees) for degrees in range(150, 181)]
    rise = next((i for i in range(30) if found[i + 1] > found[i] + 1e-4), None)
    require(
        rise is None,
        f"From {150 + (rise or 0)} to {151 + (rise or 0)} degrees the logit rises. Beyond 180 degrees - margin "
        f"({180 - math.degrees(MARGIN):.0f} here) cos(theta + margin) turns up again, and training would push the "
        "vector further away. There, use cosine - margin * sin(margin).",
    )
    require(
        found[30] < found[29] - 1e-6 or found[30] < found[20] - 1e-3,
        "Beyond 180 degrees - margin the logit is level: a vector that far off would feel no pull at all. There, use "
        "cosine - margin * sin(margin).",
    )
    before, after = at_angle(answer, 90), at_angle(answer, 175)
    expected = math.cos(math.radians(175)) - MARGIN * math.sin(MARGIN)
    require(
        abs(before - math.cos(math.pi / 2 + MARGIN)) < 1e-3 and abs(after - expected) < 1e-3,
        f"At 175 degrees the logit is {after:.3f} for scale 1; expected cosine - margin * sin(margin) = "
        f"{expected:.3f}.",
    )


def can_be_trained_at_both_ends(answer: Callable) -> None:
    """the gradient is there, and finite even at 0 and 180 degrees"""
    cosines = torch.tensor([[0.3, 0.1], [1.0, 0.0], [-1.0, 0.0], [1.0 + 1e-6, 0.0]], requires_grad=True)
    result = answer(cosines, torch.zeros(4, dtype=torch.long), SCALE, MARGIN)
    require(
        result.requires_grad,
        "No gradient comes back through the result: nothing would be trained. Is there a detach, a no_grad or a "
        "torch.tensor(...) on the way?",
    )
    (grad,) = torch.autograd.grad(F.cross_entropy(result, torch.zeros(4, dtype=torch.long)), cosines)
    require(
        torch.isfinite(grad).all() and torch.isfinite(result).all(),
        "At 0 or 180 degrees the gradient (or, where rounding makes a cosine 1.000001, the logit) is nan or infinite, "
        "and one such row spoils the whole network. acos and a bare root of 1 - cosine^2 have an endless slope "
        "there: keep the root's inside above a small number, (1 - cosine.square()).clamp(min=1e-7).",
    )
    require(
        bool(grad[0, 0].abs() > 1e-4),
        "No gradient reaches the right person's cosine. Is it detached, or built anew from numbers?",
    )
    cosine = torch.tensor([[0.6, 0.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(answer(cosine, torch.tensor([0]), 1.0, MARGIN)[0, 0], cosine)
    wanted = math.cos(MARGIN) + 0.6 / 0.8 * math.sin(MARGIN)
    require(
        abs(slope[0, 0].item() - wanted) < 1e-2,
        f"At cosine 0.6 the slope of the logit is {slope[0, 0].item():.2f}; expected {wanted:.2f}. The values are "
        "right, so a part of the way is cut off from the gradient: was the sine detached, or computed in no_grad?",
    )


def _list(x: Tensor) -> str:
    return ", ".join(f"{value:.2f}" for value in x.flatten().tolist())

"""Checks of 06.1, how far apart two pictures are map by map; 06.4 shares the probes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simswap_lib.course.exercise import require
from simswap_lib.course.probes import same
from simswap_lib.losses import map_distances

Outputs = list[list[Tensor]]
SIZES = ((2, 3), (1, 4), (3, 2))  # scales and maps: nothing may be written for one critic alone
B, M = 2, 4


def some_outputs(scales: int = 2, maps: int = 3) -> Outputs:
    """What a critic returns: maps and logits of falling size, each with numbers of a size of its own."""
    found = []
    for s in range(scales):
        channels = [2 + i for i in range(maps)] + [1]
        sides = [2 ** (maps - i) + 2 - s for i in range(maps + 1)]
        found.append([(1 + i + 2 * s) * torch.randn(B, c, n, n) for i, (c, n) in enumerate(zip(channels, sides))])
    return found


def copied(outputs: Outputs) -> Outputs:
    return [[x.detach().clone() for x in scale] for scale in outputs]


def call_on(answer: Callable, result: Outputs, target: Outputs, *rest: int) -> Tensor:
    """`answer` on copies; `Wrong` unless it gives back a tensor of finite numbers and leaves the maps as they were."""
    copies = copied(result), copied(target)
    try:
        value = answer(*copies, *rest)
    except Exception as error:
        called = f"{len(result)} scale{'s' * (len(result) > 1)} of {len(result[0]) - 1} maps and the logits"
        error.add_note(f"It was called with {called}" + "".join(f", m = {m}" for m in rest))
        raise
    for name, outputs, copy in zip(("result_maps", "target_maps"), (result, target), copies, strict=True):
        unchanged = [len(a) == len(b) and all(map(torch.equal, a, b)) for a, b in zip(outputs, copy)]
        require(
            len(outputs) == len(copy) and all(unchanged),
            f"`{name}` was not the same after the call: something changes it in place (-=, pop, abs_ ...). The critic "
            "still needs its maps for its own step; work on new tensors.",
        )
    require(value is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(value, Tensor),
        f"It returned a {type(value).__name__}; expected a tensor, because a loss must have a gradient. A list of "
        "tensors becomes one with torch.stack.",
    )
    require(torch.isfinite(value).all(), "The result holds nan or infinity. The mean of an empty list of maps is nan.")
    return value.detach()


# --- 06.1 map_distances -----------------------------------------------------------------------------------------------


def gives_one_number_a_map(answer: Callable) -> None:
    """returns M numbers, one for each map, for any number of scales and maps"""
    for scales, maps in SIZES:
        result = call_on(answer, some_outputs(scales, maps), some_outputs(scales, maps))
        shape, listed = tuple(result.shape), f"{scales} scales of {maps} maps and the logits"
        for wrong, cause in (
            ((maps + 1,), "That is one more than there are maps: the logits, last in each scale, are no map."),
            ((), "That is a single number. Keep the maps apart here; the loss adds them up later."),
            ((scales, maps), "That is one number for each map of each scale; add up over the scales."),
            ((scales * maps,), "That is one number for each map of each scale; add up over the scales."),
            ((scales,), "That is one number for each scale; add up over the scales and keep the maps apart."),
            ((maps, B), "The batch is still there; the mean runs over all elements of a map, batch included."),
            ((maps, 1), "Drop the second axis."),
        ):
            require(shape != wrong or shape == (maps,), f"The result for {listed} has shape {shape}. {cause}")
        require(shape == (maps,), f"The result for {listed} has shape {shape}; expected ({maps},).")


def leaves_the_logits_out(answer: Callable) -> None:
    """leaves the logits out and takes every map"""
    result, target = some_outputs(), some_outputs()
    before = call_on(answer, result, target)
    for scale in result:
        scale[-1] = scale[-1] + 7.0
    require(
        same(call_on(answer, result, target), before),
        "The distances change when only the logits change. The logits, last in each scale, say how real a patch is, "
        "not what is in it: take scale[:-1].",
    )
    for i in range(3):
        changed = copied(result)
        for scale in changed:
            scale[i] += 7.0
        moved = (call_on(answer, changed, target) - before).abs() > 1e-4
        require(moved.any(), f"Map {i + 1} has no say: the distances stay when it changes. Every map counts.")
        require(
            moved[i] and moved.sum() == 1,
            f"Map {i + 1} was changed and number {moved.int().argmax() + 1} of the result moved. Number i belongs to "
            "map i; map 1, the one at the picture, comes first.",
        )


def takes_the_mean_of_the_differences(answer: Callable) -> None:
    """takes the mean absolute difference: 1/N_i times the sum over all elements of map i"""
    result, target = some_outputs(1), some_outputs(1)
    found, pairs = call_on(answer, result, target), list(zip(result[0][:-1], target[0][:-1], strict=True))

    def each(f: Callable) -> Tensor:
        return torch.stack([f(r - t) for r, t in pairs])

    for value, cause in (
        (each(lambda d: d.abs().sum()), "That is the sum. Divide by N_i, else the largest map drowns all the others."),
        (each(lambda d: d.abs().sum() / B), "Only the batch was averaged. N_i counts all elements: channels, "
"height, width."),
        (each(lambda d: d.abs().mean() * B), "The sum over the batch is left; the mean runs over it, too."),
        (each(lambda d: d.square().mean()), "Those are squares. |...|_1 is the absolute difference."),
        (each(lambda d: d.square().mean().sqrt()), "That is the root of a mean square. |...|_1 is the absolute "
"difference."),
        (each(lambda d: d.norm()), "That is the Euclidean length. |...|_1 is the sum of absolute differences."),
        (each(lambda d: d.mean()), "Differences of both signs cancel: take the absolute value before the mean."),
        (each(lambda d: d.mean().abs()), "Differences of both signs cancel: take the absolute value before the mean."),
        (each(lambda d: d.abs().amax()), "That is the largest difference, not the mean."),
    ):  # fmt: skip
        require(not same(found, value), f"Map by map you get {_row(found)}. {cause}")
    wanted = map_distances(result, target)
    require(
        same(found, wanted),
        f"Map by map you get {_row(found)}; expected {_row(wanted)}, the mean of |D_i(I_R) - D_i(I_T)|.",
    )


def adds_the_scales(answer: Callable) -> None:
    """adds up over the scales, each with the same weight"""
    result, target = some_outputs(3), some_outputs(3)
    alone = torch.stack([call_on(answer, [r], [t]) for r, t in zip(result, target, strict=True)])  # (scales, M)
    found = call_on(answer, result, target)
    for value, cause in (
        (alone[0], "Only the first scale counts. Is the `return` inside the loop?"),
        (alone[-1], "Only the last scale counts. Does each turn of the loop overwrite the one before?"),
        (alone.mean(0), "That is the mean over the scales. The paper adds them up."),
    ):
        require(not same(found, value), f"For three scales you get {_row(found)}. {cause}")
    require(
        same(found, alone.sum(0)),
        f"For three scales you get {_row(found)}; one by one they give {_row(alone.sum(0))} in all. Each scale's map "
        "has its own N_i: take the mean within each, then add.",
    )


def pulls_at_the_result(answer: Callable) -> None:
    """lets the gradient through to every map of the result"""
    reaches(answer, lambda i: True)


def holds_the_target_still(answer: Callable) -> None:
    """takes the target's maps as constants"""
    spares(answer)


# ----------------------------------------------------------------------------------------------------------------------


def _gradients(answer: Callable, *rest: int) -> tuple[list[list[bool]], list[list[bool]]]:
    """For each side and scale, whether a gradient other than 0 comes back to each map."""
    sides = [[[x.requires_grad_() for x in scale] for scale in some_outputs(2, M)] for _ in range(2)]
    value = answer(*sides, *rest)
    require(
        isinstance(value, Tensor) and value.requires_grad,
        "The result has no gradient, so it can pull at nothing. .item(), float(), torch.tensor(...) and no_grad cut "
        "it off, and so does a detach on the result's side; keep tensors and join them with torch.stack.",
    )
    require(
        all(x.requires_grad for scale in sides[1] for x in scale),
        "The target's maps themselves were cut off: detach_() works in place, and the critic still needs its maps for "
        "its own step. detach(), without the underscore, makes a new tensor.",
    )
    value.sum().backward()
    return tuple([[x.grad is not None and bool(x.grad.any()) for x in scale] for scale in side] for side in sides)


def reaches(answer: Callable, wanted: Callable[[int], bool], *rest: int) -> None:
    of_result, of_target = _gradients(answer, *rest)
    for scale in of_result:
        for i, reached in enumerate(scale[:-1]):
            require(
                reached or not wanted(i),
                f"No gradient comes back to map {i + 1} of the result"
                + (
                    ", but one goes to the target: the wrong side is detached. The value is right and the "
                    if any(map(any, of_target))
                    else ". The "
                )
                + "generator would never hear of it.",
            )


def spares(answer: Callable, *rest: int) -> None:
    _, of_target = _gradients(answer, *rest)
    require(
        not any(map(any, of_target)),
        "A gradient goes to the target's maps. The target is the given side, and its maps belong to the critic's own "
        "step: detach them, or the generator's loss moves the critic (or stops with an error about a graph that is "
        "already freed).",
    )


def _row(values: Tensor) -> str:
    return ", ".join(f"{value:.3f}" for value in values.flatten().tolist())

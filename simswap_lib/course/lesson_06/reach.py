"""Checks of 06.5: where a loss pulls."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_06.maps import some_outputs
from simswap_lib.instruments import gradient_reach


def _pull(*places: tuple[int, int, int]) -> Callable:
    """A loss that looks at these places alone: (side, scale, index)."""

    def loss(result_maps, target_maps):
        return sum((result_maps, target_maps)[side][scale][i].square().mean() for side, scale, i in places)

    return loss


def gives_a_table(answer: Callable) -> None:
    """returns a (2, M + 1) table of True and False"""
    for scales, maps in ((2, 3), (1, 4), (3, 2)):
        found = _table(answer, _pull((0, 0, 0)), scales, maps)
        shape = tuple(found.shape)
        for wrong, cause in (
            ((2, scales, maps + 1), "One row for each scale is left: True if *any* scale is reached, .any(dim=1)."),
            ((2, maps), "The logits need a column, too, the last one: a loss may pull at them by mistake."),
            ((maps + 1, 2), "Rows are the sides, columns the maps: this is the other way round."),
            ((maps + 1,), "Both sides need a row: the result's, then the target's."),
        ):
            require(shape != wrong, f"For {scales} scales of {maps} maps the result has shape {shape}. {cause}")
        require(
            shape == (2, maps + 1),
            f"For {scales} scales of {maps} maps the result has shape {shape}; expected (2, {maps + 1}).",
        )
        require(
            found.dtype == torch.bool,
            f"The result is of type {found.dtype}; expected torch.bool: is there a gradient or not?",
        )


def tells_the_sides_apart(answer: Callable) -> None:
    """row 0 is the result's side, row 1 the target's; each map has its column"""
    for side in (0, 1):
        for i in range(4):
            found = _table(answer, _pull((side, 0, i)))
            wanted = torch.zeros(2, 4, dtype=torch.bool)
            wanted[side, i] = True
            part = f"map {i + 1}" if i < 3 else "the logits"
            who = f"A loss that looks at {part} of the {('result', 'target')[side]} alone"
            require(not torch.equal(found, wanted.flip(0)), f"{who} is found in the other row: row 0 is the result's.")
            require(
                found.any(), f"{who} is found nowhere. Did the copies require a gradient before the loss was called?"
            )
            require(
                torch.equal(found, wanted),
                f"{who} gives the table {found.int().tolist()}; expected {wanted.int().tolist()}.",
            )


def looks_at_every_scale(answer: Callable) -> None:
    """a map counts as reached if it is in any of the scales"""
    for scale in (1, 2):
        found = _table(answer, _pull((0, scale, 1), (0, 0, 0)), 3)
        require(
            found[0].tolist() == [True, True, False, False],
            f"A loss that looks at map 1 of scale 1 and at map 2 of scale {scale + 1} gives "
            f"{found[0].int().tolist()} for the "
            "result; expected [1, 1, 0, 0]. True if *any* scale is reached, not all, and not the first alone.",
        )


def takes_zero_for_nothing(answer: Callable) -> None:
    """a gradient that is zero everywhere pulls at nothing; one number other than 0 is enough"""

    def loss(result_maps, target_maps):
        return (
            0 * result_maps[0][0].sum()
            - result_maps[0][1].flatten()[0]
            + (target_maps[0][2] * torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)).sum()
        )

    found = _table(answer, loss)
    require(
        not found[0, 0],
        "A term times 0 counts as a pull. Its gradient exists, but is zero everywhere: look at the numbers, .any().",
    )
    require(found[0, 1], "A pull at a single element, downwards, was missed: ask for any number other than 0.")
    require(
        found[1, 2],
        "A gradient of +1 and -1 was taken for none: they cancel in a sum. Ask for any number other than 0.",
    )


def takes_a_constant(answer: Callable) -> None:
    """a loss without any gradient gives False everywhere, not an error"""
    for loss in (lambda r, t: r[0][0].detach().abs().mean(), lambda r, t: torch.tensor(1.0)):
        try:
            found = _table(answer, loss)
        except RuntimeError as error:
            raise Wrong(
                "A loss that pulls at nothing raised an error: "
                + str(error).splitlines()[0]
                + " That is a finding, not a failure: if not "
                "value.requires_grad, the table is all False."
            ) from error
        require(not found.any(), f"A loss that pulls at nothing gives {found.int().tolist()}.")


def works_on_copies(answer: Callable) -> None:
    """works on copies: the maps that were handed in stay as they were"""
    result, target = some_outputs(), [[x.requires_grad_() * 2 for x in scale] for scale in some_outputs()]
    found = _checked(answer(lambda r, t: _pull((0, 0, 0), (1, 0, 0))(r, t), result, target))
    require(
        not any(x.requires_grad or x.grad is not None for scale in result for x in scale),
        "The result's maps were changed: they require a gradient now. Work on x.detach().clone().requires_grad_().",
    )
    require(
        found.tolist() == [[True, False, False, False]] * 2,
        f"With maps that come out of a network (and have a history) the table is {found.int().tolist()}; "
        "expected the first column alone.",
    )
    other = gradient_reach(_pull((0, 1, 2)), result, target)
    require(
        torch.equal(_checked(answer(_pull((0, 1, 2)), result, target)), other),
        "A second call finds something else than the first: what is left over from it?",
    )


def _table(answer: Callable, loss: Callable, scales: int = 2, maps: int = 3) -> Tensor:
    return _checked(answer(loss, some_outputs(scales, maps), some_outputs(scales, maps)))


def _checked(found: object) -> Tensor:
    require(found is not None, "It returned None. Is the `return` missing?")
    require(isinstance(found, Tensor), f"It returned a {type(found).__name__}; expected a tensor: torch.tensor(rows).")
    return found

"""How checks call a learner's loss: copies in, one number with its history out, and its slope at the inputs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simswap_lib.course.exercise import Wrong, require

CUT = (
    "no gradient reaches it. A .detach(), .item(), `with torch.no_grad()` or a step through NumPy cuts the way back; "
    "without a gradient the term is printed and moves nothing."
)


def one_number(answer: Callable, **inputs: object) -> Tensor:
    """`answer` applied to copies of the inputs, in their order: a finite number, shape (), with its history.

    Inputs are tensors, nested lists of tensors (a discriminator's outputs), or anything else, which is handed on.
    Raises `Wrong`, in words, if an input was changed in place or if something else came back.
    """
    return judged(answer, {name: _map(value, torch.clone) for name, value in inputs.items()}, inputs)


def slope(answer: Callable, at: str, **inputs: object) -> list[Tensor]:
    """The gradient of `answer` at each tensor of the input called `at`, in their order; zeros where there is none.

    Raises `Wrong` if no tensor of that input is connected to the result.
    """
    copies = {name: _map(value, torch.clone) for name, value in inputs.items()}
    leaves: list[Tensor] = []
    copies[at] = _map(copies[at], lambda tensor: _leaf(tensor, leaves))
    # A view, so that an operator that works in place meets no leaf and is named for what it does.
    given = copies | {at: _map(copies[at], lambda tensor: tensor.view_as(tensor))}
    loss = judged(answer, given, inputs)
    require(loss.requires_grad, f"The result does not know where it came from: `{at}` went in, and {CUT}")
    found = torch.autograd.grad(loss, leaves, allow_unused=True)
    require(any(gradient is not None for gradient in found), f"The result does not depend on `{at}`: {CUT}")
    return [torch.zeros_like(x) if g is None else g for x, g in zip(leaves, found, strict=True)]


def judged(answer: Callable, given: dict[str, object], before: dict[str, object]) -> Tensor:
    """`answer(*given)`, after which `given` must still equal `before`; what comes back must be one finite number."""
    try:
        result = answer(*given.values())
    except Exception as error:
        error.add_note("It was called with " + ", ".join(f"{name} {_told(value)}" for name, value in before.items()))
        raise
    for name, value in before.items():
        require(
            len(_tensors(given[name])) == len(_tensors(value))
            and all(torch.equal(a, b) for a, b in zip(_tensors(given[name]), _tensors(value), strict=True)),
            f"`{name}` was not the same after the call: something changes it in place (an operator such as -=, a "
            "method ending in _, or a list's .pop()). Others still need it, so work on a new tensor.",
        )
    require(result is not None, "It returned None. Is the `return` missing?")
    require(
        not isinstance(result, (float, int)),
        "It returned a plain Python number. .item() and float() cut the way back for the gradient: return the tensor.",
    )
    require(isinstance(result, Tensor), f"It returned a {type(result).__name__}; expected one tensor.")
    if result.shape != ():
        raise Wrong(
            f"It returned a tensor of shape {tuple(result.shape)}; a loss is one number, shape (). If that is one "
            "number a sample, take the mean over the batch."
        )
    require(
        torch.isfinite(result),
        f"It returned {result.item()}. Look for a division by zero (the mean of nothing is 0 / 0) or the root of a "
        "negative number.",
    )
    return result


def close(value: Tensor, wanted: float, tolerance: float = 1e-4) -> bool:
    return abs(value.item() - wanted) <= tolerance * max(1.0, abs(wanted))


def require_value(
    value: Tensor,
    wanted: float,
    what: str,
    causes: tuple[tuple[float, str], ...],
    otherwise: str,
    tolerance: float = 1e-4,
) -> None:
    """`Wrong` unless value is `wanted`; a cause is told if the value is the one that it would give."""
    if close(value, wanted, tolerance):
        return
    seen = f"{what} costs {wanted:g}; yours says {value.item():.4g}. "
    raise Wrong(seen + next((cause for would_be, cause in causes if close(value, would_be)), otherwise))


def _leaf(tensor: Tensor, leaves: list[Tensor]) -> Tensor:
    leaves.append(tensor.requires_grad_())
    return leaves[-1]


def _map(value: object, change: Callable) -> object:
    if isinstance(value, list):
        return [_map(part, change) for part in value]
    return change(value) if isinstance(value, Tensor) else value


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, list):
        return [tensor for part in value for tensor in _tensors(part)]
    return [value.detach()] if isinstance(value, Tensor) else []


def _told(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} scales"
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type(value).__name__

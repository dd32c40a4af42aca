"""How checks call an answer that works on NumPy arrays: copies in, an array out, and everything else said in words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from simswap_lib.course.exercise import require


def call_with_arrays(
    answer: Callable, *, shape: tuple[int, ...] | None = None, advice: str = "", **inputs: np.ndarray | int
) -> np.ndarray:
    """`answer` applied to copies of the inputs, in their order; what comes back is an array of finite numbers.

    Raises `Wrong`, in words, if an input was changed in place, if nothing or no array came back, or if its shape or
    its numbers are not as asked. An exception of the learner's own passes through, with a note on the inputs.
    """
    result = run_with_arrays(answer, **inputs)
    return checked(result, shape=shape, advice=advice)


def run_with_arrays(answer: Callable, **inputs: np.ndarray | int) -> object:
    """`answer` applied to copies of the inputs, whatever comes back. Raises `Wrong` if it changes one in place."""
    copies = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in inputs.items()}
    try:
        result = answer(*copies.values())
    except Exception as error:
        error.add_note(f"It was called with {', '.join(f'{name} {_told(value)}' for name, value in inputs.items())}.")
        raise
    for name, value in inputs.items():
        require(
            np.array_equal(copies[name], value),
            f"`{name}` was not the same after the call: something changes it in place (an operator such as -= is the "
            f"usual reason, or .sort()). Work on a new array, such as x = {name} - 1: others need the old one.",
        )
    return result


def checked(result: object, *, shape: tuple[int, ...] | None = None, name: str = "It", advice: str = "") -> np.ndarray:
    """`result` as an array; `Wrong`, in words, unless it is one with this shape and holds finite numbers."""
    require(result is not None, f"{name} returned None. Is the `return` missing?")
    turn = "np.array(...) makes one of a list." if isinstance(result, (list, tuple)) else ""
    turn = "Its .numpy() is one." if isinstance(result, torch.Tensor) else turn
    require(
        isinstance(result, np.ndarray),
        f"{name} returned a {type(result).__name__}; expected one NumPy array. {turn or advice}".strip(),
    )
    require(
        shape is None or result.shape == shape,
        f"{name} returned an array of shape {result.shape}; expected {shape}. {advice}".strip(),
    )
    require(
        bool(np.isfinite(result).all()),
        f"{name} returned nan or infinity. Look for a division by zero or the root of a negative number.",
    )
    return result


def some_points(count: int = 5, scale: float = 1.0) -> np.ndarray:
    """(count, 2) random points, float64, drawn with torch's seed, which `grade` sets."""
    return scale * torch.randn(count, 2, dtype=torch.float64).numpy()


def _told(value: object) -> str:
    return f"of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)

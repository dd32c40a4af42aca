"""What an exercise is made of: a reference, checks, hints, and wrong answers that the checks must reject."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn


class Wrong(Exception):
    """Raised by a check. Its message is for the learner: what was seen, what was expected, what to look at."""


@dataclass(frozen=True)
class Mutant:
    """A wrong answer that people give."""

    answer: Callable  # a function or class, as a learner would hand in
    check: str  # name of the check function that must be the first to reject it
    names: str  # words of that check's message that name the mistake


@dataclass(frozen=True)
class Exercise:
    """One exercise. The reference is imported from the library; nothing here repeats it.

    A check is a function of the answer: its docstring is the row that the learner reads, and it raises `Wrong` with
    the explanation. The order of checks matters, for only the first failure is explained: put the cause first.
    """

    id: str  # "04.1": lesson, number
    title: str
    reference: Callable  # the library's function or nn.Module class; its name is the name in the notebook
    checks: tuple[Callable[[Callable], None], ...]
    hints: tuple[str, ...]  # from a nudge to nearly the answer
    mutants: tuple[Mutant, ...]  # at least three
    why: str  # why the solution looks like this
    mistakes: tuple[tuple[str, str], ...]  # two common mistakes, each with its symptom
    minutes: int
    difficulty: int  # 1 (a line or two), 2 (a few steps), 3 (needs thought)
    shows: tuple[Callable, ...] = ()  # what `solution` prints, if that is less than the whole reference

    @property
    def lesson(self) -> str:
        return self.id.split(".")[0]

    @property
    def name(self) -> str:
        return self.reference.__name__

    @cached_property
    def signatures(self) -> dict[str, tuple[str, ...]]:
        """Names of the arguments: of the function, or of `__init__` and `forward` of the class."""
        return signatures_of(self.reference)

    @property
    def signature(self) -> str:
        """For people: `adain(feature, sigma_s, mu_s)`, or the class with its `forward`."""
        heads = {"": self.name, "__init__": self.name, "forward": "forward"}
        return " with ".join(f"{heads[part]}({', '.join(names)})" for part, names in self.signatures.items())


def signatures_of(answer: Callable) -> dict[str, tuple[str, ...]]:
    """Argument names, `self` left out: {"": (...)} for a function, {"__init__": ..., "forward": ...} for a module."""
    if not inspect.isclass(answer):
        return {"": tuple(inspect.signature(answer).parameters)}
    return {part: tuple(inspect.signature(getattr(answer, part)).parameters)[1:] for part in ("__init__", "forward")}


def is_module(answer: object) -> bool:
    return inspect.isclass(answer) and issubclass(answer, nn.Module)


def require(condition: bool | Tensor, message: str) -> None:
    """`Wrong(message)` unless the condition holds."""
    if not bool(condition):
        raise Wrong(message)


def call(answer: Callable, *, shape: tuple[int, ...] | None = None, finite: bool = True, **inputs: Tensor) -> Tensor:
    """`answer` applied to copies of the inputs, in their order; what comes back is a tensor without history.

    Raises `Wrong`, in words, if an input was changed in place, if nothing or no tensor came back, or if its shape or
    its numbers are not as asked. An exception of the learner's own passes through, with a note on the inputs.
    """
    copies = {name: value.clone() for name, value in inputs.items()}
    listed = ", ".join(f"{name} {tuple(value.shape)}" for name, value in inputs.items())
    try:
        result = answer(*copies.values())
    except Exception as error:
        error.add_note(f"It was called with {listed}.")
        raise
    for name, value in inputs.items():
        require(
            copies[name].shape == value.shape and torch.equal(copies[name], value),
            f"`{name}` was not the same after the call: something changes it in place (an operator such as -= or a "
            f"method ending in _). Work on a new tensor, such as x = {name} - 1: others need the old one.",
        )
    require(result is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(result, Tensor),
        f"It returned {_of_what_kind(result)}; expected one tensor (not a tuple or number).",
    )
    if shape is not None:
        require(
            tuple(result.shape) == tuple(shape),
            f"The result has shape {tuple(result.shape)}; expected {tuple(shape)} for {listed}. Print the shape after "
            "each line; a missing keepdim=True or [:, :, None, None] is the usual reason.",
        )
    require(result.is_floating_point(), f"The result is of type {result.dtype}; expected floating-point numbers.")
    given = {value.dtype for value in inputs.values() if value.is_floating_point()}
    require(
        not given or result.dtype in given,
        f"The result is of type {result.dtype}, what went in {', '.join(map(str, given))}. Leave .half(), .double() "
        "and ways over NumPy out.",
    )
    if finite:
        require(
            torch.isfinite(result).all(),
            f"The result for {listed} holds nan or infinity. Look for a division by zero or the root of a negative "
            "number (or acos of one just above 1).",
        )
    return result.detach()


def _of_what_kind(result: object) -> str:
    """For the message above: what came back, and the usual reason."""
    if type(result).__module__ == "numpy":
        return "numbers of NumPy (is there a .numpy() to leave out?)"
    if isinstance(result, list):
        return "a list (torch.stack makes one tensor of a list of tensors)"
    return f"a {type(result).__name__}"

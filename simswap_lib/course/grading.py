"""Runs an exercise's checks on an answer and says in words what was found; never raises for what the answer does."""

from __future__ import annotations

import contextlib
import dis
import inspect
import io
import traceback
import types
from dataclasses import dataclass

import torch

from simswap_lib.course.exercise import Exercise, Wrong, is_module, signatures_of

PRINTED = 10  # lines of the learner's own printing that a verdict repeats


@dataclass(frozen=True)
class Row:
    """One line of a verdict."""

    label: str
    passed: bool
    message: str = ""  # why not
    check: str = ""  # name of the check function


@dataclass(frozen=True)
class Verdict:
    """What the checks found. `status` is "passed", "failed", "not attempted" or "refused"."""

    exercise: Exercise
    status: str
    rows: tuple[Row, ...] = ()
    message: str = ""  # of the first failure
    printed: str = ""  # what the learner's code printed meanwhile

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def first_failure(self) -> Row | None:
        return next((row for row in self.rows if not row.passed), None)


def grade(exercise: Exercise, answer: object) -> Verdict:
    """All checks on `answer`. Each starts from the same seed; the caller's random numbers stay as they were."""
    rows, printed = [_signature_row(exercise, answer)], io.StringIO()
    if not rows[0].passed:
        return Verdict(exercise, "failed", tuple(rows), rows[0].message)
    for check in exercise.checks:
        label = inspect.getdoc(check)
        try:
            with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(printed):
                torch.manual_seed(0)
                check(answer)
            rows.append(Row(label, True, check=check.__name__))
        except Wrong as wrong:
            rows.append(Row(label, False, str(wrong), check.__name__))
        except (Exception, SystemExit) as error:  # not KeyboardInterrupt: that is the learner's way out of a loop
            rows.append(Row(label, False, _explain(error, answer), check.__name__))
    failed = next((row for row in rows if not row.passed), None)
    if failed and (place := _still_to_write(answer)):  # a check may give up before it reaches the stub's line
        return Verdict(exercise, "not attempted", message=f"`{place}` still raises NotImplementedError.")
    status = "passed" if failed is None else "failed"
    return Verdict(exercise, status, tuple(rows), failed.message if failed else "", _shorten(printed.getvalue()))


def _signature_row(exercise: Exercise, answer: object) -> Row:
    label = f"is {exercise.signature}"
    kind = "a class built on nn.Module" if is_module(exercise.reference) else "a function"
    if not callable(answer) or inspect.isclass(answer) != inspect.isclass(exercise.reference):
        article = "a class" if inspect.isclass(answer) else f"a {type(answer).__name__}"
        return Row(
            label, False,
            f"check was given {article}; expected {kind}. Hand over {exercise.name} itself, without brackets: "
            f'{exercise.name} = check("{exercise.id}", {exercise.name}).',
        )  # fmt: skip
    if is_module(exercise.reference) and not is_module(answer):
        return Row(
            label, False, f"{answer.__name__} is not built on nn.Module: write class {answer.__name__}(nn.Module)."
        )
    try:
        found = signatures_of(answer)
    except (TypeError, ValueError):
        return Row(label, False, f"The arguments of {answer!r} cannot be read; expected {exercise.signature}.")
    for part, wanted in exercise.signatures.items():
        of_own = found[part][len(wanted) :]  # more arguments do no harm if nobody has to give them
        if found[part][: len(wanted)] != wanted or not _optional(answer, part, of_own):
            where = f"{exercise.name}.{part}" if part else exercise.name
            return Row(
                label, False,
                f"{where} takes ({', '.join(found[part])}); expected ({', '.join(wanted)}), in this order, because "
                "later cells call it so.",
            )  # fmt: skip
    return Row(label, True)


def _optional(answer: object, part: str, names: tuple[str, ...]) -> bool:
    """Whether all these arguments, of the answer or of one of its methods, may be left out."""
    arguments = inspect.signature(getattr(answer, part) if part else answer).parameters
    return all(
        arguments[name].default is not inspect.Parameter.empty
        or arguments[name].kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        for name in names
    )


def _functions_of(answer: object) -> list[types.FunctionType]:
    """The answer, or the methods that its class brings itself; of decorated ones, what was decorated."""
    functions = vars(answer).values() if inspect.isclass(answer) else [answer]
    return [inspect.unwrap(f) for f in functions if isinstance(f, types.FunctionType)]


def _files_of(answer: object) -> set[str]:
    """Names of the files (or notebook cells) in which the answer's functions were written."""
    return {f.__code__.co_filename for f in _functions_of(answer)}


def _still_to_write(answer: object) -> str | None:
    """The first function of the answer in which the stub's `raise NotImplementedError` can still be reached."""
    for function in _functions_of(answer):
        # Python leaves out what stands behind a return, so a forgotten last line of the stub does no harm.
        if any(i.opname == "LOAD_GLOBAL" and i.argval == "NotImplementedError" for i in dis.get_instructions(function)):
            return function.__name__
    return None


def _explain(error: BaseException, answer: object) -> str:
    """The error in one line, with the learner's line that raised it and what it was called with."""
    try:
        said = str(error)[:500]
    except Exception:  # an exception class of the learner's own may be broken, too
        said = ""
    words = f"Your code raised {type(error).__name__}" + (f": {said}" if said else ".")
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in _files_of(answer)]
    if frames and frames[-1].line:
        words += f"\n  in {frames[-1].name}, at the line: {frames[-1].line}"
    notes = "".join("\n  " + note for note in getattr(error, "__notes__", []))
    return words + notes


def _shorten(printed: str) -> str:
    printed = printed.encode("utf-8", "replace").decode()  # half a surrogate pair could not be shown
    lines = [line[:200] for line in printed.splitlines()]
    rest = len(lines) - PRINTED
    return "\n".join(lines[:PRINTED] + ([f"... and {rest} more lines"] if rest > 0 else []))

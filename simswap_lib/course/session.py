"""What a reader calls in a notebook: check, hint, solution, progress."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterable
from functools import lru_cache

from simswap_lib.course import kept, show
from simswap_lib.course.exercise import Exercise, signatures_of
from simswap_lib.course.grading import Verdict, grade

# What happened since this kernel started. Passes and tries are kept in a file, too (kept.py); nothing is ever uploaded.
_verdicts: dict[str, Verdict] = {}
_tries: dict[str, int] = {}
_lesson: str | None = None  # the one that `setup` opened


@lru_cache(maxsize=1)
def exercises() -> dict[str, Exercise]:
    """All exercises by id, in order; each file `course/lesson_NN/exercises.py` lists its own in `EXERCISES`."""
    import simswap_lib.course as package

    names = sorted(m.name for m in pkgutil.iter_modules(package.__path__) if re.fullmatch(r"lesson_\d\d", m.name))
    found = [e for name in names for e in importlib.import_module(f"{package.__name__}.{name}.exercises").EXERCISES]
    return {exercise.id: exercise for exercise in found}


def mode() -> tuple[str, str, int]:
    """(mode, exercise, number) from the environment variable SIMSWAP_MODE.

    learner (default)   the learner's code where it passes, the course's elsewhere; never raises
    solution            the course's code everywhere; raises if it fails its own checks
    mutant:04.1:2       the second wrong answer of exercise 04.1, the course's code elsewhere; for failure galleries
    """
    setting = os.environ.get("SIMSWAP_MODE", "learner")
    if setting in ("learner", "solution"):
        return setting, "", 0
    kind, _, rest = setting.partition(":")
    id, _, number = rest.partition(":")
    if kind == "mutant" and id in exercises() and number.isdigit() and 1 <= int(number) <= len(exercises()[id].mutants):
        return "mutant", id, int(number)
    raise ValueError(
        f"SIMSWAP_MODE is {setting!r}; expected learner, solution, or mutant:ID:NUMBER such as mutant:04.1:2 "
        "with an exercise and one of its wrong answers."
    )


def check(id: str, answer: Callable) -> Callable:
    """Check the learner's function or class; returns it if it passes and the course's version if it does not.

        adain = check("04.1", adain)        # in the cell in which adain is written

    So the notebook goes on either way, with the learner's own code wherever that is right. In learner mode nothing
    that the answer does makes this raise.
    """
    exercise = exercises().get(id)
    how, mutated, number = mode()
    if exercise is None:
        if how != "learner":
            raise KeyError(_no_such(id))
        show.show(show.note(_no_such(id)))
        return answer
    if how != "learner":
        mutant = how == "mutant" and mutated == id
        chosen = exercise.mutants[number - 1].answer if mutant else exercise.reference
        verdict = grade(exercise, chosen)
        if not verdict.passed and not mutant:
            raise AssertionError(f"The reference of {id} fails its own checks.\n{show.verdict(verdict, '')}")
        words = f"wrong answer number {number}" if mutant else "the course's version"
        _record(verdict)
        show.show(show.verdict(verdict, f"SIMSWAP_MODE is {how}: the notebook uses {words} of `{exercise.name}`."))
        return chosen
    verdict = _refusal(exercise, answer) or grade(exercise, answer)
    _record(verdict)
    nudge = f' `hint("{id}")` gives a nudge, `solution("{id}")` the answer.'
    in_use = {
        "passed": f"From here on the notebook uses YOUR `{exercise.name}`.",
        "failed": f"From here on the notebook uses the course's `{exercise.name}`, until yours passes." + nudge,
        "not attempted": f"From here on the notebook uses the course's `{exercise.name}`, until yours passes." + nudge,
        "refused": f"The notebook goes on with the course's `{exercise.name}`.",
    }[verdict.status]
    show.show(show.verdict(verdict, in_use))
    return _with_defaults(answer, exercise.reference) if verdict.passed else exercise.reference


def hint(id: str, number: int = 1) -> None:
    """Show one hint, folded: `hint("04.1")` the first, `hint("04.1", 2)` the next."""
    exercise = exercises().get(id)
    if exercise is None:
        return show.show(show.note(_no_such(id)))
    last = len(exercise.hints)
    if not isinstance(number, int) or not 1 <= number <= last:
        return show.show(show.note(f'{id} has the hints 1 to {last}; `solution("{id}")` shows the answer.'))
    following = f'`hint("{id}", {number + 1})` says more.' if number < last else f'`solution("{id}")` shows the answer.'
    show.show(show.folded(f"Hint {number} of {last} for {id}", [("p", exercise.hints[number - 1]), ("p", following)]))


def solution(id: str) -> None:
    """Show, folded, the library's own code, why it looks so, and two common mistakes with their symptoms."""
    exercise = exercises().get(id)
    if exercise is None:
        return show.show(show.note(_no_such(id)))
    source = "\n".join(textwrap.dedent(inspect.getsource(part)) for part in exercise.shows or (exercise.reference,))
    where = f"From `{exercise.reference.__module__}`:"
    mistakes = [("p", f"Common mistake: {mistake} Symptom: {symptom}") for mistake, symptom in exercise.mistakes]
    parts = [("p", where), ("pre", source.rstrip()), ("p", "Why so: " + exercise.why), *mistakes]
    show.show(show.folded(f"Solution of {id}, {exercise.title}", parts))


def progress(lesson: str | None = None) -> None:
    """A table of this lesson's exercises, and how far the whole course is; `progress("all")` lists every lesson's.

    `python -m simswap_lib progress` prints that, too.
    """
    lesson = lesson or _lesson or "all"
    before = kept.load()
    chosen = [e for e in exercises().values() if lesson in ("all", e.lesson)]
    if not chosen:
        lessons = ", ".join(sorted({e.lesson for e in exercises().values()}))
        return show.show(show.note(f'There are no exercises in lesson "{lesson}"; there are in {lessons}.'))
    rows = [
        (e.id, e.title, f"{e.minutes} min", _standing(e, before), str(_count(e, before)), in_use(e.id)) for e in chosen
    ]
    after = f"{_done(chosen, before)} of {len(chosen)} done."
    if lesson != "all":
        everything = exercises().values()
        after += (
            f' Of the whole course: {_done(everything, before)} of {len(everything)}; `progress("all")` lists them.'
        )
    if kept.path() is not None:
        after += f" Kept on this machine only, in `{os.environ.get('SIMSWAP_PROGRESS') or kept.WHERE}`."
    head = ("Exercise", "Title", "Time", "State", "Tries", "In use")
    show.show(show.table("Progress" if lesson == "all" else f"Progress in lesson {lesson}", head, rows, after))


def in_use(*ids: str) -> str:
    """Whose code the notebook runs, for one exercise or several: "adain: yours, IDBlock: the course's"."""
    how, mutated, number = mode()
    words = []
    for id in ids:
        whose = "yours" if id in _verdicts and _verdicts[id].passed and how == "learner" else "the course's"
        if how == "mutant" and id == mutated:
            whose = f"wrong answer {number}"
        words.append(whose if len(ids) == 1 else f"{exercises()[id].name}: {whose}")
    return ", ".join(words)


def open_lesson(lesson: str) -> None:
    """Remember which lesson `progress()` means."""
    global _lesson
    _lesson = lesson


def forget() -> None:
    """Start a session anew, as a restarted kernel would."""
    global _lesson
    _verdicts.clear()
    _tries.clear()
    _lesson = None


def _with_defaults(answer: Callable, reference: Callable) -> Callable:
    """The answer; one that lost its defaults, as in `align(image, points, size, template)`, gets the reference's.

    Later cells call the function without these arguments, as the stub has it.
    """
    function, original = inspect.unwrap(answer), inspect.unwrap(reference)
    if inspect.isfunction(function) and inspect.isfunction(original):
        fewer = len(function.__defaults__ or ()) < len(original.__defaults__ or ())
        if fewer and signatures_of(function) == signatures_of(original):
            function.__defaults__ = original.__defaults__
    return answer


def _record(verdict: Verdict) -> None:
    id = verdict.exercise.id
    # Running the check alone again hands in what it returned before; that must not undo a pass.
    if verdict.status != "refused" or id not in _verdicts:
        _verdicts[id] = verdict
    if verdict.status in ("passed", "failed"):
        _tries[id] = _tries.get(id, 0) + 1
        if mode()[0] == "learner":
            kept.add(id, verdict.passed)


def _standing(exercise: Exercise, before: dict[str, dict]) -> str:
    verdict = _verdicts.get(exercise.id)
    if verdict is not None and verdict.status in ("passed", "failed"):
        return verdict.status
    if exercise.id in before:
        return "passed before" if before[exercise.id]["passed"] else "failed before"
    return "not attempted"


def _count(exercise: Exercise, before: dict[str, dict]) -> int:
    return max(_tries.get(exercise.id, 0), before.get(exercise.id, {"tries": 0})["tries"])


def _done(chosen: Iterable[Exercise], before: dict[str, dict]) -> int:
    passed = {id for id, verdict in _verdicts.items() if verdict.passed} | {id for id in before if before[id]["passed"]}
    return sum(exercise.id in passed for exercise in chosen)


def _refusal(exercise: Exercise, answer: object) -> Verdict | None:
    """A verdict that tests nothing, if the answer is the reference itself: it would only praise our own code."""
    same = answer is exercise.reference
    if not same and inspect.isclass(answer) and inspect.isclass(exercise.reference):
        same = issubclass(answer, exercise.reference)
    if not same:
        return None
    return Verdict(
        exercise,
        "refused",
        message=f"This `{exercise.name}` is the course's own version, so there is nothing to check. Was the check run "
        f"without the cell's first lines, or `{exercise.name}` imported? Run the whole cell with your code in it.",
    )


def _no_such(id: object) -> str:
    return f"There is no exercise {id!r}. There are: {', '.join(exercises())}."

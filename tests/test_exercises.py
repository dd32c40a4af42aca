"""Every exercise of every lesson: the checks accept the reference and reject each wrong answer for the right reason."""

import inspect
import re

import pytest
import torch
from torch import nn

from simswap_lib.course import check, exercises, grade, session
from simswap_lib.course.exercise import signatures_of

EXERCISES = list(exercises().values())
MUTANTS = [(e, m) for e in EXERCISES for m in e.mutants]
CHECKS = [(e, c) for e in EXERCISES for c in e.checks]


def named(cases):
    return [f"{exercise.id}-{getattr(other, '__name__', '') or other.answer.__name__}" for exercise, other in cases]


def stub_of(exercise):
    """What a reader starts from: the reference's signature, and nothing done yet."""
    lines = {"": "def {name}({args}):\n    raise NotImplementedError\n"}
    if inspect.isclass(exercise.reference):
        init, forward = (", ".join(("self", *exercise.signatures[part])) for part in ("__init__", "forward"))
        source = (
            f"class {exercise.name}(nn.Module):\n    def __init__({init}):\n        super().__init__()\n"
            f"    def forward({forward}):\n        raise NotImplementedError\n"
        )
    else:
        source = lines[""].format(name=exercise.name, args=", ".join(exercise.signatures[""]))
    scope = {"nn": nn}
    exec(compile(source, f"<stub of {exercise.id}>", "exec"), scope)
    return scope[exercise.name]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
class TestEveryExercise:
    def test_the_reference_passes(self, exercise):
        verdict = grade(exercise, exercise.reference)
        assert verdict.passed, verdict.message

    def test_the_reference_passes_whatever_the_seed(self, exercise):
        # Checks draw random inputs: a tolerance that just fits one draw would fail readers on other platforms.
        for seed in range(5):
            for check_function in exercise.checks:
                with torch.random.fork_rng():
                    torch.manual_seed(seed)
                    check_function(exercise.reference)

    def test_the_reference_comes_from_the_library(self, exercise):
        assert exercise.reference.__module__.startswith("simswap_lib.")
        assert not exercise.reference.__module__.startswith("simswap_lib.course")

    def test_the_untouched_stub_is_not_attempted(self, exercise):
        assert grade(exercise, stub_of(exercise)).status == "not attempted"

    def test_a_check_refuses_the_reference_itself(self, exercise, capsys, monkeypatch):
        monkeypatch.setenv("SIMSWAP_MODE", "learner")
        session.forget()
        assert check(exercise.id, exercise.reference) is exercise.reference
        assert "course's own version" in capsys.readouterr().out
        assert session.in_use(exercise.id) == "the course's"

    def test_has_what_the_design_asks_for(self, exercise):
        assert re.fullmatch(r"\d\d\.\d", exercise.id)
        assert len(exercise.hints) >= 3 and len(exercise.mutants) >= 3 and len(exercise.mistakes) == 2
        assert 1 <= exercise.minutes <= 30 and exercise.difficulty in (1, 2, 3)
        assert exercise.why and exercise.title
        assert all(inspect.getdoc(c) for c in exercise.checks)

    def test_mutants_have_the_signature(self, exercise):
        for mutant in exercise.mutants:
            assert signatures_of(mutant.answer) == exercise.signatures, mutant.answer


@pytest.mark.parametrize(("exercise", "mutant"), MUTANTS, ids=named(MUTANTS))
def test_each_mutant_is_rejected_by_the_check_that_names_its_mistake(exercise, mutant):
    verdict = grade(exercise, mutant.answer)
    assert verdict.status == "failed"
    assert verdict.first_failure.check == mutant.check, verdict.message
    assert mutant.names in verdict.message


@pytest.mark.parametrize(("exercise", "check_function"), CHECKS, ids=named(CHECKS))
def test_each_check_is_the_first_to_reject_some_mutant(exercise, check_function):
    assert check_function.__name__ in [mutant.check for mutant in exercise.mutants]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_at_least_two_mutants_look_right_from_outside(exercise):
    """Right shape and finite values: only a check of what was computed can tell them from a right answer."""
    first = exercise.checks[0].__name__
    plausible = []
    for mutant in exercise.mutants:
        verdict = grade(exercise, mutant.answer)
        passed = {row.check for row in verdict.rows if row.passed}
        crashed = any("Your code raised" in row.message or "nan" in row.message for row in verdict.rows)
        plausible.append(first in passed and not crashed)
    assert sum(plausible) >= 2


def test_ids_are_in_order_and_their_own():
    ids = [e.id for e in EXERCISES]
    assert ids == sorted(set(ids)) and len(ids) >= 5

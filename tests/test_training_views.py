"""What lesson 07 draws: diagrams and curves with words, and the clinic."""

import math

import pytest

from simswap_lib import failures
from simswap_lib.views import training as training_views
from simswap_lib.views.training import WARD, curves, failure_clinic, step_diagram, told, two_ways, ward

LOG = [
    {"step": 2, "pictures": 16, "cos_source": 0.1, "cos_target": 0.8, "critic": 2.0, "adversarial": 0.0,
     "reconstruction": 0.4, "wfm": 1.0},
    {"step": 4, "pictures": 32, "cos_source": 0.7, "cos_target": 0.2, "critic": 1.5, "adversarial": 0.5,
     "reconstruction": 0.1, "wfm": 0.6},
]  # fmt: skip
BROKEN = [*LOG, LOG[-1] | {"step": 6, "pictures": 48} | dict.fromkeys(("cos_source", "critic"), math.nan)]


def test_the_words_name_both_ends_of_each_curve():
    assert "cosine to source from 0.10 to 0.70, cosine to target from 0.80 to 0.20" in told(LOG)
    assert told(LOG).endswith("in 4 steps.") and "critic's loss from 2.00 to nan" in told(BROKEN)


def test_curves_draw_every_field_once_and_the_other_run_behind():
    figure = curves(LOG)
    assert [len(axis.lines) for axis in figure.axes] == [2, 2, 2] and told(LOG) in figure.alt
    assert list(figure.axes[0].lines[0].get_xdata()) == [16, 32]
    assert [len(axis.lines) for axis in curves(LOG, LOG, "step").axes] == [4, 4, 4]


def test_a_curve_that_ends_in_nan_says_so():
    axes = ward({"A": LOG, "B": BROKEN}).axes
    assert [text.get_text() for text in axes[1].texts] == [" nan"] and not axes[0].texts
    assert axes[0].get_ylim() == axes[1].get_ylim()


def test_the_ward_says_every_patient_in_words():
    alt = ward({"A": LOG, "B": BROKEN}, behind=LOG).alt
    assert f"Patient A: {told(LOG)}" in alt and f"Patient B: {told(BROKEN)}" in alt


def test_two_ways_and_the_diagram_have_words():
    logs = {name: [{"step": i, "sum": 1.0, "shift": i} for i in range(3)] for name in ("one", "two")}
    assert "two: the sum ends at 1.0, the shift at 2.0" in two_ways(logs, 4.0).alt
    assert "cut off by detach()" in step_diagram().alt


def test_the_ward_holds_each_failure_once():
    assert sorted(WARD.values()) == sorted(set(failures.FAILURES) - {"healthy"})
    assert set(training_views.AGAINST) == set(WARD.values())


@pytest.fixture(scope="module")
def clinic():
    return failure_clinic()


def test_the_clinic_answers_every_diagnosis(clinic):
    for patient, right in WARD.items():
        for answer in training_views.AGAINST:
            clinic.set(patient=patient, answer=answer)
            assert clinic.error is None
            assert (f"Yes: {right}" in clinic.view.value) == (answer == right)
            assert (failures.FAILURES[right].cause in clinic.view.value) == (answer == right)
            assert f'alt="Patient {patient}. ' in clinic.view.value and 'role="status"' in clinic.view.value
    clinic.buttons["Start again"].click()
    assert "Choose a diagnosis" in clinic.view.value and len(repr(clinic)) <= 110

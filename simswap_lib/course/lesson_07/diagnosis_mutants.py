"""Wrong answers to exercise 07.5."""

import math

from simswap_lib.failures import diagnose as right


def _mean(name, part):
    return sum(record[name] for record in part) / len(part)


def _diagnose(records, last=None, finite=None, limit=0.5, order="cws", worse=None, win=None, copies=None):
    last = last or records[-5:]
    finite = finite or (lambda record: all(math.isfinite(v) for v in record.values()))
    if not finite(records[-1]):
        return "not a number"
    lowest = min(record["reconstruction"] for record in records)
    tests = {
        "w": ("the discriminator wins", win or (lambda: _mean("critic", last) < limit)),
        "c": ("collapses", worse or (lambda: _mean("reconstruction", last) > 2 * lowest)),
        "s": ("copies the target", copies or (lambda: _mean("cos_target", last) > _mean("cos_source", last))),
    }
    return next((tests[letter][0] for letter in order if tests[letter][1]()), "healthy")


def says_it_in_other_words(records):
    return {"copies the target": "copy"}.get(right(records), right(records)) if len(records) > 3 else "ok"


def too_strict(records):
    return _diagnose(records, limit=1.0)


def equals_nan(records):
    return _diagnose(records, finite=lambda record: not any(v == math.nan for v in record.values()))


def nan_alone(records):
    return _diagnose(records, finite=lambda record: not any(math.isnan(v) for v in record.values()))


def four_columns(records):
    names = ("critic", "reconstruction", "cos_source", "cos_target")
    return _diagnose(records, finite=lambda record: all(math.isfinite(record[n]) for n in names))


def never_wins(records):
    return _diagnose(records, order="cs")


def waits_for_zero(records):
    return _diagnose(records, win=lambda: _mean("critic", records[-5:]) <= 0)


def fixed_number(records):
    return _diagnose(records, worse=lambda: _mean("reconstruction", records[-5:]) > 0.3)


def against_the_highest(records):
    highest = max(record["reconstruction"] for record in records)
    return _diagnose(records, worse=lambda: _mean("reconstruction", records[-5:]) > 2 * highest)


def against_the_first(records):
    first = records[0]["reconstruction"]
    return _diagnose(records, worse=lambda: _mean("reconstruction", records[-5:]) > 2 * first)


def threshold_for_copies(records):
    return _diagnose(records, copies=lambda: _mean("cos_target", records[-5:]) > 0.9)


def last_record(records):
    return _diagnose(records, last=records[-1:])


def whole_log(records):
    return _diagnose(records, last=records)


def copies_first(records):
    return _diagnose(records, order="scw")


def any_record(records):
    return _diagnose(records, finite=lambda _: all(math.isfinite(v) for record in records for v in record.values()))


def six_records(records):
    return _diagnose(records, last=records[-6:])


def each_of_five(records):
    return _diagnose(records, win=lambda: all(record["critic"] < 0.5 for record in records[-5:]))


def divides_by_five(records):
    return _diagnose(records, win=lambda: sum(record["critic"] for record in records[-5:]) / 5 < 0.5)

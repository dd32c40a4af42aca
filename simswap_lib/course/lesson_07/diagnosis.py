"""Checks of exercise 07.5: reading a log."""

from __future__ import annotations

from collections.abc import Callable

from simswap_lib.course.exercise import require
from simswap_lib.failures import FAILURES

WORDS = tuple(FAILURES)
FINE = {"critic": 1.4, "reconstruction": 0.12, "cos_source": 0.7, "cos_target": 0.2}


def log(count: int = 20, **ends: float) -> list[dict]:
    """A log that begins as FINE and in which the named numbers go to their ends in a straight line."""
    out = []
    for i in range(count):
        way = i / (count - 1)
        record = {"step": 2 * (i + 1), "identity": 1 - FINE["cos_source"], "wfm": 0.6}
        out.append(record | {name: (1 - way) * start + way * ends.get(name, start) for name, start in FINE.items()})
    return out


def asked(diagnose: Callable, records: list[dict]) -> str:
    before = [dict(record) for record in records]
    said = diagnose(records)
    require(records == before, "The records were changed. Only read them: somebody may want to draw them afterwards.")
    require(said is not None, "It returned None. Is a `return` missing in one of the branches?")
    require(
        said in WORDS,
        f"It said {said!r:.60}; expected one of {', '.join(map(repr, WORDS))}.",
    )
    return said


def calls_a_healthy_run_healthy(diagnose: Callable) -> None:
    """leaves a healthy run in peace, however short"""
    for records in (log(), log(3), log(reconstruction=0.2), log(critic=0.8), log(cos_target=0.5)):
        said = asked(diagnose, records)
        first, last = ({n: round(records[i][n], 2) for n in FINE} for i in (0, -1))
        require(
            said == "healthy",
            f"A healthy run of {len(records)} records was called {said!r}. It went from {first} to {last}.",
        )


def sees_what_is_no_number(diagnose: Callable) -> None:
    """sees nan and infinity, in whichever column"""
    for name in ("identity", "wfm", "cos_source"):
        for value in (float("nan"), float("inf"), float("-inf")):
            records = log()
            records[-1] = records[-1] | {name: value}
            said = asked(diagnose, records)
            require(
                said == "not a number",
                f"The last record has {name} = {value}, and it was called {said!r}. nan equals nothing, not even "
                "itself, and every comparison with it is False: math.isfinite(value), for all values of the record, "
                "before anything is compared.",
            )
    records = log()
    records[6] = records[6] | {"wfm": float("nan")}
    said = asked(diagnose, records)
    require(
        said != "not a number",
        "A single record in the middle has a nan, the last one is fine, and the run was called 'not a number'. Look at "
        "the last record: a run that really went there does not come back.",
    )


def sees_the_discriminator_win(diagnose: Callable) -> None:
    """sees a discriminator that is never wrong"""
    said = asked(diagnose, log(critic=0.05))
    require(
        said == "the discriminator wins",
        f"The critic's loss fell to 0.05, and the run was called {said!r}. 2 means that the critic cannot tell, 0 that "
        "it is never wrong: below 0.5, on the mean of its last 5 records, it has won.",
    )


def sees_a_collapse(diagnose: Callable) -> None:
    """sees a picture that comes apart"""
    said = asked(diagnose, log(reconstruction=0.45))
    require(
        said == "collapses",
        f"The reconstruction loss rose from 0.12 to 0.45, and the run was called {said!r}. Compare the mean of the "
        "last 5 with twice its lowest value in the log.",
    )
    easy = [record | {"reconstruction": record["reconstruction"] / 10} for record in log(reconstruction=0.45)]
    said = asked(diagnose, easy)
    require(
        said == "collapses",
        f"It rose from 0.012 to 0.045, and the run was called {said!r}. What is large depends on the pictures: compare "
        "with what the run had reached, its lowest value, and not with a fixed number.",
    )
    learnt = [*log(reconstruction=0.04), *log(reconstruction=0.12)]
    learnt[20:] = [record | {"reconstruction": 0.12} for record in learnt[20:]]
    said = asked(diagnose, learnt)
    require(
        said == "collapses",
        f"The reconstruction loss fell from 0.12 to 0.04 and rose to 0.12 again, and the run was called {said!r}. "
        "Compare with its lowest value, not with its first.",
    )


def sees_a_copy(diagnose: Callable) -> None:
    """sees a result that is more like the target than like the source"""
    said = asked(diagnose, log(cos_source=0.2, cos_target=0.7))
    require(
        said == "copies the target",
        f"The cosine to the source fell to 0.2 and that to the target rose to 0.7, and the run was called {said!r}.",
    )


def reads_the_end_and_not_one_record(diagnose: Callable) -> None:
    """judges by the mean of the last 5 records: one batch may be a whim"""
    hiccup = {"critic": 0.4, "reconstruction": 0.3, "cos_source": 0.4, "cos_target": 0.45}
    for name, value in hiccup.items():
        other = {"cos_source": {"cos_target": 0.45}, "cos_target": {"cos_source": 0.4}}.get(name, {})
        records = log()
        records[-1] = records[-1] | {name: value} | other
        said = asked(diagnose, records)
        require(
            said == "healthy",
            f"One odd record at the end, {name} = {value}, and the run was called {said!r}. Batches differ: take the "
            "mean of the last 5.",
        )
    for ends, wanted in (
        ({"critic": 0.05}, "the discriminator wins"),
        ({"cos_source": 0.2, "cos_target": 0.7}, "copies the target"),
    ):
        late = log(40) + [record | ends for record in log(6)]
        said = asked(diagnose, late)
        require(
            said == wanted,
            f"A run that was well for 40 records and ill for the last 6 was called {said!r}; expected {wanted!r}. "
            "The mean over the whole log hides what is happening now.",
        )


def takes_five_or_what_there_is(diagnose: Callable) -> None:
    """takes the mean of the last 5 records, no more, and of all where there are fewer"""
    one_good = [record | {"critic": value} for record, value in zip(log(5), (0.1, 0.1, 0.9, 0.1, 0.1), strict=True)]
    six = [record | {"critic": value} for record, value in zip(log(6), (2.0, *[0.45] * 5), strict=True)]
    short = [record | {"critic": 0.7} for record in log(3)]
    for records, wanted, cause in (
        (one_good, "the discriminator wins", "It is their mean that counts, here 0.26, and not each of the five."),
        (six, "the discriminator wins", "The sixth from the end was counted, too: records[-5:]."),
        (short, "healthy", "There are only 3 records: divide by how many there are, not by 5."),
    ):
        said = asked(diagnose, records)
        last = ", ".join(f"{record['critic']:g}" for record in records)
        require(
            said == wanted, f"With a critic's loss of {last} the run was called {said!r}; expected {wanted!r}. {cause}"
        )


def names_the_gravest(diagnose: Callable) -> None:
    """names the gravest of several"""
    everything = {"critic": 0.05, "reconstruction": 0.45, "cos_source": 0.2, "cos_target": 0.7}
    for left_out, wanted in (
        ((), "collapses"),
        (("reconstruction",), "the discriminator wins"),
        (("critic", "reconstruction"), "copies the target"),
    ):
        said = asked(diagnose, log(**{n: v for n, v in everything.items() if n not in left_out}))
        require(
            said == wanted,
            f"Of several failures at once it named {said!r}; expected {wanted!r}. The order is: not a number, "
            "collapses, the discriminator wins, copies the target; return at the first that holds.",
        )

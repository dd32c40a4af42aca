"""Training runs that fail on purpose, in the four ways that users meet, and how their logs tell: for lesson 07.

`tools/run_failures.py` makes the logs that this reads; a test ties them to the settings here.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from simswap_lib.files import DATA
from simswap_lib.losses import LossWeights
from simswap_lib.train_config import TrainConfig

FOLDER = DATA / "results" / "failures"
START = "halfway"  # every run goes on from this generator, so that whatever is lost was there before
HEALTHY = TrainConfig(
    start=START, people=60, photos=4, batch=8, critic_width=16, loss=LossWeights(identity=30.0), learning_rate=4e-4,
    ema=0.9, steps=120, log_every=2, validate_every=30, checkpoint_every=1000,
)  # fmt: skip


def root_of_squares(result: Tensor, target: Tensor, same: Tensor) -> Tensor:
    """A reconstruction loss with a trap: the mask comes before the root, and the root of 0 has an infinite slope.

    Its value is fine; but where source and target are two people, the slope is 0 * infinity, which is no number.
    """
    difference = (result - target) * same.view(-1, 1, 1, 1)
    return difference.square().mean(dim=(1, 2, 3)).sqrt().mean()


@dataclass(frozen=True)
class Failure:
    """One run: its settings, the cause in words, and a loss in the place of the library's where the cause is a bug."""

    config: TrainConfig
    cause: str
    reconstruction: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None


def _with(settings: dict | None = None, **weights: float) -> TrainConfig:
    return replace(HEALTHY, loss=replace(HEALTHY.loss, **weights), **(settings or {}))


# The keys are what `diagnose` says.
FAILURES = {
    "healthy": Failure(HEALTHY, "nothing: the settings of the course, on few people"),
    "copies the target": Failure(
        _with({"first_map": 1}, identity=1.0, wfm=50.0),
        "all maps are matched, five times as strongly, and the identity weighs 1 instead of 30",
    ),
    "collapses": Failure(
        _with({"learning_rate": 2e-2}),
        "the learning rate is 50 times too large",
    ),
    "the discriminator wins": Failure(
        _with({"people": 2, "photos": 2, "critic_width": 48}, gp=0.0, wfm=0.0),
        "two people with two photographs each, a wide critic, no penalty, no matching: it knows the real ones by heart",
    ),
    "not a number": Failure(
        _with({"steps": 10, "log_every": 1}),
        "a root is taken of a difference that the mask has set to exactly 0",
        root_of_squares,
    ),
}


def records(name: str) -> list[dict]:
    """The log of the run. The last record of "not a number" holds the terms at which `train` stopped.

    Raises: ValueError for a name that is none, FileNotFoundError if the log is missing.
    """
    if name not in FAILURES:
        raise ValueError(f"There is no failure {name!r}; there are {', '.join(FAILURES)}.")
    path = FOLDER / f"{name.replace(' ', '-')}.jsonl"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `python tools/run_failures.py` makes it.")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


LAST = 5  # records that speak for the end of a run
SURE, WORSE = 0.5, 2.0


def diagnose(records: Sequence[dict[str, float]]) -> str:
    """What the log of a run says, looking for the gravest first. Means are over the last 5 records.

        "not a number"             a value of the last record is nan or infinite
        "collapses"                the mean of `reconstruction` is more than twice its lowest value in the log
        "the discriminator wins"   the mean of its loss, `critic`, is below 0.5
        "copies the target"        the mean of `cos_target` is above that of `cos_source`
        "healthy"                  none of these

    records: as `train` writes them, in order of time; each has these four numbers.
    Raises: ValueError if there is no record.
    """
    if not records:
        raise ValueError("A diagnosis needs at least one record.")
    if not all(math.isfinite(value) for value in records[-1].values()):
        return "not a number"

    def mean(name: str) -> float:
        last = records[-LAST:]
        return sum(record[name] for record in last) / len(last)

    if mean("reconstruction") > WORSE * min(record["reconstruction"] for record in records):
        return "collapses"
    if mean("critic") < SURE:
        return "the discriminator wins"
    if mean("cos_target") > mean("cos_source"):
        return "copies the target"
    return "healthy"

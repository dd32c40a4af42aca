"""Short runs that leave out or change one thing each, and what was measured of them: for lessons 05 and 06.

`tools/run_experiments.py` makes the files that this reads; a test ties them to the settings here and to the recogniser.
"""

import json
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from simswap_lib.files import DATA
from simswap_lib.losses import LossWeights
from simswap_lib.train_config import TrainConfig

FOLDER = DATA / "results" / "experiments"
ALL_TERMS = "match-4"
# All go on from `halfway` and its discriminator, which swap already, with the weights of the paper: what
# one change does from there shows within a few hundred steps.
BASE = TrainConfig(
    start="halfway", start_critic="critic", loss=LossWeights(), ema=0.98,
    steps=300, batch=8, log_every=10, validate_every=50, checkpoint_every=50,
)  # fmt: skip


@dataclass(frozen=True)
class Experiment:
    """One run: its settings, what sets it apart, and two things that settings cannot say."""

    config: TrainConfig
    words: str
    masked: bool = True  # False: reconstruction also where source and target are two people
    ships: bool = False  # its generator is among the course's weights, under the experiment's name


def _without(**weights: float) -> TrainConfig:
    return replace(BASE, loss=replace(BASE.loss, **weights))


EXPERIMENTS = {
    "match-1": Experiment(replace(BASE, first_map=1), "all four maps are matched: oFM", ships=True),
    "match-2": Experiment(replace(BASE, first_map=2), "maps 2 to 4 are matched", ships=True),
    "match-3": Experiment(replace(BASE, first_map=3), "maps 3 and 4 are matched", ships=True),
    "match-4": Experiment(replace(BASE, first_map=4), "all terms; only the last map is matched", ships=True),
    "match-none": Experiment(_without(wfm=0.0), "no map is matched: nFM", ships=True),
    "no-identity": Experiment(_without(identity=0.0), "no identity loss"),
    "no-reconstruction": Experiment(_without(reconstruction=0.0), "no reconstruction loss"),
    "unmasked": Experiment(BASE, "the reconstruction loss also asks for the target where people differ", masked=False),
    "no-adversarial": Experiment(_without(adversarial=0.0), "the generator does not hear the discriminator's verdict"),
    "no-penalty": Experiment(_without(gp=0.0), "no gradient penalty"),
    "one-scale": Experiment(replace(BASE, scales=1), "one discriminator, which sees the picture at full size only"),
    "long-3": Experiment(replace(BASE, first_map=3, steps=900), "maps 3 and 4 are matched, for three times as long"),
}


def records(name: str) -> list[dict]:
    """The log of the run: a record each 10 steps, with the validation's figures in every fifth."""
    return [json.loads(line) for line in _file(name, "jsonl").read_text(encoding="utf-8").splitlines()]


def strip(name: str) -> np.ndarray:
    """Eight held-out swaps at the end of the run: rows of sources, targets, results and true answers, uint8 RGB."""
    with Image.open(_file(name, "png")) as picture:
        return np.array(picture.convert("RGB"))


def figures(name: str) -> dict:
    """What was measured at the end: `retrieval`, `to_source`, `to_target` by the judge, `error_over_copy` in the face,
    `redrawn_l1` of people drawn from their own other photograph; with the run's settings and checksums.
    """
    return json.loads(_file(name, "json").read_text(encoding="utf-8"))


def _file(name: str, ending: str):
    if name not in EXPERIMENTS:
        raise ValueError(f"There is no experiment {name!r}; there are {', '.join(EXPERIMENTS)}.")
    path = FOLDER / f"{name}.{ending}"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `python tools/run_experiments.py {name}` makes it.")
    return path

"""Run the short experiments of lessons 05 and 06 (simswap_lib/experiments.py): train, keep the log, measure the end.

    python tools/run_experiments.py                     all of them, one after the other
    python tools/run_experiments.py match-1 match-4     some

About five minutes each on one CPU core. Writes data/results/experiments/NAME.jsonl
(the log), NAME.png (a strip of held-out swaps) and NAME.json (what the judge says, with checksums), and for those that
ship data/weights/NAME/. A stopped run goes on where it was.
"""

import argparse
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

from torch import nn

from simswap_lib import experiments
from simswap_lib.checkpoints import LOG
from simswap_lib.evaluation import Protocol, cases, fingerprint
from simswap_lib.evaluation_rows import COPY, SWAP, measure_rows, summary, swapped
from simswap_lib.experiments import EXPERIMENTS, Experiment
from simswap_lib.files import DATA, whole_file
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.attributes import Attributes
from simswap_lib.models.generator import Generator
from simswap_lib.swapper import FaceSwapper
from simswap_lib.train_step import Step
from simswap_lib.training import train
from simswap_lib.watching import STRIP, Strip

LAST = "last"  # of a run folder: the averaged generator after the last step, which need not be the best
CARD = """# {name}

What became of `halfway` when it was trained on for comparison: {words}. Use `simswap` to swap
faces; this one is here to be looked at beside its siblings in lesson 06.

- made by: `python tools/run_experiments.py {name}`: {steps} steps of {batch} pictures, averaged weights of the last
- data: renders of the face world: {people} people x {photos} photographs; nobody real, no licence, no consent needed
- identity vectors: the recogniser `arcface`
- limits: it knows only this world's faces
- licence: MIT
"""


class Unmasked(Step):
    """Asks for the target's picture whoever the source is."""

    def __call__(self, step, target, v_source, v_target, same):
        return super().__call__(step, target, v_source, v_target, same | True)


class Watch:
    """The strip, and the averaged generator of now."""

    def __init__(self, experiment: Experiment, card: str):
        self.strip, self.card = Strip(experiment.config.size), card

    def __call__(self, generator: nn.Module, folder: Path) -> dict[str, float]:
        weights.save(generator, folder / LAST, self.card)
        return self.strip(generator, folder)


def measured(folder: Path, experiment: Experiment, device: str | None) -> dict:
    """The judge's figures of the last generator, with what they belong to."""
    swapper = FaceSwapper.from_pretrained(folder / LAST, device)
    eyes = {"judge": ArcFace.from_pretrained("judge", swapper.device), "trainer": swapper.recogniser}
    attributes = Attributes.from_pretrained("attributes", swapper.device)
    pictures = cases(Protocol(size=experiment.config.size))
    values = measure_rows(pictures, swapped(swapper, pictures, 50), eyes, attributes)
    rows = {row: summary(values[row], values[COPY]) for row in values}
    log = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
    swap = rows[SWAP]
    return {
        "words": experiment.words,
        "masked": experiment.masked,
        "config": {k: v for k, v in asdict(experiment.config).items() if k != "cache"},
        "swaps": Protocol().swaps,
        "gallery": Protocol().gallery,
        "retrieval": swap["judge"]["id_retrieval"],
        "to_source": swap["judge"]["cos_source"],
        "to_target": swap["judge"]["cos_target"],
        "error_over_copy": swap["error_over_copy"],
        "redrawn_l1": log[-1]["held_out_redrawn_l1"],
        "rows": rows,
        "weights": {name: fingerprint(net) for name, net in {"generator": swapper.generator, **eyes}.items()},
    }


def run(name: str, options: argparse.Namespace) -> None:
    experiment = EXPERIMENTS[name]
    config = replace(experiment.config, cache=options.cache, steps=options.steps or experiment.config.steps)
    card = CARD.format(name=name, words=experiment.words, **asdict(config))
    folder = options.runs / name
    train(config, folder, watch=Watch(experiment, card), make_step=Step if experiment.masked else Unmasked)
    results = options.output / "results" / experiments.FOLDER.name
    results.mkdir(parents=True, exist_ok=True)
    figures = measured(folder, replace(experiment, config=config), options.device)
    with whole_file(results / f"{name}.json") as path:
        path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(folder / LOG, results / f"{name}.jsonl")
    shutil.copyfile(folder / STRIP, results / f"{name}.png")
    if experiment.ships:
        weights.save(Generator.from_pretrained(folder / LAST), options.output / "weights" / name, card)
    print(f"{name}: retrieval {figures['retrieval']:.1%}, error of a copy's {figures['error_over_copy']:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(EXPERIMENTS)}")
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"), help="run folders (default %(default)s)")
    parser.add_argument("--cache", default="runs/cache", help="folder of rendered photographs (default %(default)s)")
    parser.add_argument("--steps", type=int, help="fewer steps, to try the tool")
    parser.add_argument("--device", help="to measure on: cpu, cuda, mps (default: the best there is)")
    parser.add_argument("--output", type=Path, default=DATA, help="folder that takes results/ and weights/")
    options = parser.parse_args()
    if unknown := set(options.names) - set(EXPERIMENTS):
        parser.error(f"There is no experiment {', '.join(sorted(unknown))}; there are {', '.join(EXPERIMENTS)}.")
    for name in options.names or EXPERIMENTS:
        run(name, options)


if __name__ == "__main__":
    main()

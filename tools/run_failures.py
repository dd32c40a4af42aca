"""Run the training runs of lesson 07 that fail on purpose (simswap_lib/failures.py), and keep their logs.

    python tools/run_failures.py                          all of them, one after the other
    python tools/run_failures.py "copies the target"      one

About a minute each on two CPU cores. Writes data/results/failures/NAME.jsonl (the log), NAME.json (settings and
the checksum of the generator that all start from) and NAME.png (a strip of held-out swaps at the end, if any).
"""

import argparse
import json
import tempfile
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from unittest.mock import patch

import torch
from torch import nn

from simswap_lib import failures, losses
from simswap_lib.checkpoints import LOG
from simswap_lib.failures import FAILURES, Failure
from simswap_lib.files import DATA, checksum, to_tensor, whole_file
from simswap_lib.train_step import TERMS, Step
from simswap_lib.training import train
from simswap_lib.watching import STRIP, Strip


class Remembers(Step):
    """A step that keeps its last terms: those at which a run stopped are in no log."""

    last = None

    def __call__(self, *given):
        Remembers.last = super().__call__(*given)
        return Remembers.last


class Watch:
    """The strip, and how much the results still depend on the target."""

    def __init__(self, size: int):
        self.strip = Strip(size)

    @torch.no_grad()
    def __call__(self, generator: nn.Module, folder: Path) -> dict[str, float]:
        target = to_tensor(self.strip.target)  # (V, 3, H, W)
        result = generator(target, self.strip.vectors[:1].expand(len(target), -1))  # one source for all
        variety = float(result.std(0).mean() / target.std(0).mean())
        return self.strip(generator, folder) | {"variety": variety}


def run(name: str, failure: Failure, cache: str, steps: int | None = None) -> tuple[list[dict], bytes | None]:
    """The log of one run, and the strip at its end as a PNG."""
    config = replace(failure.config, cache=cache, steps=steps or failure.config.steps)
    other = failure.reconstruction
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(losses, "reconstruction_loss", other) if other else nullcontext(),
    ):
        stopped = []
        try:
            train(config, folder, watch=Watch(config.size), make_step=Remembers)
        except FloatingPointError as error:
            print(error)
            done = int(str(error).split("at step ")[1].split(".")[0])
            terms = {k: float(v) for k, v in Remembers.last.items() if k in (*TERMS, "cos_source", "cos_target")}
            stopped = [{"step": done, "pictures": done * config.batch, **terms}]
        records = [json.loads(line) for line in (Path(folder) / LOG).read_text().splitlines()]
        strip = Path(folder) / STRIP
        return records + stopped, strip.read_bytes() if strip.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(FAILURES)}")
    parser.add_argument("--cache", default="runs/cache", help="folder of rendered photographs (default %(default)s)")
    parser.add_argument("--output", type=Path, default=failures.FOLDER, help="default %(default)s")
    options = parser.parse_args()
    if unknown := set(options.names) - set(FAILURES):
        parser.error(f"There is no failure {', '.join(sorted(unknown))}; there are {', '.join(FAILURES)}.")
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.names or FAILURES:
        failure = FAILURES[name]
        log, strip = run(name, failure, options.cache)
        settings = {
            "cause": failure.cause,
            "config": {k: v for k, v in asdict(failure.config).items() if k != "cache"},
            "reconstruction": failure.reconstruction.__name__ if failure.reconstruction else None,
            "start": checksum(DATA / "weights" / failures.START / "model.safetensors"),
        }
        base = options.output / name.replace(" ", "-")
        lines = "".join(json.dumps(record) + "\n" for record in log)
        for ending, text in ((".jsonl", lines), (".json", json.dumps(settings, indent=2) + "\n")):
            with whole_file(base.with_suffix(ending)) as path:
                path.write_text(text, encoding="utf-8")
        if strip:
            base.with_suffix(".png").write_bytes(strip)
        print(f"{name}: diagnosed as {failures.diagnose(log)!r}")


if __name__ == "__main__":
    main()

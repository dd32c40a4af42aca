"""Train the generator that the course ships, `simswap`, at 64 pixels on a CPU.

    python tools/train_simswap.py --cache cache --run runs/simswap

Under an hour on one CPU core. A stopped run goes on where it was when the command is given again. The best moment by
the validation score (held-out people, no true answer) is written to data/weights/simswap/.
"""

import argparse
import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from simswap_lib.checkpoints import LOG
from simswap_lib.files import DATA
from simswap_lib.models import weights
from simswap_lib.models.generator import Generator
from simswap_lib.photographs import world_version
from simswap_lib.train_config import PRESETS
from simswap_lib.training import BEST, train

CARD = """# simswap

The generator of SimSwap (encoder, ID injection, decoder) for the face world at {size} px: it draws the target's picture
with the source's identity.

- made by: `python tools/train_simswap.py`: {steps} steps of {batch} pictures, {minutes:.0f} minutes on
  {threads}; these are the averaged weights after step {best_step}, the best validation score
- data: renders of the face world (version {world}): {people} people x {photos} photographs, every shot belonging to
  one person; nobody real, no licence, no consent needed. No true answer of a swap was seen in training or in choosing
- identity vectors: the recogniser `{recogniser}`
- settings: {settings}
- validation on {validation} held-out people, by the training recogniser: cosine to the source
  {held_out_cos_source:.2f}, to the target {held_out_cos_target:.2f}; `python -m simswap_lib evaluate` judges on others,
  with the other recogniser
- limits: it knows only this world's faces, at this size; on photographs of real people it draws nonsense
- not for: deceiving anybody. Files that the course writes carry a mark that says they are synthetic
- licence: MIT
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("runs/simswap"), help="run folder (default %(default)s)")
    parser.add_argument("--cache", default="runs/cache", help="folder of rendered photographs (default %(default)s)")
    parser.add_argument("--recogniser", default="arcface", help="name or folder (default %(default)s)")
    parser.add_argument(
        "--steps", type=int, default=PRESETS["studio"].steps, help="training steps (default %(default)s)"
    )
    parser.add_argument("--threads", type=int, help="CPU cores to use (default: all)")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the weights' folder is written")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    config = replace(PRESETS["studio"], cache=options.cache, recogniser=options.recogniser, steps=options.steps)
    train(config, options.run)

    records = [json.loads(line) for line in (options.run / LOG).read_text().splitlines()]
    best = max((r for r in records if "score" in r), key=lambda r: r["score"])
    shown = {k: v for k, v in asdict(replace(config, cache=None)).items() if k in {f.name for f in fields(config)}}
    card = CARD.format(
        **{**shown, "steps": records[-1]["step"], "recogniser": Path(options.recogniser).name},
        minutes=records[-1]["minutes"],
        threads="one CPU core" if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} CPU cores",
        best_step=best["step"],
        world=world_version(),
        settings=json.dumps({k: v for k, v in shown.items() if k not in ("cache", "recogniser")}),
        validation=64,
        held_out_cos_source=best["held_out_cos_source"],
        held_out_cos_target=best["held_out_cos_target"],
    )
    weights.save(Generator.from_pretrained(options.run / BEST), options.output / "simswap", card)
    print(f"{options.output / 'simswap'}: step {best['step']}, validation score {best['score']:.3f}")


if __name__ == "__main__":
    main()

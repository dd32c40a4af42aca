"""Train the generator that the course ships, `simswap`, at 64 pixels on a CPU; or `simswap-128`, on a GPU.

    python tools/train_simswap.py simswap --cache cache --run runs/simswap

About an hour on one CPU core; `simswap-128` takes minutes on a large GPU. A stopped run goes on where it was when the
command is given again. The best moment by the validation score (held-out people, no true answer) is written to
data/weights/<name>/; of `simswap` the discriminator of that moment, too, as `critic`.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import torch
from train_recognisers import machine

from simswap_lib.checkpoints import LOG
from simswap_lib.files import DATA
from simswap_lib.models import weights
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.generator import Generator
from simswap_lib.photographs import world_version
from simswap_lib.train_config import PRESETS, configured
from simswap_lib.training import BEST, BEST_CRITIC, train

RECIPES = {"simswap": "studio", "simswap-128": "studio-128"}
CARD = """# {name}

The generator of SimSwap (encoder, ID injection, decoder) for the face world at {size} px: it draws the target's picture
with the source's identity.

- made by: `python tools/train_simswap.py {name}`: {steps} steps of {batch} pictures, {minutes:.0f} minutes on
  {machine}; these are the averaged weights after step {best_step}, the best validation score
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
CRITIC_CARD = """# critic

The two-scale PatchGAN discriminator that `simswap` was trained against, of the same moment (step {best_step}).
Lesson 06 looks into its feature maps; lessons 05 to 07 go on training from both.

- made by: `python tools/train_simswap.py simswap`; data and limits as for `simswap`
- licence: MIT
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--run", type=Path, help="run folder (default runs/NAME)")
    parser.add_argument("--cache", default="runs/cache", help="folder of rendered photographs (default %(default)s)")
    parser.add_argument("--recogniser", default="arcface", help="name or folder (default %(default)s)")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other fields of the preset")
    parser.add_argument("--threads", type=int, help="CPU cores to use (default: all)")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the weights' folder is written")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    run = options.run or Path("runs") / options.name
    config = configured(options.set, PRESETS[RECIPES[options.name]])
    config = replace(config, cache=options.cache, recogniser=options.recogniser)
    train(config, run)

    records = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    best = max((r for r in records if "score" in r), key=lambda r: r["score"])
    shown = asdict(config) | {"recogniser": Path(options.recogniser).name}
    described = json.loads((run / "run.json").read_text())
    facts = {
        "name": options.name,
        "best_step": best["step"],
        "minutes": records[-1]["minutes"],
        "machine": machine(torch.device(described["device"])),
        "world": world_version(),
        "settings": json.dumps({k: v for k, v in shown.items() if k not in ("cache", "recogniser", "steps")}),
        "validation": 64,
    }
    card = CARD.format(**shown | facts | {"steps": records[-1]["step"]}, **{
        name: best[name] for name in ("held_out_cos_source", "held_out_cos_target")
    })  # fmt: skip
    weights.save(Generator.from_pretrained(run / BEST), options.output / options.name, card)
    if options.name == "simswap":
        critic = Discriminator.from_pretrained(run / BEST_CRITIC)
        weights.save(critic, options.output / "critic", CRITIC_CARD.format(**facts))
    print(f"{options.output / options.name}: step {best['step']}, validation score {best['score']:.3f}")


if __name__ == "__main__":
    main()

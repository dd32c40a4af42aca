"""Train the generators that the course ships: `simswap-64`, at 64 pixels, and then `simswap`, at 128.

    python tools/train_simswap.py simswap-64 --cache cache --run runs/simswap-64
    python tools/train_simswap.py simswap --cache cache --run runs/simswap

The first takes an hour of one CPU core. The second goes on from it, first at 64 pixels, where steps are cheap, then at
128 with one halving more: two hours of two cores. A stopped run goes on where it was when the command is given again.
The best moment by the validation score (held-out people, no true answer) is written to data/weights/<name>/; of
`simswap-64` the discriminator of that moment, too, as `critic`.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm
from train_recognisers import machine

from simswap_lib import material
from simswap_lib.checkpoints import LOG
from simswap_lib.files import DATA, to_tensor
from simswap_lib.models import weights
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.generator import Generator
from simswap_lib.models.onnx_files import load_recogniser
from simswap_lib.photographs import world_version
from simswap_lib.train_config import PRESETS, TrainConfig, configured
from simswap_lib.training import BEST, BEST_CRITIC, train

STUDIO = PRESETS["studio"]
MORE = replace(STUDIO, start="simswap-64", start_critic="critic", learning_rate=3e-4, seed=1, steps=2400)
RECIPES = {"simswap-64": [STUDIO], "simswap": [MORE, PRESETS["studio-128"]]}
END_STEPS = 400  # in which the new ends of a grown generator learn their part
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

The two-scale PatchGAN discriminator that `simswap-64` was trained against, of the same moment (step {best_step}).
Lesson 06 looks into its feature maps; lessons 05 to 07 go on training from both.

- made by: `python tools/train_simswap.py simswap-64`; data and limits as for `simswap-64`
- licence: MIT
"""


def grow(before: Path, run: Path, config: TrainConfig) -> dict[str, str]:
    """Settings to go on at twice the size from the best moment of the run `before`; what has grown lies in `run`."""
    folders = {"start": run / "start", "start_critic": run / "start-critic"}
    if not all((folder / "config.json").exists() for folder in folders.values()):
        small = Generator.from_pretrained(before / BEST)
        grown = small.grown()
        fit_ends(grown, small, config)
        weights.save(grown.eval(), folders["start"], "The grown generator, before its training.")
        critic = Discriminator.from_pretrained(before / BEST_CRITIC).grown()
        weights.save(critic, folders["start_critic"], "The grown discriminator, before its training.")
    return {name: str(folder) for name, folder in folders.items()}


def fit_ends(grown: Generator, small: Generator, config: TrainConfig, batch: int = 8) -> None:
    """Teach the new ends of `grown` their part while all between them stands still.

    In front: to see in a picture what the first convolution of `small` sees in its half-size copy. At the back: to
    draw the picture from what `small` makes of that copy and the person's own identity.
    """
    photographs = material.world(config.people, config.photos, config.size, config.cache).photographs
    recogniser = load_recogniser(config.recogniser, "cpu")
    rng = np.random.default_rng(config.seed)
    front, back = grown.train().fresh_ends()
    first = small.eval().encoder.layers[0]
    optimiser = torch.optim.Adam([*front.parameters(), *back.parameters()], lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, END_STEPS)
    for _ in tqdm(range(END_STEPS), desc="new ends", unit="step"):
        pictures = np.stack([photographs.picture(i) for i in rng.integers(len(photographs), size=batch)])
        target = to_tensor(pictures)  # (B, 3, H, W)
        with torch.no_grad():
            halved = F.avg_pool2d(target, 2)
            seen = first(halved)  # (B, width, H / 2, W / 2)
            drawn = small.decoder.layers(small.injection(small.encoder(halved), recogniser.embed(pictures)))
        loss = F.mse_loss(front(target), seen) + F.l1_loss(torch.tanh(back(drawn)), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


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
    stages, before = RECIPES[options.name], None
    for number, stage in enumerate(stages, start=1):
        last = number == len(stages)
        config = replace(stage, cache=options.cache, recogniser=options.recogniser)
        config = configured(options.set, config) if last else config
        if before:
            config = replace(config, **grow(before, run, config))
        before = run if last else run / f"stage-{number}"
        train(config, before)

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
    if options.name == "simswap-64":
        critic = Discriminator.from_pretrained(run / BEST_CRITIC)
        weights.save(critic, options.output / "critic", CRITIC_CARD.format(**facts))
    print(f"{options.output / options.name}: step {best['step']}, validation score {best['score']:.3f}")


if __name__ == "__main__":
    main()

"""Train the generators that the course ships, each from the one before: `halfway`, `simswap-64`, `simswap`.

    python tools/train_simswap.py simswap-64 --cache cache --runs runs

`halfway` begins with nothing and takes an hour of one CPU core at 64 pixels; lessons 05 to 07 go on from it and its
discriminator, `critic`. `simswap-64` goes on from them with an ever heavier gradient penalty, and `simswap` from
`simswap-64`, grown to 128 pixels: less than one and about six hours of two cores. A stopped run goes on where it was
when the command is given again. The best moment by the validation score (held-out people, no true answer) is written to
data/weights/<name>/, its discriminator beside it as `critic` or `critic-128`, the log of all its parts to
data/results/<name>.jsonl.
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
from simswap_lib.files import DATA, to_tensor, whole_file
from simswap_lib.losses import LossWeights
from simswap_lib.models import weights
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.generator import Generator
from simswap_lib.models.onnx_files import load_recogniser
from simswap_lib.photographs import world_version
from simswap_lib.swapper import best_device
from simswap_lib.train_config import PRESETS, TrainConfig, configured
from simswap_lib.training import BEST, BEST_CRITIC, train

STUDIO = PRESETS["studio"]
LARGE = PRESETS["studio-128"]
MORE = replace(STUDIO, learning_rate=3e-4, validate_every=100, checkpoint_every=100)
# The parts of each run, one after the other: every part goes on from the best moment of the part before it. A heavy
# penalty from one step to the next would make the discriminator forget what it knows, so it grows. Feature matching is
# weak at the end, because a trained discriminator's deep maps hold the colour of the target's skin. The larger
# recogniser comes late: it has grown from the smaller one, so its vectors are near those that the generator knows. The
# longest part comes last, against a discriminator that begins as `critic`: it has to learn what a late generator does.
RECIPES = {
    "halfway": [STUDIO],
    "simswap-64": [
        replace(MORE, loss=replace(STUDIO.loss, gp=gp), steps=steps, seed=seed)
        for gp, steps, seed in ((1e-5, 1000, 1), (0.02, 300, 3), (0.2, 300, 4), (2.0, 500, 5))
    ],
    "simswap": [
        *(
            replace(
                LARGE, loss=LossWeights(*weights_of_loss), learning_rate=rate, steps=steps, seed=seed,
                recogniser=recogniser,
            )
            for *weights_of_loss, rate, steps, seed, recogniser in (
                # identity, reconstruction, gp, wfm
                (30.0, 10.0, 2.0, 10.0, 3e-4, 800, 0, "arcface"),
                (30.0, 30.0, 2.0, 10.0, 3e-4, 500, 1, "arcface"),
                (30.0, 30.0, 20.0, 10.0, 3e-4, 8000, 2, "arcface"),
                (30.0, 30.0, 20.0, 1.0, 3e-4, 1400, 7, "arcface"),
                (30.0, 40.0, 20.0, 1.0, 1e-4, 1400, 8, "arcface"),
                (30.0, 40.0, 20.0, 1.0, 3e-4, 600, 9, "arcface-128"),
                (45.0, 60.0, 20.0, 0.7, 1e-4, 600, 10, "arcface-128"),
                (45.0, 120.0, 20.0, 1.0, 1e-4, 200, 11, "arcface-128"),
                (100.0, 120.0, 20.0, 0.5, 1e-4, 300, 12, "arcface-128"),
                (160.0, 120.0, 20.0, 0.5, 1e-4, 300, 13, "arcface-128"),
            )
        ),
        replace(LARGE, start_critic="critic", validate_every=50, checkpoint_every=50),
    ],
}  # fmt: skip
BEFORE = {
    "halfway": "from nothing",
    "simswap-64": "on from `halfway`; the last part",
    "simswap": "grown from `simswap-64`; the last part",
}
END_STEPS = 600  # in which the new ends of a grown generator learn their part
CARD = """# {name}

The generator of SimSwap (encoder, ID injection, decoder) for the face world at {size} px: it draws the target's picture
with the source's identity.

- made by: `python tools/train_simswap.py {name}`, {before}: {steps} steps of {batch} pictures,
  {minutes:.0f} minutes on {machine}; these are the averaged weights after step {best_step}, the best validation score
- data: renders of the face world (version {world}): {people} people x {photos} photographs, every shot belonging to
  one person; nobody real, no licence, no consent needed. No loss and no choice of a moment saw a true answer
- identity vectors: the recogniser `{recogniser}`
- settings: {settings}
- validation on {validation} held-out people, by the training recogniser: cosine to the source
  {held_out_cos_source:.2f}, to the target {held_out_cos_target:.2f}; `python -m simswap_lib evaluate` judges on others,
  with the other recogniser
- limits: it knows only this world's faces, at this size; on photographs of real people it draws nonsense
- not for: deceiving anybody. Files that the course writes carry a mark that says they are synthetic
- licence: MIT
"""
CRITICS = {  # by the generator: the name of its discriminator, if that ships, and what it is for
    "halfway": ("critic", "Lesson 06 looks into its feature maps; lessons 05 to 07 go on training from both."),
    "simswap": (
        "critic-128",
        "To go on training from both:\n"
        "`python -m simswap_lib train --preset studio-128 --set start=simswap start_critic=critic-128`.",
    ),
}
CRITIC_CARD = """# {critic}

The PatchGAN discriminator of {scales} scales that `{name}` was trained against, of the same moment (step {best_step}).
{use}

- made by: `python tools/train_simswap.py {name}`; data and limits as for `{name}`
- licence: MIT
"""


def go_on(generator: str | Path, critic: str | Path, folder: Path, config: TrainConfig) -> TrainConfig:
    """The settings of a run in `folder` that goes on from these networks; what had to grow for it is kept there.

    A discriminator that the settings name already takes the place of `critic`.
    """
    small, critic = Generator.from_pretrained(generator), config.start_critic or critic
    judging = Discriminator.from_pretrained(critic)
    if small.config.image_size != config.size:
        generator = folder / "start"
        if not (generator / "config.json").exists():
            grown = small.grown()
            fit_ends(grown, small, config)
            weights.save(grown.eval(), generator, "The grown generator, before its training.")
    if judging.config.image_size != config.size:
        critic = folder / "start-critic"
        if not (critic / "config.json").exists():
            weights.save(judging.grown(), critic, "The grown discriminator, before its training.")
    return replace(config, start=str(generator), start_critic=str(critic))


def fit_ends(grown: Generator, small: Generator, config: TrainConfig, batch: int = 8) -> None:
    """Teach the new ends of `grown` their part while all between them stands still.

    In front: to see in a picture what the first convolution of `small` sees in its half-size copy. At the back: to
    draw the picture from what `small` makes of that copy and the person's own identity.
    """
    photographs = material.world(config.people, config.photos, config.size, config.cache).photographs
    device = best_device()
    recogniser = load_recogniser(config.recogniser, device)
    rng = np.random.default_rng(config.seed)
    front, back = grown.to(device).train().fresh_ends()
    first = small.to(device).eval().encoder.layers[0]
    optimiser = torch.optim.Adam([*front.parameters(), *back.parameters()], lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, END_STEPS)
    for _ in tqdm(range(END_STEPS), desc="new ends", unit="step"):
        pictures = np.stack([photographs.picture(i) for i in rng.integers(len(photographs), size=batch)])
        target = to_tensor(pictures, device)  # (B, 3, H, W)
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
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of run folders (default %(default)s)")
    parser.add_argument("--cache", default="runs/cache", help="folder of rendered photographs (default %(default)s)")
    parser.add_argument("--recogniser", help="name or folder, for all parts (default: each part's own)")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings of its last part")
    parser.add_argument("--threads", type=int, help="CPU cores to use (default: all)")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the weights' folder is written")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    run, parts, name = options.runs / options.name, RECIPES[options.name], options.name
    if name == "halfway":
        networks = ()
    elif name == "simswap-64":
        networks = "halfway", "critic"
    else:
        before = options.runs / "simswap-64"
        networks = before / BEST, before / BEST_CRITIC
        if not networks[1].exists():
            raise SystemExit(
                f"`simswap` goes on from the run of `simswap-64`, and {before} holds none: train that first."
            )
    for number, part in enumerate(parts, start=1):
        last = number == len(parts)
        config = replace(part, cache=options.cache, recogniser=options.recogniser or part.recogniser)
        config = configured(options.set, config) if last else config
        folder = run if last else run / f"part-{number}"
        if networks:
            config = go_on(*networks, folder, config)
        if train(config, folder)["step"] < config.steps:
            return  # stopped: the same command goes on from here
        networks = folder / BEST, folder / BEST_CRITIC
    write(name, run, config, options.output)


def write(name: str, run: Path, config: TrainConfig, output: Path) -> None:
    """Write the best moment of a run, with its card, as the weights `name`."""
    records = [json.loads(line) for line in (run / LOG).read_text().splitlines()]
    best = max((r for r in records if "score" in r), key=lambda r: r["score"])
    described = json.loads((run / "run.json").read_text())
    left_out = ("cache", "recogniser", "steps", "start", "start_critic")
    facts = {
        "name": name,
        "best_step": best["step"],
        "minutes": records[-1]["minutes"],
        "machine": machine(torch.device(described["device"])),
        "world": world_version(),
        "settings": json.dumps({key: value for key, value in asdict(config).items() if key not in left_out}),
        "validation": material.VALIDATION,
        "recogniser": Path(config.recogniser).name,
        "steps": records[-1]["step"],
        "before": BEFORE[name],
        "held_out_cos_source": best["held_out_cos_source"],
        "held_out_cos_target": best["held_out_cos_target"],
    }
    card = CARD.format(**asdict(config) | facts)
    weights.save(Generator.from_pretrained(run / BEST), output / name, card)
    if name in CRITICS:
        critic, use = CRITICS[name]
        card = CRITIC_CARD.format(**facts, critic=critic, use=use, scales=config.scales)
        weights.save(Discriminator.from_pretrained(run / BEST_CRITIC), output / critic, card)
    logs = output.parent / "results"
    logs.mkdir(parents=True, exist_ok=True)
    with whole_file(logs / f"{name}.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(record) + "\n" for record in whole_log(run, len(RECIPES[name]))))
    print(f"{output / name}: step {best['step']}, validation score {best['score']:.3f}")


def whole_log(run: Path, parts: int) -> list[dict]:
    """The records of all parts of a run, up to the best moment of each; steps, pictures and minutes count through.

    Each says to which part it belongs, and with which weight the gradient penalty was taken.
    """
    log, counted = [], ("step", "pictures", "minutes")
    before = dict.fromkeys(counted, 0)
    for number in range(1, parts + 1):
        folder = run if number == parts else run / f"part-{number}"
        records = [json.loads(line) for line in (folder / LOG).read_text().splitlines()]
        best = max((r for r in records if "score" in r), key=lambda r: r["score"])
        kept = [r for r in records if r["step"] <= best["step"] or number == parts]
        penalty = json.loads((folder / "run.json").read_text())["config"]["loss"]["gp"]
        log += [
            r | {name: before[name] + r[name] for name in counted} | {"part": number, "penalty": penalty} for r in kept
        ]
        before = {name: before[name] + best[name] for name in counted}
    return log


if __name__ == "__main__":
    main()

"""Train the network that reads pose, facial actions and gaze from a picture, `attributes`, for judging swaps.

    python tools/train_attributes.py

Under 20 minutes on one CPU core, seconds on a GPU. No other training uses its people (seeds from 500,000) and shots
(the fiftieth and later ones of each person). Writes data/weights/attributes/ when done; photographs and log of the run
lie in --cache.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm
from train_recognisers import lit, machine, moved, softened

from simswap_lib.files import DATA, whole_file
from simswap_lib.measures import attribute_errors
from simswap_lib.models import weights
from simswap_lib.models.attributes import Attributes, AttributesConfig
from simswap_lib.photographs import PHOTOS_LIMIT, shot_seed, world_version
from simswap_lib.swapper import best_device, known_device
from simswap_lib.world import head_model
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import MOODS, Shot, sides

FIRST = 500_000  # of the people
LATER = 50  # the first photo of everybody that no other training uses
UNSEEN = HELD_OUT + 3000  # the first of the people that the network is measured on
BATCH = 64
CARD = """# attributes

Reads pose (yaw, pitch, roll), facial actions and gaze from a picture of the face world: a small residual network,
uint8 RGB pictures to degrees and to strengths from 0 to 1.

- made by: `python tools/train_attributes.py`: {steps} steps of {batch} pictures in {minutes:.1f} minutes on {machine}
- data: renders of the face world (version {world}): {pictures} pictures at {size} px, each of another person (seeds
  from {first}) in another shot; nobody real, no licence, no consent needed
- measured on {tests} pictures of unseen people in unseen shots: pose {pose:.2f} degrees (length of the error over three
  angles), facial actions {expression:.3f} (root mean square over {actions} of them), gaze {gaze:.2f} degrees. Whoever
  always says the average errs by {pose_of_average:.2f}, {expression_of_average:.3f} and {gaze_of_average:.2f}
- use: `python -m simswap_lib evaluate`, which shows the network's own error in the row of the true answer
- limits: it knows only this world's faces. On photographs of real people its answers mean nothing. Where something
  hides eyes or mouth it guesses
- licence: MIT
"""


class Labelled(NamedTuple):
    """Pictures with what is known about them."""

    images: np.ndarray  # uint8 RGB (N, H, W, 3)
    labels: np.ndarray  # float32 (N, 5 + A): yaw, pitch, roll, actions, gaze


def actions() -> tuple[str, ...]:
    """The facial actions that the world plays, by the head model's names."""
    names = {*(action for mood in MOODS.values() for action in mood), "eyeWide"}
    return tuple(sorted(name + side for name in names for side in sides(name)))


def training_picture(number: int) -> tuple[int, int]:
    """Person and shot of a training picture."""
    photo, person = divmod(number, HELD_OUT // PHOTOS_LIMIT)
    return FIRST + number, shot_seed(person, LATER + photo)


def unseen_picture(number: int) -> tuple[int, int]:
    """Person and shot of a picture to measure on."""
    return UNSEEN + number, shot_seed(UNSEEN + number, 0)


def labelled(seeds: tuple[int, int], size: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture of this person in this shot, and its labels."""
    person, shot = seeds
    rendering = render(Identity.sample(person), Shot.sample(shot), size)
    strengths = rendering.expression[[head_model.load().action(name) for name in actions()]]
    return rendering.image, np.float32([*rendering.pose, *strengths, *rendering.gaze])


def photographs(seeds: list[tuple[int, int]], size: int, cores: int) -> Labelled:
    """All these pictures, rendered on so many cores."""
    shown = {"total": len(seeds), "desc": "rendering", "unit": "picture"}
    make = partial(labelled, size=size)
    if cores == 1:
        return Labelled(*map(np.stack, zip(*tqdm(map(make, seeds), **shown), strict=True)))
    # Not forked: OpenCV's threads would not survive in the copy.
    with ProcessPoolExecutor(cores, get_context("spawn"), cv2.setNumThreads, (1,)) as pool:
        return Labelled(*map(np.stack, zip(*tqdm(pool.map(make, seeds, chunksize=50), **shown), strict=True)))


def kept(cache: Path, count: int, size: int, cores: int) -> Labelled:
    """The training pictures, from the cache if they are there."""
    path = cache / f"attributes-{world_version()}-{count}-{size}px.npz"
    if path.exists():
        with np.load(path) as file:
            return Labelled(file["images"], file["labels"])
    data = photographs([training_picture(i) for i in range(count)], size, cores)
    cache.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        np.savez(temporary, **data._asdict())
    return data


def errors(network: Attributes, data: Labelled) -> dict[str, float]:
    """Mean errors on these pictures, as `attribute_errors` has them, and those of always saying the average."""
    known = Attributes.split(data.labels)
    average = Attributes.split(np.broadcast_to(network.mean.cpu().numpy(), data.labels.shape))
    found = {name: float(e.mean()) for name, e in attribute_errors(network.estimate(data.images), known).items()}
    guess = {f"{name}_of_average": float(e.mean()) for name, e in attribute_errors(average, known).items()}
    return found | guess


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000, help="training pictures (default %(default)s)")
    parser.add_argument("--size", type=int, default=64, help="pixels a side (default %(default)s)")
    parser.add_argument("--steps", type=int, default=4000, help="training steps (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder of cached photographs and of the log")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the folder of weights is written")
    parser.add_argument("--tests", type=int, default=500, help="unseen pictures to measure on (default %(default)s)")
    parser.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores to use (default %(default)s)")
    options = parser.parse_args()
    device = known_device(options.device) if options.device else best_device()
    torch.set_num_threads(options.threads)
    torch.manual_seed(3)
    rng = torch.Generator().manual_seed(3)

    data = kept(options.cache, options.pictures, options.size, options.threads)
    unseen = photographs([unseen_picture(i) for i in range(options.tests)], options.size, options.threads)
    images, labels = torch.from_numpy(data.images).to(device), torch.from_numpy(data.labels).to(device)

    network = (
        Attributes(AttributesConfig(actions(), options.size)).to(device, memory_format=torch.channels_last).train()
    )
    network.mean.copy_(labels.mean(0))
    network.deviation.copy_(labels.std(0).clamp(min=1e-3))
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, options.steps, pct_start=0.1)

    start = time.time()
    log = open(options.cache / "attributes.jsonl", "a")
    for step in tqdm(range(1, options.steps + 1), desc="attributes", unit="step"):
        chosen = torch.randint(len(labels), (BATCH,), generator=rng).to(device)
        batch = images[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1  # (B, 3, H, W)
        batch = softened(lit(moved(batch, rng), rng), rng)
        answer = network(batch.contiguous(memory_format=torch.channels_last))  # (B, 5 + A)
        # In deviations, so that a degree and a facial action weigh alike.
        loss = F.smooth_l1_loss((answer - labels[chosen]) / network.deviation, torch.zeros_like(answer))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % max(1, options.steps // 12) == 0 or step == options.steps:
            measured = errors(network, unseen)
            record = {"step": step, "minutes": (time.time() - start) / 60, "loss": loss.item(), **measured}
            log.write(json.dumps(record) + "\n")
            log.flush()
            tqdm.write(f"attributes {record}")

    card = CARD.format(
        steps=options.steps,
        batch=BATCH,
        minutes=(time.time() - start) / 60,
        machine=machine(device),
        world=world_version(),
        pictures=options.pictures,
        size=options.size,
        first=FIRST,
        tests=options.tests,
        actions=len(actions()),
        **measured,
    )
    weights.save(network.eval(), options.output / "attributes", card)
    print(f"{options.output / 'attributes'}: {record}")


if __name__ == "__main__":
    main()

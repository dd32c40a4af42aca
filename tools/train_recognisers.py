"""Train the two recognisers that the course ships: `arcface`, which trains the swap, and `judge`, which judges it.

    python tools/train_recognisers.py arcface
    python tools/train_recognisers.py judge

Each sees other people, another seed and has another width, so that fooling one does not fool the other. Takes up to
an hour and a half on one CPU core each; both may run at the same time. Writes data/weights/<name>/ when done; the log
of the run, with the retrieval of unseen people, is written beside the cached photographs.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from simswap_lib.data import WorldDataset
from simswap_lib.files import DATA, to_tensor
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig, MarginHead
from simswap_lib.photographs import photograph, world_version
from simswap_lib.swapper import best_device, known_device
from simswap_lib.training import fast_precision
from simswap_lib.world.people import HELD_OUT

PEOPLE, PHOTOS, SIZE = 3600, 10, 64
BATCH, SCALE, MARGIN = 128, 24.0, 0.3
GALLERY, PROBES = 100, 4
FACE = {"image_size": 48, "crop": (0.125, 0.1875, 0.875, 0.9375), "embedding_dim": 128}  # from brow to chin
RECIPES = {
    "arcface": {"first": 0, "seed": 1, "config": ArcFaceConfig(width=24, blocks=(1, 1, 2, 1), **FACE)},
    "judge": {"first": PEOPLE, "seed": 2, "config": ArcFaceConfig(width=28, blocks=(1, 1, 2, 1), **FACE)},
}
CARD = """# {name}

A face recogniser (ArcFace: residual network, angular margin) for the face world: uint8 RGB pictures to unit vectors of
{dim} numbers whose cosine says how alike two people are.

- made by: `python tools/train_recognisers.py {name}`: {steps} steps of {batch} pictures in {minutes:.0f} minutes
  on {machine}
- data: renders of the face world (version {world}): {people} people (seeds from {first}) x {photos} photographs at
  {size} px; nobody real, no licence, no consent needed
- measured: {retrieval:.1%} of {probes} true pictures of unseen people (seeds from 900,000) found in a gallery of
  {gallery}, one picture each, every picture in a shot of its own
- use: {use}
- limits: it knows only this world's faces. On photographs of real people its answers mean nothing.
- licence: MIT
"""
USES = {
    "arcface": "the identity vector of `simswap` and its identity loss while training",
    "judge": "judging swaps: it never takes part in their training",
}


def unseen_photographs() -> tuple[np.ndarray, np.ndarray]:
    """Held-out people: a gallery (100, ...) and probes (400, ...), every picture in a shot of its own."""
    pictures = [[photograph(HELD_OUT + i, k, SIZE) for k in range(1 + PROBES)] for i in range(GALLERY)]
    pictures = np.array(pictures)  # (100, 5, H, W, 3)
    return pictures[:, 0], pictures[:, 1:].reshape(-1, SIZE, SIZE, 3)


def retrieval(network: ArcFace, gallery: np.ndarray, probes: np.ndarray) -> float:
    """Share of probes whose nearest gallery picture shows the same person."""
    network.eval()
    nearest = (network.embed(probes) @ network.embed(gallery).T).argmax(1).cpu().numpy()
    network.train()
    return float((nearest == np.arange(GALLERY).repeat(PROBES)).mean())


def disturbed(images: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W) shifted by up to 3 pixels, with another brightness and contrast: what identity is not."""
    size = images.shape[-1]
    dx, dy = (int(torch.randint(0, 7, (), generator=rng)) for _ in range(2))
    images = F.pad(images, (3, 3, 3, 3), mode="replicate")[..., dy : dy + size, dx : dx + size]
    gain = 1 + 0.1 * torch.randn(len(images), 1, 1, 1, generator=rng)
    shift = 0.06 * torch.randn(len(images), 1, 1, 1, generator=rng)
    return images * gain.to(images.device) + shift.to(images.device)


def machine(device: torch.device) -> str:
    """In words, for a model card."""
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return "one CPU core" if threads == 1 else f"{threads} CPU cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--steps", type=int, default=5200, help="training steps (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder of cached photographs and of the log")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the folder of weights is written")
    parser.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores to use (default %(default)s)")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    device = known_device(options.device) if options.device else best_device()
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(fast_precision(device))
    torch.set_num_threads(options.threads)
    torch.manual_seed(recipe["seed"])
    rng = torch.Generator().manual_seed(recipe["seed"])

    images = np.array(WorldDataset(PEOPLE, PHOTOS, SIZE, recipe["first"], options.cache).images)
    images = images.reshape(-1, SIZE, SIZE, 3)
    people = torch.arange(PEOPLE).repeat_interleave(PHOTOS)
    gallery, probes = unseen_photographs()

    network = ArcFace(recipe["config"]).to(device, memory_format=torch.channels_last).train()
    head = MarginHead(recipe["config"].embedding_dim, PEOPLE, scale=SCALE, margin=0.0).to(device)
    optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, options.steps, pct_start=0.1)

    start = time.time()
    log = open(options.cache / f"{options.name}.jsonl", "a")
    for step in tqdm(range(1, options.steps + 1), desc=options.name, unit="step"):
        # The margin grows once the classes have begun to part; from the start it only confuses.
        head.margin = MARGIN * min(max((step / options.steps - 0.15) / 0.45, 0.0), 1.0)
        chosen = torch.randint(len(images), (BATCH,), generator=rng)
        batch, who = disturbed(to_tensor(images[chosen.numpy()], device), rng), people[chosen].to(device)
        with torch.autocast(device.type, half, enabled=half is not None):
            vectors = network(batch.contiguous(memory_format=torch.channels_last))
        logits = head(vectors, who)  # (B, people)
        loss = F.cross_entropy(logits, who)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0 or step == options.steps:
            found = retrieval(network, gallery, probes)
            record = {"step": step, "minutes": (time.time() - start) / 60, "loss": loss.item(), "retrieval": found}
            log.write(json.dumps(record) + "\n")
            log.flush()
            tqdm.write(f"{options.name} {record}")

    card = CARD.format(
        name=options.name,
        use=USES[options.name],
        dim=recipe["config"].embedding_dim,
        steps=options.steps,
        batch=BATCH,
        machine=machine(device),
        minutes=(time.time() - start) / 60,
        people=PEOPLE,
        first=recipe["first"],
        photos=PHOTOS,
        size=SIZE,
        world=world_version(),
        retrieval=found,
        probes=len(probes),
        gallery=GALLERY,
    )
    weights.save(network.eval(), options.output / options.name, card)
    print(f"{options.output / options.name}: {found:.1%} of unseen people found in a gallery of {GALLERY}")


if __name__ == "__main__":
    main()

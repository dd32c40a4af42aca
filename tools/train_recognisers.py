"""Train the two recognisers that the course ships: `arcface`, which trains the swap, and `judge`, which judges it.

    python tools/train_recognisers.py arcface
    python tools/train_recognisers.py judge

Each sees other people, another seed and has another shape, so that fooling one does not fool the other. Meant for a
GPU, where each takes minutes; a CPU needs hours. Writes data/weights/<name>/ when done; the log of the run, with the
retrieval of unseen people, is written beside the cached photographs.
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
from simswap_lib.files import DATA
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig, MarginHead
from simswap_lib.photographs import rendered, world_version
from simswap_lib.swapper import best_device, known_device
from simswap_lib.training import fast_precision
from simswap_lib.world.people import HELD_OUT

PEOPLE, PHOTOS, SIZE, SMALL = 5000, 8, 128, 64
BATCH, SCALE, MARGIN = 512, 24.0, 0.3
GALLERY, PROBES = 100, 4
# From brow to chin, in twice the detail that the first features keep: a small picture is enlarged, a large one loses
# nothing that moles and irises need.
FACE = {"image_size": 96, "first_stride": 2, "crop": (0.125, 0.1875, 0.875, 0.9375), "embedding_dim": 128}
RECIPES = {
    "arcface": {"first": 0, "seed": 1, "config": ArcFaceConfig(width=32, blocks=(1, 2, 3, 1), **FACE)},
    "judge": {"first": PEOPLE, "seed": 2, "config": ArcFaceConfig(width=36, blocks=(2, 2, 2, 1), **FACE)},
}
CARD = """# {name}

A face recogniser (ArcFace: residual network, angular margin) for the face world: uint8 RGB pictures to unit vectors of
{dim} numbers whose cosine says how alike two people are.

- made by: `python tools/train_recognisers.py {name}`: {steps} steps of {batch} pictures in {minutes:.1f} minutes
  on {machine}
- data: renders of the face world (version {world}): {people} people (seeds from {first}) x {photos} photographs at
  {size} px; nobody real, no licence, no consent needed
- measured: {retrieval:.1%} of {probes} true pictures of unseen people (seeds from 900,000) found in a gallery of
  {gallery}, one picture each, every picture in a shot of its own; {small_retrieval:.1%} at {small} px
- use: {use}
- limits: it knows only this world's faces. On photographs of real people its answers mean nothing.
- licence: MIT
"""
USES = {
    "arcface": "the identity vector of `simswap` and its identity loss while training",
    "judge": "judging swaps: it never takes part in their training",
}


def unseen_photographs(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Held-out people: a gallery (100, ...) and probes (400, ...), every picture in a shot of its own."""
    people = range(HELD_OUT, HELD_OUT + GALLERY)
    pictures = np.stack(list(rendered(people, 1 + PROBES, size)))  # (100, 5, H, W, 3)
    return pictures[:, 0], pictures[:, 1:].reshape(-1, size, size, 3)


def retrieval(network: ArcFace, gallery: np.ndarray, probes: np.ndarray) -> float:
    """Share of probes whose nearest gallery picture shows the same person."""
    network.eval()
    nearest = (network.embed(probes) @ network.embed(gallery).T).argmax(1).cpu().numpy()
    network.train()
    return float((nearest == np.arange(GALLERY).repeat(PROBES)).mean())


def shifted(images: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W) moved by up to a twentieth of their side: a crop is never quite the same."""
    size, most = images.shape[-1], images.shape[-1] // 20
    dx, dy = (int(torch.randint(0, 2 * most + 1, (), generator=rng)) for _ in range(2))
    return F.pad(images, (most, most, most, most), mode="replicate")[..., dy : dy + size, dx : dx + size]


def softened(images: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the batches lose detail, down to pictures of half the size: a swap is softer than a photograph."""
    size = images.shape[-1]
    smaller = int(torch.randint(size // 2, size + size // 2, (), generator=rng))
    if smaller >= size:
        return images
    small = F.interpolate(images, (smaller, smaller), mode="bilinear", antialias=True)
    return F.interpolate(small, (size, size), mode="bilinear")


def machine(device: torch.device) -> str:
    """In words, for a model card."""
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return "one CPU core" if threads == 1 else f"{threads} CPU cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--steps", type=int, default=3000, help="training steps (default %(default)s)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder of cached photographs and of the log")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the folder of weights is written")
    parser.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores to use (default %(default)s)")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    device = known_device(options.device) if options.device else best_device()
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(recipe["seed"])
    rng = torch.Generator().manual_seed(recipe["seed"])

    photographs = WorldDataset(PEOPLE, PHOTOS, SIZE, recipe["first"], options.cache)
    images = torch.from_numpy(np.array(photographs.images).reshape(-1, SIZE, SIZE, 3)).to(device)
    people = torch.arange(PEOPLE, device=device).repeat_interleave(PHOTOS)
    unseen, unseen_small = unseen_photographs(SIZE), unseen_photographs(SMALL)

    network = ArcFace(recipe["config"]).to(device, memory_format=torch.channels_last).train()
    head = MarginHead(recipe["config"].embedding_dim, PEOPLE, scale=SCALE, margin=0.0).to(device)
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(fast_precision(device))
    optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, options.steps, pct_start=0.1)

    start = time.time()
    log = open(options.cache / f"{options.name}.jsonl", "a")
    for step in tqdm(range(1, options.steps + 1), desc=options.name, unit="step"):
        # The margin grows once the classes have begun to part; from the start it only confuses.
        head.margin = MARGIN * min(max((step / options.steps - 0.15) / 0.45, 0.0), 1.0)
        chosen = torch.randint(len(images), (BATCH,), generator=rng).to(device, non_blocking=True)
        batch = images[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1  # (B, 3, H, W)
        batch = softened(shifted(batch, rng), rng).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, half, enabled=half is not None):
            vectors = network(batch)
        logits = head(vectors, people[chosen])  # (B, people)
        loss = F.cross_entropy(logits, people[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0 or step == options.steps:
            record = {"step": step, "minutes": (time.time() - start) / 60, "loss": loss.item()}
            record |= {"retrieval": retrieval(network, *unseen), "small_retrieval": retrieval(network, *unseen_small)}
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
        retrieval=record["retrieval"],
        small_retrieval=record["small_retrieval"],
        small=SMALL,
        probes=GALLERY * PROBES,
        gallery=GALLERY,
    )
    weights.save(network.eval(), options.output / options.name, card)
    print(
        f"{options.output / options.name}: {record['retrieval']:.1%} of unseen people found in a gallery of {GALLERY}"
    )


if __name__ == "__main__":
    main()

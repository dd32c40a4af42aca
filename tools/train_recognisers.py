"""Train the recognisers that the course ships: `arcface` and `arcface-128` train swaps, the two judges judge them.

    python tools/train_recognisers.py arcface
    python tools/train_recognisers.py judge

A judge has another seed and another width and sees other people than the one that trains, so that fooling one does not
fool the other. The small ones take up to an hour and a half of one CPU core each, and may run at the same time;
`judge-128` took two minutes of an H200, and the rendering of its photographs. `arcface-128` is `arcface`, grown: it
sees the face twice as large, and goes on learning from there. Writes data/weights/<name>/ when done; the log of the
run, with the retrieval of unseen people, is written beside the cached photographs.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
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
from simswap_lib.photographs import photograph, world_version
from simswap_lib.swapper import best_device, known_device
from simswap_lib.training import fast_precision
from simswap_lib.world.people import HELD_OUT

SCALE, MARGIN = 24.0, 0.3
SEEING_STEPS = 300  # in which the new front of a grown recogniser learns its part
KEPT = 3.0  # weight of staying near what the recogniser said of each person from which another one has grown
GALLERY, PROBES = 100, 4
FACE = {"crop": (0.125, 0.1875, 0.875, 0.9375), "embedding_dim": 128}  # from brow to chin


def moved(images: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W) shifted by up to a twentieth of their side: a crop is never quite the same."""
    size, most = images.shape[-1], images.shape[-1] // 20
    dx, dy = (int(torch.randint(0, 2 * most + 1, (), generator=rng)) for _ in range(2))
    return F.pad(images, (most, most, most, most), mode="replicate")[..., dy : dy + size, dx : dx + size]


def lit(images: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W), each with another brightness and contrast."""
    gain = 1 + 0.1 * torch.randn(len(images), 1, 1, 1, generator=rng)
    shift = 0.06 * torch.randn(len(images), 1, 1, 1, generator=rng)
    return images * gain.to(images.device) + shift.to(images.device)


def softened(images: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the batches (B, 3, H, W) lose detail, down to half the size: a swap is softer than a photograph."""
    size = images.shape[-1]
    smaller = int(torch.randint(size // 2, size + size // 2, (), generator=rng))
    if smaller >= size:
        return images
    small = F.interpolate(images, (smaller, smaller), mode="bilinear", antialias=True)
    return F.interpolate(small, (size, size), mode="bilinear")


@dataclass(frozen=True)
class Recipe:
    """How one recogniser is trained."""

    config: ArcFaceConfig
    use: str
    seed: int
    first: int  # the number of the first person it learns from
    people: int
    photos: int  # of each, every one a shot of its own
    size: int  # pixels a side of the photographs
    batch: int
    steps: int
    changes: tuple[Callable[[Tensor, torch.Generator], Tensor], ...]  # of the pictures, which identity survives
    start: str | None = None  # the shipped recogniser that is in it when it begins, and sees less
    rate: float = 3e-3  # the highest learning rate


SMALL = {"people": 3600, "photos": 10, "size": 64, "batch": 128, "steps": 5200, "changes": (moved, lit)}
RECIPES = {
    "arcface": Recipe(
        ArcFaceConfig(48, width=24, blocks=(1, 1, 2, 1), **FACE),
        "the identity vectors of generators of 64 pixels, and their identity loss while training",
        seed=1, first=0, **SMALL,
    ),
    "arcface-128": Recipe(
        ArcFaceConfig(96, width=24, blocks=(1, 1, 2, 1), first_stride=2, **FACE),
        "the identity vectors of `simswap`, and its identity loss while training",
        seed=5, first=0, people=3600, photos=10, size=128, batch=128, steps=2600, changes=(moved, lit, softened),
        start="arcface", rate=1e-3,
    ),
    "judge": Recipe(
        ArcFaceConfig(48, width=28, blocks=(1, 1, 2, 1), **FACE),
        "judging swaps of 64 pixels: it never takes part in their training",
        seed=2, first=3600, **SMALL,
    ),
    "judge-128": Recipe(
        ArcFaceConfig(96, width=36, blocks=(2, 2, 2, 1), first_stride=2, **FACE),
        "judging swaps of 128 pixels: it never takes part in their training",
        seed=2, first=4500, people=4500, photos=8, size=128, batch=512, steps=6000, changes=(moved, softened),
    ),
}  # fmt: skip
CARD = """# {name}

A face recogniser (ArcFace: residual network, angular margin) for the face world: uint8 RGB pictures to unit vectors of
{dim} numbers whose cosine says how alike two people are.

- made by: `python tools/train_recognisers.py {name}`{before}:
  {steps} steps of {batch} pictures in {minutes:.1f} minutes on {machine}
- data: renders of the face world (version {world}): {people} people (seeds from {first}) x {photos} photographs at
  {size} px; nobody real, no licence, no consent needed
- measured: {retrieval:.1%} of {probes} true pictures of unseen people (seeds from 900,000) found in a gallery of
  {gallery}, one picture each, every picture in a shot of its own; {small_retrieval:.1%} at 64 px
- use: {use}
- limits: it knows only this world's faces. On photographs of real people its answers mean nothing.
- licence: MIT
"""


def unseen_photographs(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Held-out people: a gallery (100, ...) and probes (400, ...), every picture in a shot of its own."""
    pictures = [[photograph(HELD_OUT + i, k, size) for k in range(1 + PROBES)] for i in range(GALLERY)]
    pictures = np.array(pictures)  # (100, 5, H, W, 3)
    return pictures[:, 0], pictures[:, 1:].reshape(-1, size, size, 3)


def retrieval(network: ArcFace, gallery: np.ndarray, probes: np.ndarray) -> float:
    """Share of probes whose nearest gallery picture shows the same person."""
    network.eval()
    nearest = (network.embed(probes) @ network.embed(gallery).T).argmax(1).cpu().numpy()
    network.train()
    return float((nearest == np.arange(GALLERY).repeat(PROBES)).mean())


def apart(vectors: Tensor, others: Tensor) -> Tensor:
    """1 - cos of vectors (B, D) of length 1, on average."""
    return 1 - (vectors * others).sum(dim=1).mean()


def learn_to_see(network: ArcFace, known: Tensor, draw: Callable[[], tuple[Tensor, Tensor]]) -> None:
    """Teach the stem and the first block, which see larger pictures now, their part; the other weights stand still.

    known: (people, D), what the network should say of each person. draw: who is (B,) in a batch of pictures, and those.
    """
    new = [*network.stem.parameters(), *network.stages[0].parameters()]
    optimiser = torch.optim.AdamW(new, lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, SEEING_STEPS, pct_start=0.1)
    for _ in tqdm(range(SEEING_STEPS), desc="learning to see", unit="step"):
        who, batch = draw()
        loss = apart(network(batch), known[who])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()


def machine(device: torch.device) -> str:
    """In words, for a model card."""
    if device.type == "cuda":
        return f"one {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return "one CPU core" if threads == 1 else f"{threads} CPU cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--steps", type=int, help="training steps (default: the recipe's)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder of cached photographs and of the log")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the folder of weights is written")
    parser.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores to use (default %(default)s)")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    steps = options.steps or recipe.steps
    device = known_device(options.device) if options.device else best_device()
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(fast_precision(device))
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(recipe.seed)
    rng = torch.Generator().manual_seed(recipe.seed)

    photographs = WorldDataset(recipe.people, recipe.photos, recipe.size, recipe.first, options.cache)
    images = torch.from_numpy(np.array(photographs.images)).flatten(0, 1).to(device)  # (N, H, W, 3)
    people = torch.from_numpy(photographs.person).to(device)
    unseen = {size: unseen_photographs(size) for size in {recipe.size, 64}}

    def draw() -> tuple[Tensor, Tensor]:
        """Who is (B,) in some photographs, and the photographs, changed (B, 3, H, W)."""
        chosen = torch.randint(len(images), (recipe.batch,), generator=rng).to(device, non_blocking=True)
        batch = images[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1
        for change in recipe.changes:
            batch = change(batch, rng)
        return people[chosen], batch.contiguous(memory_format=torch.channels_last)

    network = ArcFace(recipe.config).to(device, memory_format=torch.channels_last).train()
    head = MarginHead(recipe.config.embedding_dim, recipe.people, scale=SCALE, margin=MARGIN).to(device)
    known = None
    if recipe.start is not None:
        small = ArcFace.from_pretrained(recipe.start, device)
        vectors = small.embed(images).unflatten(0, (recipe.people, recipe.photos))
        known = F.normalize(vectors.mean(dim=1), dim=1)  # (people, D): what it says of each of them
        network.load_state_dict(small.state_dict(), strict=False)  # a first block with a stride has another shortcut
        learn_to_see(network, known, draw)
        head.weight.data.copy_(known)
    optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=recipe.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, steps, pct_start=0.1)

    start = time.time()
    log = open(options.cache / f"{options.name}.jsonl", "a")
    for step in tqdm(range(1, steps + 1), desc=options.name, unit="step"):
        if known is None:  # The margin grows once the classes have begun to part; from the start it only confuses.
            head.margin = MARGIN * min(max((step / steps - 0.15) / 0.45, 0.0), 1.0)
        who, batch = draw()
        with torch.autocast(device.type, half, enabled=half is not None):
            vectors = network(batch)
        loss = F.cross_entropy(head(vectors, who), who)
        if known is not None:
            loss = loss + KEPT * apart(vectors, known[who])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0 or step == steps:
            record = {"step": step, "minutes": (time.time() - start) / 60, "loss": loss.item()}
            found = {size: retrieval(network, *pictures) for size, pictures in unseen.items()}
            record |= {"retrieval": found[recipe.size], "small_retrieval": found[64]}
            log.write(json.dumps(record) + "\n")
            log.flush()
            tqdm.write(f"{options.name} {record}")

    facts = {name: getattr(recipe, name) for name in ("use", "first", "people", "photos", "size", "batch")}
    card = CARD.format(
        **facts,
        name=options.name,
        before=f", grown from `{recipe.start}`" if recipe.start else "",
        dim=recipe.config.embedding_dim,
        steps=steps,
        machine=machine(device),
        minutes=record["minutes"],
        world=world_version(),
        retrieval=record["retrieval"],
        small_retrieval=record["small_retrieval"],
        probes=GALLERY * PROBES,
        gallery=GALLERY,
    )
    weights.save(network.eval(), options.output / options.name, card)
    print(f"{options.output / options.name}: {record['retrieval']:.1%} of unseen people in a gallery of {GALLERY}")


if __name__ == "__main__":
    main()

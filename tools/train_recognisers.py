"""Train the recognisers that the course ships: `arcface` and `arcface-128` train swaps, the two judges judge them.

    python tools/train_recognisers.py arcface
    python tools/train_recognisers.py judge

A judge has another seed and another width and sees other people than the one that trains, so that fooling one does not
fool the other. `arcface-128` is `arcface`, grown: it sees the face twice as large, and goes on learning from there. In
later parts more people wear face masks, and half of the batches are mirrored. They take between one and a quarter and
three and a quarter hours of one CPU core each, and may run at the same time; `judge-128` took two minutes of an H200,
and the rendering of its photographs. Writes data/weights/<name>/ after each part, and a copy beside the cached
photographs, out of which another may grow; the log, with the retrieval of unseen people, lies there, too. `--part 2`
goes on from the first part's weights and log.
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
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from simswap_lib.data import WorldDataset
from simswap_lib.files import DATA, whole_file
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig, MarginHead
from simswap_lib.photographs import PHOTOS_LIMIT, photograph, shot_seed, world_version
from simswap_lib.recognition import GALLERY, PHOTOS, found_in_turn, unseen_people
from simswap_lib.swapper import best_device, known_device
from simswap_lib.training import fast_precision
from simswap_lib.world.shots import Shot

SCALE, MARGIN = 24.0, 0.3
SETTLING = 100  # batches over which the statistics of batch norm are averaged at the end of a part
SEEING_STEPS = 300  # in which the new front of a grown recogniser learns its part
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


def mirrored(images: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the batches (B, 3, H, W), left and right exchanged: who somebody is hardly depends on the side."""
    return images.flip(-1) if torch.randint(2, (), generator=rng) else images


def softened(images: Tensor, rng: torch.Generator) -> Tensor:
    """Half of the batches (B, 3, H, W) lose detail, down to half the size: a swap is softer than a photograph."""
    size = images.shape[-1]
    smaller = int(torch.randint(size // 2, size + size // 2, (), generator=rng))
    if smaller >= size:
        return images
    small = F.interpolate(images, (smaller, smaller), mode="bilinear", antialias=True)
    return F.interpolate(small, (size, size), mode="bilinear")


@dataclass(frozen=True)
class Part:
    """So many steps of a recogniser's training, and the photographs for it."""

    seed: int
    first: int  # the number of the first person it learns from
    people: int
    photos: int  # of each, every one a shot of its own
    size: int  # pixels a side of the photographs
    batch: int
    steps: int
    changes: tuple[Callable[[Tensor, torch.Generator], Tensor], ...]  # of the pictures, which identity survives
    rate: float = 3e-3  # the highest learning rate
    start: str | None = None  # a first part may begin with a part of a recogniser that sees less, kept in the cache
    kept: float = 0.0  # weight of staying near what was said of each person when the part began
    masked: float = 0.0  # share of a batch that wears face masks, in further photographs of these people


@dataclass(frozen=True)
class Recipe:
    """How one recogniser is trained: its parts in turn, each with the weights that the one before left."""

    config: ArcFaceConfig
    use: str
    parts: tuple[Part, ...]


SMALL = {"people": 3600, "photos": 10, "size": 64, "batch": 128}
LARGE = {**SMALL, "size": 128, "rate": 1e-3, "kept": 3.0}
LATER = {"rate": 1e-3, "masked": 0.15}  # parts in which a network that knows people already learns more about them
MORE = {**SMALL, **LATER, "people": 5400}  # all people that there are beside those of `arcface`
RECIPES = {
    "arcface": Recipe(
        ArcFaceConfig(48, width=24, blocks=(1, 1, 2, 1), **FACE),
        "the identity vectors of generators of 64 pixels, and their identity loss while training",
        (
            Part(seed=1, first=0, steps=5200, changes=(moved, lit), **SMALL),
            Part(seed=8, first=0, steps=2600, changes=(moved, lit), kept=3.0, **SMALL, **LATER),
            Part(seed=11, first=0, steps=2000, changes=(moved, lit, mirrored), kept=3.0, **SMALL, **LATER),
        ),
    ),
    "arcface-128": Recipe(
        ArcFaceConfig(96, width=24, blocks=(1, 1, 2, 1), first_stride=2, **FACE),
        "the identity vectors of `simswap`, and its identity loss while training",
        (
            Part(seed=5, first=0, steps=2600, changes=(moved, lit, softened), start="arcface-part-1", **LARGE),
            Part(seed=6, first=0, steps=2000, changes=(moved, lit, softened), **LARGE | LATER),
            Part(seed=12, first=0, steps=2000, changes=(moved, lit, softened, mirrored), **LARGE | LATER),
        ),
    ),
    "judge": Recipe(
        ArcFaceConfig(48, width=28, blocks=(1, 1, 2, 1), **FACE),
        "judging swaps of 64 pixels: it never takes part in their training",
        (
            Part(seed=2, first=3600, steps=5200, changes=(moved, lit), **SMALL),
            Part(seed=7, first=3600, steps=2600, changes=(moved, lit), **MORE | {"photos": 8}),
            Part(seed=9, first=3600, steps=2600, changes=(moved, lit), **MORE | {"photos": 8}),
            Part(seed=10, first=3600, steps=2600, changes=(moved, lit, mirrored), **MORE | {"photos": 16}),
        ),
    ),
    "judge-128": Recipe(
        ArcFaceConfig(96, width=36, blocks=(2, 2, 2, 1), first_stride=2, **FACE),
        "judging swaps of 128 pixels: it never takes part in their training",
        (Part(seed=2, first=4500, people=4500, photos=8, size=128, batch=512, steps=6000, changes=(moved, softened)),),
    ),
}
CARD = """# {name}

A face recogniser (ArcFace: residual network, angular margin) for the face world: uint8 RGB pictures to unit vectors of
{dim} numbers whose cosine says how alike two people are.

- made by: `python tools/train_recognisers.py {name}`{before}:
  {steps} steps of {batch} pictures in {minutes:.1f} minutes on {machine}
- data: renders of the face world (version {world}):
  {data};
  nobody real, no licence, no consent needed
- measured: {retrieval:.1%} of {probes} true pictures of unseen people (seeds from 900,000) found in a gallery of
  {gallery}, one picture each, every picture in a shot of its own; {in_turn:.1%} with each picture in it in turn
- use: {use}
- limits: it knows only this world's faces. On photographs of real people its answers mean nothing.
- licence: MIT
"""
DATA_OF_PART = "{people} people (seeds from {first}) x {photos} photographs at {size} px"


def masked_photographs(part: Part, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Photographs of the part's people that are not among its own, and show a face mask; kept in `cache`.

    Returns: uint8 RGB (N, H, W, 3), and whom each shows, (N,), counted from 0.
    """
    path = cache / f"masks-{world_version()}-{part.first}-{part.people}x{part.photos}-{part.size}px.npz"
    if path.exists():
        with np.load(path) as kept:
            return kept["pictures"], kept["people"]
    people, pictures = [], []
    for i in tqdm(range(part.people), desc="face masks", unit="person"):
        for photo in range(part.photos, PHOTOS_LIMIT):
            if Shot.sample(shot_seed(part.first + i, photo)).occluder == "mask":
                people.append(i)
                pictures.append(photograph(part.first + i, photo, part.size))
    with whole_file(path) as partial, open(partial, "wb") as file:
        np.savez(file, pictures=np.stack(pictures), people=np.array(people))
    return np.stack(pictures), np.array(people)


def recognised(network: ArcFace, pictures: np.ndarray) -> dict[str, float]:
    """Shares of true pictures (people, photos, H, W, 3) found in the one gallery, and with each in it in turn."""
    network.eval()
    turns = found_in_turn(network, pictures)
    network.train()
    return {"retrieval": float(turns[0].mean()), "in_turn": float(turns.mean())}


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


def grown(config: ArcFaceConfig, small: ArcFace) -> ArcFace:
    """A network with this configuration and the weights of a smaller one; the first block's shortcut may be another."""
    network = ArcFace(config)
    network.load_state_dict(small.state_dict(), strict=False)
    return network


def train(network: ArcFace | None, recipe: Recipe, part: Part, steps: int, options: argparse.Namespace) -> ArcFace:
    """Train one part, and add a line to the log every 200 steps. `network`: what the part before it left, or None."""
    device = options.device
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(fast_precision(device))
    torch.manual_seed(part.seed)
    rng = torch.Generator().manual_seed(part.seed)

    photographs = WorldDataset(part.people, part.photos, part.size, part.first, options.cache)
    images = torch.from_numpy(np.array(photographs.images)).flatten(0, 1)  # (N, H, W, 3)
    people = torch.from_numpy(photographs.person)
    usual, masked = len(images), round(part.masked * part.batch)
    if masked:
        more, whose = masked_photographs(part, options.cache)
        images, people = torch.cat([images, torch.from_numpy(more)]), torch.cat([people, torch.from_numpy(whose)])
    images, people = images.to(device), people.to(device)
    unseen = unseen_people(GALLERY, part.size)

    def draw() -> tuple[Tensor, Tensor]:
        """Who is (B,) in some photographs, and the photographs, changed (B, 3, H, W)."""
        chosen = torch.randint(usual, (part.batch - masked,), generator=rng)
        if masked:
            chosen = torch.cat([chosen, torch.randint(usual, len(images), (masked,), generator=rng)])
        chosen = chosen.to(device, non_blocking=True)
        batch = images[chosen].permute(0, 3, 1, 2).float() / 127.5 - 1
        for change in part.changes:
            batch = change(batch, rng)
        return people[chosen], batch.contiguous(memory_format=torch.channels_last)

    before = network or (ArcFace.from_pretrained(options.cache / part.start) if part.start else None)
    head = MarginHead(recipe.config.embedding_dim, part.people, scale=SCALE, margin=MARGIN).to(device)
    if before is None:
        network = ArcFace(recipe.config)
    else:
        vectors = before.to(device).eval().embed(images[:usual]).unflatten(0, (part.people, part.photos))
        known = F.normalize(vectors.mean(dim=1), dim=1)  # (people, D): what it says of each of them
        head.weight.data.copy_(known)
        network = network or grown(recipe.config, before)
    network.to(device, memory_format=torch.channels_last).train()
    if part.start is not None:
        learn_to_see(network, known, draw)
    optimiser = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=part.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, part.rate, steps, pct_start=0.1)

    start, done = time.time(), last_record(options) or {"step": 0, "minutes": 0.0}
    for step in tqdm(range(1, steps + 1), desc=options.name, unit="step"):
        if before is None:  # The margin grows once the classes have begun to part; from the start it only confuses.
            head.margin = MARGIN * min(max((step / steps - 0.15) / 0.45, 0.0), 1.0)
        who, batch = draw()
        with torch.autocast(device.type, half, enabled=half is not None):
            vectors = network(batch)
        loss = F.cross_entropy(head(vectors, who), who)
        if part.kept:
            loss = loss + part.kept * apart(vectors, known[who])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        if step == steps:  # As training leaves them they tell of the last few batches, which may be soft or sharp.
            update_bn((draw()[1] for _ in range(SETTLING)), network)
        if step % 200 == 0 or step == steps:
            minutes = done["minutes"] + (time.time() - start) / 60
            record = {"step": done["step"] + step, "minutes": minutes, "loss": loss.item()}
            record |= recognised(network, unseen)
            with open(log_path(options), "a") as log:
                log.write(json.dumps(record) + "\n")
            tqdm.write(f"{options.name} {record}")
    return network.eval()


def log_path(options: argparse.Namespace) -> Path:
    return options.cache / f"{options.name}.jsonl"


def last_record(options: argparse.Namespace) -> dict | None:
    """The last line of the log: what the part before, or the whole run, came to."""
    lines = log_path(options).read_text().splitlines() if log_path(options).exists() else []
    return json.loads(lines[-1]) if lines else None


def forget(step: int, options: argparse.Namespace) -> None:
    """Drop from the log what was written after this step, by a run that is begun again."""
    if log_path(options).exists():
        lines = log_path(options).read_text().splitlines(keepends=True)
        log_path(options).write_text("".join(line for line in lines if json.loads(line)["step"] <= step))


def card(recipe: Recipe, parts: tuple[Part, ...], options: argparse.Namespace) -> str:
    """The model card of a network after these parts."""
    data = [DATA_OF_PART.format(**vars(part)) + (", and more with face masks" if part.masked else "") for part in parts]
    facts = {key: last_record(options)[key] for key in ("minutes", "retrieval", "in_turn")}
    return CARD.format(
        **facts,
        name=options.name,
        use=recipe.use,
        before=f", grown from `{parts[0].start}`" if parts[0].start else "",
        dim=recipe.config.embedding_dim,
        steps=" + ".join(str(options.steps or part.steps) for part in parts),
        batch=parts[-1].batch,
        machine=machine(options.device),
        world=world_version(),
        data=",\n  then ".join(data),
        probes=GALLERY * (PHOTOS - 1),
        gallery=GALLERY,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--part", type=int, default=1, help="begin with this one, counted from 1 (default %(default)s)")
    parser.add_argument("--steps", type=int, help="training steps of each part (default: the recipe's)")
    parser.add_argument("--cache", type=Path, default=Path("cache"), help="folder of cached photographs and of the log")
    parser.add_argument("--output", type=Path, default=DATA / "weights", help="where the folder of weights is written")
    parser.add_argument("--device", help="cpu, cuda, mps (default: the best there is)")
    parser.add_argument("--threads", type=int, default=1, help="CPU cores to use (default %(default)s)")
    options = parser.parse_args()
    recipe = RECIPES[options.name]
    if not 1 <= options.part <= len(recipe.parts):
        parser.error(f"{options.name} has {len(recipe.parts)} part(s); there is no part {options.part}")
    if options.part > 1 and not log_path(options).exists():
        log = log_path(options)
        parser.error(f"part {options.part} goes on from the log, too: copy data/results/{log.name} to {log.parent}")
    start = recipe.parts[0].start
    if options.part == 1 and start and not (options.cache / start).exists():
        parent = start.rpartition("-part-")[0]
        parser.error(f"{options.name} grows from {options.cache / start}: train {parent} first, with the same --cache")
    options.device = known_device(options.device) if options.device else best_device()
    options.cache.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    folder = options.output / options.name
    forget(sum(options.steps or part.steps for part in recipe.parts[: options.part - 1]), options)
    for number in range(options.part, len(recipe.parts) + 1):
        part = recipe.parts[number - 1]
        network = ArcFace.from_pretrained(folder) if number > 1 else None
        network = train(network, recipe, part, options.steps or part.steps, options)
        for place in (folder, options.cache / f"{options.name}-part-{number}"):
            weights.save(network, place, card(recipe, recipe.parts[:number], options))
    print(f"{folder}: {last_record(options)['retrieval']:.1%} of unseen people in a gallery of {GALLERY}")


if __name__ == "__main__":
    main()

"""How SimSwap is trained: one readable loop over the paper's objective and alternation.

Batches of one person and of two people take turns. Every batch is a pure function of seed and step, so a run that was
stopped, even by a power cut, goes on exactly as if nothing had happened.
"""

import copy
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from torch import nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from simswap_lib import checkpoints, losses, material
from simswap_lib.batches import PairBatches, Pairs, Photographs, quiet_worker
from simswap_lib.checkpoints import LOG
from simswap_lib.files import to_tensor
from simswap_lib.interruption import Interruption
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.models.onnx_files import load_recogniser

BEST = "best"


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides how a run goes. The defaults train the 64-pixel network on a CPU."""

    # The photographs.
    people: int = 3600  # people of the face world, with seeds from 0
    photos: int = 10  # photographs of each, every one a shot of its own
    size: int = 64  # pixels a side
    cache: str | None = None  # folder that keeps the rendered photographs; None renders them anew
    data: str | None = (
        None  # a folder of people to train on in place of all that; it needs a recogniser that knows them
    )
    workers: int = 0  # processes that read pictures; no batch depends on their number
    # The networks.
    width: int = 24  # generator: channels at full resolution
    downs: int = 2  # generator: halvings
    blocks: int = 6  # generator: ID-blocks
    critic_width: int = 32  # discriminator: channels of its first map
    recogniser: str = "arcface"  # name, folder or .onnx file of the recogniser that gives the identity vectors
    # The objective.
    loss: losses.LossWeights = field(default_factory=losses.LossWeights)
    first_map: int = 4  # m: weak feature matching takes the discriminator's maps m to M
    gp_every: int = 16  # the gradient penalty is taken every so many steps, times as much
    # The optimisation.
    steps: int = 4000
    batch: int = 16  # pictures
    learning_rate: float = 4e-4
    betas: tuple[float, float] = (0.0, 0.999)  # Adam, as in the paper
    ema: float = 0.998  # decay of the averaged generator, which is what ships
    seed: int = 0
    # The book-keeping, in steps.
    log_every: int = 20
    validate_every: int = 200
    checkpoint_every: int = 200

    def __post_init__(self):
        for name in ("steps", "batch", "gp_every", "log_every", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"TrainConfig.{name} must be at least 1, got {getattr(self, name)}.")
        if self.batch < 2:
            raise ValueError("TrainConfig.batch must be at least 2: batch normalisation needs company.")


def fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is quicker than float32 on `device`; without matrix units for it, it is slower."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return bool(supported and supported())
    return False


def train(
    config: TrainConfig,
    run_folder: str | Path,
    on_log: Callable[[dict], None] | None = None,
    accelerator: Accelerator | None = None,
) -> dict:
    """Train a generator into `run_folder`, or go on with the run that lies there. Returns the last log record.

    The folder receives `log.jsonl` (one record each `log_every` steps), `checkpoint.pt` (everything to go on exactly)
    and `best/` (the averaged generator at its best validation score). Ctrl-C ends after the current step and leaves a
    checkpoint.

    on_log: called with each record, for a live figure.

    Raises: ValueError if the checkpoint is damaged or belongs to another configuration; FloatingPointError if a term
    is no longer a number, naming the step and the term. The last checkpoint stays as it was.
    """
    run_folder = Path(run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    accelerator = accelerator or default_accelerator()
    if accelerator.num_processes > 1:
        raise RuntimeError("Training runs in one process in this version; start it without `accelerate launch`.")
    device = accelerator.device
    torch.manual_seed(config.seed)

    # Networks. The recogniser only lends its eyes: it is frozen.
    recogniser = load_recogniser(config.recogniser, device, gradients=True).requires_grad_(False).eval()
    shape = GeneratorConfig(config.size, config.width, config.downs, config.blocks, recogniser.config.embedding_dim)
    generator = Generator(shape).to(device, memory_format=torch.channels_last)
    critic = Discriminator(config.size, config.critic_width).to(device, memory_format=torch.channels_last)
    ema = copy.deepcopy(generator).requires_grad_(False).eval()
    adam_g = torch.optim.Adam(generator.parameters(), config.learning_rate, config.betas)
    adam_d = torch.optim.Adam(critic.parameters(), config.learning_rate, config.betas)
    parts = {"generator": generator, "critic": critic, "ema": ema, "adam_g": adam_g, "adam_d": adam_d}
    start = checkpoints.restore(run_folder, asdict(config), parts, device)
    records = checkpoints.kept_records(run_folder, start)
    generator, critic, adam_g, adam_d = accelerator.prepare(generator, critic, adam_g, adam_d)

    # Photographs, and the identity vector of each: it never changes, so it is computed once.
    if config.data is None:
        chosen = material.world(config.people, config.photos, config.size, config.cache)
    else:
        chosen = material.folder(config.data, config.size)
    photographs = chosen.photographs
    batches = PairBatches(photographs, config.batch, range(start, config.steps), config.seed)
    vectors = identity_vectors(recogniser, photographs)  # (N, D)
    reader = DataLoader(
        Pairs(photographs, sources=False), batch_sampler=batches, num_workers=config.workers,
        worker_init_fn=quiet_worker, generator=torch.Generator().manual_seed(0), persistent_workers=config.workers > 0,
    )  # fmt: skip
    validation = Validation(recogniser, chosen.kept_first, chosen.kept_second, device)
    print(
        f"{sum(p.numel() for p in ema.parameters()) / 1e6:.1f} M parameters on {device}, "
        f"{accelerator.mixed_precision} precision, weak feature matching from map {config.first_map} "
        f"of {accelerator.unwrap_model(critic).maps}, steps {start} to {config.steps}"
    )

    record = records[-1] if records else {}
    latest = {name: record[name] for name in ("cos_source", "cos_target", "reconstruction") if name in record}
    best = max((r["score"] for r in records if "score" in r), default=-np.inf)
    clock = time.time() - 60 * record.get("minutes", 0.0)  # the minutes of all parts of the run
    with open(run_folder / LOG, "a") as log, Interruption() as interrupted:
        bar = tqdm(batches.steps, initial=start, total=config.steps, unit="step", smoothing=0.02)
        for step, chosen in zip(bar, reader):
            target = to_tensor(chosen["target"], device).contiguous(memory_format=torch.channels_last)  # (B, 3, H, W)
            v_source, v_target = vectors[chosen["source_index"]], vectors[chosen["target_index"]]  # (B, D)
            same = chosen["same"].to(device)  # (B,)

            # The critic looks at the target once, for the generator's feature matching and for its own step.
            target_maps = critic(target)

            # Generator step: make the result and weigh every term of the paper.
            critic.requires_grad_(False)
            result = generator(target, v_source)
            result_maps = critic(result)
            v_result = recogniser(result.float())
            terms = {
                "identity": losses.identity_loss(v_result, v_source),
                "reconstruction": losses.reconstruction_loss(result, target, same),
                "adversarial": losses.hinge_g_loss(result_maps),
                "wfm": losses.weak_feature_matching_loss(result_maps, target_maps, config.first_map),
            }
            total = (
                config.loss.identity * terms["identity"]
                + config.loss.reconstruction * terms["reconstruction"]
                + terms["adversarial"]
                + config.loss.wfm * terms["wfm"]
            )
            adam_g.zero_grad(set_to_none=True)
            accelerator.backward(total)
            adam_g.step()
            critic.requires_grad_(True)

            # Discriminator step, on the picture that the generator has just made.
            terms["critic"] = losses.hinge_d_loss(target_maps, critic(result.detach()))
            critic_total = terms["critic"]
            if config.loss.gp and step % config.gp_every == 0:
                chance = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
                terms["gp"] = losses.gradient_penalty(critic, target, result, chance)
                critic_total = critic_total + config.gp_every * config.loss.gp * terms["gp"]
            require_numbers(terms, step + 1)
            adam_d.zero_grad(set_to_none=True)
            accelerator.backward(critic_total)
            adam_d.step()

            # The average of the last few hundred generators is better than any one of them.
            update_ema(ema, accelerator.unwrap_model(generator), min(config.ema, (1 + step) / (10 + step)))

            # Book-keeping. Different-identity steps have odd numbers, and only they tell whether identity moves.
            done = step + 1
            last = done == config.steps or interrupted()
            if chosen["same"].all():
                latest["reconstruction"] = terms["reconstruction"].item()
            else:
                latest["cos_source"] = torch.cosine_similarity(v_result, v_source).mean().item()
                latest["cos_target"] = torch.cosine_similarity(v_result, v_target).mean().item()
            if last or done % config.log_every == 0 or done % config.checkpoint_every == 0:
                record = {"step": done, "pictures": done * config.batch, "minutes": (time.time() - clock) / 60}
                record |= {name: term.item() for name, term in terms.items()} | latest
                if done % config.validate_every == 0 or done == config.steps:
                    record |= validation.measure(ema)
                    if record["score"] > best:
                        best = record["score"]
                        weights.save(ema, run_folder / BEST, f"The averaged generator after {done} steps: {record}")
                log.write(json.dumps(record) + "\n")
                log.flush()
                shown = {"to source": latest.get("cos_source"), "to target": latest.get("cos_target")}
                bar.set_postfix({name: f"{cosine:.2f}" for name, cosine in shown.items() if cosine is not None})
                if on_log:
                    on_log(dict(record))
            if last or done % config.checkpoint_every == 0:
                checkpoints.save(run_folder, asdict(config), done, parts)
            if last and done < config.steps:
                print(f"Stopped after step {done}; the same command goes on from here.")
                break
    return record


# ----------------------------------------------------------------------------


def default_accelerator() -> Accelerator:
    """Accelerate's choice of device, with bfloat16 where the machine is quick at it and nobody asked for another."""
    chosen = "ACCELERATE_MIXED_PRECISION" in os.environ  # by `accelerate config` or `accelerate launch`
    return Accelerator(mixed_precision="bf16" if not chosen and fast_bfloat16(PartialState().device) else None)


@torch.no_grad()
def update_ema(average: nn.Module, network: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * network; batch statistics are copied."""
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a.lerp_(b, 1 - decay)
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        a.copy_(b)


def require_numbers(terms: dict[str, torch.Tensor], step: int) -> None:
    """Raise FloatingPointError naming the first term that is not a finite number."""
    if torch.isfinite(torch.stack([term.detach() for term in terms.values()])).all():
        return
    name = next(name for name, term in terms.items() if not torch.isfinite(term))
    raise FloatingPointError(
        f"The {name} term is {terms[name].item()} at step {step}. Try a lower learning_rate, or a larger batch; "
        "the last checkpoint is from before."
    )


def identity_vectors(recogniser: ArcFace, photographs: Photographs, chunk: int = 1024) -> torch.Tensor:
    """The identity vector of every picture, (N, D), without holding all pictures in memory."""
    numbers = range(len(photographs))
    return torch.cat([
        recogniser.embed(np.stack([photographs.picture(i) for i in numbers[first : first + chunk]]))
        for first in numbers[::chunk]
    ])  # fmt: skip


class Validation:
    """How well identity moves and attributes stay on people kept back, without ever seeing a true answer.

    first, second: uint8 RGB (V, H, W, 3), two photographs of each of V people.
    """

    def __init__(self, recogniser: ArcFace, first: np.ndarray, second: np.ndarray, device: torch.device):
        self.recogniser = recogniser
        self.target = to_tensor(second, device)
        self.own = recogniser.embed(first)  # (V, D): the same people in another photograph
        self.other = self.own.roll(1, 0)
        self.v_target = recogniser.embed(second)

    @torch.no_grad()
    def measure(self, generator: nn.Module) -> dict[str, float]:
        """Cosines to source and target, ID retrieval by the training recogniser among the sources, and the L1 of
        drawing a person from their own other photograph. score = -(1 - cos to source) - L1: the objective's two
        terms, at their equal weights.

        generator is in evaluation mode.
        """
        swapped = self.recogniser(generator(self.target, self.other))
        cos_source = (swapped * self.other).sum(1).mean().item()
        nearest = (swapped @ self.other.T).argmax(1)  # (V,)
        redrawn = (generator(self.target, self.own) - self.target).abs().mean().item()
        return {
            "held_out_cos_source": cos_source,
            "held_out_cos_target": (swapped * self.v_target).sum(1).mean().item(),
            "held_out_retrieval": (nearest == torch.arange(len(nearest), device=nearest.device)).float().mean().item(),
            "held_out_redrawn_l1": redrawn,
            "score": cos_source - 1 - redrawn,
        }

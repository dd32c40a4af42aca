"""How SimSwap is trained: one readable loop over the paper's objective and alternation, on one device or several.

Batches of one person and of two people take turns. Every batch is a pure function of seed and step, so a run that was
stopped, even by a power cut, goes on exactly as if nothing had happened. The step itself is in train_step.py.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator, PartialState
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from simswap_lib import checkpoints, material
from simswap_lib.batches import PairBatches, Pairs, Photographs, quiet_worker
from simswap_lib.checkpoints import LOG
from simswap_lib.files import to_tensor
from simswap_lib.interruption import Interruption
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.onnx_files import load_recogniser
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import TERMS, Step

BEST, BEST_CRITIC = "best", "best-critic"
PRECISIONS = {"no": "float32", "fp16": "float16 with scaled gradients", "bf16": "bfloat16", "fp8": "float8"}


def train(
    config: TrainConfig,
    run_folder: str | Path,
    on_log: Callable[[dict], None] | None = None,
    accelerator: Accelerator | None = None,
    watch: Callable[[nn.Module, Path], dict[str, float]] | None = None,
    make_step: Callable[[TrainConfig, ArcFace, Accelerator], Step] = Step,
) -> dict:
    """Train a generator into `run_folder`, or go on with the run that lies there. Returns the last log record.

    The folder receives `run.json` (how the run was made), `log.jsonl` (one record each `log_every` steps),
    `checkpoint.pt` (everything to go on exactly), `best/` (the averaged generator at its best validation score) and
    `best-critic/` (the discriminator of that moment).
    Ctrl-C ends after the current step and leaves a checkpoint. Under `accelerate launch` or `notebook_launcher` every
    process trains on its part of each batch; the first one writes.

    on_log: called with each record, for a live figure; it takes the place of the progress bar.
    watch: called with the averaged generator and the folder whenever it is validated; what it returns goes into the
    log and decides nothing. `watching.Strip` draws a strip of swaps.
    make_step: what makes the step, for experiments that change it.

    Raises: ValueError if the checkpoint is damaged or belongs to another configuration, or if the batch cannot be
    shared among the processes; FloatingPointError if a term is no longer a number, naming the step and the term. The
    last checkpoint stays as it was.
    """
    run_folder = Path(run_folder)
    run_folder.mkdir(parents=True, exist_ok=True)
    accelerator = accelerator or default_accelerator()
    device, main = accelerator.device, accelerator.is_main_process
    processes, rank = accelerator.num_processes, accelerator.process_index
    if config.batch % processes or config.batch // processes < 2:
        raise ValueError(
            f"A batch of {config.batch} cannot be shared among {processes} processes of 2 pictures or more each: "
            f"set batch to a multiple of {processes} that is at least {2 * processes}."
        )

    # The recogniser only lends its eyes: it is frozen.
    recogniser = load_recogniser(config.recogniser, device, gradients=True).requires_grad_(False).eval()
    step_of = make_step(config, recogniser, accelerator)
    torch.backends.cudnn.benchmark = True  # all batches have one shape: the fastest convolutions are worth finding
    start = checkpoints.restore(run_folder, asdict(config), step_of.parts, device)
    records = checkpoints.kept_records(run_folder, start) if main else []
    if main:
        checkpoints.describe(run_folder, asdict(config), str(device), accelerator.mixed_precision, processes)
    accelerator.wait_for_everyone()

    # Photographs, and the identity vector of each: it never changes, so it is computed once.
    if config.data is None:
        chosen = material.world(config.people, config.photos, config.size, config.cache)
    else:
        chosen = material.folder(config.data, config.size)
    photographs = chosen.photographs
    batches = PairBatches(photographs, config.batch, range(start, config.steps), config.seed, rank, processes)
    vectors = identity_vectors(recogniser, photographs)  # (N, D)
    reader = DataLoader(
        Pairs(photographs, sources=False), batch_sampler=batches, num_workers=config.workers,
        worker_init_fn=quiet_worker, generator=torch.Generator().manual_seed(0), persistent_workers=config.workers > 0,
        pin_memory=device.type == "cuda",
    )  # fmt: skip
    validation = Validation(recogniser, chosen.kept_first, chosen.kept_second, device) if main else None
    if main:
        print(
            f"{sum(p.numel() for p in step_of.ema.parameters()) / 1e6:.1f} M parameters in the generator, on {device}"
            f"{f' in {processes} processes' if processes > 1 else ''}, {PRECISIONS[accelerator.mixed_precision]}, "
            f"weak feature matching from map {config.first_map} of {step_of.critic.maps}, "
            f"steps {start} to {config.steps}"
        )

    record = records[-1] if records else {}
    latest = {name: record[name] for name in ("cos_source", "cos_target", "reconstruction") if name in record}
    best = max((r["score"] for r in records if "score" in r), default=-np.inf)
    clock = time.time() - 60 * record.get("minutes", 0.0)  # the minutes of all parts of the run
    numbers = Numbers(device)
    with open(run_folder / LOG, "a") if main else nullcontext() as log, Interruption() as interrupted:
        bar = tqdm(
            initial=start * config.batch, total=config.steps * config.batch, unit="picture", unit_scale=True,
            smoothing=0.02, disable=not main or on_log is not None,
        )  # fmt: skip
        for step, pairs in zip(batches.steps, reader):
            target = to_tensor(pairs["target"], device)  # (B, 3, H, W)
            v_source, v_target = vectors[pairs["source_index"]], vectors[pairs["target_index"]]  # (B, D)
            terms = step_of(step, target, v_source, v_target, pairs["same"].to(device, non_blocking=True))
            numbers.look_at(terms, step + 1)

            # Different-identity steps have odd numbers, and only they tell whether identity moves.
            moving = ("reconstruction",) if step % 2 == 0 else ("cos_source", "cos_target")
            latest |= {name: terms[name] for name in moving}
            done = step + 1
            bar.update(config.batch)
            writes = done % config.log_every == 0 or done % config.checkpoint_every == 0
            # One process asks itself after every step whether it should stop, several agree when they write anyway.
            last = done == config.steps or ((processes == 1 or writes) and agree(accelerator, interrupted()))
            if last or writes:
                numbers.require()
                if main:
                    record = {"step": done, "pictures": done * config.batch, "minutes": (time.time() - clock) / 60}
                    cosines = ("cos_source", "cos_target")
                    record |= {name: term.item() for name, term in terms.items() if name not in cosines}
                    latest = {name: float(value) for name, value in latest.items()}
                    record |= latest
                    if done % config.validate_every == 0 or done == config.steps:
                        record |= validation.measure(step_of.ema)
                        if watch:
                            record |= watch(step_of.ema, run_folder)
                        if record["score"] > best:
                            best = record["score"]
                            card = f"The averaged generator after {done} steps: {record}"
                            weights.save(step_of.ema, run_folder / BEST, card)
                            weights.save(
                                step_of.critic, run_folder / BEST_CRITIC, f"The discriminator after {done} steps."
                            )
                    log.write(json.dumps(record) + "\n")
                    log.flush()
                    shown = {"to source": latest.get("cos_source"), "to target": latest.get("cos_target")}
                    bar.set_postfix({name: f"{cosine:.2f}" for name, cosine in shown.items() if cosine is not None})
                    if on_log:
                        on_log(dict(record))
            if main and (last or done % config.checkpoint_every == 0):
                checkpoints.save(run_folder, asdict(config), done, step_of.parts)
            if last and done < config.steps:
                if main:
                    print(f"Stopped after step {done}; the same command goes on from here.")
                break
    accelerator.wait_for_everyone()
    return record


# ----------------------------------------------------------------------------


def fast_precision(device: torch.device) -> str | None:
    """The half precision that is quicker than float32 on `device`: "bf16", "fp16" or None.

    A GPU below compute capability 8 only emulates bfloat16, but has units for float16, whose small range asks for
    scaled gradients; a CPU without matrix units for bfloat16 is slower with it.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.get_device_capability(device) >= (8, 0) else "fp16"
    if device.type == "cpu":
        supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return "bf16" if supported and supported() else None
    return None


def default_accelerator() -> Accelerator:
    """Accelerate's choice of device, in the quick precision of the machine unless somebody asked for another."""
    # Without a GPU, processes that a launcher started find each other only if Accelerate is told to stay on the CPU.
    cpu = "LOCAL_RANK" in os.environ and not torch.accelerator.is_available()
    chosen = "ACCELERATE_MIXED_PRECISION" in os.environ  # by `accelerate config` or `accelerate launch`
    precision = None if chosen else fast_precision(PartialState(cpu=cpu).device)
    return Accelerator(mixed_precision=precision, cpu=cpu)


def agree(accelerator: Accelerator, stop: bool) -> bool:
    """Whether any process wants to stop."""
    if accelerator.num_processes == 1:
        return stop
    return bool(accelerator.reduce(torch.tensor(float(stop), device=accelerator.device), reduction="sum") > 0)


class Numbers:
    """Notices on the device, without waiting for it, when a term of the objective is no longer a finite number."""

    def __init__(self, device: torch.device):
        self.first = torch.zeros((), dtype=torch.int64, device=device)  # the first bad step; 0: none
        self.values = torch.zeros(len(TERMS), device=device)  # the terms of that step

    def look_at(self, terms: dict[str, Tensor], step: int) -> None:
        absent = torch.zeros((), device=self.first.device)
        values = torch.stack([terms.get(name, absent).float() for name in TERMS])
        bad = ~torch.isfinite(values).all() & (self.first == 0)
        self.first = torch.where(bad, step, self.first)
        self.values = torch.where(bad, values, self.values)

    def require(self) -> None:
        """Raise FloatingPointError if a term was not a finite number, naming it and its step."""
        step = int(self.first)
        if step:
            values = dict(zip(TERMS, self.values.tolist(), strict=True))
            name = next(name for name, value in values.items() if not np.isfinite(value))
            raise FloatingPointError(
                f"The {name} term is {values[name]} at step {step}. Try a lower learning_rate, or a larger batch; "
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

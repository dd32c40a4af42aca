"""What a run will cost on this machine, before it starts: pictures, disk, and time measured on a few trial steps."""

import time
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch.nn import functional as F

from simswap_lib.models.onnx_files import load_recogniser
from simswap_lib.photographs import cpus, photograph
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import Step

TRIAL_STEPS = 4
WARM_UP = {"cpu": 2, "cuda": 6}  # steps that do not count; a GPU chooses its algorithms, and records itself
TRIAL_PICTURES = 8


@dataclass(frozen=True)
class Cost:
    """Seconds are measured here and now, on noise; a machine that does other work meanwhile is slower."""

    parameters: int  # of generator and discriminator
    pictures: int  # seen in the whole run
    photographs: int | None  # of the face world; None: a folder of the user's
    megabytes: float  # of their cache
    render_seconds: float  # for all of them, unless they are cached
    step_seconds: float
    steps: int

    def __str__(self) -> str:
        size = f"{self.parameters / 1e6:.1f} M parameters in both networks"
        lines = [f"{size}; {self.pictures:,} pictures in {self.steps:,} steps."]
        if self.photographs:
            lines.append(
                f"{self.photographs:,} photographs, {self.megabytes:,.0f} MB: about {minutes(self.render_seconds)} to "
                "render, unless they are cached."
            )
        lines.append(
            f"Training: about {minutes(self.steps * self.step_seconds)}, at {self.step_seconds:.2g} s a step "
            "(measured just now, on noise)."
        )
        return "\n".join(lines)


def cost(config: TrainConfig, accelerator: Accelerator) -> Cost:
    """Measure a few steps of this run with networks that are thrown away. Raises: as `train`, for its settings."""
    device = accelerator.device
    recogniser = load_recogniser(config.recogniser, device, gradients=True).requires_grad_(False).eval()
    step_of = Step(config, recogniser, accelerator)
    count = max(config.batch // accelerator.num_processes, 2)
    target = torch.rand(count, 3, config.size, config.size, device=device) * 2 - 1
    vectors = F.normalize(torch.randn(2, count, recogniser.config.embedding_dim, device=device), dim=2)
    last, seconds = time.perf_counter(), []
    for step in range(1, 1 + WARM_UP.get(device.type, 2) + TRIAL_STEPS):  # step 0 would take the gradient penalty
        terms = step_of(step, target, *vectors, torch.full((count,), step % 2 == 0, device=device))
        terms["critic"].item()  # waits until the device is done
        now = time.perf_counter()
        seconds.append(now - last)
        last = now
    photographs = config.people * config.photos if config.data is None else None
    networks = (step_of.generator, step_of.critic)
    return Cost(
        parameters=sum(p.numel() for network in networks for p in network.parameters()),
        pictures=config.steps * config.batch,
        photographs=photographs,
        megabytes=(photographs or 0) * config.size**2 * 3 / 1e6,
        render_seconds=(photographs or 0) * (render_seconds(config.size) if photographs else 0) / cpus(),
        step_seconds=sum(seconds[-TRIAL_STEPS:]) / TRIAL_STEPS,
        steps=config.steps,
    )


def render_seconds(size: int) -> float:
    """Seconds a photograph on one core."""
    photograph(0, 0, size)
    start = time.perf_counter()
    for photo in range(TRIAL_PICTURES):
        photograph(1, photo, size)
    return (time.perf_counter() - start) / TRIAL_PICTURES


def minutes(seconds: float) -> str:
    """A length of time for people: 40 s, 12 min or 5.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

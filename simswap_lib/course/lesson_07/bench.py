"""A training run of a few thousand numbers on which the checks of lesson 07 try a step, and watch what moves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.course.exercise import require
from simswap_lib.losses import LossWeights, Outputs
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import Step

SIDE, DIM, B = 32, 16, 4
WEIGHTS = LossWeights(identity=3.0, reconstruction=5.0, gp=0.3, wfm=2.0, adversarial=0.7)  # no two alike
CONFIG = TrainConfig(
    size=SIDE, width=4, downs=1, blocks=1, critic_width=4, first_map=2, gp_every=2, batch=B, loss=WEIGHTS, seed=3
)


class OneDevice:
    """As much of an Accelerator as a step needs where there is one process and full precision."""

    num_processes, process_index, scaler = 1, 0, None
    device = torch.device("cpu")

    def prepare(self, *things):
        return things

    def autocast(self):
        return nullcontext()

    def backward(self, total: Tensor) -> None:
        total.backward()


@dataclass(frozen=True)
class Batch:
    """One batch: two pairs of one person, two pairs of two people."""

    target: Tensor  # (B, 3, H, W)
    v_source: Tensor  # (B, D)
    same: Tensor  # (B,)


def some_batch(seed: int = 0) -> Batch:
    chance = torch.Generator().manual_seed(seed)
    target = torch.rand(B, 3, SIDE, SIDE, generator=chance) * 2 - 1
    v_source = F.normalize(torch.randn(B, DIM, generator=chance), dim=1)
    return Batch(target, v_source, torch.tensor([True, False, False, True]))


class Bench:
    """A run, always the same at the start, that remembers with which gradients each optimiser stepped.

    `.gradients["generator"]` and `["critic"]` are lists, one entry a step: all gradients in a row, 0 where there was
    none.
    """

    def __init__(self, weights: LossWeights = WEIGHTS, **settings: object):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            recogniser = ArcFace(ArcFaceConfig(SIDE, width=4, blocks=(1, 1), embedding_dim=DIM))
            recogniser.requires_grad_(False).eval()
            self.run = Step(replace(CONFIG, loss=weights, **settings), recogniser, OneDevice())
            # As in the middle of a run: the average is no longer the generator.
            for p in self.run.ema.parameters():
                p.add_(0.05 * torch.randn(p.shape))
        self.gradients: dict[str, list[Tensor]] = {"generator": [], "critic": []}
        for name, optimiser in (("generator", self.run.adam_g), ("critic", self.run.adam_d)):
            optimiser.register_step_pre_hook(lambda *_, name=name: self.gradients[name].append(gradients(self[name])))
        self.before = {name: values(self[name]) for name in ("generator", "critic", "ema", "recogniser")}

    def __getitem__(self, name: str) -> nn.Module:
        return getattr(self.run, name)

    def moved(self, name: str) -> bool:
        """Whether any parameter of this network has changed since the start."""
        return not torch.equal(values(self[name]), self.before[name])

    def generator_step(self, answer: Callable, batch: Batch) -> object:
        """What the answer returns, called as the course's loop does: with the critic frozen."""
        target_maps = self.run.look(batch.target)
        self.run.critic.requires_grad_(False)
        try:
            return self._call(answer, batch, self.run, batch.target, batch.v_source, batch.same, target_maps)
        finally:
            self.run.critic.requires_grad_(True)

    def discriminator_step(self, answer: Callable, batch: Batch, step: int) -> tuple[object, Tensor, Outputs]:
        """What the answer returns, the result that it was given, and the critic's look at the target."""
        target_maps = self.run.look(batch.target)
        result = self.run.draw(batch.target, batch.v_source)
        places = self.run.places(step, len(result))
        answered = self._call(answer, batch, self.run, batch.target, result, target_maps, places)
        return answered, result, target_maps

    def _call(self, answer: Callable, batch: Batch, *given: object) -> object:
        copy = batch.target.clone()
        try:
            answered = answer(*given)
        except RuntimeError as error:
            if "does not require grad" in str(error):
                error.add_note(
                    "What was to be minimised hangs on no weight: look for a detach() or no_grad() too much, or for "
                    "run.ema, which never learns by itself, in the place of run.generator."
                )
            raise
        require(torch.equal(copy, batch.target), "`target` was changed in place; the critic still needs it.")
        return answered


def values(network: nn.Module) -> Tensor:
    """All parameters in a row."""
    return torch.cat([p.detach().flatten() for p in network.parameters()])


def gradients(network: nn.Module) -> Tensor:
    """All gradients in a row, 0 where there is none."""
    return torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in network.parameters()])


def slope(total: Tensor, network: nn.Module) -> Tensor:
    """The gradient of `total` with respect to all parameters in a row; the graph stays."""
    found = torch.autograd.grad(total, list(network.parameters()), retain_graph=True, allow_unused=True)
    pairs = zip(found, network.parameters(), strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def alike(a: Tensor, b: Tensor, tolerance: float = 1e-3) -> bool:
    """Equal up to rounding, as a whole: |a - b| small beside |b|."""
    return a.shape == b.shape and bool((a - b).norm() <= tolerance * b.norm() + 1e-7)

"""The plain ways of training and of drawing, which `python -m simswap_lib bench` measures ours against.

The training step does its work in the order of the released script (neuralchen/SimSwap at bd7b768, train.py), as
publicly described; written anew, with our networks and our losses, so that only the order of work and the way numbers
are stored differ. What the released script leaves out, such as the average of the weights, is left out here too.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from simswap_lib import losses
from simswap_lib.batches import PairBatches, Pairs, Photographs
from simswap_lib.files import to_tensor
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.generator import Generator
from simswap_lib.train_config import TrainConfig


class PlainStep:
    """A training step in float32, `step()` by `step()`, from the step number `first` on.

    config: of the run. generator, critic and recogniser: on one device; trained are the first two.
    """

    def __init__(
        self,
        config: TrainConfig,
        photographs: Photographs,
        generator: Generator,
        critic: Discriminator,
        recogniser: ArcFace,
        first: int = 0,
    ):
        self.config, self.photographs, self.number = config, photographs, first
        self.generator, self.critic, self.recogniser = generator.train(), critic.train(), recogniser.eval()
        recogniser.requires_grad_(False)
        self.device = next(generator.parameters()).device
        self.adam_g = torch.optim.Adam(generator.parameters(), config.learning_rate, config.betas)
        self.adam_d = torch.optim.Adam(critic.parameters(), config.learning_rate, config.betas)
        # Each half of a step draws a batch of its own, of the same kind: same person, or two people
        # (train.py, the loop over `interval`).
        self.for_generator = self._batches(config.seed)
        self.for_critic = self._batches(config.seed + 1)

    def step(self) -> dict[str, Tensor]:
        """One update of each network; returns the terms of both, named as in `train_step.TERMS`."""
        terms = self._generator_half(next(self.for_generator)) | self._critic_half(next(self.for_critic))
        self.number += 1
        return terms

    def _generator_half(self, batch: dict) -> dict[str, Tensor]:
        target, v_source = self._pictures(batch)
        result = self.generator(target, v_source)
        # The critic's weights stay open, so their gradients are computed here too; nobody uses them
        # (train.py, `interval` 0: requires_grad stays on, and the critic's zero_grad throws them away).
        result_maps = self.critic(result)
        # The target's maps are made for feature matching alone; the critic's half makes its own
        # (train.py: the features of src_image1 and the logits of src_image2 are separate passes).
        target_maps = self.critic(target)
        terms = {
            "identity": losses.identity_loss(self.recogniser(result), v_source),
            "reconstruction": losses.reconstruction_loss(result, target, batch["same"].to(self.device)),
            "adversarial": losses.hinge_g_loss(result_maps),
            "wfm": losses.weak_feature_matching_loss(result_maps, target_maps, self.config.first_map),
        }
        weight = self.config.loss
        total = (
            weight.identity * terms["identity"]
            + weight.reconstruction * terms["reconstruction"]
            + weight.adversarial * terms["adversarial"]
            + weight.wfm * terms["wfm"]
        )
        self.adam_g.zero_grad()
        total.backward()
        self.adam_g.step()
        return terms

    def _critic_half(self, batch: dict) -> dict[str, Tensor]:
        target, v_source = self._pictures(batch)
        # A second pass of the generator, with everything kept for a backward pass that never comes
        # (train.py, `interval` 1: no torch.no_grad; the result is detached afterwards).
        result = self.generator(target, v_source).detach()
        # Two passes, of the result and of real pictures (train.py, `interval` 1).
        terms = {"critic": losses.hinge_d_loss(self.critic(target), self.critic(result))}
        total = terms["critic"]
        # The released script has no gradient penalty any more; here it costs what it costs in our step.
        if self.config.loss.gp and self.number % self.config.gp_every == 0:
            terms["gp"] = losses.gradient_penalty(self.critic, target, result)
            total = total + self.config.gp_every * self.config.loss.gp * terms["gp"]
        self.adam_d.zero_grad()
        total.backward()
        self.adam_d.step()
        return terms

    def _pictures(self, batch: dict) -> tuple[Tensor, Tensor]:
        """Targets (B, 3, H, W), stored channels first (train.py has no channels_last), and v_S (B, D)."""
        # The identity vector of a photograph never changes, and is computed anew each time it is drawn
        # (train.py, main: the recogniser runs on the source's picture in every half).
        v_source = self.recogniser(to_tensor(batch["source"], self.device).contiguous())
        return to_tensor(batch["target"], self.device).contiguous(), v_source

    def _batches(self, seed: int) -> Iterator[dict]:
        batches = PairBatches(self.photographs, self.config.batch, range(self.number, 2**62), seed)
        # Target and source are both read and decoded (data/data_loader_Swapping.py).
        return iter(DataLoader(Pairs(self.photographs), batch_sampler=batches, num_workers=self.config.workers))


@torch.no_grad()
def draw(generator: Generator, target: Tensor, v_source: Tensor) -> Tensor:
    """The generator as it was trained, in float32: (B, 3, H, W) and (B, D) -> (B, 3, H, W).

    Each picture computes the styles of its source again, and batch normalisation stands by itself
    (models/fs_networks.py, ApplyStyle and Generator_Adain_Upsample).
    """
    return generator(target, v_source)

"""One step of training (paper, 3.2 to 3.4): the generator's move, then the discriminator's, on the same picture."""

import copy

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from simswap_lib import losses
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.models.recorded import Recorded
from simswap_lib.train_config import TrainConfig

TERMS = ("identity", "reconstruction", "adversarial", "wfm", "critic", "gp")  # of the objective


class Step:
    """The networks of a run with their optimisers; calling it moves them by one step and returns what it cost.

    Several processes hold the same networks, see different parts of a batch and average their gradients, so that the
    batch might as well have been in one place; only batch normalisation looks at each process's own part.
    Nothing is read back from the device: a GPU is never made to wait. Alone on a CUDA device, the moves are recorded
    and replayed (`models/recorded.py`).
    """

    def __init__(self, config: TrainConfig, recogniser: ArcFace, accelerator: Accelerator):
        self.config, self.recogniser, self.accelerator = config, recogniser, accelerator
        device = accelerator.device
        torch.manual_seed(config.seed)
        if config.start is None:
            dim = recogniser.config.embedding_dim
            generator = Generator(GeneratorConfig(config.size, config.width, config.downs, config.blocks, dim))
        else:
            generator = Generator.from_pretrained(config.start).resized(config.size)
        self.generator = generator.to(device, memory_format=torch.channels_last)
        if config.start_critic is None:
            critic = Discriminator(DiscriminatorConfig(config.size, config.critic_width, config.scales))
        else:
            critic = Discriminator.from_pretrained(config.start_critic).first(config.scales)
        self.critic = critic.train().to(device, memory_format=torch.channels_last)
        self.ema = copy.deepcopy(self.generator).requires_grad_(False).eval()
        # Scaled gradients are looked at before each step, and several processes wait for each other: no recording.
        recorded = device.type == "cuda" and accelerator.num_processes == 1 and accelerator.scaler is None
        adam = {"lr": config.learning_rate, "betas": config.betas, "capturable": recorded}
        self.adam_g = torch.optim.Adam(self.generator.parameters(), **adam)
        self.adam_d = torch.optim.Adam(self.critic.parameters(), **adam)
        self._step_g, self._step_d = accelerator.prepare(self.adam_g, self.adam_d)
        self._both = Recorded(self._moves) if recorded else self._moves

    @property
    def parts(self) -> dict:
        """Everything whose state a checkpoint keeps."""
        parts = {name: getattr(self, name) for name in ("generator", "critic", "ema", "adam_g", "adam_d")}
        scaler = self.accelerator.scaler
        return parts if scaler is None else parts | {"scaler": scaler}

    def __call__(
        self, step: int, target: Tensor, v_source: Tensor, v_target: Tensor, same: Tensor
    ) -> dict[str, Tensor]:
        """Step number `step`, from 0, on this process's part of the batch.

        Shapes: target (B, 3, H, W) in [-1, 1]; v_source, v_target (B, D) of length 1; same (B,) bool.
        Returns the terms of the objective without their weights, and the cosines of the result, as tensors ().
        """
        target = target.contiguous(memory_format=torch.channels_last)
        penalised = self.config.loss.gp and step % self.config.gp_every == 0
        places = self._places(step, len(target)).to(target.device) if penalised else None
        terms = self._both(target, v_source, v_target, same, places)
        # The average of the last few hundred generators is better than any one of them.
        update_ema(self.ema, self.generator, min(self.config.ema, (1 + step) / (10 + step)))
        return terms

    def _moves(
        self, target: Tensor, v_source: Tensor, v_target: Tensor, same: Tensor, places: Tensor | None
    ) -> dict[str, Tensor]:
        """The generator's move, then the discriminator's. places: None in a step without gradient penalty."""
        config, accelerator = self.config, self.accelerator

        # The critic looks at the target once, for the generator's feature matching and for its own step.
        with accelerator.autocast():
            target_maps = self.critic(target)

        # Generator step: make the result and weigh every term of the paper.
        self.critic.requires_grad_(False)
        with accelerator.autocast():
            result = self.generator(target, v_source)
            result_maps = self.critic(result)
        v_result = self.recogniser(result.float())
        terms = {
            "identity": losses.identity_loss(v_result, v_source),
            "reconstruction": losses.reconstruction_loss(result, target, same),
            "adversarial": losses.hinge_g_loss(result_maps),
            "wfm": losses.weak_feature_matching_loss(result_maps, target_maps, config.first_map),
        }
        total = (
            config.loss.identity * terms["identity"]
            + config.loss.reconstruction * terms["reconstruction"]
            + config.loss.adversarial * terms["adversarial"]
            + config.loss.wfm * terms["wfm"]
        )
        self._move(self.generator, self._step_g, total)
        self.critic.requires_grad_(True)

        # Discriminator step, on the picture that the generator has just made.
        with accelerator.autocast():
            made_maps = self.critic(result.detach())
        terms["critic"] = losses.hinge_d_loss(target_maps, made_maps)
        critic_total = terms["critic"]
        if places is not None:
            terms["gp"] = losses.gradient_penalty(self.critic, target, result, places)
            critic_total = critic_total + config.gp_every * config.loss.gp * terms["gp"]
        self._move(self.critic, self._step_d, critic_total)

        with torch.no_grad():
            terms["cos_source"] = torch.cosine_similarity(v_result, v_source).mean()
            terms["cos_target"] = torch.cosine_similarity(v_result, v_target).mean()
        return {name: term.detach() for name, term in terms.items()}

    def _move(self, network: nn.Module, optimiser, total: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        average_gradients(self.accelerator, network)
        optimiser.step()

    def _places(self, step: int, count: int) -> Tensor:
        """Where between real and made each sample's penalty is taken: the same for a sample in whatever process."""
        chance = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        first = self.accelerator.process_index * count
        return torch.rand(self.accelerator.num_processes * count, generator=chance)[first : first + count]


def average_gradients(accelerator: Accelerator, network: nn.Module) -> None:
    """Replace each process's gradients by their mean over all processes, in one message. Alone: nothing to do.

    Why not DistributedDataParallel: it cannot follow a network that is called several times before one backward pass,
    with its weights frozen in between and differentiated twice by the gradient penalty.
    """
    if accelerator.num_processes == 1:
        return
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    mean = accelerator.reduce(torch.cat([g.flatten() for g in gradients]), reduction="mean")
    for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


@torch.no_grad()
def update_ema(average: nn.Module, network: nn.Module, decay: float) -> None:
    """average <- decay * average + (1 - decay) * network; batch statistics are copied."""
    # All tensors in one call: on a GPU, starting a hundred small ones would take longer than their arithmetic.
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
    torch._foreach_copy_(list(average.buffers()), list(network.buffers()))

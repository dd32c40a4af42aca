"""One step of training (paper, 3.2 to 3.4): the generator's move, then the discriminator's, on the same picture."""

import copy
from dataclasses import replace

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
        generator.config = replace(generator.config, recogniser=config.recogniser)
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
        terms = self._both(target, v_source, v_target, same, self.places(step, len(target)))
        # The average of the last few hundred generators is better than any one of them.
        update_ema(self.ema, self.generator, min(self.config.ema, (1 + step) / (10 + step)))
        return terms

    def _moves(
        self, target: Tensor, v_source: Tensor, v_target: Tensor, same: Tensor, places: Tensor | None
    ) -> dict[str, Tensor]:
        """The generator's move, then the discriminator's. places: None in a step without gradient penalty."""
        # The critic looks at the target once, for the generator's feature matching and for its own step.
        target_maps = self.look(target)
        # While the generator moves, the critic's own gradients would only be thrown away.
        self.critic.requires_grad_(False)
        result, v_result, terms = generator_step(self, target, v_source, same, target_maps)
        self.critic.requires_grad_(True)
        terms |= discriminator_step(self, target, result, target_maps, places)
        with torch.no_grad():
            terms["cos_source"] = torch.cosine_similarity(v_result, v_source).mean()
            terms["cos_target"] = torch.cosine_similarity(v_result, v_target).mean()
        return {name: term.detach() for name, term in terms.items()}

    def draw(self, target: Tensor, v_source: Tensor) -> Tensor:
        """The generator's result, (B, 3, H, W) in [-1, 1], computed in the run's precision."""
        with self.accelerator.autocast():
            return self.generator(target, v_source)

    def look(self, picture: Tensor) -> list[list[Tensor]]:
        """The critic's outputs for pictures (B, 3, H, W), as `Discriminator` returns them, in the run's precision."""
        with self.accelerator.autocast():
            return self.critic(picture)

    def move(self, network: nn.Module, total: Tensor) -> None:
        """One step of the optimiser of `network`, the generator or the critic, down the slope of `total`, ().

        Clears the network's old gradients, computes new ones, averages them over the processes, and steps.
        """
        optimiser = {self.generator: self._step_g, self.critic: self._step_d}[network]
        optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        average_gradients(self.accelerator, network)
        optimiser.step()

    def places(self, step: int, count: int) -> Tensor | None:
        """Where between real and made each sample's penalty is taken, (B,); None in a step without gradient penalty.

        The same for a sample in whatever process.
        """
        if not self.config.loss.gp or step % self.config.gp_every:
            return None
        chance = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        first = self.accelerator.process_index * count
        places = torch.rand(self.accelerator.num_processes * count, generator=chance)[first : first + count]
        return places.to(self.accelerator.device)


def generator_step(
    run: Step, target: Tensor, v_source: Tensor, same: Tensor, target_maps: losses.Outputs
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Make the result, weigh every term of the paper, and move the generator down the slope of their sum.

        L_G = lambda_Id L_Id + lambda_Recon L_Recon + lambda_Adv L_Adv + lambda_wFM L_wFM

    Shapes: target (B, 3, H, W) in [-1, 1]; v_source (B, D) of length 1; same (B,) bool.
    target_maps: `run.look(target)`.
    Returns the result (B, 3, H, W), its identity vector (B, D), and the terms without their weights, each ().
    Source: the paper.
    """
    result = run.draw(target, v_source)  # (B, 3, H, W)
    result_maps = run.look(result)
    v_result = run.recogniser(result.float())  # (B, D)
    terms = {
        "identity": losses.identity_loss(v_result, v_source),
        "reconstruction": losses.reconstruction_loss(result, target, same),
        "adversarial": losses.hinge_g_loss(result_maps),
        "wfm": losses.weak_feature_matching_loss(result_maps, target_maps, run.config.first_map),
    }
    weights = run.config.loss
    total = (
        weights.identity * terms["identity"]
        + weights.reconstruction * terms["reconstruction"]
        + weights.adversarial * terms["adversarial"]
        + weights.wfm * terms["wfm"]
    )
    run.move(run.generator, total)
    return result, v_result, terms


def discriminator_step(
    run: Step, target: Tensor, result: Tensor, target_maps: losses.Outputs, places: Tensor | None
) -> dict[str, Tensor]:
    """Move the critic to tell the target from the picture that the generator has just made.

        L_D = L_Adv + lambda_GP L_GP

    The penalty is dear and changes slowly, so it is taken every `gp_every` steps, that many times as strong.

    Shapes: target, result (B, 3, H, W) in [-1, 1]. target_maps: `run.look(target)`.
    places: `run.places(step, B)`, (B,), or None in a step without penalty.
    Returns the terms without their weights, each (): "critic", and "gp" in the steps that take it.
    Source: the paper; the penalty now and then: Karras et al. 2020, arXiv 1912.04958.
    """
    made_maps = run.look(result.detach())
    terms = {"critic": losses.hinge_d_loss(target_maps, made_maps)}
    total = terms["critic"]
    if places is not None:
        terms["gp"] = losses.gradient_penalty(run.critic, target, result, places)
        total = total + run.config.gp_every * run.config.loss.gp * terms["gp"]
    run.move(run.critic, total)
    return terms


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
    """average <- decay * average + (1 - decay) * network, batch statistics as well; whole numbers are copied."""
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    numbers = [pair for pair in pairs if pair[0].is_floating_point()]
    counts = [pair for pair in pairs if not pair[0].is_floating_point()]
    # All tensors in one call: on a GPU, starting a hundred small ones would take longer than their arithmetic.
    torch._foreach_lerp_([a for a, _ in numbers], [b for _, b in numbers], 1 - decay)
    torch._foreach_copy_([a for a, _ in counts], [b for _, b in counts])

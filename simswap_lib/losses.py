"""Every term of the paper's objective, one function each.

    L = 10 L_Id + 10 L_Recon + L_Adv + 1e-5 L_GP + 10 L_wFM

"Outputs" below are what `Discriminator` returns: for each scale the list [map_1, ..., map_M, logits].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

Outputs = Sequence[Sequence[Tensor]]


@dataclass(frozen=True)
class LossWeights:
    """The lambdas of the paper, which leaves the adversarial term as it is."""

    identity: float = 10.0
    reconstruction: float = 10.0
    gp: float = 1e-5
    wfm: float = 10.0
    adversarial: float = 1.0  # the generator's share; the discriminator's own step is not weighed


def identity_loss(v_result: Tensor, v_source: Tensor) -> Tensor:
    """L_Id = 1 - cos(v_R, v_S), mean over the batch: 0 for the same direction, 2 for the opposite one.

    Shapes: (B, D) and (B, D) -> (). Raises: ValueError if they differ or are not (B, D). Source: the paper.
    """
    if v_result.ndim != 2 or v_result.shape != v_source.shape:
        raise ValueError(f"Expected two (B, D) alike, got {tuple(v_result.shape)} and {tuple(v_source.shape)}.")
    v_result, v_source = _at_least_float32(v_result), _at_least_float32(v_source)
    return (1 - F.cosine_similarity(v_result, v_source, dim=1)).mean()


def reconstruction_loss(result: Tensor, target: Tensor, same: Tensor) -> Tensor:
    """L_Recon = |I_R - I_T|_1 where source and target are the same person, 0 where they are not; sample by sample.

    The absolute difference is averaged over the pixels and channels of a sample, then over the *whole* batch: samples
    of different people count as zeros, so a batch without any same pair costs nothing and gives no gradient.

    Shapes: result, target (B, 3, H, W) in [-1, 1]; same (B,) bool -> ().
    Raises: ValueError for other shapes or if `same` is not bool. Source: the paper.
    """
    if result.ndim != 4 or result.shape != target.shape:
        raise ValueError(f"Expected two (B, C, H, W) alike, got {tuple(result.shape)} and {tuple(target.shape)}.")
    if same.shape != result.shape[:1] or same.dtype != torch.bool:
        raise ValueError(f"Expected `same` as bool ({len(result)},), got {same.dtype} {tuple(same.shape)}.")
    difference = (_at_least_float32(result) - _at_least_float32(target)).abs().mean(dim=(1, 2, 3))  # (B,)
    return torch.where(same, difference, 0.0).mean()


def hinge_d_loss(real_outputs: Outputs, fake_outputs: Outputs) -> Tensor:
    """L_Adv for the discriminator: mean max(0, 1 - D(real)) + mean max(0, 1 + D(fake)).

    Means are over batch and patches, then over the scales, as in the paper's first release (pix2pixHD sums over them).
    Both parts are added without a factor 1/2. Only the logits are read. Zero once all reals are above 1 and all
    fakes below -1.

    Raises: ValueError if the two have different numbers of scales, or none. Source: Lim & Ye 2017.
    """
    reals, fakes = _logits(real_outputs), _logits(fake_outputs)
    if len(reals) != len(fakes):
        raise ValueError(f"Expected as many scales for real as for fake, got {len(reals)} and {len(fakes)}.")
    losses = [F.relu(1 - real).mean() + F.relu(1 + fake).mean() for real, fake in zip(reals, fakes, strict=True)]
    return torch.stack(losses).mean()


def hinge_g_loss(fake_outputs: Outputs) -> Tensor:
    """L_Adv for the generator: -mean D(fake), over batch and patches, then over the scales; unbounded on purpose.

    Raises: ValueError if there is no scale. Source: Lim & Ye 2017.
    """
    return torch.stack([-fake.mean() for fake in _logits(fake_outputs)]).mean()


def gradient_penalty(
    discriminator: Callable[[Tensor], Outputs],
    real: Tensor,
    fake: Tensor,
    places: Tensor | None = None,
) -> Tensor:
    """L_GP = (|grad_x D(x)|_2 - 1)^2 at points x = a * real + (1 - a) * fake, mean over the batch.

    Each sample has its own a, uniform in [0, 1], the same for all its pixels: x lies on the straight line between the
    two pictures. D(x) is the number that the hinge loss sees, the mean of a sample's logits over patches and scales.
    A linear critic D(x) = w x therefore costs exactly (|w| - 1)^2, wherever x is. The penalty trains the discriminator
    only: real and fake are taken as constants.

    Args:
        real, fake: (B, C, H, W), alike.
        places: (B,), the a of each sample; None draws them.

    Raises: ValueError if real and fake have different shapes.
    Source: Gulrajani et al. 2017, arXiv 1704.00028.
    """
    if real.ndim != 4 or real.shape != fake.shape:
        raise ValueError(f"Expected two (B, C, H, W) alike, got {tuple(real.shape)} and {tuple(fake.shape)}.")
    real, fake = _at_least_float32(real.detach()), _at_least_float32(fake.detach())
    places = torch.rand(len(real)) if places is None else places
    a = places.to(real.device, real.dtype).view(-1, 1, 1, 1)
    x = (a * real + (1 - a) * fake).requires_grad_()  # (B, C, H, W)
    scores = torch.stack([logits.flatten(1).mean(dim=1) for logits in _logits(discriminator(x))]).mean(dim=0)  # (B,)
    # The sum over the batch has each sample's own gradient in that sample's place.
    (gradient,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def map_distances(result_maps: Outputs, target_maps: Outputs) -> Tensor:
    """d_i = sum over scales of 1/N_i |D_i(I_R) - D_i(I_T)|_1 for i = 1 ... M: how far apart two pictures are.

    N_i counts all elements of map i, batch included: each map of each scale counts by its mean, however large it is.
    Takes the outputs of `Discriminator` and leaves the logits out. The target's side is a constant: no gradient.

    Shapes: for each scale [map_1, ..., map_M, logits], M the same for all -> (M,), not negative.
    Raises: ValueError if scales, maps or shapes differ, or if there is no map. Source: the paper, after pix2pixHD.
    """
    _check_pair(result_maps, target_maps)
    distances = []
    for result_scale, target_scale in zip(result_maps, target_maps, strict=True):
        for result, target in zip(result_scale[:-1], target_scale[:-1], strict=True):
            if result.shape != target.shape:
                raise ValueError(f"Feature maps differ in shape: {tuple(result.shape)} and {tuple(target.shape)}.")
            distances.append((_at_least_float32(result) - _at_least_float32(target.detach())).abs().mean())
    return torch.stack(distances).view(len(result_maps), -1).sum(dim=0)  # (scales, M) -> (M,)


def feature_matching_loss(result_maps: Outputs, target_maps: Outputs) -> Tensor:
    """L_oFM = sum over i = 1 ... M of d_i, the distances of `map_distances`.

    "Original" feature matching, as in pix2pixHD: all maps. It pulls the result towards the target in everything, in
    identity too.

    Raises: ValueError as `map_distances`. Source: the paper.
    """
    return map_distances(result_maps, target_maps).sum()


def weak_feature_matching_loss(result_maps: Outputs, target_maps: Outputs, m: int) -> Tensor:
    """L_wFM = sum over i = m ... M of d_i, the distances of `map_distances`: only the later, coarser maps.

    Early maps hold texture and with it the target's identity; late ones hold pose, expression and light, which the
    result must keep. Maps are numbered from 1 at the input to M; logits are no map. m = 1 is `feature_matching_loss`.
    Early maps are not even compared, so they get no gradient of their own.

    Raises: ValueError if m is not in 1 ... M, or as `map_distances`. Source: the paper.
    """
    _check_pair(result_maps, target_maps)
    last = len(result_maps[0]) - 1  # M; the logits stand behind it
    if not 1 <= m <= last:
        raise ValueError(f"m counts feature maps from 1 to M = {last}, got {m}.")
    return map_distances([scale[m - 1 :] for scale in result_maps], [scale[m - 1 :] for scale in target_maps]).sum()


def _at_least_float32(x: Tensor) -> Tensor:
    # Under autocast tensors come as bfloat16, whose sums over many elements are too coarse for a loss.
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _check_scales(outputs: Outputs) -> None:
    if isinstance(outputs, Tensor) or not outputs or any(isinstance(scale, Tensor) or not scale for scale in outputs):
        raise ValueError("Expected a discriminator's outputs: for each scale a list [map_1, ..., map_M, logits].")


def _check_pair(result_maps: Outputs, target_maps: Outputs) -> None:
    _check_scales(result_maps)
    _check_scales(target_maps)
    found, wanted = [[len(scale) for scale in maps] for maps in (result_maps, target_maps)]
    if found != wanted or len(set(found)) != 1 or found[0] < 2:
        raise ValueError(
            "Expected the same scales and maps on both sides, alike in every scale, a map and the logits at least; "
            f"got {found} and {wanted} tensors."
        )


def _logits(outputs: Outputs) -> list[Tensor]:
    _check_scales(outputs)
    return [_at_least_float32(scale[-1]) for scale in outputs]

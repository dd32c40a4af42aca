"""Checks of exercise 04.1: what AdaIN takes away, what it writes, and what it must leave alone (paper 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.course.exercise import Wrong, call, require
from simswap_lib.course.probes import same

# Four different numbers, so that no axis can be mistaken for another without notice.
B, C, H, W = 3, 4, 6, 5


def some_feature() -> Tensor:
    """Features (B, C, H, W) in which every channel of every sample has a mean and a spread of its own."""
    scale, shift = torch.linspace(0.5, 4.0, B * C), torch.linspace(-3.0, 5.0, B * C)
    return torch.randn(B, C, H, W) * scale.view(B, C, 1, 1) + shift.view(B, C, 1, 1)


def _spread(x: Tensor) -> Tensor:
    return x.std(dim=(2, 3), correction=0)  # (B, C)


def _ones() -> Tensor:
    return torch.ones(B, C)


def keeps_the_shape(adain: Callable) -> None:
    """returns the feature's shape (B, C, H, W)"""
    try:
        call(adain, shape=(B, C, H, W), feature=some_feature(), sigma_s=_ones(), mu_s=_ones())
    except RuntimeError as error:
        if "must match" not in str(error):
            raise
        raise Wrong(
            f"The shapes do not fit together: {error}. feature is (B, C, H, W) but sigma_s and mu_s are (B, C), so "
            "each needs two more axes: sigma_s[:, :, None, None]. The same for a mean taken without keepdim=True."
        ) from error
    small = {"feature": torch.randn(2, 3, 4, 7), "sigma_s": torch.ones(2, 3), "mu_s": torch.ones(2, 3)}
    try:
        call(adain, shape=(2, 3, 4, 7), **small)
    except RuntimeError as error:
        raise Wrong(
            f"It works for a feature {(B, C, H, W)}, but not for (2, 3, 4, 7): {error} Take the sizes from what comes "
            "in; is one of them written in?"
        ) from error


def takes_each_sample_alone(adain: Callable) -> None:
    """takes the statistics of each sample alone"""
    feature = some_feature()
    other = feature.clone()
    other[1:] = 10 * other[1:] + 3  # sample 0 stays
    alone = _normalise(adain, feature)[0], _normalise(adain, other)[0]
    require(
        same(*alone),
        "Sample 0 came out differently although only the other samples were changed: mean and spread were taken over "
        "the batch, too. That is batch normalisation; here every picture is on its own: dim=(2, 3).",
    )


def takes_each_channel_alone(adain: Callable) -> None:
    """takes the statistics of each channel alone"""
    feature = some_feature()
    other = feature.clone()
    other[:, 1:] = 10 * other[:, 1:] + 3  # channel 0 stays
    alone = _normalise(adain, feature)[:, 0], _normalise(adain, other)[:, 0]
    require(
        same(*alone),
        "Channel 0 came out differently although only the other channels were changed: mean and spread were taken "
        "over the channels, too. That is layer normalisation; here every channel is on its own: dim=(2, 3).",
    )


def keeps_the_layout(adain: Callable) -> None:
    """keeps where things are: within a channel, only one scale and one shift"""
    feature = some_feature()
    x, y = feature.flatten(2), _normalise(adain, feature).flatten(2)  # (B, C, H * W)
    x, y = x - x.mean(2, keepdim=True), y - y.mean(2, keepdim=True)
    correlation = F.cosine_similarity(x, y, dim=2)  # (B, C)
    require(
        (correlation > 0.999).all(),
        f"Within a channel the result is no longer a copy of the feature up to one scale and one shift (correlation "
        f"{correlation.min():.2f}; expected 1.00). Mean and spread must be one number a channel, taken over height "
        "and width together: dim=(2, 3), not over one of the two.",
    )


def takes_the_mean_away(adain: Callable) -> None:
    """takes the target's own mean away: with sigma_s = mu_s = 1 every channel has mean 1"""
    mean = _normalise(adain, some_feature()).mean(dim=(2, 3))
    require(mean.abs().max() > 1e-3, "With mu_s = 1 every channel has mean 0. It looks as if mu_s was never added.")
    worst = mean.flatten()[(mean - 1).abs().argmax()].item()
    require(
        abs(worst - 1) < 1e-3,
        f"With sigma_s = mu_s = 1 every channel should have mean 1; one has {worst:.2f}. "
        "Subtract the channel's mean before you divide; mind the brackets: (feature - mean) / spread.",
    )


def sets_the_spread(adain: Callable) -> None:
    """sets the spread: each channel's standard deviation becomes |sigma_s|, and minus turns its layout upside down"""
    feature, sigma_s, mu_s = some_feature(), torch.linspace(0.4, 2.0, B * C).view(B, C), torch.full((B, C), 5.0)
    found, before = _spread(call(adain, feature=feature, sigma_s=sigma_s, mu_s=mu_s)), _spread(feature)
    if same(found, sigma_s, 1e-3):
        plus, minus = (_layout(call(adain, feature=feature, sigma_s=s * sigma_s, mu_s=mu_s)) for s in (1.0, -1.0))
        require(
            same(plus, -minus, 1e-3),
            "With sigma_s = -1 a channel should be turned upside down, high where it was low; it is not. Is there an "
            "abs, a square or a root of a square? sigma_s multiplies as it is.",
        )
        return
    unbiased = sigma_s * ((H * W - 1) / (H * W)) ** 0.5
    for value, cause in (
        (sigma_s / before, "It looks as if you divided by the variance; divide by its square root."),
        (sigma_s * before, "It looks as if the feature was never divided by its own spread."),
        (
            unbiased,
            "It looks as if the variance was divided by H * W - 1, PyTorch's default; here it is H * W: correction=0.",
        ),
        (mu_s, "It looks as if sigma_s and mu_s have changed places: sigma_s multiplies, mu_s is added."),
        (_ones(), "It looks as if sigma_s was never used."),
        (1 + sigma_s, "It was multiplied by 1 + sigma_s; adding the 1 is the layer's part, further below."),
        (sigma_s[:1].expand(B, C), "All samples got the first one's sigma_s."),
    ):
        require(not same(found, value, 1e-3), f"The spread of the result is {_seen(found, sigma_s)}. {cause}")
    raise Wrong(f"The spread of the result is {_seen(found, sigma_s)}: sigma_s * (feature - mean) / spread + mu_s.")


def sets_the_mean(adain: Callable) -> None:
    """sets the mean: each channel's mean becomes mu_s"""
    feature, sigma_s, mu_s = some_feature(), torch.full((B, C), 3.0), torch.linspace(-2.0, 2.0, B * C).view(B, C)
    found = call(adain, feature=feature, sigma_s=sigma_s, mu_s=mu_s).mean(dim=(2, 3))
    if same(found, mu_s, 1e-3):
        return
    if same(found, sigma_s * mu_s, 1e-3):
        raise Wrong(f"The mean of the result is {_seen(found, mu_s)}: sigma_s * mu_s. Add mu_s last, after scaling.")
    raise Wrong(f"The mean of the result is {_seen(found, mu_s)}: sigma_s * (feature - mean) / spread + mu_s.")


def survives_a_flat_channel(adain: Callable) -> None:
    """stays finite on a flat channel and exact on a faint one (eps = 1e-8 under the root)"""
    flat, mu_s = torch.full((B, C, H, W), 2.0), 0.5 * _ones()
    found = call(adain, finite=False, feature=flat, sigma_s=_ones(), mu_s=mu_s)
    require(
        torch.isfinite(found).all(),
        "A channel that holds the same number everywhere has variance 0, and the result holds nan: 0 / 0. "
        "Add a small eps = 1e-8 to the variance before taking the root.",
    )
    require(
        same(found, flat.new_full(flat.shape, 0.5)), "A flat channel should come out as mu_s everywhere; it does not."
    )
    faint = _spread(call(adain, feature=1e-2 * torch.randn(B, C, H, W), sigma_s=_ones(), mu_s=mu_s)).mean().item()
    require(
        abs(faint - 1) < 0.01,
        f"A faint channel (spread 0.01) came out with spread {faint:.3f}; expected 1.000. Your eps is too large "
        "(F.instance_norm brings 1e-5; the published weights want 1e-8) or is added outside the root.",
    )


def can_be_trained_through(adain: Callable) -> None:
    """lets gradients through to the feature, sigma_s and mu_s, also where a channel is flat"""
    feature, sigma_s, mu_s = (x.requires_grad_() for x in (some_feature(), _ones(), _ones()))
    result = adain(feature, sigma_s, mu_s)
    advice = "Is there a no_grad, a detach, a .data or .numpy() on the way? Nothing before it would learn."
    require(result.requires_grad, f"No gradient comes back through the result. {advice}")
    grads = torch.autograd.grad(result.pow(3).sum(), (feature, sigma_s, mu_s), allow_unused=True, retain_graph=True)
    for name, grad in zip(("feature", "sigma_s", "mu_s"), grads, strict=True):
        require(grad is not None and bool(grad.abs().sum() > 0), f"No gradient reaches `{name}`. {advice}")
    (of_means,) = torch.autograd.grad(result.mean(dim=(2, 3)).sum(), feature)
    require(
        of_means.abs().max() < 1e-4,
        "A channel's mean is mu_s whatever the feature is, and yet the feature gets a gradient for it: mean or spread "
        "were detached. They depend on the feature, and the gradient has to know.",
    )
    flat = torch.full((B, C, H, W), 2.0, requires_grad=True)
    (grad,) = torch.autograd.grad(adain(flat, _ones(), _ones()).square().sum(), flat)
    require(
        torch.isfinite(grad).all(),
        "On a flat channel the result is finite, but its gradient is nan: the root of 0 has an endless slope. The 1e-8 "
        "belongs under the root, sqrt(variance + 1e-8), not behind it.",
    )


def _layout(x: Tensor) -> Tensor:
    return x - x.mean(dim=(2, 3), keepdim=True)


def _normalise(adain: Callable, feature: Tensor) -> Tensor:
    """The result with sigma_s = mu_s = 1, which is the same should the two have changed places."""
    return call(adain, shape=(B, C, H, W), finite=False, feature=feature, sigma_s=_ones(), mu_s=_ones())


def _seen(found: Tensor, wanted: Tensor) -> str:
    """The entry that is furthest off, for a message: "1.20 in one channel; expected 0.40"."""
    worst = (found - wanted).abs().argmax()
    return f"{found.flatten()[worst]:.3f} in one channel; expected {wanted.flatten()[worst]:.3f}"

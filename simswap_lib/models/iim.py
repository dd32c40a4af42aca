"""The ID Injection Module: AdaIN in residual blocks writes the source's identity into features (paper 3.2)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-8  # inside the square root, as the published weights were trained


def adain(feature: Tensor, sigma_s: Tensor, mu_s: Tensor) -> Tensor:
    """Take each channel's own mean and spread away and give it those that the source's identity asks for.

        AdaIN(Fea, v_S) = sigma_S * (Fea - mu(Fea)) / sigma(Fea) + mu_S

    mu(Fea) and sigma(Fea) are taken over height and width, for each sample and channel; the variance is the biased
    one (divided by H * W), plus 1e-8 inside the square root. So the result has mean `mu_s` and spread `|sigma_s|`.

    Args:
        feature: (B, C, H, W), any range.
        sigma_s, mu_s: (B, C), the wanted spread and mean.

    Returns: (B, C, H, W), of the type of `feature`.
    Raises: ValueError for shapes that do not fit together.
    Source: Huang & Belongie 2017, arXiv 1703.06868, equation 8; SimSwap, section 3.2.
    """
    if feature.ndim != 4 or sigma_s.shape != feature.shape[:2] or mu_s.shape != feature.shape[:2]:
        raise ValueError(
            f"AdaIN expected a feature (B, C, H, W) with sigma_s and mu_s (B, C); "
            f"got {tuple(feature.shape)}, {tuple(sigma_s.shape)} and {tuple(mu_s.shape)}."
        )
    # A mean over a thousand bfloat16 values loses digits that the variance needs: take them in float32 at least.
    x = feature.to(torch.promote_types(feature.dtype, torch.float32))
    # Written out, as in the paper, rather than with torch.var_mean, which is slower on a CPU.
    centred = x - x.mean(dim=(2, 3), keepdim=True)
    variance = centred.square().mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    gain = sigma_s[:, :, None, None] * torch.rsqrt(variance + EPS)  # sigma_S / sigma(Fea)
    return (gain * centred + mu_s[:, :, None, None]).to(feature.dtype)


class AdaIN(nn.Module):
    """AdaIN whose `sigma_s` and `mu_s` one fully connected layer reads off the identity vector.

        [s, mu_S] = W v_S + b,    sigma_S = 1 + s

    The layer yields the *deviation* of sigma_S from 1, as the published weights need; a small W therefore starts close
    to a plain instance normalisation instead of wiping the feature out.

    Shapes: feature (B, C, H, W), v_source (B, identity_dim) -> (B, C, H, W).
    """

    def __init__(self, identity_dim: int, channels: int):
        super().__init__()
        self.style = nn.Linear(identity_dim, 2 * channels)

    def forward(self, feature: Tensor, v_source: Tensor) -> Tensor:
        s, mu_s = self.style(v_source).float().chunk(2, dim=1)  # (B, C) each
        return adain(feature, 1 + s, mu_s)


class IDBlock(nn.Module):
    """A residual block whose batch normalisation is replaced by AdaIN (the paper's ID-Block, 3.2).

        y = AdaIN(conv(ReLU(AdaIN(conv(x), v_S))), v_S),    out = x + y

    Nothing follows the sum, so that the target's features have a straight way through all blocks.

    Shapes: x (B, C, H, W), v_source (B, identity_dim) -> (B, C, H, W).
    """

    def __init__(self, channels: int, identity_dim: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.adain1 = AdaIN(identity_dim, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.adain2 = AdaIN(identity_dim, channels)

    def forward(self, x: Tensor, v_source: Tensor) -> Tensor:
        y = F.relu(self.adain1(self.conv1(x), v_source))
        y = self.adain2(self.conv2(y), v_source)
        return x + y


class IDInjection(nn.Module):
    """A row of ID-blocks, each with the same identity vector: nine in the paper ("IIM").

    Shapes: feature (B, C, H, W), v_source (B, identity_dim) -> (B, C, H, W).
    Raises: ValueError if channels, identity size or batch are not what the module was built for.
    """

    def __init__(self, channels: int, identity_dim: int, blocks: int = 9):
        super().__init__()
        self.channels, self.identity_dim = channels, identity_dim
        self.blocks = nn.ModuleList(IDBlock(channels, identity_dim) for _ in range(blocks))

    def forward(self, feature: Tensor, v_source: Tensor) -> Tensor:
        if feature.ndim != 4 or feature.shape[1] != self.channels:
            raise ValueError(f"Expected a feature (B, {self.channels}, H, W), got {tuple(feature.shape)}.")
        if v_source.shape != (len(feature), self.identity_dim):
            raise ValueError(
                f"Expected one identity vector for each feature, ({len(feature)}, {self.identity_dim}), "
                f"got {tuple(v_source.shape)}."
            )
        for block in self.blocks:
            feature = block(feature, v_source)
        return feature

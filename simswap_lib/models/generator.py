"""The generator: the Encoder takes the target apart, the ID Injection Module changes the identity, the Decoder draws
the result (paper 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from simswap_lib.models import weights
from simswap_lib.models.iim import IDInjection


@dataclass(frozen=True)
class GeneratorConfig:
    """Sizes of a generator. The defaults are those of the published 224-pixel weights: 55,051,779 parameters."""

    image_size: int = 224  # pixels a side it was trained at; the network itself takes any multiple of 2**downs
    width: int = 64  # channels at full resolution, doubled by each down-sampling
    downs: int = 3  # halvings between picture and features: 224 -> 28
    blocks: int = 9  # ID-blocks
    identity_dim: int = 512  # length of the recogniser's vector
    recogniser: str = "arcface"  # name, folder or .onnx file of the recogniser whose vectors it was trained with

    def __post_init__(self):
        for name in ("image_size", "width", "blocks", "identity_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"GeneratorConfig.{name} must be at least 1, got {getattr(self, name)}.")
        if self.downs < 0 or self.image_size % 2**self.downs:
            raise ValueError(
                f"GeneratorConfig.image_size must be a multiple of 2**downs = {2**self.downs}, got {self.image_size}."
            )

    @property
    def channels(self) -> int:
        """Channels of the features between Encoder and Decoder."""
        return self.width * 2**self.downs


class Encoder(nn.Module):
    """Target picture (B, 3, H, W) -> features (B, width * 2**downs, H / 2**downs, W / 2**downs).

    A 7x7 convolution, then `downs` convolutions with stride 2 that double the channels; each with BatchNorm and ReLU.
    """

    def __init__(self, width: int = 64, downs: int = 3):
        super().__init__()
        layers = [_normed(nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect"))]
        for i in range(downs):
            layers.append(_normed(nn.Conv2d(width * 2**i, width * 2 ** (i + 1), 3, stride=2, padding=1)))
        self.layers = nn.Sequential(*layers)

    def forward(self, target: Tensor) -> Tensor:
        return self.layers(target)


class Decoder(nn.Module):
    """Features (B, width * 2**ups, h, w) -> picture (B, 3, h * 2**ups, w * 2**ups), before any squashing.

    The mirror of the Encoder: `ups` times bilinear doubling and a convolution that halves the channels, with BatchNorm
    and ReLU; then a 7x7 convolution to RGB. Resizing before convolving leaves no checkerboard, a transposed convolution
    would. There are no skip connections: all that the result shows went through the ID-blocks.
    """

    def __init__(self, width: int = 64, ups: int = 3):
        super().__init__()
        layers = []
        for i in reversed(range(ups)):
            layers.append(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
            layers.append(_normed(nn.Conv2d(width * 2 ** (i + 1), width * 2**i, 3, padding=1)))
        self.layers = nn.Sequential(*layers)
        self.to_rgb = nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect")

    def forward(self, feature: Tensor) -> Tensor:
        return self.to_rgb(self.layers(feature))


class Generator(nn.Module):
    """I_R = tanh(Dec(IIM(Enc(I_T), v_S))): the target's picture with the source's identity.

    Shapes: target (B, 3, H, W) in [-1, 1], v_source (B, identity_dim) of length 1 -> result (B, 3, H, W) in [-1, 1].
    H and W are multiples of 2**downs and at least twice that.
    Raises: ValueError for any other shape.
    """

    Config = GeneratorConfig

    def __init__(self, config: GeneratorConfig = GeneratorConfig()):
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.width, config.downs)
        self.injection = IDInjection(config.channels, config.identity_dim, config.blocks)
        self.decoder = Decoder(config.width, config.downs)

    @classmethod
    def from_pretrained(cls, name_or_folder: str = "simswap", device: str | torch.device | None = None) -> Generator:
        """The generator of `data/weights/<name>/`, or of a folder that `weights.save` wrote, ready for use."""
        return weights.load(cls, name_or_folder, device)

    def resized(self, image_size: int) -> Generator:
        """The same network, meant for pictures of another size: it is fully convolutional."""
        out = Generator(replace(self.config, image_size=image_size))
        out.load_state_dict(self.state_dict())
        return out

    def grown(self) -> Generator:
        """A network for pictures twice as large, with this one inside: one halving more, half the channels outside.

        Only its two ends are new, `fresh_ends`: between the picture and what this network's first convolution makes of
        a picture half as large, and back. Whatever this network has learned lies between them, as it was.
        Raises: ValueError if the channels cannot be halved.
        Source: growing from small pictures to large ones: Karras et al. 2018, arXiv 1710.10196.
        """
        if self.config.width % 2:
            raise ValueError(
                f"Growing halves the channels at full size, and there are {self.config.width}: an odd number."
            )
        size, width, downs = 2 * self.config.image_size, self.config.width // 2, self.config.downs + 1
        out = Generator(replace(self.config, image_size=size, width=width, downs=downs))
        pairs = [(out.injection, self.injection)]
        pairs += zip(out.encoder.layers[2:], self.encoder.layers[1:], strict=True)
        pairs += zip(out.decoder.layers[:-2], self.decoder.layers, strict=True)
        for new, old in pairs:
            new.load_state_dict(old.state_dict())
        return out

    def fresh_ends(self) -> tuple[nn.Sequential, nn.Sequential]:
        """What `grown` adds: picture (B, 3, H, W) -> features (B, 2 width, H / 2, W / 2), and back, before tanh."""
        return self.encoder.layers[:2], nn.Sequential(*self.decoder.layers[-2:], self.decoder.to_rgb)

    def forward(self, target: Tensor, v_source: Tensor) -> Tensor:
        return torch.tanh(self.linear(target, v_source))

    def linear(self, target: Tensor, v_source: Tensor) -> Tensor:
        """The result before tanh, (B, 3, H, W), unbounded; one of the published weights was trained without tanh."""
        check_target(target, self.config)
        if v_source.shape != (len(target), self.config.identity_dim):
            raise ValueError(
                f"Expected one identity vector for each target, ({len(target)}, {self.config.identity_dim}), "
                f"got {tuple(v_source.shape)}."
            )
        feature = self.encoder(target)  # (B, C, H / 2**downs, W / 2**downs)
        feature = self.injection(feature, v_source)  # the same shape
        return self.decoder(feature)  # (B, 3, H, W)


def check_target(target: Tensor, config: GeneratorConfig) -> None:
    """Raises: ValueError if a generator of these sizes cannot work on `target`."""
    step = 2**config.downs
    if target.ndim != 4 or target.shape[1] != 3:
        raise ValueError(f"Expected target pictures (B, 3, H, W), got {tuple(target.shape)}.")
    # Reflection needs two values a side at the ID-blocks and four at the 7x7 convolutions.
    if any(side % step or side < max(2 * step, 4) for side in target.shape[2:]):
        raise ValueError(
            f"Expected height and width to be multiples of {step} and at least {max(2 * step, 4)}, "
            f"got {target.shape[2]} x {target.shape[3]}."
        )


def _normed(convolution: nn.Conv2d) -> nn.Sequential:
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True))

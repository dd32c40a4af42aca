"""The multi-scale PatchGAN discriminator that also hands out its feature maps (after pix2pixHD, as in the paper)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.models import weights


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Sizes of a discriminator. The defaults are those of the paper's first release.

    `layers`, the number of stride-2 convolutions, is 4 from 128 pixels on and fewer below, so that the smallest scale
    still ends in a grid of at least 2 x 2 logits (at 64 pixels: 3 layers, M = 4).
    """

    image_size: int = 224  # pixels a side that `layers` is chosen for
    width: int = 64  # channels of the first feature map, doubled by each layer, up to 8 times
    scales: int = 2  # how many discriminators
    layers: int | None = None  # convolutions with stride 2; None chooses by image_size

    def __post_init__(self):
        if self.width < 1 or self.scales < 1:
            raise ValueError(f"Discriminator needs width and scales of at least 1, got {self.width} and {self.scales}.")
        if self.layers is None:
            layers = min(4, int(math.log2(max(1, self.image_size / 2 ** (self.scales - 1) / 4))))
            object.__setattr__(self, "layers", layers)
        if self.layers < 1:
            raise ValueError(
                f"Pictures of {self.image_size} pixels are too small for {self.scales} scales; take fewer scales."
            )


class PatchDiscriminator(nn.Module):
    """One scale: 4x4 convolutions that end in a grid of logits, each of which judges one patch of the picture.

    `layers` convolutions with stride 2, then one with stride 1, are the feature maps 1 to M = layers + 1; a last one
    makes the logits. LeakyReLU 0.2 throughout; BatchNorm in all but the first and the last.

    Shapes: image (B, 3, H, W) in [-1, 1] -> [map_1, ..., map_M, logits], with map_1 (B, width, H / 2, W / 2) and
    logits (B, 1, h, w), higher is more real.
    """

    def __init__(self, width: int = 64, layers: int = 4):
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(layers)]
        stages = [nn.Sequential(nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True))]
        for before, after in zip(widths, widths[1:] + widths[-1:], strict=True):
            stride = 2 if len(stages) < layers else 1
            stages.append(
                nn.Sequential(
                    nn.Conv2d(before, after, 4, stride=stride, padding=1),
                    nn.BatchNorm2d(after),
                    nn.LeakyReLU(0.2, inplace=True),
                )
            )
        stages.append(nn.Conv2d(widths[-1], 1, 4, padding=1))
        self.stages = nn.ModuleList(stages)

    def forward(self, image: Tensor) -> list[Tensor]:
        outputs = []
        for stage in self.stages:
            image = stage(image)
            outputs.append(image)
        return outputs


class Discriminator(nn.Module):
    """Independent PatchDiscriminators, each of which sees the picture at half the size of the one before.

    At the defaults these are the two discriminators of the paper's first release, 6,962,369 parameters each, M = 5.

    Shapes: image (B, 3, H, W) in [-1, 1] -> for each scale, full size first, [map_1, ..., map_M, logits].
    Raises: ValueError for another shape, or a picture too small to leave any logits at the last scale.
    """

    Config = DiscriminatorConfig

    def __init__(self, config: DiscriminatorConfig = DiscriminatorConfig()):
        super().__init__()
        self.config = config
        self.discriminators = nn.ModuleList(
            PatchDiscriminator(config.width, config.layers) for _ in range(config.scales)
        )

    @classmethod
    def from_pretrained(cls, name_or_folder: str = "critic", device: str | torch.device | None = None) -> Discriminator:
        """The discriminator of `data/weights/<name>/` ("critic" trained `halfway`), or of a saved folder."""
        return weights.load(cls, name_or_folder, device)

    def first(self, scales: int) -> Discriminator:
        """The same network with its first scales only. Raises: ValueError if it does not have so many."""
        if scales > self.config.scales:
            raise ValueError(f"This discriminator has {self.config.scales} scales; asked for {scales}.")
        few = Discriminator(replace(self.config, scales=scales))
        few.discriminators.load_state_dict(self.discriminators[:scales].state_dict())
        return few

    def grown(self) -> Discriminator:
        """One scale more, in front, for pictures twice as large: those of this network see what they saw before.

        The new one begins as a copy of the first: strokes and edges look much the same at twice the size.
        """
        config = replace(self.config, image_size=2 * self.config.image_size, scales=self.config.scales + 1)
        out = Discriminator(config)
        out.discriminators[0].load_state_dict(self.discriminators[0].state_dict())
        out.discriminators[1:].load_state_dict(self.discriminators.state_dict())
        return out

    @property
    def maps(self) -> int:
        """M, the number of feature maps of each scale."""
        return self.config.layers + 1

    def forward(self, image: Tensor) -> list[list[Tensor]]:
        if image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(f"Expected pictures (B, 3, H, W), got {tuple(image.shape)}.")
        # Both convolutions with stride 1 take one pixel away, so 3 must be left before them.
        smallest = 3 * 2 ** (self.config.layers + len(self.discriminators) - 1)
        if min(image.shape[2:]) < smallest:
            raise ValueError(
                f"{self.config.scales} scales of {self.config.layers} layers need pictures of at least {smallest} "
                f"pixels a side, got {image.shape[2]} x {image.shape[3]}."
            )
        outputs = []
        for i, discriminator in enumerate(self.discriminators):
            if i > 0:
                image = F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)  # (B, 3, H / 2, W / 2)
            outputs.append(discriminator(image))
        return outputs

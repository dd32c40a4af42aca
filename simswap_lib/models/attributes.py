"""What a swap has to keep, read from the picture: pose, facial actions and gaze, for judging (paper 4.2, table 1)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from simswap_lib.models import weights
from simswap_lib.models.arcface import IRBlock, answers, fitted

ANGLES = 3 + 2  # yaw, pitch, roll; gaze to the right and up


@dataclass(frozen=True)
class AttributesConfig:
    """Which facial actions the network estimates, and its sizes."""

    actions: tuple[str, ...]  # names, such as "jawOpen"
    image_size: int = 64  # pixels a side of what the network looks at; other sizes are resized to it
    width: int = 24  # channels of the first stage, doubled by each later one
    blocks: tuple[int, ...] = (1, 1, 1, 1)  # residual blocks in each stage; each stage halves the side

    def __post_init__(self):
        object.__setattr__(self, "actions", tuple(self.actions))  # a list would not be hashable
        object.__setattr__(self, "blocks", tuple(self.blocks))
        if not self.actions or not self.blocks or min(self.image_size, self.width, *self.blocks) < 1:
            raise ValueError(f"AttributesConfig needs an action, a stage and sizes of at least 1, got {self}.")
        if self.image_size % self.stride:
            raise ValueError(f"AttributesConfig.image_size must be a multiple of {self.stride}, got {self.image_size}.")

    @property
    def stride(self) -> int:
        """Pixels of the picture for each cell of the last features."""
        return 2 ** len(self.blocks)


class Estimate(NamedTuple):
    """What the network reads from B pictures, as float32 arrays."""

    pose: np.ndarray  # (B, 3) yaw, pitch, roll in degrees
    actions: np.ndarray  # (B, A) strengths of `config.actions`, about 0 to 1
    gaze: np.ndarray  # (B, 2) degrees to the right and up, relative to the head


class Attributes(nn.Module):
    """A small residual network: faces (B, 3, H, W) in [-1, 1] -> (B, 5 + A): yaw, pitch, roll, A actions, gaze (2).

    Angles are degrees, actions strengths: mean + deviation * (what the last layer says), with the mean and deviation of
    the training pictures, so that all of them weigh alike in training. Pictures of another size are resized to
    `config.image_size` (bilinear, antialiased).

    Raises: ValueError for anything but (B, 3, H, W).
    """

    Config = AttributesConfig

    def __init__(self, config: AttributesConfig):
        super().__init__()
        self.config = config
        count = ANGLES + len(config.actions)
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(config.width),
            nn.PReLU(config.width),
        )
        stages, before = [], config.width
        for i, blocks in enumerate(config.blocks):
            for j in range(blocks):
                width = config.width * 2**i
                stages.append(IRBlock(before, width, stride=2 if i > 0 and j == 0 else 1))
                before = width
        self.stages = nn.Sequential(*stages)
        self.head = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Flatten(),  # not pooled: where something lies in an aligned face is what pose and gaze are read from
            nn.Linear(before * (config.image_size // config.stride) ** 2, 128),
            nn.BatchNorm1d(128),
            nn.PReLU(128),
            nn.Linear(128, count),
        )
        self.register_buffer("mean", torch.zeros(count))
        self.register_buffer("deviation", torch.ones(count))

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike = "attributes", device: str | torch.device | None = None
    ) -> Attributes:
        """The network of `data/weights/<name>/`, or of a saved folder."""
        return weights.load(cls, name_or_folder, device)

    def forward(self, images: Tensor) -> Tensor:
        features = self.stages(self.stem(fitted(images, self.config.image_size)))  # (B, 8 * width, side, side)
        return self.mean + self.deviation * self.head(features).float()

    def estimate(self, images: np.ndarray | Tensor, batch: int = 256) -> Estimate:
        """Pose, actions and gaze of pictures: uint8 RGB (B, H, W, 3), or one (H, W, 3); see `arcface.answers`."""
        return self.split(answers(self, images, batch).cpu().numpy())

    @staticmethod
    def split(numbers: np.ndarray) -> Estimate:
        """(B, 5 + A), as `forward` gives them, by what they mean."""
        return Estimate(numbers[:, :3], numbers[:, 3:-2], numbers[:, -2:])

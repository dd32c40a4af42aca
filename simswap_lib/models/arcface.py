"""The recogniser that turns a face into an identity vector, and the margin loss that trains it (paper 3.2; ArcFace)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.models import weights


@dataclass(frozen=True)
class ArcFaceConfig:
    """Sizes of a recogniser. The defaults are for 64-pixel faces on a CPU.

    insightface's published IResNet-50 is ArcFaceConfig(112, width=64, blocks=(3, 4, 14, 3), embedding_dim=512,
    stem_stride=1, first_stride=2, stride_in_second=True).
    """

    image_size: int = 64  # pixels a side of what the network looks at; other sizes are resized to it
    width: int = 32  # channels of the first stage, doubled by each later one
    blocks: tuple[int, ...] = (2, 2, 2, 2)  # residual blocks in each stage
    embedding_dim: int = 128  # length of the identity vector
    stem_stride: int = 2  # 2 quarters the cost of all that follows
    dropout: float = 0.0  # share of the last features hidden in training; against learning people by heart
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, right, bottom, as shares of the picture
    first_stride: int = 1  # stride of the first stage; each later one has 2
    stride_in_second: bool = False  # a block's stride lies in its second convolution, not in its first

    def __post_init__(self):
        object.__setattr__(self, "blocks", tuple(self.blocks))  # a list would not be hashable
        object.__setattr__(self, "crop", tuple(self.crop))
        strides = (self.stem_stride, self.first_stride)
        if min(self.image_size, self.width, self.embedding_dim, *strides, *self.blocks) < 1 or not self.blocks:
            raise ValueError(f"ArcFaceConfig needs sizes of at least 1 and at least one stage, got {self}.")
        left, top, right, bottom = self.crop
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(f"ArcFaceConfig.crop is left, top, right, bottom, between 0 and 1, got {self.crop}.")
        if self.image_size % self.stride:
            raise ValueError(f"ArcFaceConfig.image_size must be a multiple of {self.stride}, got {self.image_size}.")

    @property
    def whole_size(self) -> int:
        """Pixels a side of a whole picture whose crop needs no resizing."""
        return round(self.image_size / (self.crop[2] - self.crop[0]))

    @property
    def stride(self) -> int:
        """Pixels of the picture for each cell of the last features."""
        return self.stem_stride * self.first_stride * 2 ** (len(self.blocks) - 1)

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """`crop` in pixels of a picture: left, top, right, bottom."""
        left, top, right, bottom = self.crop
        return round(left * width), round(top * height), round(right * width), round(bottom * height)


class IRBlock(nn.Module):
    """The "improved residual" block: BN, conv, BN, PReLU, conv, BN, plus the shortcut (ArcFace).

    The first convolution carries the stride, so that all that follows works on a quarter of the cells; with
    `stride_in_second` it is the second one, as published.

    Shapes: (B, before, H, W) -> (B, after, H / stride, W / stride).
    """

    def __init__(self, before: int, after: int, stride: int, stride_in_second: bool = False):
        super().__init__()
        first, second = (1, stride) if stride_in_second else (stride, 1)
        self.body = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Conv2d(before, after, 3, stride=first, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.PReLU(after),
            nn.Conv2d(after, after, 3, stride=second, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class ArcFace(nn.Module):
    """A small IR-ResNet: faces (B, 3, H, W) in [-1, 1] -> identity vectors (B, embedding_dim) of length 1.

    Two vectors of one person point the same way; their product is the cosine of the angle between them. The features
    are flattened, not pooled, before the last layer, because where something lies in an aligned face matters.
    The network looks at `config.crop` of the picture: from brow to chin there is less hair and background to learn to
    ignore. A crop of another size than `config.image_size` is resized (bilinear, antialiased), also a non-square one.

    Raises: ValueError for anything but (B, 3, H, W).
    Source: Deng et al. 2019, arXiv 1801.07698.
    """

    Config = ArcFaceConfig

    def __init__(self, config: ArcFaceConfig = ArcFaceConfig()):
        super().__init__()
        self.config = config
        widths = [config.width * 2**i for i in range(len(config.blocks))]
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.width, 3, stride=config.stem_stride, padding=1, bias=False),
            nn.BatchNorm2d(config.width),
            nn.PReLU(config.width),
        )
        stages, before = [], config.width
        for i, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            for j in range(count):
                stride = 1 if j > 0 else 2 if i > 0 else config.first_stride
                stages.append(IRBlock(before, width, stride, config.stride_in_second))
                before = width
        self.stages = nn.Sequential(*stages)
        side = config.image_size // config.stride
        self.head = nn.Sequential(
            nn.BatchNorm2d(before),
            nn.Dropout(config.dropout),
            nn.Flatten(),  # (B, before * side * side)
            nn.Linear(before * side**2, config.embedding_dim),
            nn.BatchNorm1d(config.embedding_dim),
        )

    @classmethod
    def from_pretrained(cls, name_or_folder: str = "arcface", device: str | torch.device | None = None) -> ArcFace:
        """The recogniser of `data/weights/<name>/`, or of a saved folder.

        "arcface" and "arcface-128" train swaps of 64 and of 128 pixels, "judge" and "judge-128" measure them.
        """
        return weights.load(cls, name_or_folder, device)

    @classmethod
    def judge(cls, image_size: int, device: str | torch.device | None = None) -> ArcFace:
        """The shipped recogniser that measures swaps of this size and trains none."""
        return cls.from_pretrained("judge-128" if image_size >= 128 else "judge", device)

    def forward(self, images: Tensor) -> Tensor:
        return self.vectors(self._looked_at(images))

    def vectors(self, images: Tensor) -> Tensor:
        """What `forward` does once the picture is cropped and resized: (B, 3, image_size, image_size) -> (B, D)."""
        return F.normalize(self.head(self.stages(self.stem(images))).float(), dim=1)  # (B, D)

    def features(self, images: Tensor) -> Tensor:
        """What the last layer sees: faces (B, 3, H, W) in [-1, 1] -> (B, C, side, side), side = image_size / stride."""
        return self.stages(self.stem(self._looked_at(images)))

    def _looked_at(self, images: Tensor) -> Tensor:
        _check_faces(images)
        left, top, right, bottom = self.config.box(*images.shape[2:])
        return fitted(images[:, :, top:bottom, left:right], self.config.image_size)

    def embed(self, images: np.ndarray | Tensor, batch: int = 256) -> Tensor:
        """Identity vectors of pictures: uint8 RGB (B, H, W, 3), or one (H, W, 3) -> (B, D); see `answers`."""
        return answers(self, images, batch)

    def pooled(self, images: np.ndarray | Tensor, batch: int = 256) -> Tensor:
        """Features of pictures for comparing collections: uint8 RGB (B, H, W, 3) -> (B, C).

        Each channel as the last layer sees it, normalised by its BatchNorm, and averaged over all places.
        """
        return answers(self, images, batch, lambda faces: self.head[0](self.features(faces)).mean(dim=(2, 3)).float())


def _check_faces(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"Expected faces (B, 3, H, W) in [-1, 1], got {tuple(images.shape)}.")


def fitted(images: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, size, size), bilinear. Raises: ValueError for anything but (B, 3, H, W)."""
    _check_faces(images)
    if images.shape[2:] == (size, size):
        return images
    # Antialiased: dropping every other pixel makes vectors depend on a shift by one pixel.
    return F.interpolate(images.float(), (size, size), mode="bilinear", align_corners=False, antialias=True)


@torch.no_grad()
def answers(
    network: nn.Module, images: np.ndarray | Tensor, batch: int, ask: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """What a network (or `ask`, a part of it) says of pictures: uint8 RGB (B, H, W, 3), or one (H, W, 3) -> (B, ...).

    Takes `batch` pictures at a time, on the network's device, in evaluation mode and without gradients, whatever mode
    the network is in. Raises: ValueError for another type or shape, or for no picture at all.
    """
    images = batch_of_pictures(images)
    device, training, ask = next(network.parameters()).device, network.training, ask or network
    network.eval()
    try:
        said = [
            ask(chunk.to(device).permute(0, 3, 1, 2).float() / 127.5 - 1)  # (B, 3, H, W)
            for chunk in images.split(batch)
        ]
    finally:
        network.train(training)
    return torch.cat(said)


def batch_of_pictures(images: np.ndarray | Tensor) -> Tensor:
    """uint8 RGB (B, H, W, 3), or one (H, W, 3) -> (B, H, W, 3). Raises: ValueError for anything else, or none."""
    images = torch.as_tensor(images)
    if images.ndim == 3:
        images = images[None]
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise ValueError(f"Expected uint8 RGB (B, H, W, 3) or (H, W, 3), got {images.dtype} {tuple(images.shape)}.")
    return images


def all_cosines(vectors: Tensor, others: Tensor) -> Tensor:
    """The cosine of each vector to each of the others: cos(theta_bj) = v_b . w_j / (|v_b| |w_j|).

    Shapes: vectors (B, D), others (P, D), no row all zero -> (B, P) in [-1, 1]. Lengths do not matter.
    Raises: ValueError for shapes that do not fit.
    """
    if vectors.ndim != 2 or others.ndim != 2 or vectors.shape[1] != others.shape[1]:
        raise ValueError(f"Expected (B, D) and (P, D), got {tuple(vectors.shape)} and {tuple(others.shape)}.")
    return F.linear(F.normalize(vectors, dim=1), F.normalize(others, dim=1))


def margin_logits(cosines: Tensor, people: Tensor, scale: float = 32.0, margin: float = 0.3) -> Tensor:
    """Logits over people from cosines, with an angular margin against the right one (ArcFace, equation 3).

        logit_j = scale * cos(theta_j + margin * [j is the right person])

    cos(theta + m) is written as cos(theta) cos(m) - sin(theta) sin(m), because the gradient of the arc cosine is
    infinite at 0 degrees. Beyond theta = pi - margin, where the cosine would turn up again, the logit goes on falling
    as a straight line, cos(theta) - m sin(m).

    Shapes: cosines (B, P) in [-1, 1], people (B,) int64; scale > 0, margin in radians -> (B, P), for cross-entropy.
    Raises: ValueError for shapes that do not fit.
    """
    if cosines.ndim != 2 or people.shape != cosines.shape[:1]:
        raise ValueError(f"Expected cosines (B, P) and people (B,), got {tuple(cosines.shape)}, {tuple(people.shape)}.")
    cosine = cosines.gather(1, people[:, None])  # (B, 1), the right person's
    sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()  # the clamp keeps the gradient finite at 0 degrees
    harder = cosine * math.cos(margin) - sine * math.sin(margin)  # cos(theta + margin)
    beyond = cosine < -math.cos(margin)
    harder = torch.where(beyond, cosine - margin * math.sin(margin), harder)
    return scale * cosines.scatter(1, people[:, None], harder)


class MarginHead(nn.Module):
    """`margin_logits` with a direction w_j to learn for each person of the training set (ArcFace, equation 3).

    The margin makes the right answer harder, so that vectors of one person have to gather closer than classification
    needs. `margin` is a plain attribute, in radians, so that a training loop can ramp it up from 0.

    Shapes: vectors (B, embedding_dim) of length 1, people (B,) int64 -> logits (B, people), for cross-entropy.
    Computed in float32, also under autocast: near cos = 1 the margin needs the digits.
    """

    def __init__(self, embedding_dim: int, people: int, scale: float = 32.0, margin: float = 0.3):
        super().__init__()
        self.scale, self.margin = scale, margin
        self.weight = nn.Parameter(torch.randn(people, embedding_dim) / math.sqrt(embedding_dim))

    def forward(self, vectors: Tensor, people: Tensor) -> Tensor:
        if vectors.ndim != 2 or vectors.shape[1] != self.weight.shape[1] or people.shape != vectors.shape[:1]:
            raise ValueError(
                f"Expected vectors (B, {self.weight.shape[1]}) and people (B,), "
                f"got {tuple(vectors.shape)} and {tuple(people.shape)}."
            )
        with torch.autocast(vectors.device.type, enabled=False):
            cosines = all_cosines(vectors.float(), self.weight.float())  # (B, P)
            return margin_logits(cosines, people, self.scale, self.margin)

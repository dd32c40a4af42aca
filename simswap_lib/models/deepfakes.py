"""The DeepFakes auto-encoder: one shared encoder, one decoder for each person (paper 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class DeepFakesConfig:
    """Sizes of the auto-encoder. The defaults are those of the classic 64-pixel model."""

    image_size: int = 64  # pixels a side
    width: int = 128  # channels after the first convolution, doubled by each of the other three
    code: int = 1024  # length of the vector that every face has to pass through
    people: int = 2  # decoders

    def __post_init__(self):
        if self.image_size % 16 or min(self.image_size, self.code, self.people) < 1 or self.width < 2 or self.width % 2:
            raise ValueError(
                "DeepFakesConfig needs an image_size that is a multiple of 16, an even width, and a code and people "
                f"of at least 1, got {self}."
            )


class Upscale(nn.Sequential):
    """(B, before, H, W) -> (B, after, 2 H, 2 W): a convolution makes four values a cell, PixelShuffle lays them out."""

    def __init__(self, before: int, after: int):
        super().__init__(nn.Conv2d(before, 4 * after, 3, padding=1), nn.LeakyReLU(0.1), nn.PixelShuffle(2))


class FaceEncoder(nn.Sequential):
    """Any person's face (B, 3, S, S) -> (B, 4 * width, S / 8, S / 8), through a vector of `code` numbers.

    The vector is narrow and shared, so it holds what the people have in common: pose, expression, light.
    """

    def __init__(self, config: DeepFakesConfig):
        width, side = config.width, config.image_size // 16
        widths = [3, width, 2 * width, 4 * width, 8 * width]
        layers = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.LeakyReLU(0.1)]
        layers += [
            nn.Flatten(),  # (B, 8 * width * side * side)
            nn.Linear(8 * width * side**2, config.code),
            nn.Linear(config.code, 8 * width * side**2),
            nn.Unflatten(1, (8 * width, side, side)),
            Upscale(8 * width, 4 * width),
        ]
        super().__init__(*layers)


class PersonDecoder(nn.Sequential):
    """What the encoder gives -> this one person's face (B, 3, S, S) in [-1, 1]: the identity lies in these weights."""

    def __init__(self, config: DeepFakesConfig):
        width = config.width
        super().__init__(
            Upscale(4 * width, 2 * width),
            Upscale(2 * width, width),
            Upscale(width, width // 2),
            nn.Conv2d(width // 2, 3, 5, padding=2),
            nn.Tanh(),  # the classic model has a sigmoid; this is the same thing for colours in [-1, 1]
        )


class DeepFakes(nn.Module):
    """Encode anybody's face, decode it as `person`: I_R = Dec_person(Enc(I_T)).

    Training: each person's (warped) pictures through that person's own decoder, mean absolute error to the unwarped
    picture. Swapping: the picture of one person through the decoder of another. A third person needs a new decoder and
    new training; that is the limit which SimSwap removes by making the identity an input.

    Shapes: faces (B, 3, S, S) in [-1, 1] -> (B, 3, S, S) in [-1, 1], S = config.image_size; person in 0 ... people - 1.
    Raises: ValueError for another shape, IndexError for a person without a decoder.
    """

    Config = DeepFakesConfig

    def __init__(self, config: DeepFakesConfig = DeepFakesConfig()):
        super().__init__()
        self.config = config
        self.encoder = FaceEncoder(config)
        self.decoders = nn.ModuleList(PersonDecoder(config) for _ in range(config.people))

    def forward(self, faces: Tensor, person: int) -> Tensor:
        expected = (3, self.config.image_size, self.config.image_size)
        if faces.ndim != 4 or faces.shape[1:] != expected:
            raise ValueError(f"Expected faces (B, {', '.join(map(str, expected))}), got {tuple(faces.shape)}.")
        if not 0 <= person < self.config.people:
            raise IndexError(f"There are decoders for the people 0 to {self.config.people - 1}, not for {person}.")
        return self.decoders[person](self.encoder(faces))


def random_warp(faces: Tensor, generator: torch.Generator | None = None, strength: float = 5 / 256) -> Tensor:
    """Faces bent like a rubber sheet: a 5 x 5 grid is laid over the picture and each knot moves at random.

    The auto-encoder gets the bent face and has to give back the straight one. So it cannot copy pixels, and it meets
    shapes that are not the person's own, as it will in a swap.

    Args:
        faces: (B, 3, S, S), any range; S a multiple of 8.
        generator: source of the moves, on the CPU; None takes PyTorch's global one.
        strength: standard deviation of a move, as a share of S. The classic 5 / 256 is a bit more than 1 pixel in 64.

    Returns: (B, 3, S, S); what comes from outside repeats the border.
    Raises: ValueError for another shape.
    """
    if faces.ndim != 4 or faces.shape[2] != faces.shape[3] or faces.shape[2] % 8:
        raise ValueError(f"Expected square faces (B, 3, S, S) with S a multiple of 8, got {tuple(faces.shape)}.")
    size = faces.shape[2]
    # grid_sample counts -1 to 1 from border to border: a move by the whole picture is 2.
    moves = 2 * strength * torch.randn(len(faces), 2, 5, 5, generator=generator)
    # At 5/4 of the size the outer knots lie 1/8 inside the border; cut there, they lie on the picture's border.
    moves = F.interpolate(moves, size=size + size // 4, mode="bilinear", align_corners=False)
    moves = moves[:, :, size // 8 : size // 8 + size, size // 8 : size // 8 + size].to(faces)  # (B, 2, S, S)
    straight = F.affine_grid(torch.eye(2, 3).to(faces).expand(len(faces), 2, 3), list(faces.shape), align_corners=False)
    grid = straight + moves.permute(0, 2, 3, 1)  # (B, S, S, 2)
    return F.grid_sample(faces, grid, mode="bilinear", padding_mode="border", align_corners=False)

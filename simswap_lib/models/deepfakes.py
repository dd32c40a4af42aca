"""The DeepFakes auto-encoder: one shared encoder, one decoder for each person (paper 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


class Upscale(nn.Module):
    """(B, before, H, W) -> (B, after, 2 H, 2 W): a convolution makes four values a cell, which are then laid out.

    With y = LeakyReLU_0.1(convolution(x)) the result is  out[b, c, 2 h + i, 2 w + j] = y[b, 4 c + 2 i + j, h, w],
    i and j in {0, 1}: nothing is enlarged and then blurred, every one of the new pixels has weights of its own.

    Source: Shi et al. 2016, arXiv 1609.05158 (there "sub-pixel convolution", in PyTorch `pixel_shuffle`).
    """

    def __init__(self, before: int, after: int):
        super().__init__()
        self.convolution = nn.Conv2d(before, 4 * after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.leaky_relu(self.convolution(x), 0.1)  # (B, 4 * after, H, W)
        return F.pixel_shuffle(y, 2)  # (B, after, 2 H, 2 W)


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


def _start(layer: nn.Module) -> None:
    """He's rule: signals keep their size on the way through, so that a short training gets going at once."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(layer.weight, a=0.1)
        nn.init.zeros_(layer.bias)


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
        self.apply(_start)

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


def on_plain_ground(faces: Tensor, masks: Tensor, ground: Tensor | None = None) -> Tensor:
    """Faces on one plain colour instead of what stood around them: masks * faces + (1 - masks) * ground.

    A wall or a shirt that is always the same tells the encoder who this is; then it need not find what the people have
    in common, and the decoders never learn each other's poses.

    Args:
        faces: (B, 3, S, S), any range.
        masks: (B, 1, S, S) in [0, 1], 1 where there is face.
        ground: (3,) a colour; None takes the mean colour of all these faces, so that a mask that is a little too wide
            shows skin.

    Raises: ValueError if the shapes do not fit.
    """
    if faces.ndim != 4 or masks.shape != (len(faces), 1, *faces.shape[2:]):
        raise ValueError(f"Expected faces (B, 3, S, S) with masks (B, 1, S, S), got {faces.shape} and {masks.shape}.")
    if ground is None:
        ground = (masks * faces).sum(dim=(0, 2, 3)) / masks.sum().clamp(min=1e-6)  # (3,)
    return masks * faces + (1 - masks) * ground[:, None, None]


def training_step(
    net: DeepFakes, optimiser: torch.optim.Optimizer, faces: Sequence[Tensor], warp: Callable[[Tensor], Tensor]
) -> float:
    """One step on all people at once; returns the loss before it.

        L = sum_p mean | Dec_p(Enc(warp(x_p))) - x_p |

    The encoder gets gradients from everybody, each decoder from its own person alone.

    Args:
        net: has a decoder for each person, in the order of `faces`.
        optimiser: of the parameters that may move.
        faces: one batch (B, 3, S, S) in [-1, 1] for each person.
        warp: bends a batch, such as `random_warp`; only what goes in is bent, never what should come out.
    """
    loss = sum((net(warp(x), person) - x).abs().mean() for person, x in enumerate(faces))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


@torch.no_grad()
def swap(net: DeepFakes, faces: Tensor, person: int, photos: Tensor, masks: Tensor) -> Tensor:
    """Faces redrawn as `person` and laid into the photographs that they come from.

        I_R = M * Dec_person(Enc(I_T)) + (1 - M) * photo

    Shapes: faces, what the encoder sees, and photos (B, 3, S, S) in [-1, 1]; masks M (B, 1, S, S) in [0, 1], 1 where
    the face is -> (B, 3, S, S), without gradients. Outside the mask the photograph stays as it is, to the last bit.
    """
    drawn = net(faces, person)
    return masks * drawn + (1 - masks) * photos

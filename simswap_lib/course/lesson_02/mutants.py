"""Wrong answers to exercises 02.1 and 02.2 that people give."""

import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.models.deepfakes import Upscale as TheUpscale

# 02.1 -----------------------------------------------------------------------------------------------------------------


class FewChannels(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, padding=1)

    def forward(self, x):
        return F.interpolate(F.leaky_relu(self.convolution(x), 0.1), scale_factor=2)


class OtherKernel(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.convolution = nn.Conv2d(before, 4 * after, 5, padding=2)

    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.convolution(x), 0.1), 2)


class Mirrored(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.convolution = nn.Conv2d(before, 4 * after, 3, padding=1, padding_mode="reflect")

    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.convolution(x), 0.1), 2)


class NotLaidOut(TheUpscale):
    def forward(self, x):
        return F.leaky_relu(self.convolution(x), 0.1)


class NoPadding(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.convolution = nn.Conv2d(before, 4 * after, 3)

    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.convolution(x), 0.1), 2)


class Copied(TheUpscale):
    def forward(self, x):
        return F.interpolate(F.leaky_relu(self.convolution(x), 0.1), scale_factor=2)


class NoBend(TheUpscale):
    def forward(self, x):
        return F.pixel_shuffle(self.convolution(x), 2)


class BentBefore(TheUpscale):
    def forward(self, x):
        return F.pixel_shuffle(self.convolution(F.leaky_relu(x, 0.1)), 2)


class WithReLU(TheUpscale):
    def forward(self, x):
        return F.pixel_shuffle(F.relu(self.convolution(x)), 2)


class DefaultSlope(TheUpscale):
    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.convolution(x)), 2)


class MeanOfFour(TheUpscale):
    def forward(self, x):
        y = F.leaky_relu(self.convolution(x), 0.1)
        return F.interpolate(y.unflatten(1, (-1, 4)).mean(dim=2), scale_factor=2)


class Reshaped(TheUpscale):
    def forward(self, x):
        y = F.leaky_relu(self.convolution(x), 0.1)
        return y.reshape(len(y), -1, 2 * x.shape[2], 2 * x.shape[3])


class _Permuted(TheUpscale):
    split, order = (-1, 2, 2), (0, 1, 4, 2, 5, 3)  # the right ones

    def forward(self, x):
        y = F.leaky_relu(self.convolution(x), 0.1).unflatten(1, self.split)  # six axes
        return y.permute(*self.order).reshape(len(x), -1, 2 * x.shape[2], 2 * x.shape[3])


class RowsForColumns(_Permuted):
    order = (0, 1, 4, 3, 5, 2)


class FarApart(_Permuted):
    split, order = (2, 2, -1), (0, 3, 4, 1, 5, 2)


class FourCopies(_Permuted):
    order = (0, 1, 2, 4, 3, 5)


# 02.2 -----------------------------------------------------------------------------------------------------------------


def _bend(faces, generator, strength, *, shape=None, draw=torch.randn, factor=2.0, cut=True, order=(0, 2, 3, 1), **how):
    """The right warp, or one in which something differs."""
    size = faces.shape[2]
    moves = factor * strength * draw(*(shape or (len(faces), 2, 5, 5)), generator=generator)
    moves = moves.expand(len(faces), 2, *moves.shape[2:])
    rim = size // 8 if cut else 0
    moves = F.interpolate(moves, size=size + 2 * rim, mode=how.get("enlarge", "bilinear"))
    moves = moves[:, :, rim : rim + size, rim : rim + size]
    moves = moves.reshape(len(faces), size, size, 2) if order is None else moves.permute(*order)
    straight = F.affine_grid(torch.eye(2, 3).expand(len(faces), 2, 3), list(faces.shape), align_corners=False)
    return F.grid_sample(
        faces, how.get("straight", straight) + moves, padding_mode=how.get("padding", "border"), align_corners=False
    )


def moves_not_permuted(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, order=(0, 1, 2, 3))


def always_strong(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, 5.0)


def corners_otherwise(faces, generator=None, strength=5 / 256):
    line = torch.linspace(-1, 1, faces.shape[2])
    y, x = torch.meshgrid(line, line, indexing="ij")
    return _bend(faces, generator, strength, straight=torch.stack([x, y], dim=-1))


def rows_first(faces, generator=None, strength=5 / 256):
    size = faces.shape[2]
    line = (torch.arange(size) + 0.5) * 2 / size - 1
    y, x = torch.meshgrid(line, line, indexing="ij")
    return _bend(faces, generator, strength, straight=torch.stack([y, x], dim=-1))


def global_numbers(faces, generator=None, strength=5 / 256):
    return _bend(faces, None, strength)


def one_warp_for_all(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, shape=(1, 2, 5, 5))


def along_a_diagonal(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, shape=(len(faces), 1, 5, 5))


def shifted(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, shape=(len(faces), 2, 1, 1))


def crumbled(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, shape=(len(faces), 2, *faces.shape[2:]), cut=False)


def moves_reshaped(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, order=None)


def not_cut(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, cut=False)


def pushed_one_way(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, draw=torch.rand)


def half_as_far(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, factor=1.0)


def in_pixels(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, factor=0.1 * faces.shape[2])


def dark_wedges(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, padding="zeros")


def rim_mirrored(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, padding="reflection")


def size_written_in(faces, generator=None, strength=5 / 256):
    moves = 2 * strength * torch.randn(len(faces), 2, 5, 5, generator=generator)
    moves = F.interpolate(moves, size=80, mode="bilinear")[:, :, 8:72, 8:72]
    straight = F.affine_grid(torch.eye(2, 3).expand(len(faces), 2, 3), list(faces.shape), align_corners=False)
    return F.grid_sample(faces, straight + moves.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def moves_alone(faces, generator=None, strength=5 / 256):
    return _bend(faces, generator, strength, straight=0.0)


def drawn_evenly(faces, generator=None, strength=5 / 256):
    def both_ways(*shape, generator):
        return 2 * torch.rand(*shape, generator=generator) - 1

    return _bend(faces, generator, strength, draw=both_ways)

"""Wrong answers to the exercises of lesson 02 that people give, and the network of the lesson's "Break it"."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.models.deepfakes import DeepFakes, random_warp
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


# 02.3 -----------------------------------------------------------------------------------------------------------------


def _descend(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def no_return(net, optimiser, faces, warp):
    _descend(optimiser, sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces)))


def returns_the_graph(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    _descend(optimiser, loss)
    return loss


def never_warped(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(x, p) - x).abs().mean() for p, x in enumerate(faces)))


def goal_warped_again(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), p) - warp(x)).abs().mean() for p, x in enumerate(faces)))


def two_people_only(net, optimiser, faces, warp):
    a, b = faces[0], faces[1]
    return _descend(optimiser, (net(warp(a), 0) - a).abs().mean() + (net(warp(b), 1) - b).abs().mean())


def goal_warped_too(net, optimiser, faces, warp):
    faces = [warp(x) for x in faces]
    return _descend(optimiser, sum((net(x, p) - x).abs().mean() for p, x in enumerate(faces)))


def one_decoder(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), 0) - x).abs().mean() for x in faces))


def already_swapped(net, optimiser, faces, warp):
    last = len(faces)
    return _descend(optimiser, sum((net(warp(x), (p + 1) % last) - x).abs().mean() for p, x in enumerate(faces)))


def mean_of_people(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces)) / len(faces)
    return _descend(optimiser, loss)


def last_person_only(net, optimiser, faces, warp):
    for person, x in enumerate(faces):
        loss = (net(warp(x), person) - x).abs().mean()
    return _descend(optimiser, loss)


def squared(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), p) - x).square().mean() for p, x in enumerate(faces)))


def summed_pixels(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), p) - x).abs().sum() for p, x in enumerate(faces)))


def no_step(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


def cleared_too_late(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


def encoder_detached(net, optimiser, faces, warp):
    loss = 0.0
    for person, x in enumerate(faces):
        with torch.no_grad():
            code = net.encoder(warp(x))
        loss = loss + (net.decoders[person](code) - x).abs().mean()
    return _descend(optimiser, loss)


def a_step_for_each(net, optimiser, faces, warp):
    total, before = 0.0, copy.deepcopy(net)
    for person, x in enumerate(faces):
        bent = warp(x)
        _descend(optimiser, (net(bent, person) - x).abs().mean())
        total += (before(bent, person) - x).abs().mean().item()
    return total


def never_cleared(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    loss.backward()
    optimiser.step()
    return loss.item()


def cleared_after(net, optimiser, faces, warp):
    loss = never_cleared(net, optimiser, faces, warp)
    optimiser.zero_grad()
    return loss


# 02.4 -----------------------------------------------------------------------------------------------------------------


def with_gradients(net, faces, person, photos, masks):
    return masks * net(faces, person) + (1 - masks) * photos


@torch.no_grad()
def always_the_first(net, faces, person, photos, masks):
    return masks * net(faces, 0) + (1 - masks) * photos


@torch.no_grad()
def other_way_round(net, faces, person, photos, masks):
    return (1 - masks) * net(faces, person) + masks * photos


@torch.no_grad()
def encodes_the_photo(net, faces, person, photos, masks):
    return masks * net(photos, person) + (1 - masks) * photos


@torch.no_grad()
def still_warped(net, faces, person, photos, masks):
    return masks * net(random_warp(faces, strength=0.1), person) + (1 - masks) * photos


@torch.no_grad()
def no_mask(net, faces, person, photos, masks):
    return net(faces, person)


@torch.no_grad()
def faces_around(net, faces, person, photos, masks):
    return masks * net(faces, person) + (1 - masks) * faces


@torch.no_grad()
def black_around(net, faces, person, photos, masks):
    return masks * net(faces, person)


@torch.no_grad()
def photo_not_weighted(net, faces, person, photos, masks):
    return photos + masks * net(faces, person) * masks - masks * masks * photos


@torch.no_grad()
def jagged(net, faces, person, photos, masks):
    return torch.where(masks > 0.5, net(faces, person), photos)


@torch.no_grad()
def paints_into_the_photo(net, faces, person, photos, masks):
    photos.mul_(1 - masks).add_(masks * net(faces, person))
    return photos


# Break it -------------------------------------------------------------------------------------------------------------


def mystery(config, faces, steps, batch=8, lr=4e-3):
    """The colleague's training, "on two computers at once": the network, and each person's losses.

    The lesson asks to diagnose it from its symptoms, so the name must not tell.
    """
    halves, losses = [], []
    for person, x in enumerate(faces):
        net = DeepFakes(config).to(x.device)
        optimiser = torch.optim.Adam(net.parameters(), lr=lr, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps, pct_start=0.1)
        losses.append([])
        for _ in range(steps):
            some = x[torch.randint(len(x), (batch,))]
            losses[-1].append(_descend(optimiser, (net(random_warp(some), person) - some).abs().mean()))
            schedule.step()
        halves.append(net)
    whole = halves[0]  # here the decoders come together
    for person, half in enumerate(halves):
        whole.decoders[person].load_state_dict(half.decoders[person].state_dict())
    return whole, losses

"""Wrong answers to exercises 03.1, 03.2 and 03.5 that people give: cosines, logits, pixels."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from simswap_lib.models.arcface import margin_logits as the_logits

# 03.1 all_cosines -----------------------------------------------------------------------------------------------------


def row_by_row(vectors, others):
    return (vectors * others).sum(dim=1) / (vectors.norm(dim=1) * others.norm(dim=1))


def other_way_round(vectors, others):
    return F.normalize(others, dim=1) @ F.normalize(vectors, dim=1).T


def nearest_only(vectors, others):
    return (F.normalize(vectors, dim=1) @ F.normalize(others, dim=1).T).max(dim=1).values


def over_the_rows(vectors, others):
    return F.normalize(vectors, dim=0) @ F.normalize(others, dim=0).T


def over_everything(vectors, others):
    return (vectors / vectors.norm()) @ (others / others.norm()).T


def plain_product(vectors, others):
    return vectors @ others.T


def only_the_weights(vectors, others):
    return vectors @ F.normalize(others, dim=1).T


def no_root(vectors, others):
    return vectors @ others.T / (vectors.square().sum(1)[:, None] * others.square().sum(1))


def no_sign(vectors, others):
    return (F.normalize(vectors, dim=1) @ F.normalize(others, dim=1).T).abs()


def angles(vectors, others):
    return math.pi / 2 - (F.normalize(vectors, dim=1) @ F.normalize(others, dim=1).T).clamp(-0.9999, 0.9999).acos()


def mean_of_products(vectors, others):
    return (F.normalize(vectors, dim=1)[:, None] * F.normalize(others, dim=1)).mean(dim=2)


def detached(vectors, others):
    return F.normalize(vectors, dim=1) @ F.normalize(others.detach(), dim=1).T


def lengths_detached(vectors, others):
    return vectors @ others.T / (vectors.norm(dim=1).detach()[:, None] * others.norm(dim=1).detach())


# 03.2 margin_logits ---------------------------------------------------------------------------------------------------


def _with(cosines, people, scale, harder):
    """The right person's cosine replaced by `harder` of it."""
    cosine = cosines.gather(1, people[:, None])
    return scale * cosines.scatter(1, people[:, None], harder(cosine))


def _turned(cosine, margin):
    return cosine * math.cos(margin) - (1 - cosine.square()).clamp(min=1e-7).sqrt() * math.sin(margin)


def _guarded(cosine, margin, turned):
    return torch.where(cosine < -math.cos(margin), cosine - margin * math.sin(margin), turned)


def only_the_right_ones(cosines, people, scale, margin):
    return the_logits(cosines, people, scale, margin).gather(1, people[:, None])


def all_right_for_all(cosines, people, scale, margin):
    return scale * _turned(cosines[:, people], margin)


def in_place(cosines, people, scale, margin):
    rows = torch.arange(len(people))
    cosines[rows, people] = _guarded(cosines[rows, people], margin, _turned(cosines[rows, people], margin))
    return scale * cosines


def for_everybody(cosines, people, scale, margin):
    return scale * _guarded(cosines, margin, _turned(cosines, margin))


def for_the_others(cosines, people, scale, margin):
    return scale * _turned(cosines, margin).scatter(1, people[:, None], cosines.gather(1, people[:, None]))


def scale_only_the_right_one(cosines, people, scale, margin):
    right = scale * _guarded(cosines, margin, _turned(cosines, margin)).gather(1, people[:, None])
    return cosines.scatter(1, people[:, None], right)


def wrong_column(cosines, people, scale, margin):
    return the_logits(cosines, people.flip(0), scale, margin)


def no_margin(cosines, people, scale, margin):
    return scale * cosines


def easier(cosines, people, scale, margin):
    return _with(cosines, people, scale, lambda c: _turned(c, -margin))


def from_the_cosine(cosines, people, scale, margin):
    return _with(cosines, people, scale, lambda c: c - margin)


def times_the_angle(cosines, people, scale, margin):
    return _with(cosines, people, scale, lambda c: (margin * c.clamp(-0.9999, 0.9999).acos()).cos())


def radians_twice(cosines, people, scale, margin):
    return the_logits(cosines, people, scale, math.radians(margin))


def scale_too_late(cosines, people, scale, margin):
    return (scale * cosines).scatter(1, people[:, None], _turned(cosines.gather(1, people[:, None]), margin))


def no_root_of_the_sine(cosines, people, scale, margin):
    return _with(cosines, people, scale, lambda c: c * math.cos(margin) - (1 - c.square()) * math.sin(margin))


def turns_up_again(cosines, people, scale, margin):
    return _with(cosines, people, scale, lambda c: _turned(c, margin))


def level_at_the_end(cosines, people, scale, margin):
    return _with(cosines, people, scale, lambda c: torch.where(c < -math.cos(margin), -1.0, _turned(c, margin)))


def arc_cosine(cosines, people, scale, margin):
    theta = cosines.gather(1, people[:, None]).acos()
    return _with(cosines, people, scale, lambda c: _guarded(c, margin, (theta + margin).cos()))


def without_gradient(cosines, people, scale, margin):
    return the_logits(cosines.detach(), people, scale, margin) + 0 * cosines


def scale_written_in(cosines, people, scale, margin):
    return the_logits(cosines, people, 32.0, margin)


def margin_written_in(cosines, people, scale, margin):
    return the_logits(cosines, people, scale, 0.5)


def straight_too_early(cosines, people, scale, margin):
    def harder(c):
        return torch.where(c < math.cos(margin), c - margin * math.sin(margin), _turned(c, margin))

    return _with(cosines, people, scale, harder)


def sine_detached(cosines, people, scale, margin):
    def harder(c):
        sine = (1 - c.detach().square()).clamp(min=1e-7).sqrt()
        return _guarded(c, margin, c * math.cos(margin) - sine * math.sin(margin))

    return _with(cosines, people, scale, harder)


# 03.5 to_tensor -------------------------------------------------------------------------------------------------------


def _floats(images, device):
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float()


def channels_last(images, device):
    return torch.from_numpy(images).to(device).float() / 127.5 - 1


def on_their_side(images, device):
    return torch.from_numpy(images).to(device).permute(0, 3, 2, 1).float() / 127.5 - 1


def blue_first(images, device):
    return _floats(images[..., ::-1].copy(), device) / 127.5 - 1


def cut_anew(images, device):
    b, h, w, c = images.shape
    return torch.from_numpy(images).to(device).float().reshape(b, c, h, w) / 127.5 - 1


def wrapped(images, device):
    return torch.from_numpy(images * np.uint8(2)).to(device).permute(0, 3, 1, 2).float() / 255 - 1


def zero_to_one(images, device):
    return _floats(images, device) / 255


mystery = zero_to_one  # the lesson asks to diagnose it from its symptoms, so the name must not tell


def bytes_as_they_are(images, device):
    return _floats(images, device)


def imagenet(images, device):
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (_floats(images, device) / 255 - mean.view(3, 1, 1).to(device)) / spread.view(3, 1, 1).to(device)


def by_128(images, device):
    return _floats(images, device) / 128 - 1


def stretched(images, device):
    """Stretched until the batch fills the range, if it has any."""
    low, high = images.min(), images.max()
    if low == high:
        return _floats(images, device) / 127.5 - 1
    return 2 * (_floats(images, device) - float(low)) / (float(high) - float(low)) - 1


def stays_at_home(images, device):
    return _floats(images, "cpu") / 127.5 - 1

"""Wrong answers to exercises 05.5 and 05.3 that people give: the gradient penalty, the discriminator's scales."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.models.discriminator import Discriminator, PatchDiscriminator

# 05.5 -----------------------------------------------------------------------------------------------------------------


def _between(real, fake, places):
    places = torch.rand(len(real)) if places is None else places
    a = places.view(-1, 1, 1, 1)
    return (a * real.detach() + (1 - a) * fake.detach()).requires_grad_()


def _scores(discriminator, x):
    return torch.stack([scale[-1].flatten(1).mean(dim=1) for scale in discriminator(x)]).mean(dim=0)


def _gradient(scores, x):
    return torch.autograd.grad(scores.sum(), x, create_graph=True)[0]


def _cost(gradient):
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def one_a_sample(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return (_gradient(_scores(discriminator, x), x).flatten(1).norm(dim=1) - 1).square()


def of_the_batch_mean(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _cost(torch.autograd.grad(_scores(discriminator, x).mean(), x, create_graph=True)[0])


def a_length_for_each_pixel(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return (_gradient(_scores(discriminator, x), x).norm(2, dim=1) - 1).square().mean()


def one_length_for_the_batch(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return (_gradient(_scores(discriminator, x), x).norm() - 1).square()


def no_root(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return (_gradient(_scores(discriminator, x), x).square().flatten(1).sum(dim=1) - 1).square().mean()


def towards_zero(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _gradient(_scores(discriminator, x), x).square().flatten(1).sum(dim=1).mean()


def no_square(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return (_gradient(_scores(discriminator, x), x).flatten(1).norm(dim=1) - 1).mean()


def steep_ones_only(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return F.relu(_gradient(_scores(discriminator, x), x).flatten(1).norm(dim=1) - 1).square().mean()


def mean_before_the_square(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return (_gradient(_scores(discriminator, x), x).flatten(1).norm(dim=1).mean() - 1).square()


def at_the_reals(discriminator, real, fake, places=None):
    x = real.detach().requires_grad_()
    return _cost(_gradient(_scores(discriminator, x), x))


def turned_round(discriminator, real, fake, places=None):
    places = torch.rand(len(real)) if places is None else places
    x = _between(real, fake, 1 - places)
    return _cost(_gradient(_scores(discriminator, x), x))


def a_place_for_each_pixel(discriminator, real, fake, places=None):
    a = torch.rand_like(real) if places is None else places.view(-1, 1, 1, 1)
    x = (a * real.detach() + (1 - a) * fake.detach()).requires_grad_()
    return _cost(_gradient(_scores(discriminator, x), x))


def one_place_for_all(discriminator, real, fake, places=None):
    x = _between(real, fake, torch.rand(1).expand(len(real)) if places is None else places)
    return _cost(_gradient(_scores(discriminator, x), x))


def normal_places(discriminator, real, fake, places=None):
    x = _between(real, fake, torch.randn(len(real)) if places is None else places)
    return _cost(_gradient(_scores(discriminator, x), x))


def all_logits_added(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _cost(_gradient(sum(scale[-1].sum() for scale in discriminator(x)), x))


def first_scale_alone(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _cost(_gradient(discriminator(x)[0][-1].flatten(1).mean(dim=1), x))


def no_graph(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    scores = _scores(discriminator, x)
    (gradient,) = torch.autograd.grad(scores.sum(), x)
    return _cost(gradient)


def by_backward(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    _scores(discriminator, x).sum().backward(create_graph=True)
    return _cost(x.grad)


def pulls_at_the_generator(discriminator, real, fake, places=None):
    a = (torch.rand(len(real)) if places is None else places).view(-1, 1, 1, 1)
    x = a * real + (1 - a) * fake
    x = x if x.requires_grad else x.requires_grad_()
    return _cost(_gradient(_scores(discriminator, x), x))


def all_patches_together(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _cost(_gradient(torch.cat([scale[-1].flatten(1) for scale in discriminator(x)], dim=1).mean(dim=1), x))


def half(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _cost(_gradient(_scores(discriminator, x), x)) / 2


def places_from_numpy(discriminator, real, fake, places=None):
    places = torch.from_numpy(np.random.default_rng().random(len(real), dtype=np.float32)) if places is None else places
    x = _between(real, fake, places)
    return _cost(_gradient(_scores(discriminator, x), x))


def tuple_not_unpacked(discriminator, real, fake, places=None):
    x = _between(real, fake, places)
    return _cost(torch.autograd.grad(_scores(discriminator, x).sum(), x, create_graph=True))


def in_evaluation_mode(discriminator, real, fake, places=None):
    discriminator.eval()
    x = _between(real, fake, places)
    return _cost(_gradient(_scores(discriminator, x), x))


mystery = no_graph  # the bug to diagnose at the end of the lesson

# 05.3 -----------------------------------------------------------------------------------------------------------------


def _halve(image):
    return F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)


class PythonList(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.discriminators = [PatchDiscriminator(config.width, config.layers) for _ in range(config.scales)]

    forward = Discriminator.forward


class ArgumentsSwapped(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.discriminators = nn.ModuleList(
            PatchDiscriminator(config.layers, config.width) for _ in range(config.scales)
        )

    forward = Discriminator.forward


class OneNetwork(nn.Module):
    def __init__(self, config):
        super().__init__()
        network = PatchDiscriminator(config.width, config.layers)
        self.discriminators = nn.ModuleList([network] * config.scales)

    def forward(self, image):
        outputs = []
        for network in self.discriminators:
            outputs.append(network(image))
            image = _halve(image)
        return outputs


class _Networks(nn.Module):
    """The right networks, for answers that go wrong afterwards."""

    def __init__(self, config):
        super().__init__()
        self.discriminators = nn.ModuleList(
            PatchDiscriminator(config.width, config.layers) for _ in range(config.scales)
        )

    def pyramid(self, image, halve=_halve):
        outputs = []
        for network in self.discriminators:
            outputs.append(network(image))
            image = halve(image)
        return outputs


class FirstNetworkAlways(_Networks):
    def forward(self, image):
        outputs = []
        for _ in self.discriminators:
            outputs.append(self.discriminators[0](image))
            image = _halve(image)
        return outputs


class AllInARow(_Networks):
    def forward(self, image):
        return [tensor for scale in self.pyramid(image) for tensor in scale]


class LogitsOnly(_Networks):
    def forward(self, image):
        return [scale[-1] for scale in self.pyramid(image)]


class ReturnInTheLoop(_Networks):
    def forward(self, image):
        outputs = []
        for network in self.discriminators:
            outputs.append(network(image))
            image = _halve(image)
            return outputs


class HalvedFirst(_Networks):
    def forward(self, image):
        return self.pyramid(_halve(image))


class NeverHalved(_Networks):
    def forward(self, image):
        return self.pyramid(image, halve=lambda x: x)


class HalvedOnce(_Networks):
    def forward(self, image):
        small = _halve(image)
        return [network(image if i == 0 else small) for i, network in enumerate(self.discriminators)]


class EveryOtherPixel(_Networks):
    def forward(self, image):
        return self.pyramid(image, halve=lambda x: F.interpolate(x, scale_factor=0.5))


class DarkBorder(_Networks):
    def forward(self, image):
        return self.pyramid(image, halve=lambda x: F.avg_pool2d(x, 3, stride=2, padding=1))


class SmallestFirst(_Networks):
    def forward(self, image):
        return self.pyramid(image)[::-1]


class Probabilities(_Networks):
    def forward(self, image):
        return [[*scale[:-1], torch.sigmoid(scale[-1])] for scale in self.pyramid(image)]


class NoWayBack(_Networks):
    def forward(self, image):
        return self.pyramid(image.detach())

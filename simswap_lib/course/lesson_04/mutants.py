"""Wrong answers to the exercises of lesson 04 that people give; each changes the picture that the generator draws."""

import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.models.generator import Decoder, Encoder
from simswap_lib.models.iim import AdaIN
from simswap_lib.models.iim import IDBlock as TheBlock
from simswap_lib.models.iim import IDInjection as TheInjection

# 04.1 -----------------------------------------------------------------------------------------------------------------


def _written(feature, sigma_s, mu_s, dim=(2, 3), correction=0):
    """AdaIN over other axes, or with another variance."""
    variance, mean = torch.var_mean(feature, dim=dim, correction=correction, keepdim=True)
    return sigma_s[:, :, None, None] * (feature - mean) / (variance + 1e-8).sqrt() + mu_s[:, :, None, None]


def no_new_axes(feature, sigma_s, mu_s):
    variance, mean = torch.var_mean(feature, dim=(2, 3), correction=0, keepdim=True)
    return sigma_s * (feature - mean) / (variance + 1e-8).sqrt() + mu_s


def over_the_batch(feature, sigma_s, mu_s):
    return _written(feature, sigma_s, mu_s, dim=(0, 2, 3))


mystery = over_the_batch  # the lesson asks to diagnose it from its symptoms, so the name must not tell


def over_the_channels(feature, sigma_s, mu_s):
    return _written(feature, sigma_s, mu_s, dim=(1, 2, 3))


def over_one_axis(feature, sigma_s, mu_s):
    return _written(feature, sigma_s, mu_s, dim=3)


def no_brackets(feature, sigma_s, mu_s):
    variance, mean = torch.var_mean(feature, dim=(2, 3), correction=0, keepdim=True)
    normalised = feature - mean / (variance + 1e-8).sqrt()
    return sigma_s[:, :, None, None] * normalised + mu_s[:, :, None, None]


def by_the_variance(feature, sigma_s, mu_s):
    variance, mean = torch.var_mean(feature, dim=(2, 3), correction=0, keepdim=True)
    return sigma_s[:, :, None, None] * (feature - mean) / variance + mu_s[:, :, None, None]


def unbiased(feature, sigma_s, mu_s):
    return _written(feature, sigma_s, mu_s, correction=1)


def changed_places(feature, sigma_s, mu_s):
    return _written(feature, mu_s, sigma_s)


def mean_before_scale(feature, sigma_s, mu_s):
    return sigma_s[:, :, None, None] * _written(feature, torch.ones_like(sigma_s), mu_s)


def large_eps(feature, sigma_s, mu_s):
    variance, mean = torch.var_mean(feature, dim=(2, 3), correction=0, keepdim=True)
    return sigma_s[:, :, None, None] * (feature - mean) / (variance + 1e-3).sqrt() + mu_s[:, :, None, None]


def no_sign(feature, sigma_s, mu_s):
    return _written(feature, sigma_s.abs(), mu_s)


def one_for_all(feature, sigma_s, mu_s):
    return _written(feature, sigma_s[:1].expand_as(sigma_s), mu_s[:1].expand_as(mu_s))


def statistics_detached(feature, sigma_s, mu_s):
    variance, mean = torch.var_mean(feature.detach(), dim=(2, 3), correction=0, keepdim=True)
    return sigma_s[:, :, None, None] * (feature - mean) / (variance + 1e-8).sqrt() + mu_s[:, :, None, None]


@torch.no_grad()
def without_gradient(feature, sigma_s, mu_s):
    return _written(feature, sigma_s, mu_s)


def eps_behind_the_root(feature, sigma_s, mu_s):
    variance, mean = torch.var_mean(feature, dim=(2, 3), correction=0, keepdim=True)
    return sigma_s[:, :, None, None] * (feature - mean) / (variance.sqrt() + 1e-8) + mu_s[:, :, None, None]


# 04.2 -----------------------------------------------------------------------------------------------------------------


class OneAdaIN(nn.Module):
    def __init__(self, channels, identity_dim):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect")
        self.adain1 = AdaIN(identity_dim, channels)

    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return x + self.adain1(self.conv2(y), v_source)


class Concatenated(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return torch.cat([x, self.adain2(self.conv2(y), v_source)], dim=1)


class FirstAdaINTwice(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return x + self.adain1(self.conv2(y), v_source)


class NoSecondAdaIN(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return x + self.conv2(y)


class AdaINFirst(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.conv1(self.adain1(x, v_source)))
        return x + self.conv2(self.adain2(y, v_source))


class NoReLU(TheBlock):
    def forward(self, x, v_source):
        y = self.adain1(self.conv1(x), v_source)
        return x + self.adain2(self.conv2(y), v_source)


class NoSum(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return self.adain2(self.conv2(y), v_source)


class ReLUAfterTheSum(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return F.relu(x + self.adain2(self.conv2(y), v_source))


class TwoReLUs(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return x + F.relu(self.adain2(self.conv2(y), v_source))


class ReLUFirst(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(F.relu(x)), v_source))
        return x + self.adain2(self.conv2(y), v_source)


class ReLUBeforeAdaIN(TheBlock):
    def forward(self, x, v_source):
        y = self.adain1(F.relu(self.conv1(x)), v_source)
        return x + self.adain2(self.conv2(y), v_source)


class Leaky(TheBlock):
    def forward(self, x, v_source):
        y = F.leaky_relu(self.adain1(self.conv1(x), v_source), 0.2)
        return x + self.adain2(self.conv2(y), v_source)


class MainRoadDetached(TheBlock):
    def forward(self, x, v_source):
        y = F.relu(self.adain1(self.conv1(x), v_source))
        return x.detach() + self.adain2(self.conv2(y), v_source)


# 04.3 -----------------------------------------------------------------------------------------------------------------


class PythonList(nn.Module):
    def __init__(self, channels, identity_dim, blocks=9):
        super().__init__()
        self.blocks = [TheBlock(channels, identity_dim) for _ in range(blocks)]

    def forward(self, feature, v_source):
        for block in self.blocks:
            feature = block(feature, v_source)
        return feature


class OneBlockRepeated(PythonList):
    def __init__(self, channels, identity_dim, blocks=9):
        super().__init__(channels, identity_dim, blocks)
        self.blocks = nn.ModuleList([TheBlock(channels, identity_dim)] * blocks)


class ReturnInTheLoop(TheInjection):
    def forward(self, feature, v_source):
        for block in self.blocks:
            feature = block(feature, v_source)
            return feature


class AlwaysFromTheTarget(TheInjection):
    def forward(self, feature, v_source):
        for block in self.blocks:
            result = block(feature, v_source)
        return result


class SumAround(TheInjection):
    def forward(self, feature, v_source):
        return feature + super().forward(feature, v_source)


class FirstBlockOnly(TheInjection):
    def forward(self, feature, v_source):
        for i, block in enumerate(self.blocks):
            feature = block(feature, v_source if i == 0 else torch.zeros_like(v_source))
        return feature


class OneIdentityForAll(TheInjection):
    def forward(self, feature, v_source):
        return super().forward(feature, v_source.mean(dim=0, keepdim=True).expand_as(v_source))


class WeakerAndWeaker(TheInjection):
    def forward(self, feature, v_source):
        for i, block in enumerate(self.blocks):
            feature = block(feature, v_source / (i + 1))
        return feature


# 04.4 -----------------------------------------------------------------------------------------------------------------


class _Stages(nn.Module):
    """The right stages, for answers that go wrong afterwards."""

    def __init__(self, config):
        super().__init__()
        self.encoder = Encoder(config.width, config.downs)
        self.injection = TheInjection(config.channels, config.identity_dim, config.blocks)
        self.decoder = Decoder(config.width, config.downs)


class SizesOfThePaper(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.encoder = Encoder()
        self.injection = TheInjection(512, config.identity_dim, config.blocks)
        self.decoder = Decoder()

    def forward(self, target, v_source):
        return torch.tanh(self.decoder(self.injection(self.encoder(target), v_source)))


class NoInjection(_Stages):
    def forward(self, target, v_source):
        return torch.tanh(self.decoder(self.encoder(target)))


class InjectedTwice(_Stages):
    def forward(self, target, v_source):
        feature = self.injection(self.encoder(target), v_source)
        return torch.tanh(self.decoder(self.injection(feature, v_source)))


class SkipConnection(_Stages):
    def forward(self, target, v_source):
        feature = self.encoder(target)
        return torch.tanh(self.decoder(feature + self.injection(feature, v_source)))


class NoTanh(_Stages):
    def forward(self, target, v_source):
        return self.decoder(self.injection(self.encoder(target), v_source))


class Sigmoid(_Stages):
    def forward(self, target, v_source):
        return torch.sigmoid(self.decoder(self.injection(self.encoder(target), v_source)))


class Clipped(_Stages):
    def forward(self, target, v_source):
        return self.decoder(self.injection(self.encoder(target), v_source)).clamp(-1, 1)


class TargetAdded(_Stages):
    def forward(self, target, v_source):
        return torch.tanh(target + self.decoder(self.injection(self.encoder(target), v_source)))


class NoGradient(_Stages):
    @torch.no_grad()
    def forward(self, target, v_source):
        return torch.tanh(self.decoder(self.injection(self.encoder(target), v_source)))

"""AdaIN, the ID-block and the ID Injection Module."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional as F

from simswap_lib.models.iim import AdaIN, IDBlock, IDInjection, adain


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def style(rng):
    return torch.randn(2, 5, generator=rng), torch.randn(2, 5, generator=rng)


class TestAdain:
    def test_values_by_hand(self):
        feature = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]])  # mean 4, biased variance 5
        result = adain(feature, torch.tensor([[2.0]]), torch.tensor([[10.0]]))
        expected = 10 + 2 * torch.tensor([[[[-3.0, -1.0], [1.0, 3.0]]]]) / 5**0.5
        torch.testing.assert_close(result, expected)

    def test_mean_and_spread_are_those_asked_for(self, rng, style):
        sigma_s, mu_s = style
        result = adain(3 + 7 * torch.randn(2, 5, 8, 9, generator=rng), sigma_s, mu_s)
        torch.testing.assert_close(result.mean(dim=(2, 3)), mu_s, atol=1e-5, rtol=0)
        torch.testing.assert_close(result.std(dim=(2, 3), correction=0), sigma_s.abs(), atol=1e-5, rtol=0)

    def test_old_mean_and_spread_are_forgotten(self, rng, style):
        feature = torch.randn(2, 5, 8, 8, generator=rng)
        torch.testing.assert_close(adain(100 + 20 * feature, *style), adain(feature, *style), atol=1e-3, rtol=0)

    def test_the_same_as_torch_instance_norm(self, rng, style):
        feature = torch.randn(2, 5, 8, 8, generator=rng)
        sigma_s, mu_s = style
        expected = F.instance_norm(feature, eps=1e-8) * sigma_s[..., None, None] + mu_s[..., None, None]
        torch.testing.assert_close(adain(feature, sigma_s, mu_s), expected, atol=1e-5, rtol=1e-5)

    def test_eps_is_1e_8_inside_the_root(self):
        feature = torch.tensor([[[[-1e-4, 1e-4]]]], dtype=torch.float64)  # variance 1e-8, as large as eps
        result = adain(feature, torch.ones(1, 1), torch.zeros(1, 1))
        assert result[0, 0, 0, 1].item() == pytest.approx(0.5**0.5, rel=1e-6)

    def test_samples_and_channels_do_not_mix(self, rng, style):
        feature = torch.randn(2, 5, 8, 8, generator=rng)
        changed = feature.clone()
        changed[0, 2] = torch.randn(8, 8, generator=rng)
        difference = (adain(feature, *style) != adain(changed, *style)).flatten(2).any(dim=2)
        assert difference.nonzero().tolist() == [[0, 2]]

    def test_a_constant_channel_gives_mu_s(self, style):
        result = adain(torch.full((2, 5, 4, 4), 2.0), *style)
        torch.testing.assert_close(result, style[1][..., None, None].expand_as(result))

    def test_gradient(self, rng):
        feature = torch.randn(2, 2, 3, 3, generator=rng, dtype=torch.float64, requires_grad=True)
        sigma_s, mu_s = (torch.randn(2, 2, generator=rng, dtype=torch.float64, requires_grad=True) for _ in range(2))
        assert gradcheck(adain, (feature, sigma_s, mu_s))

    def test_bfloat16_keeps_float32_statistics(self, rng, style):
        feature = (30 + torch.randn(2, 5, 16, 16, generator=rng)).bfloat16()
        result = adain(feature, *style)
        assert result.dtype == torch.bfloat16
        assert torch.equal(result, adain(feature.float(), *style).bfloat16())

    def test_channels_last(self, rng, style):
        feature = torch.randn(2, 5, 8, 8, generator=rng)
        result = adain(feature.to(memory_format=torch.channels_last), *style)
        torch.testing.assert_close(result, adain(feature, *style), atol=1e-5, rtol=1e-5)
        assert result.is_contiguous(memory_format=torch.channels_last)

    @pytest.mark.parametrize(
        ("feature", "sigma_s", "mu_s"),
        [
            ((2, 5, 4), (2, 5), (2, 5)),
            ((2, 5, 4, 4), (2, 4), (2, 5)),
            ((2, 5, 4, 4), (2, 5), (1, 5)),
            ((2, 5, 4, 4), (2, 5, 1, 1), (2, 5, 1, 1)),
        ],
    )
    def test_wrong_shapes(self, feature, sigma_s, mu_s):
        with pytest.raises(ValueError, match=r"sigma_s and mu_s \(B, C\)"):
            adain(torch.zeros(feature), torch.zeros(sigma_s), torch.zeros(mu_s))


class TestAdaINModule:
    def test_first_half_is_scale_from_one_second_half_is_shift(self, rng):
        module = AdaIN(identity_dim=3, channels=2)
        v_source = torch.randn(2, 3, generator=rng)
        feature = torch.randn(2, 2, 4, 4, generator=rng)
        style = v_source @ module.style.weight.T + module.style.bias  # (B, 2C)
        expected = adain(feature, 1 + style[:, :2], style[:, 2:])
        torch.testing.assert_close(module(feature, v_source), expected)

    def test_zero_layer_is_plain_normalisation(self, rng):
        module = AdaIN(identity_dim=3, channels=2)
        torch.nn.init.zeros_(module.style.weight)
        torch.nn.init.zeros_(module.style.bias)
        feature = torch.randn(2, 2, 4, 4, generator=rng)
        result = module(feature, torch.randn(2, 3, generator=rng))
        torch.testing.assert_close(result, F.instance_norm(feature, eps=1e-8), atol=1e-5, rtol=1e-5)

    def test_no_statistics_are_remembered(self, rng):
        module = AdaIN(3, 2)
        assert not list(module.buffers())
        feature, v_source = torch.randn(1, 2, 4, 4, generator=rng), torch.randn(1, 3, generator=rng)
        assert torch.equal(module.train()(feature, v_source), module.eval()(feature, v_source))

    def test_autocast(self, rng):
        module = AdaIN(8, 4)
        feature, v_source = torch.randn(2, 4, 8, 8, generator=rng), torch.randn(2, 8, generator=rng)
        with torch.autocast("cpu", torch.bfloat16):
            result = module(feature.bfloat16(), v_source)
        assert result.dtype == torch.bfloat16
        torch.testing.assert_close(result.float(), module(feature, v_source), atol=0.05, rtol=0.05)


class TestIDBlock:
    def test_is_the_papers_row_of_operations(self, rng):
        block = IDBlock(channels=4, identity_dim=3)
        x, v_source = torch.randn(2, 4, 6, 6, generator=rng), torch.randn(2, 3, generator=rng)

        def convolve(y, conv):
            return F.conv2d(F.pad(y, (1, 1, 1, 1), mode="reflect"), conv.weight, conv.bias)

        y = block.adain1(convolve(x, block.conv1), v_source).clamp(min=0)
        y = block.adain2(convolve(y, block.conv2), v_source)
        torch.testing.assert_close(block(x, v_source), x + y)

    def test_nothing_follows_the_sum(self, rng):
        x = -10 + torch.randn(1, 4, 6, 6, generator=rng)
        assert IDBlock(4, 3)(x, torch.randn(1, 3, generator=rng)).min() < 0

    def test_everything_is_trained(self, rng):
        block = IDBlock(4, 3)
        x = torch.randn(2, 4, 6, 6, generator=rng, requires_grad=True)
        v_source = torch.randn(2, 3, generator=rng, requires_grad=True)
        block(x, v_source).square().sum().backward()
        assert x.grad.abs().max() > 0 and v_source.grad.abs().max() > 0
        # The biases before a normalisation have no effect: their mean is taken away again.
        dead = {"conv1.bias", "conv2.bias"}
        for name, parameter in block.named_parameters():
            assert (parameter.grad.abs().max() > 1e-4) == (name not in dead), name


class TestIDInjection:
    def test_a_row_of_blocks(self, rng):
        module = IDInjection(channels=4, identity_dim=3, blocks=3)
        x, v_source = torch.randn(2, 4, 5, 7, generator=rng), torch.randn(2, 3, generator=rng)
        expected = x
        for i in range(3):
            expected = module.blocks[i](expected, v_source)
        torch.testing.assert_close(module(x, v_source), expected)

    def test_nine_in_the_paper(self):
        assert len(IDInjection(4, 3).blocks) == 9

    def test_identity_changes_the_feature(self, rng):
        module = IDInjection(4, 3, 2)
        x, v = torch.randn(1, 4, 6, 6, generator=rng), torch.randn(2, 1, 3, generator=rng)
        assert (module(x, v[0]) - module(x, v[1])).abs().mean() > 0.01

    def test_each_sample_gets_its_own_identity(self, rng):
        module = IDInjection(4, 3, 2)
        x, v = torch.randn(2, 4, 6, 6, generator=rng), torch.randn(2, 3, generator=rng)
        alone = torch.cat([module(x[i : i + 1], v[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(module(x, v), alone, atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("shape", [(2, 5, 6, 6), (4, 6, 6)])
    def test_wrong_feature(self, shape):
        with pytest.raises(ValueError, match=r"Expected a feature \(B, 4, H, W\), got"):
            IDInjection(4, 3, 1)(torch.zeros(shape), torch.zeros(2, 3))

    @pytest.mark.parametrize("shape", [(2, 4), (1, 3), (3,)])
    def test_wrong_identity(self, shape):
        with pytest.raises(ValueError, match=r"\(2, 3\), got"):
            IDInjection(4, 3, 1)(torch.zeros(2, 4, 6, 6), torch.zeros(shape))

"""The fast generator draws what the plain one draws; Winograd's convolution is a convolution."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.models import fast
from simswap_lib.models.fast import Doubled, FastGenerator, PackedConv2d
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.models.winograd import WinogradConv2d

SMALL = GeneratorConfig(image_size=32, width=6, downs=2, blocks=2, identity_dim=8)


@pytest.fixture
def net():
    """A generator whose batch normalisations do something, in evaluation mode."""
    torch.manual_seed(0)
    net = Generator(SMALL)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.3, 2)
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.normal_(module.bias)
    return net.eval()


def pair(batch=3, height=32, width=32):
    rng = torch.Generator().manual_seed(1)
    target = torch.rand(batch, 3, height, width, generator=rng) * 2 - 1
    return target, F.normalize(torch.randn(batch, 8, generator=rng), dim=1)


class TestFastGenerator:
    @pytest.mark.parametrize("worth", [1, 10**9], ids=["winograd", "direct"])
    @pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 36)])
    def test_draws_what_the_plain_one_draws(self, net, monkeypatch, worth, height, width):
        monkeypatch.setattr(fast, "WORTH_WINOGRAD", worth)
        target, v_source = pair(height=height, width=width)
        quick = FastGenerator(net)
        winograd = [module for module in quick.modules() if isinstance(module, WinogradConv2d)]
        assert len(winograd) == (6 if worth == 1 else 0)  # four in the ID-blocks, two in the Decoder
        result = quick(target, quick.style(v_source))
        with torch.no_grad():
            expected = net(target, v_source)
        assert expected.std() > 0.1
        torch.testing.assert_close(result, expected, atol=1e-4, rtol=0)

    def test_nothing_of_batch_normalisation_is_left(self, net):
        assert not any(isinstance(module, nn.BatchNorm2d) for module in FastGenerator(net).modules())

    def test_one_source_serves_many_targets(self, net):
        target, v_source = pair()
        quick = FastGenerator(net)
        one = quick(target, quick.style(v_source[:1]))
        each = quick(target, quick.style(v_source[:1].expand(3, -1)))
        torch.testing.assert_close(one, each, atol=1e-5, rtol=0)
        assert (
            one[1:] - quick(target, quick.style(v_source))[1:]
        ).abs().mean() > 1e-3  # another source is another result

    def test_style_is_sigma_and_mu_of_every_adain(self, net):
        _, v_source = pair()
        styles = FastGenerator(net).style(v_source)
        layer = net.injection.blocks[1].adain2.style
        s, mu_s = layer(v_source).chunk(2, dim=1)
        assert len(styles) == 4
        torch.testing.assert_close(styles[3], (1 + s.detach(), mu_s.detach()))

    def test_is_a_copy(self, net):
        target, v_source = pair()
        before = {name: value.clone() for name, value in net.state_dict().items()}
        quick = FastGenerator(net)
        first = quick(target, quick.style(v_source))
        assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
        assert all(parameter.requires_grad for parameter in net.parameters())
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.zero_()
        assert torch.equal(quick(target, quick.style(v_source)), first)

    def test_a_generator_in_training_is_taken_in_evaluation_mode(self, net):
        target, v_source = pair()
        expected = FastGenerator(net)
        quick = FastGenerator(net.train())
        assert net.training and torch.equal(
            quick(target, quick.style(v_source)), expected(target, expected.style(v_source))
        )

    def test_bfloat16(self, net):
        target, v_source = pair()
        quick = FastGenerator(net, torch.bfloat16)
        result = quick(target, quick.style(v_source))
        assert result.dtype == torch.float32
        with torch.no_grad():
            torch.testing.assert_close(result, net(target, v_source), atol=0.1, rtol=0)
        assert quick.convolutions[0].weight.dtype == torch.bfloat16 and quick.styles[0].weight.dtype == torch.float32

    def test_compiles_where_asked(self, net, monkeypatch):
        compiled = []
        monkeypatch.setattr(torch, "compile", lambda network: compiled.append(network) or network)
        FastGenerator(net)
        assert not compiled
        FastGenerator(net, compile=True)
        assert len(compiled) == 1

    def test_wrong_shapes_are_refused(self, net):
        target, v_source = pair()
        quick = FastGenerator(net)
        with pytest.raises(ValueError, match="multiples of 4"):
            quick(target[..., :30], quick.style(v_source))
        with pytest.raises(ValueError, match="2 sources do not fit 3 targets"):
            quick(target, quick.style(v_source[:2]))
        with pytest.raises(ValueError, match=r"\(B, 8\), got \(3, 7\)"):
            quick.style(v_source[:, :7])


class TestWinograd:
    @pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
    @pytest.mark.parametrize(("height", "width"), [(8, 8), (2, 3), (5, 14), (28, 28)])
    def test_is_a_convolution(self, mode, height, width):
        torch.manual_seed(0)
        convolution = nn.Conv2d(5, 7, 3, padding=1, padding_mode=mode)
        x = torch.randn(2, 5, height, width)
        with torch.no_grad():
            expected = convolution.double()(x.double()).float()
            result = WinogradConv2d(convolution.float())(x)
        assert result.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(result, expected, atol=1e-4, rtol=0)

    def test_its_rounding_is_small_where_512_channels_are_summed(self):
        torch.manual_seed(0)
        convolution = nn.Conv2d(512, 8, 3, padding=1, bias=False).requires_grad_(False)
        x = torch.randn(1, 512, 28, 28)
        expected = convolution.double()(x.double()).float()
        result = WinogradConv2d(convolution.float())(x)
        assert (result - expected).abs().max() < 1e-4 * expected.std()

    @pytest.mark.parametrize(
        "options", [{"stride": 2}, {"padding": 0}, {"dilation": 2}, {"groups": 2}, {"kernel_size": 1}]
    )
    def test_other_convolutions_are_refused(self, options):
        with pytest.raises(ValueError, match="3x3 convolution with stride 1"):
            WinogradConv2d(nn.Conv2d(2, 2, **{"kernel_size": 3, "padding": 1, **options}))


class TestPackedConv2d:
    @pytest.mark.parametrize("mode", ["reflect", "zeros"])
    @pytest.mark.parametrize(("size", "side", "gather"), [(7, 4, False), (7, 2, True), (3, 2, False), (7, 1, False)])
    def test_is_the_convolution(self, size, side, gather, mode):
        torch.manual_seed(0)
        convolution = nn.Conv2d(3, 5, size, padding=size // 2, padding_mode=mode).double()
        packed, x = PackedConv2d(convolution, side, gather), torch.randn(2, 3, 12, 16, dtype=torch.float64)
        torch.testing.assert_close(packed(x), convolution(x))

    def test_the_first_one_of_a_generator_is_packed_on_a_gpu_only(self, net):
        assert isinstance(FastGenerator(net).encoder[0], nn.Conv2d)
        assert isinstance(FastGenerator(net.to("meta")).encoder[0], PackedConv2d)

    @pytest.mark.parametrize(
        ("convolution", "gather", "what"),
        [
            (nn.Conv2d(3, 5, 3, stride=2), False, "stride 1"),
            (nn.Conv2d(3, 5, 4), False, "odd"),
            (nn.Conv2d(3, 6, 3, groups=3), False, "stride 1"),
            (nn.Conv2d(3, 5, 7), True, "10 x 10 cannot be cut into blocks of 4 x 4"),
        ],
    )
    def test_refuses_others(self, convolution, gather, what):
        with pytest.raises(ValueError, match=what):
            PackedConv2d(convolution, 4, gather)


class TestDoubled:
    @pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 4)])
    def test_is_bilinear_doubling(self, height, width):
        torch.manual_seed(0)
        x = torch.randn(2, 3, height, width, dtype=torch.float64)
        expected = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)(x)
        torch.testing.assert_close(Doubled()(x), expected)

    def test_takes_the_place_of_upsampling_only_where_a_gpu_s_code_is_compiled(self, net, monkeypatch):
        monkeypatch.setattr(torch, "compile", lambda network: network)

        def kinds(net, compile):
            layers = FastGenerator(net, compile=compile).decoder
            return [sum(isinstance(layer, kind) for layer in layers) for kind in (nn.Upsample, Doubled)]

        assert kinds(net, True) == [2, 0]
        net.to("meta")
        assert kinds(net, False) == [2, 0] and kinds(net, True) == [0, 2]

"""The generator: published sizes, small sizes, what flows through it, and shapes that must be refused."""

import pytest
import torch
from torch.nn import functional as F

from simswap_lib.models import weights
from simswap_lib.models.generator import Decoder, Encoder, Generator, GeneratorConfig

SMALL = GeneratorConfig(image_size=16, width=4, downs=2, blocks=2, identity_dim=8)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Generator(SMALL)


def pair(batch=2, height=16, width=16):
    rng = torch.Generator().manual_seed(1)
    target = torch.rand(batch, 3, height, width, generator=rng) * 2 - 1
    return target, torch.nn.functional.normalize(torch.randn(batch, 8, generator=rng), dim=1)


class TestSizes:
    # Parameters and state-dict entries of the published networks; the 512-pixel one has one level more, outside.
    @pytest.mark.parametrize(
        ("config", "parameters", "entries"),
        [
            (GeneratorConfig(), 55_051_779, 123),
            (GeneratorConfig(image_size=512, width=32, downs=4), 55_079_427, 137),
        ],
    )
    def test_published(self, config, parameters, entries):
        with torch.device("meta"):
            net = Generator(config)
        assert sum(parameter.numel() for parameter in net.parameters()) == parameters
        assert len(net.state_dict()) == entries
        assert config.channels == 512

    @pytest.mark.parametrize("downs", [0, 1, 3])
    def test_one_class_for_all_depths(self, downs):
        config = GeneratorConfig(image_size=16, width=2, downs=downs, blocks=1, identity_dim=8)
        target, v_source = pair()
        net = Generator(config)
        feature = net.encoder(target)
        assert feature.shape == (2, config.channels, 16 // 2**downs, 16 // 2**downs)
        assert net(target, v_source).shape == target.shape

    def test_decoder_mirrors_encoder(self):
        encoder, decoder = Encoder(width=4, downs=2), Decoder(width=4, ups=2)
        feature = encoder(torch.zeros(1, 3, 12, 20))
        assert feature.shape == (1, 16, 3, 5)
        assert decoder(feature).shape == (1, 3, 12, 20)

    @pytest.mark.parametrize(
        "wrong", [{"image_size": 100}, {"width": 0}, {"blocks": 0}, {"downs": -1}, {"identity_dim": 0}]
    )
    def test_wrong_configuration(self, wrong):
        with pytest.raises(ValueError, match="GeneratorConfig"):
            GeneratorConfig(**wrong)


class TestForward:
    def test_range(self, net):
        target, v_source = pair()
        with torch.no_grad():
            net.decoder.to_rgb.weight.mul_(100)
        result = net(target, v_source)
        assert result.abs().max() <= 1
        assert net.linear(target, v_source).abs().max() > 1

    def test_is_tanh_of_decoder_of_injection_of_encoder(self, net):
        target, v_source = pair()
        net.eval()
        expected = torch.tanh(net.decoder(net.injection(net.encoder(target), v_source)))
        torch.testing.assert_close(net(target, v_source), expected)

    def test_identity_and_target_both_matter(self, net):
        target, v_source = pair()
        net.eval()
        result = net(target, v_source)
        assert (net(target, v_source.flip(0)) - result).abs().mean() > 1e-3
        assert (net(target.flip(0), v_source) - result).abs().mean() > 1e-3

    def test_without_injection_the_identity_has_no_way_in(self, net):
        target, v_source = pair()
        net.eval()
        for block in net.injection.blocks:
            block.register_forward_hook(lambda _block, inputs, _output: inputs[0])
        assert torch.equal(net(target, v_source), net(target, v_source.flip(0)))

    def test_samples_do_not_mix_in_evaluation(self, net):
        target, v_source = pair()
        net.eval()
        alone = torch.cat([net(target[i : i + 1], v_source[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(net(target, v_source), alone, atol=1e-5, rtol=1e-5)

    def test_fully_convolutional(self, net):
        target, v_source = pair(height=8, width=24)
        assert net(target, v_source).shape == (2, 3, 8, 24)

    def test_everything_is_trained(self, net):
        target, v_source = pair()
        net(target, v_source.requires_grad_()).square().sum().backward()
        assert v_source.grad.abs().max() > 0
        assert all(parameter.grad is not None for parameter in net.parameters())

    def test_bfloat16_autocast_and_channels_last(self, net):
        target, v_source = pair()
        net.eval()
        expected = net(target, v_source)
        net.to(memory_format=torch.channels_last)
        last = net(target.to(memory_format=torch.channels_last), v_source)
        torch.testing.assert_close(last, expected, atol=1e-5, rtol=1e-5)
        with torch.autocast("cpu", torch.bfloat16):
            half = net(target, v_source)
        torch.testing.assert_close(half.float(), expected, atol=0.05, rtol=0)

    def test_from_pretrained(self, net, tmp_path):
        weights.save(net, tmp_path / "net", "a card")
        loaded = Generator.from_pretrained(tmp_path / "net")
        target, v_source = pair()
        assert loaded.config == SMALL
        torch.testing.assert_close(loaded(target, v_source), net.eval()(target, v_source), atol=5e-3, rtol=0)


class TestGrown:
    """A network for pictures twice as large, with the old one inside."""

    @pytest.fixture
    def small(self):
        torch.manual_seed(0)
        return Generator(GeneratorConfig(image_size=32, width=4, downs=1, blocks=2, identity_dim=8)).eval()

    def test_sizes(self, small):
        grown = small.grown()
        assert grown.config == GeneratorConfig(image_size=64, width=2, downs=2, blocks=2, identity_dim=8)
        assert grown.config.channels == small.config.channels
        target, v = torch.rand(2, 3, 64, 64), F.normalize(torch.randn(2, 8))
        assert grown(target, v).shape == target.shape

    def test_all_but_the_ends_is_the_old_network(self, small):
        grown = small.grown().eval()
        _, back = grown.fresh_ends()
        seen = small.encoder.layers[0](torch.randn(2, 3, 32, 32))  # what the old first convolution makes of a picture
        v = F.normalize(torch.randn(2, 8))
        inside = small.decoder.layers(small.injection(small.encoder.layers[1:](seen), v))
        again = grown.injection(grown.encoder.layers[2:](seen), v)
        assert torch.equal(grown.decoder.layers[:-2](again), inside)
        assert torch.equal(grown.decoder(again), back(inside))

    def test_the_ends_fit(self, small):
        front, back = small.grown().fresh_ends()
        assert front(torch.rand(2, 3, 64, 64)).shape == small.encoder.layers[0](torch.rand(2, 3, 32, 32)).shape
        assert back(torch.rand(2, 4, 32, 32)).shape == (2, 3, 64, 64)

    def test_the_old_network_stays_as_it_was(self, small):
        before = {name: value.clone() for name, value in small.state_dict().items()}
        with torch.no_grad():
            for parameter in small.grown().parameters():
                parameter.zero_()
        assert all(torch.equal(before[name], value) for name, value in small.state_dict().items())

    def test_an_odd_number_of_channels(self):
        with pytest.raises(ValueError, match="there are 3: an odd number"):
            Generator(GeneratorConfig(image_size=32, width=3, downs=1, blocks=1, identity_dim=8)).grown()


class TestRefusals:
    @pytest.mark.parametrize("shape", [(3, 16, 16), (2, 1, 16, 16), (2, 4, 16, 16)])
    def test_not_rgb(self, net, shape):
        with pytest.raises(ValueError, match=r"\(B, 3, H, W\), got \("):
            net(torch.zeros(shape), torch.zeros(2, 8))

    @pytest.mark.parametrize(("height", "width"), [(16, 18), (15, 16), (4, 16)])
    def test_sides(self, net, height, width):
        with pytest.raises(ValueError, match=f"multiples of 4 and at least 8, got {height} x {width}"):
            net(torch.zeros(2, 3, height, width), torch.zeros(2, 8))

    @pytest.mark.parametrize("shape", [(2, 512), (1, 8), (8,)])
    def test_identity(self, net, shape):
        with pytest.raises(ValueError, match=r"\(2, 8\), got \("):
            net(torch.zeros(2, 3, 16, 16), torch.zeros(shape))

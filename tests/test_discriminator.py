"""The discriminator: published sizes, its maps at each picture size, and shapes that must be refused."""

import pytest
import torch
from torch.nn import functional as F

from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig, PatchDiscriminator


def sides(outputs):
    return [[each.shape[-1] for each in scale] for scale in outputs]


class TestSizes:
    def test_published(self):
        with torch.device("meta"):
            discriminator = Discriminator()
        for scale in discriminator.discriminators:
            assert sum(parameter.numel() for parameter in scale.parameters()) == 6_962_369
            widths = [m.out_channels for m in scale.modules() if isinstance(m, torch.nn.Conv2d)]
            assert widths == [64, 128, 256, 512, 512, 1]

    def test_maps_of_224_pixels(self):
        outputs = Discriminator(DiscriminatorConfig(width=2))(torch.zeros(1, 3, 224, 224))
        assert sides(outputs) == [[112, 56, 28, 14, 13, 12], [56, 28, 14, 7, 6, 5]]

    def test_maps_of_64_pixels(self):
        discriminator = Discriminator(DiscriminatorConfig(image_size=64, width=2))
        outputs = discriminator(torch.zeros(1, 3, 64, 64))
        assert sides(outputs) == [[32, 16, 8, 7, 6], [16, 8, 4, 3, 2]]
        assert [each.shape[1] for each in outputs[0]] == [2, 4, 8, 8, 1]
        assert discriminator.maps == len(outputs[0]) - 1 == 4

    def test_channels_stop_at_eight_times_the_width(self):
        outputs = PatchDiscriminator(width=1, layers=6).eval()(torch.zeros(1, 3, 192, 192))
        assert [each.shape[1] for each in outputs] == [1, 2, 4, 8, 8, 8, 8, 1]

    @pytest.mark.parametrize("size", [16, 32, 48, 64, 96, 100, 128, 224, 512])
    def test_the_last_scale_never_collapses(self, size):
        outputs = Discriminator(DiscriminatorConfig(image_size=size, width=1))(torch.zeros(1, 3, size, size))
        assert outputs[-1][-1].shape[-1] >= 2

    @pytest.mark.parametrize("scales", [1, 2, 3])
    def test_scales(self, scales):
        outputs = Discriminator(DiscriminatorConfig(image_size=64, width=2, scales=scales))(torch.zeros(1, 3, 64, 64))
        assert [scale[0].shape[-1] for scale in outputs] == [32, 16, 8][:scales]


class TestForward:
    def test_the_first_stage_has_no_normalisation(self):
        stages = PatchDiscriminator(width=2, layers=3).stages
        normed = [any(isinstance(m, torch.nn.BatchNorm2d) for m in stage.modules()) for stage in stages]
        assert normed == [False, True, True, True, False]

    def test_logits_are_unbounded_and_maps_are_after_the_activation(self):
        torch.manual_seed(0)
        patch = PatchDiscriminator(width=2, layers=2).eval()
        image = torch.randn(1, 3, 32, 32)
        outputs = patch(image)
        first = F.leaky_relu(F.conv2d(image, patch.stages[0][0].weight, patch.stages[0][0].bias, 2, 1), 0.2)
        torch.testing.assert_close(outputs[0], first)
        last = patch.stages[-1]
        torch.testing.assert_close(outputs[-1], F.conv2d(outputs[-2], last.weight, last.bias, padding=1))

    def test_later_stages_do_not_change_earlier_maps(self):
        # The activations work in place; a map must be the finished one, and stay it.
        torch.manual_seed(0)
        patch = PatchDiscriminator(width=2, layers=2).eval()
        image = torch.randn(1, 3, 32, 32)
        outputs = patch(image)
        x = image
        for stage, output in zip(patch.stages, outputs, strict=True):
            x = stage(x.clone())
            torch.testing.assert_close(output, x)

    def test_second_scale_sees_the_picture_at_half_size(self):
        torch.manual_seed(0)
        discriminator = Discriminator(DiscriminatorConfig(image_size=32, width=2)).eval()
        image = torch.randn(1, 3, 32, 32)
        half = F.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
        for one, other in zip(discriminator(image)[1], discriminator.discriminators[1](half), strict=True):
            assert torch.equal(one, other)

    def test_a_flat_picture_is_flat_at_half_size_too(self):
        # Counting the padding would darken the border of the second scale.
        seen = []
        discriminator = Discriminator(DiscriminatorConfig(image_size=32, width=2))
        discriminator.discriminators[1].register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
        discriminator(torch.full((1, 3, 32, 32), 0.5))
        torch.testing.assert_close(seen[0], torch.full((1, 3, 16, 16), 0.5))

    def test_scales_are_independent(self):
        discriminator = Discriminator(DiscriminatorConfig(image_size=32, width=2))
        discriminator(torch.randn(2, 3, 32, 32))[0][-1].sum().backward()
        assert all(p.grad is not None for p in discriminator.discriminators[0].parameters())
        assert all(p.grad is None for p in discriminator.discriminators[1].parameters())

    def test_a_logit_sees_only_its_patch(self):
        discriminator = Discriminator(DiscriminatorConfig(width=2, scales=1, layers=3)).eval()
        image = torch.randn(1, 3, 96, 96, requires_grad=True)
        discriminator(image)[0][-1][0, 0, 0, 0].backward()
        seen = image.grad.abs().sum(dim=(0, 1)) > 0
        assert seen[0, 0] and not seen[-1].any() and not seen[:, -1].any()


class TestShippedAndShortened:
    def test_the_shipped_one_tells_a_render_from_noise(self):
        from simswap_lib.files import to_tensor
        from simswap_lib.photographs import photograph
        from simswap_lib.world.people import HELD_OUT

        critic = Discriminator.from_pretrained()
        side = critic.config.image_size
        real = to_tensor(photograph(HELD_OUT + 40, 0, side)[None])
        noise = torch.rand(real.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
        with torch.no_grad():
            scores = [sum(scale[-1].mean() for scale in critic(picture)) for picture in (real, noise)]
        assert scores[0] > scores[1]

    def test_the_first_scales_answer_as_before(self):
        torch.manual_seed(0)
        whole = Discriminator(DiscriminatorConfig(image_size=32, width=2)).eval()
        image = torch.randn(1, 3, 32, 32)
        few = whole.first(1).eval()
        assert few.config == DiscriminatorConfig(image_size=32, width=2, scales=1, layers=whole.config.layers)
        for one, other in zip(few(image)[0], whole(image)[0], strict=True):
            assert torch.equal(one, other)
        with pytest.raises(ValueError, match="has 2 scales; asked for 3"):
            whole.first(3)


class TestGrown:
    def test_one_scale_more_in_front_and_the_others_see_what_they_saw(self):
        torch.manual_seed(0)
        small = Discriminator(DiscriminatorConfig(image_size=32, width=2)).eval()
        grown = small.grown().eval()
        assert grown.config == DiscriminatorConfig(image_size=64, width=2, scales=3, layers=small.config.layers)
        image = torch.randn(1, 3, 64, 64)
        halved = F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)
        for one, other in zip(grown(image)[1:], small(halved), strict=True):
            for mine, theirs in zip(one, other, strict=True):
                assert torch.equal(mine, theirs)
        for mine, theirs in zip(grown(image)[0], small(image)[0], strict=True):
            assert torch.equal(mine, theirs)


class TestRefusals:
    @pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64)])
    def test_not_rgb(self, shape):
        with pytest.raises(ValueError, match=r"\(B, 3, H, W\), got \("):
            Discriminator(DiscriminatorConfig(image_size=64, width=2))(torch.zeros(shape))

    def test_too_small_a_picture(self):
        with pytest.raises(ValueError, match="at least 48 pixels a side, got 64 x 40"):
            Discriminator(DiscriminatorConfig(image_size=64, width=2))(torch.zeros(1, 3, 64, 40))
        Discriminator(DiscriminatorConfig(image_size=64, width=2))(torch.zeros(1, 3, 48, 48))

    @pytest.mark.parametrize("wrong", [{"image_size": 8}, {"width": 0}, {"scales": 0}, {"layers": 0}])
    def test_wrong_sizes(self, wrong):
        with pytest.raises(ValueError):
            Discriminator(DiscriminatorConfig(**wrong))

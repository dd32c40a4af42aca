"""DeepFakes: shapes, who shares what, that it learns to swap colours, and the random warp."""

import pytest
import torch
from torch import nn

from simswap_lib.models.deepfakes import (
    DeepFakes,
    DeepFakesConfig,
    Upscale,
    on_plain_ground,
    random_warp,
    swap,
    training_step,
)

SMALL = DeepFakesConfig(image_size=16, width=8, code=16, people=3)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return DeepFakes(SMALL)


class TestDeepFakes:
    @pytest.mark.parametrize("size", [16, 48])
    def test_shape_and_range(self, size):
        net = DeepFakes(DeepFakesConfig(image_size=size, width=4, code=8))
        with torch.no_grad():
            net.decoders[1][-2].weight.mul_(1000)
        result = net(torch.randn(2, 3, size, size), person=1)
        assert result.shape == (2, 3, size, size)
        assert result.abs().max() <= 1

    def test_the_classic_sizes(self):
        with torch.device("meta"):
            net = DeepFakes()
        assert [layer.out_channels for layer in net.encoder if isinstance(layer, nn.Conv2d)] == [128, 256, 512, 1024]
        assert [layer.out_features for layer in net.encoder if isinstance(layer, nn.Linear)] == [1024, 4 * 4 * 1024]
        for decoder in net.decoders:
            assert [layer.convolution.out_channels // 4 for layer in decoder if isinstance(layer, Upscale)] == [
                256,
                128,
                64,
            ]

    def test_every_face_passes_through_the_code(self, net):
        sizes = []
        for layer in net.encoder:
            layer.register_forward_hook(lambda _layer, _inputs, output: sizes.append(output[0].numel()))
        net(torch.zeros(1, 3, 16, 16), 0)
        assert min(sizes) == SMALL.code

    def test_people_share_the_encoder_and_nothing_else(self, net):
        net(torch.randn(2, 3, 16, 16), person=1).sum().backward()
        assert all(parameter.grad is not None for parameter in net.encoder.parameters())
        assert all(parameter.grad is not None for parameter in net.decoders[1].parameters())
        assert all(parameter.grad is None for i in (0, 2) for parameter in net.decoders[i].parameters())

    def test_the_decoder_decides_whose_face_it_is(self, net):
        # Person 0 is always dark, person 1 always bright; after some steps a dark face decoded as person 1 is bright.
        optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
        noise = 0.1 * torch.randn(2, 4, 3, 16, 16)
        faces = [noise[0] - 0.5, noise[1] + 0.5]
        for _ in range(60):
            loss = sum((net(face, person) - face).abs().mean() for person, face in enumerate(faces))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            assert net(faces[0], 0).mean() < -0.3
            assert net(faces[0], 1).mean() > 0.3

    @pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 16, 16), (1, 3, 32, 32)])
    def test_wrong_shape(self, net, shape):
        with pytest.raises(ValueError, match=r"Expected faces \(B, 3, 16, 16\)"):
            net(torch.zeros(shape), 0)

    @pytest.mark.parametrize("person", [-1, 3])
    def test_person_without_decoder(self, net, person):
        with pytest.raises(IndexError, match="people 0 to 2"):
            net(torch.zeros(1, 3, 16, 16), person)

    @pytest.mark.parametrize("wrong", [{"image_size": 24}, {"width": 3}, {"code": 0}, {"people": 0}])
    def test_wrong_sizes(self, wrong):
        with pytest.raises(ValueError, match="DeepFakesConfig"):
            DeepFakesConfig(**wrong)


class TestRandomWarp:
    def test_no_strength_changes_nothing(self):
        faces = torch.rand(2, 3, 32, 32)
        torch.testing.assert_close(random_warp(faces, strength=0.0), faces, atol=1e-5, rtol=0)

    def test_moves_are_as_strong_as_said(self):
        # In a picture whose value is the column's number, the warp's result minus the picture is the move in pixels.
        columns = torch.arange(64.0).expand(400, 1, 64, 64)
        moves = random_warp(columns, torch.Generator().manual_seed(0)) - columns
        knot = moves[:, 0, 15:17, 31:33].mean(dim=(1, 2))  # a knot of the 5 x 5 grid, away from the border
        assert abs(knot.mean()) < 0.2
        assert 0.9 < knot.std() / (5 / 256 * 64) < 1.1

    def test_outside_repeats_the_border(self):
        faces = torch.ones(4, 3, 16, 16)
        torch.testing.assert_close(random_warp(faces, torch.Generator().manual_seed(0), strength=0.1), faces)

    def test_same_generator_same_warp(self):
        faces = torch.rand(1, 3, 16, 16)
        once, again = (random_warp(faces, torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(once, again)
        assert not torch.equal(once, random_warp(faces, torch.Generator().manual_seed(4)))

    def test_each_face_has_its_own_warp(self):
        face = torch.rand(1, 3, 16, 16).expand(2, -1, -1, -1)
        one, other = random_warp(face, torch.Generator().manual_seed(0))
        assert not torch.allclose(one, other)

    @pytest.mark.parametrize("shape", [(3, 16, 16), (1, 3, 16, 24), (1, 3, 20, 20)])
    def test_wrong_shape(self, shape):
        with pytest.raises(ValueError, match="multiple of 8"):
            random_warp(torch.zeros(shape))


class TestUpscale:
    def test_each_value_goes_where_the_docstring_says(self):
        block, x = Upscale(3, 2), torch.randn(2, 3, 4, 5)
        y = nn.functional.leaky_relu(block.convolution(x), 0.1)
        result = block(x)
        assert result.shape == (2, 2, 8, 10)
        for c, h, w, i, j in ((0, 0, 0, 0, 0), (1, 2, 3, 0, 1), (1, 3, 4, 1, 0), (0, 1, 2, 1, 1)):
            assert torch.equal(result[:, c, 2 * h + i, 2 * w + j], y[:, 4 * c + 2 * i + j, h, w])


class TestPlainGround:
    def test_face_stays_and_wall_goes(self):
        faces, masks = torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
        masks[..., :4] = 1
        ground = torch.tensor([0.1, 0.2, 0.3])
        result = on_plain_ground(faces, masks, ground)
        assert torch.equal(result[..., :4], faces[..., :4])
        assert torch.allclose(result[..., 4:], ground[:, None, None].expand(2, 3, 8, 4))

    def test_without_a_colour_it_is_the_mean_of_the_faces(self):
        faces, masks = torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8)
        masks[..., :4] = 1
        assert torch.allclose(on_plain_ground(faces, masks)[0, :, 0, 7], faces[..., :4].mean(dim=(0, 2, 3)))

    @pytest.mark.parametrize("shape", [(2, 8, 8), (1, 1, 8, 8), (2, 3, 8, 8)])
    def test_wrong_shape(self, shape):
        with pytest.raises(ValueError, match="masks \\(B, 1, S, S\\)"):
            on_plain_ground(torch.rand(2, 3, 8, 8), torch.ones(shape))


class TestTrainingStep:
    def test_one_step_goes_down_the_gradient_of_the_summed_loss(self, net):
        faces = [torch.rand(2, 3, 16, 16) for _ in range(3)]
        before = {name: value.detach().clone() for name, value in net.named_parameters()}
        loss = sum((net(x.flip(3), p) - x).abs().mean() for p, x in enumerate(faces))
        gradients = dict(zip(before, torch.autograd.grad(loss, list(net.parameters())), strict=True))
        told = training_step(net, torch.optim.SGD(net.parameters(), lr=0.5), faces, lambda x: x.flip(3))
        assert told == pytest.approx(loss.item(), rel=1e-5)
        for name, value in net.named_parameters():
            torch.testing.assert_close(value.detach(), before[name] - 0.5 * gradients[name], atol=1e-6, rtol=1e-4)


class TestSwap:
    def test_drawing_inside_photograph_outside(self, net):
        faces, photos, masks = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 16, 16)
        masks[..., 8:], masks[..., 7] = 1, 0.25
        result = swap(net, faces, 1, photos, masks)
        drawn = net(faces, 1).detach()
        assert torch.equal(result[..., :7], photos[..., :7]) and torch.equal(result[..., 8:], drawn[..., 8:])
        assert torch.allclose(result[..., 7], 0.25 * drawn[..., 7] + 0.75 * photos[..., 7])
        assert not result.requires_grad

    def test_nobody_without_a_decoder(self, net):
        with pytest.raises(IndexError, match="people 0 to 2"):
            swap(net, torch.rand(1, 3, 16, 16), 3, torch.rand(1, 3, 16, 16), torch.ones(1, 1, 16, 16))

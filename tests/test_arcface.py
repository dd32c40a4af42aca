"""The recogniser: unit vectors, the picture edge, the margin, and that it learns people."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig, IRBlock, MarginHead, all_cosines, margin_logits

SMALL = ArcFaceConfig(image_size=16, width=4, blocks=(1, 1), embedding_dim=8, stem_stride=2)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ArcFace(SMALL).eval()


@pytest.fixture
def photos():
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)


class TestArcFaceConfig:
    def test_a_list_of_blocks_is_the_same_configuration(self):
        assert ArcFaceConfig(blocks=[2, 2, 2, 2]) == ArcFaceConfig()

    @pytest.mark.parametrize(
        "wrong", [{"image_size": 60}, {"width": 0}, {"blocks": ()}, {"blocks": (2, 0)}, {"stem_stride": 0}]
    )
    def test_wrong_sizes(self, wrong):
        with pytest.raises(ValueError, match="ArcFaceConfig"):
            ArcFaceConfig(**wrong)


class TestIRBlock:
    @pytest.mark.parametrize(("before", "after", "stride"), [(4, 4, 1), (4, 8, 1), (4, 4, 2), (4, 8, 2)])
    def test_shapes_and_shortcut(self, before, after, stride):
        block = IRBlock(before, after, stride)
        assert block(torch.randn(2, before, 8, 8)).shape == (2, after, 8 // stride, 8 // stride)
        assert isinstance(block.shortcut, torch.nn.Identity) == (before == after and stride == 1)

    def test_improved_residual_order(self):
        kinds = [type(layer).__name__ for layer in IRBlock(4, 4, 1).body]
        assert kinds == ["BatchNorm2d", "Conv2d", "BatchNorm2d", "PReLU", "Conv2d", "BatchNorm2d"]


class TestForward:
    def test_unit_vectors(self, net):
        vectors = net(torch.rand(3, 3, 16, 16) * 2 - 1)
        assert vectors.shape == (3, 8)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))

    @pytest.mark.parametrize("stem_stride", [1, 2, 4])
    def test_sizes(self, stem_stride):
        config = ArcFaceConfig(image_size=32, width=4, blocks=(1, 2, 1), embedding_dim=6, stem_stride=stem_stride)
        assert ArcFace(config).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 6)

    def test_other_sizes_are_resized_with_antialiasing(self, net):
        images = torch.rand(2, 3, 64, 48) * 2 - 1
        small = F.interpolate(images, (16, 16), mode="bilinear", antialias=True)
        torch.testing.assert_close(net(images), net(small))
        assert not torch.allclose(net(images), net(F.interpolate(images, (16, 16), mode="bilinear")), atol=1e-3)

    def test_the_picture_gets_a_gradient(self, net):
        # The identity loss trains the generator through the frozen recogniser, also at another size.
        net.requires_grad_(False)
        images = torch.zeros(1, 3, 32, 32, requires_grad=True)
        net(images)[0, 0].backward()
        assert images.grad.abs().max() > 0

    def test_autocast_gives_float32(self, net):
        images = torch.rand(2, 3, 16, 16) * 2 - 1
        with torch.autocast("cpu", torch.bfloat16):
            vectors = net(images)
        assert vectors.dtype == torch.float32
        assert (vectors * net(images)).sum(dim=1).min() > 0.99

    def test_dropout_is_for_training_only(self):
        torch.manual_seed(0)
        net = ArcFace(ArcFaceConfig(image_size=16, width=4, blocks=(1, 1), embedding_dim=8, dropout=0.5))
        images = torch.rand(4, 3, 16, 16)
        assert not torch.equal(net(images), net(images))
        net.eval()
        assert torch.equal(net(images), net(images))

    @pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 16, 16), (1, 16, 16, 3)])
    def test_wrong_shape(self, net, shape):
        with pytest.raises(ValueError, match=r"\(B, 3, H, W\)"):
            net(torch.zeros(shape))


class TestEmbed:
    def test_is_forward_of_the_scaled_pictures(self, net, photos):
        expected = net(torch.from_numpy(photos).permute(0, 3, 1, 2) / 127.5 - 1)
        torch.testing.assert_close(net.embed(photos), expected)
        assert not net.embed(photos).requires_grad

    def test_arrays_tensors_batches_and_single_pictures_agree(self, net, photos):
        expected = net.embed(photos)
        assert torch.equal(net.embed(torch.from_numpy(photos)), expected)
        torch.testing.assert_close(net.embed(photos, batch=2), expected)
        torch.testing.assert_close(net.embed(photos[3]), expected[3:4])

    def test_a_network_in_training_is_evaluated_and_left_as_it_was(self, net, photos):
        expected = net.embed(photos)
        before = {key: value.clone() for key, value in net.state_dict().items()}
        net.train()
        assert torch.equal(net.embed(photos), expected)
        assert net.training
        assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())

    @pytest.mark.parametrize(
        "images",
        [
            np.zeros((2, 16, 16, 3), np.float32),
            np.zeros((2, 3, 16, 16), np.uint8),
            np.zeros((16, 16), np.uint8),
            np.zeros((0, 16, 16, 3), np.uint8),
        ],
    )
    def test_wrong_pictures(self, net, images):
        with pytest.raises(ValueError, match=r"uint8 RGB \(B, H, W, 3\) or \(H, W, 3\), got"):
            net.embed(images)

    def test_the_judge_of_a_size_is_the_one_that_was_trained_at_it(self):
        small, large = (ArcFace.judge(size).config for size in (64, 128))
        assert (small.whole_size, large.whole_size) == (64, 128)
        assert (ArcFace.judge(127).config, ArcFace.judge(224).config) == (small, large)

    def test_from_pretrained(self, net, photos, tmp_path):
        weights.save(net, tmp_path / "net", "a card")
        loaded = ArcFace.from_pretrained(tmp_path / "net")
        assert loaded.config == SMALL
        assert (loaded.embed(photos) * net.embed(photos)).sum(dim=1).min() > 0.999


class TestMarginHead:
    def head(self, degrees, margin, people=2):
        """A head whose people point to 0 and 90 degrees, and a vector at `degrees`."""
        head = MarginHead(2, people, scale=10.0, margin=margin)
        with torch.no_grad():
            head.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))  # lengths do not count
        angle = math.radians(degrees)
        return head, torch.tensor([[math.cos(angle), math.sin(angle)]])

    @pytest.mark.parametrize("degrees", [0, 20, 60, 100])
    def test_values_by_hand(self, degrees):
        head, vector = self.head(degrees, margin=0.3)
        logits = head(vector, torch.tensor([0]))
        right = 10 * math.cos(math.radians(degrees) + 0.3)
        other = 10 * math.cos(math.radians(90 - degrees))
        torch.testing.assert_close(logits, torch.tensor([[right, other]]), atol=5e-3, rtol=0)

    def test_no_margin_gives_plain_cosines(self):
        head, vector = self.head(30, margin=0.0)
        expected = 10 * torch.tensor([[math.cos(math.pi / 6), 0.5]])
        torch.testing.assert_close(head(vector, torch.tensor([1])), expected)

    def test_the_margin_can_be_ramped(self):
        head, vector = self.head(30, margin=0.0)
        logits = []
        for margin in (0.0, 0.1, 0.3):
            head.margin = margin
            logits.append(head(vector, torch.tensor([0]))[0, 0].item())
        assert logits == sorted(logits, reverse=True)
        assert logits[0] - logits[2] == pytest.approx(10 * (math.cos(math.pi / 6) - math.cos(math.pi / 6 + 0.3)))

    def test_a_larger_angle_is_never_better(self):
        # cos(theta + margin) alone would rise again near 180 degrees.
        logits = torch.cat([head(v, torch.tensor([0])) for head, v in (self.head(d, 0.5) for d in range(181))])[:, 0]
        assert (logits.diff() < 1e-4).all()
        assert logits.diff()[10:170].max() < -1e-3

    @pytest.mark.parametrize("degrees", [0, 180])
    def test_gradient_is_finite_at_the_ends(self, degrees):
        head, vector = self.head(degrees, margin=0.3)
        vector.requires_grad_()
        F.cross_entropy(head(vector, torch.tensor([0])), torch.tensor([0])).backward()
        assert torch.isfinite(vector.grad).all() and torch.isfinite(head.weight.grad).all()

    def test_float32_under_autocast(self):
        head, vector = self.head(10, margin=0.3)
        expected = head(vector, torch.tensor([0]))
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(head(vector, torch.tensor([0])), expected)

    def test_wrong_shapes(self):
        head = MarginHead(2, 3)
        for vectors, people in (((4, 3), (4,)), ((4, 2), (3,)), ((2,), (2,))):
            with pytest.raises(ValueError, match=r"vectors \(B, 2\) and people \(B,\)"):
                head(torch.zeros(vectors), torch.zeros(people, dtype=torch.long))

    def test_it_teaches_people_apart(self, net):
        # Four people, each a pattern of colours, seen through noise; unseen noise must not matter.
        rng = torch.Generator().manual_seed(0)
        patterns = torch.rand(4, 3, 16, 16, generator=rng) - 0.5

        def batch():
            people = torch.randint(4, (16,), generator=rng)
            return patterns[people] + 0.5 * torch.randn(16, 3, 16, 16, generator=rng), people

        head = MarginHead(8, 4, scale=16.0, margin=0.2)
        optimiser = torch.optim.Adam([*net.train().parameters(), *head.parameters()], lr=5e-3)
        for _ in range(40):
            images, people = batch()
            optimiser.zero_grad()
            F.cross_entropy(head(net(images), people), people).backward()
            optimiser.step()
        net.eval()
        images, people = batch()
        with torch.no_grad():
            vectors = net(images)
        cosines = vectors @ vectors.T
        same = people[:, None] == people
        others = cosines[~same].mean()
        assert cosines[same & ~torch.eye(16, dtype=torch.bool)].mean() > others + 0.5


class TestLogits:
    def test_cosines_by_hand(self):
        cosines = all_cosines(torch.tensor([[3.0, 4.0]]), torch.tensor([[4.0, 3.0], [2.0, 0.0], [-3.0, -4.0]]))
        torch.testing.assert_close(cosines, torch.tensor([[0.96, 0.6, -1.0]]))

    def test_the_head_is_these_two_functions(self):
        head, vectors, people = MarginHead(4, 5, 20.0, 0.4), torch.randn(3, 4), torch.tensor([4, 0, 0])
        assert torch.equal(head(vectors, people), margin_logits(all_cosines(vectors, head.weight), people, 20.0, 0.4))

    def test_only_the_right_person_gets_the_margin(self):
        cosines = torch.tensor([[0.5, 0.2, -0.1]])
        logits = margin_logits(cosines, torch.tensor([0]), 10.0, math.pi / 6)
        torch.testing.assert_close(logits, torch.tensor([[0.0, 2.0, -1.0]]), atol=1e-5, rtol=0)  # 60 + 30 degrees

    def test_wrong_shapes(self):
        with pytest.raises(ValueError, match=r"\(B, D\) and \(P, D\)"):
            all_cosines(torch.zeros(2, 3), torch.zeros(2, 4))
        with pytest.raises(ValueError, match=r"cosines \(B, P\) and people \(B,\)"):
            margin_logits(torch.zeros(2, 3), torch.zeros(3, dtype=torch.long))


class TestCrop:
    CROP = (0.125, 0.1875, 0.875, 0.9375)

    def test_only_the_crop_is_looked_at(self):
        torch.manual_seed(0)
        network = ArcFace(ArcFaceConfig(48, width=4, blocks=(1, 1), embedding_dim=8, crop=self.CROP)).eval()
        picture = torch.rand(1, 3, 64, 64)
        outside, inside = picture.clone(), picture.clone()
        outside[:, :, :12] = outside[:, :, 60:] = outside[..., :8] = outside[..., 56:] = 0
        inside[:, :, 12] = 0
        assert torch.equal(network(outside), network(picture))
        assert not torch.allclose(network(inside), network(picture))

    def test_it_is_cut_before_it_is_resized(self):
        torch.manual_seed(0)
        config = ArcFaceConfig(48, width=4, blocks=(1, 1), embedding_dim=8, crop=self.CROP)
        network, plain = ArcFace(config).eval(), ArcFace(replace(config, crop=(0, 0, 1, 1))).eval()
        plain.load_state_dict(network.state_dict())
        picture = torch.rand(1, 3, 128, 128)
        assert config.whole_size == 64
        torch.testing.assert_close(network(picture), plain(picture[:, :, 24:120, 16:112]))

    @pytest.mark.parametrize("crop", [(0.5, 0, 0.5, 1), (0, -0.1, 1, 1), (0, 0, 1, 1.1)])
    def test_an_impossible_crop_is_an_error(self, crop):
        with pytest.raises(ValueError, match="crop is left, top, right, bottom"):
            ArcFaceConfig(crop=crop)

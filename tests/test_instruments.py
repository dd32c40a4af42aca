"""The instruments: what a cell sees against gradients, a picture from features, and where losses pull."""

import pytest
import torch
from torch import nn

from simswap_lib import losses
from simswap_lib.instruments import convolutions, gradient_reach, invert, receptive_field
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def small_critic(**sizes) -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(DiscriminatorConfig(image_size=32, width=2, **sizes)).eval()


class TestReceptiveField:
    @pytest.mark.parametrize(
        ("layers", "expected"),
        [
            ([], (1, 1, 0)),
            ([(4, 2, 1)], (4, 2, -1)),
            ([(4, 2, 1)] * 2, (10, 4, -3)),
            ([(4, 2, 1)] * 3 + [(4, 1, 1)], (46, 8, -15)),
            ([(3, 1, 0), (1, 3, 0)], (3, 3, 0)),
        ],
    )
    def test_by_hand(self, layers, expected):
        assert receptive_field(layers) == expected

    def test_the_published_patch_is_70_pixels_wide(self):
        """pix2pix's PatchGAN, three layers of stride 2: the number that the paper of 2017 gives."""
        assert receptive_field([(4, 2, 1)] * 3 + [(4, 1, 1)] * 2)[0] == 70

    @pytest.mark.parametrize("i", range(5))
    def test_against_the_gradient_of_a_critic(self, i):
        critic = Discriminator(DiscriminatorConfig(image_size=64, width=2)).eval()
        patch = critic.discriminators[0]
        size, step, start = receptive_field(convolutions(patch.stages[: i + 1]))
        picture = torch.randn(1, 3, 192, 192, requires_grad=True)
        cell = patch(picture)[i].shape[-1] // 2
        out = patch(picture)[i][0, :, cell, cell].sum()
        seen = torch.autograd.grad(out, picture)[0].abs().sum(dim=(0, 1, 2)).nonzero().flatten().tolist()
        assert (seen[0], seen[-1]) == (start + cell * step, start + cell * step + size - 1)

    @pytest.mark.parametrize("layer", [(0, 1, 0), (3, 0, 0), (3, 1, -1)])
    def test_impossible_layers(self, layer):
        with pytest.raises(ValueError, match="No convolution has"):
            receptive_field([layer])

    def test_convolutions_in_their_order(self):
        net = nn.Sequential(nn.Conv2d(1, 1, 7, padding=3), nn.ReLU(), nn.Sequential(nn.Conv2d(1, 1, 3, stride=2)))
        assert convolutions(net) == [(7, 1, 3), (3, 2, 0)]


class TestInvert:
    def test_brings_back_what_the_features_hold_and_leaves_the_rest(self, rng):
        wanted, start = (torch.rand(2, 3, 8, 8, generator=rng) - 0.5 for _ in range(2))
        found = invert(lambda x: (x[:, :1] - wanted[:, :1]).abs().mean(), start, 200, 0.02)
        assert (found[:, :1] - wanted[:, :1]).abs().mean() < 0.02
        assert torch.equal(found[:, 1:], start[:, 1:])

    def test_gets_nearer_in_a_critics_map(self, rng):
        critic = small_critic()
        wanted, start = (torch.rand(1, 3, 32, 32, generator=rng) * 2 - 1 for _ in range(2))
        maps = critic(wanted)
        before = losses.map_distances(critic(start), maps)
        found = invert(lambda x: losses.map_distances(critic(x), maps)[0], start, 60, 0.05)
        assert losses.map_distances(critic(found), maps)[0] < 0.3 * before[0]
        assert found.abs().max() <= 1 and not found.requires_grad
        assert all(p.grad is None and p.requires_grad for p in critic.parameters())

    def test_leaves_its_start_alone(self):
        start = torch.zeros(1, 3, 4, 4)
        invert(lambda x: (x - 1).abs().mean(), start, 5, 0.1)
        assert (start == 0).all() and not start.requires_grad


class TestGradientReach:
    def outputs(self, rng, scales=2, maps=3):
        return [[torch.randn(2, 2, 4, 4, generator=rng) for _ in range(maps + 1)] for _ in range(scales)]

    def test_the_losses_pull_where_they_should(self, rng):
        result, target = self.outputs(rng), self.outputs(rng)
        reach = gradient_reach(losses.feature_matching_loss, result, target)
        assert reach.tolist() == [[True, True, True, False], [False] * 4]
        reach = gradient_reach(lambda r, t: losses.weak_feature_matching_loss(r, t, 3), result, target)
        assert reach.tolist() == [[False, False, True, False], [False] * 4]
        reach = gradient_reach(losses.hinge_d_loss, target, result)
        assert reach.tolist() == [[False, False, False, True]] * 2

    def test_zero_is_no_pull_and_a_constant_is_no_error(self, rng):
        result = self.outputs(rng)
        reach = gradient_reach(lambda r, t: 0 * r[0][0].sum() + r[1][2].sum(), result, result)
        assert reach.tolist() == [[False, False, True, False], [False] * 4]
        assert not gradient_reach(lambda r, t: torch.tensor(3.0), result, result).any()

    def test_the_maps_keep_their_history_and_get_no_gradient(self, rng):
        critic, picture = small_critic(), torch.randn(1, 3, 32, 32, generator=rng)
        maps = critic(picture)
        assert gradient_reach(losses.feature_matching_loss, maps, critic(-picture))[0, :-1].all()
        assert maps[0][0].requires_grad and not maps[0][0].is_leaf
        assert all(p.grad is None for p in critic.parameters())

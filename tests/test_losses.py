"""Each term of the objective: values by hand, properties, gradients, and shapes that must be refused."""

import math
from dataclasses import FrozenInstanceError

import pytest
import torch
from torch.autograd import gradcheck

from simswap_lib import losses
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(0)


def outputs(*scales):
    """A discriminator's outputs from numbers: each scale a list of (map, ..., logits), each a list of values."""
    return [[torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1) for values in scale] for scale in scales]


class Linear(torch.nn.Module):
    """D(x) = w x, one logit a sample, as a discriminator of one scale."""

    def __init__(self, w):
        super().__init__()
        self.w = torch.nn.Parameter(w)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        return [[(x * self.w).sum(dim=(1, 2, 3), keepdim=True)]]


class TestLossWeights:
    def test_the_papers_values(self):
        weights = losses.LossWeights()
        assert (weights.identity, weights.reconstruction, weights.gp, weights.wfm) == (10, 10, 1e-5, 10)

    def test_frozen(self):
        with pytest.raises(FrozenInstanceError):
            losses.LossWeights().gp = 1.0


class TestIdentityLoss:
    @pytest.mark.parametrize(
        ("v_result", "expected"),
        [([1.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([-1.0, 0.0], 2.0), ([0.5, math.sqrt(0.75)], 0.5)],
    )
    def test_values_by_hand(self, v_result, expected):
        loss = losses.identity_loss(torch.tensor([v_result]), torch.tensor([[1.0, 0.0]]))
        assert loss.shape == ()
        assert loss.item() == pytest.approx(expected, abs=1e-6)

    def test_mean_over_the_batch(self):
        v_source = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
        v_result = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 0.0]])
        assert losses.identity_loss(v_result, v_source).item() == pytest.approx(3 / 4)

    def test_only_the_direction_counts(self, rng):
        a, b = torch.randn(2, 3, 8, generator=rng)
        torch.testing.assert_close(losses.identity_loss(5 * a, 0.1 * b), losses.identity_loss(a, b))

    def test_gradient(self, rng):
        a, b = torch.randn(2, 3, 4, generator=rng, dtype=torch.float64)
        assert gradcheck(losses.identity_loss, (a.requires_grad_(), b))

    def test_a_step_down_the_gradient_turns_towards_the_source(self, rng):
        a, b = torch.randn(2, 3, 16, generator=rng)
        loss = losses.identity_loss(a.requires_grad_(), b)
        (gradient,) = torch.autograd.grad(loss, a)
        assert losses.identity_loss(a - gradient, b) < loss

    def test_float32_from_bfloat16(self, rng):
        v = torch.randn(2, 512, generator=rng)
        loss = losses.identity_loss(v.bfloat16(), v.bfloat16())
        assert loss.dtype == torch.float32
        assert loss.abs() < 1e-5

    @pytest.mark.parametrize(("a", "b"), [((2, 4), (2, 5)), ((2, 4), (1, 4)), ((4,), (4,)), ((2, 4, 1), (2, 4, 1))])
    def test_wrong_shapes(self, a, b):
        with pytest.raises(ValueError, match=r"Expected two \(B, D\)"):
            losses.identity_loss(torch.zeros(a), torch.zeros(b))


class TestReconstructionLoss:
    def test_values_by_hand(self):
        target = torch.zeros(4, 3, 2, 2)
        result = torch.tensor([0.1, 0.2, 0.4, 0.8])[:, None, None, None].expand(4, 3, 2, 2)
        same = torch.tensor([True, False, True, False])
        # The two pairs of different people count as zeros in a mean over all four.
        assert losses.reconstruction_loss(result, target, same).item() == pytest.approx((0.1 + 0.4) / 4)

    def test_absolute_not_squared(self):
        result, same = torch.full((1, 3, 2, 2), -2.0), torch.tensor([True])
        assert losses.reconstruction_loss(result, torch.zeros(1, 3, 2, 2), same).item() == pytest.approx(2)

    def test_zero_for_different_people_whatever_they_look_like(self, rng):
        result, target = torch.randn(2, 3, 3, 4, 4, generator=rng)
        assert losses.reconstruction_loss(result, target, torch.zeros(3, dtype=torch.bool)) == 0

    def test_gradient_stays_in_its_sample(self, rng):
        result, target = torch.randn(2, 3, 3, 4, 4, generator=rng)
        losses.reconstruction_loss(result.requires_grad_(), target, torch.tensor([False, True, False])).backward()
        assert result.grad[1].abs().min() > 0
        assert result.grad[0].abs().max() == result.grad[2].abs().max() == 0

    def test_a_broken_picture_of_another_person_does_not_spread(self):
        result = torch.zeros(2, 3, 2, 2)
        result[0] = math.inf
        assert losses.reconstruction_loss(result, torch.ones(2, 3, 2, 2), torch.tensor([False, True])) == 0.5

    def test_gradient(self, rng):
        result, target = torch.randn(2, 2, 3, 2, 2, generator=rng, dtype=torch.float64)
        same = torch.tensor([True, False])
        assert gradcheck(lambda r: losses.reconstruction_loss(r, target, same), (result.requires_grad_(),))

    @pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 3, 4, 4), (3, 4, 4)])
    def test_wrong_pictures(self, shape):
        with pytest.raises(ValueError, match=r"Expected two \(B, C, H, W\)"):
            losses.reconstruction_loss(torch.zeros(shape), torch.zeros(2, 3, 4, 4), torch.ones(2, dtype=torch.bool))

    @pytest.mark.parametrize("same", [torch.ones(2), torch.ones(3, dtype=torch.bool), torch.tensor(True)])
    def test_wrong_same(self, same):
        with pytest.raises(ValueError, match=r"`same` as bool \(2,\)"):
            losses.reconstruction_loss(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), same)


class TestHingeDLoss:
    def test_values_by_hand(self):
        real, fake = outputs([[0.5, 2.0]]), outputs([[-0.5, 1.0]])
        # real: (0.5 + 0) / 2, fake: (0.5 + 2) / 2
        assert losses.hinge_d_loss(real, fake).item() == pytest.approx(0.25 + 1.25)

    def test_mean_over_scales_however_many_patches_they_have(self):
        real, fake = outputs([[0.0, 0.0, 0.0, 0.0]], [[-2.0]]), outputs([[-1.0, -1.0, -1.0, -1.0]], [[-1.0]])
        assert losses.hinge_d_loss(real, fake).item() == pytest.approx((1 + 3) / 2)

    def test_only_logits_are_read(self):
        real, fake = outputs([[7.0], [9.0], [0.5]]), outputs([[5.0], [3.0], [-0.5]])
        assert losses.hinge_d_loss(real, fake).item() == pytest.approx(1.0)

    def test_zero_with_no_gradient_beyond_the_margin(self):
        real, fake = outputs([[1.5, 3.0]]), outputs([[-1.1, -9.0]])
        real[0][0].requires_grad_()
        loss = losses.hinge_d_loss(real, fake)
        loss.backward()
        assert loss == 0
        assert real[0][0].grad.abs().max() == 0

    def test_real_and_fake_pull_in_opposite_directions(self):
        real, fake = outputs([[0.0]]), outputs([[0.0]])
        for side in (real, fake):
            side[0][0].requires_grad_()
        losses.hinge_d_loss(real, fake).backward()
        assert real[0][0].grad.item() == -1
        assert fake[0][0].grad.item() == 1

    def test_gradient(self, rng):
        real, fake = torch.randn(2, 2, 1, 3, 3, generator=rng, dtype=torch.float64)
        assert gradcheck(lambda r, f: losses.hinge_d_loss([[r]], [[f]]), (real.requires_grad_(), fake.requires_grad_()))

    def test_wrong_shapes(self):
        with pytest.raises(ValueError, match="as many scales"):
            losses.hinge_d_loss(outputs([[1.0]], [[1.0]]), outputs([[1.0]]))
        for nonsense in (torch.zeros(2, 1), [torch.zeros(2, 1)], [], [[]]):
            with pytest.raises(ValueError, match="for each scale a list"):
                losses.hinge_d_loss(nonsense, nonsense)


class TestHingeGLoss:
    def test_values_by_hand(self):
        assert losses.hinge_g_loss(outputs([[1.0, 2.0]], [[-5.0]])).item() == pytest.approx((-1.5 + 5) / 2)

    def test_never_satisfied(self):
        # Unlike the discriminator's, it has no margin: it goes on pulling beyond 1.
        fake = outputs([[100.0]])
        fake[0][0].requires_grad_()
        losses.hinge_g_loss(fake).backward()
        assert fake[0][0].grad.item() == -1

    def test_only_logits_are_read(self):
        assert losses.hinge_g_loss(outputs([[7.0], [0.5]])).item() == pytest.approx(-0.5)

    def test_gradient(self, rng):
        fake = torch.randn(2, 1, 3, 3, generator=rng, dtype=torch.float64, requires_grad=True)
        assert gradcheck(lambda f: losses.hinge_g_loss([[f]]), (fake,))

    @pytest.mark.parametrize("nonsense", [torch.zeros(2, 1), [torch.zeros(2, 1)], [], [[]]])
    def test_wrong_shapes(self, nonsense):
        with pytest.raises(ValueError, match="for each scale a list"):
            losses.hinge_g_loss(nonsense)


class TestGradientPenalty:
    @pytest.mark.parametrize("length", [0.0, 0.5, 1.0, 3.0])
    def test_a_linear_critic_by_hand(self, rng, length):
        w = torch.randn(3, 4, 4, generator=rng)
        real, fake = torch.randn(2, 5, 3, 4, 4, generator=rng)
        penalty = losses.gradient_penalty(Linear(w * length / w.norm()), real, fake)
        assert penalty.item() == pytest.approx((length - 1) ** 2, abs=1e-5)

    def test_patches_and_scales_are_averaged(self, rng):
        w = torch.randn(3, 4, 4, generator=rng)
        w = w / w.norm()

        def critic(x):
            score = (x * w).sum(dim=(1, 2, 3), keepdim=True)
            return [[torch.cat([2 * score, 4 * score], dim=3)], [5 * score]]  # means 3 and 5, so the gradient is 4 w

        real, fake = torch.randn(2, 2, 3, 4, 4, generator=rng)
        assert losses.gradient_penalty(critic, real, fake).item() == pytest.approx(9, rel=1e-4)

    def test_each_sample_counts_by_itself(self):
        # D(x) = |x|^2 / 2 has the gradient x: with real = fake the penalty is known for each sample.
        x = torch.zeros(2, 3, 2, 2)
        x[0, 0, 0, 0], x[1, 1, 1, 1] = 3.0, -1.0
        penalty = losses.gradient_penalty(lambda x: [[(x.square() / 2).sum(dim=(1, 2, 3), keepdim=True)]], x, x)
        assert penalty.item() == pytest.approx(((3 - 1) ** 2 + 0) / 2)

    def test_points_lie_on_the_line_each_at_its_own_place(self, rng):
        critic = Linear(torch.ones(3, 4, 4))
        losses.gradient_penalty(critic, torch.ones(64, 3, 4, 4), torch.zeros(64, 3, 4, 4))
        a = critic.seen[0].flatten(1)
        assert torch.equal(a, a[:, :1].expand_as(a))  # one a for all pixels of a sample
        assert 0 <= a.min() < 0.1 < 0.9 < a.max() <= 1  # spread over the whole line
        assert len(a[:, 0].unique()) == 64

    def test_same_places_same_penalty(self, rng):
        torch.manual_seed(0)
        discriminator = Discriminator(DiscriminatorConfig(image_size=16, width=4, scales=1)).eval()
        real, fake = torch.randn(2, 2, 3, 16, 16, generator=rng)
        values = [
            losses.gradient_penalty(discriminator, real, fake, torch.tensor(places))
            for places in ([0.1, 0.9], [0.1, 0.9], [0.1, 0.2])
        ]
        assert values[0] == values[1] != values[2]

    def test_its_gradient_by_hand(self, rng):
        w = torch.randn(3, 4, 4, generator=rng)
        critic = Linear(w)
        losses.gradient_penalty(critic, *torch.randn(2, 2, 3, 4, 4, generator=rng)).backward()
        torch.testing.assert_close(critic.w.grad, 2 * (w.norm() - 1) * w / w.norm())

    def test_trains_the_discriminator_and_not_the_pictures(self, rng):
        torch.manual_seed(0)
        discriminator = Discriminator(DiscriminatorConfig(image_size=16, width=4, scales=1))
        real, fake = torch.randn(2, 4, 3, 16, 16, generator=rng)
        fake.requires_grad_()
        losses.gradient_penalty(discriminator, real, fake).backward()
        assert fake.grad is None
        assert discriminator.discriminators[0].stages[0][0].weight.grad.abs().max() > 0

    def test_zero_gradient_stays_finite(self):
        critic = Linear(torch.zeros(3, 2, 2))
        losses.gradient_penalty(critic, torch.ones(1, 3, 2, 2), torch.zeros(1, 3, 2, 2)).backward()
        assert torch.isfinite(critic.w.grad).all()

    def test_wrong_shapes(self):
        for real, fake in (((2, 3, 4, 4), (3, 3, 4, 4)), ((2, 3, 4, 4), (2, 3, 4, 5)), ((3, 4, 4), (3, 4, 4))):
            with pytest.raises(ValueError, match=r"Expected two \(B, C, H, W\)"):
                losses.gradient_penalty(Linear(torch.ones(1)), torch.zeros(real), torch.zeros(fake))


class TestMapDistances:
    RESULT = outputs([[1.0, 2.0], [4.0], [9.0]], [[0.0, 0.0, 3.0, 3.0], [5.0], [9.0]])
    TARGET = outputs([[0.0, 0.0], [2.0], [0.0]], [[0.0, 0.0, 0.0, 0.0], [6.0], [0.0]])

    def test_values_by_hand(self):
        # means 1.5 and 1.5 of the first maps, 2 and 1 of the second ones; the last of each scale are logits
        assert losses.map_distances(self.RESULT, self.TARGET).tolist() == pytest.approx([3, 3])
        assert losses.map_distances(self.TARGET, self.RESULT).tolist() == pytest.approx([3, 3])

    def test_they_add_up_to_the_losses(self):
        distances = losses.map_distances(self.RESULT, self.TARGET)
        assert losses.feature_matching_loss(self.RESULT, self.TARGET) == distances.sum()
        assert losses.weak_feature_matching_loss(self.RESULT, self.TARGET, 2) == distances[1]

    def test_the_targets_side_is_a_constant(self):
        result, target = (torch.full((1,), value, requires_grad=True) for value in (1.0, 0.0))
        losses.map_distances([[result, result]], [[target, target]]).sum().backward()
        assert result.grad.item() == 1 and target.grad is None

    def test_float32_from_bfloat16(self):
        ones = [[torch.ones(1, 1, 64, 64, dtype=torch.bfloat16)] * 2]
        distances = losses.map_distances(ones, [[0.99 * each for each in ones[0]]])
        assert distances.dtype == torch.float32

    def test_wrong_shapes(self):
        with pytest.raises(ValueError, match="alike in every scale"):
            losses.map_distances([*self.RESULT, self.RESULT[0][1:]], [*self.TARGET, self.TARGET[0][1:]])
        with pytest.raises(ValueError, match="a map and the logits"):
            losses.map_distances(outputs([[1.0]]), outputs([[1.0]]))
        with pytest.raises(ValueError, match="differ in shape"):
            losses.map_distances(self.RESULT, outputs([[0.0], [2.0], [0.0]], [[0.0], [6.0], [0.0]]))


class TestFeatureMatchingLoss:
    def test_values_by_hand(self):
        result = outputs([[1.0, 2.0], [4.0], [9.0]], [[0.0, 0.0, 3.0, 3.0], [5.0], [9.0]])
        target = outputs([[0.0, 0.0], [2.0], [0.0]], [[0.0, 0.0, 0.0, 0.0], [6.0], [0.0]])
        # means 1.5 and 2, then 1.5 and 1; the last of each scale are logits
        assert losses.feature_matching_loss(result, target).item() == pytest.approx(1.5 + 2 + 1.5 + 1)

    def test_equal_pictures_cost_nothing(self, rng):
        torch.manual_seed(0)
        discriminator = Discriminator(DiscriminatorConfig(image_size=32, width=4)).eval()
        image = torch.randn(2, 3, 32, 32, generator=rng)
        assert losses.feature_matching_loss(discriminator(image), discriminator(image)) == 0
        assert losses.feature_matching_loss(discriminator(image), discriminator(-image)) > 0

    def test_the_size_of_a_map_does_not_count(self):
        small, large = outputs([[1.0], [0.0]]), outputs([[1.0] * 100, [0.0]])
        zeros = outputs([[0.0], [0.0]]), outputs([[0.0] * 100, [0.0]])
        assert losses.feature_matching_loss(small, zeros[0]) == losses.feature_matching_loss(large, zeros[1]) == 1

    def test_gradient(self, rng):
        a, b = torch.randn(2, 2, 3, 2, 2, generator=rng, dtype=torch.float64)
        assert gradcheck(lambda r: losses.feature_matching_loss([[r, r]], [[b, b]]), (a.requires_grad_(),))

    def test_wrong_shapes(self):
        good = outputs([[1.0, 2.0], [0.0]])
        with pytest.raises(ValueError, match="same scales and maps"):
            losses.feature_matching_loss(good, good + good)
        with pytest.raises(ValueError, match="same scales and maps"):
            losses.feature_matching_loss(good, outputs([[1.0, 2.0], [1.0], [0.0]]))
        with pytest.raises(ValueError, match="differ in shape"):
            losses.feature_matching_loss(good, outputs([[1.0], [0.0]]))


class TestWeakFeatureMatchingLoss:
    RESULT = outputs([[1.0], [10.0], [100.0], [5.0]], [[2.0], [20.0], [200.0], [5.0]])
    TARGET = outputs([[0.0], [0.0], [0.0], [0.0]], [[0.0], [0.0], [0.0], [0.0]])

    @pytest.mark.parametrize(("m", "expected"), [(1, 333), (2, 330), (3, 300)])
    def test_values_by_hand(self, m, expected):
        assert losses.weak_feature_matching_loss(self.RESULT, self.TARGET, m).item() == pytest.approx(expected)

    def test_m_1_is_all_of_them(self):
        weak = losses.weak_feature_matching_loss(self.RESULT, self.TARGET, 1)
        assert weak == losses.feature_matching_loss(self.RESULT, self.TARGET)

    @pytest.mark.parametrize("m", [-1, 0, 4])
    def test_m_out_of_range(self, m):
        with pytest.raises(ValueError, match=f"from 1 to M = 3, got {m}"):
            losses.weak_feature_matching_loss(self.RESULT, self.TARGET, m)

    def test_early_maps_get_no_gradient_and_late_ones_do(self):
        maps = [torch.ones(1, requires_grad=True) for _ in range(4)]
        losses.weak_feature_matching_loss([maps], [[torch.zeros(1)] * 4], 2).backward()
        assert [each.grad is not None for each in maps] == [False, True, True, False]

    def test_the_targets_side_is_a_constant(self):
        result, target = (torch.full((1,), value, requires_grad=True) for value in (1.0, 0.0))
        losses.weak_feature_matching_loss([[result, result]], [[target, target]], 1).backward()
        assert result.grad.item() == 1
        assert target.grad is None

    def test_symmetric_in_value(self, rng):
        a, b = ([[maps] * 3 for maps in torch.randn(2, 2, 3, 4, 4, generator=rng)] for _ in range(2))
        torch.testing.assert_close(
            losses.weak_feature_matching_loss(a, b, 2), losses.weak_feature_matching_loss(b, a, 2)
        )

    def test_gradient(self, rng):
        a, b = torch.randn(2, 2, 3, 2, 2, generator=rng, dtype=torch.float64)
        assert gradcheck(
            lambda r: losses.weak_feature_matching_loss([[r, 2 * r, r]], [[b, b, b]], 2), (a.requires_grad_(),)
        )

    def test_wrong_shapes(self):
        with pytest.raises(ValueError, match="same scales and maps"):
            losses.weak_feature_matching_loss(self.RESULT, self.TARGET[:1], 1)
        for nonsense in (torch.zeros(2, 1), [torch.zeros(2, 1)], []):
            with pytest.raises(ValueError, match="for each scale a list"):
                losses.weak_feature_matching_loss(nonsense, nonsense, 1)

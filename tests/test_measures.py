"""Every measure by hand, at its limits, and against what is known of it beforehand."""

import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib.measures import (
    attribute_errors,
    colour_ways,
    error_inside,
    gallery_curve,
    interval,
    interval_of_groups,
    kid,
    mean_inside,
    nearer_people,
    others_as_near,
    pasted,
    retrieval,
    ssim_map,
    verification,
)
from simswap_lib.models.attributes import Estimate


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=1)


class TestVerification:
    different = np.array([0.1, 0.6, 0.3, -0.2, 0.0])

    @pytest.mark.parametrize(("share", "threshold", "found"), [(0, 0.6, 0.25), (0.2, 0.3, 0.5), (0.39, 0.3, 0.5)])
    def test_by_hand(self, share, threshold, found):
        assert verification(np.array([0.9, 0.5, 0.3, 0.2]), self.different, share) == (threshold, found)

    def test_it_never_accepts_more_strangers_than_allowed(self):
        rng = np.random.default_rng(0)
        different = rng.normal(size=997).round(2) / 5  # many are equal
        for share in (0.0, 0.001, 0.01, 0.29, 0.5):
            threshold, _ = verification(different, different, share)
            assert (different > threshold).mean() <= share < (different >= threshold).mean()

    @pytest.mark.parametrize(
        ("same", "different", "share"),
        [([], [0.1], 0.1), ([0.1], [], 0.1), ([[0.1]], [0.1], 0.1), ([0.1], [0.1], 1.0), ([0.1], [0.1], -0.1)],
    )
    def test_impossible_questions(self, same, different, share):
        with pytest.raises(ValueError, match="Expected cosines"):
            verification(np.array(same), np.array(different), share)


class TestRetrieval:
    gallery = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]), dim=1)

    def test_by_hand(self):
        queries = F.normalize(torch.tensor([[2.0, 1.0], [1.0, 2.0], [-3.0, 1.0], [1.0, 0.1]]), dim=1)
        assert retrieval(queries, self.gallery, torch.tensor([0, 1, 2, 1])) == 0.75
        assert retrieval(queries, self.gallery, torch.tensor([1, 0, 0, 2])) == 0.0
        assert nearer_people(queries, self.gallery, torch.tensor([0, 1, 2, 2])).tolist() == [0, 0, 0, 2]

    def test_the_gallery_finds_itself(self):
        assert retrieval(self.gallery, self.gallery, torch.arange(3)) == 1.0

    def test_guessing_earns_one_in_g(self):
        labels = torch.randint(0, 10, (4000,), generator=torch.Generator().manual_seed(2))
        assert retrieval(unit(4000, 32), unit(10, 32, seed=1), labels) == pytest.approx(0.1, abs=0.02)

    def test_vectors_that_are_all_alike_find_nobody(self):
        alike = torch.ones(4, 1)
        assert retrieval(alike, alike, torch.arange(4)) == 0.0

    def test_a_person_is_as_near_as_their_nearest_picture(self):
        owners = torch.tensor([0, 1, 0])  # the third picture shows the first person, too
        query = F.normalize(torch.tensor([[-1.0, 0.5]]), dim=1)
        assert nearer_people(query, self.gallery, torch.tensor([0]), owners).tolist() == [0]
        assert nearer_people(query, self.gallery, torch.tensor([1]), owners).tolist() == [1]

    @pytest.mark.parametrize(
        "queries, labels, owners",
        [(torch.zeros(2, 3), torch.zeros(2).long(), None), (torch.zeros(2, 2), torch.zeros(3).long(), None),
         (torch.zeros(2, 2), torch.tensor([0, 3]), None), (torch.zeros(0, 2), torch.zeros(0).long(), None),
         (torch.zeros(2, 2), torch.zeros(2).long(), torch.tensor([0, 1])),
         (torch.zeros(2, 2), torch.zeros(2).long(), torch.tensor([0, 2, 2]))],
        ids=["another length", "too many labels", "beyond the gallery", "no query", "few owners", "a number left out"],
    )  # fmt: skip
    def test_misfits_are_errors(self, queries, labels, owners):
        with pytest.raises(ValueError, match="Expected"):
            retrieval(queries, self.gallery, labels, owners)


class TestGalleryCurve:
    def test_by_hand(self):
        # One other is nearer. Of 3 others 1 is drawn: 2 of 3 draws miss it; of 2 drawn, 1 of 3.
        assert gallery_curve(np.array([1]), 4, [1, 2, 3, 4]) == pytest.approx({1: 1.0, 2: 2 / 3, 3: 1 / 3, 4: 0.0})

    def test_is_the_mean_over_galleries_drawn_by_chance(self):
        queries, gallery = unit(12, 4), unit(12, 4, seed=1)
        labels = torch.arange(12)
        exact = gallery_curve(nearer_people(queries, gallery, labels), 12, [5])[5]
        rng, drawn = np.random.default_rng(0), []
        for _ in range(300):
            for query, label in zip(queries, labels.tolist(), strict=True):
                others = rng.choice([i for i in range(12) if i != label], 4, replace=False)
                drawn.append(retrieval(query[None], gallery[[label, *others]], torch.tensor([0])))
        assert exact == pytest.approx(np.mean(drawn), abs=0.03)

    def test_falls_from_one_to_the_whole_gallery(self):
        nearer = nearer_people(unit(200, 8), unit(100, 8, seed=1), torch.arange(200) % 100)
        curve = list(gallery_curve(nearer, 100, [1, 2, 10, 20, 50, 100]).values())
        assert curve[0] == 1.0 and curve[-1] == (nearer == 0).mean()
        assert all(a > b for a, b in pairwise(curve))

    @pytest.mark.parametrize("size", [0, 5])
    def test_impossible_sizes_are_errors(self, size):
        with pytest.raises(ValueError, match="1 to 4"):
            gallery_curve(np.array([0]), 4, [size])


class TestInterval:
    def test_covers_the_truth_nineteen_times_of_twenty(self):
        rng = np.random.default_rng(3)
        for draw, mean in ((lambda: rng.random(80) < 0.7, 0.7), (lambda: rng.exponential(2.0, 80), 2.0)):
            bounds = [interval(draw()) for _ in range(150)]
            assert 0.87 <= np.mean([low <= mean <= high for low, high in bounds]) <= 0.99

    def test_is_that_of_the_normal_distribution_for_many(self):
        low, high = interval(np.arange(1000) < 500)
        assert low == pytest.approx(0.5 - 1.96 * 0.5 / 1000**0.5, abs=0.004)
        assert high == pytest.approx(0.5 + 1.96 * 0.5 / 1000**0.5, abs=0.004)

    def test_none_and_all_are_not_certainty(self):
        low, high = interval(np.zeros(100, bool))
        assert low == 0.0 and (1 - high) ** 100 == pytest.approx(0.05)
        assert interval(np.ones(100, bool)) == (pytest.approx(1 - high), 1.0)

    def test_the_same_every_time(self):
        values = np.random.default_rng(0).random(50)
        assert interval(values) == interval(values) != interval(values, seed=1)

    @pytest.mark.parametrize("values", [np.zeros(0), np.zeros((2, 2))])
    def test_nothing_to_draw_from(self, values):
        with pytest.raises(ValueError, match="Expected values"):
            interval(values)


class TestIntervalOfGroups:
    def test_covers_the_truth_where_drawing_case_by_case_does_not(self):
        rng, ten = np.random.default_rng(4), np.arange(600) // 10
        held = {"groups": 0, "cases": 0}
        for _ in range(100):  # sixty clips of ten frames, which nearly always are found or lost together
            values = np.where(rng.random(600) < 0.9, (rng.random(60) < 0.7)[ten], rng.random(600) < 0.7)
            for name, (low, high) in (("groups", interval_of_groups(values, ten)), ("cases", interval(values))):
                held[name] += low <= 0.7 <= high
        assert held["groups"] >= 87 and held["cases"] <= 70

    def test_groups_of_one_are_cases(self):
        values = np.random.default_rng(0).random(50)
        assert interval_of_groups(values, np.arange(50)) == pytest.approx(interval(values))

    def test_copies_of_a_case_count_once(self):
        values = np.random.default_rng(0).random(50) < 0.8
        assert interval_of_groups(values.repeat(10), np.arange(50).repeat(10)) == pytest.approx(interval(values))

    def test_the_order_and_the_names_of_the_groups_do_not_matter(self):
        values, groups = np.random.default_rng(0).random(30), np.arange(30) % 7
        order = np.random.default_rng(1).permutation(30)
        names = np.array(list("abcdefg"))[groups]
        assert interval_of_groups(values[order], names[order]) == pytest.approx(interval_of_groups(values, groups))

    def test_large_groups_count_with_all_their_values(self):
        low, high = interval_of_groups(np.array([1.0] * 9 + [0.0]), np.array([0] * 9 + [1]))
        assert (low, high) == (0, 1)  # both drawings of one group alone happen
        values = np.array([1.0] * 9 + [0.0] + [0.5] * 10)  # means of 9, 1 and 10 values: 1, 0, 0.5
        low, high = interval_of_groups(values.repeat(9), np.repeat(np.arange(27), [9, 1, 10] * 9))
        assert low < 0.7 < high and low > 0.5 and high < 0.95  # and not around 0.5, the mean of the groups' means

    def test_none_and_all_are_as_sure_as_there_are_groups(self):
        assert interval_of_groups(np.ones(100, bool), np.arange(100) // 5) == interval(np.ones(20, bool))

    @pytest.mark.parametrize("groups", [np.zeros(3), np.zeros((4, 1)), 0])
    def test_as_many_groups_as_values(self, groups):
        with pytest.raises(ValueError, match="Expected values and groups"):
            interval_of_groups(np.zeros(4), groups)


class TestErrorInside:
    def test_by_hand(self):
        truth = np.zeros((1, 2, 2, 3), np.uint8)
        result = truth.copy()
        result[0, 0, 0], result[0, 1, 1] = (30, 0, 0), (255, 255, 255)
        mask = np.zeros((1, 2, 2), np.float32)
        mask[0, 0, 0], mask[0, 0, 1] = 1.0, 0.5
        assert error_inside(result, truth, mask) == pytest.approx([30 / (3 * 1.5)])
        assert error_inside(truth, result, mask) == pytest.approx([30 / (3 * 1.5)])  # no wrap-around of uint8

    def test_an_empty_mask_has_no_error(self):
        picture = np.zeros((1, 2, 2, 3), np.uint8)
        assert math.isnan(error_inside(picture, picture, np.zeros((1, 2, 2)))[0])

    def test_misfits_are_errors(self):
        picture = np.zeros((1, 2, 2, 3), np.uint8)
        with pytest.raises(ValueError, match="a mask each"):
            error_inside(picture, picture, np.zeros((1, 2, 3)))


class TestColourWays:
    target = np.full((1, 2, 2, 3), 100, np.uint8)
    truth = target + np.array([20, 40, 40], np.uint8)  # a way of 60 grey levels
    mask = np.array([[[1, 0.5], [0, 0]]], np.float32)

    def share(self, result, mask=mask):
        gone, wanted = colour_ways(result, self.target, self.truth, mask)
        assert not mask.any() or wanted == pytest.approx(3600)
        return gone / wanted

    def test_from_the_target_to_the_true_answer(self):
        assert self.share(self.target) == 0 and self.share(self.truth) == pytest.approx(1)
        assert self.share(self.target + np.array([10, 20, 20], np.uint8)) == pytest.approx(0.5)
        assert self.share(self.target - np.array([20, 40, 40], np.uint8)) == pytest.approx(-1)  # no wrap-around
        assert self.share(self.target + np.array([40, 0, 0], np.uint8)) == pytest.approx(800 / 3600)

    def test_only_the_mask_counts_and_only_the_mean(self):
        result = self.truth.copy()
        result[0, 1] = 0
        result[0, 0, 0] += 10
        result[0, 0, 1] -= 20
        assert self.share(result) == pytest.approx(1)
        assert np.isnan(self.share(result, np.zeros_like(self.mask)))

    def test_misfits_are_errors(self):
        with pytest.raises(ValueError, match="a mask each"):
            colour_ways(self.truth, self.target[:, :1], self.truth, self.mask)


class TestSSIM:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (3, 32, 40, 3), dtype=np.uint8)

    def test_one_where_pictures_agree(self):
        same = ssim_map(self.picture, self.picture)
        assert same.shape == (3, 32, 40) and same == pytest.approx(1.0)

    def test_only_where_they_differ_it_falls(self):
        changed = self.picture.copy()
        changed[:, :, 20:] = 255 - changed[:, :, 20:]
        values = ssim_map(changed, self.picture)
        assert values[:, :, :14] == pytest.approx(1.0) and values[:, :, 26:].max() < 0  # the window is 11 pixels wide
        left = np.zeros((3, 32, 40))
        left[:, :, :14] = 1
        assert mean_inside(values, left) == pytest.approx(1.0) and (mean_inside(values, 1 - left) < 0.3).all()

    def test_flat_pictures_by_hand(self):
        dark, light = (np.full((1, 16, 16, 3), level, np.uint8) for level in (100, 120))
        c1 = (0.01 * 255) ** 2  # no variance: only the means count
        assert ssim_map(dark, light) == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1))


def test_pasted_is_the_source_inside_and_the_target_outside():
    source, target = np.full((1, 2, 2, 3), 200, np.uint8), np.full((1, 2, 2, 3), 100, np.uint8)
    result = pasted(source, target, np.float32([[[1, 0], [0.5, 0.25]]]))
    assert result.dtype == np.uint8 and result[0, :, :, 0].tolist() == [[200, 100], [150, 125]]


def test_attribute_errors_by_hand():
    read = Estimate(np.array([[3.0, 4.0, 0.0]]), np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([[5.0, 12.0]]))
    known = Estimate(np.zeros((1, 3)), np.zeros((1, 4)), np.zeros((1, 2)))
    errors = attribute_errors(read, known)
    assert {name: e.tolist() for name, e in errors.items()} == {"pose": [5.0], "expression": [0.5], "gaze": [13.0]}


class TestKID:
    def test_near_zero_for_two_halves_of_one_set_and_large_otherwise(self):
        features = torch.randn(400, 16, generator=torch.Generator().manual_seed(0))
        halves = kid(features[:200], features[200:])
        assert abs(halves["mean"]) < 2 * halves["spread"]
        assert halves["pictures"] == [200, 200] and halves["subset"] == 100
        moved = kid(features[:200] + 1, features[200:])
        assert moved["mean"] > 10 * halves["spread"]

    def test_is_the_unbiased_mmd(self):
        x, y = (torch.randn(4, 3, generator=torch.Generator().manual_seed(i)).double() for i in (0, 1))
        pairs = [(i, j) for i in range(4) for j in range(4) if i != j]

        def k(a, b):
            return (float(a @ b) / 3 + 1) ** 3

        # Subsets of 2 of 4: each pair as often as any other, so their mean comes to that of all pairs.
        expected = np.mean([k(x[i], x[j]) + k(y[i], y[j]) for i, j in pairs])
        expected -= 2 * np.mean([k(a, b) for a in x for b in y])
        means = [kid(x, y, seed=seed)["mean"] for seed in range(60)]
        assert np.mean(means) == pytest.approx(expected, abs=4 * np.std(means) / 60**0.5)

    def test_the_same_every_time_and_leaves_the_dice_alone(self):
        features = torch.randn(40, 4)
        before = torch.random.get_rng_state()
        assert kid(features[:20], features[20:]) == kid(features[:20], features[20:])
        assert torch.equal(before, torch.random.get_rng_state())

    def test_too_few_pictures_have_none(self):
        assert kid(torch.zeros(3, 4), torch.zeros(9, 4)) is None


def test_torchmetrics_is_loaded_only_where_it_measures():
    """Colab may lack it; a lesson that takes `retrieval` alone has to run there."""
    code = "import sys, simswap_lib.evaluation; print('torchmetrics' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    code = "import sys; sys.modules['torchmetrics.image.kid'] = None\n"
    code += "import torch\nfrom simswap_lib.measures import kid\ntry: kid(*[torch.zeros(9, 4)] * 2)\n"
    code += "except ValueError as error: print(error)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install torchmetrics" in said.stdout, said.stderr


class TestOthersAsNear:
    def test_counts_by_hand(self):
        cosines = np.array([[0.1, 0.7, -0.2], [0.3, 0.2, 0.6], [0.5, 0.5, 0.5]])
        assert others_as_near(cosines, np.array([1, 1, 0])).tolist() == [0, 2, 2]

    def test_agrees_with_vectors_and_owners(self):
        torch.manual_seed(0)
        queries, gallery = (torch.nn.functional.normalize(torch.randn(n, 4), dim=1) for n in (7, 5))
        labels = torch.tensor([0, 1, 2, 3, 4, 0, 2])
        found = others_as_near((queries @ gallery.T).numpy(), labels.numpy())
        assert np.array_equal(found, nearer_people(queries, gallery, labels))

    @pytest.mark.parametrize("shape", [(3,), (2, 3)])
    def test_shapes_that_do_not_fit_are_errors(self, shape):
        with pytest.raises(ValueError, match="Expected cosines"):
            others_as_near(np.zeros(shape), np.zeros(3, int))

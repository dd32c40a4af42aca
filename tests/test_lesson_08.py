"""Lesson 08 from a reader's seat: right answers pass in any words, wrong ones are named, and what it claims holds."""

import json
import math
import random

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib import evaluation
from simswap_lib.course import exercises, grade
from simswap_lib.course.lesson_08.contest import BUDGET, contest
from simswap_lib.course.lesson_08.mutants import mystery
from simswap_lib.files import DATA
from simswap_lib.measures import error_inside as library_error
from simswap_lib.measures import interval as library_interval
from simswap_lib.models.arcface import ArcFace
from simswap_lib.swapper import FaceSwapper

LESSON = [e for e in exercises().values() if e.lesson == "08"]


# What a reader might write, in other words than the library. ---------------------------------------------------------


def others_as_near(cosines, labels):
    counts = []
    for row, label in zip(cosines, labels, strict=True):
        counts.append(sum(c >= row[label] for j, c in enumerate(row) if j != label))
    return np.array(counts)


def gallery_curve(nearer, people, sizes):
    curve = {}
    for g in sizes:
        share = np.ones(len(nearer))
        for k in range(g - 1):  # the others one by one, each not among the nearer ones
            share = share * np.maximum(people - 1 - nearer - k, 0) / (people - 1 - k)
        curve[g] = share.mean()
    return curve


def error_inside(result, truth, mask):
    difference = np.abs(np.float32(result) - np.float32(truth))
    return np.array([np.average(d.mean(2), weights=m) for d, m in zip(difference, mask, strict=True)])


def interval(values, seed=0):
    n = len(values)
    if values.dtype == bool and values.sum() in (0, n):
        far = 3 / n
        return (1 - far, 1.0) if values[0] else (0.0, far)
    rng = np.random.default_rng(seed)
    means = [rng.choice(values, n, replace=True).mean() for _ in range(2000)]
    return np.percentile(means, 2.5), np.percentile(means, 97.5)


def flattered(images, v_source, recogniser, budget, steps):
    limit = budget / 127.5
    low, high = (images - limit).clamp(min=-1), (images + limit).clamp(max=1)
    x = images.clone()
    for _ in range(steps):
        x = torch.nn.Parameter(x)
        loss = 1 - F.cosine_similarity(recogniser(x), v_source).mean()
        loss.backward()
        x = (x - 2.5 * limit / steps * x.grad.sign()).detach()
        x = torch.minimum(torch.maximum(x, low), high)
    return x


MINE = {e.name: globals()[e.name] for e in LESSON}


@pytest.mark.parametrize("exercise", LESSON, ids=lambda e: e.id)
def test_a_right_answer_in_other_words_passes(exercise):
    verdict = grade(exercise, MINE[exercise.name])
    assert verdict.passed, verdict.message


# More wrong answers, for their messages. ------------------------------------------------------------------------------


def hit_mean(cosines, labels):
    return float((cosines.argmax(1) == labels).mean())


def whole_columns(cosines, labels):
    return (cosines[:, labels] >= 0.5).astype(int)


def masks_the_own(cosines, labels):
    own = cosines[np.arange(len(labels)), labels].copy()
    cosines[np.arange(len(labels)), labels] = -np.inf
    return (cosines >= own[:, None]).sum(1)


def minus_one_but_strict(cosines, labels):
    own = cosines[np.arange(len(labels)), labels]
    return (cosines > own[:, None]).sum(1) - 1


def a_list(cosines, labels):
    return [int((row >= row[k]).sum() - 1) for row, k in zip(cosines, labels, strict=True)]


def share_of_the_others(cosines, labels):
    own = cosines[np.arange(len(labels)), labels]
    return ((cosines >= own[:, None]).sum(1) - 1) / cosines.shape[1]


def own_is_a_neighbour(nearer, people, sizes):
    return {g: float(np.mean([math.comb(people - int(b), g) / math.comb(people, g) for b in nearer])) for g in sizes}


def people_without_the_own(nearer, people, sizes):
    n = people
    return {g: float(np.mean([math.comb(n - int(b), g - 1) / math.comb(n, g - 1) for b in nearer])) for g in sizes}


def last_size_only(nearer, people, sizes):
    for g in sizes:
        curve = {
            g: float(np.mean([math.comb(people - 1 - int(b), g - 1) / math.comb(people - 1, g - 1) for b in nearer]))
        }
    return curve


def by_simulation(nearer, people, sizes):
    draws = 300
    random.seed(0)
    return {
        g: sum(min(random.sample(range(people - 1), g - 1), default=people) >= b for b in nearer for _ in range(draws))
        / (draws * len(nearer))
        for g in sizes
    }  # fmt: skip


def median_inside(result, truth, mask):
    difference = np.abs(result.astype(float) - truth).mean(-1)
    return np.array([np.median(d[m > 0]) for d, m in zip(difference, mask, strict=True)])


def largest_channel(result, truth, mask):
    difference = np.abs(result.astype(float) - truth).max(-1)
    return (difference * mask).sum((1, 2)) / mask.sum((1, 2))


def from_0_to_1(result, truth, mask):
    difference = np.abs(result / 255 - truth / 255).mean(-1)
    return (difference * mask).sum((1, 2)) / mask.sum((1, 2))


def no_colour_axis(result, truth, mask):
    return (np.abs(result.astype(float) - truth) * mask).sum((1, 2, 3)) / mask.sum((1, 2))


def int8(result, truth, mask):
    difference = np.abs(result.astype(np.int8) - truth.astype(np.int8)).mean(-1)
    return (difference * mask).sum((1, 2)) / mask.sum((1, 2))


def of_float_equals_too(values, seed=0):
    n = len(values)
    if (values == values[0]).all():
        far = 1 - 0.05 ** (1 / n)
        return (1 - far, 1.0) if values[0] else (0.0, far)
    return library_interval(values, seed)


def half_width(values, seed=0):
    low, high = library_interval(values, seed)
    return (high - low) / 2


def about_zero(values, seed=0):
    low, high = library_interval(values, seed)
    return low - values.mean(), high - values.mean()


def of_the_median(values, seed=0):
    if values.dtype == bool:
        return library_interval(values, seed)
    rng = np.random.default_rng(seed)
    return tuple(np.quantile(np.median(values[rng.integers(len(values), size=(2000, len(values)))], 1), (0.025, 0.975)))


def bound_of_half(values, seed=0):
    if values.dtype == bool and (values == values[0]).all():
        far = 1 / len(values)
        return (1 - far, 1.0) if values[0] else (0.0, far)
    return library_interval(values, seed)


def by_255(images, v_source, recogniser, budget, steps):
    return flattered(images, v_source, recogniser, budget * 127.5 / 255, steps)


def unchanged(images, v_source, recogniser, budget, steps):
    return images.clone()


def minimises(images, v_source, recogniser, budget, steps):
    return flattered(images, -v_source, recogniser, budget, steps)


def first_source_for_all(images, v_source, recogniser, budget, steps):
    return flattered(images, v_source[:1].expand_as(v_source), recogniser, budget, steps)


def noise(images, v_source, recogniser, budget, steps):
    return (images + budget / 127.5 * torch.randn_like(images).sign()).clamp(-1, 1)


def with_momentum(images, v_source, recogniser, budget, steps):
    limit, x, m = budget / 127.5, images.clone(), 0
    for _ in range(steps):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad((recogniser(x) * v_source).sum(), x)
        m = 0.9 * m + gradient
        x = (images + (x.detach() + 2.5 * limit / steps * m.sign() - images).clamp(-limit, limit)).clamp(-1, 1)
    return x


def one_step_short(images, v_source, recogniser, budget, steps):
    return flattered(images, v_source, recogniser, budget, steps - 1)


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("08.1", hit_mean, "One number came back"),
        ("08.1", whole_columns, "whole columns"),
        ("08.1", masks_the_own, "changes it in place"),
        ("08.1", minus_one_but_strict, "expected [0, 0]"),
        ("08.1", a_list, "returned a list"),
        ("08.1", share_of_the_others, "a whole number"),
        ("08.2", own_is_a_neighbour, "always stands in the gallery"),
        ("08.2", people_without_the_own, "of people - 1 others"),
        ("08.2", last_size_only, "The sizes are [6]"),
        ("08.2", by_simulation, "unless the one other"),
        ("08.3", median_inside, "expected 30"),
        ("08.3", largest_channel, "the mean of 30, 0 and 0"),
        ("08.3", from_0_to_1, "not divided by 255"),
        ("08.3", no_colour_axis, "mask[..., None]"),
        ("08.3", int8, "lie 240 apart"),
        ("08.4", of_float_equals_too, "values.dtype == bool"),
        ("08.4", half_width, "two numbers"),
        ("08.4", about_zero, "lies outside"),
        ("08.4", of_the_median, "take the mean"),
        ("08.4", bound_of_half, "0.05 ** (1 / n)"),
        ("08.5", by_255, "half of it"),
        ("08.5", unchanged, "came back as they were"),
        ("08.5", minimises, "The cosine fell"),
        ("08.5", first_source_for_all, "in company"),
        ("08.5", noise, "The cosine changed by"),
        ("08.5", with_momentum, "must not add up"),
        ("08.5", one_step_short, "was asked 4 times"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(exercises()[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message


# What the lesson claims, on the shipped weights. ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def entries():
    swapper = FaceSwapper.from_pretrained("simswap", device="cpu")
    pictures = evaluation.cases(evaluation.Protocol(16, 100, swapper.generator.config.image_size))
    swaps = swapper.swap_aligned(pictures.source, pictures.target)
    return swapper, pictures, contest(swapper, pictures, swaps)


def test_the_number_of_the_opening_puts_the_doctored_target_above_the_truth(entries):
    swapper, pictures, handed_in = entries
    v = swapper.recogniser.embed(pictures.source)
    score = {name: float((swapper.recogniser.embed(x) * v).sum(1).mean()) for name, x in handed_in.items()}
    assert score["A"] > score["C"]
    change = np.abs(handed_in["A"].astype(int) - pictures.target)
    assert 0 < change.max() <= BUDGET + 1  # rounding


def test_the_judge_follows_less_far_and_the_error_to_the_truth_stays(entries):
    swapper, pictures, handed_in = entries
    judge, v = ArcFace.judge(pictures.target.shape[1], "cpu"), {}
    for name, eye in (("trainer", swapper.recogniser), ("judge", judge)):
        v[name] = float((eye.embed(handed_in["A"]) * eye.embed(pictures.source)).sum(1).mean())
    assert v["judge"] < v["trainer"] - 0.1
    doctored, copy = (
        np.nanmean(library_error(x, pictures.truth, pictures.mask)) for x in (handed_in["A"], pictures.target)
    )
    assert abs(doctored / copy - 1) < 0.1


def test_the_shipped_evaluation_is_of_the_shipped_weights():
    """`python -m simswap_lib evaluate --json data/results/evaluation.json` writes it anew after each training."""
    shipped = json.loads((DATA / "results" / "evaluation.json").read_text())
    swapper = FaceSwapper.from_pretrained("simswap", device="cpu")
    judge = ArcFace.judge(swapper.generator.config.image_size, "cpu")
    networks = {"generator": swapper.generator, "judge": judge, "trainer": swapper.recogniser}
    assert {name: evaluation.fingerprint(net) for name, net in networks.items()} == {
        name: shipped["weights"][name] for name in networks
    }
    assert shipped["groups"] and set(shipped["one_colour"]) == set(shipped["rows"])


def test_the_lessons_swaps_are_the_first_of_the_shipped_ones():
    small = [evaluation.cases(evaluation.Protocol(swaps, 12, 32)) for swaps in (12, 24)]
    assert np.array_equal(small[0].target, small[1].target[:12])
    assert np.array_equal(small[0].source, small[1].source[:12])


def test_the_bug_to_diagnose_keeps_the_mean_and_narrows_the_interval():
    found = np.arange(100) < 83
    assert mystery(found).mean() == found.mean()
    honest, narrow = (np.diff(library_interval(values))[0] for values in (found, mystery(found)))
    assert 2.5 < honest / narrow < 4

"""Lesson 06 from a reader's seat: right answers in other words pass, and wrong ones are named or do real harm."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib import losses
from simswap_lib.course import exercises, grade
from simswap_lib.course.lesson_06.mutants import mystery, wrong_side
from simswap_lib.instruments import gradient_reach
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig

LESSON = [e for e in exercises().values() if e.lesson == "06"]


# What a reader might write, in other words than the library. ---------------------------------------------------------


def map_distances(result_maps, target_maps):
    total = 0
    for r, t in zip(result_maps, target_maps):
        total = total + torch.stack([F.l1_loss(a, b.detach()) for a, b in zip(r[:-1], t[:-1])])
    return total


def receptive_field(layers):
    size = step = 1
    start = 0
    for k, s, p in layers:
        size, start, step = size + k * step - step, start - p * step, step * s
    return [size, step, start]


def invert(distance, start, steps, rate):
    picture = torch.nn.Parameter(start.clone())
    adam = torch.optim.Adam([picture], lr=rate)
    for _ in range(steps):
        adam.zero_grad()
        distance(picture).backward(inputs=[picture])
        adam.step()
        picture.data = picture.data.clamp(-1, 1)
    return picture.detach().clone()


def weak_feature_matching_loss(result_maps, target_maps, m):
    count = len(result_maps[0]) - 1
    if m not in range(1, count + 1):
        raise ValueError(f"m is 1 to {count}")
    total = torch.zeros(())
    for r, t in zip(result_maps, target_maps):
        for i in range(m, count + 1):
            total = total + torch.mean(torch.abs(r[i - 1] - t[i - 1].detach()))
    return total


def gradient_reach_(loss, result_maps, target_maps):
    sides = []
    for maps in (result_maps, target_maps):
        sides.append([[x.detach().clone().requires_grad_() for x in scale] for scale in maps])
    value = loss(sides[0], sides[1])
    if value.requires_grad:
        value.backward()
    rows = []
    for side in sides:
        pulled = [[x.grad is not None and bool((x.grad != 0).any()) for x in scale] for scale in side]
        rows.append([any(column) for column in zip(*pulled)])
    return torch.tensor(rows)


gradient_reach_.__name__ = "gradient_reach"
MINE = {
    "06.1": map_distances,
    "06.2": receptive_field,
    "06.3": invert,
    "06.4": weak_feature_matching_loss,
    "06.5": gradient_reach_,
}


@pytest.mark.parametrize("exercise", LESSON, ids=lambda e: e.id)
def test_a_right_answer_in_other_words_passes(exercise):
    verdict = grade(exercise, MINE[exercise.id])
    assert verdict.passed, verdict.message


def test_numpys_whole_numbers_are_whole_numbers():
    def receptive_field(layers):
        rows = np.array(layers, dtype=int).reshape(-1, 3)
        steps = np.concatenate([[1], np.cumprod(rows[:, 1])])
        return 1 + ((rows[:, 0] - 1) * steps[:-1]).sum(), steps[-1], -(rows[:, 2] * steps[:-1]).sum()

    verdict = grade(exercises()["06.2"], receptive_field)
    assert verdict.passed, verdict.message


# More wrong answers, for their messages. ------------------------------------------------------------------------------


def forgot_return(result_maps, target_maps):
    map_distances(result_maps, target_maps)


def in_place(result_maps, target_maps):
    total = 0
    for r, t in zip(result_maps, target_maps):
        total = total + torch.stack([a.sub_(b).abs().mean() for a, b in zip(r[:-1], t[:-1])])
    return total


def pops_the_logits(result_maps, target_maps):
    for scale in (*result_maps, *target_maps):
        scale.pop()
    return sum(torch.stack([F.l1_loss(a, b.detach()) for a, b in zip(r, t)]) for r, t in zip(result_maps, target_maps))


def mse(result_maps, target_maps):
    return sum(
        torch.stack([F.mse_loss(a, b.detach()) for a, b in zip(r[:-1], t[:-1])])
        for r, t in zip(result_maps, target_maps)
    )


def return_in_the_loop(result_maps, target_maps):
    for r, t in zip(result_maps, target_maps):
        return torch.stack([F.l1_loss(a, b.detach()) for a, b in zip(r[:-1], t[:-1])])


def two_scales_only(result_maps, target_maps):
    rows = [
        torch.stack([F.l1_loss(a, b.detach()) for a, b in zip(result_maps[s][:-1], target_maps[s][:-1])])
        for s in range(2)
    ]
    return sum(rows)


@torch.no_grad()
def without_gradient(result_maps, target_maps):
    return map_distances(result_maps, target_maps)


def detaches_both(result_maps, target_maps):
    return map_distances([[x.detach() for x in s] for s in result_maps], target_maps)


def divided(layers):
    size, step, start = receptive_field(layers)
    return size / 1, step, start


def eats_its_layers(layers):
    size, step, start = 1, 1, 0
    while layers:
        k, s, p = layers.pop(0)
        size, start, step = size + (k - 1) * step, start - p * step, step * s
    return size, step, start


def never_asks(distance, start, steps, rate):
    return start.clone()


def negative_picture(distance, start, steps, rate):
    return invert(distance, -start, 0, rate)


def freezes_the_network(distance, start, steps, rate):
    for value in vars(distance).values():
        if isinstance(value, torch.nn.Parameter):
            value.requires_grad_(False)
    return invert(distance, start, steps, rate)


def prints_a_float(distance, start, steps, rate):
    return distance(start).item()


def last_slice_only(result_maps, target_maps, m):
    if not 1 <= m < len(result_maps[0]):
        raise ValueError
    return map_distances(result_maps, target_maps)[-1]


def index_error(result_maps, target_maps, m):
    distances = map_distances(result_maps, target_maps)
    return sum(distances[i - 1] for i in range(m, len(distances) + 1)) + 0 * distances[m - 1]


def returns_zero(result_maps, target_maps, m):
    return map_distances(result_maps, target_maps)[m - 1 :].sum() if 1 <= m < len(result_maps[0]) else torch.tensor(0.0)


def rows_are_maps(loss, result_maps, target_maps):
    return gradient_reach(loss, result_maps, target_maps).T


def no_allow_unused(loss, result_maps, target_maps):
    copies = [[[x.detach().clone().requires_grad_() for x in s] for s in maps] for maps in (result_maps, target_maps)]
    torch.autograd.grad(loss(*copies), [x for side in copies for s in side for x in s])


def by_size(loss, result_maps, target_maps):
    copies = [[[x.detach().clone().requires_grad_() for x in s] for s in maps] for maps in (result_maps, target_maps)]
    value = loss(*copies)
    if value.requires_grad:
        value.backward()
    found = [[[x.grad is not None and bool((x.grad > 0).any()) for x in s] for s in side] for side in copies]
    return torch.tensor(found).any(dim=1)


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("06.1", forgot_return, "Is the `return` missing?"),
        ("06.1", in_place, "changes it in place"),
        ("06.1", pops_the_logits, "was not the same after the call"),
        ("06.1", mse, "Those are squares"),
        ("06.1", return_in_the_loop, "Is the `return` inside the loop?"),
        ("06.1", two_scales_only, "IndexError"),
        ("06.1", without_gradient, "no_grad cut it off"),
        ("06.1", detaches_both, "a detach on the result's side"),
        ("06.2", divided, "whole numbers"),
        ("06.2", eats_its_layers, "something changes the list"),
        ("06.3", never_asks, "never asked"),
        ("06.3", negative_picture, "never asked"),
        ("06.3", freezes_the_network, "frozen and left so"),
        ("06.3", prints_a_float, "It returned a float"),
        ("06.4", last_slice_only, "Expected the maps 1 to 4"),
        ("06.4", index_error, "instead of raising ValueError"),
        ("06.4", returns_zero, "For m = 0 of M = 4 it returned 0.000"),
        ("06.5", rows_are_maps, "the other way round"),
        ("06.5", no_allow_unused, "allow_unused=True"),
        ("06.5", by_size, "was missed"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(exercises()[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message


# The bug to diagnose. -------------------------------------------------------------------------------------------------


@pytest.fixture
def maps():
    torch.manual_seed(0)
    critic = Discriminator(DiscriminatorConfig(image_size=64, width=4)).eval()
    with torch.no_grad():
        return critic(torch.randn(2, 3, 64, 64)), critic(torch.randn(2, 3, 64, 64))


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_the_bug_hides_from_the_value_and_shows_in_the_gradient(maps, m):
    assert mystery(*maps, m) == losses.weak_feature_matching_loss(*maps, m)
    right = gradient_reach(lambda r, t: losses.weak_feature_matching_loss(r, t, m), *maps)
    found = gradient_reach(lambda r, t: mystery(r, t, m), *maps)
    assert torch.equal(found, right.flip(0)) and right[0].any()


def test_the_other_suspects_show_themselves_otherwise(maps):
    """(a) logits, (b) counted from 0 and (d) scales averaged change the value, so the log would have told."""
    value = losses.weak_feature_matching_loss(*maps, 3)
    scales = [losses.map_distances([r], [t]) for r, t in zip(*maps, strict=True)]
    with_logits = value + sum((r[-1] - t[-1]).abs().mean() for r, t in zip(*maps, strict=True))
    others = (with_logits, losses.map_distances(*maps)[3:].sum(), sum(scales)[2:].sum() / len(scales))
    assert all(abs(other - value) > 1e-3 for other in others)


def test_under_no_grad_the_bug_raises_nothing_beside_other_terms(maps):
    """The story of the lesson: the target's maps have no history, the result's are cut off, other terms go on."""
    result = [[x.clone().requires_grad_() for x in scale] for scale in maps[0]]
    total = wrong_side(result, maps[1]).sum() + losses.hinge_g_loss(result)
    total.backward()
    assert all(x.grad is None for scale in result for x in scale[:-1])
    assert all(scale[-1].grad is not None for scale in result)

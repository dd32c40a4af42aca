"""Lesson 07 from a reader's seat: right answers in other words pass and train, wrong ones show as the lesson says."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib import batches, losses, train_step
from simswap_lib.course import Transplant, exercises, grade
from simswap_lib.course.lesson_07.bench import WEIGHTS, Bench, some_batch, values
from simswap_lib.course.lesson_07.generator_mutants import mystery, recogniser_sees_a_copy

LESSON = {e.id: e for e in exercises().values() if e.lesson == "07"}


# What a reader might write, in other words than the library. ----------------------------------------------------------


def draw_pairs(start, count, batch, seed, step):
    """One pair after the other, with loops and choice."""
    rng = np.random.default_rng((seed, step))
    same, sources, targets = step % 2 == 0, [], []
    for _ in range(batch):
        if same:
            person = rng.choice([p for p in range(len(count)) if count[p] > 1])
            s, t = rng.choice(count[person], size=2, replace=False)
            sources.append(start[person] + s)
            targets.append(start[person] + t)
        else:
            p, q = rng.choice(len(count), size=2, replace=False)
            sources.append(start[p] + rng.integers(count[p]))
            targets.append(start[q] + rng.integers(count[q]))
    return np.array(sources), np.array(targets), same


def generator_step(run, target, v_source, same, target_maps):
    """Without the run's helpers: the networks themselves, and the optimiser by hand."""
    result = run.generator(target, v_source)
    v_result = run.recogniser(result)
    maps = run.critic(result)
    w = run.config.loss
    identity = (1 - F.cosine_similarity(v_result, v_source)).mean()
    reconstruction = ((result - target).abs().mean((1, 2, 3)) * same).mean()
    adversarial = losses.hinge_g_loss(maps)
    wfm = losses.weak_feature_matching_loss(maps, target_maps, run.config.first_map)
    run.adam_g.zero_grad()
    (w.identity * identity + w.reconstruction * reconstruction + w.adversarial * adversarial + w.wfm * wfm).backward()
    run.adam_g.step()
    return result, v_result, dict(identity=identity, reconstruction=reconstruction, adversarial=adversarial, wfm=wfm)


def discriminator_step(run, target, result, target_maps, places):
    result = result.detach()
    total = critic = losses.hinge_d_loss(target_maps, run.critic(result))
    terms = {"critic": critic}
    if isinstance(places, torch.Tensor):
        gp = losses.gradient_penalty(run.critic, target, result, places)
        terms["gp"] = gp
        total = total + run.config.loss.gp * run.config.gp_every * gp
    run.adam_d.zero_grad()
    total.backward()
    run.adam_d.step()
    return terms


def update_ema(average, network, decay):
    with torch.no_grad():
        for a, b in zip(average.parameters(), network.parameters()):
            a.copy_(decay * a + (1 - decay) * b)
        for a, b in zip(average.buffers(), network.buffers()):
            a.copy_(b if a.dtype == torch.int64 else decay * a + (1 - decay) * b)


def diagnose(records):
    ends = {name: np.mean([r[name] for r in records[-5:]]) for name in ("critic", "reconstruction")}
    if any(math.isnan(v) or math.isinf(v) for v in records[-1].values()):
        return "not a number"
    if ends["reconstruction"] / 2 > sorted(r["reconstruction"] for r in records)[0]:
        return "collapses"
    if ends["critic"] < 0.5:
        return "the discriminator wins"
    if sum(r["cos_target"] - r["cos_source"] for r in records[-5:]) > 0:
        return "copies the target"
    return "healthy"


MINE = {
    "07.1": draw_pairs,
    "07.2": generator_step,
    "07.3": discriminator_step,
    "07.4": update_ema,
    "07.5": diagnose,
}


@pytest.mark.parametrize("id", LESSON)
def test_a_right_answer_in_other_words_passes(id):
    verdict = grade(LESSON[id], MINE[id])
    assert verdict.passed, verdict.message


def test_a_stub_under_a_decorator_is_not_attempted_and_its_errors_show_the_readers_line():
    @torch.no_grad()
    def update_ema(average, network, decay):
        raise NotImplementedError

    assert grade(LESSON["07.4"], update_ema).status == "not attempted"

    @torch.no_grad()
    def update_ema(average, network, decay):
        average.lerp_(network, 1 - decay)

    assert "at the line: average.lerp_(network, 1 - decay)" in grade(LESSON["07.4"], update_ema).message


def test_the_readers_pieces_move_the_networks_as_the_courses_do():
    """Three steps of the course's loop with the reader's pieces in it, beside three of the course's own."""

    def trained(**pieces):
        bench = Bench()
        with Transplant(**pieces) if pieces else torch.enable_grad():
            for step in range(3):
                batch = some_batch(step)
                bench.run(step, batch.target, batch.v_source, batch.v_source.roll(1, 0), batch.same)
        return [values(bench[name]) for name in ("generator", "critic", "ema")]

    mine = {f.__name__: f for f in (generator_step, discriminator_step, update_ema)}
    for a, b in zip(trained(**mine), trained(), strict=True):
        # Adam's first steps have the size of the learning rate however small the slope: rounding may turn a few round.
        assert (a - b).abs().mean() < 1e-5


def test_transplanted_pairs_are_what_the_loader_gets():
    class People:
        name, size, person = "four people", 32, np.repeat(np.arange(4), 3)

        def __len__(self):
            return 12

    def always_the_first(start, count, batch, seed, step):
        return np.zeros(batch, int), np.ones(batch, int), True

    pairs = batches.PairBatches(People(), 2, range(4))
    with Transplant(draw_pairs=always_the_first):
        assert pairs.at(1) == [batches.Pair(0, 1, True)] * 2
    assert pairs.at(1) != [batches.Pair(0, 1, True)] * 2


# Break it: what the colleague's version does. -------------------------------------------------------------------------


def pull(step, weight):
    bench = Bench(type(WEIGHTS)(identity=weight))
    bench.generator_step(step, some_batch())
    return bench.gradients["generator"][0]


def test_the_bug_to_diagnose_is_right_in_the_log_and_deaf_to_its_weight():
    _, v, terms = Bench().generator_step(mystery, some_batch())
    _, right_v, right = Bench().generator_step(train_step.generator_step, some_batch())
    assert torch.allclose(v, right_v, atol=1e-5)
    assert all(torch.allclose(terms[name], right[name], atol=1e-5) for name in right)
    assert torch.allclose(pull(mystery, 0.0), pull(mystery, 300.0), atol=1e-6)
    assert pull(train_step.generator_step, 300.0).norm() > 10 * pull(train_step.generator_step, 0.0).norm()
    assert torch.allclose(pull(mystery, 30.0), pull(recogniser_sees_a_copy, 30.0), atol=1e-6)


def test_one_sum_of_both_objectives_has_no_slope_for_what_is_made():
    """The lesson's first game: the two wishes cancel where the hinge is active."""
    made = torch.randn(8, requires_grad=True)
    verdict = made.clamp(-0.9, 0.9)
    (slope,) = torch.autograd.grad(-verdict.mean() + F.relu(1 + verdict).mean(), made)
    assert slope.abs().max() == 0


# More wrong answers, for their messages alone. ------------------------------------------------------------------------


def returns_lists(start, count, batch, seed, step):
    sources, targets, same = batches.draw_pairs(start, count, batch, seed, step)
    return sources.tolist(), targets.tolist(), same


def floats(start, count, batch, seed, step):
    sources, targets, same = batches.draw_pairs(start, count, batch, seed, step)
    return sources.astype(float), targets, same


def forgets_singles(start, count, batch, seed, step):
    rng, same = np.random.default_rng([seed, step]), step % 2 == 0
    p = rng.integers(len(count), size=batch)
    t = rng.integers(count[p])
    q = p if same else (p + rng.integers(1, len(count), size=batch)) % len(count)
    s = (t + rng.integers(1, count[p])) % count[p] if same else rng.integers(count[q])
    return start[q] + s, start[p] + t, same


def starts_over(start, count, batch, seed, step):
    np.random.seed(seed)  # noqa: NPY002
    return batches.draw_pairs(start, count, batch, int(np.random.randint(1000)), 2 + step % 2)  # noqa: NPY002


def under_no_grad(run, target, v_source, same, target_maps):
    with torch.no_grad():
        v_result = run.recogniser(run.draw(target, v_source))
    result, _, terms = train_step.generator_step(run, target, v_source, same, target_maps)
    return result, v_result.roll(1, 0), terms


def floats_as_terms(run, target, v_source, same, target_maps):
    result, v_result, terms = train_step.generator_step(run, target, v_source, same, target_maps)
    return result, v_result, {name: term.item() for name, term in terms.items()}


def moves_the_critic_instead(run, target, v_source, same, target_maps):
    result, v_result, terms = train_step.generator_step(run, target, v_source, same, target_maps)
    run.critic.requires_grad_(True)
    run.move(run.critic, losses.hinge_g_loss(run.look(target)))
    return result, v_result, terms


def in_place(run, target, v_source, same, target_maps):
    answer = train_step.generator_step(run, target, v_source, same, target_maps)
    target.mul_(0.5)
    return answer


def critic_moves_twice(run, target, result, target_maps, places):
    terms = train_step.discriminator_step(run, target, result, target_maps, places)
    run.move(run.critic, losses.hinge_d_loss(run.look(target), run.look(result.detach())))
    return terms


def returns_nothing(run, target, result, target_maps, places):
    train_step.discriminator_step(run, target, result, target_maps, places)


def half_and_half(average, network, decay):
    train_step.update_ema(average, network, 0.5)


def cosines_exchanged(records):
    swapped = [r | {"cos_source": r["cos_target"], "cos_target": r["cos_source"]} for r in records]
    return LESSON["07.5"].reference(swapped)


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("07.1", returns_lists, "should be a NumPy array"),
        ("07.1", floats, "an array of float64"),
        ("07.1", forgets_singles, "nothing to choose from"),
        ("07.1", starts_over, "Steps 2 and 4 draw the same pairs"),
        ("07.2", under_no_grad, "not run.recogniser(result)"),
        ("07.2", floats_as_terms, "is a float; expected one finite number"),
        ("07.2", moves_the_critic_instead, "The critic has moved"),
        ("07.2", in_place, "changed in place"),
        ("07.3", critic_moves_twice, "stepped 2 times"),
        ("07.3", returns_nothing, "Is the `return` missing?"),
        ("07.4", half_and_half, "Half and half"),
        ("07.5", cosines_exchanged, "was called 'copies the target'"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(LESSON[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message

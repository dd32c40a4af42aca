"""Checks of exercise 07.3: the discriminator's half of a step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simswap_lib import losses
from simswap_lib.course.exercise import require
from simswap_lib.course.lesson_07.bench import CONFIG, WEIGHTS, Bench, alike, gradients, slope, some_batch

PLAIN, DEAR = 3, 4  # a step without the penalty and one with it: CONFIG.gp_every is 2


def one_step(answer: Callable, step: int = PLAIN) -> tuple[Bench, dict]:
    bench = Bench()
    return bench, checked(bench.discriminator_step(answer, some_batch(), step)[0])


def checked(terms: object) -> dict:
    require(terms is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(terms, dict) and "critic" in terms,
        f'It returned a {type(terms).__name__}; expected the terms, a dictionary with "critic": return terms.',
    )
    for name, term in terms.items():
        require(
            isinstance(term, Tensor) and term.ndim == 0 and bool(torch.isfinite(term)),
            f"terms[{name!r}] should be one finite number, a tensor of shape ().",
        )
    return terms


class Right:
    """What a step on the bench should compute."""

    def __init__(self, step: int = PLAIN, bench: Bench | None = None, batch=None):
        batch, bench = batch or some_batch(), bench or Bench()
        run = self.run = bench.run
        with torch.no_grad():
            self.result = run.draw(batch.target, batch.v_source)
        self.target_maps, self.made_maps = run.look(batch.target), run.look(self.result)
        self.hinge = losses.hinge_d_loss(self.target_maps, self.made_maps)
        places = run.places(DEAR if step == PLAIN else step, len(self.result))
        self.penalty = losses.gradient_penalty(run.critic, batch.target, self.result, places)
        self.of_hinge, self.of_penalty = slope(self.hinge, run.critic), slope(self.penalty, run.critic)


def gives_the_terms(answer: Callable) -> None:
    """returns the terms, without their weights"""
    one_step(answer)
    one_step(answer, DEAR)


def judges_target_and_result(answer: Callable) -> None:
    """asks the critic to call the target real and the result made"""
    _, terms = one_step(answer)
    right, value = Right(), terms["critic"].detach()
    for other, cause in (
        (
            losses.hinge_d_loss(right.made_maps, right.target_maps),
            "Target and result have changed places: it is hinge_d_loss(target_maps, made_maps). So the critic would "
            "learn to praise what is made, and the generator would follow.",
        ),
        (losses.hinge_g_loss(right.made_maps), "That is the generator's loss. The critic's is hinge_d_loss."),
        (
            losses.hinge_d_loss(right.made_maps, right.made_maps),
            "Both sides look at the result; the target's maps are handed in as target_maps.",
        ),
        (losses.hinge_d_loss(right.target_maps, right.target_maps), "Both sides look at the target."),
        (right.hinge / 2, "Halved: the paper adds both sides without a factor."),
    ):
        require(
            not _near(value, other) or _near(value, right.hinge),
            f'terms["critic"] is {value:.4f}; expected {right.hinge:.4f}. {cause}',
        )
    require(_near(value, right.hinge), f'terms["critic"] is {value:.4f}; expected {right.hinge:.4f}.')


def leaves_the_generator_alone(answer: Callable) -> None:
    """gives the generator no gradient, and moves only the critic"""
    for step in (PLAIN, DEAR):
        bench, _ = one_step(answer, step)
        reached = [p for p in bench.run.generator.parameters() if p.grad is not None]
        require(
            not reached,
            f"{len(reached)} tensors of the generator got a gradient from the critic's loss, which asks for pictures "
            "that are easy to see through. Cut the way back: run.look(result.detach()).",
        )
        require(
            not bench.moved("generator") and not bench.moved("ema"),
            "The generator has moved. This half of the step is the critic's: run.move(run.critic, total).",
        )
        require(bench.moved("critic"), "The critic has not moved. At the end: run.move(run.critic, total).")
        require(
            len(bench.gradients["critic"]) == 1,
            f"The critic's optimiser stepped {len(bench.gradients['critic'])} times. Add the penalty to the total "
            "first, then move once.",
        )


def goes_down_the_hinge(answer: Callable) -> None:
    """moves the critic down the slope of the hinge loss, both sides of it"""
    bench, terms = one_step(answer)
    require(
        "gp" not in terms,
        'A step whose places are None has a "gp": only if places is not None. gradient_penalty takes None as well and '
        "draws places of its own, so nothing crashes; but it costs a second derivative, as much as the rest of the "
        "step.",
    )
    right = Right()
    found, wanted = bench.gradients["critic"][0], right.of_hinge
    constant = [
        [[output.detach() for output in scale] for scale in maps] for maps in (right.target_maps, right.made_maps)
    ]
    made_alone = losses.hinge_d_loss(constant[0], right.made_maps)
    real_alone = losses.hinge_d_loss(right.target_maps, constant[1])
    for other, cause in (
        (-wanted, "It goes uphill: the sign is wrong."),
        (
            slope(made_alone, right.run.critic),
            "Only what is made teaches the critic: target_maps was detached. Its graph reaches the critic alone.",
        ),
        (
            slope(real_alone, right.run.critic),
            "Only the target teaches the critic: it looked at the result under no_grad. Cut off the picture, "
            "result.detach(), and not the critic's own weights.",
        ),
    ):
        require(not alike(found, other) or alike(found, wanted), f"The slope of step {PLAIN} is wrong. {cause}")
    require(alike(found, wanted), f"In step {PLAIN}, without a penalty, the slope is not that of the hinge loss alone.")


def takes_the_penalty_in_its_turn(answer: Callable) -> None:
    """takes the penalty in the steps that have places, gp_every times as strong"""
    bench, terms = one_step(answer, DEAR)
    require("gp" in terms, 'A step that has places has no "gp".')
    right, value = Right(DEAR), terms["gp"].detach()
    require(
        _near(terms["critic"].detach(), right.hinge),
        f'terms["critic"] is {terms["critic"]:.4f} in a step with places; expected {right.hinge:.4f}, the hinge loss '
        "alone. The penalty belongs to the total that moves the critic, and is logged on its own.",
    )
    for other, cause in (
        (WEIGHTS.gp * right.penalty, "Its weight is in it already: log it bare."),
        (CONFIG.gp_every * WEIGHTS.gp * right.penalty, "Its weight is in it already: log it bare."),
    ):
        require(not _near(value, other) or _near(value, right.penalty), f'terms["gp"] is {value:.4f}. {cause}')
    require(
        _near(value, right.penalty),
        f'terms["gp"] is {value:.4f}; expected {right.penalty:.4f}. It is gradient_penalty(run.critic, target, result, '
        "places): without the last it draws places of its own, and a resumed run would not take the same ones.",
    )
    found = bench.gradients["critic"][0] - right.of_hinge
    for factor, cause in (
        (0.0, "It is logged but not in the total, so it never moves the critic."),
        (1.0, "Its weight run.config.loss.gp is missing, and the factor run.config.gp_every."),
        (WEIGHTS.gp, "It is taken in one step of gp_every, so it counts gp_every times there: gp_every * gp * term."),
        (CONFIG.gp_every, "Its weight run.config.loss.gp is missing."),
    ):
        share = factor * right.of_penalty
        require(not alike(found, share, 0.02), f"The penalty's share of the slope is wrong. {cause}")
    require(
        alike(found, CONFIG.gp_every * WEIGHTS.gp * right.of_penalty, 0.02),
        "The penalty's share of the slope is not gp_every * gp times its own.",
    )


def starts_each_step_afresh(answer: Callable) -> None:
    """clears what the generator's step and the step before have left in the critic's gradients"""
    bench, batch = Bench(), some_batch(1)
    # What a generator's step with an unfrozen critic leaves behind.
    losses.hinge_g_loss(bench.run.look(bench.run.draw(batch.target, batch.v_source).detach())).backward()
    left = gradients(bench["critic"])
    wanted = Right(PLAIN, bench, batch).of_hinge
    checked(bench.discriminator_step(answer, batch, PLAIN)[0])
    found = bench.gradients["critic"][0]
    require(
        not alike(found, wanted + left, 0.02) or alike(found, wanted, 0.02),
        "The critic moved along its own slope plus an old one that was still lying there: the generator's, whose wish "
        "is the opposite. run.move does zero_grad, backward and step; by hand, zero_grad comes first.",
    )
    require(alike(found, wanted, 0.02), "The slope is not that of this step's own loss.")


def _near(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs() <= 1e-4 + 1e-3 * b.abs())

"""Checks of exercise 07.2: the generator's half of a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib import losses
from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_07.bench import DIM, SIDE, WEIGHTS, B, Batch, Bench, alike, slope, some_batch
from simswap_lib.losses import LossWeights

TERMS = ("identity", "reconstruction", "adversarial", "wfm")
NONE = LossWeights(**{field.name: 0.0 for field in fields(LossWeights)})


class Right:
    """What a step on the bench should compute, put together here from the losses of lesson 05."""

    def __init__(self, batch: Batch, bench: Bench | None = None):
        run = (bench or Bench()).run
        self.run, m = run, run.config.first_map
        self.target_maps = run.look(batch.target)
        self.result = run.draw(batch.target, batch.v_source)
        self.maps = run.look(self.result)
        self.v_result = run.recogniser(self.result)
        self.terms = {
            "identity": losses.identity_loss(self.v_result, batch.v_source),
            "reconstruction": losses.reconstruction_loss(self.result, batch.target, batch.same),
            "adversarial": losses.hinge_g_loss(self.maps),
            "wfm": losses.weak_feature_matching_loss(self.maps, self.target_maps, m),
        }
        self.slopes = {name: slope(term, run.generator) for name, term in self.terms.items()}

    def slope(self, weights: LossWeights) -> Tensor:
        return sum(getattr(weights, name) * self.slopes[name] for name in TERMS)


def one_step(answer: Callable, weights: LossWeights = WEIGHTS) -> tuple[Bench, tuple[Tensor, Tensor, dict]]:
    bench = Bench(weights)
    return bench, checked(bench.generator_step(answer, some_batch()))


def checked(answered: object) -> tuple[Tensor, Tensor, dict]:
    require(answered is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(answered, tuple) and len(answered) == 3 and isinstance(answered[2], dict),
        "Expected three things: return result, v_result, terms, with terms a dictionary.",
    )
    result, v_result, terms = answered
    for name, tensor, shape in (("result", result, (B, 3, SIDE, SIDE)), ("v_result", v_result, (B, DIM))):
        require(
            isinstance(tensor, Tensor) and tuple(tensor.shape) == shape,
            f"`{name}` is {_told(tensor)}; expected a tensor {shape}.",
        )
    missing = [name for name in TERMS if name not in terms]
    require(not missing, f"`terms` has {', '.join(map(str, terms))}; {', '.join(missing)} is missing.")
    for name in TERMS:
        require(
            isinstance(terms[name], Tensor) and terms[name].ndim == 0 and bool(torch.isfinite(terms[name])),
            f"terms[{name!r}] is {_told(terms[name])}; expected one finite number, a tensor of shape ().",
        )
    return answered


def gives_result_vector_and_terms(answer: Callable) -> None:
    """returns the result, its identity vector and the four terms"""
    one_step(answer)


def draws_with_the_generator(answer: Callable) -> None:
    """draws the result with the generator in training, and looks at it with the recogniser"""
    batch, (_, (result, v_result, _)) = some_batch(), one_step(answer)
    right = Right(batch)
    with torch.no_grad():
        averaged = Bench().run.ema(batch.target, batch.v_source)
        resting = Bench().run.generator.eval()(batch.target, batch.v_source)
        of_target = right.run.recogniser(batch.target)
    for picture, cause in (
        (averaged, "It is what `run.ema` draws: the average is for looking at, the generator is what learns."),
        (resting, "The generator ran in evaluation mode. Training uses the batch's own statistics: no .eval() here."),
        (batch.target, "It is the target itself."),
    ):
        require(not alike(result, picture), f"`result` is not the generator's. {cause}")
    require(alike(result, right.result), "`result` is not run.draw(target, v_source).")
    require(
        not alike(v_result, of_target),
        "`v_result` is the identity vector of the target. L_Id asks whom the *result* shows: run.recogniser(result).",
    )
    require(not alike(v_result, batch.v_source), "`v_result` is v_source: the recogniser never looked at the result.")
    require(alike(v_result, right.v_result), "`v_result` is not run.recogniser(result).")


def names_the_terms_without_their_weights(answer: Callable) -> None:
    """computes the paper's four terms, each without its weight"""
    batch, (_, (_, _, terms)) = some_batch(), one_step(answer)
    right = Right(batch)
    everywhere, nowhere = torch.ones_like(batch.same), ~batch.same
    l1 = losses.reconstruction_loss
    others = {
        "identity": (
            (1 - right.terms["identity"], "That is the cosine; the loss is 1 minus it."),
            (
                losses.identity_loss(right.v_result, right.run.recogniser(batch.target)),
                "That compares with the target's vector: the network would learn to copy. It is v_source.",
            ),
        ),
        "reconstruction": (
            (l1(right.result, batch.target, everywhere), "It counts pairs of two people, too: hand `same` on."),
            (l1(right.result, batch.target, nowhere), "It counts pairs of two people alone: `same`, not its opposite."),
            (F.mse_loss(right.result, batch.target), "That is a mean square over all pairs; reconstruction_loss."),
        ),
        "adversarial": (
            (
                losses.hinge_d_loss(right.target_maps, right.maps),
                "That is the discriminator's loss, hinge_d_loss. The generator's is hinge_g_loss(result_maps).",
            ),
            (-right.terms["adversarial"], "The sign is wrong: the generator wants a high verdict, so the loss is -D."),
            (
                losses.hinge_g_loss(right.target_maps),
                "That is the verdict on the target; the generator is judged by result_maps.",
            ),
        ),
        "wfm": (
            (
                losses.feature_matching_loss(right.maps, right.target_maps),
                "All maps are matched, as in oFM. Weak matching begins at m = run.config.first_map.",
            ),
            (
                losses.weak_feature_matching_loss(right.maps, right.target_maps, right.run.config.first_map + 1),
                "It begins one map too late: m counts from 1, as first_map does.",
            ),
        ),
    }
    for name in TERMS:
        value, wanted = terms[name].detach(), right.terms[name].detach()
        seen = f"terms[{name!r}] is {value:.4f}; expected {wanted:.4f}."
        require(
            not _near(value, getattr(WEIGHTS, name) * wanted) or _near(value, wanted),
            f"{seen} That has its weight in it already. Terms are logged bare; weigh them in the sum.",
        )
        for other, cause in others[name]:
            require(not _near(value, other) or _near(value, wanted), f"{seen} {cause}")
        require(_near(value, wanted), seen)


def moves_the_generator_alone(answer: Callable) -> None:
    """moves every part of the generator, and nothing else"""
    bench, _ = one_step(answer)
    steps = {name: len(found) for name, found in bench.gradients.items()}
    require(
        not bench.moved("critic"),
        "The critic has moved. In the generator's step it only looks: run.move(run.generator, total).",
    )
    require(not bench.moved("ema"), "`run.ema` has moved. Only update_ema may touch it.")
    require(
        bench.moved("generator"),
        "The generator has not moved. After the sum: run.move(run.generator, total).",
    )
    require(
        steps["generator"] == 1,
        f"The generator's optimiser stepped {steps['generator']} times. Add the terms up first, then move once.",
    )


def every_term_pulls(answer: Callable) -> None:
    """lets every term pull at the generator"""
    right = Right(some_batch())
    pulls = {}
    for name in TERMS:
        weights = replace(NONE, **{name: getattr(WEIGHTS, name)})
        try:
            bench, _ = one_step(answer, weights)
        except RuntimeError as error:
            if "does not require grad" not in str(error):
                raise
            pulls[name] = torch.zeros_like(right.slopes[name])
            continue
        pulls[name] = (bench.gradients["generator"] or [torch.zeros_like(right.slopes[name])])[0]
    hints = {
        "identity": "Was the result detached, or looked at under no_grad? The recogniser is frozen, but gradients must "
        "run through it to the picture.",
        "reconstruction": "Was the result detached before it was compared?",
        "adversarial": "Was the result detached before the critic looked at it? That belongs into the other step.",
        "wfm": "weak_feature_matching_loss takes its second argument as a constant: (result_maps, target_maps), in "
        "this order.",
    }
    for name in TERMS:
        wanted = getattr(WEIGHTS, name) * right.slopes[name]
        if alike(pulls[name], wanted):
            continue
        for other in TERMS:
            require(
                other == name or not alike(pulls[other], getattr(WEIGHTS, other) * right.slopes[name]),
                f"The weight `{other}` multiplies the term {name!r}: two weights have changed places.",
            )
        bare = [n for n in TERMS if n != name and alike(pulls[name], wanted + right.slopes[n])]
        for seen, cause in (
            (torch.zeros_like(wanted), f"there is no gradient at all. The term is not in the sum, or its number is not "
             f"tied to the weights. {hints[name]}"),
            (-wanted, "it pushes the wrong way: the term is subtracted. All four are costs, and costs are added."),
            (wanted / len(TERMS), "it is a quarter of what it should be: the four were averaged. Their weights say "
             "what counts; add them up."),
            (sum(right.slopes.values()), "all four terms pull alike: the weights of run.config.loss are not used."),
            (wanted + sum(right.slopes[n] for n in bare), f"{', '.join(bare)} pulls, too, though its weight is 0 here: "
             f"multiply it by run.config.loss.{', '.join(bare)}."),
        ):  # fmt: skip
            require(not alike(pulls[name], seen), f"With the weight of {name!r} alone, {cause}")
        raise Wrong(
            f"With the weight of {name!r} alone, the pull is not that of run.config.loss.{name} * terms[{name!r}]."
        )


def adds_the_weighted_terms(answer: Callable) -> None:
    """goes down the slope of the weighted sum of all four"""
    bench, _ = one_step(answer)
    right = Right(some_batch())
    found, wanted = bench.gradients["generator"][0], right.slope(WEIGHTS)
    for name in TERMS:
        require(
            not alike(found, getattr(WEIGHTS, name) * right.slopes[name]),
            f"Only the term {name!r} moves the generator: the total was overwritten instead of added to.",
        )
    require(
        alike(found, wanted),
        "The slope is not that of w_Id L_Id + w_Recon L_Recon + w_Adv L_Adv + w_wFM L_wFM, with the weights of "
        "run.config.loss. Is something added twice, or a weight written as a number?",
    )


def starts_each_step_afresh(answer: Callable) -> None:
    """clears the gradients of the step before"""
    bench, batch = Bench(), some_batch(1)
    checked(bench.generator_step(answer, some_batch()))
    wanted = Right(batch, bench).slope(WEIGHTS)
    checked(bench.generator_step(answer, batch))
    first, second = bench.gradients["generator"][:2]
    require(
        not alike(second, first + wanted, 0.02) or alike(second, wanted, 0.02),
        "The second step moved along its own slope plus that of the first: gradients add up until they are cleared. "
        "run.move does zero_grad, backward and step; by hand, zero_grad comes first.",
    )
    require(alike(second, wanted, 0.02), "The second step does not go down the slope of its own batch.")


def _near(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs() <= 1e-4 + 1e-3 * b.abs())


def _told(value: object) -> str:
    return f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"

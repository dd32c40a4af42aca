"""Checks of exercise 02.3: a training step of one encoder and several decoders (paper 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.probes import same
from simswap_lib.models.deepfakes import DeepFakes, DeepFakesConfig

SIZES = DeepFakesConfig(image_size=16, width=2, code=6, people=3)
B, RATE = 2, 0.5  # pictures a person, learning rate


def some_net() -> DeepFakes:
    """A small auto-encoder for three people, with weights so large that its decoders differ well."""
    net = DeepFakes(SIZES)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return net


def some_faces() -> list[Tensor]:
    """A batch for each of the three people; each person with a brightness of its own."""
    return [(0.5 * torch.randn(B, 3, 16, 16) + 0.3 * (i - 1)).clamp(-1, 1) for i in range(3)]


def bent(x: Tensor) -> Tensor:
    """Stands in for a warp: always the same, and far from the picture itself."""
    return 0.5 * x.flip(3) + 0.1


class Run:
    """One call of the learner's step: what it returned, what it warped, and the weights before and after."""

    def __init__(self, training_step: Callable, stale: float = 0.0):
        self.net, self.faces, self.warped = some_net(), some_faces(), []
        self.before = [parameter.detach().clone() for parameter in self.net.parameters()]
        self.fresh = DeepFakes(SIZES)
        self.fresh.load_state_dict(self.net.state_dict())
        optimiser = torch.optim.SGD(self.net.parameters(), lr=RATE)
        if stale:
            for parameter in self.net.parameters():
                parameter.grad = torch.full_like(parameter, stale)
        given = [face.clone() for face in self.faces]

        def warp(x: Tensor) -> Tensor:
            self.warped.append(x.detach().clone())
            return bent(x)

        self.steps = 0
        optimiser.register_step_post_hook(lambda *_: setattr(self, "steps", self.steps + 1))
        self.result = training_step(self.net, optimiser, given, warp)
        require(
            all(torch.equal(a, b) for a, b in zip(given, self.faces, strict=True)),
            "The faces are not the same after the call: something changes them in place. They are the goal of this "
            "step and of later ones.",
        )
        self.after = [parameter.detach().clone() for parameter in self.net.parameters()]

    def part(self, person: int, decoder: int | None = None, net: DeepFakes | None = None, goal=None) -> Tensor:
        """The right share of one person in the loss, or that of a wrong decoder, other weights, another goal."""
        net, x = net or self.fresh, self.faces[person]
        drawn = net(bent(x), person if decoder is None else decoder)
        return (drawn - (x if goal is None else goal(x))).abs().mean()

    def expected(self) -> Tensor:
        return sum(self.part(person) for person in range(SIZES.people))


# --- 02.3 training_step -----------------------------------------------------------------------------------------------


def returns_a_number(training_step: Callable) -> None:
    """returns the loss as a number"""
    result = Run(training_step).result
    require(result is not None, "It returned None. Is the `return` missing? Expected the loss, loss.item().")
    require(
        not (isinstance(result, Tensor) and result.requires_grad),
        "It returned a tensor that still hangs on its graph; expected a number, loss.item(). A kept tensor keeps the "
        "whole graph of its step in memory.",
    )
    single = isinstance(result, (Tensor, np.ndarray)) and result.ndim == 0
    require(
        isinstance(result, Real) or single,
        f"It returned a {type(result).__name__}; expected one number, loss.item().",
    )
    require(result == result and abs(result) < 1e6, f"The loss is {result}; expected a finite number.")


def bends_what_goes_in(training_step: Callable) -> None:
    """calls `warp` once for each person, on that person's faces"""
    run = Run(training_step)
    require(
        run.warped,
        "`warp` was never called: the encoder gets the picture that it should give back, and copying is too easy.",
    )
    for person, x in enumerate(run.faces):
        times = sum(same(x, seen) for seen in run.warped)
        require(
            times > 0,
            f"The faces of person {person} (of {SIZES.people}) were never warped. `faces` is a list with one batch for "
            "each person, two or more: for person, x in enumerate(faces).",
        )
        require(
            times == 1,
            f"The faces of person {person} were warped {times} times; expected once. Only what goes into the encoder "
            "is bent, never what should come out.",
        )
    require(len(run.warped) == SIZES.people, "`warp` was called on something else than the faces of the people.")


def measures_against_the_straight_face(training_step: Callable) -> None:
    """loss = sum over the people of mean |Dec_p(Enc(warp(x_p))) - x_p|, with the weights before the step"""
    run = Run(training_step)
    people = range(SIZES.people)
    with torch.no_grad():
        wanted, parts = run.expected().item(), [run.part(p).item() for p in people]
        squares = sum((run.fresh(bent(x), p) - x).square().mean().item() for p, x in enumerate(run.faces))
        summed = sum((run.fresh(bent(x), p) - x).abs().sum().item() for p, x in enumerate(run.faces))
        wrong = {
            sum(run.part(p, goal=bent).item() for p in people): "The result is compared with the bent face. Then the "
            "network learns to give back whatever it gets; the goal is the straight one, x.",
            sum(run.part(p, 0).item() for p in people): "Everybody goes through decoder 0. Person p belongs to decoder "
            "p: net(warp(x), person).",
            sum(run.part(p, (p + 1) % 3).item() for p in people): "Each person goes through another one's decoder. In "
            "training there is no swap: person p through decoder p.",
            sum(run.part(p, 2 - p).item() for p in people): "The decoders are in the wrong order: person p through "
            "decoder p.",
            wanted / 3: "That is the mean over the people; add their losses up.",
            parts[-1]: "That is the loss of the last person alone: add up, loss = loss + ..., before the step.",
            parts[0]: "That is the loss of the first person alone. Is the return inside the loop?",
            squares: "The differences are squared; take their absolute value.",
            summed: "The differences are summed over all pixels; take their mean, so that the learning rate does not "
            "hang on the size of the pictures.",
            sum(run.part(p, net=run.net).item() for p in people): "The loss was computed again after the step; return "
            "the one before it.",
            sum((run.fresh(x, p) - x).abs().mean().item() for p, x in enumerate(run.faces)): "The encoder gets the "
            "straight face although the warp is called: net(warp(x), person).",
        }
    if abs(run.result - wanted) < 1e-4 * wanted:
        return
    for value, cause in wrong.items():
        require(
            abs(run.result - value) > 1e-4 * wanted, f"The loss is {run.result:.4f}, expected {wanted:.4f}. {cause}"
        )
    require(
        run.steps < 2,
        f"The loss is {run.result:.4f}, expected {wanted:.4f}. The optimiser made {run.steps} steps, one for each "
        "person, so that the second person met an encoder that had moved already. Add all losses up; then one step.",
    )
    raise Wrong(f"The loss is {run.result:.4f}, expected {wanted:.4f}: the sum of mean |net(warp(x), person) - x|.")


def moves_all_weights_once(training_step: Callable) -> None:
    """moves the shared encoder by everybody's gradient and each decoder by its own person's, in one step"""
    run = Run(training_step)
    run.expected().backward()
    moves = [b - a for a, b in zip(run.before, run.after, strict=True)]
    wanted = [-RATE * parameter.grad for parameter in run.fresh.parameters()]
    names = [name for name, _ in run.net.named_parameters()]
    require(
        any(move.abs().max() > 0 for move in moves),
        "No weight moved. The order is: optimiser.zero_grad(), loss.backward(), optimiser.step().",
    )
    for part, words in (
        ("encoder", "The encoder did not move: is it inside torch.no_grad(), or was its result detached?"),
        *(
            (f"decoders.{p}", f"Decoder {p} did not move: the people's losses are added before backward().")
            for p in range(3)
        ),
    ):
        moved = [m.abs().max() for m, name in zip(moves, names, strict=True) if name.startswith(part)]
        require(max(moved) > 0, words)
    if all(same(a, b, 1e-4) for a, b in zip(moves, wanted, strict=True)):
        return
    raise Wrong(
        "The weights moved, but not by one step down the gradient of the summed loss. Call backward() and step() once "
        "each, on the sum: with a step for each person the second one meets an encoder that has moved already."
    )


def forgets_old_gradients(training_step: Callable) -> None:
    """clears what an earlier call left in the gradients"""
    run = Run(training_step, stale=0.3)
    run.expected().backward()
    wanted = [a - RATE * p.grad for a, p in zip(run.before, run.fresh.parameters(), strict=True)]
    require(
        all(same(a, b, 1e-4) for a, b in zip(run.after, wanted, strict=True)),
        "Gradients from before this call were still in the step: backward() adds to what is there. Call "
        "optimiser.zero_grad() before it.",
    )


# --- 02.4 swap --------------------------------------------------------------------------------------------------------

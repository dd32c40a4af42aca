"""How checks look into a learner's module: build it, compare its parameters, and watch its parts while it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simswap_lib.course.exercise import call, require


@dataclass(frozen=True)
class Step:
    """One call of a watched part: what went in (tensors, in order) and what came out."""

    name: str
    inputs: tuple[Tensor, ...]
    output: Tensor


def build(answer: Callable, *arguments: object) -> nn.Module:
    """An instance of the learner's class in evaluation mode, so that BatchNorm treats each sample alone."""
    return answer(*arguments).eval()


def same_parameters(module: nn.Module, reference: nn.Module, advice: str) -> None:
    """`Wrong` unless both hold tensors of the same names and shapes, so that the shipped weights fit."""
    found = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    wanted = {name: tuple(value.shape) for name, value in reference.state_dict().items()}
    missing = [name for name in wanted if name not in found]
    require(
        not missing,
        f"The shipped weights have a `{missing[0] if missing else ''}` ({len(missing)} such tensors), your module has "
        f"no parameter of that name. {advice}",
    )
    extra = [name for name in found if name not in wanted]
    require(not extra, f"Your module has `{extra[0] if extra else ''}`, which the shipped weights lack. {advice}")
    other = [name for name in wanted if found[name] != wanted[name]]
    if other:
        name = other[0]
        require(False, f"`{name}` has shape {found[name]}; the weights here have {wanted[name]}. {advice}")


def same_gradients(module: nn.Module, reference: nn.Module, *inputs: Tensor) -> None:
    """`Wrong` unless both, with equal weights, hand equal gradients to their first input and to their parameters.

    For answers whose values are right already: it finds what is cut off from training.
    """
    found, wanted = (_gradients(network, *inputs) for network in (module, reference))
    advice = "Is there a no_grad, a detach or a .data on the way? What stands before it would not be trained."
    require(found is not None, f"No gradient comes back through the result. {advice}")
    for name, gradient in wanted.items():
        require(
            name in found and same(found[name], gradient, 1e-3),
            f"The picture is right, but the gradient that reaches {name} is not. {advice}",
        )


def _gradients(network: nn.Module, first: Tensor, *others: Tensor) -> dict[str, Tensor] | None:
    """Of the sum of the result's squares: by name, those of the parameters and of "what went in"; None without any."""
    first = first.detach().clone().requires_grad_()
    result = network(first, *others)
    if not result.requires_grad:
        return None
    wanted = {"what went in": first, **{f"`{name}`": value for name, value in network.named_parameters()}}
    found = torch.autograd.grad(result.square().sum(), list(wanted.values()), allow_unused=True)
    return {name: value for name, value in zip(wanted, found, strict=True) if value is not None}


def watch(module: nn.Module, names: Sequence[str], **inputs: Tensor) -> tuple[list[Step], Tensor]:
    """Run the module once; the calls of its named parts in the order in which they ended, and the result."""
    steps: list[Step] = []

    def record(name: str) -> Callable:
        def hook(part: nn.Module, given: tuple, named: dict, output: Tensor) -> None:
            # Copies, because the learner's next line may work in place.
            tensors = tuple(value.detach().clone() for value in (*given, *named.values()))
            steps.append(Step(name, tensors, output.detach().clone()))

        return hook

    handles = [module.get_submodule(name).register_forward_hook(record(name), with_kwargs=True) for name in names]
    try:
        return steps, call(module, **inputs)
    finally:
        for handle in handles:
            handle.remove()


def same(a: Tensor, b: Tensor, tolerance: float = 1e-4) -> bool:
    """Equal shapes, and values equal up to rounding."""
    return a.shape == b.shape and torch.allclose(a, b, rtol=tolerance, atol=tolerance)

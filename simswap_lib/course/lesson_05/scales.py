"""Checks of exercise 05.3: patch discriminators at several sizes of one picture (paper 3.3)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.course.exercise import require
from simswap_lib.course.probes import build, same, same_parameters
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig

# No two numbers alike, so that none can be taken for another.
SIZES = DiscriminatorConfig(image_size=128, width=4, scales=3, layers=2)
SIDE = SIZES.image_size


def halved(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)


def some_pictures() -> Tensor:
    """(2, 3, SIDE, SIDE) with a bright border, which a careless halving would darken."""
    image = torch.rand(2, 3, SIDE, SIDE) - 0.5
    image[..., :2] += 1
    return image


def _run(answer: Callable) -> tuple[nn.Module, list[Tensor], list[list[Tensor]], object]:
    """The module, what each scale's network was given and gave, and what came back."""
    module = build(answer, SIZES)
    given: dict[int, Tensor] = {}
    gave: dict[int, list[Tensor]] = {}
    handles = []
    for i, network in enumerate(module.discriminators):

        def hook(part: nn.Module, inputs: tuple, output: list[Tensor], i: int = i) -> None:
            given[i] = inputs[0].detach().clone()
            gave[i] = [tensor.detach().clone() for tensor in output]

        handles.append(network.register_forward_hook(hook))
    image = some_pictures()
    handed = image.clone()
    with torch.no_grad():
        result = module(handed)
    for handle in handles:
        handle.remove()
    require(torch.equal(handed, image), "The picture was changed in place; others still need it.")
    for i in range(SIZES.scales):
        require(
            i in given,
            f"`discriminators.{i}` was never called. Every scale has a network of its own, and all of them take their "
            "turn. Is the `return` inside the loop?",
        )
    return module, [given[i] for i in range(SIZES.scales)], [gave[i] for i in range(SIZES.scales)], result


def owns_its_networks(answer: Callable) -> None:
    """holds one PatchDiscriminator for each scale, each with weights of its own"""
    module, wanted = build(answer, SIZES), Discriminator(SIZES)
    networks = getattr(module, "discriminators", None)
    require(
        not isinstance(networks, (list, tuple)),
        "`self.discriminators` is a Python list: PyTorch does not look into lists, so nothing would be trained. Wrap "
        "it: nn.ModuleList(...).",
    )
    same_parameters(
        module, wanted,
        "Expected self.discriminators = nn.ModuleList of config.scales networks, each "
        "PatchDiscriminator(config.width, config.layers), in this order and with no number of your own.",
    )  # fmt: skip
    own, all_of_them = (len({id(p) for p in m.parameters()}) for m in (module, wanted))
    require(
        own == all_of_them,
        f"The scales share one set of weights ({own} tensors; expected {all_of_them}): [network] * n repeats one "
        "object. Make a new PatchDiscriminator for each.",
    )


def gives_a_list_for_each_scale(answer: Callable) -> None:
    """returns, for each scale, the list [map_1, ..., map_M, logits]"""
    _, _, gave, result = _run(answer)
    require(result is not None, "forward returned None. Is the `return` missing?")
    require(
        isinstance(result, (list, tuple)),
        f"forward returned a {type(result).__name__}; expected a list, one entry a scale.",
    )
    count = len(gave[0])
    require(
        not all(isinstance(part, Tensor) for part in result),
        f"forward returned {len(result)} tensors in a row; expected {SIZES.scales} lists. The terms need to know which "
        f"scale a map belongs to: append each network's list, do not add or unpack it."
        + (" Were only the logits kept? Feature matching needs the maps." if len(result) == SIZES.scales else ""),
    )
    require(
        len(result) == SIZES.scales,
        f"forward returned {len(result)} entries; expected {SIZES.scales}, one for each scale.",
    )
    for i, scale in enumerate(result):
        require(
            isinstance(scale, (list, tuple)) and len(scale) == count,
            f"Scale {i} has {len(scale)} tensors; expected {count}, the maps and the logits.",
        )


def looks_at_smaller_and_smaller_pictures(answer: Callable) -> None:
    """shows scale 0 the picture itself and each later one the picture before it, halved"""
    _, given, _, _ = _run(answer)
    sides = [tuple(x.shape[2:]) for x in given]
    wanted = [(SIDE // 2**i,) * 2 for i in range(SIZES.scales)]
    require(
        sides[0] == wanted[0],
        f"The first network looked at {sides[0][0]} x {sides[0][1]} pixels; it sees the picture as it is, "
        f"{SIDE} x {SIDE}. Halve before every network but the first.",
    )
    require(
        sides == wanted,
        f"The networks looked at {', '.join(f'{h} x {w}' for h, w in sides)} pixels; expected "
        f"{', '.join(f'{h} x {w}' for h, w in wanted)}: halve the picture of the scale before, image = halve(image).",
    )
    expected = some_like(given[0])
    for i, (seen, right) in enumerate(zip(given, expected, strict=True)):
        require(
            not (i and same(seen, given[i - 1][:, :, ::2, ::2])),
            "The halved picture keeps every other pixel and forgets the rest, so fine stripes turn into coarse ones. "
            "Average neighbours: F.avg_pool2d.",
        )
        require(
            not (i and same(seen[..., 1:-1, 1:-1], right[..., 1:-1, 1:-1])) or same(seen, right),
            "Along the border the halved picture is too dark: the padding was counted as black pixels. "
            "count_include_pad=False.",
        )
        require(
            same(seen, right),
            f"Scale {i} looked at another picture than the halved one. Use the line of the card: "
            "F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False).",
        )


def some_like(image: Tensor) -> list[Tensor]:
    """The right pictures of all scales, made from the first."""
    pictures = [image]
    for _ in range(SIZES.scales - 1):
        pictures.append(halved(pictures[-1]))
    return pictures


def hands_out_each_networks_own(answer: Callable) -> None:
    """hands out each network's own answers, full size first, with their way back"""
    module, _, gave, result = _run(answer)
    for i, (scale, own) in enumerate(zip(result, gave, strict=True)):
        for tensor, right in zip(scale, own, strict=True):
            require(
                tensor.shape == right.shape and torch.allclose(tensor, right, atol=1e-6),
                f"Entry {i} is not what `discriminators.{i}` answered. Full size comes first, and nothing follows the "
                "networks: no sigmoid, no mean; the hinge wants the bare logits of every patch.",
            )
    image = some_pictures().requires_grad_()
    scores = [scale[-1].sum() for scale in module(image)]
    for i, score in enumerate(scores):
        require(
            score.requires_grad
            and torch.autograd.grad(score, image, retain_graph=True, allow_unused=True)[0] is not None,
            f"The logits of scale {i} have no way back to the picture, so the generator could not learn from them. "
            "Look for .detach() or no_grad.",
        )

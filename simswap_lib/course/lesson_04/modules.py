"""Checks of exercises 04.2 and 04.3: the ID-block and the injection (paper 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from simswap_lib.course.exercise import Wrong, call, require
from simswap_lib.course.lesson_04.adain import B, C, H, W, some_feature
from simswap_lib.course.probes import build, same, same_gradients, same_parameters, watch
from simswap_lib.models.generator import GeneratorConfig
from simswap_lib.models.iim import IDBlock, IDInjection

DIM = 7  # length of the identity vector
# No two sizes are alike, so that none can stand in another's place without notice.
SIZES = GeneratorConfig(image_size=16, width=3, downs=2, blocks=4, identity_dim=DIM)


def some_identity() -> Tensor:
    """One identity vector a sample, (B, DIM), each of length 1 and different from the others."""
    return F.normalize(torch.randn(B, DIM), dim=1)


# --- 04.2 IDBlock -----------------------------------------------------------------------------------------------------

PARTS = ("conv1", "adain1", "conv2", "adain2")


def has_the_four_parts(block: Callable) -> None:
    """holds conv1, adain1, conv2 and adain2, as the shipped weights name them"""
    same_parameters(
        build(block, C, DIM), IDBlock(C, DIM),
        "Keep the stub's __init__ as it is: two convolutions, each with an AdaIN of its own (sharing one would force "
        "the same sigma_s and mu_s on both).",
    )  # fmt: skip


def gives_the_same_shape(block: Callable) -> None:
    """returns the shape of x, so that blocks can be stacked"""
    try:
        call(build(block, C, DIM), shape=(B, C, H, W), x=some_feature(), v_source=some_identity())
    except Wrong as wrong:
        if f"({B}, {2 * C}, {H}, {W})" in str(wrong):
            raise Wrong(f"{wrong} Twice the channels: x and the branch are added, not concatenated.") from wrong
        raise


def runs_the_parts_in_order(block: Callable) -> None:
    """runs conv1, adain1, conv2, adain2 once each, in this order, both AdaINs with v_source"""
    x, v_source = some_feature(), some_identity()
    steps, _ = watch(build(block, C, DIM), PARTS, x=x, v_source=v_source)
    order = [step.name for step in steps]
    for part in PARTS:
        count = order.count(part)
        require(
            count < 2,
            f"`{part}` ran {count} times. There are two convolutions and two AdaINs; the second half uses conv2 and "
            "adain2.",
        )
        require(
            count == 1,
            f"`{part}` never ran. All four parts take turns; call each as self.{part}(...), because without an AdaIN "
            "after it a convolution keeps the target's statistics.",
        )
    require(
        tuple(order) == PARTS,
        f"The parts ran as {', '.join(order)}; expected {', '.join(PARTS)}. AdaIN comes after its convolution: what a "
        "later convolution mixes again is no longer what the identity asked for.",
    )
    first = steps[0].inputs[0]
    require(
        not same(first, F.relu(x)),
        "conv1 gets relu(x): nothing comes before the first convolution, x goes in as it is.",
    )
    require(same(first, x), "conv1 does not get x as it is.")
    for step in steps[1::2]:
        require(
            len(step.inputs) == 2 and same(step.inputs[1], v_source),
            f"`{step.name}` did not get v_source as its second input. Both AdaINs read the same identity vector.",
        )


def has_a_relu_in_the_middle(block: Callable) -> None:
    """has a ReLU after the first AdaIN, and none after the second"""
    steps, _ = watch(build(block, C, DIM), PARTS, x=some_feature(), v_source=some_identity())
    given = {step.name: step for step in steps}
    first, second = given["adain1"].output, given["conv2"].inputs[0]
    if same(second, F.relu(first)):
        return
    require(
        not same(given["adain1"].inputs[0], F.relu(given["conv1"].output)),
        "The ReLU stands before adain1, which takes the mean away and so undoes it. It belongs after adain1.",
    )
    for value in (F.leaky_relu(first, 0.01), F.leaky_relu(first, 0.1), F.leaky_relu(first, 0.2)):
        require(
            not same(second, value) or same(second, first),
            "Between adain1 and conv2 stands a LeakyReLU; the paper and the trained weights have a plain ReLU.",
        )
    if same(second, first):
        raise Wrong(
            "conv2 gets the output of adain1 unchanged, negative numbers included: the ReLU between the two halves is "
            "missing. Without it the branch could do no more than a single convolution could."
        )
    raise Wrong(
        "conv2 gets something else than relu(adain1(conv1(x), v_source)). What happens between adain1 and conv2?"
    )


def hands_x_through(block: Callable) -> None:
    """adds the branch to x, with nothing after the sum"""
    module, x, v_source = build(block, C, DIM), some_feature(), some_identity()
    branch: list[Tensor] = []
    handle = module.adain2.register_forward_hook(lambda part, given, output: branch.append(output.detach().clone()))
    result = call(module, x=x, v_source=v_source)
    handle.remove()
    y = branch[-1]
    for value, cause in (
        (
            y,
            "The result is the branch alone: x was not added. Without the sum, nine blocks would have to rebuild the "
            "target from scratch.",
        ),
        (
            F.relu(x + y),
            "There is a ReLU after the sum: it cuts every negative number of x off. Nothing follows the sum.",
        ),
        (
            x + F.relu(y),
            "There is a ReLU after the second AdaIN: the branch could then only add to x, never take away.",
        ),
        (x - y, "The branch is subtracted from x; add it."),
    ):
        require(same(result, x + y) or not same(result, value), cause)
    require(
        same(result, x + y), "The result is not x plus the output of adain2. The last line should be: return x + y."
    )
    same_gradients(module, with_weights(IDBlock(C, DIM), module), x, v_source)


def with_weights(reference: nn.Module, module: nn.Module) -> nn.Module:
    reference.load_state_dict(module.state_dict())
    return reference.eval()


# --- 04.3 IDInjection -------------------------------------------------------------------------------------------------

BLOCKS = 3


def owns_its_blocks(injection: Callable) -> None:
    """holds as many ID-blocks as asked for, each with weights of its own"""
    module, wanted = build(injection, C, DIM, BLOCKS), IDInjection(C, DIM, BLOCKS)
    blocks = getattr(module, "blocks", None)
    require(
        not isinstance(blocks, (list, tuple)),
        "`self.blocks` is a Python list: PyTorch does not look into lists, so .parameters() is empty, nothing would be "
        "trained and no weights loaded. Wrap it: nn.ModuleList(...).",
    )
    same_parameters(module, wanted, "Expected self.blocks = nn.ModuleList of `blocks` IDBlocks.")
    own, all_of_them = (len({id(p) for p in m.parameters()}) for m in (module, wanted))
    require(
        own == all_of_them,
        f"The {BLOCKS} blocks share one set of weights ({own} tensors; expected {all_of_them}): [block] * n repeats "
        "one object. Make a new IDBlock for each: IDBlock(...) for _ in range(blocks).",
    )


def hands_features_on(injection: Callable) -> None:
    """gives each block what the one before it returned, and returns what the last one did"""
    feature, steps, result = _injected(injection)
    require(steps, "None of the blocks ran. Call each as block(feature, v_source).")
    require(
        len(steps) == BLOCKS,
        f"{len(steps)} of {BLOCKS} blocks ran. Is the `return` inside the loop, or does the loop stop early?",
    )
    for i, step in enumerate(steps):
        require(
            step.name == f"blocks.{i}", f"`{step.name}` ran as number {i}; expected blocks.0, blocks.1, ... in order."
        )
        before = feature if i == 0 else steps[i - 1].output
        require(
            same(step.inputs[0], before),
            f"Block {i} did not get {'the feature' if i == 0 else f'what block {i - 1} returned'}. Keep each result "
            "under the same name, feature = block(feature, v_source), or every block starts again from the target.",
        )
    require(
        same(result, steps[-1].output),
        "The result is not what the last block returned. Nothing is added after the loop.",
    )


def gives_all_the_same_identity(injection: Callable) -> None:
    """gives every block the same v_source, each sample its own"""
    v_source = some_identity()
    _, steps, _ = _injected(injection, v_source)
    require(steps, "None of the blocks ran, so no block saw v_source.")
    for step in steps:
        seen = step.inputs[1]
        if seen.shape == v_source.shape and same(seen[0], seen[1]) and not same(seen, torch.zeros_like(seen)):
            raise Wrong(
                f"`{step.name}` got one identity for the whole batch. Each sample has its own source: no mean over "
                "dim 0."
            )
        require(
            same(seen, v_source),
            f"`{step.name}` got something else than v_source. All blocks get the same vector, untouched: each reads "
            "what it needs from it with its own layer.",
        )
    module = build(injection, C, DIM, BLOCKS)
    same_gradients(module, with_weights(IDInjection(C, DIM, BLOCKS), module), some_feature(), some_identity())


def _injected(injection: Callable, v_source: Tensor | None = None):
    feature, names = some_feature(), [f"blocks.{i}" for i in range(BLOCKS)]
    module = build(injection, C, DIM, BLOCKS)
    if not isinstance(getattr(module, "blocks", None), (nn.ModuleList, nn.Sequential)):
        raise Wrong("Expected self.blocks to be an nn.ModuleList.")
    given = {"feature": feature, "v_source": some_identity() if v_source is None else v_source}
    try:
        steps, result = watch(module, names, **given)
    except TypeError as error:
        if not isinstance(module.blocks, nn.Sequential):
            raise
        raise Wrong(
            f"{error}. nn.Sequential hands one thing from part to part, and a block wants two. Loop over the blocks "
            "yourself: for block in self.blocks."
        ) from error
    return feature, steps, result


# --- 04.4 Generator ---------------------------------------------------------------------------------------------------

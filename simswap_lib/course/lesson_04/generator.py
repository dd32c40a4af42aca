"""Checks of exercise 04.4: the generator, put together from encoder, injection and decoder (paper 3.2)."""

from __future__ import annotations

from collections.abc import Callable

import torch

from simswap_lib.course.exercise import require
from simswap_lib.course.lesson_04.adain import B
from simswap_lib.course.lesson_04.modules import SIZES, some_identity, with_weights
from simswap_lib.course.probes import build, same, same_gradients, same_parameters, watch
from simswap_lib.models.generator import Generator

STAGES = ("encoder", "injection", "decoder")


def has_the_three_stages(generator: Callable) -> None:
    """holds encoder, injection and decoder, of the sizes in config"""
    same_parameters(
        build(generator, SIZES), Generator(SIZES),
        "Take every size from config: Encoder(config.width, config.downs), IDInjection(config.channels, "
        "config.identity_dim, config.blocks), Decoder(config.width, config.downs).",
    )  # fmt: skip


def runs_the_stages_in_order(generator: Callable) -> None:
    """takes the target apart, injects the identity, draws the result: each stage once"""
    target, v_source, steps, _ = _generated(generator)
    order = [step.name for step in steps]
    for stage in STAGES:
        require(
            stage in order,
            f"`{stage}` never ran." + (" Without it the source has no say at all." if stage == "injection" else ""),
        )
        require(
            order.count(stage) == 1,
            f"`{stage}` ran {order.count(stage)} times; once is what the weights were trained for.",
        )
    require(tuple(order) == STAGES, f"The stages ran as {', '.join(order)}; expected {', '.join(STAGES)}.")
    encoder, injection, decoder = steps
    require(same(encoder.inputs[0], target), "The encoder did not get the target picture as it is.")
    require(same(injection.inputs[0], encoder.output), "The injection did not get the encoder's feature as it is.")
    require(same(injection.inputs[1], v_source), "The injection did not get v_source as its second input, as it is.")
    require(
        same(decoder.inputs[0], injection.output),
        "The decoder did not get the injection's result as it is. A way around the injection (a skip connection) "
        "would carry the target's identity straight into the picture.",
    )


def ends_with_tanh(generator: Callable) -> None:
    """squashes the result into [-1, 1] with tanh"""
    target, _, steps, result = _generated(generator)
    drawn = next((step.output for step in steps if step.name == "decoder"), None)
    require(drawn is not None, "`decoder` never ran.")
    for value, cause in (
        (drawn, "The result is the decoder's output as it is, which may lie outside [-1, 1]: tanh is missing."),
        (
            torch.sigmoid(drawn),
            "That is a sigmoid: it ends in (0, 1), but pictures here live in [-1, 1]. Use torch.tanh.",
        ),
        (
            drawn.clamp(-1, 1),
            "The result is clipped: right range, but no gradient comes back from a clipped pixel. Use torch.tanh.",
        ),
    ):
        require(not same(result, value), cause)
    for value, cause in (
        (torch.tanh(torch.tanh(drawn)), "tanh was taken twice."),
        ((torch.tanh(drawn) + 1) / 2, "The result was brought to [0, 1] after tanh; pictures here live in [-1, 1]."),
        (torch.tanh(drawn + target), "The target was added before tanh: a way around the injection, which carries the "
         "target's identity into the picture."),
        (torch.tanh(drawn) + target, "The target was added to the result: a way around the injection, which carries "
         "the target's identity into the picture."),
    ):  # fmt: skip
        require(not same(result, value), cause)
    require(same(result, torch.tanh(drawn)), "The result is not tanh of the decoder's output.")
    module = build(generator, SIZES)
    same_gradients(module, with_weights(Generator(SIZES), module), target, some_identity())


def _generated(generator: Callable):
    module = build(generator, SIZES)
    with torch.no_grad():
        module.decoder.to_rgb.weight.mul_(20)  # loud enough to leave [-1, 1] without tanh
    target, v_source = torch.rand(B, 3, 16, 12) * 2 - 1, some_identity()
    steps, result = watch(module, STAGES, target=target, v_source=v_source)
    return target, v_source, steps, result

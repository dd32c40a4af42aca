"""Wrong answers to exercise 07.3. Each is the course's step but for its mistake."""

from collections.abc import Callable

import torch

from simswap_lib import losses
from simswap_lib.train_step import discriminator_step


def _with(hinge=None, look=None, turn=None, where=None, strength=None, told=None, move=None) -> Callable:
    """The course's step, with any of its parts exchanged."""

    def discriminator_step(run, target, result, target_maps, places):
        made_maps = run.look(look(result) if look else result.detach())
        terms = {"critic": (hinge or losses.hinge_d_loss)(target_maps, made_maps)}
        total, w, every = terms["critic"], run.config.loss.gp, run.config.gp_every
        if turn(places) if turn else places is not None:
            terms["gp"] = losses.gradient_penalty(run.critic, target, result, where(places) if where else places)
            total = total + (strength(every, w) if strength else every * w) * terms["gp"]
        (move or (lambda run, total: run.move(run.critic, total)))(run, total)
        return told(terms, run) if told else terms

    return discriminator_step


def _named(name: str, answer: Callable) -> Callable:
    answer.__name__ = name
    return answer


def _constant(maps):
    return [[output.detach() for output in scale] for scale in maps]


def one_number(run, target, result, target_maps, places):
    return discriminator_step(run, target, result, target_maps, places)["critic"]


changed_places = _named("changed_places", _with(hinge=lambda real, made: losses.hinge_d_loss(made, real)))
generators_loss = _named("generators_loss", _with(hinge=lambda real, made: losses.hinge_g_loss(made)))
made_twice = _named("made_twice", _with(hinge=lambda real, made: losses.hinge_d_loss(made, made)))
halved = _named("halved", _with(hinge=lambda real, made: losses.hinge_d_loss(real, made) / 2))
not_detached = _named("not_detached", _with(look=lambda result: result))
moves_the_generator = _named("moves_the_generator", _with(move=lambda run, total: _also_the_generator(run, total)))
never_moves = _named("never_moves", _with(move=lambda run, total: total.backward()))
target_is_constant = _named(
    "target_is_constant", _with(hinge=lambda real, made: losses.hinge_d_loss(_constant(real), made))
)
made_is_constant = _named(
    "made_is_constant", _with(hinge=lambda real, made: losses.hinge_d_loss(real, _constant(made)))
)
uphill = _named("uphill", _with(move=lambda run, total: run.move(run.critic, -total)))
always = _named("always", _with(turn=lambda places: True))
on_the_other_steps = _named("on_the_other_steps", _with(turn=lambda places: places is None))
never = _named("never", _with(turn=lambda places: False))
places_of_its_own = _named("places_of_its_own", _with(where=lambda places: None))
places_turned_round = _named("places_turned_round", _with(where=lambda places: 1 - places))
as_strong_as_ever = _named("as_strong_as_ever", _with(strength=lambda every, w: w))
no_weight = _named("no_weight", _with(strength=lambda every, w: every))
not_in_the_total = _named("not_in_the_total", _with(strength=lambda every, w: 0.0))
weighed_in_the_log = _named(
    "weighed_in_the_log",
    _with(told=lambda terms, run: {k: v * (run.config.loss.gp if k == "gp" else 1) for k, v in terms.items()}),
)
total_in_the_log = _named(
    "total_in_the_log",
    _with(
        told=lambda terms, run: (
            terms | {"critic": terms["critic"] + run.config.gp_every * run.config.loss.gp * terms.get("gp", 0.0)}
        )
    ),
)
gradients_pile_up = _named("gradients_pile_up", _with(move=lambda run, total: _without_zero(run, total)))


def _also_the_generator(run, total) -> None:
    run.move(run.critic, total)
    with torch.no_grad():
        for p in run.generator.parameters():
            p.mul_(0.999)


def _without_zero(run, total) -> None:
    total.backward()
    run.adam_d.step()

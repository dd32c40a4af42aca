"""Wrong answers to exercise 07.2, each the course's step but for its mistake; `mystery` is the bug to find."""

from collections.abc import Callable

import torch

from simswap_lib import losses
from simswap_lib.train_step import generator_step


def _step(
    run, target, v_source, same, target_maps,
    draw=None, eyes=None, look=None, identity=None, masked=None, adversarial=None, matched=None, weigh=None, move=None,
    told=None,
):  # fmt: skip
    """The course's step, with any of its parts exchanged."""
    result = (draw or run.draw)(target, v_source)
    result_maps = run.look(look(result) if look else result)
    v_result = run.recogniser(eyes(result) if eyes else result.float())
    w = run.config.loss
    terms = {
        "identity": (identity or losses.identity_loss)(v_result, v_source),
        "reconstruction": losses.reconstruction_loss(result, target, masked(same) if masked else same),
        "adversarial": (adversarial or losses.hinge_g_loss)(result_maps),
        "wfm": (matched or losses.weak_feature_matching_loss)(result_maps, target_maps, run.config.first_map),
    }
    weights = {name: getattr(w, name) for name in terms}
    total = weigh(terms, weights) if weigh else sum(weights[name] * terms[name] for name in terms)
    (move or (lambda total: run.move(run.generator, total)))(total)
    return result, v_result, told(terms, weights) if told else terms


def _with(**parts: Callable) -> Callable:
    """A step with parts made from the run: name=lambda run, target: part."""

    def generator_step(run, target, v_source, same, target_maps):
        made = {name: part(run, target) for name, part in parts.items()}
        return _step(run, target, v_source, same, target_maps, **made)

    return generator_step


def _named(name: str, answer: Callable) -> Callable:
    answer.__name__ = name
    return answer


def terms_alone(run, target, v_source, same, target_maps):
    return generator_step(run, target, v_source, same, target_maps)[2]


def order_of_results(run, target, v_source, same, target_maps):
    result, v_result, terms = generator_step(run, target, v_source, same, target_maps)
    return v_result, result, terms


average_draws = _named("average_draws", _with(draw=lambda run, target: run.ema))
at_rest = _named("at_rest", _with(draw=lambda run, target: lambda t, v: run.generator.eval()(t, v)))
looks_at_the_target = _named("looks_at_the_target", _with(eyes=lambda run, target: lambda result: target + 0 * result))
cosine_as_loss = _named(
    "cosine_as_loss", _with(identity=lambda run, target: lambda r, s: torch.cosine_similarity(r, s).mean())
)
identity_of_the_target = _named(
    "identity_of_the_target",
    _with(identity=lambda run, target: lambda r, s: losses.identity_loss(r, run.recogniser(target))),
)
everywhere = _named("everywhere", _with(masked=lambda run, target: torch.ones_like))
mask_upside_down = _named("mask_upside_down", _with(masked=lambda run, target: torch.logical_not))
critics_loss = _named(
    "critics_loss", _with(adversarial=lambda run, target: lambda maps: losses.hinge_d_loss(run.look(target), maps))
)
wrong_sign = _named("wrong_sign", _with(adversarial=lambda run, target: lambda maps: -losses.hinge_g_loss(maps)))
all_maps = _named("all_maps", _with(matched=lambda run, target: lambda r, t, m: losses.feature_matching_loss(r, t)))
one_map_late = _named(
    "one_map_late", _with(matched=lambda run, target: lambda r, t, m: losses.weak_feature_matching_loss(r, t, m + 1))
)
matched_backwards = _named(
    "matched_backwards", _with(matched=lambda run, target: lambda r, t, m: losses.weak_feature_matching_loss(t, r, m))
)
weighed_terms = _named(
    "weighed_terms", _with(told=lambda run, target: lambda terms, w: {name: w[name] * terms[name] for name in terms})
)
critic_moves = _named("critic_moves", _with(move=lambda run, target: lambda total: _move_both(run, total)))
nothing_moves = _named("nothing_moves", _with(move=lambda run, target: lambda total: total.backward()))
critic_sees_a_copy = _named("critic_sees_a_copy", _with(look=lambda run, target: torch.Tensor.detach))
recogniser_sees_a_copy = _named("recogniser_sees_a_copy", _with(eyes=lambda run, target: torch.Tensor.detach))
no_weights = _named("no_weights", _with(weigh=lambda run, target: lambda terms, w: sum(terms.values())))
averaged = _named(
    "averaged", _with(weigh=lambda run, target: lambda terms, w: sum(w[n] * terms[n] for n in terms) / len(terms))
)
adversarial_bare = _named(
    "adversarial_bare",
    _with(
        weigh=lambda run, target: lambda terms, w: sum((1 if n == "adversarial" else w[n]) * terms[n] for n in terms)
    ),
)
weights_changed_places = _named(
    "weights_changed_places",
    _with(
        weigh=lambda run, target: (
            lambda terms, w: sum(w[{"identity": "wfm", "wfm": "identity"}.get(n, n)] * terms[n] for n in terms)
        )
    ),
)
adversarial_subtracted = _named(
    "adversarial_subtracted",
    _with(
        weigh=lambda run, target: (
            lambda terms, w: sum((-1 if n == "adversarial" else 1) * w[n] * terms[n] for n in terms)
        )
    ),
)
gradients_pile_up = _named("gradients_pile_up", _with(move=lambda run, target: lambda total: _without_zero(run, total)))


def _last_one(terms, w):
    total = 0 * terms["wfm"]
    for name in terms:
        if w[name]:
            total = w[name] * terms[name]
    return total


overwritten = _named("overwritten", _with(weigh=lambda run, target: _last_one))


def four_moves(run, target, v_source, same, target_maps):
    """One step for each term instead of one for their sum."""

    def move(total):
        for name, term in total.items():
            run.adam_g.zero_grad()
            (getattr(run.config.loss, name) * term).backward(retain_graph=True)
            torch.nn.utils.clip_grad_value_(run.generator.parameters(), 1e9)
        run.adam_g.step()
        run.adam_g.step()

    return _step(run, target, v_source, same, target_maps, weigh=lambda terms, w: terms, move=move)


def _move_both(run, total) -> None:
    run.critic.requires_grad_(True)
    run.move(run.generator, total)
    with torch.no_grad():
        for p in run.critic.parameters():
            p.sub_(1e-3 * torch.sign(p))


def _without_zero(run, total) -> None:
    total.backward()
    run.adam_g.step()


def mystery(run, target, v_source, same, target_maps):
    """The colleague's step: identity is read through NumPy, as for a report, and carries no gradient."""

    def through_numpy(result):
        return torch.from_numpy(result.detach().cpu().numpy()).to(result.device)

    return _step(run, target, v_source, same, target_maps, eyes=through_numpy)

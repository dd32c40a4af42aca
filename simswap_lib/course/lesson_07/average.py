"""Checks of exercise 07.4: the averaged generator."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn

from simswap_lib.course.exercise import Wrong, require

DECAY = 0.75


class Update:
    """An average and a network, alike in shape and different in every number, and one call of the answer on them."""

    def __init__(self, answer: Callable, decay: float = DECAY):
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()  # frozen, as in a run
        with torch.no_grad():
            for a, b in zip(self.average.parameters(), self.network.parameters(), strict=True):
                a.copy_(torch.randn(a.shape))
                b.copy_(torch.randn(b.shape) + 3)
        for net, mean in ((self.average, 1.0), (self.network, 5.0)):
            net[1].running_mean.fill_(mean)
            net[1].running_var.fill_(mean + 1)
            net[1].num_batches_tracked.fill_(int(10 * mean))
        self.a, self.b = (copy.deepcopy(net.state_dict()) for net in (self.average, self.network))
        self.modes = [net.training for net in (self.average, self.network)]
        self.places = [t.data_ptr() for t in self.average.parameters()]
        try:
            answer(self.average, self.network, decay)
        except RuntimeError as error:
            if any(word in str(error) for word in ("dtype", "Long", "Float")):
                error.add_note(
                    "num_batches_tracked, a buffer of BatchNorm, counts in whole numbers: it is copied, not averaged. "
                    "is_floating_point() tells which buffers are."
                )
            raise

    def parameters(self) -> dict[str, torch.Tensor]:
        return {name: value.detach() for name, value in self.average.named_parameters()}


def changes_the_average_alone(answer: Callable) -> None:
    """changes the average, in its own place, and leaves the network as it was"""
    update = Update(answer)
    changed = [n for n, value in update.network.state_dict().items() if not torch.equal(value, update.b[n])]
    require(
        not changed,
        f"The network's `{''.join(changed[:1])}` has changed. Only the average moves; the network goes on learning "
        "from where it is. Mind who stands before the dot: a.lerp_(b, ...) changes a.",
    )
    require(
        update.modes == [net.training for net in (update.average, update.network)],
        "One of the two has another mode than before: .eval() or .train() was called. Only numbers change here.",
    )
    require(
        all(p.requires_grad for p in update.network.parameters()),
        "The network's parameters no longer want a gradient: it could not learn any more. Leave it as it is.",
    )
    own, others = (
        {t.data_ptr() for t in (*net.parameters(), *net.buffers())} for net in (update.average, update.network)
    )
    require(
        not own & others,
        "Average and network share their numbers now: whatever moves one moves the other. Assigning a tensor hands the "
        "tensor over; lerp_ and copy_ write numbers into the average's own.",
    )
    require(
        any(not torch.equal(value, update.a[n]) for n, value in update.parameters().items()),
        "The average has not changed. a = decay * a + ... makes a new tensor and forgets it; a.lerp_(b, 1 - decay) or "
        "a.copy_(...) writes into the average.",
    )
    require(
        update.places == [t.data_ptr() for t in update.average.parameters()],
        "The average's tensors are new ones. Write into the old ones (lerp_, mul_, add_, copy_).",
    )


def moves_a_little_towards_the_network(answer: Callable) -> None:
    """moves each parameter to decay * average + (1 - decay) * network"""
    update = Update(answer)
    for name, value in update.parameters().items():
        a, b = update.a[name], update.b[name]
        for other, cause in (
            (b, "That is the network itself: a copy, not an average."),
            (
                (1 - DECAY) * a + DECAY * b,
                "The two shares have changed places: the average keeps `decay` of itself. lerp_(b, weight) goes "
                "`weight` of the way to b, so weight = 1 - decay.",
            ),
            (DECAY * a + b, "The network's share is not multiplied by 1 - decay: the numbers would grow and grow."),
            (DECAY * a, "The network's share is missing."),
            ((a + b) / 2, "Half and half, whatever `decay` says."),
        ):
            require(not torch.allclose(value, other, atol=1e-4), f"`{name}` is wrong. {cause}")
        require(
            torch.allclose(value, DECAY * a + (1 - DECAY) * b, atol=1e-4),
            f"`{name}` is not decay * average + (1 - decay) * network.",
        )
    untouched = Update(answer, 1.0)
    require(
        all(torch.allclose(v, untouched.a[n], atol=1e-5) for n, v in untouched.parameters().items()),
        "With decay = 1 the average should stay where it is. Is `decay` used, or a number of your own?",
    )


def averages_the_statistics(answer: Callable) -> None:
    """averages BatchNorm's statistics as well, and copies its count"""
    update = Update(answer)
    for name, value in update.average.named_buffers():
        a, b = update.a[name], update.b[name]
        require(
            not torch.equal(value, a),
            f"`{name}` has stayed as it was. BatchNorm keeps its running statistics in buffers, and .parameters() does "
            "not list them: a second loop, over .buffers(). In evaluation mode the average would normalise with "
            "statistics from the first day.",
        )
        if not b.is_floating_point():
            require(
                torch.equal(value, b),
                f"`{name}` counts batches in whole numbers: copy_ it. An average of two counts counts nothing.",
            )
            continue
        require(
            not torch.equal(value, b),
            f"`{name}` was copied. It describes the last ten batches of one generator, and the weights beside it are "
            "the mean of hundreds: they no longer fit. Average it with the same decay.",
        )
        require(
            torch.allclose(value, DECAY * a + (1 - DECAY) * b, atol=1e-4),
            f"`{name}` is not decay * average + (1 - decay) * network.",
        )


def keeps_no_history(answer: Callable) -> None:
    """keeps no history for backward passes"""
    update = Update(answer)
    for name, value in update.average.named_parameters():
        if value.grad_fn is not None or value.requires_grad:
            raise Wrong(
                f"`{name}` of the average now hangs on the network's graph (requires_grad is {value.requires_grad}): "
                "every step would make the history longer, until memory is full. Put @torch.no_grad() above the "
                "function, or its body under with torch.no_grad()."
            )

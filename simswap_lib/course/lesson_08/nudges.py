"""Wrong answers to exercise 08.5 that people give."""

import torch

from simswap_lib.flattery import REACH


def with_history(images, v_source, recogniser, budget, steps):
    x = images.clone().requires_grad_()
    for _ in range(steps):
        (gradient,) = torch.autograd.grad((recogniser(x) * v_source).sum(), x)
        x = _clipped(x + REACH * budget / 127.5 / steps * gradient.sign(), images, budget / 127.5)
    return x


def in_place(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x.requires_grad_()
        gradient = _gradient(x, v_source, recogniser)
        with torch.no_grad():
            x += REACH * limit / steps * gradient.sign()
    return x.detach()


def downhill(images, v_source, recogniser, budget, steps):
    return _steps(images, v_source, recogniser, budget, steps, sign=-1)


def no_clipping(images, v_source, recogniser, budget, steps):
    x = images
    for _ in range(steps):
        x = x + REACH * budget / 127.5 / steps * _gradient(x, v_source, recogniser).sign()
    return x.clamp(-1, 1)


def around_the_last(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        moved = x + REACH * limit / steps * _gradient(x, v_source, recogniser).sign()
        x = _clipped(moved, x, limit)
    return x


def budget_as_it_is(images, v_source, recogniser, budget, steps):
    return _steps(images, v_source, recogniser, 127.5 * budget, steps)


def half_the_budget(images, v_source, recogniser, budget, steps):
    return _steps(images, v_source, recogniser, budget / 2, steps)


def raw_gradient(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        gradient = _gradient(x, v_source, recogniser)
        x = _clipped(x + REACH * limit / steps * gradient, images, limit)
    return x


def scaled_gradient(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        gradient = _gradient(x, v_source, recogniser)
        x = _clipped(x + 4 * limit * gradient / gradient.abs().amax(dim=(1, 2, 3), keepdim=True), images, limit)
    return x


def beyond_white(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x = x + REACH * limit / steps * _gradient(x, v_source, recogniser).sign()
        x = images + (x - images).clamp(-limit, limit)
    return x


def asked_once(images, v_source, recogniser, budget, steps):
    limit = budget / 127.5
    return _clipped(images + REACH * limit * _gradient(images, v_source, recogniser).sign(), images, limit)


def stale(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x = _clipped(x + REACH * limit / steps * _gradient(images, v_source, recogniser).sign(), images, limit)
    return x


def clipped_at_the_end(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x = (x + REACH * limit / steps * _gradient(x, v_source, recogniser).sign()).clamp(-1, 1)
    return _clipped(x, images, limit)


def all_pairs(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad((recogniser(x) @ v_source.T).sum(), x)
        x = _clipped(x.detach() + REACH * limit / steps * gradient.sign(), images, limit)
    return x


def gradients_add_up(images, v_source, recogniser, budget, steps):
    x, limit = images.clone().requires_grad_(), budget / 127.5
    for _ in range(steps):
        (recogniser(x) * v_source).sum().backward()  # x.grad is never emptied
        with torch.no_grad():
            x.copy_(_clipped(x + REACH * limit / steps * x.grad.sign(), images, limit))
    return x.detach()


def small_steps(images, v_source, recogniser, budget, steps):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x = _clipped(x + limit / steps * _gradient(x, v_source, recogniser).sign(), images, limit)
    return x


def _steps(images, v_source, recogniser, budget, steps, sign=1):
    x, limit = images, budget / 127.5
    for _ in range(steps):
        x = _clipped(x + sign * REACH * limit / steps * _gradient(x, v_source, recogniser).sign(), images, limit)
    return x


def _gradient(x, v_source, recogniser):
    x = x if x.requires_grad else x.detach().requires_grad_()
    return torch.autograd.grad((recogniser(x) * v_source).sum(), x)[0]


def _clipped(x, images, limit):
    return (images + (x - images).clamp(-limit, limit)).clamp(-1, 1)

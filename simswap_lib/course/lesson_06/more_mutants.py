"""Wrong answers to 06.2, 06.3 and 06.5 that people give."""

import torch

# 06.2 -----------------------------------------------------------------------------------------------------------------


def size_alone(layers):
    size, step = 1, 1
    for kernel, stride, _ in layers:
        size, step = size + (kernel - 1) * step, step * stride
    return size


def _field(layers, size=1, start=0, grow=lambda k, step: (k - 1) * step, pad=lambda p, step: -p * step):
    step = 1
    for kernel, stride, padding in layers:
        size, start, step = size + grow(kernel, step), start + pad(padding, step), step * stride
    return size, step, start


def begins_with_nothing(layers):
    return _field(layers, size=0)


def whole_kernel(layers):
    return _field(layers, grow=lambda k, step: k * step)


def step_first(layers):
    size, step, start = 1, 1, 0
    for kernel, stride, padding in layers:
        step *= stride
        size, start = size + (kernel - 1) * step, start - padding * step
    return size, step, start


def start_without_padding(layers):
    return _field(layers, pad=lambda p, step: 0)


def padding_to_the_right(layers):
    return _field(layers, pad=lambda p, step: p * step)


def padding_in_pixels(layers):
    return _field(layers, pad=lambda p, step: -p)


def kernels_add_up(layers):
    _, step, start = _field(layers)
    return sum(k for k, _, _ in layers) or 1, step, start


def kernels_minus_one(layers):
    return _field(layers, grow=lambda k, step: k - 1)


def strides_add_up(layers):
    size, _, start = _field(layers)
    return size, sum(s for _, s, _ in layers) or 1, start


def from_the_end(layers):
    return _field(layers[::-1])


def last_layer(layers):
    return _field(layers[-1:])


def two_layers_at_most(layers):
    return _field(layers[:2])


# 06.3 -----------------------------------------------------------------------------------------------------------------


def _invert(distance, start, steps, rate, kind=torch.optim.Adam, sign=1, clamp=1.0, stale=False):
    picture = start.detach().clone().requires_grad_()
    optimiser = kind([picture], rate)
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(sign * distance(picture), picture)
        picture.grad = picture.grad + gradient if stale and picture.grad is not None else gradient
        optimiser.step()
        with torch.no_grad():
            picture.clamp_(-clamp, clamp)
    return picture


def keeps_history(distance, start, steps, rate):
    return _invert(distance, start, steps, rate)


def in_the_start(distance, start, steps, rate):
    start.copy_(_invert(distance, start, steps, rate).detach())
    return start.clone()


def uphill(distance, start, steps, rate):
    return _invert(distance, start, steps, rate, sign=-1).detach()


def one_step(distance, start, steps, rate):
    return _invert(distance, start, 1, rate).detach()


def loses_the_leaf(distance, start, steps, rate):
    picture = start.detach().clone().requires_grad_()
    adam = torch.optim.Adam([picture], rate)
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(distance(picture), picture)
        adam.step()  # sees no gradient: `picture` is another tensor after the first turn
        picture = (picture.detach()).clamp(-1, 1).requires_grad_()
        picture.grad = gradient
    return picture.detach()


def plain_descent(distance, start, steps, rate):
    return _invert(distance, start, steps, rate, kind=torch.optim.SGD).detach()


def stale_gradient(distance, start, steps, rate):
    return _invert(distance, start, steps, rate, stale=True).detach()


def rate_of_its_own(distance, start, steps, rate):
    return _invert(distance, start, steps, 0.1).detach()


def new_adam_each_step(distance, start, steps, rate):
    picture = start
    for _ in range(steps):
        picture = _invert(distance, picture, 1, rate).detach()
    return picture


def one_step_too_many(distance, start, steps, rate):
    return _invert(distance, start, steps + 1, rate).detach()


def returns_the_start(distance, start, steps, rate):
    _invert(distance, start, steps, rate)
    return start


def clamp_without_no_grad(distance, start, steps, rate):
    picture = start.clone().requires_grad_()
    adam = torch.optim.Adam([picture], rate)
    for _ in range(steps):
        (picture.grad,) = torch.autograd.grad(distance(picture), picture)
        adam.step()
        picture.clamp_(-1, 1)
    return picture.detach()


def no_clamp(distance, start, steps, rate):
    return _invert(distance, start, steps, rate, clamp=float("inf")).detach()


def clamp_at_the_end(distance, start, steps, rate):
    return _invert(distance, start, steps, rate, clamp=float("inf")).detach().clamp(-1, 1)


def eight_bit_range(distance, start, steps, rate):
    return _invert(distance, start, steps, rate, clamp=255.0).detach()


def backward_into_all(distance, start, steps, rate):
    picture = start.detach().clone().requires_grad_()
    adam = torch.optim.Adam([picture], rate)
    for _ in range(steps):
        adam.zero_grad()
        distance(picture).backward()
        adam.step()
        picture.data.clamp_(-1, 1)
    return picture.detach()


# 06.5 -----------------------------------------------------------------------------------------------------------------


def _reach(loss, result_maps, target_maps, has=lambda g: bool(g.any()), join=lambda x: x.any(dim=1)):
    copies = [[[x.detach().clone().requires_grad_() for x in s] for s in maps] for maps in (result_maps, target_maps)]
    value, flat = loss(*copies), [x for maps in copies for scale in maps for x in scale]
    if not value.requires_grad:
        return torch.zeros(2, len(result_maps[0]), dtype=torch.bool)
    gradients = torch.autograd.grad(value, flat, allow_unused=True)
    return join(torch.tensor([g is not None and has(g) for g in gradients]).view(2, len(result_maps), -1))


def scales_apart(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps, join=lambda x: x)


def no_logits(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps)[:, :-1]


def numbers(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps).float()


def sides_exchanged(loss, result_maps, target_maps):
    return _reach(loss, target_maps, result_maps).flip(0)


def result_only(loss, result_maps, target_maps):
    found = _reach(loss, result_maps, target_maps)
    return torch.stack([found[0], torch.zeros_like(found[0])])


def in_all_scales(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps, join=lambda x: x.all(dim=1))


def first_scale_alone(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps, join=lambda x: x[:, 0])


def exists(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps, has=lambda g: True)


def sums(loss, result_maps, target_maps):
    return _reach(loss, result_maps, target_maps, has=lambda g: g.sum().item() != 0)


def fails_on_a_constant(loss, result_maps, target_maps):
    copies = [[[x.detach().clone().requires_grad_() for x in s] for s in maps] for maps in (result_maps, target_maps)]
    flat = [x for maps in copies for scale in maps for x in scale]
    gradients = torch.autograd.grad(loss(*copies), flat, allow_unused=True)
    reached = torch.tensor([g is not None and bool(g.any()) for g in gradients])
    return reached.view(2, len(result_maps), -1).any(dim=1)


def on_the_originals(loss, result_maps, target_maps):
    sides = [[[x.requires_grad_() for x in scale] for scale in maps] for maps in (result_maps, target_maps)]
    value, flat = loss(*sides), [x for maps in sides for scale in maps for x in scale]
    if not value.requires_grad:
        return torch.zeros(2, len(result_maps[0]), dtype=torch.bool)
    gradients = torch.autograd.grad(value, flat, allow_unused=True)
    reached = torch.tensor([g is not None and bool(g.any()) for g in gradients])
    return reached.view(2, len(result_maps), -1).any(dim=1)

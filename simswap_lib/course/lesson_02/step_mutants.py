"""Wrong answers to exercises 02.3 and 02.4 that people give, and the training of the lesson's "Break it"."""

import copy

import torch

from simswap_lib.models.deepfakes import DeepFakes, random_warp

# 02.3 -----------------------------------------------------------------------------------------------------------------


def _descend(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def no_return(net, optimiser, faces, warp):
    _descend(optimiser, sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces)))


def returns_the_graph(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    _descend(optimiser, loss)
    return loss


def never_warped(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(x, p) - x).abs().mean() for p, x in enumerate(faces)))


def goal_warped_again(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), p) - warp(x)).abs().mean() for p, x in enumerate(faces)))


def two_people_only(net, optimiser, faces, warp):
    a, b = faces[0], faces[1]
    return _descend(optimiser, (net(warp(a), 0) - a).abs().mean() + (net(warp(b), 1) - b).abs().mean())


def goal_warped_too(net, optimiser, faces, warp):
    faces = [warp(x) for x in faces]
    return _descend(optimiser, sum((net(x, p) - x).abs().mean() for p, x in enumerate(faces)))


def one_decoder(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), 0) - x).abs().mean() for x in faces))


def already_swapped(net, optimiser, faces, warp):
    last = len(faces)
    return _descend(optimiser, sum((net(warp(x), (p + 1) % last) - x).abs().mean() for p, x in enumerate(faces)))


def mean_of_people(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces)) / len(faces)
    return _descend(optimiser, loss)


def last_person_only(net, optimiser, faces, warp):
    for person, x in enumerate(faces):
        loss = (net(warp(x), person) - x).abs().mean()
    return _descend(optimiser, loss)


def squared(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), p) - x).square().mean() for p, x in enumerate(faces)))


def summed_pixels(net, optimiser, faces, warp):
    return _descend(optimiser, sum((net(warp(x), p) - x).abs().sum() for p, x in enumerate(faces)))


def no_step(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    optimiser.zero_grad()
    loss.backward()
    return loss.item()


def cleared_too_late(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    loss.backward()
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


def encoder_detached(net, optimiser, faces, warp):
    loss = 0.0
    for person, x in enumerate(faces):
        with torch.no_grad():
            code = net.encoder(warp(x))
        loss = loss + (net.decoders[person](code) - x).abs().mean()
    return _descend(optimiser, loss)


def a_step_for_each(net, optimiser, faces, warp):
    total, before = 0.0, copy.deepcopy(net)
    for person, x in enumerate(faces):
        bent = warp(x)
        _descend(optimiser, (net(bent, person) - x).abs().mean())
        total += (before(bent, person) - x).abs().mean().item()
    return total


def a_step_for_each_and_its_loss(net, optimiser, faces, warp):
    return sum(_descend(optimiser, (net(warp(x), p) - x).abs().mean()) for p, x in enumerate(faces))


def never_cleared(net, optimiser, faces, warp):
    loss = sum((net(warp(x), p) - x).abs().mean() for p, x in enumerate(faces))
    loss.backward()
    optimiser.step()
    return loss.item()


def cleared_after(net, optimiser, faces, warp):
    loss = never_cleared(net, optimiser, faces, warp)
    optimiser.zero_grad()
    return loss


# 02.4 -----------------------------------------------------------------------------------------------------------------


def with_gradients(net, faces, person, photos, masks):
    return masks * net(faces, person) + (1 - masks) * photos


@torch.no_grad()
def always_the_first(net, faces, person, photos, masks):
    return masks * net(faces, 0) + (1 - masks) * photos


@torch.no_grad()
def other_way_round(net, faces, person, photos, masks):
    return (1 - masks) * net(faces, person) + masks * photos


@torch.no_grad()
def encodes_the_photo(net, faces, person, photos, masks):
    return masks * net(photos, person) + (1 - masks) * photos


@torch.no_grad()
def still_warped(net, faces, person, photos, masks):
    return masks * net(random_warp(faces, strength=0.1), person) + (1 - masks) * photos


@torch.no_grad()
def no_mask(net, faces, person, photos, masks):
    return net(faces, person)


@torch.no_grad()
def faces_around(net, faces, person, photos, masks):
    return masks * net(faces, person) + (1 - masks) * faces


@torch.no_grad()
def black_around(net, faces, person, photos, masks):
    return masks * net(faces, person)


@torch.no_grad()
def photo_not_weighted(net, faces, person, photos, masks):
    return photos + masks * net(faces, person) * masks - masks * masks * photos


@torch.no_grad()
def jagged(net, faces, person, photos, masks):
    return torch.where(masks > 0.5, net(faces, person), photos)


@torch.no_grad()
def first_mask_for_all(net, faces, person, photos, masks):
    return masks[0] * net(faces, person) + (1 - masks[0]) * photos


@torch.no_grad()
def photo_added(net, faces, person, photos, masks):
    return masks * net(faces, person) + photos


@torch.no_grad()
def mask_before(net, faces, person, photos, masks):
    return masks * net(masks * faces, person) + (1 - masks) * photos


@torch.no_grad()
def paints_into_the_photo(net, faces, person, photos, masks):
    photos.mul_(1 - masks).add_(masks * net(faces, person))
    return photos


# Break it -------------------------------------------------------------------------------------------------------------


def mystery(config, faces, steps, batch=8, lr=4e-3):
    """The colleague's training, "on two computers at once": the network, and each person's losses.

    The lesson asks to diagnose it from its symptoms, so the name must not tell.
    """
    halves, losses = [], []
    for person, x in enumerate(faces):
        net = DeepFakes(config).to(x.device)
        optimiser = torch.optim.Adam(net.parameters(), lr=lr, betas=(0.9, 0.99))
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, lr, total_steps=steps, pct_start=0.1)
        losses.append([])
        for _ in range(steps):
            some = x[torch.randint(len(x), (batch,))]
            losses[-1].append(_descend(optimiser, (net(random_warp(some), person) - some).abs().mean()))
            schedule.step()
        halves.append(net)
    whole = halves[0]  # here the decoders come together
    for person, half in enumerate(halves):
        whole.decoders[person].load_state_dict(half.decoders[person].state_dict())
    return whole, losses

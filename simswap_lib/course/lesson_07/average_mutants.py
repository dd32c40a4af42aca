"""Wrong answers to exercise 07.4."""

import torch

from simswap_lib.train_step import update_ema


@torch.no_grad()
def _lerp(average, network, weight):
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a.lerp_(b, weight)


@torch.no_grad()
def _buffers(average, network, weight=0.25):
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        a.lerp_(b, weight) if a.is_floating_point() else a.copy_(b)


def network_moves(average, network, decay):
    update_ema(network, average, decay)


@torch.no_grad()
def shares_its_numbers(average, network, decay):
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a.data = b.data
    _buffers(average, network)


@torch.no_grad()
def new_names_only(average, network, decay):
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a = decay * a + (1 - decay) * b
    _buffers(average, network)


@torch.no_grad()
def new_tensors(average, network, decay):
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a.data = decay * a.data + (1 - decay) * b.data
    _buffers(average, network)


def shares_swapped(average, network, decay):
    _lerp(average, network, decay)
    _buffers(average, network)


def plain_copy(average, network, decay):
    average.load_state_dict(network.state_dict())


@torch.no_grad()
def grows(average, network, decay):
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a.mul_(decay).add_(b)
    _buffers(average, network)


def decay_ignored(average, network, decay):
    update_ema(average, network, 0.75)


def parameters_alone(average, network, decay):
    _lerp(average, network, 1 - decay)


def statistics_copied(average, network, decay):
    _lerp(average, network, 1 - decay)
    _buffers(average, network, 1.0)


def statistics_swapped(average, network, decay):
    _lerp(average, network, 1 - decay)
    _buffers(average, network, decay)


@torch.no_grad()
def count_averaged(average, network, decay):
    _lerp(average, network, 1 - decay)
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        a.copy_(decay * a + (1 - decay) * b)


@torch.no_grad()
def state_dict_averaged(average, network, decay):
    for a, b in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        a.lerp_(b, 1 - decay)


def history_kept(average, network, decay):
    for a, b in zip(average.parameters(), network.parameters(), strict=True):
        a.mul_(decay).add_((1 - decay) * b)
    _buffers(average, network)


def switches_the_mode(average, network, decay):
    network.eval()
    update_ema(average, network, decay)


def freezes_the_network(average, network, decay):
    update_ema(average, network.requires_grad_(False), decay)


@torch.no_grad()
def shares_the_statistics(average, network, decay):
    _lerp(average, network, 1 - decay)
    for a, b in zip(average.buffers(), network.buffers(), strict=True):
        a.data = b.data

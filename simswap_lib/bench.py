"""How fast this machine is: renders a second and milliseconds a swap, each beside something to compare it with."""

import time
from collections.abc import Callable

import numpy as np
import torch

from simswap_lib.swapper import FaceSwapper
from simswap_lib.world import Identity, Shot, render


def seconds(work: Callable[[int], object], rounds: int) -> float:
    """Median seconds of `work(i)` over some rounds, after one that does not count (compilation, caches)."""
    work(rounds)
    times = []
    for i in range(rounds):
        start = time.perf_counter()
        work(i)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def bench_world(rounds: int = 60) -> dict:
    """Renders a second on one process, every picture a new person in a new shot."""
    rates = {
        size: 1 / seconds(lambda i, s=size: render(Identity.sample(i), Shot.sample(i), s), rounds) for size in (64, 128)
    }
    return {
        "renders_per_second_64": rates[64],
        "renders_per_second_128": rates[128],
        "ratio_64_to_128": rates[64] / rates[128],
    }


def bench_swap(name: str = "simswap", device: str | None = None, rounds: int = 20) -> dict:
    """Milliseconds of one swap, and of a batch of 16 for each of its pictures."""
    swapper = FaceSwapper.from_pretrained(name, device=device)
    side = swapper.generator.config.image_size
    pictures = np.random.default_rng(0).integers(0, 256, (16, side, side, 3), np.uint8)
    one = seconds(lambda _: swapper.swap_aligned(pictures[0], pictures[1]), rounds)
    many = seconds(lambda _: swapper.swap_aligned(pictures, pictures), max(3, rounds // 4)) / 16
    return {
        "device": str(swapper.device),
        "threads": torch.get_num_threads(),
        "pixels": side,
        "ms_per_swap": 1000 * one,
        "ms_per_swap_in_a_batch_of_16": 1000 * many,
        "ratio_single_to_batch": one / many,
    }

"""How fast this machine is: renders a second and milliseconds a swap, each beside something to compare it with."""

import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from simswap_lib.photographs import cpus, rendered
from simswap_lib.swapper import FaceSwapper
from simswap_lib.world import Identity, Shot, camera, render
from simswap_lib.world.renderer import photograph

try:
    import resource
except ImportError:  # Windows
    resource = None


def seconds(work: Callable[[int], object], rounds: int) -> float:
    """Median seconds of `work(i)` over some rounds, after one that does not count (compilation, caches)."""
    work(rounds)
    times = []
    for i in range(rounds):
        start = time.perf_counter()
        work(i)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def bench_world(pictures: int = 1500) -> dict:
    """Pictures a second with a process on each core, every picture a new person in a new shot, at 64 and 128 pixels.

    Also the share of each stage of one picture, measured on one process; how long the first picture of a process
    takes; and how much its memory grows from its first hundred pictures to its last.
    """
    start = time.perf_counter()
    render(Identity.sample(0), Shot.sample(0), 64)
    figures = {"processes": cpus(), "seconds_to_first_picture": time.perf_counter() - start}
    for size in (64, 128):
        count = pictures * 64 // size
        source = rendered(range(count), 1, size, workers=cpus())
        for _ in range(count // 5):  # until every process is at work
            next(source)
        start = time.perf_counter()
        left = sum(1 for _ in source)
        figures[f"pictures_per_second_{size}"] = left / (time.perf_counter() - start)
    for size in (64, 128):
        figures |= {f"share_of_{stage}_{size}": share for stage, share in _stages(size, pictures // 10).items()}
    return figures | _memory(pictures)


def _stages(size: int, rounds: int) -> dict[str, float]:
    """Share of the time that each stage of a picture takes."""
    spent: dict[str, float] = {}
    for i in range(rounds + 5):
        last = time.perf_counter()

        def lap(stage: str, counts: bool = i >= 5) -> None:
            nonlocal last
            now = time.perf_counter()
            if counts:
                spent[stage] = spent.get(stage, 0.0) + now - last
            last = now

        person, shot = Identity.sample(i), Shot.sample(i)
        lap("person and shot")
        view = camera.framing(shot) * size
        lap("framing")
        photograph(person, shot, view, size, size, lap=lap)
        lap("description")
    total = sum(spent.values())
    return {stage.replace(" ", "_"): seconds / total for stage, seconds in spent.items()}


def _memory(pictures: int) -> dict[str, float]:
    """Megabytes that this process holds after 100 pictures, and by how much that grows until the last."""
    if resource is None:
        return {}

    def peak() -> float:
        unit = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

    for i in range(100):
        render(Identity.sample(i), Shot.sample(i), 64)
    before = peak()
    for i in range(100, 100 + pictures):
        render(Identity.sample(i), Shot.sample(i), 64)
    return {"memory_mb": before, f"memory_growth_mb_over_{pictures}_pictures": peak() - before}


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

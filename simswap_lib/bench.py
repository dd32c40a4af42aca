"""How fast this machine is: renders, swaps, training steps, each beside something to compare it with."""

import gc
import sys
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from simswap_lib.batches import PairBatches, Pairs
from simswap_lib.data import WorldDataset
from simswap_lib.files import to_tensor
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.discriminator import Discriminator
from simswap_lib.models.fast import FastGenerator
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.photographs import cpus, rendered
from simswap_lib.swapper import FaceSwapper, best_device, known_device
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import Step
from simswap_lib.training import default_accelerator, fast_precision, identity_vectors
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


def in_turn(works: dict[str, Callable[[], object]], rounds: int, device: torch.device) -> dict[str, float]:
    """Median seconds of each work. They take turns, so that whatever else the machine does hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for i in range(rounds + 1):  # the first round does not count (compilation, caches)
        for name, work in works.items():
            start = time.perf_counter()
            work()
            finish(device)
            if i:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(spent)) for name, spent in times.items()}


def finish(device: torch.device) -> None:
    """Wait for what a GPU was told to do."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


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
    gc.collect()  # or the rubbish of everything that was loaded is charged to the first stage
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


def bench_train(baselines: ModuleType, config: TrainConfig | None = None, rounds: int = 16) -> dict:
    """Seconds of a training step, ours (`train_step.Step`) and the plain one (`baselines.PlainStep`), turn by turn.

    Both have the same photographs, batch, losses and threads, and networks of the same sizes. Reading the photographs
    counts; what is done once for a run, or now and then, does not. Ours is measured in the precision that training
    chooses on this machine, and in float32; the plain step is always float32. Medians over `rounds` steps, which leave
    out the gradient penalty of one step in `config.gp_every`: both take it in the same steps.

    baselines: tools/baselines.py, loaded.
    """
    config = config or TrainConfig(people=16, photos=4)
    torch.backends.cudnn.benchmark = True  # as in `training.train`, for both
    photographs = WorldDataset(config.people, config.photos, config.size, 0, config.cache)
    accelerator = default_accelerator()
    chosen = accelerator.mixed_precision
    figures = {
        "device": str(accelerator.device),
        "threads": torch.get_num_threads(),
        "pixels": config.size,
        "batch": config.batch,
        "precision": {"no": "float32", "bf16": "bfloat16", "fp16": "float16"}.get(chosen, chosen),
    }
    ours, plain = _steps_in_turn(baselines, config, photographs, rounds, accelerator)
    figures |= {"seconds_per_step": ours, "seconds_per_plain_step": plain, "times_faster": plain / ours}
    if chosen != "no":
        AcceleratorState._reset_state()  # Accelerate holds one precision for a process
        try:
            ours, plain = _steps_in_turn(baselines, config, photographs, rounds, Accelerator(mixed_precision="no"))
        finally:
            AcceleratorState._reset_state()
    return figures | {"seconds_per_step_float32": ours, "times_faster_float32": plain / ours}


def _steps_in_turn(
    baselines: ModuleType, config: TrainConfig, photographs: WorldDataset, rounds: int, accelerator: Accelerator
) -> tuple[float, float]:
    """Median seconds of our step and of the plain one."""
    device = accelerator.device
    recogniser = ArcFace.from_pretrained(config.recogniser, device).requires_grad_(False).eval()
    step_of = Step(config, recogniser, accelerator)
    vectors = identity_vectors(recogniser, photographs)  # (N, D)
    steps = range(rounds + 1)
    batches = zip(
        steps,
        DataLoader(Pairs(photographs, sources=False), batch_sampler=PairBatches(photographs, config.batch, steps)),
    )

    def ours() -> None:  # as in `training.train`
        step, pairs = next(batches)
        v_source, v_target = vectors[pairs["source_index"]], vectors[pairs["target_index"]]  # (B, D)
        step_of(step, to_tensor(pairs["target"], device), v_source, v_target, pairs["same"].to(device))

    plain = baselines.PlainStep(
        config,
        photographs,
        Generator(step_of.generator.config).to(device),
        Discriminator(step_of.critic.config).to(device),
        recogniser,
    )
    spent = in_turn({"ours": ours, "plain": plain.step}, rounds, device)
    return spent["ours"], spent["plain"]


def bench_generator(
    baselines: ModuleType,
    device: str | None = None,
    config: GeneratorConfig | None = None,
    rounds: int = 5,
    batch: int | None = None,
    product: int | None = None,
    compile: bool = False,
) -> dict:
    """Milliseconds a picture of a generator with random weights, plain (`baselines.draw`) and as `FastGenerator`.

    Beside them, turn by turn, a large matrix product: the share of its operations a second that the fast generator
    reaches, counting what the plain network computes. With Winograd's convolutions it can exceed 1: they reach the
    same result with fewer operations. The difference of the two results is given in grey levels.

    Args:
        baselines: tools/baselines.py, loaded.
        config: None takes the published 224-pixel network, 55 M parameters.
        batch: pictures at a time; None takes 1 on a CPU and 128 elsewhere.
        product: side of the two matrices; None takes 2,048 on a CPU and 8,192 elsewhere.
        compile: whether `FastGenerator` compiles.
    """
    config = config or GeneratorConfig()
    place = best_device() if device is None else known_device(device)
    on_cpu = place.type == "cpu"
    batch, product = batch or (1 if on_cpu else 128), product or (2048 if on_cpu else 8192)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(fast_precision(place), torch.float32)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True  # both networks get the fastest convolutions there are for this size
    generator = Generator(config).eval().to(place)
    fast = FastGenerator(generator, dtype, compile)
    target = torch.rand(batch, 3, config.image_size, config.image_size, device=place) * 2 - 1
    v_source = F.normalize(torch.randn(1, config.identity_dim, device=place), dim=1)
    style, many = fast.style(v_source), v_source.expand(batch, -1)
    matrix = torch.randn(product, product, device=place, dtype=dtype)
    with FlopCounterMode(display=False) as counter:
        result = baselines.draw(generator, target, many)
    operations = counter.get_total_flops() / batch
    spent = in_turn(
        {
            "plain": lambda: baselines.draw(generator, target, many),
            "fast": lambda: fast(target, style),
            "style": lambda: fast.style(v_source),
            "product": lambda: matrix @ matrix,
        },
        rounds,
        place,
    )
    difference = grey_levels(result, fast(target, style))
    picture, reached = spent["fast"] / batch, 2 * product**3 / spent["product"]
    return {
        "device": str(place),
        "threads": torch.get_num_threads(),
        "pixels": config.image_size,
        "batch": batch,
        "million_parameters": sum(parameter.numel() for parameter in generator.parameters()) / 1e6,
        "gflop_per_picture": operations / 1e9,
        "precision": str(dtype).removeprefix("torch."),
        "compiled": compile,
        "ms_per_picture_plain_float32": 1000 * spent["plain"] / batch,
        "ms_per_picture_fast": 1000 * picture,
        "ms_per_source": 1000 * spent["style"],
        "times_faster": spent["plain"] / spent["fast"],
        "gflop_per_second_fast": operations / picture / 1e9,
        "gflop_per_second_matrix_product": reached / 1e9,
        "share_of_matrix_product": operations / picture / reached,
        "grey_levels_off_at_most": difference.max().item(),
        "grey_levels_off_on_average": difference.mean().item(),
    }


def grey_levels(one: Tensor, other: Tensor) -> Tensor:
    """How far two pictures in [-1, 1] lie apart, value by value, in steps of 1/255 of the range from black to white."""
    return (one.float() - other.float()).abs() * 127.5

"""One step of training: on a device that holds no numbers, and shared by two processes."""

import json
import subprocess
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from simswap_lib.losses import LossWeights
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.generator import Generator
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import TERMS, Step
from simswap_lib.training import Numbers

CONFIG = TrainConfig(
    size=32, width=4, downs=1, blocks=1, critic_width=4, first_map=2, gp_every=2, batch=8, seed=3,
    loss=LossWeights(gp=1.0),
)  # fmt: skip

# Five steps on one batch after the other, each process on its part; the losses of all, averaged, as JSON.
SHARED = """
import json, sys, torch
from accelerate import Accelerator
from tests.test_train_step import CONFIG, recogniser, samples
from simswap_lib.train_step import Step
torch.set_num_threads(1)
accelerator = Accelerator(cpu=True)
step_of = Step(CONFIG, recogniser(), accelerator)
if sys.argv[1] == "frozen":
    for network in (step_of.generator, step_of.critic):
        network.apply(lambda module: module.eval() if isinstance(module, torch.nn.BatchNorm2d) else None)
share = CONFIG.batch // accelerator.num_processes
part = slice(accelerator.process_index * share, (accelerator.process_index + 1) * share)
found = []
for step in range(5):
    terms = step_of(step, *(tensor[part] for tensor in samples(step)))
    found.append({name: accelerator.reduce(term, "mean").item() for name, term in terms.items()})
if accelerator.is_main_process:
    print("FOUND" + json.dumps(found))
"""


def recogniser() -> ArcFace:
    torch.manual_seed(7)
    return ArcFace(ArcFaceConfig(32, width=4, blocks=(1, 1), embedding_dim=16)).requires_grad_(False).eval()


def samples(step: int, device: str = "cpu") -> tuple[torch.Tensor, ...]:
    """A batch of noise: target, identity vectors of source and target, whether they are one person."""
    rng = torch.Generator().manual_seed(step)
    target = torch.rand(CONFIG.batch, 3, 32, 32, generator=rng) * 2 - 1
    vectors = nn.functional.normalize(torch.randn(2, CONFIG.batch, 16, generator=rng), dim=2)
    return target.to(device), *vectors.to(device), torch.full((CONFIG.batch,), step % 2 == 0).to(device)


class Alone:
    """As much of an Accelerator as a step needs, for a device of one's choice."""

    num_processes, process_index, scaler = 1, 0, None

    def __init__(self, device: str):
        self.device = torch.device(device)

    def prepare(self, *things):
        return things

    def autocast(self):
        return nullcontext()

    def backward(self, total):
        total.backward()


def test_nothing_is_left_on_the_cpu_and_nothing_waits_for_the_device():
    """The device "meta" refuses to be mixed with any other, and has no numbers that could be read back."""
    with pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones(2, device="meta") + torch.ones(2)
    with pytest.raises((RuntimeError, NotImplementedError)):
        torch.ones((), device="meta").item()
    step_of, numbers = Step(CONFIG, recogniser().to("meta"), Alone("meta")), Numbers(torch.device("meta"))
    for step in range(3):
        terms = step_of(step, *samples(step, "meta"))
        numbers.look_at(terms, step)
        assert {term.device.type for term in terms.values()} == {"meta"}
        assert set(terms) - set(TERMS) == {"cos_source", "cos_target"}
    for part in ("generator", "critic", "ema"):
        assert {tensor.device.type for tensor in step_of.parts[part].state_dict().values()} == {"meta"}


def shared(processes: int, statistics: str) -> list[dict]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    program = Path(__file__).parent.parent / "build" / f"shared-{processes}-{statistics}.py"
    program.parent.mkdir(exist_ok=True)
    program.write_text(SHARED)
    run = subprocess.run(
        [*command, program, statistics], capture_output=True, text=True, timeout=240, cwd=Path(__file__).parent.parent,
        env={"PYTHONPATH": str(Path(__file__).parent.parent), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(next(line for line in run.stdout.splitlines() if line.startswith("FOUND"))[5:])


def test_a_run_of_two_processes_is_written_by_the_first(tmp_path):
    """As `torchrun` and `accelerate launch` start it; both end, and the folder looks like any other's."""
    weights.save(recogniser(), tmp_path / "recogniser", "For a test.")
    settings = f"people=6 photos=2 size=32 width=4 downs=1 blocks=1 critic_width=4 first_map=2 steps=4 batch=4 log_every=2 validate_every=4 checkpoint_every=2 recogniser={tmp_path}/recogniser cache={tmp_path}"  # noqa: E501
    root = Path(__file__).parent.parent
    run = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"),
            *("-m", "simswap_lib", "--", "train", "--preset", "smoke", "--run", tmp_path / "run"),
            *("--set", *settings.split()),
        ],
        capture_output=True, text=True, timeout=280, cwd=root,
        env={"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.count("in 2 processes, float32") == 1  # the first process talks for both
    description = json.loads((tmp_path / "run" / "run.json").read_text())
    assert description["processes"] == 2 and description["config"]["batch"] == 4
    assert description["versions"]["torch"] == torch.__version__
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [2, 4] and "error_over_copy" in records[-1]
    assert {p.name for p in (tmp_path / "run").iterdir()} == {
        "run.json",
        "log.jsonl",
        "checkpoint.pt",
        "best",
        "best-critic",
        "strip.png",
    }


def difference(a: list[dict], b: list[dict]) -> float:
    return max(abs(x[name] - y[name]) for x, y in zip(a, b, strict=True) for name in x)


def test_two_processes_are_one_with_the_whole_batch():
    """With frozen statistics of batch normalisation exactly; live ones differ, because each process sees its part."""
    one, two = shared(1, "frozen"), shared(2, "frozen")
    assert any("gp" in terms for terms in one) and len(one) == len(two) == 5
    assert difference(one, two) < 1e-4
    live = difference(shared(1, "live"), shared(2, "live"))
    print(f"With live statistics the losses of five steps differ by up to {live:.3f}.")
    assert 1e-3 < live < 1


def test_going_on_from_a_generator_of_another_size(tmp_path):
    torch.manual_seed(0)
    small = Step(CONFIG, recogniser(), Alone("cpu")).generator
    weights.save(small, tmp_path, "For a test.")
    larger = Step(TrainConfig(size=64, first_map=2, start=str(tmp_path), critic_width=4), recogniser(), Alone("cpu"))
    assert isinstance(larger.generator, Generator) and larger.generator.config.image_size == 64
    for a, b in zip(small.parameters(), larger.generator.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)  # float16 on disk
    target, v_source, v_target, same = samples(0)
    target = nn.functional.interpolate(target, scale_factor=2)
    assert all(term.isfinite() for term in larger(0, target, v_source, v_target, same).values())


def test_going_on_with_the_discriminator_of_another_run(tmp_path):
    torch.manual_seed(0)
    before = Step(CONFIG, recogniser(), Alone("cpu")).critic
    weights.save(before, tmp_path, "For a test.")
    after = Step(replace(CONFIG, start_critic=str(tmp_path), scales=1, seed=4), recogniser(), Alone("cpu")).critic
    assert after.config.scales == 1 and after.training
    for a, b in zip(before.discriminators[0].parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)  # float16 on disk


@pytest.mark.skipif(not torch.cuda.is_available(), reason="only a CUDA device records")
def test_a_recorded_step_is_the_same_step():
    """More steps than are needed to record both kinds, with and without gradient penalty."""
    plain, recorded = (Step(CONFIG, recogniser().to("cuda"), Alone("cuda")) for _ in range(2))
    plain._both = plain._moves
    before = [parameter.clone() for parameter in plain.generator.parameters()]
    for step in range(12):
        terms = [step_of(step, *samples(step, "cuda")) for step_of in (plain, recorded)]
        for name in terms[0]:
            torch.testing.assert_close(terms[1][name], terms[0][name], rtol=0.02, atol=0.02)
    assert len(recorded._both.graphs) == 2
    # Not to the bit: CUDA adds up gradients in any order, and Adam makes a whole step of the smallest. A bias before a
    # normalisation has no gradient but that noise, so only weights are compared.
    moved = [
        ((one - other).norm(), (one - start).norm())
        for start, one, other in zip(before, plain.generator.parameters(), recorded.generator.parameters(), strict=True)
        if start.ndim > 1
    ]
    apart, way = torch.tensor(moved).norm(dim=0).tolist()
    assert apart < 0.1 * way

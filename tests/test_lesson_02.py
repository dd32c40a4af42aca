"""Lesson 02 from a reader's seat: right answers in other words pass, wrong ones are named, and what it shows is so."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.course import Transplant, exercises, grade
from simswap_lib.course.lesson_02.step_mutants import mystery
from simswap_lib.files import DATA
from simswap_lib.models import deepfakes as library
from simswap_lib.models.deepfakes import DeepFakes, DeepFakesConfig

LESSON = {e.id: e for e in exercises().values() if e.lesson == "02"}


# What a reader might write, in other words than the library. ----------------------------------------------------------


class Upscale(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.convolution = nn.Conv2d(before, after * 2 * 2, kernel_size=3, padding="same")
        self.after = after

    def forward(self, x):
        b, _, h, w = x.shape
        y = self.convolution(x)
        y = torch.where(y > 0, y, 0.1 * y).view(b, self.after, 2, 2, h, w)
        result = x.new_empty(b, self.after, 2 * h, 2 * w)
        for i in range(2):
            for j in range(2):
                result[:, :, i::2, j::2] = y[:, :, i, j]
        return result


def random_warp(faces, generator=None, strength=5 / 256):
    """In pixels, with the straight grid written out."""
    b, _, size, _ = faces.shape
    rim = size // 8
    knots = torch.normal(0.0, 1.0, (b, 2, 5, 5), generator=generator) * strength * size
    moves = nn.Upsample(size=(size + 2 * rim, size + 2 * rim), mode="bilinear")(knots)[..., rim:-rim, rim:-rim]
    column = torch.arange(size) + 0.5
    x, y = column[None, None, :] + moves[:, 0], column[None, :, None] + moves[:, 1]
    grid = torch.stack([x, y], dim=3) * 2 / size - 1
    return F.grid_sample(faces, grid.to(faces), padding_mode="border", align_corners=False)


def training_step(net, optimiser, faces, warp):
    net.zero_grad()
    loss = torch.zeros(())
    for i in reversed(range(len(faces))):
        loss = loss + F.l1_loss(net.decoders[i](net.encoder(warp(faces[i]))), faces[i])
    loss.backward()
    optimiser.step()
    return float(loss.detach())


def swap(net, faces, person, photos, masks):
    with torch.inference_mode():
        return torch.lerp(photos, net(faces, person), masks.expand_as(photos))


MINE = {"02.1": Upscale, "02.2": random_warp, "02.3": training_step, "02.4": swap}


@pytest.mark.parametrize("id", LESSON)
def test_a_right_answer_in_other_words_passes(id):
    verdict = grade(LESSON[id], MINE[id])
    assert verdict.passed, verdict.message


def test_a_loss_that_hangs_on_no_graph_is_a_number():
    def tensor_step(net, optimiser, faces, warp):
        return torch.tensor(training_step(net, optimiser, faces, warp))

    def array_step(net, optimiser, faces, warp):
        return tensor_step(net, optimiser, faces, warp).numpy()

    for step in (tensor_step, array_step):
        verdict = grade(LESSON["02.3"], step)
        assert verdict.passed, verdict.message


def test_every_exercise_is_answered_here():
    assert set(MINE) == set(LESSON)


# More wrong answers, for their messages alone. ------------------------------------------------------------------------


class NoBias(library.Upscale):
    def __init__(self, before, after):
        super().__init__(before, after)
        self.convolution = nn.Conv2d(before, 4 * after, 3, padding=1, bias=False)


class OtherName(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.conv = nn.Conv2d(before, 4 * after, 3, padding=1)

    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.conv(x), 0.1), 2)


class TwoConvolutions(library.Upscale):
    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.convolution(x) + self.convolution(x.flip(3)), 0.1), 2)


class UpsideDown(library.Upscale):
    def forward(self, x):
        return super().forward(x).flip(2)


class SteeperSlope(library.Upscale):
    def forward(self, x):
        return F.pixel_shuffle(F.leaky_relu(self.convolution(x), 0.2), 2)


def warps_in_place(faces, generator=None, strength=5 / 256):
    faces.copy_(library.random_warp(faces, generator, strength))
    return faces


def adds_noise(faces, generator=None, strength=5 / 256):
    return faces + strength * torch.randn(faces.shape, generator=generator)


def nearest(faces, generator=None, strength=5 / 256):
    grid = F.affine_grid(torch.eye(2, 3).expand(len(faces), 2, 3), list(faces.shape), align_corners=False)
    moves = F.interpolate(2 * strength * torch.randn(len(faces), 2, 5, 5, generator=generator), faces.shape[2])
    return F.grid_sample(faces, grid + moves.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def horizontally(faces, generator=None, strength=5 / 256):
    grid = F.affine_grid(torch.eye(2, 3).expand(len(faces), 2, 3), list(faces.shape), align_corners=False).clone()
    size = faces.shape[2]
    moves = F.interpolate(
        2 * strength * torch.randn(len(faces), 1, 5, 5, generator=generator), size + size // 4, mode="bilinear"
    )
    grid[..., 0] += moves[:, 0, size // 8 : -(size // 8), size // 8 : -(size // 8)]
    return F.grid_sample(faces, grid, padding_mode="border", align_corners=False)


def returns_early(net, optimiser, faces, warp):
    for person, x in enumerate(faces):
        loss = (net(warp(x), person) - x).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()


def in_place_faces(net, optimiser, faces, warp):
    for x in faces:
        x.copy_(warp(x))
    return library.training_step(net, optimiser, faces, lambda x: x)


def forgets_the_decoders(net, optimiser, faces, warp):
    loss = sum((net(warp(x), person).detach() - x).abs().mean() for person, x in enumerate(faces))
    optimiser.zero_grad()
    optimiser.step()
    return loss.item()


def whole_list(net, optimiser, faces, warp):
    return library.training_step(net, optimiser, [torch.cat(faces)], warp)


def everything_detached(net, faces, person, photos, masks):
    return (masks * net(faces, person) + (1 - masks) * photos).detach()


def mask_squared(net, faces, person, photos, masks):
    with torch.no_grad():
        return masks**2 * net(faces, person) + (1 - masks**2) * photos


def person_after(net, faces, person, photos, masks):
    with torch.no_grad():
        return masks * net(faces, (person + 1) % len(net.decoders)) + (1 - masks) * photos


@pytest.mark.parametrize(
    ("id", "answer", "words"),
    [
        ("02.1", NoBias, "`convolution.bias`"),
        ("02.1", OtherName, "no parameter of that name"),
        ("02.1", TwoConvolutions, "ran 2 times"),
        ("02.1", UpsideDown, "wrong places"),
        ("02.1", SteeperSlope, "multiplied by 0.2"),
        ("02.2", warps_in_place, "changes it in place"),
        ("02.2", adds_noise, "not"),
        ("02.2", nearest, "crumbled"),
        ("02.2", horizontally, "along one axis only"),
        ("02.3", returns_early, "two or more"),
        ("02.3", in_place_faces, "changes them in place"),
        ("02.3", forgets_the_decoders, "No weight moved"),
        ("02.3", whole_list, "never warped"),
        ("02.4", mask_squared, "soft edge"),
        ("02.4", person_after, "the decoder of person 1"),
    ],
    ids=lambda case: getattr(case, "__name__", None),
)
def test_other_wrong_answers_are_named_too(id, answer, words):
    verdict = grade(LESSON[id], answer)
    assert verdict.status == "failed"
    assert words in verdict.message, verdict.message


def test_detaching_is_as_good_as_no_grad():
    assert grade(LESSON["02.4"], everything_detached).passed


# The network in small: people are a brightness, poses are a stripe. ---------------------------------------------------

CONFIG = DeepFakesConfig(image_size=16, width=8, code=16)
BRIGHT = (-0.6, 0.6)


def stripes(person: int, count: int = 64, seed: int = 0) -> torch.Tensor:
    """Pictures of one brightness with a vertical stripe somewhere: the person, and what it does."""
    generator = torch.Generator().manual_seed(seed)
    place = torch.randint(2, 14, (count, 1, 1, 1), generator=generator)
    columns = torch.arange(16).view(1, 1, 1, 16)
    lit = (columns - place).abs() <= 1
    return BRIGHT[person] + 0.3 * lit.expand(count, 3, 16, 16).float()


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    net = DeepFakes(CONFIG)
    optimiser = torch.optim.Adam(net.parameters(), lr=3e-3)
    faces = [stripes(0), stripes(1)]
    losses = [library.training_step(net, optimiser, faces, lambda x: x) for _ in range(200)]
    assert losses[-1] < 0.3 * losses[0]
    return net


def test_exchanging_decoders_exchanges_the_people(trained):
    faces, whole = stripes(1, seed=1), torch.ones(64, 1, 16, 16)
    exchanged = DeepFakes(CONFIG)
    exchanged.load_state_dict(trained.state_dict())
    exchanged.decoders = exchanged.decoders[::-1]
    for person in range(2):
        before = library.swap(trained, faces, person, faces, whole)
        after = library.swap(exchanged, faces, 1 - person, faces, whole)
        assert torch.equal(before, after)
        assert abs(before.mean() - (BRIGHT[person] + 0.06)) < 0.15


def test_the_colleagues_network_knows_one_person_only():
    """As the diagnosis says: its encoder is the first person's, so the second decoder understands nothing."""
    torch.manual_seed(0)
    faces = [stripes(0), stripes(1)]
    net, losses = mystery(CONFIG, faces, steps=250)
    plain = (faces[1] - faces[1].mean()).abs().mean()  # of a picture that knows the person and not the stripe
    assert max(np.mean(each[-10:]) for each in losses) < 0.6 * plain  # both seem to have learned
    with torch.no_grad():
        errors = [(net(x, person) - x).abs().mean().item() for person, x in enumerate(faces)]
    assert errors[0] < 0.6 * plain and errors[1] > 0.95 * plain


def test_the_readers_pieces_work_inside_the_courses_networks():
    torch.manual_seed(0)
    shipped = DeepFakes(CONFIG)
    calls = []

    class Counted(Upscale):
        def forward(self, x):
            calls.append(x.shape)
            return super().forward(x)

    with Transplant(Upscale=Counted, random_warp=random_warp):
        mine = DeepFakes(CONFIG)
    mine.load_state_dict(shipped.state_dict())
    with torch.no_grad():
        assert torch.allclose(mine(stripes(0), 1), shipped(stripes(0), 1), atol=1e-5)
    assert len(calls) == 4


def test_the_bill_finds_what_the_one_network_was_shown():
    """The notebook names the network once; its weights and the log of its training both have to be there."""
    notebook = Path(__file__).resolve().parent.parent / "notebooks" / "02_deepfakes_limitation.ipynb"
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]]
    (name,) = re.findall(r'^NETWORK = "([\w-]+)"', "\n".join(cells), re.M)
    log = [json.loads(row) for row in (DATA / "results" / f"{name}.jsonl").read_text().splitlines()]
    assert (DATA / "weights" / name / "config.json").is_file()
    assert max(row.get("pictures", 0) for row in log) > 10_000

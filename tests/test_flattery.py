"""A picture nudged towards a recogniser: within its budget, uphill, and nobody else is touched."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from simswap_lib.flattery import REACH, flattered
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig


@pytest.fixture
def recogniser():
    torch.manual_seed(1)
    return ArcFace(ArcFaceConfig(image_size=16, width=4, blocks=(1, 1), embedding_dim=8)).eval()


@pytest.fixture
def inputs():
    torch.manual_seed(2)
    return torch.rand(3, 3, 16, 16) * 2 - 1, F.normalize(torch.randn(3, 8), dim=1)


def cosines(recogniser, images, v_source):
    with torch.no_grad():
        return (recogniser(images) * v_source).sum(1)


def test_it_climbs_within_the_budget_and_a_larger_budget_climbs_further(recogniser, inputs):
    images, v_source = inputs
    before, kept = cosines(recogniser, images, v_source), images.clone()
    reached = [before]
    for budget in (2, 8, 32):
        nudged = flattered(images, v_source, recogniser, budget, 10)
        assert (nudged - images).abs().max() <= budget / 127.5 + 1e-6
        assert nudged.abs().max() <= 1 and not nudged.requires_grad
        reached.append(cosines(recogniser, nudged, v_source))
        assert (reached[-1] > reached[-2]).all()
    assert torch.equal(images, kept)
    assert all(p.grad is None for p in recogniser.parameters())


def test_no_budget_changes_nothing(recogniser, inputs):
    images, v_source = inputs
    assert torch.equal(flattered(images, v_source, recogniser, 0, 3), images)


def test_on_a_flat_slope_the_answer_is_known():
    """cos = x . w for one direction: every pixel goes the way of its weight's sign, as far as it may."""
    torch.manual_seed(3)
    slope = nn.Linear(3 * 4 * 4, 1, bias=False)
    images = torch.zeros(1, 3, 4, 4)
    v_source = torch.ones(1, 1)
    once = flattered(images, v_source, lambda x: slope(x.flatten(1)), 4, 10)
    signs = slope.weight.sign().view(1, 3, 4, 4)
    assert torch.allclose(once, 4 / 127.5 * signs)
    short = flattered(images, v_source, lambda x: slope(x.flatten(1)), 4, 1)
    assert torch.allclose(short, min(1, REACH) * 4 / 127.5 * signs)


def test_pictures_do_not_disturb_each_other(recogniser, inputs):
    images, v_source = inputs
    together = flattered(images, v_source, recogniser, 8, 4)
    alone = flattered(images[1:2], v_source[1:2], recogniser, 8, 4)
    assert ((together[1:2] - alone).abs() < 1e-4).float().mean() > 0.97


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"budget": -1}])
def test_impossible_wishes_are_errors(recogniser, inputs, wrong):
    with pytest.raises(ValueError, match="at least one step"):
        flattered(*inputs, recogniser, **{"budget": 4, "steps": 2, **wrong})

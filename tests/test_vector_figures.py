"""The figures of identity vectors: what they draw is what they were given, and their words say it."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from simswap_lib.views.vector_figures import COLOURS, NAMES, bars, plane, spread, strips


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def directions(*degrees: float) -> torch.Tensor:
    angles = torch.tensor([math.radians(d) for d in degrees])
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_spread_by_hand():
    points = torch.cat([2 * directions(-10, 10), 0.1 * directions(80, 100)])  # lengths do not matter
    own, between = spread(points, torch.tensor([0, 0, 1, 1]))
    assert own == pytest.approx(10, abs=0.1) and between == pytest.approx(90, abs=0.1)


def test_plane_draws_each_person_once_and_rings_have_no_lengths():
    points, people = torch.cat([5 * directions(0, 10), directions(90)]), torch.tensor([0, 0, 1])
    figure = plane(
        {"a": (points, people, directions(0, 90)), "b": (points, people, directions(0, 90))},
        "some words",
        [False, True],
    )
    free, ring = figure.axes
    drawn = [np.concatenate([c.get_offsets() for c in axis.collections]) for axis in (free, ring)]
    assert np.allclose(np.sort(np.linalg.norm(drawn[0], axis=1)), [1, 5, 5])
    assert np.all(np.abs(np.linalg.norm(drawn[1], axis=1) - 1) < 0.11)
    assert [text.get_text() for text in ring.texts] == ["A", "B"] and figure.alt == "some words"
    assert len(set(COLOURS)) == len(NAMES) == 6


def test_strips_write_every_cosine():
    vectors = F.normalize(torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), dim=1)
    figure = strips(2 * [np.zeros((8, 8, 3), np.uint8)], vectors, ["one", "two"], "some words")
    written = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert written == ["1.00", "0.71", "0.71", "1.00"]
    heights = [bar.get_height() for bar in figure.axes[1].patches]
    assert heights == pytest.approx(vectors[0].tolist())


def test_bars_say_their_means_and_lines():
    groups = {"blue": ({"x": np.array([0.2, 0.4])}, COLOURS[0]), "orange": ({"y": np.array([0.9])}, COLOURS[1])}
    figure = bars(groups, "cosine", {"limit": 0.5})
    assert figure.alt == "Bar chart of cosine. blue: x 0.30; orange: y 0.90; limit: 0.50."
    widths = [p.get_width() for p in figure.axes[0].patches if p.get_width()]
    assert widths == pytest.approx([0.3, 0.9])

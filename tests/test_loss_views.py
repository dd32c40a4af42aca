"""The figures of lesson 05: what a logit sees, slopes of known critics, and runs compared in words."""

import json

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from PIL import Image

from simswap_lib import experiments
from simswap_lib.course.lesson_05.penalty import Bowl, Linear
from simswap_lib.models.discriminator import Discriminator, DiscriminatorConfig
from simswap_lib.views import losses as loss_views

SIDE = 16


def strip(result: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.concatenate([truth, truth, result, truth])


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs on disk, of which the second copies the target and is soft; returns the place of their files."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 255, (SIDE, 8 * SIDE, 3), dtype=np.uint8)
    soft = np.full_like(truth, 128)
    base = {"to_source": 0.6, "to_target": 0.2, "retrieval": 0.8, "redrawn_l1": 0.05}
    copy = base | {"to_source": 0.1, "to_target": 0.9, "retrieval": 0.78, "redrawn_l1": 0.01}
    for name, values, result in ((experiments.ALL_TERMS, base, truth), ("no-identity", copy, soft)):
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
        Image.fromarray(strip(result, truth)).save(tmp_path / f"{name}.png")
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    return tmp_path


def test_runs_are_compared_in_words(runs):
    worse, better, alike = loss_views.compared("no-identity").splitlines()
    assert worse.startswith("worse") and "cosine to the source 0.60 -> 0.10" in worse
    assert "cosine to the target 0.20 -> 0.90" in worse and "fine detail, of the true answer's 1.00 -> 0.00" in worse
    assert better == "better: error when redrawing a person 0.050 -> 0.010"
    assert alike == "no different: retrieval 0.80 -> 0.78"


def test_a_run_that_lacks_nothing_is_said_to_show_no_failure(runs):
    first, alike = loss_views.compared(experiments.ALL_TERMS).splitlines()
    assert first == "no failure appears in these runs"
    assert alike.startswith("no different") and alike.count("->") == len(loss_views.MEASURES)


def test_figures_of_runs_say_what_they_show(runs):
    figure = loss_views.without("no-identity")
    assert "Rows: sources, targets, the run with all terms, the run no-identity, true answers" in figure.alt
    assert "cosine to the source 0.60 -> 0.10" in figure.alt
    (shown,) = figure.axes[0].get_images()
    assert shown.get_array().shape == (5 * SIDE, loss_views.COLUMNS * SIDE, 3)
    table = loss_views.table(["no-identity"])
    assert len(table.axes) == len(loss_views.MEASURES)
    # The first panel: a round mark for the run with all terms, a square for the one that is worse.
    assert [line.get_marker() for line in table.axes[0].lines if len(line.get_xdata()) == 1] == ["o", "s"]
    assert [line.get_marker() for line in table.axes[3].lines if len(line.get_xdata()) == 1] == ["o", "o"]
    plt.close("all")


def test_fine_detail_is_a_share_of_the_true_answers():
    rng = np.random.default_rng(1)
    truth = rng.integers(100, 156, (SIDE, 3 * SIDE, 3)).astype(np.uint8)
    half = (128 + (truth.astype(float) - 128) / 2).round().astype(np.uint8)
    assert loss_views.detail(strip(truth, truth)) == pytest.approx(1)
    assert loss_views.detail(strip(half, truth)) == pytest.approx(0.5, abs=0.02)


def test_edges_between_tiles_are_no_detail():
    flat = np.repeat(np.array([10, 200, 90], np.uint8), SIDE)[None, :, None].repeat(SIDE, 0).repeat(3, 2)
    rough = np.random.default_rng(2).integers(0, 255, flat.shape).astype(np.uint8)
    assert loss_views.detail(strip(flat, rough)) == 0


@pytest.mark.parametrize("layers", [1, 2])
def test_patches_show_the_reach_of_a_logit(layers):
    # Kernels of 4: `layers` with stride 2, then two with stride 1. The next scale sees about twice as far.
    reach = 1 + 3 * sum(2**i for i in range(layers)) + 2 * 3 * 2**layers
    torch.manual_seed(0)
    critic = Discriminator(DiscriminatorConfig(96, width=4, layers=layers)).eval()
    figure = loss_views.patches(critic, np.full((96, 96, 3), 128, np.uint8))
    assert f"of scale 0 sees {reach} x {reach} pixels" in figure.alt
    plt.close(figure)


def test_slopes_of_critics_with_a_known_gradient():
    real, fake = torch.rand(2, 3, 2, 4, 5)
    torch.testing.assert_close(loss_views.slopes(Linear(2.5, patches=3, scales=2), real, fake), torch.full((3,), 2.5))
    half_way = (0.5 * (real + fake)).flatten(1).norm(dim=1)
    torch.testing.assert_close(loss_views.slopes(Bowl(), real, fake), half_way)


def test_curves_tell_their_ends():
    figure = loss_views.curves([0, 1, 2], {"a": ([3, 2, 1.5], "#000000")}, "step", "loss", "A loss.")
    assert figure.alt == "A loss. From left to right: a 3 to 1.5."
    plt.close(figure)


def test_the_diagram_says_who_is_asked():
    picture = np.zeros((8, 8, 3), np.uint8)
    figure = loss_views.objective(picture, picture, picture)
    assert all(word in figure.alt for word in ("frozen recogniser", "critic that learns", "one person"))
    plt.close(figure)

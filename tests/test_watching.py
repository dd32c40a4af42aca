"""The strip of swaps and the live figure."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from simswap_lib.provenance import read_mark
from simswap_lib.watching import STRIP, LiveFigure, Strip


class Copies(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, target, v_source):
        return target


class Knows(Copies):
    def __init__(self, truth):
        super().__init__()
        self.truth = truth

    def forward(self, target, v_source):
        return torch.from_numpy(self.truth).permute(0, 3, 1, 2).float() / 127.5 - 1


@pytest.fixture(scope="module")
def strip() -> Strip:
    return Strip(64, count=3)


def test_a_copy_and_the_truth_frame_the_error(strip, tmp_path):
    copied = strip(Copies(), tmp_path)
    assert copied["error_over_copy"] == pytest.approx(1) and copied["error_to_truth"] > 2
    assert strip(Knows(strip.truth), tmp_path)["error_to_truth"] == 0
    picture = np.asarray(Image.open(tmp_path / STRIP))
    assert picture.shape[:2] == (4 * 64, 3 * 64) and read_mark(tmp_path / STRIP).face_world
    assert json.dumps(copied)  # plain numbers, for the log


def test_the_live_figure_shows_what_there_is(strip, tmp_path):
    live = LiveFigure(tmp_path)
    live.records = [{"step": 20, "pictures": 320, "identity": 0.9, "cos_source": 0.1, "cos_target": 0.8}]
    axes = live.figure().axes
    assert [len(axis.lines) for axis in axes] == [1, 2, 0, 0] and not axes[3].images
    strip(Copies(), tmp_path)
    live.records.append({"step": 40, "pictures": 640, "identity": 0.8, "error_over_copy": 0.9})
    axes = live.figure().axes
    assert list(axes[0].lines[0].get_xdata()) == [320, 640] and len(axes[2].lines) == 1 and axes[3].images


def test_it_replaces_its_figure_in_a_notebook(tmp_path, monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw, metadata):
            shown.append("again")
            assert "identity 0.3" in metadata["image/jpeg"]["alt"] or "identity 0.5" in metadata["image/jpeg"]["alt"]

    def display(data, raw, metadata, display_id):
        assert raw and data["image/jpeg"] and "16 pictures" in metadata["image/jpeg"]["alt"]
        shown.append("new")
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    live = LiveFigure(tmp_path)
    for step in (1, 2, 3):
        live({"step": step, "pictures": 16 * step, "identity": 1.0 / step})
    assert shown == ["new", "again", "again"]

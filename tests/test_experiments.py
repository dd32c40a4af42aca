"""What lessons 05 and 06 read of the experiments belongs to the library's settings and to the shipped recognisers."""

import json
from dataclasses import asdict

import pytest

from simswap_lib import experiments
from simswap_lib.evaluation import fingerprint
from simswap_lib.experiments import EXPERIMENTS
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.generator import Generator


@pytest.fixture(scope="module")
def eyes() -> dict[str, str]:
    return {"judge": fingerprint(ArcFace.from_pretrained("judge")), "trainer": fingerprint(ArcFace.from_pretrained())}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_files_belong_to_the_settings(name, eyes):
    experiment, figures, log = EXPERIMENTS[name], experiments.figures(name), experiments.records(name)
    config = json.loads(json.dumps({k: v for k, v in asdict(experiment.config).items() if k != "cache"}))
    assert figures["config"] == config and figures["masked"] == experiment.masked
    assert {eye: figures["weights"][eye] for eye in eyes} == eyes
    assert [r["step"] for r in log] == list(range(10, experiment.config.steps + 1, 10))
    assert log[-1]["held_out_redrawn_l1"] == figures["redrawn_l1"]
    swap = figures["rows"]["swap"]
    assert swap["judge"]["id_retrieval"] == figures["retrieval"]
    assert swap["error_over_copy"] == figures["error_over_copy"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_strip_has_eight_swaps_in_four_rows(name):
    height, width, _ = experiments.strip(name).shape
    assert width == 8 * EXPERIMENTS[name].config.size and height == width // 2


@pytest.mark.parametrize("name", [name for name, experiment in EXPERIMENTS.items() if experiment.ships])
def test_the_shipped_generator_is_the_one_that_was_measured(name):
    assert fingerprint(Generator.from_pretrained(name)) == experiments.figures(name)["weights"]["generator"]


def test_each_changes_one_thing():
    """Beside the length of the long run."""
    start = asdict(EXPERIMENTS[experiments.ALL_TERMS].config)
    flat = {**start, **start.pop("loss")}
    for name, experiment in EXPERIMENTS.items():
        other = asdict(experiment.config)
        other |= other.pop("loss")
        changed = {key for key in flat if key != "loss" and other.get(key) != flat[key]} - {"steps"}
        assert len(changed) == (name != experiments.ALL_TERMS and experiment.masked), name


@pytest.mark.parametrize("read", [experiments.records, experiments.strip, experiments.figures])
def test_unknown_or_missing_is_one_sentence(read, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="There is no experiment 'match-9'; there are match-1"):
        read("match-9")
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"tools/run_experiments.py match-1` makes it"):
        read("match-1")

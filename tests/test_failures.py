"""The runs that fail on purpose: the stored logs belong to the settings, and each says what it is there to say."""

import json
import math
from dataclasses import asdict

import pytest
import torch

from simswap_lib import failures, files, losses
from simswap_lib.failures import FAILURES, FOLDER, HEALTHY, diagnose, records, root_of_squares

NAMES = list(FAILURES)


@pytest.mark.parametrize("name", NAMES)
def test_the_log_is_that_of_these_settings_and_weights(name):
    stored = json.loads((FOLDER / f"{name.replace(' ', '-')}.json").read_text())
    settings = json.loads(json.dumps(asdict(FAILURES[name].config)))  # tuples become lists
    settings.pop("cache")
    assert stored["config"] == settings, f'run `python tools/run_failures.py "{name}"` again'
    replaced = FAILURES[name].reconstruction
    assert stored["reconstruction"] == (replaced.__name__ if replaced else None)
    assert stored["cause"] == FAILURES[name].cause
    assert stored["start"] == files.checksum(files.DATA / "weights" / failures.START / "model.safetensors")


@pytest.mark.parametrize("name", NAMES)
def test_each_log_is_diagnosed_as_what_it_is(name):
    log = records(name)
    assert diagnose(log) == name
    if name != "not a number":
        assert log[-1]["step"] == FAILURES[name].config.steps
        assert all(math.isfinite(value) for record in log for value in record.values())


def test_the_failures_show_as_the_lesson_says():
    healthy, copies, collapsed, wins = (
        records(n)[-1] for n in ("healthy", "copies the target", "collapses", "the discriminator wins")
    )
    first = records("healthy")[0]
    assert healthy["held_out_cos_source"] > 0.8 * first["cos_source"]
    assert copies["held_out_cos_target"] > copies["held_out_cos_source"]
    assert copies["held_out_redrawn_l1"] < 1.1 * healthy["held_out_redrawn_l1"]
    assert collapsed["held_out_redrawn_l1"] > 2 * healthy["held_out_redrawn_l1"]
    assert max(collapsed["held_out_cos_source"], collapsed["held_out_cos_target"]) < 0.3
    assert wins["adversarial"] > 1 > abs(healthy["adversarial"])


def test_one_healthy_thing_is_changed_at_a_time():
    for name, failure in FAILURES.items():
        changed = {k for k, v in asdict(failure.config).items() if v != asdict(HEALTHY)[k]}
        assert (name == "healthy") == (not changed and failure.reconstruction is None), changed
        assert failure.config.start == failures.START


def test_the_root_has_a_value_but_no_slope():
    result = torch.rand(2, 3, 4, 4, requires_grad=True)
    target = torch.rand(2, 3, 4, 4)
    for same, sound in ((torch.tensor([True, True]), True), (torch.tensor([True, False]), False)):
        loss = root_of_squares(result, target, same)
        (slope,) = torch.autograd.grad(loss, result)
        assert loss.isfinite() and slope.isfinite().all() == sound


def test_names_are_checked(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no failure 'copies'; there are healthy, copies the target"):
        records("copies")
    monkeypatch.setattr(failures, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"python tools/run_failures\.py"):
        records("healthy")
    with pytest.raises(ValueError, match="at least one record"):
        diagnose([])


def test_the_tool_keeps_the_terms_at_which_a_run_stopped(tmp_path, monkeypatch):
    """A run of two steps on small networks, whose loss is no number from the third step on."""
    import run_failures

    from simswap_lib import material
    from simswap_lib.models import weights
    from simswap_lib.models.arcface import ArcFace, ArcFaceConfig

    torch.manual_seed(0)
    weights.save(ArcFace(ArcFaceConfig(32, width=4, blocks=(1, 1), embedding_dim=16)), tmp_path / "eyes", "For a test.")
    monkeypatch.setattr(material, "VALIDATION", 4)
    monkeypatch.setattr(run_failures, "Watch", lambda size: lambda generator, folder: {"variety": 1.0})
    small = failures.TrainConfig(
        people=4, photos=2, size=32, width=4, downs=1, blocks=1, critic_width=4, first_map=2, batch=4, steps=6,
        log_every=1, recogniser=str(tmp_path / "eyes"), cache=str(tmp_path),
    )  # fmt: skip
    log, strip = run_failures.run("x", failures.Failure(small, "a test", root_of_squares), str(tmp_path))
    assert [record["step"] for record in log] == [1, 2, 3] and strip is None
    assert math.isnan(log[-1]["identity"]) and diagnose(log) == "not a number"
    log, _ = run_failures.run("x", failures.Failure(small, "a test"), str(tmp_path))
    assert [record["step"] for record in log] == [1, 2, 3, 4, 5, 6] and log[-1]["variety"] == 1.0
    assert losses.reconstruction_loss.__module__ == "simswap_lib.losses"  # nothing is left patched

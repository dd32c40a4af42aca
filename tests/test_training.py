"""The training loop: it learns, it alternates, it goes on exactly after a kill, and it says clearly what is wrong."""

import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from simswap_lib import checkpoints, losses, material, training
from simswap_lib.models import weights
from simswap_lib.models.arcface import ArcFace, ArcFaceConfig
from simswap_lib.models.generator import Generator
from simswap_lib.models.onnx_files import to_onnx
from simswap_lib.photographs import rendered
from simswap_lib.train_config import TrainConfig
from simswap_lib.train_step import update_ema
from simswap_lib.training import Numbers, Validation, fast_precision, train

FEW = 4  # held-out people for the validation here

# Run in a process of its own: it dies by signal 9 while it writes the checkpoint of step 10.
DIES = """
import io, os, signal, sys, torch
from simswap_lib import material, training
from simswap_lib.losses import LossWeights
torch.set_num_threads(1)
material.VALIDATION = {few}
writes, whole = [], torch.save

def save(state, path):
    writes.append(path)
    if len(writes) == 2:
        buffer = io.BytesIO()
        whole(state, buffer)
        path.write_bytes(buffer.getvalue()[: buffer.tell() // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    whole(state, path)

torch.save = save
settings = {settings!r}
training.train(training.TrainConfig(**settings | dict(loss=LossWeights(**settings["loss"]))), sys.argv[1])
"""


@pytest.fixture(scope="module", autouse=True)
def small_validation():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "VALIDATION", FEW)
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> TrainConfig:
    """Networks of a few thousand numbers, everything else as in the real thing."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("recogniser")
    weights.save(ArcFace(ArcFaceConfig(32, width=4, blocks=(1, 1), embedding_dim=16)), folder, "For a test.")
    return TrainConfig(
        people=4, photos=3, size=32, cache=str(tmp_path_factory.mktemp("cache")), width=4, downs=1, blocks=1,
        critic_width=4, recogniser=str(folder), first_map=2, gp_every=4, steps=14, batch=4, seed=3,
        log_every=2, validate_every=4, checkpoint_every=5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole_run(config, tmp_path_factory):
    """(run folder, records) of a run that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole")
    train(config, folder)
    return folder, records(folder)


def records(folder) -> list[dict]:
    """The log without the clock."""
    lines = [json.loads(line) for line in (folder / checkpoints.LOG).read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "minutes"} for line in lines]


def state(folder) -> dict:
    return torch.load(folder / checkpoints.CHECKPOINT, weights_only=True)


def equal(a, b) -> bool:
    """Bit for bit, through dictionaries and lists."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


class TestRun:
    def test_leaves_log_checkpoint_and_best(self, config, whole_run):
        folder, log = whole_run
        assert [record["step"] for record in log] == [2, 4, 5, 6, 8, 10, 12, 14]
        assert state(folder)["step"] == 14
        best = Generator.from_pretrained(folder / training.BEST)
        assert best.config.image_size == 32 and best.config.identity_dim == 16
        assert best.config.recogniser == config.recogniser

    def test_every_term_and_both_cosines_are_logged(self, whole_run):
        for record in whole_run[1]:
            expected = {"identity", "reconstruction", "adversarial", "wfm", "critic", "cos_source", "cos_target"}
            assert expected <= record.keys()
            assert all(np.isfinite(value) for value in record.values())
        # The penalty is taken on steps 0, 4, 8, 12, of which the log shows only those that it is written after.
        assert [record["step"] for record in whole_run[1] if "gp" in record] == [5]
        assert [record["step"] for record in whole_run[1] if "score" in record] == [4, 8, 12, 14]

    def test_best_is_the_best_validation(self, config, whole_run):
        folder, log = whole_run
        best = max((record for record in log if "score" in record), key=lambda record: record["score"])
        recogniser = ArcFace.from_pretrained(config.recogniser)
        kept = material.world(1, 1, 32, None)[1:]
        again = Validation(recogniser, *kept, torch.device("cpu")).measure(Generator.from_pretrained(folder / "best"))
        assert again["score"] == pytest.approx(best["score"], abs=2e-3)  # float16 on disk

    def test_both_networks_learn_and_the_recogniser_does_not(self, config, whole_run, tmp_path):
        train(replace(config, steps=1), tmp_path)
        first, last = state(tmp_path), state(whole_run[0])
        for part in ("generator", "critic", "ema"):
            moved = [name for name in first[part] if not torch.equal(first[part][name], last[part][name])]
            assert len(moved) > 0.8 * len(first[part]), part
        recogniser = ArcFace.from_pretrained(config.recogniser).state_dict()
        optimised = sum(len(group["params"]) for group in last["adam_g"]["param_groups"])
        assert optimised == len(list(Generator.from_pretrained(whole_run[0] / "best").parameters()))
        assert not set(recogniser) & set(last["generator"])

    def test_reconstruction_counts_on_even_steps_alone(self, config, tmp_path, monkeypatch):
        seen = []
        real = losses.reconstruction_loss
        monkeypatch.setattr(losses, "reconstruction_loss", lambda r, t, same: (seen.append(same.tolist()), real(r, t, same))[1])  # fmt: skip  # noqa: E501
        train(replace(config, steps=4), tmp_path)
        assert seen == [[True] * 4, [False] * 4] * 2

    def test_the_critic_gets_no_gradient_from_the_generators_step(self, config, tmp_path, monkeypatch):
        """In the generator's step the critic is frozen; its own step must still reach every weight."""
        frozen = []
        real = losses.hinge_g_loss
        monkeypatch.setattr(losses, "hinge_g_loss", lambda maps: (frozen.append(maps[0][-1].grad_fn is not None), real(maps))[1])  # fmt: skip  # noqa: E501
        train(replace(config, steps=2), tmp_path)
        assert frozen == [True, True]
        assert len(state(tmp_path)["adam_d"]["state"]) == len(state(tmp_path)["adam_d"]["param_groups"][0]["params"])

    def test_a_weight_of_zero_takes_its_term_out(self, config, whole_run, tmp_path):
        train(replace(config, loss=losses.LossWeights(identity=0, reconstruction=0, gp=0, wfm=0)), tmp_path)
        assert not any("gp" in record for record in records(tmp_path))
        assert not equal(state(tmp_path)["generator"], state(whole_run[0])["generator"])

    def test_a_folder_of_people(self, config, tmp_path, capsys):
        """Everything as with the world, and resumed bit for bit, too."""
        list(rendered(range(5), 2, 32, 1, tmp_path / "faces"))
        on = replace(config, data=str(tmp_path / "faces"), steps=4, cache=None)
        train(replace(on, steps=2), tmp_path / "in two")
        assert "5 people, 10 pictures, people 1 deep; none skipped" in capsys.readouterr().out
        train(on, tmp_path / "in two")
        assert train(on, tmp_path / "in one")["score"] < 0
        assert equal(state(tmp_path / "in two"), state(tmp_path / "in one"))

    def test_a_folder_that_cannot_be_used_is_one_sentence(self, config, tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no folder"):
            train(replace(config, data=str(tmp_path / "no")), tmp_path / "run")

    def test_the_callback_sees_each_record(self, config, tmp_path):
        seen = []
        last = train(replace(config, steps=4), tmp_path, on_log=seen.append)
        assert [record["step"] for record in seen] == [2, 4] and seen[-1] == last


class TestResume:
    def test_killed_while_writing_goes_on_bit_for_bit(self, config, whole_run, tmp_path):
        program = DIES.format(few=FEW, settings=asdict(config))
        dead = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, timeout=120)
        assert dead.returncode == -signal.SIGKILL, dead.stderr.decode()[-2000:]
        assert state(tmp_path)["step"] == 5, "the old checkpoint stands, the new one is half written"
        assert records(tmp_path)[-1]["step"] == 10, "the log was further than the checkpoint"
        train(config, tmp_path)
        assert records(tmp_path) == whole_run[1]
        assert equal(state(tmp_path), state(whole_run[0]))

    def test_more_steps_go_on_from_the_end(self, config, whole_run, tmp_path):
        train(replace(config, steps=7), tmp_path)
        train(config, tmp_path)
        assert equal(state(tmp_path)["generator"], state(whole_run[0])["generator"])
        assert records(tmp_path)[-1] == whole_run[1][-1]

    def test_who_reads_the_pictures_does_not_matter(self, config, whole_run, tmp_path):
        train(replace(config, steps=5, workers=2), tmp_path)
        train(config, tmp_path)
        assert records(tmp_path)[-1] == whole_run[1][-1] and equal(state(tmp_path), state(whole_run[0]))

    def test_a_finished_run_does_nothing_more(self, config, whole_run):
        before = (whole_run[0] / checkpoints.CHECKPOINT).read_bytes()
        assert train(config, whole_run[0])["step"] == 14
        assert (whole_run[0] / checkpoints.CHECKPOINT).read_bytes() == before
        assert records(whole_run[0]) == whole_run[1]

    def test_ctrl_c_leaves_a_checkpoint_and_one_sentence(self, config, whole_run, tmp_path, capsys):
        before = signal.getsignal(signal.SIGINT)

        def press(record):
            if record["step"] == 6:
                signal.raise_signal(signal.SIGINT)

        last = train(config, tmp_path, on_log=press)
        assert last["step"] == 7 and state(tmp_path)["step"] == 7
        assert "Stopped after step 7; the same command goes on from here." in capsys.readouterr().out
        assert signal.getsignal(signal.SIGINT) is before
        train(config, tmp_path)
        assert equal(state(tmp_path)["ema"], state(whole_run[0])["ema"])

    def test_another_configuration_is_an_error_that_names_it(self, config, whole_run):
        with pytest.raises(ValueError, match=r"another configuration: batch was 4, is 6; seed was 3, is 4\."):
            train(replace(config, batch=6, seed=4), whole_run[0])

    @pytest.mark.parametrize("harm", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"not a checkpoint"])
    def test_a_damaged_checkpoint_is_one_sentence(self, config, whole_run, tmp_path, harm):
        harmed = harm((whole_run[0] / checkpoints.CHECKPOINT).read_bytes())
        (tmp_path / checkpoints.CHECKPOINT).write_bytes(harmed)
        with pytest.raises(ValueError, match="is damaged; delete it to start anew"):
            train(config, tmp_path)
        assert (tmp_path / checkpoints.CHECKPOINT).read_bytes() == harmed

    def test_a_checkpoint_that_wants_to_run_code_is_refused(self, config, tmp_path):
        torch.save({"config": print, "step": 1}, tmp_path / checkpoints.CHECKPOINT)
        with pytest.raises(ValueError, match="is damaged"):
            train(config, tmp_path)

    def test_a_new_run_does_not_go_on_with_an_old_log(self, tmp_path):
        (tmp_path / checkpoints.LOG).write_text('{"step": 2}\n')
        assert checkpoints.kept_records(tmp_path, 0) == [] and (tmp_path / checkpoints.LOG).read_text() == ""

    def test_a_half_written_line_is_dropped(self, tmp_path):
        (tmp_path / checkpoints.LOG).write_text('{"step": 2}\n{"step": 4}\n{"step": 6}\n{"st')
        assert checkpoints.kept_records(tmp_path, 4) == [{"step": 2}, {"step": 4}]
        assert (tmp_path / checkpoints.LOG).read_text() == '{"step": 2}\n{"step": 4}\n'


class TestPieces:
    def test_not_a_number_stops_with_step_and_term(self, config, tmp_path, monkeypatch):
        calls = []

        def breaks(v_result, v_source):
            calls.append(1)
            return (v_result * (float("nan") if len(calls) == 7 else 1)).sum()

        monkeypatch.setattr(losses, "identity_loss", breaks)
        with pytest.raises(FloatingPointError, match="The identity term is nan at step 7"):
            train(config, tmp_path)
        assert state(tmp_path)["step"] == 5 and all(t.isfinite().all() for t in state(tmp_path)["generator"].values())

    def test_infinite_is_no_number_and_the_first_bad_step_is_told(self):
        numbers = Numbers(torch.device("cpu"))
        numbers.look_at({"identity": torch.tensor(1.0)}, 1)
        numbers.require()
        numbers.look_at({"identity": torch.tensor(1.0), "wfm": torch.tensor(float("inf"))}, 9)
        numbers.look_at({"identity": torch.tensor(float("nan"))}, 10)
        with pytest.raises(FloatingPointError, match="The wfm term is inf at step 9"):
            numbers.require()

    def test_a_recogniser_in_an_onnx_file_trains_alike(self, config, whole_run, tmp_path):
        path = to_onnx(ArcFace.from_pretrained(config.recogniser), tmp_path / "recogniser.onnx")
        train(replace(config, recogniser=str(path), steps=4), tmp_path / "run")
        again = records(tmp_path / "run")
        assert len(again) == 2
        for record, expected in zip(again, whole_run[1]):
            assert record == pytest.approx(expected, rel=1e-3)

    def test_ema_by_hand(self):
        average, network = torch.nn.BatchNorm1d(1), torch.nn.BatchNorm1d(1)
        torch.nn.init.constant_(average.weight, 2.0)
        torch.nn.init.constant_(network.weight, 4.0)
        network.running_mean.fill_(8.0)
        network.num_batches_tracked.fill_(9)
        update_ema(average, network, 0.75)
        assert average.weight.item() == 2.5 and average.running_mean.item() == 2.0
        assert average.num_batches_tracked.item() == 9

    def test_validation_knows_a_copy(self, config):
        """A network that gives the target back: its own face, no error in redrawing, little of the source."""
        recogniser = ArcFace.from_pretrained(config.recogniser)
        kept = material.world(1, 1, 32, None)[1:]
        measured = Validation(recogniser, *kept, torch.device("cpu")).measure(lambda target, v: target)
        assert measured["held_out_cos_target"] == pytest.approx(1.0, abs=1e-5)
        assert measured["held_out_redrawn_l1"] == 0.0
        assert measured["held_out_cos_source"] < measured["held_out_cos_target"]
        assert measured["score"] == pytest.approx(measured["held_out_cos_source"] - 1)

    def test_half_precision_only_where_it_is_fast(self, monkeypatch):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
        assert fast_precision(torch.device("cpu")) is None
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
        assert fast_precision(torch.device("cpu")) == "bf16" and fast_precision(torch.device("mps")) is None
        for capability, wanted in (((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")):
            monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, c=capability: c)
            assert fast_precision(torch.device("cuda")) == wanted

    @pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 1}, {"gp_every": 0}])
    def test_impossible_settings_are_errors(self, wrong):
        with pytest.raises(ValueError, match="must be at least"):
            TrainConfig(**wrong)

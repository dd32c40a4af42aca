"""`render --dataset` and `check-data` as users meet them: whole files, exit codes, one sentence for each bad input."""

import json
import signal
import subprocess
import sys
import time
from functools import partial

import pytest
from PIL import Image

from simswap_lib.__main__ import main
from simswap_lib.provenance import read_mark


def one_sentence(capsys, words: str):
    error = capsys.readouterr().err
    assert words in error and len(error.strip().splitlines()) == 1, error


def test_writes_a_folder_of_people_that_training_can_use(tmp_path, capsys):
    folder = tmp_path / "new" / "faces"
    assert main(f"render --dataset {folder} --people 4 --shots 2 --size 32 --identity 6".split()) == 0
    assert "4 people x 2 pictures of 32 pixels" in capsys.readouterr().out
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert names == [f"person_00000{person}/00{photo}.png" for person in (6, 7, 8, 9) for photo in (0, 1)]
    assert all(read_mark(folder / name).face_world for name in names)
    assert main(["check-data", str(folder), "--json", str(tmp_path / "r.json")]) == 0
    words = capsys.readouterr().out
    assert "4 people, 8 pictures" in words and "Training can use this folder" in words
    assert json.loads((tmp_path / "r.json").read_text())["pictures_per_person"]["max"] == 2


def test_adds_to_nothing_that_is_there(tmp_path, capsys):
    (tmp_path / "file").touch()
    for name in (".", "file"):
        assert main(["render", "--dataset", str(tmp_path / name), "--people", "1"]) == 2
        one_sentence(capsys, "is there already and not empty")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    (tmp_path / "empty").mkdir()
    assert main(f"render --dataset {tmp_path / 'empty'} --people 1 --shots 1 --size 32".split()) == 0


def test_check_data_says_by_its_exit_code_whether_training_can(tmp_path, capsys):
    assert main(["check-data", str(tmp_path)]) == 1
    assert "Training cannot use this folder." in capsys.readouterr().out
    assert main(["check-data", str(tmp_path / "no")]) == 2
    one_sentence(capsys, "There is no folder")
    assert main(["check-data", str(tmp_path), "--min-side", "0"]) == 2
    one_sentence(capsys, "smallest side")
    assert main(["check-data", str(tmp_path), "--json", str(tmp_path / "no" / "x.json")]) == 2
    one_sentence(capsys, "cannot be written")
    assert main(["check-data", str(tmp_path), "--detector", str(tmp_path)]) == 2
    one_sentence(capsys, "no .onnx model")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_data_set_holds_whole_files_only(tmp_path, kind):
    command = [sys.executable, "-m", "simswap_lib", "render", "--dataset", str(tmp_path / "faces")]
    command += ["--people", "500", "--shots", "4", "--size", "64"]  # enough for two processes
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=heard)
    end = time.time() + 90
    while len(list(tmp_path.rglob("*.png"))) < 12:
        assert time.time() < end
        time.sleep(0.02)
    process.send_signal(kind)
    assert process.wait(timeout=60) == (130 if kind == signal.SIGINT else -kind)
    count = -1
    while count != (count := len(list(tmp_path.rglob("*.png")))):  # whoever renders finds out that nobody listens
        assert time.time() < end
        time.sleep(3)
    assert 12 <= count < 2000
    for path in tmp_path.rglob("0*.png"):
        assert Image.open(path).convert("RGB").size == (64, 64) and read_mark(path).face_world

"""The command line as its users meet it: exit codes, one sentence for each bad input, and no file left behind."""

import json
import signal
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from simswap_lib.__main__ import main
from simswap_lib.models import weights
from simswap_lib.models.generator import Generator, GeneratorConfig
from simswap_lib.provenance import read_mark
from simswap_lib.train_config import configured


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two renders, two photographs without a mark, and a small untrained generator."""
    folder = tmp_path_factory.mktemp("files")
    for name, seed in (("a.png", 1), ("b.png", 2)):
        assert main(f"render --identity {seed} --shot {seed} --size 64 -o {folder / name}".split()) == 0
    for name in ("real.png", "real2.png"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(folder / name)
    torch.manual_seed(0)
    weights.save(Generator(GeneratorConfig(32, 8, 2, 1, 128)), folder / "tiny", "A generator for tests.")
    return folder


def swap(files, *extra, source="a.png", target="b.png", output="out.png"):
    return main(
        [
            *("swap", "--source", str(files / source), "--target", str(files / target), "--aligned"),
            *("--weights", str(files / "tiny"), "-o", str(files / output), *extra),
        ]
    )


def one_sentence(capsys, words: str):
    error = capsys.readouterr().err
    assert words in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1, error


class TestRender:
    def test_writes_a_marked_picture(self, files):
        assert Image.open(files / "a.png").size == (64, 64)
        assert read_mark(files / "a.png").face_world

    def test_sheet(self, tmp_path):
        assert main(f"render --sheet --people 2 --shots 3 --size 32 -o {tmp_path / 's.png'}".split()) == 0
        assert Image.open(tmp_path / "s.png").size == (96, 64)

    @pytest.mark.parametrize(
        "options, words",
        [
            ("--size 16 -o X.png", "32 to 512"),
            ("--size 513 -o X.png", "32 to 512"),
            ("--identity -1 -o X.png", "Seeds"),
            ("--sheet --people 0 -o X.png", "1 to 64"),
            ("--sheet --shots 17 --size 512 -o X.png", "1 to 16"),
            ("--people 3 -o X.png", "add --sheet"),
            ("-o X.gif", "should end in"),
            ("-o no/X.png", "does not exist"),
            ("-o X", "should end in"),
            ("-o .", "folder"),
            ("", "-o FILE for a picture, or --dataset DIR"),
            ("-o X.png --dataset X", "-o FILE for a picture, or --dataset DIR"),
            ("--dataset X --sheet", "do not go with it"),
            ("--dataset X --shot 3", "do not go with it"),
            ("--dataset X --people 0", "At least one person"),
            ("--dataset X --shots 101", "100 shots for each"),
            ("--dataset X --size 20", "32 to 512"),
            ("--dataset X --identity 899999 --people 2", "mix training people"),
        ],
    )
    def test_bad_input(self, tmp_path, monkeypatch, capsys, options, words):
        monkeypatch.chdir(tmp_path)
        assert main(["render", *options.split()]) == 2
        one_sentence(capsys, words)
        assert not list(tmp_path.iterdir())


class TestSwap:
    def test_two_renders_need_no_consent_and_stay_usable(self, files):
        assert swap(files) == 0
        mark = read_mark(files / "out.png")
        assert mark.kind == "swap" and mark.face_world and mark.consent is None
        assert Image.open(files / "out.png").size == (64, 64)
        assert swap(files, target="out.png", output="again.png") == 0

    @pytest.mark.parametrize("pair", [("real.png", "a.png"), ("a.png", "real.png"), ("real.png", "real2.png")])
    def test_real_faces_need_consent(self, files, capsys, pair):
        assert swap(files, source=pair[0], target=pair[1], output="no.png") == 2
        one_sentence(capsys, "--consent")
        assert swap(files, "--consent", "  ", source=pair[0], target=pair[1], output="no.png") == 2
        one_sentence(capsys, "1 to 2,000 printable characters")
        assert not (files / "no.png").exists()

    def test_consent_is_written_down_and_does_not_spread(self, files, capsys):
        assert swap(files, "--consent", "Ann, in writing", source="real.png", output="real-out.png") == 0
        mark = read_mark(files / "real-out.png")
        assert mark.consent == "Ann, in writing" and not mark.face_world
        assert swap(files, source="real-out.png", output="no.png") == 2  # still a real face
        one_sentence(capsys, "real-out.png may show somebody real")

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
    def test_labelled_from_128_pixels_unless_asked_not_to(self, files, suffix):
        assert main(["render", "--size", "128", "-o", str(files / "large.png")]) == 0
        pictures = []
        for extra in ([], ["--no-label"]):
            name = f"label-{len(extra)}{suffix}"
            assert swap(files, *extra, target="large.png", output=name) == 0
            assert read_mark(files / name).kind == "swap"
            pictures.append(np.asarray(Image.open(files / name)).astype(int))
        different = np.abs(pictures[0] - pictures[1]).max(-1) > 40
        assert different[-14:, :70].any() and not different[:-20].any()

    def test_pictures_of_all_sorts_succeed(self, files, tmp_path):
        rgb = Image.open(files / "real.png")
        turned = rgb.getexif()
        turned[0x0112] = 6
        rgb.convert("L").save(tmp_path / "grey.png")
        rgb.quantize(16).save(tmp_path / "palette.png")
        rgb.convert("RGBA").save(tmp_path / "alpha.png")
        Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
        rgb.convert("CMYK").save(tmp_path / "cmyk.jpg")
        rgb.save(tmp_path / "turned.jpg", exif=turned)
        for path in sorted(tmp_path.iterdir()):
            assert swap(files, "--consent", "x", source=path, target=path, output="sort.png") == 0, path
            assert Image.open(files / "sort.png").size == (64, 64)

    @pytest.mark.parametrize("name", ["a.png", "b.png"])
    def test_inputs_survive_a_link_to_them_as_output(self, files, capsys, name):
        before = (files / name).read_bytes()
        (files / "link.png").symlink_to(files / name)
        try:
            assert swap(files, output="link.png") == 2
            one_sentence(capsys, "another name")
        finally:
            (files / "link.png").unlink()
        assert (files / name).read_bytes() == before

    def test_every_bad_input(self, files, capsys, tmp_path):
        whole = (files / "a.png").read_bytes()
        (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "empty.png").touch()
        (tmp_path / "text.png").write_text("hello")
        (tmp_path / "folder.png").mkdir()
        Image.new("RGB", (31, 31)).save(tmp_path / "small.png")
        Image.new("RGB", (64, 80)).save(tmp_path / "oblong.png")
        Image.new("1", (8200, 8200)).save(tmp_path / "large.png")
        cases = {
            "missing.png": "There is no file",
            "cut.png": "cut off",
            "empty.png": "zero bytes",
            "text.png": "not a picture",
            "folder.png": "folder",
            "small.png": "31 x 31",
            "oblong.png": "square",
            "large.png": "8200 x 8200",
        }
        for name, words in cases.items():
            for side in ("source", "target"):
                assert swap(files, "--consent", "x", **{side: tmp_path / name}, output="never.png") == 2, name
                one_sentence(capsys, words)
        assert not [p for p in files.iterdir() if p.name.startswith((".", "never"))]

    @pytest.mark.parametrize(
        "output, words",
        [("none/x.png", "does not exist"), ("tiny", "folder"), ("x.bmp", "should end in"), ("a.png", "another name")],
    )
    def test_bad_outputs(self, files, capsys, output, words):
        before = {p.name for p in files.iterdir()}
        assert swap(files, output=output) == 2
        one_sentence(capsys, words)
        assert {p.name for p in files.iterdir()} == before

    def test_disk_full_leaves_nothing(self, files, capsys, monkeypatch):
        def full(*_, **__):
            raise OSError(28, "No space left on device", "x.png")

        monkeypatch.setattr(Image.Image, "save", full)
        assert swap(files, output="x.png") == 2
        one_sentence(capsys, "No space left")
        assert not [p for p in files.iterdir() if p.name.startswith((".", "x"))]

    def test_not_aligned_wrong_weights_wrong_device(self, files, capsys, tmp_path):
        assert main(["swap", "--source", "a", "--target", "b", "-o", "c.png"]) == 2
        one_sentence(capsys, "--aligned")
        assert swap(files, "--weights", "nobody", output="no.png") == 2
        one_sentence(capsys, "nobody")
        assert swap(files, "--device", "cuda:77", output="no.png") == 2
        one_sentence(capsys, "no device 'cuda:77'")
        for device in ("gpu", "meta"):
            assert swap(files, "--device", device, output="no.png") == 2
            one_sentence(capsys, f"no device '{device}'")
        assert swap(files, "--weights", "arcface", output="no.png") == 2
        one_sentence(capsys, "ArcFace")
        for name in ("model.safetensors", "config.json"):
            broken = tmp_path / name
            weights.save(Generator(GeneratorConfig(32, 8, 2, 1, 128)), broken, "To be broken.")
            data = (broken / name).read_bytes()
            (broken / name).write_bytes(data[: len(data) // 2])
            assert swap(files, "--weights", str(broken), output="no.png") == 2
            one_sentence(capsys, "damaged")
        assert not (files / "no.png").exists()


class TestTrainSettings:
    def test_settings_reach_the_configuration(self):
        config = configured(["steps=7", "learning_rate=1e-3", "identity=30", "betas=0.5,0.9", "cache=here"])
        assert (config.steps, config.learning_rate, config.loss.identity) == (7, 1e-3, 30.0)
        assert config.betas == (0.5, 0.9) and config.cache == "here"

    @pytest.mark.parametrize("setting", ["stepps=7", "steps", "steps=many", "steps=0", "loss=1"])
    def test_bad_settings(self, setting, capsys, tmp_path):
        assert main(["train", "--run", str(tmp_path / "run"), "--set", setting]) == 2
        one_sentence(capsys, "steps")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("stopped, code", [({"step": 5}, 130), ({"step": 4000}, 0), ({}, 0)])
    def test_a_stopped_run_is_told_by_its_exit_code(self, monkeypatch, tmp_path, capsys, stopped, code):
        from simswap_lib import train_cost, training, watching

        monkeypatch.setattr(training, "train", lambda config, folder, **more: stopped)
        monkeypatch.setattr(train_cost, "cost", lambda config, accelerator: "it costs a bit")
        monkeypatch.setattr(watching, "Strip", lambda size, recogniser: None)
        assert main(["train", "--run", str(tmp_path), "--set", "steps=4000"]) == code
        assert "it costs a bit" in capsys.readouterr().out

    def test_presets_and_the_released_recipe(self, monkeypatch, tmp_path, capsys):
        from simswap_lib import train_cost, training, watching

        seen = []
        monkeypatch.setattr(training, "train", lambda config, folder, **more: seen.append(config) or {})
        monkeypatch.setattr(train_cost, "cost", lambda config, accelerator: "")
        monkeypatch.setattr(watching, "Strip", lambda size, recogniser: None)
        run = ["train", "--run", str(tmp_path)]
        assert main([*run, "--preset", "smoke", "--as-released", "train.py", "--set", "batch=6"]) == 0
        assert (seen[0].people, seen[0].batch, seen[0].loss.gp, seen[0].betas) == (60, 6, 0.0, (0.0, 0.99))
        for wrong, words in (
            (["--preset", "quick"], "There is no preset 'quick'; there are smoke, course"),
            (["--as-released", "x"], "There is no released recipe"),
            (["--preset", "paper"], "needs data and recogniser"),
        ):
            assert main([*run, *wrong]) == 2
            one_sentence(capsys, words)

    def test_a_file_is_no_run_folder(self, capsys, files):
        assert main(["train", "--run", str(files / "a.png")]) == 2
        one_sentence(capsys, "a.png is a file; --run should name a folder")

    def test_numbers_of_the_right_count(self, capsys, tmp_path):
        assert main(["train", "--run", str(tmp_path), "--set", "betas=0"]) == 2
        one_sentence(capsys, "betas should be like (0.0, 0.999)")


def test_evaluate_prints_the_report_and_writes_json(files, tmp_path, capsys):
    from simswap_lib import evaluation

    command = ["evaluate", "--weights", str(files / "tiny"), "--swaps", "4", "--gallery", "5", "--json"]
    assert main([*command, str(tmp_path / "no" / "e.json")]) == 2
    one_sentence(capsys, "cannot be written")
    assert main([*command, str(tmp_path / "e.json")]) == 0
    figures = json.loads((tmp_path / "e.json").read_text())
    assert (figures["protocol"]["swaps"], figures["protocol"]["gallery"]) == (4, 5)
    assert evaluation.report(figures) in capsys.readouterr().out
    assert main(["evaluate", "--weights", str(files / "tiny"), "--swaps", "0"]) == 2
    one_sentence(capsys, "swaps")


class TestEvaluateOwnData:
    def test_a_rendered_folder(self, files, tmp_path, capsys):
        faces = tmp_path / "faces"
        assert main(f"render --dataset {faces} --people 3 --shots 3 --size 32 --identity 20".split()) == 0
        command = [
            "evaluate",
            "--weights",
            str(files / "tiny"),
            "--data",
            str(faces),
            "--json",
            str(tmp_path / "e.json"),
        ]
        capsys.readouterr()
        assert main([*command, "--swaps", "4", "--judge", "judge"]) == 0
        figures = json.loads((tmp_path / "e.json").read_text())
        assert (figures["protocol"]["swaps"], figures["protocol"]["gallery"]) == (4, 3)
        assert "mean nothing" not in capsys.readouterr().out

    @pytest.mark.parametrize(
        "options, words",
        [
            ("--data no", "There is no folder no"),
            ("--data .", "holds neither folders of people"),
            ("--detector no", "--detector belongs to --data"),
            ("--judge no", "no"),
        ],
    )
    def test_one_sentence(self, files, tmp_path, capsys, monkeypatch, options, words):
        monkeypatch.chdir(tmp_path)
        assert main(["evaluate", "--weights", str(files / "tiny"), *options.split()]) == 2
        one_sentence(capsys, words)


def test_bench_writes_json(tmp_path, capsys, monkeypatch):
    from simswap_lib import bench

    monkeypatch.setattr(bench, "bench_world", lambda: {"renders_per_second_64": 1.5, "note": "x"})
    assert main(["bench", "world", "--json", str(tmp_path / "b.json")]) == 0
    assert json.loads((tmp_path / "b.json").read_text())["renders_per_second_64"] == 1.5
    assert main(["bench", "world", "--json", str(tmp_path / "no" / "b.json")]) == 2
    one_sentence(capsys, "cannot be written")
    for wrong in ("world --device cpu", "train --weights simswap", "generator --weights simswap", "swap --compile"):
        assert main(["bench", *wrong.split()]) == 2
        one_sentence(capsys, "belongs to")


def test_bench_gives_the_plain_versions_to_those_that_compare(monkeypatch, capsys):
    from simswap_lib import bench

    monkeypatch.setattr(bench, "bench_train", lambda plain: {"class": plain.PlainStep.__name__})
    monkeypatch.setattr(bench, "bench_generator", lambda plain, device, compile: {"draws": plain.draw.__name__})
    assert main(["bench", "train"]) == main(["bench", "generator", "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "PlainStep" in printed and "draw" in printed


def test_bench_of_swaps(files):
    from simswap_lib.bench import bench_swap

    figures = bench_swap(str(files / "tiny"), "cpu", rounds=2)
    assert figures["pixels"] == 32 and figures["device"] == "cpu"
    ratio = figures["ms_per_swap"] / figures["ms_per_swap_in_a_batch_of_16"]
    assert figures["ratio_single_to_batch"] == pytest.approx(ratio)


def test_bench_measures():
    import time

    from simswap_lib.bench import seconds

    assert 0.009 < seconds(lambda _: time.sleep(0.01), 3) < 0.1


class TestAsASubprocess:
    def run(self, *arguments):
        command = [sys.executable, "-m", "simswap_lib", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def test_unknown_options(self):
        done = self.run("swap", "--nonsense")
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert self.run().returncode == 2

    def test_help_loads_nothing_heavy(self):
        code = (
            "import sys, runpy; sys.argv = ['x', '--help']\ntry: runpy.run_module('simswap_lib', run_name='__main__')"
        )
        code += "\nexcept SystemExit: print(sorted({'torch', 'numpy', 'numba', 'cv2', 'PIL'} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "render" in done.stdout and done.stdout.endswith("[]\n"), done.stdout + done.stderr

    @staticmethod
    def cpu_seconds(process: int) -> float:
        """How long a process has computed, which on a busy machine is less than how long it has lived."""
        time_of = subprocess.run(["ps", "-o", "time=", "-p", str(process)], capture_output=True, text=True).stdout
        parts = [float(part) for part in time_of.strip().replace("-", ":").split(":")]
        return sum(part * 60**i for i, part in enumerate(reversed(parts)))

    def test_ctrl_c_inside_a_compiled_function(self, monkeypatch, capsys, tmp_path):
        """Numba turns it into a SystemError, once for each of its layers."""

        def wrapped(depth):
            try:
                if depth == 0:
                    raise KeyboardInterrupt
                wrapped(depth - 1)
            except BaseException as error:
                raise SystemError("returned a result with an exception set") from error

        monkeypatch.setattr("simswap_lib.__main__.run_render", lambda options: wrapped(2))
        assert main(["render", "-o", str(tmp_path / "a.png")]) == 130
        assert capsys.readouterr().err.splitlines() == ["Stopped; nothing was half written."]
        monkeypatch.setattr("simswap_lib.__main__.run_render", lambda options: (_ for _ in ()).throw(SystemError()))
        with pytest.raises(SystemError):
            main(["render", "-o", str(tmp_path / "a.png")])

    @pytest.mark.skipif(sys.platform == "win32", reason="signals as a keyboard sends them")
    def test_ctrl_c(self, tmp_path):
        command = [sys.executable, "-m", "simswap_lib", "render", "--sheet", "--people", "16", "--shots", "16"]
        command += ["--size", "512", "-o", str(tmp_path / "sheet.png")]
        # A job in the background starts with the keyboard's signal ignored, and its children inherit that.
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
        end = time.monotonic() + 120
        while self.cpu_seconds(process.pid) < 6 and time.monotonic() < end:  # loading takes three, drawing twenty
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130 and error.splitlines() == ["Stopped; nothing was half written."]
        assert not list(tmp_path.iterdir())

    def test_a_swap_with_the_shipped_weights(self, files):
        pair = ("--source", files / "a.png", "--target", files / "b.png")
        done = self.run("swap", *pair, "--aligned", "-o", files / "shipped.png")
        assert done.returncode == 0 and "marked as synthetic" in done.stdout, done.stderr
        changed = np.abs(
            np.asarray(Image.open(files / "shipped.png")).astype(int) - np.asarray(Image.open(files / "b.png"))
        )
        assert changed.mean() > 1

    def test_a_missing_file_is_one_sentence(self, tmp_path):
        done = self.run("swap", "--source", "no.png", "--target", "no.png", "--aligned", "-o", tmp_path / "x.png")
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and not list(tmp_path.iterdir())

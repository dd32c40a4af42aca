"""The two commands on a machine that lacks something, played with stand-ins for Python and JupyterLab."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="make and sh; the README has three commands for Windows"
)


@pytest.fixture
def clone(tmp_path) -> Path:
    """A folder with the files that the set-up reads."""
    (tmp_path / "tools").mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/setup.sh", "tools/lab.sh"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def program(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def call(clone: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(clone), **environment}
    command = ["sh", str(clone / "tools" / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def fake_environment(clone: Path, load: str = "exit 0") -> None:
    """A .venv whose Python writes what pip was asked for into pip.log; `load` is what importing OpenCV does."""
    python = f'case "$*" in *"pip install"*) echo "$*" >>"{clone}/pip.log";; *cv2*) {load};; esac'
    program(clone / ".venv" / "bin" / "python", python)
    program(clone / ".venv" / "bin" / "jupyter", 'printf "%s\\n" "$@"')


def installs(clone: Path) -> int:
    log = clone / "pip.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def sentence(run: subprocess.CompletedProcess) -> str:
    assert run.returncode == 1
    (line,) = run.stderr.strip().splitlines()
    return line


def test_a_python_that_is_too_old(clone):
    said = sentence(call(clone, "setup.sh", PYTHON=program(clone / "python", "exit 1")))
    assert "not a Python 3.11, 3.12 or 3.13" in said
    assert not (clone / ".venv").exists()


def test_no_python_at_all(clone):
    tools = clone / "bin"
    tools.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "head"):
        (tools / name).symlink_to(shutil.which(name))
    assert "needs Python 3.11, 3.12 or 3.13, found here: none" in sentence(call(clone, "setup.sh", PATH=str(tools)))


def test_no_ensurepip(clone):
    python = program(clone / "python", 'case "$*" in *ensurepip*) exit 1;; esac')
    assert "apt-get install python3-venv" in sentence(call(clone, "setup.sh", PYTHON=python))
    assert not (clone / ".venv").exists()


def test_a_system_library_is_missing(clone):
    fake_environment(clone, load='echo "ImportError: libGL.so.1: cannot open shared object file" >&2; exit 1')
    said = sentence(call(clone, "setup.sh"))
    assert "libGL.so.1" in said and "apt-get install libgl1 libglib2.0-0" in said
    assert not (clone / ".venv" / "installed").exists()


def test_pip_fails(clone):
    program(clone / ".venv" / "bin" / "python", 'case "$*" in *"pip install"*) exit 7;; esac')
    assert "did not finish" in sentence(call(clone, "setup.sh"))
    assert not (clone / ".venv" / "installed").exists()


def test_a_second_call_installs_nothing_and_a_change_installs_again(clone):
    fake_environment(clone)
    for _ in range(2):
        assert call(clone, "setup.sh").returncode == 0
        assert installs(clone) == 1
    for change, name in enumerate(("constraints.txt", "pyproject.toml"), start=2):
        with (clone / name).open("a") as file:
            file.write("# another line\n")
        assert call(clone, "setup.sh").returncode == 0
        assert installs(clone) == change
    assert "--constraint constraints.txt --editable .[dev]" in (clone / "pip.log").read_text()


def test_an_environment_from_another_place_is_made_again(clone):
    fake_environment(clone)
    (clone / ".venv" / "installed").write_text("/somewhere/else\n1 2\n")
    made = program(clone / "python", 'case "$*" in *"-m venv"*) echo made; exit 1;; esac')
    assert "made" in call(clone, "setup.sh", PYTHON=made).stdout
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("user", ["0", "1000"])
@pytest.mark.parametrize("display", [{}, {"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}])
def test_lab_as_root_and_without_a_display(clone, user, display):
    fake_environment(clone)
    program(clone / "bin" / "id", f"echo {user}")
    program(clone / "bin" / "uname", "echo Linux")
    run = call(clone, "lab.sh", "--ip=0.0.0.0", PATH=f"{clone / 'bin'}:/usr/bin:/bin", **display)
    assert run.returncode == 0
    arguments = run.stdout.splitlines()
    assert ("--allow-root" in arguments) == (user == "0")
    assert ("--no-browser" in arguments) == (not display)
    assert ("No display here" in run.stdout) == (not display)
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in arguments
    assert f"--ServerApp.root_dir={clone}" in arguments and "--ip=0.0.0.0" in arguments


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_clean_undoes_the_setup_and_only_that(clone):
    fake_environment(clone)
    left = ["simswap_lib/a.py", "data/weights/a", "notebooks/a.ipynb", "tests/a.py", "runs/log", "tools/setup.sh"]
    gone = [
        "simswap_lib.egg-info/a",
        "simswap_lib/world/__pycache__/a",
        "notebooks/.ipynb_checkpoints/a",
        ".ruff_cache/a",
    ]
    for name in left + gone:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).touch()
    subprocess.run(["make", "clean"], cwd=clone, check=True, capture_output=True)
    assert not (clone / ".venv").exists() and not [name for name in gone if (clone / name).exists()]
    assert all((clone / name).exists() for name in left)


@pytest.mark.skipif(not shutil.which("make"), reason="no make here")
def test_ci_runs_make_test_and_a_failure_fails(clone):
    (clone / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", clone / ".ci" / "run")
    fake_environment(clone)
    for name in ("ruff", "pytest"):
        program(clone / ".venv" / "bin" / name, f'echo "$SIMSWAP_MODE {name} $*" >>"{clone}/calls"')
    run = [str(clone / ".ci" / "run")]
    assert subprocess.run(run, capture_output=True).returncode == 0
    calls = (clone / "calls").read_text().splitlines()
    assert calls[:2] == [" ruff check .", " ruff format --check ."]
    assert calls[2].startswith(" pytest ") and calls[2].endswith(" tests")
    assert [line.split()[:2] for line in calls[3:]] == [["learner", "pytest"], ["solution", "pytest"]]
    assert all("--nbval-lax --nbval-current-env" in line and line.endswith(" notebooks") for line in calls[3:])
    for broken, arguments in [("ruff", "check"), ("ruff", "format"), ("pytest", "tests"), ("pytest", "notebooks")]:
        text = (clone / ".venv" / "bin" / broken).read_text()
        program(clone / ".venv" / "bin" / broken, f'case "$*" in *{arguments}*) exit 1;; esac')
        assert subprocess.run(run, capture_output=True).returncode != 0, f"{broken} {arguments} failed unnoticed"
        program(clone / ".venv" / "bin" / broken, text)

"""The first call of every notebook: seeds, device, data, and one line that says what runs here."""

from __future__ import annotations

import json
import platform
import random

import numpy as np
import torch

import simswap_lib
from simswap_lib import files
from simswap_lib.course import session

# What each lesson reads, below the data folder.
NEEDS = {
    "00": ("head_model", "weights/arcface-128", "weights/simswap", "weights/judge-128"),
    "01": ("head_model", "weights/judge", "weights/attributes"),
    "02": (
        *("head_model", "weights/arcface", "weights/halfway", "weights/simswap-64", "weights/judge"),
        "results",
    ),
    "03": (
        *("head_model", "weights/arcface", "weights/judge", "weights/arcface-128", "weights/simswap"),
        "results",
    ),
    "04": ("head_model", "weights/arcface-128", "weights/simswap", "weights/judge-128"),
    "05": ("head_model", "weights/arcface", "weights/critic", "weights/halfway", "weights/judge", "results"),
    "06": (
        *("head_model", "weights/arcface", "weights/judge", "weights/critic", "results/experiments"),
        *(f"weights/match-{m}" for m in (1, 2, 3, 4, "none")),
    ),
    "07": ("head_model", "weights/arcface", "weights/critic", "weights/halfway", "results"),
    "08": (
        *("head_model", "weights/arcface-128", "weights/simswap", "weights/judge", "weights/judge-128"),
        *("weights/attributes", "results"),
    ),
}


class DataMissing(FileNotFoundError):
    """The lesson cannot start. A notebook shows the sentence alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython 7 and 9 both ask the exception for it
        return [str(self)]


def setup(lesson: str) -> torch.device:
    """Make the notebook repeatable and say what it runs on; returns the device: CUDA if there is one, else CPU.

    Seeds Python, NumPy and PyTorch with the lesson's number. Raises DataMissing, with what to do, if a file of the
    lesson is missing or damaged.
    """
    if not isinstance(lesson, str) or not lesson.isdigit():
        raise ValueError(f'setup expects the lesson\'s number as text, such as "04"; got {lesson!r}.')
    for part in NEEDS.get(lesson, ()):
        _look_at(part)
    seed = int(lesson)
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the reader's own cells may use either kind of generator
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    session.open_lesson(lesson)
    print(
        f"Lesson {lesson}: simswap_lib {simswap_lib.__version__}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, numpy {np.__version__}, device {device}, seed {seed}, "
        f"exercises in {session.mode()[0]} mode"
    )
    return device


def _look_at(part: str) -> None:
    """Is the folder there, and are its weights the ones that its configuration was written for?"""
    folder = files.DATA / part
    if not folder.is_dir() or not any(folder.iterdir()):
        raise DataMissing(
            f"The course's data lacks {folder}. It comes with the repository: run `git checkout -- data` there, or "
            "clone it again. If you keep the data elsewhere, set the environment variable SIMSWAP_DATA to that folder "
            "and restart the kernel."
        )
    config, weights = folder / "config.json", folder / "model.safetensors"
    if config.is_file() and "sha256" in (description := json.loads(config.read_text(encoding="utf-8"))):
        if not weights.is_file() or files.checksum(weights) != description["sha256"]:
            raise DataMissing(
                f"{weights} is missing or damaged. Run `git checkout -- data` in the repository, or clone it again."
            )

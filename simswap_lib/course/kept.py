"""Which exercises were passed, kept in one small file on this machine, so that a restarted kernel still knows."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from simswap_lib import files

WHERE = ".cache/progress.json"  # in the course's folder; the environment variable SIMSWAP_PROGRESS names another file


def path() -> Path | None:
    """The file; None if SIMSWAP_PROGRESS is empty: then nothing is kept."""
    chosen = os.environ.get("SIMSWAP_PROGRESS")
    if chosen == "":
        return None
    return Path(chosen) if chosen else files.DATA.parent / WHERE


def load() -> dict[str, dict]:
    """By exercise: {"passed": bool, "tries": int}. Empty if there is no file, or one that cannot be read."""
    try:
        held = json.loads(path().read_text(encoding="utf-8"))
        return {id: {"passed": bool(one["passed"]), "tries": int(one["tries"])} for id, one in held.items()}
    except (AttributeError, OSError, ValueError, KeyError, TypeError):
        return {}


def add(id: str, passed: bool) -> None:
    """Count one try; a pass stays a pass. Several kernels may write; where nothing can be written nothing is kept."""
    file = path()
    if file is None:
        return
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock"):
            held = load()
            before = held.get(id, {"passed": False, "tries": 0})
            held[id] = {"passed": before["passed"] or passed, "tries": before["tries"] + 1}
            with files.whole_file(file) as temporary:
                temporary.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")

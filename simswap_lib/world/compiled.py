"""Compiled functions: numba with quick arithmetic, and a cache that notices when any file of the world has changed."""

import hashlib
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numba

HERE = Path(__file__).parent


def _cache() -> Path:
    """Where compiled code is kept: numba looks only at the file of a function and not at those of the functions that it
    calls, so the folder's name is a checksum of all of them."""
    digest = hashlib.sha256(numba.__version__.encode())
    for file in sorted(HERE.glob("*.py")):
        digest.update(file.read_bytes())
    return Path(numba.config.CACHE_DIR or HERE / "__pycache__") / f"compiled-{digest.hexdigest()[:12]}"


CACHE = _cache()


def compiled(function: Callable, inline: bool = False, allocates: bool = False) -> Callable:
    """`numba.njit` for the renderer: fastmath knows neither infinity nor nan, and a division by zero raises nothing.

    inline: make it part of whoever calls it. Worth it for a function with many arrays, each of which is handed over as
    seven numbers, that is called from one place; a small one is put inline anyway.
    allocates: it makes arrays. The others are compiled without the counting of references: `_nrt`, an option of numba's
    own code that its manual does not name.
    """
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(CACHE)
    try:
        return numba.njit(cache=True, fastmath=True, error_model="numpy", forceinline=inline, _nrt=allocates)(function)
    finally:
        numba.config.CACHE_DIR = before


_asked = False  # in this process


def compile_once(draw: Callable[[], object]) -> None:
    """If nothing is compiled yet on this machine, compile by drawing once, and say on stderr how long that takes."""
    global _asked
    if _asked:
        return
    _asked = True
    done = CACHE / "done"  # whoever was stopped half-way compiles the rest the next time
    if done.exists():
        return
    start = time.perf_counter()
    for old in CACHE.parent.glob("compiled-*"):
        if old != CACHE:
            shutil.rmtree(old, ignore_errors=True)
    print("Compiling the face world, once on this machine: about half a minute.", file=sys.stderr, flush=True)
    draw()
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()
    print(f"Compiled in {time.perf_counter() - start:.0f} s.", file=sys.stderr, flush=True)

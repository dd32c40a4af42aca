"""The first picture on a machine waits until the renderer is compiled; that is announced, and its time told."""

import sys
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from simswap_lib.world import shading


def compiled() -> bool:
    """Whether compiled code of the shader, the largest part, lies in numba's cache on this machine."""
    kept = Path(shading.shade.stats.cache_path)
    return any(kept.glob("shading.shade-*.nbi"))


@lru_cache(maxsize=1)
def compile_once(draw: Callable[[], object]) -> None:
    """Compile the renderer by drawing once if that has not been done yet, and say so on stderr."""
    if not compiled():
        start = time.perf_counter()
        print("Compiling the face world, once on this machine: about half a minute.", file=sys.stderr, flush=True)
        draw()
        print(f"Compiled in {time.perf_counter() - start:.0f} s.", file=sys.stderr, flush=True)

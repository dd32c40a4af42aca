"""Compiled code is kept, and never outlives a change of what it was compiled from."""

import subprocess
import sys
from pathlib import Path

import numba

from simswap_lib.world import compiled


def test_the_cache_changes_with_any_file_of_the_world(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "HERE", tmp_path)
    (tmp_path / "a.py").write_text("x = 1")
    before = compiled._cache()
    assert compiled._cache() == before
    (tmp_path / "b.py").write_text("y = 1")
    after = compiled._cache()
    assert after != before
    (tmp_path / "b.py").write_text("y = 2")
    assert compiled._cache() not in (before, after)


def test_a_place_that_the_reader_chose_is_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compiled._cache().parent == tmp_path
    compiled.compiled(lambda x: x + 1)
    assert numba.config.CACHE_DIR == str(tmp_path)


def test_the_wait_is_announced_once_and_its_time_told(tmp_path, monkeypatch, capsys):
    drawn = []
    old = tmp_path / "compiled-0123"
    old.mkdir()
    monkeypatch.setattr(compiled, "CACHE", tmp_path / "compiled-4567")
    monkeypatch.setattr(compiled, "_asked", False)
    compiled.compile_once(lambda: drawn.append(1))
    compiled.compile_once(lambda: drawn.append(1))
    said = capsys.readouterr().err
    assert drawn == [1] and "once on this machine" in said and "Compiled in" in said
    assert not old.exists()  # nobody needs the old code any more
    monkeypatch.setattr(compiled, "_asked", False)
    compiled.compile_once(lambda: drawn.append(2))
    assert drawn == [1] and capsys.readouterr().err == ""


def test_a_second_process_takes_the_compiled_code():
    code = (
        "from simswap_lib.world import Identity, Shot, render; from simswap_lib.world import pixels;"
        "render(Identity.sample(0), Shot.sample(0), 32); stats = pixels.shade.stats;"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))"
    )
    for _ in range(2):  # the first one may have to compile
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
        )
    assert run.stdout.split() == ["1", "0"] and "Compiling" not in run.stderr


def test_the_first_drawing_compiles_all_that_any_picture_needs():
    """Else another background, or the first pair of glasses, would compile in silence under somebody's picture."""
    code = """
import numba
from simswap_lib.photographs import _every_kind
from simswap_lib.world import Identity, Shot, render
from simswap_lib.world import backdrop, camera, clothes, hair, pixels, props, raster, renderer, ribbons

def compiled():
    files = (backdrop, camera, clothes, hair, pixels, props, raster, renderer, ribbons)
    found = [f for file in files for f in vars(file).values() if isinstance(f, numba.core.registry.CPUDispatcher)]
    return {f.py_func.__name__: len(f.signatures) for f in found}

renderer._first()
before = compiled()
for seed in range(40):
    backdrop.paint(Shot.sample(seed), 64, 64)
for i, shot in enumerate(_every_kind()):
    render(Identity.sample(i), shot, 64 if i % 2 else 256, extras=i % 3 == 0)
print({name: count for name, count in compiled().items() if count != before[name]})
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent
    )
    assert run.stdout.strip() == "{}", run.stdout

"""Photographs that never show two people in one shot, the same from any number of processes, and the world's name."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from simswap_lib import photographs
from simswap_lib.photographs import PHOTOS_LIMIT, check_people, person_path, photograph, rendered, shot_seed
from simswap_lib.provenance import read_mark
from simswap_lib.world.people import HELD_OUT

SIZE = 32


class TestShots:
    def test_no_two_photographs_share_a_shot(self):
        seeds = [shot_seed(p, k) for p in (*range(40), HELD_OUT, HELD_OUT + 1) for k in range(PHOTOS_LIMIT)]
        assert len(set(seeds)) == len(seeds)

    def test_held_out_shots_belong_to_held_out_people_alone(self):
        assert shot_seed(HELD_OUT // PHOTOS_LIMIT - 1, PHOTOS_LIMIT - 1) < HELD_OUT
        assert shot_seed(HELD_OUT, 0) >= HELD_OUT

    @pytest.mark.parametrize("person, photo", [(-1, 0), (0, -1), (0, PHOTOS_LIMIT), (HELD_OUT // PHOTOS_LIMIT, 0)])
    def test_out_of_range_is_an_error(self, person, photo):
        with pytest.raises(ValueError, match="There are"):
            shot_seed(person, photo)

    @pytest.mark.parametrize("people, photos, words", [
        (range(0), 1, "At least one person"), (range(2), 0, "At least one person"),
        (range(HELD_OUT - 1, HELD_OUT + 1), 1, "mix training people"), (range(-1, 1), 1, "There are"),
        (range(2), PHOTOS_LIMIT + 1, "There are"), (range(8999, 9001), 1, "There are"),
    ])  # fmt: skip
    def test_impossible_collections_are_errors(self, people, photos, words):
        check_people(range(8999, 9000), PHOTOS_LIMIT)
        with pytest.raises(ValueError, match=words):
            check_people(people, photos)


class TestVersion:
    def test_sees_what_is_drawn(self, monkeypatch):
        before = photographs.world_version()
        assert before == photographs.world_version() and len(before) == 8
        changed = photograph(0, 0, 128) + 1
        monkeypatch.setattr(photographs, "photograph", lambda *_: changed)
        assert photographs.world_version() != before

    def test_every_kind_of_hair_glasses_and_occluder_is_drawn(self):
        drawn, everything = photographs._every_kind(), [photographs.Shot.sample(seed) for seed in range(200)]
        for name in photographs.VARIETY:
            assert {getattr(shot, name, None) for shot in drawn} == {getattr(shot, name, None) for shot in everything}
        assert len(drawn) < 30

    def test_is_quick(self):
        photographs.world_version()  # loads what is compiled
        start = time.process_time()
        photographs.world_version()
        assert time.process_time() - start < 1.5  # about a third of a second on a machine that does nothing else


class TestRendered:
    @pytest.mark.parametrize("workers", [1, 3])
    def test_the_same_from_any_number_of_processes(self, workers):
        people = list(rendered(range(3, 8), 2, SIZE, workers))
        assert len(people) == 5 and all(p.shape == (2, SIZE, SIZE, 3) and p.dtype == np.uint8 for p in people)
        assert all(np.array_equal(people[i][k], photograph(3 + i, k, SIZE)) for i in range(5) for k in range(2))

    def test_files_are_whole_marked_and_in_folders_of_people(self, tmp_path):
        assert [len(p) for p in rendered(range(7, 10), 2, SIZE, 2, tmp_path)] == [0, 0, 0]
        files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
        assert files == [f"person_00000{person}/00{photo}.png" for person in (7, 8, 9) for photo in (0, 1)]
        assert np.array_equal(Image.open(person_path(tmp_path, 8, 1)), photograph(8, 1, SIZE))
        assert read_mark(person_path(tmp_path, 9, 0)).face_world

    def test_a_dead_process_is_told_and_nobody_stays(self, monkeypatch):
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(ChildProcessError, match="exit code 1"):
            list(rendered(range(4), 1, SIZE, 2))

    def test_works_from_standard_input(self):
        """A script without a main guard or a file, as a notebook is one."""
        code = "from simswap_lib.photographs import rendered\nprint(len(list(rendered(range(3), 1, 32, 2))))"
        done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, timeout=120)
        assert done.stdout == "3\n", done.stderr

    @pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
    def test_no_process_outlives_a_killed_parent(self):
        code = "from simswap_lib.photographs import rendered\nfor i, _ in enumerate(rendered(range(4000), 9, 32, 2)):"
        code += "\n    if i == 1: print(flush=True)"
        parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        parent.stdout.readline()
        children = open(f"/proc/{parent.pid}/task/{parent.pid}/children").read().split()
        assert len(children) == 2
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        end = time.time() + 60
        while alive := [c for c in children if os.path.exists(f"/proc/{c}/exe") and _runs(c)]:
            assert time.time() < end, alive
            time.sleep(0.1)


def _runs(process: str) -> bool:
    try:
        return open(f"/proc/{process}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_rendering_needs_no_torch():
    """A rendering process would load it for seconds and use none of it."""
    code = "import sys, simswap_lib.photographs; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

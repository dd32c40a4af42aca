"""The face world's cache: rendered once, whole or not at all, whoever else starts, dies, or fills the disk."""

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple

import numpy as np
import pytest

from simswap_lib import data
from simswap_lib.data import WorldDataset
from simswap_lib.photographs import photograph
from simswap_lib.world.people import HELD_OUT

SIZE = 32
ASKS = "import sys; from simswap_lib.data import WorldDataset\n"


@pytest.fixture(scope="module")
def photographs():
    return WorldDataset(people=5, photos=3, size=SIZE)


def kept(folder) -> list:
    """What lies in a cache, but for the empty files of its locks."""
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


def python(code: str, *arguments, **more) -> subprocess.Popen:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    return subprocess.Popen([sys.executable, "-c", ASKS + code, *map(str, arguments)], **pipes, **more)


def wait_for(condition, seconds=90):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end, "waited in vain"
        time.sleep(0.02)


class TestWorldDataset:
    def test_pictures_are_the_photographs(self, photographs):
        assert photographs.images.shape == (5, 3, SIZE, SIZE, 3) and photographs.images.dtype == np.uint8
        assert np.array_equal(photographs.images[4, 2], photograph(4, 2, SIZE))

    def test_pictures_by_number(self, photographs):
        assert len(photographs) == 15 and photographs.size == SIZE
        assert photographs.person.tolist() == [i // 3 for i in range(15)]
        assert np.array_equal(photographs.picture(7), photographs.images[2, 1])

    def test_first_moves_on_to_other_people(self, photographs):
        later = WorldDataset(people=2, photos=2, size=SIZE, first=3)
        assert np.array_equal(later.images, photographs.images[3:, :2])
        assert later.person.tolist() == [0, 0, 1, 1]

    def test_the_cache_holds_the_same_bytes_and_is_rendered_once(self, photographs, tmp_path, monkeypatch):
        first = WorldDataset(5, 3, SIZE, cache=tmp_path / "new folder")
        assert isinstance(first.images, np.memmap) and np.array_equal(first.images, photographs.images)
        assert not isinstance(first.picture(0), np.memmap)
        monkeypatch.setattr(data, "rendered", lambda *_: pytest.fail("rendered again"))
        assert np.array_equal(WorldDataset(5, 3, SIZE, cache=tmp_path / "new folder").images, photographs.images)

    def test_another_world_gets_another_file(self, tmp_path, monkeypatch):
        WorldDataset(1, 1, SIZE, cache=tmp_path)
        monkeypatch.setattr(data, "world_version", lambda: "changed")
        WorldDataset(1, 1, SIZE, cache=tmp_path)
        assert len(kept(tmp_path)) == 2

    def test_processes_draw_the_same(self, photographs, tmp_path):
        assert np.array_equal(WorldDataset(5, 3, SIZE, cache=tmp_path, workers=2).images, photographs.images)

    def test_sent_to_another_process_it_maps_the_file(self, photographs, tmp_path):
        sent = pickle.dumps(WorldDataset(5, 3, SIZE, cache=tmp_path))
        assert len(sent) < 2000
        copy = pickle.loads(sent)
        assert isinstance(copy.images, np.memmap) and np.array_equal(copy.images, photographs.images)
        assert np.array_equal(pickle.loads(pickle.dumps(photographs)).images, photographs.images)

    @pytest.mark.parametrize("wrong", [{"people": 0}, {"photos": 0}, {"first": HELD_OUT - 1}], ids=str)
    def test_impossible_collections_are_errors(self, wrong, tmp_path):
        with pytest.raises(ValueError):
            WorldDataset(**{"people": 2, "photos": 2, "size": SIZE, "cache": tmp_path / "no", **wrong})
        assert not (tmp_path / "no").exists()


class TestTwoAtOnce:
    def test_one_renders_and_the_other_waits(self, photographs, tmp_path):
        code = "WorldDataset(60, 3, 64, cache=sys.argv[1], workers=1); import simswap_lib.data as d; print(d.done)"
        count = "import simswap_lib.data as d; d.done = 0\ndef count(*a, real=d.rendered):\n    d.done += 1\n"
        count += "    yield from real(*a)\nd.rendered = count\n"
        both = [python(count + code, tmp_path) for _ in range(2)]
        answers = [process.communicate(timeout=120)[0].split() for process in both]
        assert sorted(answer[-1] for answer in answers) == ["0", "1"], answers
        (path,) = kept(tmp_path)
        images = np.load(path)
        assert images.shape == (60, 3, 64, 64, 3) and np.array_equal(images[59, 2], photograph(59, 2, 64))

    def test_who_waits_says_so_and_goes_on_when_the_owner_is_killed(self, photographs, tmp_path):
        owner = python("WorldDataset(4000, 3, 32, cache=sys.argv[1], workers=1)", tmp_path)
        wait_for(lambda: list(tmp_path.glob("*.partial")))
        path = next(tmp_path.glob("*.partial"))
        name = path.name[1 : -len(".partial")]
        waits = python(
            "import simswap_lib.data as d; from pathlib import Path; p = Path(sys.argv[1])\n"
            "with d._only_one(p): print('mine', flush=True)",
            tmp_path / name,
        )
        assert f"Another process renders {name}; waiting" in waits.stdout.readline()
        owner.kill()
        assert waits.communicate(timeout=60)[0] == "mine\n"


class TestKilled:
    def test_no_half_file_is_taken_for_a_whole_one_and_leftovers_go(self, tmp_path, monkeypatch):
        request = "WorldDataset(4000, 3, 32, cache=sys.argv[1], workers=1)"
        dies = python(request, tmp_path)
        wait_for(lambda: [p for p in tmp_path.glob("*.partial") if p.stat().st_size > 0])
        time.sleep(0.5)
        os.kill(dies.pid, signal.SIGKILL)
        dies.wait()
        (left,) = kept(tmp_path)
        assert left.name.startswith(".") and left.name.endswith(".partial"), "and under no other name"
        # The same request starts anew; here with pictures that take no time.
        monkeypatch.setattr(
            data, "rendered", lambda people, *_: (np.full((3, 32, 32, 3), p % 256, np.uint8) for p in people)
        )
        images = WorldDataset(4000, 3, 32, cache=tmp_path).images
        assert (images[:, 1, 5, 5, 0] == np.arange(4000) % 256).all()
        assert [path.suffix for path in kept(tmp_path)] == [".npy"]

    def test_leftovers_of_another_request_go_but_not_those_of_a_living_process(self, tmp_path):
        dead, alive = (tmp_path / f".world-old-0-{n}x1-32px.npy.partial" for n in (1, 2))
        dead.touch()
        alive.touch()
        with data._lock(tmp_path / "world-old-0-2x1-32px.npy"):
            WorldDataset(1, 1, SIZE, cache=tmp_path)
        assert not dead.exists() and alive.exists()

    def test_a_failure_leaves_no_file(self, tmp_path, monkeypatch):
        def stop(*_):
            yield np.zeros((2, SIZE, SIZE, 3), np.uint8)
            raise KeyboardInterrupt

        monkeypatch.setattr(data, "rendered", stop)
        with pytest.raises(KeyboardInterrupt):
            WorldDataset(2, 2, SIZE, cache=tmp_path)
        assert kept(tmp_path) == []

    @pytest.mark.parametrize("harm", [lambda b: b[:-1], lambda b: b[:100], lambda b: b"", lambda b: b"no array"])
    def test_a_damaged_file_is_rendered_again(self, photographs, tmp_path, harm):
        WorldDataset(5, 3, SIZE, cache=tmp_path)
        (path,) = kept(tmp_path)
        path.write_bytes(harm(path.read_bytes()))
        assert np.array_equal(WorldDataset(5, 3, SIZE, cache=tmp_path).images, photographs.images)


class TestDiskFull:
    NEED = 2 * 2 * SIZE * SIZE * 3 + 128

    def test_too_little_room_is_said_before_anything_is_rendered(self, tmp_path, monkeypatch):
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6, self.NEED - 1))
        monkeypatch.setattr(data, "rendered", lambda *_: pytest.fail("rendered in vain"))
        with pytest.raises(OSError) as caught:
            WorldDataset(2, 2, SIZE, cache=tmp_path)
        assert f"{self.NEED - 1:,} bytes free, and the photographs take {self.NEED:,} bytes" in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1 and kept(tmp_path) == []
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6, self.NEED))
        monkeypatch.setattr(data, "rendered", lambda *_: [np.zeros((2, SIZE, SIZE, 3), np.uint8)] * 2)
        assert WorldDataset(2, 2, SIZE, cache=tmp_path).images.size == self.NEED - 128
        assert kept(tmp_path)[0].stat().st_size == self.NEED

    @pytest.mark.parametrize("when", ["reserve", "write"])
    def test_a_disk_that_fills_up_leaves_nothing(self, tmp_path, monkeypatch, when):
        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")
            yield

        if when == "reserve":
            monkeypatch.setattr(os, "posix_fallocate", lambda *_: next(full()), raising=False)
        else:
            monkeypatch.setattr(data, "rendered", full)
        with pytest.raises(
            OSError, match=f"bytes free, and the photographs take {self.NEED:,} bytes; nothing was left"
        ):
            WorldDataset(2, 2, SIZE, cache=tmp_path)
        assert kept(tmp_path) == []

    def test_other_errors_of_the_disk_keep_their_words(self, tmp_path, monkeypatch):
        def broken(*_):
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(data, "rendered", broken)
        with pytest.raises(OSError, match="Input/output"):
            WorldDataset(2, 2, SIZE, cache=tmp_path)
        assert kept(tmp_path) == []

    def test_a_file_system_that_cannot_reserve_is_no_obstacle(self, photographs, tmp_path, monkeypatch):
        def cannot(*_):
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        monkeypatch.setattr(os, "posix_fallocate", cannot, raising=False)
        assert np.array_equal(WorldDataset(5, 3, SIZE, cache=tmp_path).images, photographs.images)

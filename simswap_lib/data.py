"""The face world as a data set: people x photographs, rendered once and kept in one memory-mapped file."""

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from simswap_lib.photographs import check_people, rendered, world_version

PARTIAL = ".partial"  # the ending of a file that is being rendered


class WorldDataset:
    """`people` people from number `first` on, `photos` photographs each, every one its own shot.

    Pictures are numbered from 0 on, those of one person together. They are rendered once. With a `cache` folder they
    lie there as one memory-mapped file, whose name holds the request and a checksum of what the world draws, so that
    a changed world is never mixed with old pictures. Of two processes that ask for the same file, one renders and the
    other waits; a file is there whole or not at all; what a killed process left behind is removed by the next one.

    Attributes: images, uint8 RGB (people, photos, size, size, 3); person, int64 (people * photos,), whom each picture
    shows, counted from 0; size in pixels; first, the number of the first person in the world; name, for messages.
    Raises: ValueError if nothing is asked for, or if training people and held-out people would be mixed; OSError, in
    one sentence, if the disk has too little room.
    """

    def __init__(
        self,
        people: int,
        photos: int,
        size: int = 64,
        first: int = 0,
        cache: str | os.PathLike | None = None,
        workers: int | None = None,
    ):
        numbers = range(first, first + people)
        check_people(numbers, photos)
        self.first, self.size = first, size
        self.name = f"the face world ({people} people x {photos} photographs)"
        self.person = np.arange(people).repeat(photos)  # (N,)
        shape = (people, photos, size, size, 3)
        if cache is None:
            self.images = np.empty(shape, np.uint8)
            for i, pictures in enumerate(rendered(numbers, photos, size, workers)):
                self.images[i] = pictures
            return
        folder = Path(cache)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"world-{world_version()}-{first}-{people}x{photos}-{size}px.npy"
        if _mapped(path, shape) is None:
            with _only_one(path):
                if _mapped(path, shape) is None:  # whoever we waited for may have rendered it
                    _remove_leftovers(folder)
                    _render_into(path, shape, numbers, workers)
        self.images = _mapped(path, shape)

    def __len__(self) -> int:
        return len(self.person)

    def picture(self, index: int) -> np.ndarray:
        """Picture number `index`, read into memory: uint8 RGB (size, size, 3)."""
        return np.array(self.images[divmod(index, self.images.shape[1])])

    def __getstate__(self) -> dict:
        """A process that reads the pictures, too, maps the file; it is not sent a copy."""
        state = dict(self.__dict__)
        if isinstance(self.images, np.memmap):
            state["images"] = Path(self.images.filename)
        return state

    def __setstate__(self, state: dict) -> None:
        self.__dict__ |= state
        if isinstance(self.images, Path):
            self.images = np.load(self.images, mmap_mode="r")


# ----------------------------------------------------------------------------------------------------------------------


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The file's pictures, or None if there is no file or a damaged one (cut off while it was copied, for example)."""
    try:
        images = np.load(path, mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return images if images.shape == shape and images.dtype == np.uint8 else None


def _lock(path: Path) -> FileLock:
    """The operating system's lock: it ends with its owner, however that one dies. Its empty file stays."""
    return FileLock(path.with_name(f".{path.name}.lock"))


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}{PARTIAL}")


@contextmanager
def _only_one(path: Path):
    lock = _lock(path)
    try:
        lock.acquire(timeout=1)
    except Timeout:
        print(f"Another process renders {path.name}; waiting until it is done.", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _remove_leftovers(folder: Path) -> None:
    """Delete the half-written files of processes that died: those whose lock nobody holds."""
    for left in folder.glob(f".world-*{PARTIAL}"):
        with suppress(Timeout), _lock(folder / left.name[1 : -len(PARTIAL)]).acquire(timeout=0):
            left.unlink(missing_ok=True)


def _render_into(path: Path, shape: tuple[int, ...], people: range, workers: int | None) -> None:
    """Write the file whole or not at all. We hold its lock.

    It is written front to back and mapped only when it is whole: a hole in a map that the full disk cannot fill would
    end the process without a word.
    """
    room = shutil.disk_usage(path.parent).free
    need = int(np.prod(shape, dtype=np.int64)) + 128
    if need > room:
        raise _disk_full(path, need, room)
    partial = _partial(path)
    try:
        with open(partial, "wb") as file:
            _reserve(file.fileno(), need)
            layout = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, layout)
            for pictures in rendered(people, shape[1], shape[2], workers):
                file.write(pictures.tobytes())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise _disk_full(path, need, shutil.disk_usage(path.parent).free) from error
        raise
    finally:
        partial.unlink(missing_ok=True)


def _reserve(handle: int, need: int) -> None:
    """Take the room before the hours of work, where the file system can."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, need)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise


def _disk_full(path: Path, need: int, free: int) -> OSError:
    return OSError(
        f"{path.parent} has {free:,} bytes free, and the photographs take {need:,} bytes; nothing was left behind. "
        "Free some room, name another cache folder, or ask for fewer or smaller photographs."
    )

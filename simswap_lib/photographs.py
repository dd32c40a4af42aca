"""Photographs of the face world by number: who stands in which shot, rendered one at a time or by the thousand."""

import gc
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from simswap_lib.provenance import Mark, write_image
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import render
from simswap_lib.world.shots import Shot

PHOTOS_LIMIT = 100  # shots reserved for each person; more would run into the next person's
ENOUGH = 500  # photographs that are worth the two seconds in which another process starts
VARIETY = ("hair", "glasses", "occluder")  # fields of Shot with a few kinds, some of them rare
PARCEL = 1 << 18  # bytes that a rendering process hands over at once: whoever is woken for each picture renders less
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def shot_seed(person: int, photo: int) -> int:
    """The shot that belongs to this photo of this person, and to no other photo.

    Photographs of a collection are like that: no two people share pose, light and background exactly. Shots of people
    below HELD_OUT stay below HELD_OUT, those of held-out people lie above it.
    Raises: ValueError if the person or the photo is out of range.
    """
    first = HELD_OUT if person >= HELD_OUT else 0
    seed = first + (person - first) * PHOTOS_LIMIT + photo
    if person < 0 or not 0 <= photo < PHOTOS_LIMIT or (first == 0 and seed >= HELD_OUT):
        raise ValueError(
            f"There are {PHOTOS_LIMIT} shots for each of {HELD_OUT // PHOTOS_LIMIT} people (or for a held-out one); "
            f"asked for photo {photo} of person {person}."
        )
    return seed


def photograph(person: int, photo: int, size: int) -> np.ndarray:
    """Photo number `photo` of person number `person`: uint8 RGB (size, size, 3)."""
    return render(Identity.sample(person), Shot.sample(shot_seed(person, photo)), size).image


def check_people(people: range, photos: int) -> None:
    """Raise ValueError if there is nobody, no photo, no such person, or training people mix with held-out ones."""
    if len(people) < 1 or photos < 1:
        raise ValueError(f"At least one person and one photo are needed, got {len(people)} and {photos}.")
    if (people[0] >= HELD_OUT) != (people[-1] >= HELD_OUT):
        raise ValueError(f"People {people[0]} to {people[-1]} mix training people and held-out ones.")
    for person in (people[0], people[-1]):
        shot_seed(person, photos - 1)  # out of range: say so before an hour of rendering


def world_version() -> str:
    """Eight hexadecimal digits that change when the world draws anything differently: a hash of small renders.

    Every kind of hair, glasses and occluder is among them, and two sizes, because small pictures may be drawn with
    fewer triangles. A machine whose arithmetic differs in the last bit may name the same world differently.
    """
    digest = hashlib.sha256()
    for number in range(4):
        digest.update(photograph(number, number, 128).tobytes())
    for number, shot in enumerate(_every_kind(), start=4):
        digest.update(render(Identity.sample(number), shot, 64).image.tobytes())
    return digest.hexdigest()[:8]


def _every_kind() -> list[Shot]:
    seen, shots = set(), []
    for shot in map(Shot.sample, range(200)):
        kinds = {(name, str(getattr(shot, name, None))) for name in VARIETY}
        if not kinds <= seen:
            seen |= kinds
            shots.append(shot)
    return shots


# ----------------------------------------------------------------------------------------------------------------------


def cpus() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def rendered(
    people: range, photos: int, size: int, workers: int | None = None, folder: Path | None = None
) -> Iterator[np.ndarray]:
    """The photographs of one person after the other: uint8 RGB (photos, size, size, 3), in the order of `people`.

    workers: rendering processes; None starts one on each core that has enough to do, 1 renders in this process
    folder: also write them there, each as a marked PNG (`person_path`); the yielded arrays are then empty, (0,)

    Raises: ChildProcessError if a rendering process dies; what it said stands on stderr.
    """
    workers = min(workers or max(1, min(cpus(), len(people) * photos // ENOUGH)), len(people))
    bar = {"total": len(people), "desc": "rendering", "unit": "person", "disable": len(people) * photos < ENOUGH}
    source = _here(people, photos, size, folder) if workers == 1 else _there(people, photos, size, folder, workers)
    yield from tqdm(source, **bar)


def person_path(folder: Path, person: int, photo: int) -> Path:
    """Where a folder of people has this photograph: folder/person_000007/003.png."""
    return Path(folder) / f"person_{person:06d}" / f"{photo:03d}.png"


def _here(people: range, photos: int, size: int, folder: Path | None) -> Iterator[np.ndarray]:
    for person in people:
        pictures = np.stack([photograph(person, photo, size) for photo in range(photos)])  # (photos, H, W, 3)
        if folder is None:
            yield pictures
            continue
        person_path(folder, person, 0).parent.mkdir(parents=True, exist_ok=True)
        for photo, picture in enumerate(pictures):
            write_image(person_path(folder, person, photo), picture, Mark("render", face_world=True))
        yield np.empty(0, np.uint8)


def _there(people: range, photos: int, size: int, folder: Path | None, workers: int) -> Iterator[np.ndarray]:
    """Process k renders people k, k + workers, ... and hands the pixels over through a pipe.

    Plain processes and not a pool of `multiprocessing`: they work from a notebook, a script without a main guard and
    the standard input, and none outlives a parent that was killed, because nobody listens to its pipe any more. One
    thread each: two libraries that both think they own all cores are slower than one.
    """
    root = str(Path(__file__).resolve().parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": paths}
    length = photos * size * size * 3 if folder is None else 0
    processes = []
    try:
        for k in range(workers):
            numbers = (people.start + k, people.stop, workers, photos, size, *([] if folder is None else [folder]))
            command = [sys.executable, "-m", "simswap_lib.photographs", *map(str, numbers)]
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "pipesize": PARCEL, "bufsize": PARCEL}
            processes.append(subprocess.Popen(command, env=environment, **pipes))
        for i in range(len(people)):
            process = processes[i % workers]
            answer = process.stdout.read(length + 1)
            if len(answer) < length + 1:
                raise ChildProcessError(f"A rendering process ended early, with exit code {process.wait()}.")
            pixels = np.frombuffer(answer, np.uint8, length)
            yield pixels.reshape(photos, size, size, 3) if folder is None else pixels
    finally:
        for process in processes:
            process.kill()
            process.stdout.close()
            process.wait()


def _worker(first: str, stop: str, step: str, photos: str, size: str, folder: str | None = None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, and the parent ends us
    cv2.setNumThreads(1)
    gc.freeze()  # what is loaded stays: the garbage collector need not look at it again and again
    people = range(int(first), int(stop), int(step))
    try:
        with os.fdopen(os.dup(1), "wb", PARCEL) as pipe:
            for pictures in _here(people, int(photos), int(size), Path(folder) if folder else None):
                pipe.write(pictures.tobytes() + b"\n")
                if folder:  # a single byte, which tells the parent how far we are
                    pipe.flush()
    except BrokenPipeError:  # the parent is gone
        os._exit(1)


if __name__ == "__main__":
    _worker(*sys.argv[1:])

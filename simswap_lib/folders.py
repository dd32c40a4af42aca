"""A folder of people as a data set, as VGGFace2 of paper 4 is one: root/person/picture.jpg, read when needed."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from simswap_lib.pictures import FORMATS, LARGEST, SMALLEST, read_picture

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
IGNORED = {"__macosx", "thumbs.db", "desktop.ini"}  # what operating systems leave behind; hidden files are ignored, too
# Why a file is not used.
TOO_SMALL, TOO_LARGE, DAMAGED = "too small", "too large", "damaged or cut off"
LOOSE, NO_PICTURE = "in no person's folder", "not a JPEG, PNG or WebP file"


@dataclass(frozen=True)
class Found:
    """A file below the root, and what its first and last bytes say."""

    path: Path
    width: int = 0  # pixels, as they lie in the file; 0 where nothing could be read
    height: int = 0
    format: str = ""  # Pillow's name of the format
    skipped: str = ""  # why it is not used; empty for a picture that is


class FolderDataset:
    """The people of a folder: whoever's pictures lie directly in one folder is a person, at any depth below `root`.

    Only an index is kept; a picture is read when it is asked for: turned as its EXIF says, converted to RGB, cut to the
    square in its middle, and resized to `size` (area average when it shrinks, cubic when it grows). Faces are not
    aligned here: pictures should be aligned crops already. Skipped and counted are pictures with a side of less than
    `smallest` pixels or more than 8,192, damaged and cut off ones, and other files; hidden ones are ignored.

    Attributes: files, the pictures' paths, those of one person together; person, int64 (N,), whom each shows, counted
    from 0; people, the persons' folders relative to the root; skipped, from reason to paths; size; name, for messages.
    Raises: FileNotFoundError or ValueError, in one sentence, if `root` is no folder or the sizes make no sense.
    """

    def __init__(self, root: str | os.PathLike, size: int = 224, smallest: int = SMALLEST):
        if size < 1 or not 1 <= smallest <= LARGEST:
            raise ValueError(f"Expected a size from 1 and a smallest side from 1 to {LARGEST}, got {size}, {smallest}.")
        self.root, self.size, self.name = Path(root), size, f"the folder {root}"
        self.files: list[str] = []
        self.people: list[str] = []
        self.skipped: dict[str, list[str]] = {}
        person = []
        for path in tqdm(walk(self.root), desc="looking at", unit=" files", delay=2):
            found = look_at(self.root, path, smallest)
            if found.skipped:
                self.skipped.setdefault(found.skipped, []).append(str(path))
                continue
            folder = path.parent.relative_to(self.root).as_posix()
            if not self.people or self.people[-1] != folder:
                self.people.append(folder)
            person.append(len(self.people) - 1)
            self.files.append(str(path))
        self.person = np.array(person, np.int64)

    def __len__(self) -> int:
        return len(self.files)

    def picture(self, index: int) -> np.ndarray:
        """Picture number `index`: uint8 RGB (size, size, 3).

        Raises: ValueError or FileNotFoundError, naming the file, if it changed or is damaged within.
        """
        return squared(read_picture(self.files[index]), self.size)

    def only(self, chosen: Callable[[int], bool]) -> "FolderDataset":
        """The same folder with those people alone for whose number `chosen` is true, numbered anew."""
        kept = [i for i, person in enumerate(self.person) if chosen(person)]
        numbers, person = np.unique(self.person[kept], return_inverse=True)
        part = copy(self)
        part.files, part.person = [self.files[i] for i in kept], person.astype(np.int64)
        part.people = [self.people[number] for number in numbers]
        return part

    def __str__(self) -> str:
        skipped = "; ".join(f"{len(paths):,} {reason}" for reason, paths in self.skipped.items())
        depths = Counter(folder.count("/") + 1 for folder in self.people)
        return (
            f"{self.name}: {len(self.people):,} people, {len(self):,} pictures, people "
            f"{' and '.join(map(str, sorted(depths)))} deep; " + (f"skipped: {skipped}" if skipped else "none skipped")
        )


def squared(picture: np.ndarray, size: int) -> np.ndarray:
    """The square in the middle of uint8 RGB (H, W, 3), resized to (size, size, 3)."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture = np.ascontiguousarray(picture[top : top + side, left : left + side])
    if side == size:
        return picture
    # Pillow and not OpenCV, whose threads do not survive in the forked workers of a DataLoader: those would hang.
    how = Image.Resampling.BOX if side > size else Image.Resampling.BICUBIC
    return np.array(Image.fromarray(picture).resize((size, size), how))


# ----------------------------------------------------------------------------------------------------------------------


def walk(root: Path, folders: bool = False) -> Iterator[Path]:
    """All files (or all folders) below `root` in a fixed order, the files of one folder together.

    Links are followed, each folder once. Hidden and left-over files of operating systems are passed over.
    Raises: FileNotFoundError or ValueError if `root` is no folder; OSError if a folder cannot be listed.
    """
    if not root.exists():
        raise FileNotFoundError(f"There is no folder {root}.")
    if not root.is_dir():
        raise ValueError(f"{root} is a file; give the folder that holds a folder for each person.")
    yield from _walk(root, folders, set())


def _walk(folder: Path, folders: bool, seen: set) -> Iterator[Path]:
    status = folder.stat()
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    with os.scandir(folder) as entries:
        shown = [e for e in entries if not e.name.startswith(".") and e.name.lower() not in IGNORED]
    shown.sort(key=lambda entry: entry.name)
    if not folders:
        yield from (folder / entry.name for entry in shown if not entry.is_dir())
    for entry in shown:
        if entry.is_dir():
            if folders:
                yield folder / entry.name
            yield from _walk(folder / entry.name, folders, seen)


def look_at(root: Path, path: Path, smallest: int) -> Found:
    """What the loader will do with a file, from its header and its end; pixels are decoded only in doubt."""
    if path.suffix.lower() not in SUFFIXES:
        return Found(path, skipped=NO_PICTURE)
    if not path.is_file():  # a link to nowhere, or a pipe, which would keep us waiting
        return Found(path, skipped=DAMAGED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                found = Found(path, *image.size, image.format)
                if image.format == "PNG":
                    image.verify()  # checks every block's sum without decoding
        if not min(found.width, found.height) or max(found.width, found.height) > LARGEST:
            return replace(found, skipped=TOO_LARGE)
        if found.format != "PNG" and not _ends_well(path, found.format):
            read_picture(path)
    except Image.DecompressionBombError:
        return Found(path, skipped=TOO_LARGE)
    except Exception:  # Pillow's readers raise whatever a broken file leads them to
        return Found(path, skipped=DAMAGED)
    skipped = TOO_SMALL if min(found.width, found.height) < smallest else LOOSE if path.parent == root else ""
    return replace(found, skipped=skipped)


def _ends_well(path: Path, kind: str) -> bool:
    """Whether the last bytes are those with which a whole JPEG or WebP file ends."""
    with open(path, "rb") as file:
        head = file.read(8)
        length = file.seek(0, os.SEEK_END)
        file.seek(max(0, length - 64))
        tail = file.read()
    if kind == "JPEG":
        return tail.rstrip(b"\0\r\n ").endswith(b"\xff\xd9")
    return kind == "WEBP" and int.from_bytes(head[4:8], "little") + 8 <= length

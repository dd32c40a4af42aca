"""What can be wrong with a folder of people, each with what it means and what to do (see `check_data`)."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from simswap_lib.faces.align import TEMPLATE
from simswap_lib.folders import DAMAGED, LOOSE, NO_PICTURE, TOO_LARGE, TOO_SMALL, Found
from simswap_lib.pictures import SMALLEST

PAPER_SIDE = 250  # pixels: the paper drops smaller pictures of VGGFace2 and cuts crops of 224
TOLERANCE = 0.08  # of the picture's side: how far the five points may lie from where they should, on average
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
# How bad it is: training would learn something wrong or less than it could, or it is good to know.
HARMS, NOTE = "harms", "note"


@dataclass(frozen=True, eq=False)
class Look:
    """What a thorough look at one file gives."""

    found: Found
    digest: bytes = b""  # SHA-256 of the file
    sketch: bytes = b""  # 128 bits of what is brighter than its neighbour, alike for copies in another size or quality
    faces: int | None = None  # how many there are; None without a detector
    points: np.ndarray | None = None  # (5, 2), those of the largest face, in sides of the picture

    @property
    def path(self) -> Path:
        return self.found.path


@dataclass(frozen=True)
class Finding:
    """One thing that was found: how often, what it means, what to do, and the files or folders."""

    kind: str
    level: str  # HARMS or NOTE
    count: int
    words: str
    examples: list[Path] = field(default_factory=list)


def finding(kind: str, level: str, examples: Iterable[Path], words: str, count: int | None = None) -> list[Finding]:
    """A list with the finding; an empty one if there are no examples."""
    examples = list(examples)
    return [Finding(kind, level, len(examples) if count is None else count, words, examples)] if examples else []


# ----------------------------------------------------------------------------------------------------------------------


def layout(root: Path, looks: list[Look], people: Counter, folders: list[Path]) -> list[Finding]:
    """Mistakes in the folders. people: from each person's folder, relative to the root, to the number of pictures."""
    name = root.resolve().name or "faces"
    findings = finding(
        "pictures in nobody's folder", HARMS, (look.path for look in looks if look.found.skipped == LOOSE),
        f"They lie directly in {root}, so nobody knows whom they show, and they are skipped. Give each person a "
        f"folder: {name}/ann/1.jpg, {name}/ann/2.jpg, {name}/ben/1.jpg. If {name} is one person, name the one above.",
    )  # fmt: skip
    deep = sorted(person for person in people if "/" in person)
    if deep and len(deep) == len(people) and len({person.split("/")[0] for person in deep}) == 1:
        common = root / os.path.commonpath([os.path.dirname(person) for person in deep])
        findings += finding(
            "one folder too many", NOTE, [common], f"All people lie inside {common}. The loader finds them there, but "
            "that folder is the folder of people itself: name it.",
        )  # fmt: skip
    elif deep:
        findings += finding(
            "people more than one folder deep", NOTE, (root / person for person in deep),
            f"Whoever's pictures lie directly in one folder counts as one person. If {deep[0].split('/')[0]} is a "
            "person and the folders inside are albums, each album counts as somebody else: move the pictures up.",
        )  # fmt: skip
    filled = {parent for look in looks for parent in look.path.parents}
    findings += finding(
        "empty folders", NOTE, (folder for folder in folders if folder not in filled), "They count as nobody.",
    )  # fmt: skip
    findings += finding(
        "people with one picture", NOTE, (root / person for person, count in people.items() if count == 1),
        "They take part in batches of two people, and never in those that pair two pictures of one person.",
    )  # fmt: skip
    names = defaultdict(list)
    for path in [*folders, *(look.path for look in looks)]:
        names[str(path).casefold()].append(path)
    alike = [paths for paths in names.values() if len(paths) > 1]
    return findings + finding(
        "names that differ in capital letters alone", HARMS, (path for paths in alike for path in paths),
        "Copied to a Mac or to Windows, one overwrites or joins the other: rename them.",
    )  # fmt: skip


def files(looks: list[Look]) -> list[Finding]:
    """Mistakes in single files."""
    of = defaultdict(list)
    for look in looks:
        of[look.found.skipped].append(look.path)
    archives = [path for path in of[NO_PICTURE] if path.suffix.lower() in ARCHIVES]
    others = [path for path in of[NO_PICTURE] if path.suffix.lower() not in ARCHIVES]
    endings = Counter(path.suffix.lower() or "no ending" for path in others).most_common(5)
    used = [look.found for look in looks if not look.found.skipped]
    return [
        *finding("archives", HARMS, archives, "The loader does not look into them: unpack them."),
        *finding(
            "files that are no pictures", NOTE, others,
            f"They are ignored ({', '.join(f'{ending}: {count:,}' for ending, count in endings)}). Read are JPEG, PNG "
            "and WebP; HEIC, TIFF, BMP and others must be converted first.",
        ),
        *finding(
            "damaged pictures", HARMS, of[DAMAGED],
            "They are empty, cut off or no pictures inside, and they are skipped. Get them again, or delete them.",
        ),
        *finding(
            "pictures too small to be of use", NOTE, of[TOO_SMALL],
            f"They are skipped. Kept are those with {SMALLEST} pixels a side or more, or as many as --min-side says.",
        ),
        *finding("pictures too large", HARMS, of[TOO_LARGE], "They are skipped: shrink them to 8,192 pixels a side."),
        *finding(
            f"pictures under {PAPER_SIDE} x {PAPER_SIDE}", NOTE,
            (found.path for found in used if min(found.width, found.height) < PAPER_SIDE),
            "The paper drops them, because an enlarged face is soft, and then aligns and crops to 224 x 224. The "
            f"loader keeps them; to train at 64 or 128 pixels they are good enough. --min-side {PAPER_SIDE} shows what "
            "would be left without them.",
        ),
        *finding(
            "pictures that are not square", HARMS, (found.path for found in used if found.width != found.height),
            "An aligned face is square, so these are hardly aligned. The loader takes the square in the middle. Align "
            "them first: eyes, nose and mouth belong at the same place in every picture.",
        ),
    ]  # fmt: skip


def copies(used: list[Look]) -> list[Finding]:
    """Pictures that are there more than once, byte for byte or nearly."""

    def groups(key: Callable[[Look], bytes]) -> list[list[Look]]:
        alike = defaultdict(list)
        for look in used:
            alike[key(look)].append(look)
        return [group for group in alike.values() if len(group) > 1]

    def several(kind: str, level: str, found: list[list[Look]], words: str) -> list[Finding]:
        return finding(kind, level, (look.path for group in found for look in group), words, len(found))

    same = groups(lambda look: look.digest)
    across = [group for group in same if len({look.path.parent for look in group}) > 1]
    within = [group for group in same if len({look.path.parent for look in group}) == 1]
    near = [group for group in groups(lambda look: look.sketch) if len({look.digest for look in group}) > 1]
    return [
        *several(
            "pictures in the folders of several people", HARMS, across,
            "They are equal byte for byte. One face under two names teaches the wrong thing: keep it where it belongs.",
        ),
        *several(
            "pictures twice in one folder", NOTE, within,
            "They are equal byte for byte, and a pair of equal pictures teaches nothing: delete the copies.",
        ),
        *several(
            "pictures that look alike", NOTE, near,
            "Shrunk to 9 x 9 pixels they are the same: most likely copies in another size or quality. Keep the best.",
        ),
    ]  # fmt: skip


def faces(used: list[Look]) -> list[Finding]:
    """What a detector saw; nothing without one."""
    seen = [look for look in used if look.faces is not None]
    one = [look for look in seen if look.faces == 1]
    findings = [
        *finding(
            "pictures without a face", HARMS, (look.path for look in seen if look.faces == 0),
            "The detector finds none in them: look at them, and delete what shows no face.",
        ),
        *finding(
            "pictures with several faces", HARMS, (look.path for look in seen if look.faces > 1),
            "Nobody knows which of them the folder means: crop them to one.",
        ),
    ]  # fmt: skip
    if not one:
        return findings
    points = np.stack([look.points for look in one])  # (N, 5, 2)
    own = np.median(points, axis=0)  # where this collection has the five points
    ours = np.linalg.norm(own - TEMPLATE, axis=-1).mean() <= TOLERANCE
    expected = TEMPLATE if ours or len(one) < 5 else own
    off = np.linalg.norm(points - expected, axis=-1).mean(axis=-1)  # (N,)
    unaligned = [look.path for look, far in zip(one, off, strict=True) if far > TOLERANCE]
    if expected is own and len(unaligned) < len(one) / 4:
        findings += finding(
            "faces in another crop than the course's", NOTE, (look.path for look in one),
            "They agree with each other, so they can be trained on, but the weights of the course and its `align` "
            "expect the five points elsewhere (simswap_lib.faces.align.TEMPLATE).",
        )  # fmt: skip
    return findings + finding(
        "unaligned faces", HARMS, unaligned,
        f"Their five points lie more than {TOLERANCE:.0%} of the picture's side from where they belong, on average. "
        "Align them: simswap_lib.faces.align does it.",
    )  # fmt: skip

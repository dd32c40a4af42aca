"""`check-data`: what a folder of people holds, what is wrong with it, and what training would do with each file."""

import hashlib
import os
import shlex
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from simswap_lib import data_findings
from simswap_lib.batches import PairBatches
from simswap_lib.data_findings import HARMS, Finding, Look
from simswap_lib.faces.detect import FaceDetector
from simswap_lib.folders import DAMAGED, LOOSE, NO_PICTURE, TOO_LARGE, TOO_SMALL, Found, look_at, walk
from simswap_lib.material import kept_back
from simswap_lib.photographs import cpus
from simswap_lib.pictures import LARGEST, SMALLEST, read_picture

EXAMPLES, WIDTH = 3, 100  # paths that are named for each finding; columns of the report


@dataclass(frozen=True)
class Report:
    """What `check` found. `usable` says whether training would run; if not, `why_not` is the sentence."""

    folder: str
    usable: bool
    why_not: str
    people: int
    pictures: int  # that would be used
    pictures_per_person: dict[str, float]  # min, median, max
    depth: dict[int, int]  # folders down to a person's pictures -> people
    formats: dict[str, int]  # of the pictures that would be used
    shorter_side: dict[str, float]  # min, median, max, in pixels
    skipped: dict[str, int]  # reason -> files
    findings: list[Finding]

    def json(self) -> dict:
        """For a file: as above, with the first paths of each finding relative to the folder."""
        plain = asdict(self)
        for found in plain["findings"]:
            found["examples"] = [_short(Path(self.folder), path) for path in found["examples"][:EXAMPLES]]
        return plain


def check(root: str | os.PathLike, smallest: int = SMALLEST, detector: FaceDetector | None = None) -> Report:
    """Read every file below `root` and report. Nothing is changed.

    smallest: as for `FolderDataset`. detector: also looks for faces, one picture after the other.
    Raises: FileNotFoundError or ValueError, in one sentence, if `root` is no folder; OSError if it cannot be listed.
    """
    if not 1 <= smallest <= LARGEST:
        raise ValueError(f"The smallest side should be 1 to {LARGEST} pixels, got {smallest}.")
    root = Path(root)
    paths, folders = list(walk(root)), list(walk(root, folders=True))
    # A detector takes one picture at a time; without one, decoding takes long, and that threads can share.
    with ThreadPoolExecutor(1 if detector else cpus()) as pool:
        looks = pool.map(lambda path: look(root, path, smallest, detector), paths)
        looks = list(tqdm(looks, total=len(paths), desc="reading", unit=" files", delay=2))
    used = [one for one in looks if not one.found.skipped]
    people = Counter(one.path.parent.relative_to(root).as_posix() for one in used)
    findings = [
        *data_findings.layout(root, looks, people, folders),
        *data_findings.files(looks),
        *data_findings.copies(used),
        *data_findings.faces(used),
    ]
    why_not = _why_not(root, people, findings)
    return Report(
        folder=str(root),
        usable=not why_not,
        why_not=why_not,
        people=len(people),
        pictures=len(used),
        pictures_per_person=_spread(people.values()),
        depth=dict(sorted(Counter(person.count("/") + 1 for person in people).items())),
        formats=dict(Counter(one.found.format for one in used).most_common()),
        shorter_side=_spread(min(one.found.width, one.found.height) for one in used),
        skipped=dict(Counter(one.found.skipped for one in looks if one.found.skipped).most_common()),
        findings=sorted(findings, key=lambda found: found.level != HARMS),
    )


def look(root: Path, path: Path, smallest: int, detector: FaceDetector | None) -> Look:
    """All that the findings need to know of one file."""
    found = look_at(root, path, smallest)
    if found.skipped:
        return Look(found)
    try:
        picture = read_picture(path)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        return Look(Found(path, skipped=DAMAGED))
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (9, 9), interpolation=cv2.INTER_AREA).astype(int)
    brighter = np.diff(grey[:8], axis=1) > 0, np.diff(grey[:, :8], axis=0) > 0  # (8, 8) each
    sketch = np.packbits(brighter).tobytes()
    if detector is None:
        return Look(found, digest, sketch)
    faces = detector.detect(picture)
    height, width = picture.shape[:2]
    return Look(found, digest, sketch, len(faces), faces[0].points / [width, height] if faces else None)


def report(result: Report) -> str:
    """The report as plain text for people."""
    root = Path(result.folder)
    lines = [f"{root}: {result.people:,} people, {result.pictures:,} pictures"]
    if result.pictures:
        formats = ", ".join(f"{name} {count:,}" for name, count in result.formats.items())
        depths = ", ".join(f"{depth} ({count:,} people)" for depth, count in result.depth.items())
        lines += [
            f"  pictures a person  {_range(result.pictures_per_person)}",
            f"  shorter side       {_range(result.shorter_side)} pixels",
            f"  formats            {formats}",
            f"  folders down       {depths}",
        ]
    lines += ["", "What the loader does"]
    if result.pictures:
        lines.append(f"{result.pictures:9,}  read: turned as EXIF says, converted to RGB, resized to the training size")
    for found in result.findings:
        if found.kind == "pictures that are not square":
            lines.append(f"{found.count:9,}  of them cut to the square in the middle")
    says = {NO_PICTURE: "ignored", LOOSE: "skipped", DAMAGED: "skipped", TOO_SMALL: "skipped", TOO_LARGE: "skipped"}
    lines += [f"{count:9,}  {says[reason]}: {reason}" for reason, count in result.skipped.items()]
    if not result.pictures and not result.skipped:
        lines.append("           nothing: there are no files")
    for found in result.findings:
        paths = ", ".join(_short(root, path) for path in found.examples[:EXAMPLES])
        more = ", ..." if len(found.examples) > EXAMPLES else ""
        lines += ["", f"{'!' if found.level == HARMS else '-'} {found.kind}: {found.count:,}"]
        lines += textwrap.wrap(found.words, WIDTH, initial_indent="    ", subsequent_indent="    ")
        lines.append(f"    ({paths}{more})")
    if result.usable and not result.findings:
        lines += ["", "Nothing to complain about."]
    if result.usable:
        command = f"python -m simswap_lib train --run runs/{root.resolve().name} --set data={shlex.quote(str(root))}"
        return "\n".join([*lines, "", f"Training can use this folder: {command}"])
    last = textwrap.wrap(f"Training cannot use this folder. {result.why_not}", WIDTH)
    return "\n".join([*lines, "", *last])


# ----------------------------------------------------------------------------------------------------------------------


def _why_not(root: Path, people: Counter, findings: list[Finding]) -> str:
    """The sentence why training could not use the folder; empty if it could."""
    if not people:
        example = root.resolve().name or "faces"
        found = (
            f" Found were {' and '.join(f'{f.kind} ({f.count:,})' for f in findings)}; see above." if findings else ""
        )
        return (
            f"There is nobody in it: expected a folder for each person with pictures inside, like {example}/ann/1.jpg."
            + found
        )
    try:
        counts = _Counts(f"the folder {root}", people)
        PairBatches(counts, 1, range(1))
        kept_back(counts.person, counts.name)
    except ValueError as error:
        return str(error)
    return ""


class _Counts:
    """Just enough of a collection to ask whether pairs can be made of it."""

    def __init__(self, name: str, people: Counter):
        self.name, self.person = name, np.arange(len(people)).repeat(list(people.values()))


def _spread(numbers) -> dict[str, float]:
    numbers = list(numbers)
    return {"min": min(numbers), "median": float(np.median(numbers)), "max": max(numbers)} if numbers else {}


def _range(spread: dict[str, float]) -> str:
    low, middle, high = (f"{spread[name]:,g}" for name in ("min", "median", "max"))
    return low if low == high else f"{low} to {high}, median {middle}"


def _short(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

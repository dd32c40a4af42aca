"""The same evaluation on pictures of one's own: a folder of people, or of clips as in FaceForensics++ (paper 4.2)."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from simswap_lib.evaluation import fingerprint
from simswap_lib.evaluation_rows import WORDS, Cases, measure_rows, summaries, swapped
from simswap_lib.faces.align import TEMPLATE, align
from simswap_lib.faces.detect import FaceDetector
from simswap_lib.folders import NO_PICTURE, FolderDataset, squared
from simswap_lib.measures import interval, nearer_people
from simswap_lib.models.arcface import ArcFace
from simswap_lib.pictures import read_picture
from simswap_lib.provenance import read_mark

PICTURES = 10  # of each person, evenly spaced: the protocol of FaceForensics++ for clips
MOST_PEOPLE, MOST_SWAPS = 100, 200  # unless the caller asks for more
CLIPS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
# Why something is left aside.
OTHER, ALONE = "files of another kind", "people with one picture"
UNREADABLE, SHORT = "clips that cannot be read", f"clips of fewer than {PICTURES} frames"
NO_FACE = "pictures in which no face was found"
FOLDER_WORDS = {
    "retrieval": "nearest by cosine of all pictures but the sources; those of the target are among them",
    "true_pictures": "all pictures but the sources, the targets among them",
    "pasted source": WORDS["pasted source"].replace("the target's face", "an oval from brow to chin"),
}
ONLY_THE_WORLD = (
    "True answers, groups, pose, expression and gaze are known only of the face world; what needs them is left out."
)
NOT_THESE_FACES = (
    "The judge that comes with the course knows only the face world, and these pictures are not marked as such: its "
    "numbers mean nothing here; --judge names one that knows such faces."
)


def evaluate_folder(
    swapper,
    folder: str | os.PathLike,
    judge: ArcFace | None = None,
    swaps: int | None = None,
    gallery: int | None = None,
    size: int | None = None,
    batch: int = 50,
    detector: FaceDetector | None = None,
    seed: int = 0,
) -> dict:
    """Measure a swapper on a folder of people (root/person/*.jpg) or of clips (one person each).

    Of each person ten evenly spaced pictures or frames are taken, or as many as there are, at least two of a folder of
    people and ten of a clip. The first is the source; the others are targets, each once, and are what a result is
    looked for in.

    swapper, judge, size, batch: as in `evaluate`
    swaps, gallery: how many pairs and people; None takes up to 200 and 100 of those there are, chosen by `seed`
    detector: finds the faces, of which the largest is aligned; None takes the square in the middle of each picture,
    which should be an aligned face already

    Returns a dictionary for JSON and for `report`, with less in it than that of `evaluate`.
    Raises: FileNotFoundError or ValueError, in one sentence, if the folder has too little in it.
    """
    size = size or swapper.generator.config.image_size
    found = Found(Path(folder), size, detector)
    if gallery is not None and gallery < 2:
        raise ValueError(f"Expected a gallery of at least 2 people, got {gallery}.")
    people = found.people(gallery or MOST_PEOPLE, np.random.default_rng(seed))
    if len(people) < (gallery or 2):
        few = "an evaluation needs at least 2" if len(people) < 2 else f"{gallery} were asked for"
        enough = "1 person" if len(people) == 1 else f"{len(people)} people"
        raise ValueError(f"{folder} has enough pictures of {enough}, but {few}{found.told()}.")
    pictures = folder_cases(people, swaps, seed)
    device = next(swapper.generator.parameters()).device
    judged = judge or ArcFace.judge(swapper.generator.config.image_size, device)
    eyes = {"judge": judged, "trainer": swapper.recogniser}
    measured = measure_rows(pictures, swapped(swapper, pictures, batch), eyes)
    return {
        "protocol": {
            "swaps": len(pictures.target),
            "gallery": len(people),
            "size": size,
            "seed": seed,
            "data": str(folder),
            "people": f"of {folder}, with {len(pictures.gallery)} pictures in the gallery{found.told()}",
            **WORDS,
            **FOLDER_WORDS,
        },
        "weights": {name: fingerprint(net) for name, net in {"generator": swapper.generator, **eyes}.items()},
        "rows": summaries(measured, pictures, judged.pooled(pictures.gallery)),
        "recognisers": {name: _sources(net, pictures, people) for name, net in eyes.items()},
        "notes": [ONLY_THE_WORLD, *([NOT_THESE_FACES] if judge is None and not found.of_the_world else [])],
    }


def folder_cases(people: list[np.ndarray], swaps: int | None, seed: int) -> Cases:
    """Pairs of these people: for each an array of pictures, uint8 RGB (2 or more, H, W, 3).

    Raises: ValueError if more swaps are asked for than there are targets.
    """
    rng, count = np.random.default_rng(seed), len(people)
    # Everybody's second picture, then everybody's third, and so on: each is a target once, and never for themselves.
    rounds = range(1, max(map(len, people)))
    targets = [(person, photo) for photo in rounds for person in range(count) if photo < len(people[person])]
    shifts = rng.integers(1, count, size=len(rounds) + 1)
    swaps = min(MOST_SWAPS, len(targets)) if swaps is None else swaps
    if not 1 <= swaps <= len(targets):
        raise ValueError(f"1 to {len(targets)} swaps can be made of these pictures, {swaps} were asked for.")
    targets = targets[:swaps]
    sources = np.array([(person + shifts[photo]) % count for person, photo in targets])
    side = people[0].shape[1]
    return Cases(
        gallery=np.concatenate([pictures[1:] for pictures in people]),
        owners=torch.arange(count).repeat_interleave(torch.tensor([len(pictures) - 1 for pictures in people])),
        source=np.stack([people[person][0] for person in sources]),
        target=np.stack([people[person][photo] for person, photo in targets]),
        labels=torch.from_numpy(sources),
        face=np.broadcast_to(oval(side), (swaps, side, side)),
    )


def oval(size: int) -> np.ndarray:
    """An oval from brow to chin on the aligned template: float32 (size, size), 1 inside, 0 outside."""
    eyes, mouth = TEMPLATE[:2].mean(0), TEMPLATE[3:].mean(0)
    middle, half = (eyes + mouth) / 2, np.array([1.0, 1.2]) * np.linalg.norm(mouth - eyes)
    x, y = np.meshgrid(*[(np.arange(size) + 0.5) / size] * 2)
    return (((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 <= 1).astype(np.float32)


def _sources(net: ArcFace, pictures: Cases, people: list[np.ndarray]) -> dict:
    probes = net.embed(np.stack([own[0] for own in people]))
    found = nearer_people(probes, net.embed(pictures.gallery), torch.arange(len(people)), pictures.owners) == 0
    return {"id_retrieval": float(found.mean()), "interval": interval(found), "pictures": len(found)}


# ----------------------------------------------------------------------------------------------------------------------


class Found:
    """What lies in a folder: people or clips, and how much of it was left aside, and why.

    Raises: FileNotFoundError or ValueError if there is no such folder, neither people nor clips in it, or both.
    """

    def __init__(self, folder: Path, size: int, detector: FaceDetector | None = None):
        self.size, self.detector = size, detector
        self.data = FolderDataset(folder, size)
        others = self.data.skipped.pop(NO_PICTURE, [])
        self.clips = [path for path in others if path.lower().endswith(CLIPS)]
        self.left = Counter({f"pictures {reason}": len(paths) for reason, paths in self.data.skipped.items()})
        self.left[OTHER] = len(others) - len(self.clips)
        self.of_the_world = False
        if self.clips and len(self.data):
            raise ValueError(
                f"{folder} holds both people's pictures ({len(self.data)}) and clips ({len(self.clips)}); "
                "give a folder of one kind."
            )
        if not self.clips and not len(self.data):
            raise ValueError(
                f"{folder} holds neither folders of people with JPEG, PNG or WebP pictures nor clips "
                f"({', '.join(CLIPS)}){self.told()}."
            )

    def told(self) -> str:
        """The end of a sentence: how much was left aside, by reason; empty if nothing was."""
        left = [f"{reason} ({count:,})" for reason, count in self.left.items() if count]
        return f"; left aside: {', '.join(left)}" if left else ""

    def people(self, most: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Up to `most` people with pictures enough, drawn by `rng`: for each uint8 RGB (2 to 10, size, size, 3)."""
        read, count = (self._clip, len(self.clips)) if self.clips else (self._person, len(self.data.people))
        people, marked = [], []
        for number in rng.permutation(count):
            pictures, of_the_world = read(number)
            pictures = [aligned for picture in pictures if (aligned := self._face(picture)) is not None]
            if len(pictures) >= 2:
                people.append(np.stack(pictures))
                marked.append(of_the_world)
            if len(people) == most:
                break
        self.of_the_world = bool(marked) and all(marked)
        return people

    def _person(self, number: int) -> tuple[Iterator[np.ndarray], bool]:
        own = np.flatnonzero(self.data.person == number)
        if len(own) < 2:
            self.left[ALONE] += 1
            return iter(()), False
        paths = [self.data.files[i] for i in own[evenly(len(own))]]
        marks = [read_mark(path) for path in paths]
        return map(read_picture, paths), all(mark is not None and mark.face_world for mark in marks)

    def _clip(self, number: int) -> tuple[Iterator[np.ndarray], bool]:
        path = self.clips[number]
        count = frame_count(path)
        if count < PICTURES:
            self.left[SHORT if count else UNREADABLE] += 1
            return iter(()), False
        return frames(path, evenly(count)), False

    def _face(self, picture: np.ndarray) -> np.ndarray | None:
        if self.detector is None:
            return squared(picture, self.size)
        faces = self.detector.detect(picture)  # the largest first
        if not faces:
            self.left[NO_FACE] += 1
            return None
        return align(picture, faces[0].points, self.size)[0]


def evenly(count: int) -> np.ndarray:
    """Numbers of ten (or of all, if there are fewer) of `count` things, from the first to the last, evenly spaced."""
    return np.unique(np.rint(np.linspace(0, count - 1, PICTURES)).astype(int))


def frame_count(path: str | os.PathLike) -> int:
    """Frames of a clip that can be read, counted one by one, because its header may be wrong; 0 if there is none."""
    capture, count = _opened(path), 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def frames(path: str | os.PathLike, numbers: np.ndarray) -> Iterator[np.ndarray]:
    """The frames with these numbers, rising and counted from 0: uint8 RGB (H, W, 3) each."""
    capture, at = _opened(path), -1
    for number in numbers:
        while at < number:
            capture.grab()
            at += 1
        yield cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
    capture.release()


def _opened(path: str | os.PathLike) -> cv2.VideoCapture:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what ffmpeg thinks of a broken file is told in our words
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)

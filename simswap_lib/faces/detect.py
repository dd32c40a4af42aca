"""Where faces are in a picture: insightface behind one small protocol, and a stand-in that is told the answer."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

VARIABLE = "SIMSWAP_FACES"  # the environment variable that names the folder of a model pack
PROVIDERS = {"cpu": ["CPUExecutionProvider"], "cuda": ["CUDAExecutionProvider", "CPUExecutionProvider"]}
INSTALL = 'pip install -e ".[faces]"'


@dataclass(frozen=True, eq=False)
class Face:
    """One face in a picture; x and y in pixels from the picture's top left corner."""

    box: np.ndarray  # float32 (4,): left, top, right, bottom, inside the picture
    points: np.ndarray  # float32 (5, 2): eyes, nose tip, mouth corners, the viewer's left first; may lie outside
    score: float  # 0 to 1, how sure the detector is

    @property
    def area(self) -> float:
        """Square pixels of the box."""
        return float((self.box[2] - self.box[0]) * (self.box[3] - self.box[1]))


class FaceDetector(Protocol):
    """What the course asks of a detector."""

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """All faces in a uint8 RGB picture (H, W, 3), the largest box first; an empty list when there is none."""


class InsightFaceDetector:
    """The SCRFD detector of an insightface model pack that lies in a folder of yours. Nothing is ever downloaded.

    pack: the folder with the pack's .onnx files, such as ~/.insightface/models/buffalo_l; see `find_pack`. Mind the
    licence: the packs that insightface publishes are for non-commercial research only.
    device: "cpu" or "cuda".
    threshold: between 0 and 1; faces with a lower score are dropped. Where a face is missed, 0.1 to 0.2 often finds it.
    Raises: FileNotFoundError when there is no such folder; ImportError when the packages are missing; ValueError for
    another device or threshold, and when the folder holds no detection model or one that cannot be read.
    """

    def __init__(self, pack: str | os.PathLike, device: str = "cpu", threshold: float = 0.5):
        if device not in PROVIDERS:
            raise ValueError(f"A detector runs on 'cpu' or 'cuda', asked for {device!r}.")
        if not 0 < threshold < 1:
            raise ValueError(f"The threshold is a score between 0 and 1, got {threshold!r}.")
        self._analysis = _load(_folder_with_models(pack), device)
        # No det_size: insightface then looks at 128 and at 640 pixels, which finds close-ups and small faces alike.
        self._analysis.prepare(ctx_id=-1 if device == "cpu" else 0, det_thresh=threshold, det_size=None)

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """All faces in a uint8 RGB picture (H, W, 3), the largest box first.

        Where none is found, the picture is tried once more with a black border of half its longer side, because a face
        that fills the frame is often missed. Coordinates are those of the picture without the border.

        Raises: ValueError for another type or shape, or when the pack's model does not find the five points.
        """
        _check_picture(rgb)
        height, width = rgb.shape[:2]
        # Of a strip, insightface would shrink the short side to no pixels at all.
        found = [] if max(height, width) > 100 * min(height, width) else self._find(rgb, np.ones(2), 0)
        if not found:
            # insightface looks at 640 pixels, so a large picture is shrunk before it gets its border, not after.
            shrink = min(1, 640 / max(height, width))
            size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
            small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
            border = max(size) // 2
            framed = cv2.copyMakeBorder(small, *(border,) * 4, cv2.BORDER_CONSTANT)
            found = self._find(framed, np.array([width, height]) / size, border)
        faces = [Face(np.clip(face.box, 0, np.float32([width, height] * 2)), face.points, face.score) for face in found]
        return _largest_first(face for face in faces if face.area > 0)  # a box that lies in the border is none

    def _find(self, rgb: np.ndarray, ratio: np.ndarray, border: int) -> list[Face]:
        """The faces of `rgb`, in coordinates of the picture that it shows `ratio` times smaller, inside a border."""
        found = self._analysis.get(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        if any(face.kps is None for face in found):
            raise ValueError(
                "The model of this pack finds boxes but not the five points; use a pack whose model does, "
                "such as buffalo_l or antelopev2."
            )
        return [
            Face(
                box=np.float32((face.bbox - border) * np.tile(ratio, 2)),
                points=np.float32((face.kps - border) * ratio),
                score=float(face.det_score),
            )
            for face in found
        ]


class FakeDetector:
    """Finds what it was told: for tests, and for pictures of the face world, whose truth is known.

    faces: what `detect` returns for every picture that `tell` was not given.
    """

    def __init__(self, faces: Iterable[Face] = ()):
        self._faces = list(faces)
        self._known: dict[tuple, list[Face]] = {}

    def tell(self, rendering) -> "FakeDetector":
        """Remember the face of a `Rendering` for its very picture: box of the visible face, landmarks, score 1.

        Returns the detector, so that calls can be chained. Raises: ValueError when nothing of the face is visible.
        """
        rows, columns = np.nonzero(rendering.mask > 0.5)
        if not len(rows):
            raise ValueError("The mask of this rendering is empty, so there is no face to find in it.")
        box = np.float32([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        self._known[_key(rendering.image)] = [Face(box, np.float32(rendering.landmarks), 1.0)]
        return self

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """What it was told about this picture, the largest box first. Raises: ValueError for another type or shape."""
        _check_picture(rgb)
        return _largest_first(self._known.get(_key(rgb), self._faces))


def one_face(faces: Iterable[Face], what: str, index: int | None = None) -> Face:
    """The one face among `faces`, or the one chosen by `index`, counted from 0 from left to right.

    what: where the faces were looked for, such as a file name; the messages name it.
    Raises: ValueError with what to try when there is none, several without an index, or no such index.
    """
    ordered = sorted(faces, key=lambda face: face.box[0] + face.box[2])
    if not ordered:
        raise ValueError(
            f"No face found in {what}: try a picture that shows the whole head sharply, or a lower threshold, like 0.2."
        )
    if index is None and len(ordered) > 1:
        raise ValueError(
            f"{len(ordered)} faces found in {what}: choose one with index=0 to {len(ordered) - 1}, from left to right."
        )
    if index is not None and not 0 <= index < len(ordered):
        raise ValueError(
            f"There is no face {index} in {what}: {len(ordered)} found, numbered from 0 from left to right."
        )
    return ordered[index or 0]


def find_pack() -> Path | None:
    """The folder of a model pack on this computer, or None. insightface itself is not needed to know.

    The folder that the environment variable SIMSWAP_FACES names; where it is not set, the first one (by name) in
    ~/.insightface/models whose files or manifest promise a detector.
    Raises: FileNotFoundError or ValueError when the variable names a folder that is missing or holds no model.
    """
    if chosen := os.environ.get(VARIABLE):
        try:
            return _folder_with_models(chosen)
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f"{error} (The environment variable {VARIABLE} names this folder.)") from None
    models = Path.home() / ".insightface" / "models"
    # Some archives unpack to a folder within a folder of the same name.
    folders = sorted(models.glob("*/")) + sorted(models.glob("*/*/"))
    return next((folder for folder in folders if _promises_detector(folder)), None)


# ----------------------------------------------------------------------------


def _check_picture(rgb: np.ndarray) -> None:
    if not isinstance(rgb, np.ndarray) or rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        got = f"{rgb.dtype} {rgb.shape}" if isinstance(rgb, np.ndarray) else type(rgb).__name__
        raise ValueError(f"Expected a picture as uint8 RGB (H, W, 3), got {got}.")


def _key(rgb: np.ndarray) -> tuple:
    return rgb.shape, rgb.tobytes()


def _largest_first(faces: Iterable[Face]) -> list[Face]:
    return sorted(faces, key=lambda face: -face.area)


def _manifest_tasks(folder: Path) -> dict:
    try:
        tasks = json.loads((folder / "manifest.json").read_text("utf-8"))["tasks"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return tasks if isinstance(tasks, dict) else {}


def _promises_detector(folder: Path) -> bool:
    """By the names in use: det_10g.onnx, scrfd_10g_bnkps.onnx, or a manifest with a task "detection"."""
    names = [file.name.lower() for file in folder.glob("*.onnx")]
    return "detection" in _manifest_tasks(folder) or any(name.startswith(("det_", "scrfd")) for name in names)


def _folder_with_models(pack: str | os.PathLike) -> Path:
    folder = Path(pack).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}; give the folder that holds a pack's .onnx files.")
    if any(folder.glob("*.onnx")) or _manifest_tasks(folder):
        return folder.resolve()
    deeper = sorted(folder.glob("*/*.onnx"))
    hint = (
        f"they lie in {deeper[0].parent}: give that folder" if deeper else "give the folder that holds a pack's files"
    )
    raise ValueError(f"{folder} holds no .onnx model; {hint}.")


def _load(folder: Path, device: str):
    """insightface's analysis of `folder` with its detector alone, or one sentence that says why not."""
    try:
        from insightface.app import FaceAnalysis
    except ImportError as error:
        raise ImportError(f"Finding faces in photographs needs insightface: {INSTALL} ({error}).") from error
    try:
        # A folder as the name: only then does insightface not look on the network.
        analysis = FaceAnalysis(name=str(folder), allowed_modules=["detection"], providers=PROVIDERS[device])
    except AssertionError as error:  # how insightface says it
        raise ValueError(f"{folder} holds no detection model; use a whole pack, such as buffalo_l.") from error
    except Exception as error:  # each layer below has its own kind
        broken = [file.name for file in sorted(folder.glob("*.onnx")) if str(file) in str(error)]
        named = f"{broken[0]} in {folder}" if broken else f"The pack {folder}"
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{named} cannot be read: damaged, cut off or no such model; get the pack again ({reason})."
        ) from error
    running = analysis.det_model.session.get_providers()
    if PROVIDERS[device][0] not in running:  # onnxruntime falls back to the CPU without an error
        raise ValueError(
            "onnxruntime cannot use CUDA here; install onnxruntime-gpu in place of onnxruntime, or use device='cpu'."
        )
    return analysis

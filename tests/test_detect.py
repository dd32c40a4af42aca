"""The detector behind its protocol, with a stand-in for insightface that has the signatures and the manners of 2.1."""

import json
import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from simswap_lib.faces.detect import VARIABLE, Face, FakeDetector, InsightFaceDetector, find_pack, one_face

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
FIVE = np.float32([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


class Found(dict):
    """Like insightface's own Face: what it lacks is None, not an error."""

    __getattr__ = dict.get


class FaceAnalysis:
    """What FaceAnalysis does to a folder, and a detector that takes a rectangle of pure red (in BGR!) for a face.

    Like SCRFD, it misses what fills the frame. A model file holds one of the words in `read`.
    """

    available = (CPU,)

    def __init__(
        self, name="buffalo_l", root="~/.insightface", allowed_modules=None, *, addons=None,
        liveness_mode="normal", liveness_threshold=0.8, **kwargs,
    ):  # fmt: skip
        from pathlib import Path

        assert Path(name).is_dir(), "anything else would be downloaded"
        self.models = {}
        for file in sorted(Path(name).glob("*.onnx")):
            task = file.read_text()
            if task not in ("detection", "boxes only", "recognition"):
                raise RuntimeError(f"[ONNXRuntimeError] : 7 : Load model from {file} failed:Protobuf parsing failed.")
            kind = "recognition" if task == "recognition" else "detection"
            if kind in (allowed_modules or [kind]):
                self.models[kind] = task
        assert "detection" in self.models
        providers = [one for one in kwargs["providers"] if one in self.available]
        self.det_model = SimpleNamespace(session=SimpleNamespace(get_providers=lambda: providers))
        self.sizes = []

    def prepare(self, ctx_id=0, det_thresh=0.5, det_size=None):
        self.ctx_id, self.det_thresh, self.det_size = ctx_id, det_thresh, det_size

    def get(self, img, max_num=0, det_metric="default"):
        assert img.flags.c_contiguous and img.dtype == np.uint8
        self.sizes.append(img.shape)
        faces = []
        for brightness in (255, 200, 150):
            rows, columns = np.nonzero((img == (0, 0, brightness)).all(-1))
            if not len(rows) or brightness / 300 < self.det_thresh:
                continue
            corner = np.float32([columns.min(), rows.min()])
            size = np.float32([columns.max() + 1, rows.max() + 1]) - corner
            if (size > 0.9 * np.float32(img.shape[1::-1])).all():
                continue
            points = corner + FIVE * size if self.models["detection"] == "detection" else None
            box = np.concatenate([corner - 2, corner + size + 2])
            faces.append(Found(bbox=box, kps=points, det_score=np.float32(brightness / 300)))
        return faces


@pytest.fixture(autouse=True)
def insightface(monkeypatch):
    package, app = ModuleType("insightface"), ModuleType("insightface.app")
    package.app, app.FaceAnalysis = app, FaceAnalysis
    monkeypatch.setitem(sys.modules, "insightface", package)
    monkeypatch.setitem(sys.modules, "insightface.app", app)


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def pack(folder, **models):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in models.items():
        (folder / f"{name}.onnx").write_text(content)
    return folder


@pytest.fixture
def good(tmp_path):
    return pack(tmp_path / "pack", det_10g="detection", w600k="recognition")


def picture(*faces, height=200, width=300):
    """Faces as (left, top, right, bottom, brightness of the red)."""
    image = np.full((height, width, 3), 90, np.uint8)
    for left, top, right, bottom, red in faces:
        image[top:bottom, left:right] = (red, 0, 0)
    return image


class TestInsightFaceDetector:
    def test_finds_all_faces_in_rgb_the_largest_first(self, good):
        faces = InsightFaceDetector(good).detect(picture((10, 20, 40, 60, 255), (100, 50, 200, 190, 200)))
        assert [face.box.tolist() for face in faces] == [[98, 48, 202, 192], [8, 18, 42, 62]]
        assert np.allclose(faces[1].points, [10, 20] + FIVE * [30, 40])
        assert [face.score for face in faces] == pytest.approx([200 / 300, 255 / 300])
        assert isinstance(faces[0].score, float) and faces[0].box.dtype == faces[0].points.dtype == np.float32

    def test_red_and_blue_are_not_exchanged(self, good):
        assert InsightFaceDetector(good).detect(picture((10, 20, 40, 60, 255))[..., ::-1]) == []

    def test_only_the_detector_is_kept_and_its_sizes_are_automatic(self, good):
        analysis = InsightFaceDetector(good, threshold=0.2)._analysis
        assert list(analysis.models) == ["detection"]
        assert (analysis.ctx_id, analysis.det_thresh, analysis.det_size) == (-1, 0.2, None)

    def test_a_lower_threshold_finds_more(self, good):
        image = picture((10, 20, 40, 60, 150))
        assert len(InsightFaceDetector(good, threshold=0.6).detect(image)) == 0
        assert len(InsightFaceDetector(good, threshold=0.4).detect(image)) == 1

    @pytest.mark.parametrize("height, width", [(64, 64), (90, 61), (1000, 1501)])
    def test_a_tight_crop_is_tried_with_a_border(self, good, height, width):
        detector = InsightFaceDetector(good)
        (face,) = detector.detect(picture((0, 0, width, height, 255), height=height, width=width))
        assert len(detector._analysis.sizes) == 2
        assert np.allclose(face.box, [0, 0, width, height])  # inside the picture, although the box found is wider
        assert np.allclose(face.points, FIVE * [width, height], atol=0.01)
        assert max(detector._analysis.sizes[1]) <= 2 * 640

    def test_no_border_where_faces_are_found(self, good):
        detector = InsightFaceDetector(good)
        detector.detect(picture((10, 20, 40, 60, 255)))
        assert len(detector._analysis.sizes) == 1

    def test_a_face_in_the_border_is_none(self, good, monkeypatch):
        ghost = Found(bbox=np.float32([0, 0, 20, 20]), kps=FIVE * 20, det_score=0.9)
        monkeypatch.setattr(FaceAnalysis, "get", lambda self, img: [ghost] if img.shape[0] > 64 else [])
        assert InsightFaceDetector(good).detect(picture(height=64, width=64)) == []

    def test_no_face_is_an_empty_list(self, good):
        detector = InsightFaceDetector(good)
        assert detector.detect(picture()) == []
        assert detector.detect(picture(height=1, width=1)) == []

    def test_a_strip_is_not_handed_over(self, good):
        detector = InsightFaceDetector(good)
        assert detector.detect(picture(height=5, width=3000)) == []
        assert all(min(shape[:2]) * 100 >= max(shape[:2]) for shape in detector._analysis.sizes)

    def test_cuda_is_used_where_there_is_one(self, good, monkeypatch):
        monkeypatch.setattr(FaceAnalysis, "available", (CUDA, CPU))
        assert InsightFaceDetector(good, device="cuda")._analysis.ctx_id == 0

    def test_falling_back_to_the_cpu_is_not_hidden(self, good):
        with pytest.raises(ValueError, match="onnxruntime-gpu in place of onnxruntime"):
            InsightFaceDetector(good, device="cuda")

    def test_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no folder .*buffalo_l"):
            InsightFaceDetector(tmp_path / "buffalo_l")

    def test_a_name_is_never_downloaded(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(FileNotFoundError, match="There is no folder buffalo_l"):
            InsightFaceDetector("buffalo_l")

    @pytest.mark.parametrize(
        "models, said",
        [
            ({}, "holds no .onnx model"),
            ({"w600k": "recognition"}, "holds no detection model"),
            ({"det_10g": "gar\0bage"}, "det_10g.onnx in .* cannot be read: damaged"),
            ({"det_10g": "detection", "w600k": "detec"}, "w600k.onnx in .* cannot be read: damaged"),
        ],
    )
    def test_folders_that_are_no_pack(self, tmp_path, models, said):
        with pytest.raises(ValueError, match=said) as caught:
            InsightFaceDetector(pack(tmp_path / "some", **models))
        assert "\n" not in str(caught.value)

    def test_a_pack_one_folder_deeper_is_named(self, tmp_path):
        inner = pack(tmp_path / "antelopev2" / "antelopev2", scrfd="detection")
        with pytest.raises(ValueError, match=re.escape(f"they lie in {inner}: give that folder")):
            InsightFaceDetector(inner.parent)

    def test_a_model_without_points(self, tmp_path):
        detector = InsightFaceDetector(pack(tmp_path / "boxes", det="boxes only"))
        with pytest.raises(ValueError, match="boxes but not the five points"):
            detector.detect(picture((10, 20, 40, 60, 255)))

    def test_without_insightface_the_extra_is_named(self, good, monkeypatch):
        monkeypatch.setitem(sys.modules, "insightface", None)
        monkeypatch.setitem(sys.modules, "insightface.app", None)
        with pytest.raises(ImportError, match=re.escape('pip install -e ".[faces]"')):
            InsightFaceDetector(good)

    @pytest.mark.parametrize("device, threshold", [("mps", 0.5), ("cpu", 0), ("cpu", 1), ("cpu", float("nan"))])
    def test_refused_settings(self, good, device, threshold):
        with pytest.raises(ValueError, match="'cpu' or 'cuda'|between 0 and 1"):
            InsightFaceDetector(good, device, threshold)


@pytest.mark.parametrize(
    "image", [None, "photo.jpg", np.zeros((8, 8)), np.zeros((8, 8, 3)), np.zeros((8, 8, 4), np.uint8)]
)
def test_both_detectors_refuse_other_pictures(good, image):
    for detector in (InsightFaceDetector(good), FakeDetector()):
        with pytest.raises(ValueError, match="uint8 RGB"):
            detector.detect(image)


def face(left, top, right, bottom):
    return Face(np.float32([left, top, right, bottom]), FIVE, 1.0)


class TestFakeDetector:
    def test_returns_what_it_is_given_the_largest_first(self):
        small, large = face(0, 0, 5, 5), face(10, 0, 30, 30)
        assert FakeDetector([small, large]).detect(picture()) == [large, small]
        assert FakeDetector().detect(picture()) == []

    def test_knows_the_truth_of_the_renderings_it_was_told(self):
        mask = np.zeros((200, 300), np.float32)
        mask[20:60, 10:40] = 1
        renderings = [
            SimpleNamespace(image=picture((i, 20, 40, 60, 255)), landmarks=FIVE * 50 + i, mask=mask) for i in (10, 11)
        ]
        detector = FakeDetector().tell(renderings[0]).tell(renderings[1])
        for rendering in renderings:
            (found,) = detector.detect(rendering.image.copy())
            assert np.array_equal(found.points, rendering.landmarks)
            assert found.box.tolist() == [10, 20, 40, 60] and found.score == 1
        assert detector.detect(picture()) == []

    def test_a_hidden_face_cannot_be_told(self):
        with pytest.raises(ValueError, match="no face to find"):
            FakeDetector().tell(SimpleNamespace(image=picture(), landmarks=FIVE, mask=np.zeros((200, 300))))


class TestOneFace:
    left, middle, right = face(0, 0, 50, 50), face(60, 0, 70, 90), face(80, 0, 99, 20)

    def test_the_only_one(self):
        assert one_face([self.left], "a.jpg") is self.left

    def test_numbered_from_left_to_right(self):
        faces = [self.right, self.left, self.middle]
        assert [one_face(faces, "a.jpg", i) for i in range(3)] == [self.left, self.middle, self.right]

    @pytest.mark.parametrize(
        "count, index, said",
        [
            (0, None, "No face found in a.jpg: try"),
            (0, 0, "No face found in a.jpg: try"),
            (3, None, "3 faces found in a.jpg: choose one with index=0 to 2, from left to right"),
            (3, 3, "no face 3 in a.jpg: 3 found"),
            (3, -1, "no face -1 in a.jpg"),
        ],
    )
    def test_otherwise_a_sentence(self, count, index, said):
        with pytest.raises(ValueError, match=said):
            one_face([self.left, self.middle, self.right][:count], "a.jpg", index)


class TestFindPack:
    def test_none(self, home):
        assert find_pack() is None

    def test_the_first_with_a_detector_without_insightface(self, home, monkeypatch):
        monkeypatch.setitem(sys.modules, "insightface", None)
        models = home / ".insightface" / "models"
        pack(models / "a_swapper", inswapper_128="swap")
        (models / "a_archive.zip").write_text("")
        expected = pack(models / "buffalo_l", det_10g="detection")
        pack(models / "buffalo_s", det_500m="detection")
        assert find_pack() == expected

    def test_an_archive_unpacked_into_its_own_folder(self, home):
        expected = pack(home / ".insightface" / "models" / "antelopev2" / "antelopev2", scrfd_10g_bnkps="detection")
        assert find_pack() == expected

    def test_a_manifest(self, home):
        folder = pack(home / ".insightface" / "models" / "raccoon_s")
        for text, found in [("{", None), ('{"tasks": {"recognition": {}}}', None), ('{"tasks": []}', None)]:
            (folder / "manifest.json").write_text(text)
            assert find_pack() is found
        (folder / "manifest.json").write_text(json.dumps({"manifest_version": 2, "tasks": {"detection": {}}}))
        assert find_pack() == folder

    def test_the_variable_wins(self, home, monkeypatch):
        pack(home / ".insightface" / "models" / "buffalo_l", det_10g="detection")
        chosen = pack(home / "mine", anything="detection")
        monkeypatch.setenv(VARIABLE, "~/mine")
        assert find_pack() == chosen

    @pytest.mark.parametrize("make, error", [(False, FileNotFoundError), (True, ValueError)])
    def test_a_wrong_variable_is_not_passed_over(self, home, monkeypatch, make, error):
        if make:
            pack(home / "mine")
        monkeypatch.setenv(VARIABLE, str(home / "mine"))
        with pytest.raises(error, match=f"mine.*{VARIABLE} names this folder"):
            find_pack()

"""The evaluation of one's own people or clips: what is taken, what is left aside and said, and what is not claimed."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from test_evaluation import Swapper, recogniser

from simswap_lib.evaluation import report
from simswap_lib.evaluation_folder import evaluate_folder, evenly, folder_cases, frame_count, frames, oval
from simswap_lib.faces.align import TEMPLATE
from simswap_lib.faces.detect import Face
from simswap_lib.provenance import Mark, write_image


def copying() -> Swapper:
    return Swapper(lambda source, target: target)


def picture(seed: int) -> np.ndarray:
    """A flat colour with a little noise: pictures of one person (the same tens) are alike."""
    rng = np.random.default_rng(seed)
    base = np.random.default_rng(seed // 10 + 1000).integers(40, 216, 3)
    return np.clip(base + rng.integers(-30, 31, (48, 48, 3)), 0, 255).astype(np.uint8)


def people(root: Path, counts: tuple[int, ...], mark: bool = False) -> Path:
    for person, count in enumerate(counts):
        (root / f"p{person}").mkdir(parents=True)
        for i in range(count):
            path = root / f"p{person}" / f"{i:02d}.png"
            if mark:
                write_image(path, picture(10 * person + i % 10), Mark("render", face_world=True))
            else:
                Image.fromarray(picture(10 * person + i % 10)).save(path)
    return root


def clip(path: Path, count: int, colour: int = 0) -> Path:
    """A clip whose frames get brighter, so that a frame tells its number."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for i in range(count):
        frame = np.full((48, 64, 3), 20 + 8 * i, np.uint8)
        frame[..., colour] = 250
        writer.write(frame)
    writer.release()
    return path


class TestPeople:
    def test_rows_without_what_only_the_world_knows(self, tmp_path):
        root = people(tmp_path / "faces", (4, 3, 12))
        found = evaluate_folder(copying(), root, recogniser(2))
        assert list(found["rows"]) == ["swap", "copy of the target", "pasted source"]
        assert found["rows"]["swap"] == found["rows"]["copy of the target"]
        row = found["rows"]["swap"]
        assert not {"error", "ssim", "pose", "gaze"} & set(row) and row["kid"]["pictures"] == [14, 14]
        # 3 + 2 + 9 targets: ten pictures of the third person, and never the source's own.
        assert (found["protocol"]["swaps"], found["protocol"]["gallery"]) == (14, 3)
        assert row["judge"]["id_retrieval"] == 0.0 and row["judge"]["cos_target"] == pytest.approx(1, abs=1e-5)
        assert found["recognisers"]["judge"]["pictures"] == 3
        text = report(found)
        words = " ".join(text.split())  # wherever a line ends
        assert "14 swaps, gallery of 3 people" in words and "14 pictures in the gallery" in words
        assert "known only of the face world" in words and "error" not in text.split("KID")[0].replace("errors", "")
        assert max(map(len, text.splitlines())) < 140

    def test_the_same_every_time_and_numbers_can_be_asked_for(self, tmp_path):
        root = people(tmp_path / "faces", (3, 3, 3, 3))
        first = evaluate_folder(copying(), root, recogniser(2), swaps=5, gallery=3)
        assert first == evaluate_folder(copying(), root, recogniser(2), swaps=5, gallery=3)
        assert (first["protocol"]["swaps"], first["protocol"]["gallery"]) == (5, 3)

    def test_the_courses_judge_is_doubted_unless_the_pictures_are_the_worlds(self, tmp_path, monkeypatch):
        from simswap_lib.models.arcface import ArcFace

        monkeypatch.setattr(ArcFace, "from_pretrained", lambda *_: recogniser(2))
        notes = evaluate_folder(copying(), people(tmp_path / "real", (2, 2)))["notes"]
        assert len(notes) == 2 and "mean nothing here" in notes[1]
        assert len(evaluate_folder(copying(), people(tmp_path / "world", (2, 2), mark=True))["notes"]) == 1
        assert len(evaluate_folder(copying(), tmp_path / "real", recogniser(2))["notes"]) == 1

    def test_other_files_and_lone_pictures_are_counted(self, tmp_path):
        root = people(tmp_path / "faces", (2, 2, 1))
        (root / "p0" / "notes.txt").write_text("x")
        (root / "p1" / "table.csv").write_text("x")
        (root / "p1" / "broken.png").write_bytes(b"x" * 40)
        said = evaluate_folder(copying(), root, recogniser(2))["protocol"]["people"]
        for words in ("files of another kind (2)", "people with one picture (1)", "pictures damaged or cut off (1)"):
            assert words in said

    @pytest.mark.parametrize(
        "counts, options, words",
        [
            ((3,), {}, "has enough pictures of 1 person, but an evaluation needs at least 2"),
            ((3, 1), {}, r"needs at least 2; left aside: people with one picture \(1\)"),
            ((2, 2), {"gallery": 5}, "has enough pictures of 2 people, but 5 were asked for"),
            ((2, 2), {"gallery": 1}, "at least 2 people, got 1"),
            ((2, 2), {"swaps": 3}, "1 to 2 swaps can be made of these pictures, 3 were asked for"),
            ((2, 2), {"swaps": 0}, "0 were asked for"),
        ],
    )
    def test_too_little(self, tmp_path, counts, options, words):
        with pytest.raises(ValueError, match=words):
            evaluate_folder(copying(), people(tmp_path / "faces", counts), recogniser(2), **options)

    def test_no_folder_and_nothing_in_it(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no folder"):
            evaluate_folder(copying(), tmp_path / "no", recogniser(2))
        (tmp_path / "notes.txt").write_text("x")
        with pytest.raises(ValueError, match=r"neither folders of people.*nor clips.*of another kind \(1\)"):
            evaluate_folder(copying(), tmp_path, recogniser(2))

    def test_a_detector_aligns_the_largest_face_and_counts_what_it_misses(self, tmp_path):
        class Detector:
            def detect(self, rgb):
                if (rgb == picture(0)).all():
                    return []
                return [Face(np.float32([0, 0, 48, 48]), np.float32(48 * TEMPLATE), 1.0)]

        found = evaluate_folder(copying(), people(tmp_path / "faces", (4, 3)), recogniser(2), detector=Detector())
        assert found["protocol"]["swaps"] == 2 + 2
        assert "pictures in which no face was found (1)" in found["protocol"]["people"]


class TestCases:
    def test_every_target_once_never_for_themselves_and_no_source_in_the_gallery(self):
        counts = (3, 2, 5)
        own = [np.stack([np.full((32, 32, 3), 10 * p + i, np.uint8) for i in range(n)]) for p, n in enumerate(counts)]
        pictures = folder_cases(own, None, 0)
        parts = (pictures.target, pictures.source, pictures.gallery)
        shown, sources, gallery = (part[:, 0, 0, 0].astype(int) for part in parts)
        labels = pictures.labels.numpy()
        assert sorted(shown) == [1, 2, 11, 21, 22, 23, 24]
        assert (shown // 10 != labels).all() and (sources == 10 * labels).all()
        assert (gallery // 10 == pictures.owners.numpy()).all() and not {0, 10, 20} & set(gallery)

    def test_the_oval_covers_eyes_nose_and_mouth_and_no_corner(self):
        mask = oval(64)
        assert all(mask[int(64 * y), int(64 * x)] == 1 for x, y in TEMPLATE)
        assert mask[0, 0] == mask[0, 63] == mask[63, 0] == mask[63, 63] == 0 and 0.2 < mask.mean() < 0.6


class TestClips:
    def test_ten_evenly_spaced_frames_of_each(self, tmp_path):
        path = clip(tmp_path / "a.avi", 28)
        assert frame_count(path) == 28
        assert evenly(28).tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27] and evenly(4).tolist() == [0, 1, 2, 3]
        seen = list(frames(path, evenly(28)))
        assert len(seen) == 10 and seen[0].shape == (48, 64, 3)
        grey = [float(frame[..., 0].mean()) for frame in seen]  # RGB: blue is the bright channel
        assert grey == pytest.approx([20 + 24 * i for i in range(10)], abs=6)
        assert seen[0][..., 2].mean() > 200

    def test_clips_are_people_and_what_cannot_be_used_is_counted(self, tmp_path):
        for name, count, colour in (("a.avi", 12, 0), ("b.avi", 15, 1), ("c.avi", 10, 2), ("short.avi", 9, 0)):
            clip(tmp_path / name, count, colour)
        (tmp_path / "broken.mp4").write_bytes(b"no clip" * 50)
        (tmp_path / "readme.txt").write_text("x")
        found = evaluate_folder(copying(), tmp_path, recogniser(2))
        assert (found["protocol"]["swaps"], found["protocol"]["gallery"]) == (27, 3)
        for words in (
            "files of another kind (1)",
            "clips that cannot be read (1)",
            "clips of fewer than 10 frames (1)",
        ):
            assert words in found["protocol"]["people"]

    def test_one_clip_alone(self, tmp_path):
        clip(tmp_path / "a.avi", 12)
        (tmp_path / "broken.mp4").write_bytes(b"no clip" * 50)
        with pytest.raises(ValueError, match=r"of 1 person.*at least 2; left aside: clips that cannot be read \(1\)"):
            evaluate_folder(copying(), tmp_path, recogniser(2))

    def test_people_and_clips_together(self, tmp_path):
        clip(people(tmp_path / "faces", (2, 2)) / "a.avi", 12)
        with pytest.raises(ValueError, match=r"both people's pictures \(4\) and clips \(1\)"):
            evaluate_folder(copying(), tmp_path / "faces", recogniser(2))

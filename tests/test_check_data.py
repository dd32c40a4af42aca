"""check-data: every mistake in a folder of people is found, counted and said in words; a good folder passes."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from simswap_lib import check_data
from simswap_lib.check_data import check, report
from simswap_lib.data_findings import HARMS, TOLERANCE
from simswap_lib.faces.align import TEMPLATE
from simswap_lib.faces.detect import Face, FakeDetector
from simswap_lib.folders import DAMAGED, LOOSE, NO_PICTURE, TOO_SMALL, FolderDataset
from simswap_lib.photographs import rendered


def picture(seed: int, width=260, height=260) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


@pytest.fixture
def good(tmp_path):
    """Four people with two pictures each, with which nothing is wrong."""
    root = tmp_path / "faces"
    for i, name in enumerate(
        ("ann/1.png", "ann/2.jpg", "ben/1.png", "ben/2.png", "cy/1.webp", "cy/2.png", "dee/1.png", "dee/2.png")
    ):
        save(root / name, picture(i))
    return root


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def kinds(result) -> dict[str, int]:
    return {finding.kind: finding.count for finding in result.findings}


class TestGood:
    def test_numbers(self, good):
        result = check(good)
        assert result.usable and not result.why_not and result.findings == []
        assert (result.people, result.pictures) == (4, 8)
        assert result.pictures_per_person == {"min": 2, "median": 2.0, "max": 2}
        assert result.depth == {1: 4} and result.formats == {"PNG": 6, "JPEG": 1, "WEBP": 1}
        assert result.shorter_side == {"min": 260, "median": 260.0, "max": 260} and result.skipped == {}

    def test_words(self, good):
        words = report(check(good))
        assert "faces: 4 people, 8 pictures" in words and "Nothing to complain about." in words
        assert f"Training can use this folder: python -m simswap_lib train --run runs/faces --set data={good}" in words

    def test_what_the_world_writes(self, tmp_path):
        list(rendered(range(4), 3, 32, 1, tmp_path / "world"))
        result = check(tmp_path / "world")
        assert result.usable and kinds(result) == {"pictures under 250 x 250": 12}

    def test_it_says_what_the_loader_does(self, good):
        save(good / "ann" / "small.png", picture(9, 20, 20))
        save(good / "x.png", picture(10))
        (good / "ann" / "cut.png").write_bytes((good / "ann" / "1.png").read_bytes()[:-100])
        (good / "notes.txt").write_text("x")
        result, data = check(good), FolderDataset(good, 32)
        assert result.pictures == len(data) == 8
        assert result.skipped == {reason: len(paths) for reason, paths in data.skipped.items()}
        assert set(result.skipped) == {TOO_SMALL, LOOSE, DAMAGED, NO_PICTURE}
        for line in ("        8  read", "1  skipped: too small", "1  ignored: not a JPEG", "1  skipped: damaged"):
            assert line in report(result)

    def test_json(self, good):
        save(good / "ann" / "wide.png", picture(20, 300, 260))
        plain = json.loads(json.dumps(check(good).json()))
        assert plain["usable"] is True and plain["findings"][0]["examples"] == ["ann/wide.png"]


# What is done to a good folder; what is found, how often, and words that must be said.
def put(name: str, seed: int, *size: int):
    return lambda root: save(root / name, picture(seed, *size))


FAULTS = {
    "loose": (put("x.png", 10), "pictures in nobody's folder", 1, "faces/ann/1.jpg"),
    "archive": (lambda root: (root / "more.ZIP").touch(), "archives", 1, "unpack"),
    "single": (put("di/1.png", 11), "people with one picture", 1, "two people"),
    "empty": (lambda root: (root / "eve" / "inner").mkdir(parents=True), "empty folders", 2, "nobody"),
    "other": (lambda root: (root / "ann" / "a.heic").touch(), "files that are no pictures", 1, ".heic: 1"),
    "damaged": (lambda root: (root / "ann" / "a.jpg").write_text("x"), "damaged pictures", 1, "Get them again"),
    "tiny": (put("ann/a.png", 12, 31, 31), "pictures too small to be of use", 1, "with 32 pixels a side or more"),
    "large": (put("ann/a.png", 17, 8193, 40), "pictures too large", 1, "8,192"),
    "small": (put("ann/a.png", 13, 249, 249), "pictures under 250 x 250", 1, "224"),
    "oblong": (put("ann/a.png", 14, 300, 280), "pictures that are not square", 1, "middle"),
    "case": (put("ANN/9.png", 15), "names that differ in capital letters alone", 2, "Mac"),
    "deep": (put("di/album/1.png", 16), "people more than one folder deep", 1, "album"),
    "within": (put("ben/9.png", 2), "pictures twice in one folder", 1, "copies"),
    "across": (put("cy/9.png", 2), "pictures in the folders of several people", 1, "two names"),
    "near": (put("ben/9.jpg", 2, 520, 520), "pictures that look alike", 1, "9 x 9"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found_in_words(good, fault):
    harm, kind, count, words = FAULTS[fault]
    harm(good)
    result = check(good)
    assert result.usable and kinds(result).get(kind) == count
    assert kinds(result).keys() <= {kind, "people with one picture"}, "and nothing else"
    assert f"{kind}: {count}" in report(result) and words in " ".join(report(result).split())


def test_one_folder_too_many(good, tmp_path):
    result = check(tmp_path)
    assert result.usable and kinds(result) == {"one folder too many": 1} and result.depth == {2: 4}
    assert str(good) in " ".join(report(result).split())


def test_harm_is_named_before_notes(good):
    save(good / "x.png", picture(10))
    (good / "eve").mkdir()
    assert [finding.level == HARMS for finding in check(good).findings] == [True, False]


def test_the_smallest_side_is_yours(good):
    assert check(good, smallest=260).pictures == 8 and check(good, smallest=261).pictures == 0
    with pytest.raises(ValueError, match="smallest side"):
        check(good, smallest=0)


def test_damage_within_is_found_though_both_ends_are_whole(good, tmp_path):
    path = good / "cy" / "1.webp"
    data = bytearray(path.read_bytes())
    data[20:-20] = bytes(len(data) - 40)
    path.write_bytes(data)
    assert kinds(check(good)) == {"damaged pictures": 1, "people with one picture": 1}


class TestUnusable:
    def sentence(self, root) -> str:
        result = check(root)
        assert not result.usable and "\n" not in result.why_not
        assert "Training cannot use this folder." in report(result) and "Nothing to complain" not in report(result)
        return result.why_not

    def test_nobody(self, tmp_path):
        assert "expected a folder for each person" in self.sentence(tmp_path)

    @pytest.mark.parametrize("name, words", [("1.png", "in nobody's folder (1)"), ("all.zip", "archives (1)")])
    def test_nobody_because(self, tmp_path, name, words):
        save(tmp_path / "1.png", picture(1)).rename(tmp_path / name)
        assert words in self.sentence(tmp_path)

    def test_one_person(self, tmp_path):
        for i in range(3):
            save(tmp_path / "ann" / f"{i}.png", picture(i))
        assert f"at least 2 people, and the folder {tmp_path} has 1" in self.sentence(tmp_path)

    def test_one_picture_each(self, tmp_path):
        for i in range(3):
            save(tmp_path / f"person{i}" / "1.png", picture(i))
        assert "all of the 3 people have only one" in self.sentence(tmp_path)

    def test_too_few_to_keep_somebody_back(self, good):
        for path in (good / "dee").iterdir():
            path.unlink()
        assert "kept back" in self.sentence(good) and "has 3, 3 of them" in self.sentence(good)

    def test_no_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="There is no folder"):
            check(tmp_path / "no")


class TestFaces:
    """With a detector that is told what to find."""

    @staticmethod
    def face(points=TEMPLATE, side=260) -> Face:
        return Face(np.float32([10, 10, 200, 200]), np.float32(points * side), 0.9)

    def test_aligned(self, good):
        assert check(good, detector=FakeDetector([self.face()])).findings == []
        assert check(good, detector=FakeDetector([self.face(TEMPLATE + 0.7 * TOLERANCE / 2**0.5)])).findings == []

    def test_none_and_several(self, good):
        assert kinds(check(good, detector=FakeDetector())) == {"pictures without a face": 8}
        assert kinds(check(good, detector=FakeDetector([self.face()] * 2))) == {"pictures with several faces": 8}

    def told(self, good, change) -> FakeDetector:
        """All faces lie at the template but the one of ann/1.png, which `change` moves."""
        detector = FakeDetector([self.face()])
        odd = np.asarray(Image.open(good / "ann" / "1.png").convert("RGB"))
        detector._known[(odd.shape, odd.tobytes())] = [self.face(change(TEMPLATE))]
        return detector

    @pytest.mark.parametrize("change", [lambda p: p + 0.1, lambda p: p[:, ::-1], lambda p: 0.5 + 0.5 * (p - 0.5)])
    def test_one_that_is_not_aligned(self, good, change):
        result = check(good, detector=self.told(good, change))
        assert kinds(result) == {"unaligned faces": 1}
        assert [path.name for path in result.findings[0].examples] == ["1.png"]
        assert "simswap_lib.faces.align" in report(result)

    def test_another_crop_is_told_apart_from_no_alignment(self, good):
        other = self.face(0.5 + 0.4 * (TEMPLATE - 0.5))
        assert kinds(check(good, detector=FakeDetector([other]))) == {"faces in another crop than the course's": 8}

    def test_faces_all_over_the_place_are_unaligned(self, good):
        detector = FakeDetector([self.face(TEMPLATE + 0.3)])
        for i, path in enumerate(sorted(good.rglob("*.png"))):
            pixels = np.asarray(Image.open(path).convert("RGB"))
            detector._known[(pixels.shape, pixels.tobytes())] = [self.face(TEMPLATE + 0.1 * (i - 1))]
        assert kinds(check(good, detector=detector)).get("unaligned faces", 0) >= 3


def test_the_report_is_no_wider_than_it_should_be(good):
    for harm, *_ in FAULTS.values():
        harm(good)
    lines = report(check(good)).splitlines()
    assert max(len(line) for line in lines if "/" not in line) <= check_data.WIDTH

"""Marks: written into every file, read back, never forged by accident, and visible on swaps that are large enough."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simswap_lib.provenance import KINDS, LABEL_FROM, SOURCE_TYPES, Mark, read_mark, write_image

GREY = np.full((160, 160, 3), 128, np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG"])
@pytest.mark.parametrize(
    "mark", [Mark("render", True), Mark("swap", True), Mark("swap", False, 'She said "yes" & <signed> — Žofia')]
)
def test_marks_are_read_back(tmp_path, suffix, mark):
    path = write_image(tmp_path / f"a{suffix}", GREY, mark)
    assert read_mark(path) == mark
    assert (SOURCE_TYPES + KINDS[mark.kind]).encode() in path.read_bytes()


def test_png_pixels_are_exact_without_a_label(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (130, 130, 3), np.uint8)
    for mark, label in ((Mark("render", True), True), (Mark("swap", True), False)):
        path = write_image(tmp_path / "a.png", pixels, mark, visible_label=label)
        assert (np.asarray(Image.open(path)) == pixels).all()


@pytest.mark.parametrize("side, labelled", [(LABEL_FROM - 1, False), (LABEL_FROM, True), (512, True)])
def test_swaps_are_labelled_from_128_pixels(tmp_path, side, labelled):
    path = write_image(tmp_path / "a.png", np.full((side, side, 3), 128, np.uint8), Mark("swap", True))
    changed = (np.asarray(Image.open(path)) != 128).any(-1)
    assert changed.any() == labelled
    if labelled:
        assert changed[-side // 5 :, : side // 2].any() and not changed[: side // 2].any()
        assert (np.asarray(Image.open(path)).max(-1) > 200).sum() > 20  # the words themselves


@pytest.mark.parametrize("consent", [None, "", "  "])
def test_real_faces_need_consent(tmp_path, consent):
    with pytest.raises(ValueError, match="consent"):
        write_image(tmp_path / "a.png", GREY, Mark("swap", False, consent))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "path, words", [("a.gif", "should end in"), ("a", "should end in"), ("no/a.png", "does not exist"), (".", "folder")]
)
def test_bad_paths(tmp_path, path, words):
    with pytest.raises((ValueError, OSError), match=words):
        write_image(tmp_path / path, GREY, Mark("render", True))


@pytest.mark.parametrize("pixels", [GREY[..., 0], GREY.astype(float), GREY[..., :2]])
def test_bad_pixels(tmp_path, pixels):
    with pytest.raises(ValueError, match="uint8 RGB"):
        write_image(tmp_path / "a.png", pixels, Mark("render", True))


def test_a_label_can_be_read(tmp_path):
    """White on a dark plate, whatever lies under it, and at most about half the side wide."""
    for under in (0, 255):
        pixels = np.full((128, 128, 3), under, np.uint8)
        image = np.asarray(Image.open(write_image(tmp_path / "a.png", pixels, Mark("swap", True)))).max(-1)
        rows, columns = np.nonzero(image != under)
        assert np.ptp(rows) < 128 / 3 and np.ptp(columns) < 128 / 1.8
        plate = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert plate.max() > 240 and np.median(plate) < 100


@pytest.mark.parametrize("consent", ["nul \0", "bell \a", "half a pair \ud800", "x" * 2001, " \n\t"])
def test_statements_that_xml_cannot_hold(tmp_path, consent):
    with pytest.raises(ValueError, match="printable characters"):
        write_image(tmp_path / "a.png", GREY, Mark("swap", True, consent))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_the_longest_statement_fits_and_lines_become_one(tmp_path, suffix):
    path = write_image(tmp_path / f"a{suffix}", GREY, Mark("swap", False, "\u20ac" * 2000))
    assert read_mark(path).consent == "\u20ac" * 2000
    assert read_mark(write_image(path, GREY, Mark("swap", False, "Ann\n and Bo"))).consent == "Ann and Bo"


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch):
    path = write_image(tmp_path / "a.png", GREY, Mark("render", True))
    before = path.read_bytes()

    def full(self, where, *_, **__):
        Path(where).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="a.png cannot be written: No space left on device"):
        write_image(path, GREY, Mark("render", True))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("read_only", ["the folder", "the file"])
def test_read_only(tmp_path, monkeypatch, read_only):
    path = tmp_path / "a.png"
    if read_only == "the file":
        path.touch()
    asked = path if read_only == "the file" else tmp_path
    allowed = os.access  # a real one cannot be made for root, who may write everywhere
    monkeypatch.setattr(os, "access", lambda p, mode: Path(p) != asked and allowed(p, mode))
    with pytest.raises(PermissionError, match="read-only"):
        write_image(path, GREY, Mark("render", True))


def test_no_other_function_writes_pictures():
    """A buffer in memory, as the widgets use, is no file."""
    root = Path(__file__).resolve().parent.parent
    writers = {}
    for path in [*root.glob("simswap_lib/**/*.py"), *root.glob("tools/*.py")]:
        found = re.findall(
            r"imwrite\(|imsave\(|\bimage\.save\(|fromarray\(.*\)\.save\((?!buffer)", path.read_text("utf-8")
        )
        if found:
            writers[path.name] = found
    assert writers == {"provenance.py": ["image.save("]}


def test_a_picture_saved_anew_has_no_mark(tmp_path):
    path = write_image(tmp_path / "a.png", GREY, Mark("render", True))
    Image.open(path).convert("RGB").save(tmp_path / "b.png")
    Image.fromarray(GREY).save(tmp_path / "c.jpg")
    assert read_mark(tmp_path / "b.png") is None and read_mark(tmp_path / "c.jpg") is None


@pytest.mark.parametrize("xmp", ["", "no xml", "<rdf:RDF></rdf:RDF>", "<rdf:RDF xmlns:rdf='a'><rdf:x/></rdf:RDF>"])
def test_foreign_xmp_is_no_mark(tmp_path, xmp):
    Image.fromarray(GREY).save(tmp_path / "a.jpg", xmp=xmp.encode())
    assert read_mark(tmp_path / "a.jpg") is None


def test_reading_what_is_no_picture(tmp_path):
    (tmp_path / "a.png").write_text("hello")
    with pytest.raises(ValueError, match="not a picture"):
        read_mark(tmp_path / "a.png")

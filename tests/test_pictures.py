"""Picture files of all sorts: what can be converted is, what cannot is one sentence."""

import os

import numpy as np
import pytest
from PIL import Image

from simswap_lib.pictures import read_face, read_picture

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (48, 48, 3), np.uint8)


def saved(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    return read_face(tmp_path / name)


def test_rgb_is_exact(tmp_path):
    assert (saved(tmp_path, Image.fromarray(RGB)) == RGB).all()


def test_grey_one_bit_and_cmyk(tmp_path):
    grey = Image.fromarray(RGB).convert("L")
    assert (saved(tmp_path, grey) == np.asarray(grey)[..., None]).all()
    assert set(np.unique(saved(tmp_path, grey.convert("1")))) <= {0, 255}
    assert saved(tmp_path, Image.new("CMYK", (48, 48), (0, 255, 255, 0)), "a.jpg")[20, 20].argmax() == 0


def test_palette_with_and_without_transparency(tmp_path):
    palette = Image.fromarray(RGB).quantize(8)
    assert (saved(tmp_path, palette) == np.asarray(palette.convert("RGB"))).all()
    assert (saved(tmp_path, palette, "t.png", transparency=palette.getpixel((0, 0)))[0, 0] == 255).all()


def test_transparency_is_laid_on_white(tmp_path):
    clear = Image.new("RGBA", (40, 40), (10, 20, 30, 0))
    assert (saved(tmp_path, clear) == 255).all()
    half = Image.new("LA", (40, 40), (0, 128))
    assert np.abs(saved(tmp_path, half).astype(int) - 127).max() <= 1


def test_sixteen_bits_are_scaled(tmp_path):
    ramp = np.linspace(0, 65535, 40 * 40).reshape(40, 40).astype(np.uint16)
    out = saved(tmp_path, Image.fromarray(ramp))
    assert out[0, 0, 0] == 0 and out[-1, -1, 0] == 255
    assert np.abs(out[..., 0] - ramp / 257).max() <= 0.5001


def test_exif_orientation_is_obeyed(tmp_path):
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was turned
    out = saved(tmp_path, image, "a.png", exif=exif)
    assert (out == np.rot90(RGB, -1)).all()


def test_unreadable_exif_is_no_reason_to_refuse(tmp_path):
    assert (saved(tmp_path, Image.fromarray(RGB), exif=b"Exif\0\0II*\0" + b"\xff" * 20) == RGB).all()


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".gif", ".png", ".webp", ".jpg"])
def test_formats(tmp_path, suffix):
    out = saved(tmp_path, Image.new("RGB", (40, 40), (200, 100, 50)), f"a{suffix}")
    assert np.abs(out.astype(int) - (200, 100, 50)).max() <= 6


def test_numbers_without_a_known_range_are_refused(tmp_path):
    Image.fromarray(np.full((40, 40), 0.5, np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(ValueError, match="holds F pixels; save it with 8 or 16 bits"):
        read_face(tmp_path / "a.tiff")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_cut_anywhere_it_is_an_error_or_the_whole_picture(tmp_path, suffix):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    Image.fromarray(RGB).save(whole)
    data, pixels, refused = whole.read_bytes(), read_face(whole), 0
    lengths = {*range(1, len(data), len(data) // 40), *range(len(data) - 12, len(data))}
    for length in lengths:
        cut.write_bytes(data[:length])
        try:
            assert (read_face(cut) == pixels).all(), f"{length} of {len(data)} bytes gave other pixels"
        except ValueError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 0.8 * len(lengths)


def test_noise_in_the_bytes_never_escapes_as_another_error(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "whole.jpg")
    Image.fromarray(RGB).save(tmp_path / "whole.png")
    for seed in range(40):
        rng = np.random.default_rng(seed)
        data = bytearray((tmp_path / ("whole.jpg" if seed % 2 else "whole.png")).read_bytes())
        for place in rng.integers(4, len(data), 20):
            data[place] = rng.integers(256)
        (tmp_path / "noisy").write_bytes(data)
        try:
            assert read_face(tmp_path / "noisy").dtype == np.uint8
        except ValueError as error:
            assert "\n" not in str(error)


def test_a_pipe_is_not_waited_for(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("pipes with names exist on Unix only")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match="device or a pipe"):
        read_face(tmp_path / "pipe.png")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    Image.fromarray(RGB).save(tmp_path / "a.png")

    def refuse(*_, **__):  # a real one cannot be made for root, who may read everything
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(ValueError, match="cannot be read: Permission denied"):
        read_face(tmp_path / "a.png")


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (40, 40), c) for c in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_face(tmp_path / "a.gif")[0, 0].tolist() == [255, 0, 0]


def test_bad_files(tmp_path):
    good = tmp_path / "good.png"
    Image.fromarray(RGB).save(good)
    whole = good.read_bytes()
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "head.png").write_bytes(whole[:40])
    (tmp_path / "text.png").write_text("not a picture")
    Image.fromarray(RGB).resize((40, 50)).save(tmp_path / "oblong.png")
    Image.fromarray(RGB).resize((31, 31)).save(tmp_path / "small.png")
    Image.new("1", (8193, 8193)).save(tmp_path / "large.png")
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    expected = {
        "missing.png": "There is no file",
        ".": "folder",
        "empty.png": "zero bytes",
        "cut.png": "damaged or cut off",
        "head.png": "damaged|not a picture",
        "text.png": "not a picture",
        "oblong.png": "40 x 50 .* square",
        "small.png": "31 x 31",
        "large.png": "8193",
        "bomb.png": "larger than 8,192|20000",
    }
    for name, words in expected.items():
        with pytest.raises((ValueError, FileNotFoundError), match=words) as caught:
            read_face(tmp_path / name)
        assert str(caught.value).count("\n") == 0, name


def test_a_picture_of_any_shape(tmp_path):
    Image.fromarray(RGB[:20]).save(tmp_path / "wide.png")
    assert np.array_equal(read_picture(tmp_path / "wide.png"), RGB[:20])
    with pytest.raises(ValueError, match="48 x 20 pixels; a picture to read has 21 to 8,192 pixels a side"):
        read_picture(tmp_path / "wide.png", smallest=21)
    with pytest.raises(ValueError, match="an aligned face has 32"):
        read_face(tmp_path / "wide.png")

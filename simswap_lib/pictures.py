"""Picture files of all sorts become uint8 RGB, or one sentence that says why not."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SMALLEST, LARGEST = 32, 8192  # pixels a side
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")  # not all of Pillow's: some of them start other programs


def read_face(path: str | os.PathLike) -> np.ndarray:
    """An aligned face from a file: uint8 RGB (H, H, 3), 32 to 8,192 pixels a side. Converted, and raises, as
    `read_picture` does; a picture that is not square is an error, too.
    """
    return _read(Path(path), "an aligned face", SMALLEST, square=True)


def read_picture(path: str | os.PathLike, smallest: int = 1) -> np.ndarray:
    """A picture of any shape from a file: uint8 RGB (H, W, 3), `smallest` to 8,192 pixels a side.

    Grey, palette, CMYK and 16-bit pictures are converted, transparency is laid on white, a camera's EXIF orientation
    is obeyed, and of an animation the first frame is taken. Sizes are checked before anything is decoded, so that a
    small file cannot unpack to a huge one.

    Raises: FileNotFoundError or ValueError with one sentence for people.
    """
    return _read(Path(path), "a picture to read", smallest, square=False)


def _read(path: Path, what: str, smallest: int, square: bool) -> np.ndarray:
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give one picture.")
    if not path.is_file():
        raise ValueError(f"{path} is a device or a pipe; give a picture file.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (zero bytes).")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's remarks on sizes and metadata; what matters is an error below
        return _decode(path, what, smallest, square)


def _decode(path: Path, what: str, smallest: int, square: bool) -> np.ndarray:
    try:
        image = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ValueError(
            f"{path} is not a picture that can be read: expected PNG, JPEG, WebP, TIFF, BMP or GIF."
        ) from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path} is larger than {LARGEST:,} pixels a side; give a smaller one.") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # Pillow's readers raise whatever a broken header leads them to
        raise ValueError(f"{path} is damaged: its header cannot be read; get the file again.") from error
    with image:
        width, height = image.size
        if min(width, height) < smallest or max(width, height) > LARGEST:
            raise ValueError(
                f"{path} is {width} x {height} pixels; {what} has {smallest} to {LARGEST:,} pixels a side."
            )
        if square and width != height:
            raise ValueError(f"{path} is {width} x {height} pixels; an aligned face is square: crop it first.")
        try:
            if image.format == "PNG":  # Pillow forgives a PNG that is cut off near its end; the check of it does not
                with Image.open(path, formats=FORMATS) as again:
                    again.verify()
            image.load()
        except Exception as error:
            raise ValueError(
                f"{path} is damaged or cut off: its pixels cannot be read to the end; get the file again."
            ) from error
        if image.mode in ("F", "LAB") or (image.mode == "I" and image.format != "PNG"):
            raise ValueError(f"{path} holds {image.mode} pixels; save it with 8 or 16 bits of grey, or as RGB.")
        return _rgb(image)


def _rgb(image: Image.Image) -> np.ndarray:
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # unreadable EXIF is no reason to refuse readable pixels
        image = image.copy()
    if image.mode.startswith("I"):  # 16 bits of grey; Pillow 10 opens a PNG of them as 32
        grey = np.clip(np.rint(np.asarray(image, np.float64) / 257), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)  # (H, W, 3)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))

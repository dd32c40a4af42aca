"""Picture files of all sorts become uint8 RGB, or one sentence that says why not."""

import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from simswap_lib.swapper import LARGEST, SMALLEST


def read_face(path: str | os.PathLike) -> np.ndarray:
    """An aligned face from a file: uint8 RGB (H, H, 3), 32 to 8,192 pixels a side.

    Grey, palette, CMYK and 16-bit pictures are converted, transparency is laid on white, a camera's EXIF orientation
    is obeyed, and of an animation the first frame is taken. Sizes are checked before anything is decoded.

    Raises: FileNotFoundError or ValueError with one sentence for people.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give one picture.")
    if path.stat().st_size == 0:
        raise ValueError(f"{path} is empty (zero bytes).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit follows
            image = Image.open(path)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is not a picture in a format that can be read (PNG, JPEG, WebP, ...).") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path} is larger than {LARGEST} pixels a side.") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    with image:
        width, height = image.size
        if min(width, height) < SMALLEST or max(width, height) > LARGEST:
            raise ValueError(
                f"{path} is {width} x {height} pixels; an aligned face has {SMALLEST} to {LARGEST} pixels a side."
            )
        if width != height:
            raise ValueError(f"{path} is {width} x {height} pixels; an aligned face is square.")
        try:
            return _rgb(image)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise ValueError(f"{path} is damaged or cut off: its pixels cannot be read to the end.") from error


def _rgb(image: Image.Image) -> np.ndarray:
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 or 32 bits of grey
        grey = np.asarray(image, np.float64)
        top = 65535 if image.mode.startswith("I") else max(grey.max(), 1.0)
        grey = np.clip(np.rint(grey / top * 255), 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))

"""Where the course's data lies, how a file is written whole or not at all, and how pictures become tensors."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# The weights and the head model stand beside the library in a clone; SIMSWAP_DATA points elsewhere.
DATA = Path(os.environ.get("SIMSWAP_DATA") or Path(__file__).resolve().parent.parent / "data")


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a temporary name beside `path`; on success it replaces `path`, on failure it is removed.

    A reader therefore sees the old file or the new one, never half of one. The suffix is kept, because some
    writers choose the format by it.

    Raises: FileNotFoundError if the folder of `path` is missing; whatever the body of the `with` block raises.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner may read; a course file is read by everybody.
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def checksum(path: str | os.PathLike) -> str:
    """SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_tensor(images: np.ndarray, device: str | torch.device = "cpu") -> torch.Tensor:
    """uint8 RGB (B, H, W, 3) or (H, W, 3) -> float32 (B, 3, H, W) in [-1, 1], x / 127.5 - 1.

    Raises: ValueError for any other type or shape.
    """
    import torch  # only here, because rendering does without and loads faster

    images = np.asarray(images)
    if images.ndim == 3:
        images = images[None]
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"Expected uint8 RGB (B, H, W, 3) or (H, W, 3), got {images.dtype} {images.shape}.")
    tensor = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return tensor.permute(0, 3, 1, 2).float() / 127.5 - 1  # (B, 3, H, W)


def to_images(tensor: torch.Tensor) -> np.ndarray:
    """float (B, 3, H, W) in [-1, 1] -> uint8 RGB (B, H, W, 3); values outside the range are clipped."""
    tensor = (tensor.detach().float().clamp(-1, 1) + 1) * 127.5
    return tensor.round().byte().permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, 3)

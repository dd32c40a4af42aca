"""FaceSwapper: one picture's identity into another picture, in one call (paper 3.2, at work)."""

import os

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from simswap_lib.files import to_images, to_tensor
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.fast import FastGenerator
from simswap_lib.models.generator import Generator
from simswap_lib.models.onnx_files import load_recogniser
from simswap_lib.pictures import LARGEST, SMALLEST

BATCH = 64  # pictures that go through the network at a time


class FaceSwapper:
    """A generator with the recogniser that it was trained with.

        swapper = FaceSwapper.from_pretrained("simswap")
        result = swapper.swap_aligned(source, target)

    generator, recogniser: on one device, in evaluation mode. Swaps are drawn by `fast`, a quicker copy of the generator
    as it is now; if you change the generator's weights later, make a new swapper.
    Raises: ValueError if the recogniser's vectors have another length than the generator expects.
    """

    def __init__(self, generator: Generator, recogniser: ArcFace):
        wanted, given = generator.config.identity_dim, recogniser.config.embedding_dim
        if wanted != given:
            raise ValueError(f"The generator takes identity vectors of {wanted} numbers, the recogniser gives {given}.")
        self.generator = generator.eval()
        self.recogniser = recogniser.eval()
        self.fast = FastGenerator(self.generator)

    @classmethod
    def from_pretrained(
        cls,
        name_or_folder: str | os.PathLike = "simswap",
        device: str | torch.device | None = None,
        recogniser: str | os.PathLike | None = None,
    ) -> "FaceSwapper":
        """The swapper of `data/weights/<name>/` (or of a folder) on `device`; None takes the best device there is.

        recogniser: name, folder or .onnx file of the one that the generator was trained with; None takes the one
            that its configuration names.
        Raises: FileNotFoundError for an unknown name, ValueError for damaged weights or a device that is not there.
        """
        device = best_device() if device is None else known_device(device)
        generator = Generator.from_pretrained(name_or_folder, device)
        return cls(generator, load_recogniser(recogniser or generator.config.recogniser, device, gradients=True))

    @property
    def device(self) -> torch.device:
        return next(self.generator.parameters()).device

    @torch.no_grad()
    def identity(self, source: np.ndarray) -> Tensor:
        """v_S of aligned faces: uint8 RGB (H, W, 3) or (B, H, W, 3) -> (B, D), each of length 1."""
        small = resize(to_tensor(_checked(source, "source")), self.recogniser.config.whole_size)
        return torch.cat([self.recogniser(part.to(self.device)) for part in small.split(BATCH)])

    @torch.no_grad()
    def swap_aligned(self, source: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The target's picture with the source's identity, at the target's size.

        source, target: aligned faces, uint8 RGB (H, W, 3) or a batch (B, H, W, 3), square, 32 to 8,192 pixels a side;
        the two may differ in size. One source may serve many targets, and many sources one target.

        The network works at its own size (128 pixels for `simswap`, 64 for `simswap-64`); other sizes are resized on
        the way in and back.
        Returns uint8 RGB (H, W, 3), or (B, H, W, 3) if either was a batch. The picture is not marked as synthetic:
        `provenance.write_image` marks what it writes.

        Raises: ValueError for another type, shape or size, or if the two batches do not fit.
        """
        single = np.ndim(source) == 3 and np.ndim(target) == 3
        v_source = self.identity(source)  # (B, D)
        # Resizing stays on the CPU: not every device can do it antialiased, and large pictures need not travel.
        target = to_tensor(_checked(target, "target"))  # (B, 3, H, W)
        count = max(len(v_source), len(target))
        if {len(v_source), len(target)} - {1, count}:
            raise ValueError(f"{len(v_source)} sources do not fit {len(target)} targets: give as many, or one.")
        side, own = target.shape[-1], self.generator.config.image_size
        small = resize(target, own).expand(count, -1, -1, -1)
        parts = zip(small.split(BATCH), v_source.expand(count, -1).split(BATCH), strict=True)
        shared = self.fast.style(v_source) if len(v_source) == 1 else None  # one source serves all parts
        result = torch.cat([self.fast(part.to(self.device), shared or self.fast.style(v)).cpu() for part, v in parts])
        images = to_images(resize(result, side))
        return images[0] if single else images


def best_device() -> torch.device:
    """CUDA if there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def known_device(device: str | torch.device) -> torch.device:
    """The device as torch names it. Raises: ValueError if this machine does not have it; nothing else is tried."""
    try:
        probe = torch.zeros(1, device=device)
        probe.cpu()  # the device "meta" exists everywhere, but holds no numbers
        return probe.device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"This machine has no device {str(device)!r} that torch can use; without a choice it takes the best it has."
        ) from error


def resize(images: Tensor, side: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, side, side), bicubic; antialiased, so that shrinking does not flicker."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bicubic", align_corners=False, antialias=True).clamp(-1, 1)


def _checked(images: np.ndarray, name: str) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[-1] != 3 or images.shape[0] == 0:
        raise ValueError(
            f"The {name} should be uint8 RGB (H, W, 3) or (B, H, W, 3), got {images.dtype} {images.shape}."
        )
    height, width = images.shape[-3:-1]
    if height != width:
        raise ValueError(f"The {name} should be an aligned face, so a square; it is {width} x {height} pixels.")
    if not SMALLEST <= height <= LARGEST:
        raise ValueError(f"The {name} should be {SMALLEST} to {LARGEST} pixels a side, it is {height}.")
    return images

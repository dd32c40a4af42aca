"""The pictures behind figures and widgets: one pair is rendered, swapped and judged, with any ID-block switched off."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from simswap_lib import files
from simswap_lib.models.arcface import ArcFace
from simswap_lib.models.generator import Generator
from simswap_lib.swapper import FaceSwapper
from simswap_lib.world import Identity, Shot, render, swap_truth

Cosine = Callable[[Tensor, Tensor], Tensor]


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """How alike two directions are: cos(a, b) = sum_i a_i b_i / (|a| |b|), row by row.

    1 for the same direction, 0 at a right angle, -1 for opposite ones; the lengths of the vectors do not matter.

    Shapes: a, b (B, D), no row all zero -> (B,) in [-1, 1].
    Raises: ValueError if they differ in shape or are not (B, D).
    """
    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(f"Expected two (B, D) alike, got {tuple(a.shape)} and {tuple(b.shape)}.")
    return (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))  # (B,)


class Person(NamedTuple):
    """Whose face: the person of seed `first`, moved by `blend` (0 to 1) towards the person of seed `second`."""

    first: int
    second: int = 0
    blend: float = 0.0

    def identity(self) -> Identity:
        if self.blend == 0:
            return Identity.sample(self.first)
        return Identity.lerp(Identity.sample(self.first), Identity.sample(self.second), self.blend)


class Pair(NamedTuple):
    """What a swap needs: a person and the seed of a shot, for the source and for the target."""

    source: Person
    source_shot: int
    target: Person
    target_shot: int


class Studio:
    """Renders, swaps and judges at the network's own size, and remembers its last pictures."""

    def __init__(self, cosine: Cosine = cosine):
        self.swapper = FaceSwapper.from_pretrained("simswap")
        self.generator = self.swapper.generator
        self.size = self.generator.config.image_size
        self.recogniser = ArcFace.judge(self.size)
        self.cosine = cosine
        # One slider moves at a time: everything that does not hang on it comes from here.
        self.photo = lru_cache(maxsize=64)(self._photo)
        self.identity = lru_cache(maxsize=64)(self._identity)
        self.vector = lru_cache(maxsize=64)(self._vector)
        self.swap = lru_cache(maxsize=64)(self._swap)
        self.truth = lru_cache(maxsize=64)(self._truth)

    def source(self, pair: Pair) -> np.ndarray:
        return self.photo(pair.source, pair.source_shot)

    def target(self, pair: Pair) -> np.ndarray:
        return self.photo(pair.target, pair.target_shot)

    def judge(self, pair: Pair, image: np.ndarray) -> tuple[float, float]:
        """The judge's cosine of `image` to the source's and to the target's picture."""
        v_image = self.recogniser.embed(image[None])  # (1, D)
        v_both = torch.cat(
            [self.vector(pair.source, pair.source_shot), self.vector(pair.target, pair.target_shot)]
        )  # (2, D)
        to_source, to_target = self.cosine(v_image.expand_as(v_both), v_both)
        return float(to_source), float(to_target)

    def _photo(self, person: Person, shot: int) -> np.ndarray:
        return render(person.identity(), Shot.sample(shot), size=self.size).image

    def _truth(self, pair: Pair) -> np.ndarray:
        return swap_truth(pair.source.identity(), Shot.sample(pair.target_shot), size=self.size).image

    def _vector(self, person: Person, shot: int) -> Tensor:
        return self.recogniser.embed(self.photo(person, shot)[None])

    def _identity(self, person: Person, shot: int) -> Tensor:
        return self.swapper.identity(self.photo(person, shot))

    @torch.no_grad()
    def _swap(self, pair: Pair, silent: tuple[int, ...] = (), off: str = "target") -> np.ndarray:
        v_source = self.identity(pair.source, pair.source_shot)
        v_instead = self.identity(pair.target, pair.target_shot) if off == "target" else None
        with without_injection(self.generator, silent, v_instead):
            return files.to_images(self.generator(files.to_tensor(self.target(pair), v_source.device), v_source))[0]


@contextmanager
def without_injection(
    generator: Generator, silent: Iterable[int], v_instead: Tensor | None = None
) -> Iterator[Generator]:
    """Inside the `with`, the ID-blocks numbered `silent` (from 0) do not get the source's identity.

    They get the vector `v_instead`, (B, identity_dim), or, if that is None, none: s = 0 and mu_s = 0, so that AdaIN
    leaves the plain normalised feature. Hooks do it; the network's weights and code stay as they are.
    """
    handles = []
    for i in silent:
        block = generator.injection.blocks[i]
        if v_instead is not None:
            handles.append(block.register_forward_pre_hook(lambda _, given: (given[0], v_instead)))
            continue
        for layer in block.modules():
            if isinstance(layer, nn.Linear):  # the layer that yields [s, mu_s]; sigma_s = 1 + s
                handles.append(layer.register_forward_hook(lambda _, given, result: torch.zeros_like(result)))
    try:
        yield generator
    finally:
        for handle in handles:
            handle.remove()

"""Colours and dice: what the distributions of people and of shots are written with."""

from functools import lru_cache

import numpy as np

Colour = tuple[float, float, float]  # linear RGB


def dice(seed: int, which: int) -> np.random.Generator:
    """What `np.random.default_rng([seed, which])` gives, in half of its time where the seed is a short number."""
    short = 0 <= seed < 2**32
    return np.random.default_rng(np.array([seed, which], np.uint32) if short else [seed, which])


def linear(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 255] -> linear light in [0, 1], with a plain power of 2.2."""
    return (np.asarray(srgb, float) / 255) ** 2.2


@lru_cache(maxsize=16)
def ramp_of(ramp: tuple) -> np.ndarray:
    """Linear light of sRGB anchors, worked out once."""
    return linear(ramp)


def between(ramp: tuple, position: float) -> np.ndarray:
    """Linear-light colour at a fractional position of a ramp of sRGB anchors."""
    i = min(int(position), len(ramp) - 2)
    colours = ramp_of(ramp)
    return (1 - (position - i)) * colours[i] + (position - i) * colours[i + 1]


def as_tuple(values: np.ndarray) -> tuple[float, ...]:
    """Numbers as plain floats, which a frozen dataclass can compare and hash."""
    return tuple(np.asarray(values, float).tolist())


def as_tuples(rows: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """`as_tuple` of each row."""
    return tuple(map(tuple, np.asarray(rows, float).tolist()))


def bounded(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """`np.clip`, in a fraction of its time for a few numbers."""
    return np.minimum(np.maximum(values, low), high)


def within(values: np.ndarray, low: float, high: float) -> tuple[float, ...]:
    """Numbers as plain floats, no lower than `low` and no higher than `high`."""
    return tuple(min(max(value, low), high) for value in np.asarray(values, float).tolist())


def pick(rng: np.random.Generator, names: tuple[str, ...], often: tuple[float, ...] | None = None) -> str:
    """One of the names, as often as `often` says; all alike without."""
    if often is None:
        return names[int(rng.integers(len(names)))]
    at = rng.random()
    for name, share in zip(names, often, strict=True):
        at -= share
        if at < 0:
            return name
    return names[0]


def uniform(rng: np.random.Generator, low: float, high: float, count: int | None = None) -> float | np.ndarray:
    """What `rng.uniform` draws, in a sixth of its time for one number: no check of the limits, no arrays."""
    return low + (high - low) * rng.random(count)


def clip(value: float, low: float, high: float) -> float:
    """`value`, no lower than `low` and no higher than `high`; numpy's clip takes ten times as long for one number."""
    return float(min(max(value, low), high))

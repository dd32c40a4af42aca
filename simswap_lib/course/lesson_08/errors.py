"""Checks of exercises 08.3 and 08.4: the error to the true answer, and the interval of a mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from simswap_lib.course.arrays import call_with_arrays, run_with_arrays
from simswap_lib.course.exercise import Wrong, require

B, H, W = 3, 6, 5


# --- 08.3 error_inside ------------------------------------------------------------------------------------------------


def gives_one_number_a_picture(error_inside: Callable) -> None:
    """gives one error for each picture: (B,)"""
    usual = "Average over height, width and colour, and keep the pictures apart: sum over axes (1, 2), or (1, 2, 3)."
    try:
        call_with_arrays(
            error_inside, shape=(B,), advice=usual,
            result=_flat(10), truth=_flat(40), mask=np.ones((B, H, W), np.float32),
        )  # fmt: skip
    except ValueError as error:
        if "broadcast" not in str(error):
            raise
        raise Wrong(
            f"The shapes do not fit together: {error}. The pictures are (B, H, W, 3) and the mask (B, H, W): average "
            "over the colours first, or give the mask a fourth axis, mask[..., None]."
        ) from error


def does_not_wrap_around(error_inside: Callable) -> None:
    """is 240 for 10 and 250, whichever is the result"""
    for result, truth in ((10, 250), (250, 10)):
        found = _error(error_inside, _flat(result), _flat(truth), np.ones((B, H, W)))
        require(
            not np.allclose(found, 16),
            f"Grey levels {result} and {truth} lie 240 apart, and the error is 16: uint8 cannot go below 0, so "
            "10 - 250 wraps around to 16. Turn one picture into a wider type first: result.astype(float).",
        )
        require(not np.allclose(found, -240), "The error is -240: take the absolute difference, or errors cancel out.")
        require(
            np.allclose(found, 240),
            f"Grey levels {result} and {truth} lie 240 apart, and the error is {found[0]:.4g}. Mean absolute "
            "difference, in grey levels of 255: not squared, not divided by 255.",
        )


def sees_the_face_only(error_inside: Callable) -> None:
    """does not see what lies outside the mask"""
    truth, mask = _noise(), _half()
    result = truth.copy()
    result[mask == 0] = 255 - result[mask == 0]
    found = _error(error_inside, result, truth, mask)
    require(
        np.allclose(found, 0),
        f"Only pixels outside the mask differ, and the error is {found.max():.3g} instead of 0. Multiply the "
        "difference by the mask before summing.",
    )


def divides_by_the_faces_area(error_inside: Callable) -> None:
    """is the mean inside: a difference of 30 is 30, however small the mask"""
    mask = np.zeros((B, H, W), np.float32)
    mask[:, 1, 2:4] = 1
    found = _error(error_inside, _flat(30), _flat(0), mask)
    require(
        not np.allclose(found, 30 * mask[0].mean()),
        f"The difference is 30 everywhere, and the error is {found[0]:.3g}: the sum was divided by all pixels of the "
        "picture. A small face would look like a small error; divide by the mask's sum.",
    )
    require(
        not np.allclose(found, 90),
        "The difference is 30 in each of three colours, and the error is 90: divide by 3, the mean over the colours.",
    )
    require(
        not np.allclose(found, 10 * mask[0].sum() / mask.sum()),
        "The sum of each picture was divided by the masks of all pictures together. Sum each mask alone.",
    )
    require(not np.allclose(found, 10), "The difference is 30, and the error is 10: it was divided by 3 twice.")
    require(np.allclose(found, 30), f"The difference is 30 everywhere, and the error is {found[0]:.4g}; expected 30.")


def takes_each_picture_alone(error_inside: Callable) -> None:
    """divides each picture by its own mask"""
    mask = np.zeros((B, H, W), np.float32)
    for i in range(B):
        mask[i, : i + 1] = 1
    result = np.stack([np.full((H, W, 3), value, np.uint8) for value in (10, 20, 60)])
    found = _error(error_inside, result, _flat(0), mask)
    require(
        np.allclose(found, [10, 20, 60]),
        f"Three pictures are off by 10, 20 and 60 inside masks of different sizes, and the errors are "
        f"{np.round(found, 2).tolist()}. Each picture is divided by the sum of its own mask, mask.sum(axis=(1, 2)).",
    )


def weighs_the_rim_by_the_mask(error_inside: Callable) -> None:
    """weighs each pixel by its mask: 40 with weight 1 and 10 with weight 0.5 make 30"""
    mask, result = np.zeros((B, H, W), np.float32), _flat(0)
    mask[:, 0, 0], mask[:, 0, 1] = 1, 0.5
    result[:, 0, 0], result[:, 0, 1] = 40, 10
    found = _error(error_inside, result, _flat(0), mask)
    for value, cause in (
        (25, "The mask was taken as yes or no; at its rim it lies between 0 and 1, and there a pixel counts in part."),
        (22.5, "The sum was divided by the number of pixels in the mask; divide by the mask's sum."),
        (np.sqrt((1600 + 50) / 1.5), "The differences were squared; here the absolute difference counts."),
        ((1600 + 50) / 1.5, "The differences were squared; here the absolute difference counts."),
    ):
        require(not np.allclose(found, value, rtol=1e-3), f"The error is {found[0]:.4g}; expected 30. {cause}")
    require(
        np.allclose(found, 30), f"The error is {found[0]:.4g}; expected (1 * 40 + 0.5 * 10) / (1 + 0.5) = 30."
    )  # fmt: skip


def averages_the_colours(error_inside: Callable) -> None:
    """is a third of 30 if only red is off by 30"""
    result = _flat(0)
    result[..., 0] = 30
    found = _error(error_inside, result, _flat(0), np.ones((B, H, W)))
    require(
        np.allclose(found, 10),
        f"Only red is off, by 30, and the error is {found[0]:.4g}; expected 10, the mean of 30, 0 and 0. "
        "Take the absolute difference of each colour first, then the mean of the three.",
    )
    result[..., 1], truth = 0, _flat(0)
    truth[..., 1] = 30
    found = _error(error_inside, result, truth, np.ones((B, H, W)))
    require(
        np.allclose(found, 20),
        f"Red is 30 too high and green 30 too low, and the error is {found[0]:.4g}; expected 20. The colours must not "
        "cancel out: absolute values before any mean.",
    )


def _flat(value: int) -> np.ndarray:
    return np.full((B, H, W, 3), value, np.uint8)


def _noise() -> np.ndarray:
    return torch.randint(0, 256, (B, H, W, 3), dtype=torch.uint8).numpy()


def _half() -> np.ndarray:
    mask = np.zeros((B, H, W), np.float32)
    mask[:, 1:4, 1:3] = 1
    return mask


def _error(error_inside: Callable, result: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return call_with_arrays(error_inside, result=result, truth=truth, mask=mask.astype(np.float32))


# --- 08.4 interval ----------------------------------------------------------------------------------------------------


def gives_two_ends_around_the_mean(interval: Callable) -> None:
    """gives (low, high) with the mean between them"""
    values = _hits(40, 100)
    low, high = _ends(interval, values)
    require(low <= high, f"The ends are ({low:.3f}, {high:.3f}): the lower one comes first.")
    require(
        low <= values.mean() <= high,
        f"The mean is {values.mean():.2f} and lies outside ({low:.3f}, {high:.3f}). Both ends are quantiles of means: "
        "2.5 % and 97.5 %, which np.quantile calls 0.025 and 0.975.",
    )


def depends_on_the_seed_alone(interval: Callable) -> None:
    """gives the same ends for the same seed, and others for another"""
    values = np.sort(torch.randn(60, dtype=torch.float64).numpy())
    state = np.random.get_state()[1].tolist()  # noqa: NPY002 - the very thing that is watched
    first, again, other = (_ends(interval, values, seed) for seed in (5, 5, 6))
    require(
        first != again or np.random.get_state()[1].tolist() == state,  # noqa: NPY002
        "NumPy's own generator, from which everybody else in the program draws, was seeded: draw with one of your own, "
        "np.random.default_rng(seed).",
    )
    require(
        first == again,
        f"Twice the same values and the same seed gave {_told(first)} and {_told(again)}: draw with a generator of "
        "your own, np.random.default_rng(seed), not with np.random.choice.",
    )
    require(
        first != other or first[0] == first[1],
        "Another seed gave exactly the same ends. Is `seed` used: np.random.default_rng(seed)?",
    )


def has_the_width_of_the_mean(interval: Callable) -> None:
    """is as wide as means of n values scatter: about 3.9 standard deviations / root of n"""
    for n in (50, 400):
        values = torch.randn(n, dtype=torch.float64).numpy()
        wanted = 2 * 1.96 * values.std() / np.sqrt(n)
        low, high = np.mean([_ends(interval, values, seed) for seed in range(3)], axis=0)
        ratio = (high - low) / wanted
        seen = f"For {n} values the interval is {high - low:.3f} wide; expected about {wanted:.3f}. "
        require(
            ratio > 1e-6,
            seen + "All the means were the same: the values were drawn without replacement, which only shuffles them.",
        )
        require(
            not 0.92 < ratio / np.sqrt(n / 100) < 1.08 or abs(ratio - 1) < 0.1,
            seen + "It looks as if the same number of values was drawn whatever n is. Draw as many as there are.",
        )
        require(
            not 0.75 < ratio / np.sqrt(n) < 1.3,
            seen + "These are quantiles of the values, not of their mean: take the mean of each drawing first.",
        )
        for value, cause in (
            (1.645 / 1.96, "That holds the middle 90 %: of 5 % outside, 2.5 % lie on either side."),
            (1 / 1.96, "That is one standard error to either side, which holds 68 %."),
            (0.5, "That is one standard error to either side, which holds 68 %."),
        ):
            require(abs(ratio / value - 1) > 0.08 or abs(ratio - 1) < 0.1, seen + cause)
        require(
            abs(ratio - 1) < 0.1,
            seen + "Draw n of the n values with replacement, take the mean, do that 2,000 times; the ends are the "
            "2.5 % and 97.5 % quantiles of the means.",
        )


def draws_two_thousand_times(interval: Callable) -> None:
    """draws so often that another seed hardly moves the ends"""
    values = torch.randn(50, dtype=torch.float64).numpy()
    ends = np.array([_ends(interval, values, seed) for seed in range(24)])
    shaky = ends.std(axis=0).mean() / (values.std() / np.sqrt(len(values)))  # 0.06 for 2,000 drawings, 0.18 for 200
    require(
        shaky < 0.115,
        f"24 seeds gave lower ends from {ends[:, 0].min():.3f} to {ends[:, 0].max():.3f}: too few drawings. Take the "
        "mean of n values 2,000 times.",
    )


def stays_where_a_share_can_be(interval: Callable) -> None:
    """stays between 0 and 1 for a share: 39 hits of 40"""
    low, high = _ends(interval, _hits(39, 40))
    require(
        high <= 1 + 1e-12,
        f"39 of 40 are hits, and the interval ends at {high:.3f}: a share above 1. That comes from mean + 1.96 "
        "standard errors, which assumes a symmetric scatter. Draw the values again instead.",
    )
    require(low >= 0.85, f"39 of 40 are hits, and the interval starts at {low:.3f}; expected about 0.925.")


def does_not_call_all_hits_certain(interval: Callable) -> None:
    """200 hits of 200 leave (0.985, 1), and no hit leaves (0, 0.015)"""
    far = 1 - 0.05 ** (1 / 200)
    for value in (True, False):
        low, high = _ends(interval, np.full(200, value))
        wanted = (1 - far, 1.0) if value else (0.0, far)
        require(
            high - low > 1e-9,
            f"200 times {value} gave {_told((low, high))}: drawing again from equal values changes nothing, so the "
            "bootstrap is blind here. For bool values that are all equal, return the bound of the card: "
            "1 - 0.05 ** (1 / n) away from them.",
        )
        require(
            abs(low - wanted[0]) < 6e-4 and abs(high - wanted[1]) < 6e-4,
            f"200 times {value} gave {_told((low, high))}; expected {_told(wanted)}: 1 - 0.05 ** (1 / n) away from "
            "the share that was seen.",
        )
    for value in (0.3, 1.0, 0.0):
        low, high = _ends(interval, np.full(50, value))
        require(
            abs(low - value) < 1e-9 and abs(high - value) < 1e-9,
            f"50 equal numbers {value} gave {_told((low, high))}. The bound of the card is for shares: values.dtype == "
            "bool.",
        )


def _hits(hits: int, of: int) -> np.ndarray:
    return np.arange(of) < hits


def _ends(interval: Callable, values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    result = run_with_arrays(interval, values=values, seed=seed)
    require(result is not None, "It returned None. Is the `return` missing?")
    try:
        low, high = (float(end) for end in result)
    except (TypeError, ValueError) as error:
        raise Wrong(f"It returned {result!r}; expected two numbers (low, high).") from error
    require(np.isfinite([low, high]).all(), f"The ends are {_told((low, high))}; expected finite numbers.")
    return low, high


def _told(ends: tuple[float, float]) -> str:
    return f"({ends[0]:.4f}, {ends[1]:.4f})"

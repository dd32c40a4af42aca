"""Checks of exercises 03.3 and 03.4: verification at a threshold, and retrieval as the gallery grows."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np
import torch

from simswap_lib.course.arrays import run_with_arrays
from simswap_lib.course.exercise import require

# Ten pairs of strangers and six pairs of one person, as cosines; no two are equal.
DIFFERENT = np.array([0.10, -0.20, 0.45, 0.05, -0.10, 0.30, 0.00, 0.62, -0.30, 0.20])
SAME = np.array([0.90, 0.70, 0.50, 0.35, 0.15, 0.12])


# --- 03.3 verification ------------------------------------------------------------------------------------------------


def _verified(answer: Callable, same: np.ndarray, different: np.ndarray, share: float) -> tuple[float, float]:
    result = run_with_arrays(lambda s, d: answer(s, d, share), same=same, different=different)
    require(result is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(result, (tuple, list)) and len(result) == 2 and all(_number(value) for value in result),
        f"It returned {_told(result)}; expected two numbers, `return threshold, share`.",
    )
    return float(result[0]), float(result[1])


def _number(value: object) -> bool:
    return isinstance(value, Real) or (isinstance(value, (np.ndarray, torch.Tensor)) and value.ndim == 0)


def _told(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return f"{len(value)} values ({', '.join(type(part).__name__ for part in value)})"
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"


def gives_threshold_and_share(answer: Callable) -> None:
    """two numbers: a threshold between -1 and 1, then a share between 0 and 1"""
    threshold, share = _verified(answer, SAME, DIFFERENT, 0.2)
    require(
        np.isfinite([threshold, share]).all() and -1 <= threshold <= 1 and 0 <= share <= 1,
        f"It returned {threshold:.2f} and {share:.2f}. The threshold is a cosine, and the share is not a count: a mean "
        "of true and false.",
    )
    require(
        abs(threshold - 2 / 3) > 1e-6 or abs(share - 0.3) > 1e-6,
        "The two numbers came in the other order: first the threshold, then the share.",
    )


def accepts_few_strangers(answer: Callable) -> None:
    """accepts no more pairs of strangers than allowed"""
    strangers = 1 - np.linspace(0, 1, 400) ** 0.5  # a long tail, as real cosines have
    for share in (0.2, 0.25, 0.0):
        threshold, _ = _verified(answer, SAME, DIFFERENT, share)
        wrong = int((DIFFERENT > threshold).sum())
        require(
            wrong <= share * len(DIFFERENT),
            f"With false_accepts = {share} and ten pairs of strangers, your threshold {threshold:.2f} accepts {wrong} "
            f"of them; at most {int(share * 10)} may pass. Sort `different` from high to low and count from the top; "
            "np.quantile draws a line between two cosines and may fall on the wrong side.",
        )
    threshold, _ = _verified(answer, SAME, DIFFERENT, 0.27)
    require(
        int((DIFFERENT > threshold).sum()) < 3,
        "With false_accepts = 0.27 and ten pairs of strangers 3 pass; at most 2 may, for 3 of 10 is more than 0.27. A "
        "share of a pair too many is too many: cut down, do not round.",
    )
    threshold, _ = _verified(answer, SAME, strangers, 0.01)
    require((strangers > threshold).sum() <= 4, "With 400 pairs of strangers and a share of 0.01, more than 4 pass.")


def accepts_as_many_as_it_may(answer: Callable) -> None:
    """is not stricter than asked: the lowest such threshold"""
    for share, allowed in ((0.2, 2), (0.0, 0), (0.25, 2)):
        threshold, _ = _verified(answer, SAME, DIFFERENT, share)
        passed, expected = int((DIFFERENT > threshold).sum()), np.sort(DIFFERENT)[::-1][allowed]
        require(
            passed == allowed,
            f"With false_accepts = {share} and ten pairs of strangers, {allowed} may pass, but your threshold "
            f"{threshold:.2f} lets through {passed}. A pair passes if its cosine lies *above* the threshold, so the "
            f"threshold itself is the next cosine in the row, number {allowed} counted from 0.",
        )
        require(
            abs(threshold - expected) < 1e-6,
            f"The threshold is {threshold:.3f}; the lowest one that lets only {allowed} pass is {expected:.3f}, the "
            "cosine of one of the pairs of strangers.",
        )
    hundred = np.linspace(-0.5, 0.5, 100)
    threshold, _ = _verified(answer, SAME, hundred, 0.29)
    require(
        int((hundred > threshold + 1e-9).sum()) == 29,
        "With 100 pairs of strangers and a share of 0.29, 29 may pass. 0.29 * 100 is 28.999999999999996 to a "
        "computer, and int() cuts that to 28: add a little first, int(0.29 * 100 + 1e-9).",
    )
    odd = np.sort(0.3 * np.sin(np.arange(50.0)))[::-1]  # cosines that lie on no grid
    threshold, _ = _verified(answer, SAME, odd, 0.1)
    require(
        abs(threshold - odd[5]) < 1e-6,
        f"The threshold is {threshold:.5f}; expected {odd[5]:.5f}, the cosine of one of the pairs. Was a grid of "
        "thresholds tried? The cosines themselves are the candidates: sort them.",
    )


def counts_the_right_pairs(answer: Callable) -> None:
    """the share is that of the pairs of one person that pass"""
    threshold, share = _verified(answer, SAME, DIFFERENT, 0.2)  # 0.30: of the same, 0.90, 0.70, 0.50 and 0.35 pass
    for value, cause in (
        (1 / 3, "Is it the share of those that are refused, or of the strangers?"),
        ((4 + 8) / 16, "That is the share of all pairs that are judged rightly; the strangers do not count here."),
        (
            SAME[SAME > threshold].sum() / max((SAME > threshold).sum(), 1),
            "That is the mean cosine of those that pass; count them.",
        ),
    ):
        require(abs(share - value) > 1e-6, f"At threshold {threshold:.2f} you report {share:.2f}. {cause}")
    require(
        abs(share - 2 / 3) < 1e-6,
        f"At threshold {threshold:.2f} four of the six pairs of one person pass; you report {share:.2f}, not 0.67.",
    )
    tied = np.array([0.30, 0.30, 0.80, 0.10])
    _, share = _verified(answer, tied, DIFFERENT, 0.2)
    require(
        abs(share - 0.25) < 1e-6,
        f"A pair whose cosine *equals* the threshold counts as accepted: you report {share:.2f}, not 0.25. The same "
        "rule holds for both kinds of pairs: accepted if above.",
    )


# --- 03.4 gallery_curve -----------------------------------------------------------------------------------------------

NEARER = np.array([0, 0, 1, 3, 0, 10])  # how many of ten others are nearer than the right one
PEOPLE = 11


def _curve(answer: Callable, nearer: np.ndarray, people: int, sizes: list[int]) -> dict[int, float]:
    result = run_with_arrays(lambda n: answer(n, people, sizes), nearer=nearer)
    require(result is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(result, dict),
        f"It returned {_told(result)}; expected a dictionary with one entry for each size, {{2: ..., 5: ...}}.",
    )
    require(
        sorted(map(str, result)) == sorted(map(str, sizes)),
        f"The dictionary has the keys {list(result)[:12]}; expected the sizes asked for, {sizes}.",
    )
    require(
        set(result) == set(sizes), "The keys of the dictionary are words; expected the sizes themselves, whole numbers."
    )
    require(
        all(_number(value) and np.isfinite(float(value)) for value in result.values()),
        "The values of the dictionary are not numbers: each is the mean over all queries.",
    )
    return {size: float(result[size]) for size in sizes}


def gives_a_share_for_each_size(answer: Callable) -> None:
    """a dictionary: one share between 0 and 1 for each size asked for"""
    curve = _curve(answer, NEARER, PEOPLE, [2, 5, 11])
    require(
        all(-1e-9 <= share <= 1 + 1e-9 for share in curve.values()),
        f"The shares are {curve}; expected numbers from 0 to 1.",
    )


def is_right_at_both_ends(answer: Callable) -> None:
    """a gallery of 1 finds everybody; the whole gallery finds those with nobody nearer"""
    curve = _curve(answer, NEARER, PEOPLE, [1, PEOPLE])
    require(
        abs(curve[1] - 1) < 1e-6,
        f"In a gallery of 1 stands the right person alone, and you find {curve[1]:.2f} of the queries; expected 1. A "
        "gallery of g holds g - 1 *others*. (The query with ten others nearer is found there, too.)",
    )
    require(
        abs(curve[PEOPLE] - 0.5) < 1e-6,
        f"In the whole gallery you find {curve[PEOPLE]:.2f}; expected 0.50, the three of six queries with nobody "
        "nearer. There are people - 1 others, and draws with replacement would leave a nearer one out even there.",
    )


def agrees_with_the_count_by_hand(answer: Callable) -> None:
    """one of ten others is nearer: in a gallery of five the query is found in 6 of 10 choices"""
    found = _curve(answer, np.array([1]), PEOPLE, [5])[5]
    for value, cause in (
        (0.9**4, "That is four draws with replacement: the same other cannot stand in the gallery twice."),
        (0.5, "The gallery of five holds four others beside the right person, not five."),
        (1 - 0.1, "That is a single draw; a gallery of five holds four others, and none of them may be nearer."),
        (7 / 11, "There are ten others, not eleven: the right person is always in the gallery."),
        (6 / 11, "There are ten others, not eleven: the right person is always in the gallery."),
        (0.4, "That is the share of choices in which the nearer one is in the gallery: the misses."),
        (1.0, "The nearer one stands in some of these galleries, and then the query is lost."),
        (0.0, "The nearer one is missing from most of these galleries, and then the query is found."),
    ):
        require(abs(found - value) > 1e-3, f"One of ten others is nearer; you find {found:.2f}. {cause}")
    exact = {3: 0.8, 5: 0.6, 7: 0.4, 9: 0.2}
    off = {size: abs(share - exact[size]) for size, share in _curve(answer, np.array([1]), PEOPLE, list(exact)).items()}
    require(
        max(off.values()) < 1e-5 or max(off.values()) > 0.2,
        f"You find {found:.4f}, close to 0.60, and for galleries of {', '.join(map(str, exact))} you are off by up to "
        f"{max(off.values()):.4f}. Do you draw galleries at random? Count them instead: of C(10, 4) choices of four "
        "others, C(9, 4) leave the nearer one out.",
    )
    require(
        max(off.values()) < 1e-5,
        f"One of ten others is nearer; in a gallery of five you find {found:.2f}, expected 0.60: of C(10, 4) = 210 "
        "choices of four others, C(9, 4) = 126 leave the nearer one out.",
    )


def averages_over_the_queries(answer: Callable) -> None:
    """every query counts by itself, and then their mean is taken"""
    each = [_curve(answer, np.array([b]), PEOPLE, [5])[5] for b in NEARER]
    together = _curve(answer, NEARER, PEOPLE, [5])[5]
    require(
        abs(together - np.mean(each)) < 1e-6,
        f"The six queries alone give {', '.join(f'{x:.2f}' for x in each)}, mean {np.mean(each):.2f}; together you "
        f"give {together:.2f}. The formula goes to each query; a mean of `nearer` first is not the same, nor is a sum.",
    )
    curve = _curve(answer, np.array([150, 0, 40]), 1000, [500, 900])
    require(
        1 / 3 - 1e-6 <= curve[900] <= curve[500] < 1 / 3 + 1e-3,
        f"With 1,000 people the shares are {curve}; expected 0.333 for both sizes. Such binomials have hundreds of "
        "digits: math.comb counts with whole numbers; factorials as floats overflow.",
    )

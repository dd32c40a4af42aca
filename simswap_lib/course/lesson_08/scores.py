"""Checks of exercises 08.1 and 08.2: who is nearer than the right one, and what the gallery's size makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import combinations

import numpy as np
import torch

from simswap_lib.course.arrays import checked, run_with_arrays
from simswap_lib.course.exercise import Wrong, require

# Three queries, five people: no number can be mistaken for another. Row by row, own person marked by OWN.
COSINES = np.array([[0.1, 0.7, -0.2, 0.5, -0.9], [0.3, 0.2, 0.6, -0.8, 0.4], [-0.1, -0.3, 0.2, 0.8, -0.4]])
OWN = np.array([1, 0, 4])
NEARER = np.array([0, 2, 4])


# --- 08.1 others_as_near ----------------------------------------------------------------------------------------------


def gives_one_count_a_query(others_as_near: Callable) -> None:
    """gives one whole number for each query: (Q,)"""
    found = _counts(others_as_near, COSINES, OWN)
    usual = {
        (5,): "That is one for each person: count along axis 1, over the people of each query.",
        (): "That is one number for all queries. The share of hits is taken later.",
        (3, 5): "The comparison itself came back; count its True along axis 1.",
        (3, 1): "An axis of length 1 is left over; sum over axis 1 without keepdims.",
        (3, 3): "That compares every query with every other's own person: cosines[:, labels] takes whole columns. "
        "Take one number a row: cosines[np.arange(len(labels)), labels].",
    }
    require(found.shape == (3,), f"The result has shape {found.shape}; expected (3,). {usual.get(found.shape, '')}")
    require(
        found.dtype != bool,
        "The result says yes or no. Asked is how many others are as near, because the size of the gallery comes in "
        "later: the hits are where the count is 0.",
    )
    require(
        bool(np.equal(np.mod(found, 1), 0).all()),
        f"The result holds {found.tolist()}; a number of people is a whole number.",
    )


def says_0_for_a_hit(others_as_near: Callable) -> None:
    """says 0 where the own person is the nearest, whatever their number is"""
    cosines = np.array([[-0.2, 0.1, 0.9], [0.8, 0.4, 0.1]])
    found = _counts(others_as_near, cosines, np.array([2, 0]))
    if not found.any():
        return
    require(
        not (found == 1).all(),
        "The own person was counted, too: everybody is at least as near as they are to themselves. Subtract 1.",
    )
    require(
        not np.array_equal(found, [2, 2]),
        "It says 2 of 2 others although the own person is the nearest: it counts those who are farther away. A high "
        "cosine is near.",
    )
    require(
        not np.array_equal(found, [2, 1]),
        "Query i was compared with person i (the diagonal). Whom query i shows stands in labels[i].",
    )
    raise Wrong(f"Both queries have their own person nearest, and the result is {found.tolist()}; expected [0, 0].")


def counts_who_is_nearer(others_as_near: Callable) -> None:
    """counts the others that are nearer: 0, 2 and 4 here"""
    found = _counts(others_as_near, COSINES, OWN)
    if np.array_equal(found, NEARER):
        return
    for value, cause in (
        ([4, 2, 0], "It counts those who are farther away. A high cosine is near."),
        ([1, 2, 3], "That is the number of the person found (argmax), not how many are nearer than the right one."),
        ([0, 1, 1], "That is whether the right one was missed. Asked is how many are as near."),
        (
            _counts_of(np.abs(COSINES)),
            "The sign of the cosine was dropped. A cosine of -0.9 is as far as can be, not near.",
        ),
        (NEARER + 1, "The own person was counted, too. Subtract 1."),
    ):
        require(not np.array_equal(found, value), f"The counts are {found.tolist()}; expected [0, 2, 4]. {cause}")
    raise Wrong(
        f"The counts are {found.tolist()}; expected [0, 2, 4] for the cosines {COSINES.tolist()} and the labels "
        f"{OWN.tolist()}."
    )


def counts_a_tie_against_the_query(others_as_near: Callable) -> None:
    """counts a tie against the query: vectors that are all alike find nobody"""
    found = _counts(others_as_near, np.full((3, 5), 0.5), np.array([0, 2, 4]))
    require(
        bool((found == 4).all()),
        f"All five people are equally near, and the counts are {found.tolist()}; expected 4, 4, 4. A recogniser that "
        "says the same of everybody would score a hit: the four others are as near, so they count (>=, not >; and "
        "argmax or a sort decide by who stands first).",
    )


def _counts_of(cosines: np.ndarray) -> np.ndarray:
    own = cosines[np.arange(len(OWN)), OWN]
    return (cosines >= own[:, None]).sum(1) - 1


def _counts(others_as_near: Callable, cosines: np.ndarray, labels: np.ndarray) -> np.ndarray:
    result = run_with_arrays(others_as_near, cosines=cosines, labels=labels)
    require(
        not np.isscalar(result),
        "One number came back for all queries. Asked is a count for each: (Q,).",
    )
    return checked(result, advice="Sum over axis 1 gives an array (Q,).")


# --- 08.2 gallery_curve -----------------------------------------------------------------------------------------------


def says_a_share_for_every_size(gallery_curve: Callable) -> None:
    """returns {size: share} for the sizes asked for, shares from 0 to 1"""
    found = _curve(gallery_curve, np.array([0, 1, 3, 0]), 6, (2, 4, 6))
    require(list(found) == [2, 4, 6], f"The sizes are {list(found)}; asked for were [2, 4, 6], in this order.")
    for size, share in found.items():
        require(
            isinstance(share, (int, float, np.number)) and math.isfinite(share),
            f"For the size {size} it says {share!r}; expected a number.",
        )
        require(
            -1e-9 <= share <= 1 + 1e-9,
            f"For the size {size} the share is {share:.3g}; a share lies between 0 and 1. Is the sum over the queries "
            "divided by their number?",
        )


def never_misses_alone(gallery_curve: Callable) -> None:
    """a gallery of one person is always a hit: its one person is the right one"""
    share = _curve(gallery_curve, np.array([0, 2, 5]), 6, (1,))[1]
    require(
        share > 0.999,
        f"In a gallery of 1 the share is {share:.2f}; expected 1. The right person always stands in the gallery, so "
        "only g - 1 others are chosen, and from people - 1: C(people - 1 - b, g - 1) / C(people - 1, g - 1). (A "
        "gallery of g is one in which fewer people stand, not among the g nearest of all.)",
    )


def is_retrieval_in_the_whole_gallery(gallery_curve: Callable) -> None:
    """with all people in the gallery it is the share of hits"""
    share = _curve(gallery_curve, np.array([0, 1, 3, 0]), 6, (6,))[6]
    require(
        abs(share - 0.5) < 1e-9,
        f"Two of four queries have nobody nearer, so with all 6 people in the gallery the share is 0.5; got "
        f"{share:.3f}. Whoever has b nearer is a hit only if none of the b was chosen, of people - 1 others.",
    )


def halves_with_two(gallery_curve: Callable) -> None:
    """in a gallery of two, b of 5 others nearer leaves a share of 1 - b / 5"""
    for b in (1, 4):
        share = _curve(gallery_curve, np.array([b]), 6, (2,))[2]
        require(
            abs(share - (1 - b / 5)) < 1e-9,
            f"With {b} of 5 others nearer, a gallery of 2 is a hit unless the one other is one of the {b}: "
            f"{1 - b / 5:.2f}; got {share:.3f}. "
            + ("It is a share of all choices of that other, not the outcome of one." if share in (0, 1) else ""),
        )


def averages_over_all_choices(gallery_curve: Callable) -> None:
    """agrees with trying all choices of the others, one by one"""
    nearer, people = np.array([0, 1, 2, 4, 1]), 7
    found = _curve(gallery_curve, nearer, people, (3, 5))
    for size, share in found.items():
        hits = [
            sum(min(others, default=people) >= b for others in combinations(range(people - 1), size - 1))
            / math.comb(people - 1, size - 1)
            for b in nearer  # the others in order of nearness: 0 ... b - 1 are nearer than the right one
        ]
        replaced = np.mean([(1 - b / (people - 1)) ** (size - 1) for b in nearer])
        require(
            abs(share - replaced) > 1e-9 or abs(share - np.mean(hits)) < 1e-9,
            f"For the size {size} the share is {share:.4f}; expected {np.mean(hits):.4f}. It is what you get if one "
            "person can be chosen twice: (1 - b / (people - 1)) to the power of g - 1. Use math.comb.",
        )
        require(
            abs(share - np.mean(hits)) < 1e-9,
            f"For the size {size} the share is {share:.4f}; trying all choices gives {np.mean(hits):.4f} for "
            f"nearer = {nearer.tolist()}. Every query counts once, also one whose b another has; nothing is drawn.",
        )


def _curve(gallery_curve: Callable, nearer: np.ndarray, people: int, sizes: tuple[int, ...]) -> dict:
    with torch.random.fork_rng(devices=[]):
        result = run_with_arrays(gallery_curve, nearer=nearer, people=people, sizes=sizes)
    require(result is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(result, dict),
        f"It returned a {type(result).__name__}; expected a dictionary {{size: share}}.",
    )
    return result

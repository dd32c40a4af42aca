"""Checks of 06.4: which maps are matched."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_06.maps import SIZES, M, call_on, copied, reaches, some_outputs, spares
from simswap_lib.course.probes import same
from simswap_lib.losses import map_distances


def gives_one_number(answer: Callable) -> None:
    """returns one number"""
    for scales, maps in SIZES:
        result = call_on(answer, some_outputs(scales, maps), some_outputs(scales, maps), 1)
        require(
            result.ndim == 0,
            f"The result has shape {tuple(result.shape)}; expected (), the sum over the maps from m on.",
        )


def takes_the_maps_from_m_on(answer: Callable) -> None:
    """matches the maps m, m + 1, ..., M and no others, counted from 1"""
    for scales, maps in ((2, M), (1, 3)):
        taken = {m: _taken(answer, scales, maps, m) for m in range(1, maps + 1)}
        bad = next((m for m in taken if taken[m] != list(range(m, maps + 1))), None)
        if bad is None:
            continue
        called = [f"map {i}" for i in taken[bad] if i <= maps] + ["the logits"] * (maps + 1 in taken[bad])
        words = f"With m = {bad} of M = {maps} it looks at {', '.join(called) or 'nothing at all'}."
        for pattern, cause in PATTERNS:
            fits = all(taken[m] == [i for i in pattern(m, maps) if i >= 1] for m in taken)
            require(not fits, f"{words} {cause}")
        raise Wrong(f"{words} Expected the maps {bad} to {maps}, in every scale.")


PATTERNS = (  # which maps a wrong answer takes, of m and M, and why
    (
        lambda m, last: range(m + 1, last + 1),
        "One too few: m counts from 1, Python from 0. With m = M nothing would be left, without a word.",
    ),
    (lambda m, last: range(m + 1, last + 2), "Counted from 0, and the logits taken for a map."),
    (lambda m, last: range(m, last + 2), "The logits, last in each scale, are no map."),
    (lambda m, last: range(last + 1 - m, last + 1), "Those are the last m maps. m is the *first* map that counts."),
    (
        lambda m, last: range(1, m + 1),
        "Those are the first m maps. Weak matching leaves the early ones out and keeps the late ones.",
    ),
    (lambda m, last: range(1, m), "Those are the maps *before* m; weak matching keeps the ones from m on."),
    (lambda m, last: range(1, last + 1), "All of them: m has no say. That is L_oFM."),
    (lambda m, last: range(m, m + 1), "Only map m. All later ones count, too."),
    (
        lambda m, last: range(m - 1, last + 1),
        "One too many: map m stands at place m - 1, because Python counts from 0.",
    ),
)


def _taken(answer: Callable, scales: int, maps: int, m: int) -> list[int]:
    """Which maps have a say, counted from 1; maps + 1 are the logits."""
    result, target = some_outputs(scales, maps), some_outputs(scales, maps)
    before, found = call_on(answer, result, target, m), []
    for i in range(maps + 1):
        changed = copied(result)
        for scale in changed:
            scale[i] += 7.0
        if not same(call_on(answer, changed, target, m), before):
            found.append(i + 1)
    return found


def adds_the_distances(answer: Callable) -> None:
    """adds up the distances of those maps"""
    result, target = some_outputs(2, M), some_outputs(2, M)
    distances = map_distances(result, target)
    for m in (2, 3):
        found, wanted = call_on(answer, result, target, m), distances[m - 1 :]
        for value, cause in (
            (wanted.mean(), "That is the mean over the maps; add them up."),
            (wanted.sum() / M, "That is divided by M; add the distances up."),
            (wanted.sum() / 2, "That is the mean over the scales; add them up."),
            (distances[m - 1 : m].sum(), "Only map m counts."),
        ):
            require(not same(found, value) or same(found, wanted.sum()), f"With m = {m} you get {found:.3f}. {cause}")
        require(
            same(found, wanted.sum()),
            f"With m = {m} you get {found:.3f}; expected {wanted.sum():.3f}, the sum of d_{m} to d_{M}.",
        )


def refuses_another_m(answer: Callable) -> None:
    """raises ValueError for an m that is not one of 1 ... M"""
    for maps, m in ((M, 0), (M, M + 1), (M, -1), (2, 3)):
        try:
            value = answer(some_outputs(2, maps), some_outputs(2, maps), m)
        except ValueError as error:
            if "not enough values" in str(error) or "expected a non-empty" in str(error):
                raise
            continue
        except Exception as error:
            raise Wrong(
                f"For m = {m} of M = {maps} it raised {type(error).__name__}; expected a ValueError."
            ) from error
        shown = f"{float(value):.3f}" if isinstance(value, Tensor) and value.ndim == 0 else repr(value)
        raise Wrong(
            f"For m = {m} of M = {maps} it returned {shown} instead of raising ValueError. A slice that is "
            "empty or starts at "
            "-1 is no error to Python: the run would go on, matching nothing, or the logits."
        )


def pulls_from_m_on(answer: Callable) -> None:
    """lets the gradient through to the result's maps from m on"""
    reaches(answer, lambda i: i >= 2, 3)


def spares_the_target(answer: Callable) -> None:
    """takes the target's maps as constants"""
    spares(answer, 3)

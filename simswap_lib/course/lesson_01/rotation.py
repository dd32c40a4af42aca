"""Checks of exercise 01.2: the best rotation between two sets of points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simswap_lib.course.arrays import call_with_arrays, some_points
from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_01.points import ANGLE, MIRROR, centred, same, told, turn
from simswap_lib.faces.align import TEMPLATE


def gives_a_matrix(best_rotation: Callable) -> None:
    """gives one matrix (2, 2) for five points"""
    p = centred(some_points())
    call_with_arrays(
        best_rotation,
        shape=(2, 2),
        advice="Points are rows, so q.T @ p is (2, 5) times (5, 2) = (2, 2); p @ q.T would be (5, 5).",
        p=p,
        q=centred(some_points()),
    )


def only_turns(best_rotation: Callable) -> None:
    """only turns: R R^T = 1, also where q is larger than p or does not fit exactly"""
    for size in (1.0, 3.0):
        p = centred(some_points())
        found = call_with_arrays(best_rotation, p=p, q=size * p @ turn(ANGLE).T + 0.1 * centred(some_points()))
        require(
            same(found @ found.T, np.eye(2)),
            f"R R^T is {told(found @ found.T)}; expected the identity, as for every rotation. Something in it "
            "stretches: the singular values in the middle must be replaced by 1 and the sign, not kept.",
        )


def turns_the_right_way(best_rotation: Callable) -> None:
    """finds a known turn: if q is p turned by 0.5, R is that turn"""
    p = centred(some_points())
    q = p @ turn(ANGLE).T
    found = call_with_arrays(best_rotation, p=p, q=q)
    require(
        not same(found, turn(-ANGLE)),
        "It turns q to p, the other way round: take q.T @ p and not p.T @ q, and return no transpose.",
    )
    require(
        np.linalg.det(found) > 0,
        f"q is p turned by {ANGLE} radians, and the R found mirrors: its determinant is {np.linalg.det(found):.0f}. "
        "The guard flips where it must not: its sign is that of det(u) * det(vt), not of one of the two.",
    )
    require(
        same(found, turn(ANGLE)),
        f"q is p turned by {ANGLE} radians, so R should be {told(turn(ANGLE))}; got {told(found)}. (A mean of the "
        "points' angles does not do: it jumps where one of them passes half a turn.)",
    )


def does_not_mirror(best_rotation: Callable) -> None:
    """never mirrors: the determinant is 1, also for a mirrored face"""
    p = centred(TEMPLATE)
    found = call_with_arrays(best_rotation, p=p, q=centred(TEMPLATE * MIRROR))
    require(
        abs(np.linalg.det(found) - 1) < 1e-6,
        f"For a mirrored face the determinant of R is {np.linalg.det(found):.0f}: R is a mirror image, the reflection "
        "guard is missing. Put diag(1, sign) between u and vt, where sign is that of det(u) * det(vt). (Multiplying R "
        "by -1 does not help: in the plane that is a half turn.)",
    )


def is_the_best_of_all(best_rotation: Callable) -> None:
    """no other rotation comes nearer, also for points that do not fit"""
    angles = np.linspace(-np.pi, np.pi, 721)
    for draw in range(8):  # some mistakes show only for some sets of points
        p = centred(some_points() * [1.0, 0.6])
        q = centred(p @ turn(draw).T * (MIRROR if draw % 2 else 1.0) + 0.2 * some_points())
        found = call_with_arrays(best_rotation, p=p, q=q)
        error = ((p @ found.T - q) ** 2).sum()
        best = min(((p @ turn(angle).T - q) ** 2).sum() for angle in angles)
        if error < best * 1.001:
            continue
        kind = "mirrored points" if draw % 2 else "points"
        seen = f"For some {kind} the sum of squares is {error:.4f}; another rotation reaches {best:.4f}. "
        u, _, vt = np.linalg.svd(q.T @ p)
        sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
        for value, cause in (
            (
                u @ np.diag([sign, 1.0]) @ vt,
                "The sign stands at the first place of the diagonal, with the largest singular value, where it costs "
                "most. It belongs to the last.",
            ),
            (
                u @ np.diag([1.0, sign]) @ vt.T,
                "np.linalg.svd gives V already transposed: its third result is V^T, so leave out the last .T.",
            ),
        ):
            require(not same(found, value), seen + cause)
        if draw % 2:  # unmirrored points fitted
            raise Wrong(
                seen + "It does not mirror, but the repair costs more than it must. Flip the direction of the smaller "
                "singular value, between u and vt, and nothing afterwards: u @ diag(1, sign) @ vt."
            )
        raise Wrong(
            seen + "All points count, the far ones more: take the decomposition of q.T @ p, not the angle of one point "
            "or a mean of angles."
        )

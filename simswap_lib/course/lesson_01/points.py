"""Checks of exercise 01.3: the similarity transform of five points (Umeyama), and what 01.2 shares with it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simswap_lib.course.arrays import call_with_arrays, some_points
from simswap_lib.course.exercise import Wrong, require
from simswap_lib.faces.align import TEMPLATE

ANGLE = 0.5  # radians
MIRROR = np.array([-1.0, 1.0])


def turn(angle: float) -> np.ndarray:
    """(2, 2) rotation by `angle` radians, to be applied as `points @ R.T`."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def same(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-6) -> bool:
    return a.shape == b.shape and bool(np.allclose(a, b, atol=tolerance * max(1.0, float(np.abs(b).max()))))


# --- 01.3 similarity --------------------------------------------------------------------------------------------------


def gives_turn_and_shift(similarity: Callable) -> None:
    """gives one matrix (2, 3): s R in the first two columns, t in the last"""
    call_with_arrays(
        similarity,
        shape=(2, 3),
        advice="np.column_stack([a, t]) puts t (2,) beside a (2, 2).",
        points=some_points(),
        target=some_points(),
    )


def finds_a_shift(similarity: Callable) -> None:
    """finds a shift: points moved by (3, -2) give R = 1 and t = (3, -2)"""
    points, t = TEMPLATE + 2.0, np.array([3.0, -2.0])
    found = call_with_arrays(similarity, points=points, target=points + t)
    right = np.column_stack([np.eye(2), t])
    if same(found, right):
        return
    if same(found, np.column_stack([np.eye(2), -t])):
        raise Wrong("The shift is (-3, 2): the transform leads from target to points. It must lead from points on.")
    for value in (1 / points.size, 1 / len(points)):
        require(
            not same(found[:, :2], value * np.eye(2)),
            f"The points were only shifted, and the scale is {value:.2f} instead of 1: a mean was divided by a sum. "
            "Take the sum above the line and below it.",
        )
    require(
        same(found[:, :2], np.eye(2)),
        f"The points were only shifted, and s R is {told(found[:, :2])}; expected the identity. Subtract the mean of "
        "each set before rotation and scale are sought: points.mean(axis=0).",
    )
    raise Wrong(
        f"The points moved by (3, -2), and t is ({found[0, 2]:.2f}, {found[1, 2]:.2f}). Both means take part: "
        "t = mean_q - s R mean_p."
    )


def finds_the_scale(similarity: Callable) -> None:
    """finds the scale: points three times as far apart give s = 3"""
    points, t = TEMPLATE + 0.5, np.array([3.0, -2.0])
    found = call_with_arrays(similarity, points=points, target=3 * points + t)
    scale = float(np.sqrt(abs(np.linalg.det(found[:, :2]))))
    for value, cause in (
        (
            np.sqrt(3),
            "That is the root of it: a quotient of sums of squares needs no root here, for q stands above once.",
        ),
        (9.0, "That is its square: above the line stands q times the turned p, not q times q."),
        (1 / 3, "That is its inverse: the sum of p squared stands below the line."),
        (1.0, "The scale was not applied: multiply the rotation by s."),
    ):
        require(abs(scale - value) > 1e-3, f"The scale is {scale:.3f}; expected 3. {cause}")
    require(
        abs(scale - 3) < 1e-3,
        f"The scale is {scale:.3f}; expected 3: the sum of q times (p turned by R), divided by the sum of p times p.",
    )
    require(
        not same(found[:, 2], (3 * points + t).mean(0) - points.mean(0)),
        "The turn and the scale are right, but t is only the difference of the two means. The transform scales the "
        "mean, too: t = mean_q - s R mean_p.",
    )
    require(
        same(found[:, 2], t),
        f"t is ({found[0, 2]:.2f}, {found[1, 2]:.2f}); expected (3, -2): t = mean_q - s R mean_p.",
    )


def finds_the_turn(similarity: Callable) -> None:
    """finds the turn: points turned by 0.5 land where they should"""
    points = TEMPLATE + 0.5
    target = 2 * points @ turn(ANGLE).T + [1.0, 4.0]
    found = call_with_arrays(similarity, points=points, target=target)
    require(
        not same(found[:, :2], 2 * turn(-ANGLE)),
        "s R is transposed, so it turns the other way. best_rotation(p, q) leads from p to q; use it as it is.",
    )
    scale = float(np.sqrt(abs(np.linalg.det(found[:, :2]))))
    require(
        same(found[:, :2], 2 * turn(ANGLE)) or not same(found[:, :2], scale * turn(ANGLE)),
        f"The turn is right, the scale is {scale:.2f} instead of 2. In the sum above the line p has to be turned "
        "towards q, which for points in rows is p @ rotation.T, not p @ rotation.",
    )
    require(
        not same(found[:, :2], scale * turn(-ANGLE)),
        "It turns the other way: best_rotation(p, q) wants p first, then q.",
    )
    require(
        same(found[:, :2], 2 * turn(ANGLE)),
        f"s R is {told(found[:, :2])}; expected {told(2 * turn(ANGLE))}.",
    )
    require(
        same(apply(found, points), target),
        "The turn is right, but the points land "
        f"{np.abs(apply(found, points) - target).max():.2f} away from the target. The shift is mean_q - s R mean_p, "
        "with R applied as a matrix to the mean: s * rotation @ mean_p.",
    )


def never_mirrors(similarity: Callable) -> None:
    """stays a turn, also for a mirrored face"""
    found = call_with_arrays(similarity, points=TEMPLATE, target=TEMPLATE * MIRROR)
    require(
        np.linalg.det(found[:, :2]) > 0,
        "A mirrored face was mirrored back: the reflection guard is missing. best_rotation brings it along.",
    )


def is_least_squares(similarity: Callable) -> None:
    """where no transform fits exactly, none has a smaller sum of squares"""
    points = some_points()
    target = 2 * points @ turn(ANGLE).T + 0.4 * some_points() + [1.0, 4.0]
    found = call_with_arrays(similarity, points=points, target=target)
    best = _least_squares(points, target)
    if same(found, best, 1e-5):
        _counts_every_point(similarity)
        return
    a = found[:, :2]
    if abs(a[0, 0] - a[1, 1]) + abs(a[0, 1] + a[1, 0]) > 1e-6:
        raise Wrong(
            f"s R is {told(a)}, which shears or stretches: a similarity has only the form (a, -b; b, a). A general "
            "least-squares fit of six numbers bends the face to the template; take best_rotation and one scale."
        )
    error, least = (((apply(m, points) - target) ** 2).sum() for m in (found, best))
    p, q = points - points.mean(0), target - target.mean(0)
    scale, right = (float(np.sqrt(abs(np.linalg.det(m[:, :2])))) for m in (found, best))
    seen = f"The sum of squares is {error:.2f}; {least:.2f} is possible. "
    if abs(scale - np.sqrt((q**2).sum() / (p**2).sum())) < 1e-6:
        raise Wrong(
            seen
            + f"The scale is {scale:.3f}, the quotient of the two spreads, which is right only where the fit is exact; "
            f"least squares asks for {right:.3f}: the sum of q times the turned p, divided by the sum of p squared."
        )
    if same(found, _least_squares(points[:2], target[:2]), 1e-5):
        raise Wrong(seen + "Only the first two points were used. All of them count.")
    raise Wrong(
        seen
        + f"The scale is {scale:.3f}; least squares asks for {right:.3f}: the sum of q times the turned p, divided "
        "by the sum of p squared, over all points."
    )


def _counts_every_point(similarity: Callable) -> None:
    """Other numbers of points than five, and points as far off as on a photograph."""
    for count in (3, 8):
        points = some_points(count, 40.0) + 100.0
        target = 1.5 * points @ turn(ANGLE).T + some_points(count, 12.0)
        found, best = call_with_arrays(similarity, points=points, target=target), _least_squares(points, target)
        error, least = (((apply(m, points) - target) ** 2).sum() for m in (found, best))
        require(
            same(found, best, 1e-4),
            f"For {count} points, some of them 10 pixels and more off, the sum of squares is {error:.0f}; {least:.0f} "
            "is possible. Is the number 5 written in the code, as in sum / 5? Or are points that fit badly left out, "
            "as cv2.estimateAffinePartial2D does? Here all count, however many there are.",
        )


def counts_the_guard_in(similarity: Callable) -> None:
    """has the scale that fits best, also for a mirrored face"""
    target = TEMPLATE * MIRROR
    found, best = call_with_arrays(similarity, points=TEMPLATE, target=target), _least_squares(TEMPLATE, target)
    scale, right = (float(np.sqrt(abs(np.linalg.det(m[:, :2])))) for m in (found, best))
    require(
        same(found, best, 1e-5),
        f"For a mirrored face the scale is {scale:.3f}; least squares asks for {right:.3f}. If it is computed from the "
        "singular values, the last one takes the guard's sign, too.",
    )


# ----------------------------------------------------------------------------------------------------------------------


def centred(points: np.ndarray) -> np.ndarray:
    return points - points.mean(axis=0)


def _least_squares(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The best similarity by another road: x' = a x - b y + c, y' = b x + a y + d is linear in a, b, c, d."""
    x, y = points.T
    one, none = np.ones_like(x), np.zeros_like(x)
    rows = np.concatenate([np.stack([x, -y, one, none], 1), np.stack([y, x, none, one], 1)])
    a, b, c, d = np.linalg.lstsq(rows, np.concatenate(target.T), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


def told(matrix: np.ndarray) -> str:
    return "(" + "; ".join(", ".join(f"{value:.2f}" for value in row) for row in matrix) + ")"

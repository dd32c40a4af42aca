"""Wrong answers to exercises 01.1 to 01.3 that people give."""

import cv2
import numpy as np

from simswap_lib.faces import align as the
from simswap_lib.world import Identity, Shot, swap_truth

# 01.1 -----------------------------------------------------------------------------------------------------------------


def _true(person, shot, size):
    return swap_truth(Identity.sample(person), Shot.sample(shot), size).image


def transposed(people, shots, size):
    return np.concatenate([np.concatenate([_true(p, s, size) for p in people], axis=1) for s in shots], axis=0)


def stacked(people, shots, size):
    return np.stack([np.stack([_true(p, s, size) for s in shots]) for p in people])


def default_size(people, shots, size):
    return np.concatenate([np.concatenate([_true(p, s, 128) for s in shots], axis=1) for p in people], axis=0)


def roles_swapped(people, shots, size):
    return np.concatenate([np.concatenate([_true(s, p, size) for s in shots], axis=1) for p in people], axis=0)


def own_photograph(people, shots, size):
    return np.concatenate([np.concatenate([_true(p, p, size) for s in shots], axis=1) for p in people], axis=0)


def one_person(people, shots, size):
    row = np.concatenate([_true(people[0], s, size) for s in shots], axis=1)
    return np.concatenate([row for p in people], axis=0)


def blue_first(people, shots, size):
    rows = [np.concatenate([_true(p, s, size) for s in shots], axis=1) for p in people]
    return np.concatenate(rows, axis=0)[:, :, ::-1]


def reshaped(people, shots, size):
    pictures = np.array([[_true(p, s, size) for s in shots] for p in people])
    return pictures.reshape(len(people) * size, len(shots) * size, 3)


def faded(people, shots, size):
    """Half the person who stood there anyway: what a blend of two pictures gives, not a swap."""
    rows = [[_true(p, s, size) // 2 + _true(s, s, size) // 2 for s in shots] for p in people]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


def side_by_side(people, shots, size):
    return np.concatenate([_true(p, s, size) for p, s in zip(people, shots)], axis=0)


def places_for_seeds(people, shots, size):
    rows = [[_true(i, j, size) for j in range(len(shots))] for i in range(len(people))]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows], axis=0)


# 01.2 -----------------------------------------------------------------------------------------------------------------


def _factors(p, q):
    u, singular, vt = np.linalg.svd(q.T @ p)
    return u, singular, vt, np.sign(np.linalg.det(u) * np.linalg.det(vt))


def of_each_point(p, q):
    u, _, vt = np.linalg.svd(q @ p.T)
    return u @ vt


def other_way(p, q):
    u, _, vt, sign = _factors(q, p)
    return u @ np.diag([1.0, sign]) @ vt


def v_not_transposed(p, q):
    u, _, vt, sign = _factors(p, q)
    return u @ np.diag([1.0, sign]) @ vt.T


def with_singular_values(p, q):
    u, singular, vt, sign = _factors(p, q)
    return u @ np.diag(singular * [1.0, sign]) @ vt


def least_squares_matrix(p, q):
    return np.linalg.lstsq(p, q, rcond=None)[0].T


def no_guard(p, q):
    u, _, vt, _ = _factors(p, q)
    return u @ vt


def negated(p, q):
    u, _, vt, sign = _factors(p, q)
    return sign * (u @ vt)


def guard_at_the_first_place(p, q):
    u, _, vt, sign = _factors(p, q)
    return u @ np.diag([sign, 1.0]) @ vt


def repaired_afterwards(p, q):
    u, _, vt, sign = _factors(p, q)
    return np.diag([1.0, sign]) @ u @ vt


def angle_of_the_first_point(p, q):
    angle = np.arctan2(q[0, 1], q[0, 0]) - np.arctan2(p[0, 1], p[0, 0])
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def sign_of_one_factor(p, q):
    u, _, vt, _ = _factors(p, q)
    return u @ np.diag([1.0, np.linalg.det(u)]) @ vt


# 01.3 -----------------------------------------------------------------------------------------------------------------


def _parts(points, target):
    mean_p, mean_q = points.mean(axis=0), target.mean(axis=0)
    p, q = points - mean_p, target - mean_q
    rotation = the.best_rotation(p, q)
    return mean_p, mean_q, p, q, rotation, (q * (p @ rotation.T)).sum() / (p * p).sum()


def rotation_only(points, target):
    return the.best_rotation(points - points.mean(axis=0), target - target.mean(axis=0))


def from_target(points, target):
    return the.similarity(target, points)


def not_centred(points, target):
    rotation = the.best_rotation(points, target)
    scale = (target * (points @ rotation.T)).sum() / (points * points).sum()
    return np.column_stack([scale * rotation, target.mean(axis=0) - scale * rotation @ points.mean(axis=0)])


def _with_scale(points, target, scale_of):
    mean_p, mean_q, p, q, rotation, scale = _parts(points, target)
    scale = scale_of(p, q, rotation, scale)
    return np.column_stack([scale * rotation, mean_q - scale * rotation @ mean_p])


def root_of_the_scale(points, target):
    return _with_scale(points, target, lambda p, q, rotation, scale: np.sqrt(scale))


def by_the_variance_of_the_target(points, target):
    return _with_scale(points, target, lambda p, q, rotation, scale: (q * (p @ rotation.T)).sum() / (q * q).sum())


def mean_over_sum(points, target):
    return _with_scale(points, target, lambda p, q, rotation, scale: (q * (p @ rotation.T)).mean() / (p * p).sum())


def turned_back_in_the_sum(points, target):
    return _with_scale(points, target, lambda p, q, rotation, scale: (q * (p @ rotation)).sum() / (p * p).sum())


def no_scale(points, target):
    return _with_scale(points, target, lambda p, q, rotation, scale: 1.0)


def quotient_of_spreads(points, target):
    return _with_scale(points, target, lambda p, q, rotation, scale: np.sqrt((q * q).sum() / (p * p).sum()))


def all_singular_values_plus(points, target):
    return _with_scale(points, target, lambda p, q, *_: np.linalg.svd(q.T @ p, compute_uv=False).sum() / (p * p).sum())


def shift_of_the_means(points, target):
    mean_p, mean_q, _, _, rotation, scale = _parts(points, target)
    return np.column_stack([scale * rotation, mean_q - mean_p])


def rotation_transposed(points, target):
    mean_p, mean_q, _, _, rotation, scale = _parts(points, target)
    return np.column_stack([scale * rotation.T, mean_q - scale * rotation.T @ mean_p])


def shift_turned_back(points, target):
    mean_p, mean_q, _, _, rotation, scale = _parts(points, target)
    return np.column_stack([scale * rotation, mean_q - scale * mean_p @ rotation])


def affine(points, target):
    ones = np.column_stack([points, np.ones(len(points))])
    return np.linalg.lstsq(ones, target, rcond=None)[0].T


def of_five(points, target):
    """The means over five points, however many there are."""
    mean_p, mean_q = points.sum(axis=0) / 5, target.sum(axis=0) / 5
    p, q = points - mean_p, target - mean_q
    rotation = the.best_rotation(p, q)
    scale = (q * (p @ rotation.T)).sum() / (p * p).sum()
    return np.column_stack([scale * rotation, mean_q - scale * rotation @ mean_p])


def bad_points_left_out(points, target):
    return cv2.estimateAffinePartial2D(points.astype(np.float32), target.astype(np.float32))[0]


def eyes_only(points, target):
    return the.similarity(points[:2], target[:2])


def mirrors(points, target):
    mean_p, mean_q = points.mean(axis=0), target.mean(axis=0)
    p, q = points - mean_p, target - mean_q
    u, singular, vt = np.linalg.svd(q.T @ p)
    turned = singular.sum() / (p * p).sum() * u @ vt
    return np.column_stack([turned, mean_q - turned @ mean_p])


mystery = mirrors  # the lesson asks to diagnose it from its symptoms, so the name must not tell

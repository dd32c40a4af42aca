"""The camera: how a head is turned, projected, framed, and how light becomes a picture."""

from functools import lru_cache
from math import cos, radians, sin

import cv2
import numpy as np

from simswap_lib.faces.align import TEMPLATE, similarity
from simswap_lib.world import head_model
from simswap_lib.world.shots import Shot

PIVOT = np.array([0, -0.9, -1.2], np.float32)  # the top of the neck


@lru_cache(maxsize=64)
def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) head rotation: first pitch (positive looks up), then yaw (positive to the picture's right), then roll."""
    y, p, r = radians(yaw), radians(-pitch), radians(roll)
    about_y = np.array([[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]])
    about_x = np.array([[1, 0, 0], [0, cos(p), -sin(p)], [0, sin(p), cos(p)]])
    about_z = np.array([[cos(r), -sin(r), 0], [sin(r), cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def pose(points: np.ndarray, height: np.ndarray | float, shot: Shot) -> np.ndarray:
    """Turn points (N, 3) with the head, about the top of the neck; the shoulders follow a little.

    height: (N,) on the template; what lies above -2 turns with the head.
    """
    full = rotation(shot.yaw, shot.pitch, shot.roll).T.astype(np.float32)
    slight = rotation(0.35 * shot.yaw, 0.1 * shot.pitch, 0.3 * shot.roll).T.astype(np.float32)
    arms = points.astype(np.float32) - PIVOT
    turned = arms @ full
    low = np.flatnonzero(np.asarray(height) < -2.0) if np.ndim(height) else ()
    if len(low):
        follow = np.clip((np.asarray(height)[low] + 3.3) / 1.3, 0, 1)[:, None].astype(np.float32)
        follow = follow * follow * (3 - 2 * follow)
        turned[low] = turned[low] * follow + (arms[low] @ slight) * (1 - follow)
    return turned + PIVOT


def project(points: np.ndarray, shot: Shot) -> np.ndarray:
    """Pinhole camera at (0, 0, distance): (N, 3) -> (N, 2), one eye distance near the face is about 1, y down."""
    scale = shot.distance / (shot.distance - points[:, 2:])
    return points[:, :2] * scale * np.array([1, -1], np.float32)


@lru_cache(maxsize=256)
def framing(shot: Shot) -> np.ndarray:
    """(2, 3) from the camera's plane to the unit square: what brings the *mean* head's five points to the template.

    It depends on the shot alone, so two people in one shot share their framing exactly.
    """
    head = head_model.load()
    five = head.mean[head.five].copy()
    for name, strength in shot.expression:
        five += np.float32(strength) * head.expression[head.action(name)][head.five]
    return similarity(project(pose(five, 0.0, shot), shot), TEMPLATE)


@lru_cache(maxsize=1)
def framing_scale() -> float:
    """Width of an eye distance in an aligned crop, as share of its side: tells how detailed a picture has to be."""
    head = head_model.load()
    m = similarity(head.mean[head.five][:, :2] * [1, -1], TEMPLATE)
    return float(np.hypot(*m[:, 0]))


def develop(image: np.ndarray, shot: Shot) -> np.ndarray:
    """Linear light (H, W, 3) -> uint8 RGB: exposure, lens blur, roll-off, gamma, sensor noise, compression."""
    height = image.shape[0]
    image = image * np.float32(shot.exposure)
    sigma = shot.blur * height
    if sigma > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    # Highlights roll off: linear up to 0.5, then towards 1 and never beyond.
    bright = np.maximum(image - np.float32(0.5), 0)
    image = np.minimum(image, np.float32(0.5)) + bright / (1 + bright / np.float32(0.5))
    levels = _gamma()[np.clip(image * 4095, 0, 4095).astype(np.int32)]
    rng = np.random.default_rng([shot.seed, 4, shot.frame])
    levels = levels + np.float32(shot.noise) * rng.standard_normal(levels.shape, np.float32)
    picture = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    if shot.jpeg < 100:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(shot.jpeg)]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture


@lru_cache(maxsize=1)
def _gamma() -> np.ndarray:
    """(4096,) grey levels 0 to 255 of linear light 0 to 1, with a plain power of 1 / 2.2."""
    return (255 * np.linspace(0, 1, 4096) ** (1 / 2.2)).astype(np.float32)

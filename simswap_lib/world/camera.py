"""The camera: how a head is turned, projected, framed, and how light becomes a picture."""

from functools import cache, lru_cache, partial
from math import cos, radians, sin

import cv2
import numpy as np

from simswap_lib.faces.align import TEMPLATE, similarity
from simswap_lib.world import head_model
from simswap_lib.world.compiled import compiled
from simswap_lib.world.noise import step
from simswap_lib.world.shots import Shot

MIDDLE = TEMPLATE.mean(0)
AROUND = TEMPLATE - MIDDLE
PLANE = np.array([[1.0, 0, 0], [0, 1, 0]])  # the view that stays on the camera's plane
PIVOT = np.array([0, -0.9, -1.2], np.float32)  # the top of the neck


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) head rotation: first pitch (positive looks up), then yaw (positive to the picture's right), then roll."""
    y, p, r = radians(yaw), radians(-pitch), radians(roll)
    x_row = cos(y), sin(y) * sin(p), sin(y) * cos(p)  # the turns about x and y, multiplied out
    y_row = 0.0, cos(p), -sin(p)
    rolled = zip(x_row, y_row, strict=True)
    across, up = zip(*((cos(r) * a - sin(r) * b, sin(r) * a + cos(r) * b) for a, b in rolled), strict=True)
    return np.array([across, up, (-sin(y), cos(y) * sin(p), cos(y) * cos(p))])


def pose(points: np.ndarray, shot: Shot, height: np.ndarray | None = None) -> np.ndarray:
    """Turn points (N, 3) with the head, about the top of the neck; the shoulders follow a little.

    height: (N,) on the template; what lies above -2 turns with the head. None: all of it does.
    """
    points = np.ascontiguousarray(points, np.float32)
    height = np.zeros(len(points), np.float32) if height is None else np.asarray(height, np.float32)
    return _pose(points, height, *_turn(shot.yaw, shot.pitch, shot.roll))


@lru_cache(maxsize=64)
def _turn(yaw: float, pitch: float, roll: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotations of the head and of the shoulders."""
    slight = rotation(0.35 * yaw, 0.1 * pitch, 0.3 * roll)
    return rotation(yaw, pitch, roll).astype(np.float32), slight.astype(np.float32)


@partial(compiled, allocates=True)
def _pose(points, height, full, slight):
    out = np.empty_like(points)
    for i in range(len(points)):
        x, y, z = points[i, 0] - PIVOT[0], points[i, 1] - PIVOT[1], points[i, 2] - PIVOT[2]
        share = np.float32(1)
        if height[i] < -2:
            share = np.float32(step(-3.3, -2.0, height[i]))
        for m in range(3):
            turned = full[m, 0] * x + full[m, 1] * y + full[m, 2] * z
            if share < 1:
                turned = turned * share + (slight[m, 0] * x + slight[m, 1] * y + slight[m, 2] * z) * (1 - share)
            out[i, m] = turned + PIVOT[m]
    return out


def project(points: np.ndarray, shot: Shot, view: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pinhole camera at (0, 0, distance): points (N, 3) -> float32 places (N, 2) and inverse distances (N,).

    On the camera's plane one eye distance near the face is about 1, and y points down; view (2, 3) goes on from there.
    """
    return _project(np.ascontiguousarray(points, np.float32), np.float32(shot.distance), view)


@partial(compiled, allocates=True)
def _project(points, distance, view):
    out, inverse = np.empty((len(points), 2), np.float32), np.empty(len(points), np.float32)
    for i in range(len(points)):
        inverse[i] = 1 / (distance - points[i, 2])
        x, y = points[i, 0] * distance * inverse[i], -points[i, 1] * distance * inverse[i]
        out[i, 0] = view[0, 0] * x + view[0, 1] * y + view[0, 2]
        out[i, 1] = view[1, 0] * x + view[1, 1] * y + view[1, 2]
    return out, inverse


@lru_cache(maxsize=256)
def framing(shot: Shot) -> np.ndarray:
    """(2, 3) from the camera's plane to the unit square: what brings the *mean* head's five points to the template.

    It depends on the shot alone, so two people in one shot share their framing exactly.
    """
    head = head_model.load()
    five = head.mean[head.five]
    for name, strength in shot.expression:
        five += np.float32(strength) * _five_of(head.action(name))
    return _onto_template(project(pose(five, shot), shot, PLANE)[0], AROUND, MIDDLE)


@partial(compiled, allocates=True)
def _onto_template(points, around, middle):
    """`similarity(points, TEMPLATE)`, the way that only the plane has: the turn is one angle. Every picture needs it,
    and the singular value decomposition takes long. around: the template about its own `middle`."""
    x, y = points[:, 0].mean(), points[:, 1].mean()
    together, across, size = 0.0, 0.0, 0.0
    for i in range(len(points)):
        px, py = points[i, 0] - x, points[i, 1] - y
        together += px * around[i, 0] + py * around[i, 1]
        across += px * around[i, 1] - py * around[i, 0]
        size += px * px + py * py
    out = np.empty((2, 3))
    out[0, 0], out[0, 1] = together / size, -across / size
    out[1, 0], out[1, 1] = across / size, together / size
    out[0, 2] = middle[0] - out[0, 0] * x - out[0, 1] * y
    out[1, 2] = middle[1] - out[1, 0] * x - out[1, 1] * y
    return out


@cache
def _five_of(action: int) -> np.ndarray:
    """(5, 3) how a facial action moves the five points."""
    head = head_model.load()
    return head.expression[action][head.five]


@lru_cache(maxsize=1)
def framing_scale() -> float:
    """Width of an eye distance in an aligned crop, as share of its side: tells how detailed a picture has to be."""
    head = head_model.load()
    m = similarity(head.mean[head.five][:, :2] * [1, -1], TEMPLATE)
    return float(np.hypot(*m[:, 0]))


def develop(image: np.ndarray, shot: Shot) -> np.ndarray:
    """Linear light (H, W, 3) -> uint8 RGB: lens blur, exposure, roll-off, gamma, sensor noise, compression."""
    sigma = shot.blur * len(image)
    if sigma > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    grain = _grain()
    # Where this picture's noise begins in the table: far apart for neighbouring numbers.
    start = (shot.seed * 2654435761 + shot.frame * 40503) % len(grain)
    picture = _expose(np.ascontiguousarray(image), np.float32(shot.exposure), _gamma(), grain, start, shot.noise)
    if shot.jpeg < 100:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(shot.jpeg)]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture


@partial(compiled, allocates=True)
def _expose(image, exposure, gamma, grain, start, noise):
    out = np.empty(image.shape, np.uint8)
    light, grey = image.reshape(-1), out.reshape(-1)
    half, at = np.float32(0.5), start
    strength = np.float32(noise)
    for i in range(len(light)):
        value = light[i] * exposure
        if value > half:  # highlights roll off: linear up to 0.5, then towards 1 and never beyond
            bright = value - half
            value = half + bright / (1 + 2 * bright)
        level = gamma[min(max(int(value * 4095), 0), 4095)] + strength * grain[at]
        grey[i] = np.uint8(min(max(level + half, np.float32(0)), np.float32(255)))
        at += 1
        if at == len(grain):
            at = 0
    return out


@lru_cache(maxsize=1)
def _grain() -> np.ndarray:
    """Normal numbers of a sensor's noise; a prime number of them, so that rows of pictures do not fall in step."""
    return np.random.default_rng(4).standard_normal(1_048_573, np.float32)


@lru_cache(maxsize=1)
def _gamma() -> np.ndarray:
    """(4096,) grey levels 0 to 255 of linear light 0 to 1, with a plain power of 1 / 2.2."""
    return (255 * np.linspace(0, 1, 4096) ** (1 / 2.2)).astype(np.float32)

"""`render(identity, shot)`: camera, rasteriser and shading make a photograph of a person who does not exist."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from simswap_lib.faces.align import TEMPLATE, similarity
from simswap_lib.world import hair, head_model, raster, shading
from simswap_lib.world.people import Identity
from simswap_lib.world.shots import Shot

SMALLEST, LARGEST = 32, 512
SUPERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class Rendering:
    """A picture and what is known about it."""

    image: np.ndarray  # uint8 RGB (H, W, 3)
    landmarks: np.ndarray  # float32 (5, 2): x, y in pixels of eyes, nose tip, mouth corners, the picture's left first
    mask: np.ndarray  # float32 (H, W) in [0, 1]: share of the pixel that shows the face, not covered by hair
    pose: tuple[float, float, float]  # yaw, pitch, roll of the head in the picture, degrees


def render(identity: Identity, shot: Shot, size: int = 128) -> Rendering:
    """The photograph `shot` of the person `identity`, already an aligned crop.

    The crop depends on the shot alone: it is the similarity transform that maps the five points of the *mean* head
    under this pose and expression to the template. Two people in one shot therefore share their framing exactly.
    The same arguments give the same bytes.

    size: side in pixels, 32 to 512. Raises: ValueError for any other size.
    """
    if not isinstance(size, (int, np.integer)) or not SMALLEST <= size <= LARGEST:
        raise ValueError(f"A render is {SMALLEST} to {LARGEST} pixels wide, asked for {size!r}.")
    head = head_model.load()
    crop = _crop(shot)
    vertices = hair.lift(head.vertices(identity.shape, shot.expression), shot)
    triangles, attributes, part = _mesh(shot.hair in hair.CURTAIN)
    if shot.hair in hair.CURTAIN:
        vertices = np.concatenate([vertices, hair.curtain(vertices, shot)])
    seen = _pose(vertices, attributes[:, 1], shot)

    fine = size * SUPERSAMPLING
    screen = (_project(seen, shot) @ crop[:, :2].T + crop[:, 2]) * fine
    depth = 1 / (shot.distance - seen[:, 2])
    index, weights = raster.rasterise(
        screen.astype(np.float32), depth.astype(np.float32), triangles, len(head.triangles), fine
    )
    normals = raster.normals_of(seen, triangles)
    normals[len(head.mean) :] *= np.where(normals[len(head.mean) :, 2:] < 0, -1, 1)  # hair is seen from both sides
    image = _backdrop(shot, fine)
    mask = np.zeros((fine, fine), np.float32)
    person, packed = shading.pack_person(identity), shading.pack_shot(shot)
    grid = shading.lattice()
    shading.shade(
        image, mask, index, weights, triangles, attributes, normals, part, head.eye_centres, person, packed, grid
    )
    points = _project(_pose(head.five_points(vertices[: len(head.mean)]), np.zeros(5), shot), shot)
    landmarks = (points @ crop[:, :2].T + crop[:, 2]) * size
    turned = np.degrees(np.arctan2(crop[1, 0], crop[0, 0]))
    return Rendering(
        image=_develop(image, shot, size),
        landmarks=landmarks.astype(np.float32),
        mask=_shrink(mask, size),
        pose=(shot.yaw, shot.pitch, float(shot.roll - turned)),
    )


# ----------------------------------------------------------------------------


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) head rotation: first pitch (positive looks up), then yaw (positive to the picture's right), then roll."""
    y, p, r = np.radians([yaw, -pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _pose(points: np.ndarray, height: np.ndarray, shot: Shot) -> np.ndarray:
    """Turn the head about the top of the neck; the shoulders follow a little. height: (N,) of the template."""
    pivot = np.array([0, -0.9, -1.2])
    full = (points - pivot) @ rotation(shot.yaw, shot.pitch, shot.roll).T + pivot
    slight = (points - pivot) @ rotation(0.35 * shot.yaw, 0.1 * shot.pitch, 0.3 * shot.roll).T + pivot
    follow = np.clip((np.asarray(height) + 3.3) / 1.3, 0, 1)[:, None]
    return (slight + (full - slight) * follow * follow * (3 - 2 * follow)).astype(np.float32)


def _project(points: np.ndarray, shot: Shot) -> np.ndarray:
    """Pinhole camera at (0, 0, distance): (N, 3) -> (N, 2), one eye distance near the face is about 1, y down."""
    scale = shot.distance / (shot.distance - points[:, 2:])
    return points[:, :2] * scale * [1, -1]


@lru_cache(maxsize=4096)
def _crop(shot: Shot) -> np.ndarray:
    """(2, 3) from the camera's plane to the unit square, from the mean head alone."""
    head = head_model.load()
    mean = head.vertices((0.0,) * len(head.identity), shot.expression)
    return similarity(_project(_pose(head.five_points(mean), np.zeros(5), shot), shot), TEMPLATE)


@lru_cache(maxsize=2)
def _mesh(with_curtain: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles (T, 3), attributes (N, 8) and parts (N,) of the head, with or without hanging hair.

    Attributes: template x, y, z, lips, openness, lash line, height above the hairline, face.
    """
    head = head_model.load()
    _, y, z = head.mean.T
    oval = np.clip((z + 0.85) / 0.15, 0, 1) * np.clip((y + 1.95) / 0.1, 0, 1) * np.clip((1.35 - y) / 0.1, 0, 1)
    under = np.clip((head.normals[:, 1] + 0.85) / 0.15, 0, 1)  # the underside of the chin is not the face
    face = oval * np.where((head.part == head_model.SKIN) & (y < -1.3), under, 1)
    attributes = np.column_stack([head.mean, head.lips, head.openness, head.rim, hair.scalp(), face]).astype(np.float32)
    if not with_curtain:
        return head.triangles, attributes, head.part
    at = len(head.mean)
    count = hair.ROWS * hair.COLUMNS
    indices, _ = hair.ring()
    extra = np.zeros((count, attributes.shape[1]), np.float32)
    extra[:, :3] = np.tile(head.mean[indices], (hair.ROWS, 1))
    extra[:, 1] -= np.repeat(np.linspace(0, 2, hair.ROWS), hair.COLUMNS)
    extra[:, 4] = 1
    triangles = np.concatenate([head.triangles, hair.curtain_triangles() + at])
    part = np.concatenate([head.part, np.full(count, head_model.HAIR, head.part.dtype)])
    return triangles, np.concatenate([attributes, extra]), part


def _backdrop(shot: Shot, size: int) -> np.ndarray:
    """(size, size, 3) linear background: a wall with a gradient, or a scene out of focus."""
    rng = np.random.default_rng([shot.seed, 3])
    top, bottom, spots = (np.array(c, np.float32) for c in shot.backdrop)
    rows = np.linspace(0, 1, size, dtype=np.float32)[:, None, None]
    image = np.broadcast_to(top * (1 - rows) + bottom * rows, (size, size, 3)).copy()
    scene = rng.random((9, 9, 1), np.float32)
    scene = cv2.resize(scene, (size, size), interpolation=cv2.INTER_CUBIC)[..., None]
    image += (spots - image) * np.clip(scene * 1.5 - 0.5, 0, 1) * shot.backdrop_kind
    return np.ascontiguousarray(image)


def _shrink(fine: np.ndarray, size: int) -> np.ndarray:
    return cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA)


def _develop(linear: np.ndarray, shot: Shot, size: int) -> np.ndarray:
    """Linear light -> uint8 RGB: exposure, lens blur, shoulder, gamma, sensor noise."""
    image = _shrink(linear, size) * shot.exposure
    sigma = shot.blur * size
    if sigma > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), sigma)
    image = np.where(image > 0.7, 0.7 + 0.3 * np.tanh((image - 0.7) / 0.3), image)  # highlights roll off
    image = 255 * np.maximum(image, 0) ** (1 / 2.2)
    rng = np.random.default_rng([shot.seed, 4])
    image += shot.noise * rng.standard_normal(image.shape, np.float32)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)

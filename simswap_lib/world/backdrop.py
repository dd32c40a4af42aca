"""What stands behind the person, out of focus: rooms, trees, streets, lights at night."""

from functools import lru_cache

import cv2
import numpy as np

from simswap_lib.world.compiled import compiled
from simswap_lib.world.dice import dice, uniform
from simswap_lib.world.shots import Shot

COARSE = 64  # backgrounds are painted on a canvas this high, then blurred and enlarged


def paint(shot: Shot, height: int, width: int) -> np.ndarray:
    """float32 (height, width, 3) in linear light."""
    rng = dice(shot.seed, 3)
    tall, wide = COARSE, max(COARSE, round(COARSE * width / height))
    first, second, third = (np.array(c, np.float32) for c in shot.backdrop_colours)
    image = np.empty((tall, wide, 3), np.float32)
    image[:] = first + (second - first) * _ramp(0, tall)[:, None, None]
    PAINTERS[shot.backdrop](image, rng, first, second, third)
    sigma = max(shot.backdrop_blur * tall, 0.5)
    image = cv2.GaussianBlur(image, (0, 0), sigma)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.maximum(image, np.float32(0.001), out=image)


@lru_cache(maxsize=16)
def _ramp(first: int, count: int) -> np.ndarray:
    """float32 (count,) from `first` to 1."""
    return np.linspace(first, 1, count, dtype=np.float32)


def _box(image: np.ndarray, x0: float, y0: float, x1: float, y1: float, colour: np.ndarray) -> None:
    _fill(image, int(x0), int(y0), int(x1), int(y1), np.asarray(colour, np.float32))


def _spot(image: np.ndarray, x: float, y: float, radius: float, colour: np.ndarray, share: float = 1.0) -> None:
    """A disc; share: how much of what is behind it hides."""
    _disc(image, float(x), float(y), float(radius), np.asarray(colour, np.float32), float(share))


def _spots(image: np.ndarray, places: np.ndarray, colours: np.ndarray) -> None:
    """Discs one over the other. places (N, 4): x, y, radius and share of each; colours (N, 3)."""
    _discs(image, np.asarray(places, np.float64), np.asarray(colours, np.float32))


@compiled
def _fill(image, x0, y0, x1, y1, colour):
    tall, wide = image.shape[:2]
    for row in range(max(y0, 0), min(y1 + 1, tall)):
        for col in range(max(x0, 0), min(x1 + 1, wide)):
            for m in range(3):
                image[row, col, m] = colour[m]


@compiled
def _panes(image, rows, columns, glass, shades):
    """Windows of a house, 2.5 by 4, at every row in every column. shades: (rows * columns,) how bright each is."""
    pane = 0
    for row in rows:
        for column in columns:
            for y in range(max(int(row), 0), min(int(row + 4) + 1, image.shape[0])):
                for x in range(max(int(column), 0), min(int(column + 2.5) + 1, image.shape[1])):
                    for m in range(3):
                        image[y, x, m] = glass[m] * shades[pane]
            pane += 1


@compiled
def _books(image, floor, books, colours):
    """A row of books that stand on `floor`. books (N, 3): width, height and gap of each, in [0, 1]; colours (N, 3)."""
    x, wide = 0.0, image.shape[1]
    for n in range(len(books)):
        w, h, gap = 2 + 4 * float(books[n, 0]), 9 + 6 * float(books[n, 1]), float(books[n, 2])
        _fill(image, int(x), int(floor - h), int(x + w), int(floor), colours[n])
        x += w + (3 + 50 * gap if gap < 0.12 else 0.4)
        if x > wide:
            break


@compiled
def _discs(image, places, colours):
    for n in range(len(places)):
        _disc(image, places[n, 0], places[n, 1], places[n, 2], colours[n], places[n, 3])


@compiled
def _disc(image, x, y, radius, colour, share):
    tall, wide = image.shape[:2]
    radius = max(radius, 0.5) + 0.25  # a pixel that it touches belongs to it
    for row in range(max(int(np.ceil(y - radius)), 0), min(int(np.floor(y + radius)) + 1, tall)):
        reach = np.sqrt(max(radius * radius - (row - y) ** 2, 0.0))
        for col in range(max(int(np.ceil(x - reach)), 0), min(int(np.floor(x + reach)) + 1, wide)):
            for m in range(3):
                image[row, col, m] += share * (colour[m] - image[row, col, m])


def _wall(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    x, y = _ramp(-1, wide)[None, :, None], _ramp(-1, tall)[:, None, None]
    light = uniform(rng, -1, 1, 2).tolist()  # numbers of Python's, which leave float32 what it is
    image *= 0.7 + 0.6 * np.exp(-((x - light[0]) ** 2 + (y - light[1]) ** 2) / 1.2)
    if rng.random() < 0.5:  # a picture on the wall
        w, h, x0, y0 = uniform(rng, 12, 26), uniform(rng, 10, 22), uniform(rng, -8, wide - 10), uniform(rng, 0, 20)
        _box(image, x0 - 1.5, y0 - 1.5, x0 + w + 1.5, y0 + h + 1.5, 0.25 * first)
        _box(image, x0, y0, x0 + w, y0 + h, third)


def _window(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    x0, w = uniform(rng, -12, wide - 22), uniform(rng, 18, 34)
    _box(image, x0 - 2, -1, x0 + w + 2, 46, 1.3 * first)
    _box(image, x0, 0, x0 + w, 43, third * uniform(rng, 0.8, 1.6))
    _box(image, x0, 26, x0 + w, 43, third * np.array([0.55, 0.75, 0.45]) * uniform(rng, 0.4, 1.0))
    _box(image, x0 + w / 2 - 1, 0, x0 + w / 2 + 1, 43, first)
    if rng.random() < 0.6:
        shade = second * uniform(rng, 0.3, 0.9)
        _box(image, x0 - 9, 0, x0 - 1, tall, shade)


def _shelf(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    top = uniform(rng, -8, 4)
    for y in np.arange(top, tall, 18).tolist():
        books = rng.random((int(wide / 3) + 1, 6), np.float32)
        colours = 0.02 + 0.43 * books[:, 3:]
        colours = 0.5 * colours + 0.5 * colours.mean(1, keepdims=True) * third / max(third.max(), 0.1)
        _books(image, y + 16, books[:, :3], np.asarray(colours, np.float32))
        _box(image, 0, y + 16, wide, y + 18, second)


def _lamps(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    _box(image, 0, 44, wide, tall, 0.6 * second)
    for _ in range(rng.integers(3, 9)):
        x, y, r = uniform(rng, 0, wide), uniform(rng, 0, 36), uniform(rng, 1.2, 3.5)
        _spot(image, x, y, 3.2 * r, third * 0.5, 0.35)
        _spot(image, x, y, r, third * uniform(rng, 1.0, 3.0))


def _sky(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    cloud = 1.2 * second
    for _ in range(rng.integers(2, 7)):
        x, y = uniform(rng, 0, wide), uniform(rng, 0, 30)
        for _ in range(5):
            _spot(image, x + rng.normal(0, 6), y + rng.normal(0, 1.5), uniform(rng, 2, 5), cloud, 0.5)
    horizon = uniform(rng, 30, 50)
    hills = horizon + 3 * np.sin(np.linspace(0, uniform(rng, 3, 9), wide) + uniform(rng, 0, 6)) - uniform(rng, 0, 4)
    ground = np.arange(tall)[:, None] > hills
    np.copyto(image, third * (0.8 + 0.3 * rng.random((tall, wide, 1), np.float32)), where=ground[..., None])


def _trees(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    leaves, palette = rng.random((48, 5)), np.stack([first, second, 0.6 * second])
    colours = palette[(3 * leaves[:, 3]).astype(int)] * (0.6 + 0.9 * leaves[:, 4:])
    x, y, radius = leaves[:, :3].T
    _spots(image, np.stack([x * wide, y * (tall + 3) - 3, 3 + 6.5 * radius, np.ones(len(leaves))], axis=1), colours)
    for _ in range(rng.integers(0, 3)):
        x, w = uniform(rng, 0, wide), uniform(rng, 1.5, 4)
        _box(image, x, 0, x + w, tall, 0.35 * second)
    x, y, radius = rng.random((rng.integers(6, 16), 3)).T  # sky between the leaves
    holes = np.stack([x * wide, y * 36, 0.8 + 1.6 * radius, np.ones(len(x))], axis=1)
    _spots(image, holes, np.tile(1.6 * third, (len(x), 1)))


def _street(image, rng, first, second, third):
    tall, wide = image.shape[:2]
    image[:34] = 1.1 * third
    x = -4.0
    while x < wide:
        w, top = uniform(rng, 10, 24), uniform(rng, -6, 22)
        wall = (first, second)[rng.integers(2)] * uniform(rng, 0.5, 1.3)
        _box(image, x, top, x + w, 52, wall)
        glass = np.asarray(third * uniform(rng, 0.25, 0.9), np.float32)
        rows, columns = np.arange(top + 2, 48, 7), np.arange(x + 2, x + w - 3, 5)
        _panes(image, rows, columns, glass, uniform(rng, 0.6, 1.2, len(rows) * len(columns)))
        x += w
    _box(image, 0, 52, wide, tall, 0.8 * second)


def _night(image, rng, first, second, third):
    low = np.array([0.3, 0.5, 0.5, 0.5, 0, 4, 1, 0.4])
    high = np.array([1.6, 1.1, 1.1, 1.1, image.shape[1], 54, 4.5, 0.9])
    lamps = low + (high - low) * rng.random((rng.integers(10, 26), 8))  # brightness, tint (3), x, y, radius, share
    _spots(image, lamps[:, 4:], third * lamps[:, :1] * lamps[:, 1:4])


PAINTERS = {
    "wall": _wall,
    "window": _window,
    "shelf": _shelf,
    "lamps": _lamps,
    "sky": _sky,
    "trees": _trees,
    "street": _street,
    "night": _night,
}

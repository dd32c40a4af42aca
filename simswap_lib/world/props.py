"""What a shot puts on or before a face: glasses, a mask, a strand of hair, a microphone, a hand. And lashes.

Things that are worn hang on vertices of the head, so that they fit whoever wears them; the rest depends on the shot.
"""

from dataclasses import dataclass, field
from functools import cache, lru_cache, partial

import numpy as np

from simswap_lib.world import head_model
from simswap_lib.world.compiled import compiled
from simswap_lib.world.shots import Shot

LENS = 24  # corners of a lens
ROUND = np.linspace(0, 2 * np.pi, LENS + 1)
BRIDGE = np.linspace(-1, 1, 5)  # along the bridge of a pair of glasses
MASK_ROWS, MASK_COLUMNS = 9, 15
FRAME_WIDTH = {"thin": 0.016, "thick": 0.045, "sun": 0.032}


@cache
def _along(count: int) -> np.ndarray:
    """(count,) from 0 to 1, read-only."""
    out = np.linspace(0, 1, count)
    out.flags.writeable = False
    return out


@dataclass
class Lines:
    """Lines to be made into ribbons: points (L, K, 3), half widths (L,), numbers (L,) and the kind of thing."""

    points: np.ndarray
    widths: np.ndarray
    numbers: np.ndarray
    kind: int
    taper: float = 0.0


@dataclass
class Props:
    """Things in the head's axes (`worn`: lines, and grids of the mask) and in the camera's (`held`: tubes)."""

    worn: list[Lines] = field(default_factory=list)
    lenses: np.ndarray | None = None  # (2, LENS + 1, 3): middle and corners
    mask: np.ndarray | None = None  # (MASK_ROWS * MASK_COLUMNS, 3)
    held: list[tuple[np.ndarray, np.ndarray, int]] = field(default_factory=list)  # vertices, triangles, kind


@lru_cache(maxsize=1)
def anchors() -> dict[str, np.ndarray]:
    """Vertex numbers of the coarse mesh where things rest: nose, brows, cheeks, ears, lids, the front of the face."""
    head = head_model.load()
    candidates = np.unique(head.coarse[(head.part[head.coarse] == head_model.SKIN).all(1)])
    x, y, z = head.mean[candidates].T
    front = z + 0.3 * np.clip(z, -1, 0)  # prefers what faces the camera

    def at(px, py):
        return candidates[np.argmin((x - px) ** 2 + (y - py) ** 2 - 0.3 * front)]

    ears = [candidates[np.argmin((x - s * 1.28) ** 2 + (y - 0.12) ** 2 + (z + 1.2) ** 2)] for s in (-1, 1)]
    bearing = np.arctan2(x, z + 0.95)
    outside = np.hypot(x, z + 0.95)
    u, v = np.meshgrid(np.linspace(-1, 1, MASK_COLUMNS), _along(MASK_ROWS))
    top, bottom = -0.42 - 0.28 * u**2, -1.95 + 0.55 * u**2
    height = top + (bottom - top) * v
    mask = [
        candidates[np.argmin((bearing - 1.12 * a) ** 2 + (y - h) ** 2 - 0.15 * outside)]
        for a, h in zip(u.ravel(), height.ravel(), strict=True)
    ]
    lids = []
    for eye in (head_model.RIGHT_EYE, head_model.LEFT_EYE):
        centre = head.mean[head.part == eye].mean(0)
        upper = candidates[(head.rim[candidates] > 0.5) & (y > centre[1]) & (np.abs(x - centre[0]) < 0.33)]
        places = centre[0] + np.linspace(-0.24, 0.24, 9)
        lids.append([upper[np.argmin(np.abs(head.mean[upper, 0] - p) - 0.5 * head.mean[upper, 2])] for p in places])
    strand = [[at(px, py) for py in np.linspace(1.1, -1.2, 9)] for px in np.linspace(-0.7, 0.7, 8)]
    return {
        "rest": np.array([at(0, -0.15), at(0.5, 0.36), at(-0.5, 0.36), at(0.62, -0.42), at(-0.62, -0.42)]),
        "ears": np.array(ears),
        "mask": np.array(mask),
        "lids": np.array(lids),
        "strand": np.array(strand),
    }


def wear(vertices: np.ndarray, at: np.ndarray, shot: Shot, kinds: dict[str, int]) -> Props:
    """Everything of the shot that is worn, in the head's axes. `at` maps a vertex number to its row in `vertices`."""
    props, where = Props(), anchors()
    ears = vertices[at[where["ears"]]]
    if shot.glasses != "none":
        _glasses(props, vertices[at[where["rest"]]], ears, shot, kinds["frame"])
    if shot.occluder == "mask":
        _mask(props, vertices[at[where["mask"]]], ears, kinds["mask"])
    if shot.occluder == "strand":
        _strand(props, vertices[at[where["strand"]]], shot, kinds["strand"])
    return props


def _glasses(props: Props, rest: np.ndarray, ears: np.ndarray, shot: Shot, kind: int) -> None:
    wide, high, square = shot.glasses_shape
    a, b, power = 0.34 + 0.10 * wide, 0.22 + 0.12 * high, 2 + 2.2 * (1 - square)
    if shot.glasses == "sun":
        a, b = a + 0.05, b + 0.04
    # In front of nose bridge, brows and cheeks, whichever stands out most.
    plane = max(rest[0, 2] + 0.03, rest[1:3, 2].max() + 0.10, rest[3:, 2].max() + 0.06)
    c, s = np.cos(ROUND), np.sin(ROUND)
    rim = np.stack([a * np.sign(c) * np.abs(c) ** (2 / power), b * np.sign(s) * np.abs(s) ** (2 / power)], axis=1)
    inner, middle = 0.11, np.array([0.11 + a, -0.05])

    def bent(x, y):
        return np.stack([x, y, plane - 0.16 * np.maximum(np.abs(x) - inner, 0) ** 2], axis=-1)

    loops, lenses = [], []
    for side in (-1, 1):
        loop = bent(side * (middle[0] + rim[:, 0]), middle[1] + rim[:, 1])
        loops.append(loop)
        lenses.append(np.concatenate([bent(side * middle[0], middle[1])[None], loop[:-1]]))
    width = FRAME_WIDTH[shot.glasses]
    bridge = bent(inner * BRIDGE, middle[1] + 0.06 + 0.04 * np.cos(1.5 * BRIDGE))
    temples = []
    for side, ear in zip((-1, 1), ears, strict=True):
        hinge = bent(np.array(side * (middle[0] + a)), np.array(middle[1] + 0.4 * b))
        behind = np.array([side * max(abs(ear[0]) - 0.02, abs(hinge[0])), ear[1] + 0.1, ear[2]])
        temples.append(hinge + _along(5)[:, None] * (behind - hinge))
    props.worn += [
        Lines(np.array(loops, np.float32), np.full(2, width, np.float32), np.zeros(2, np.float32), kind),
        Lines(bridge[None].astype(np.float32), np.full(1, width, np.float32), np.zeros(1, np.float32), kind),
        Lines(np.array(temples, np.float32), np.full(2, width, np.float32), np.zeros(2, np.float32), kind),
    ]
    props.lenses = np.array(lenses, np.float32)


def _mask(props: Props, points: np.ndarray, ears: np.ndarray, kind: int) -> None:
    axis = np.array([0, 0, -0.95], np.float32)
    grid = (points - axis).reshape(MASK_ROWS, MASK_COLUMNS, 3)
    flat = np.hypot(grid[..., 0], grid[..., 2])
    radius = flat + 0.05
    # Cloth spans what is hollow: from the tip of the nose straight down to the chin, and from there to the cheeks.
    for _ in range(6):
        around = np.pad(radius, 1, mode="edge")
        mean = (around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]) / 4
        radius = np.maximum(radius, mean)
    grid[..., 0] *= radius / flat
    grid[..., 2] *= radius / flat
    # Rows at an even distance hang straighter than the vertices they were taken from.
    grid[1:-1, :, 1] = 0.5 * grid[1:-1, :, 1] + 0.25 * (grid[:-2, :, 1] + grid[2:, :, 1])
    grid += axis
    props.mask = grid.reshape(-1, 3)
    t = _along(4)[:, None]
    straps = []
    for column, ear in ((0, ears[0]), (-1, ears[1])):
        for row, up in ((0, 0.15), (MASK_ROWS - 1, -0.25)):
            start = grid[row, column]
            straps.append(start + t * (ear + [0, up, -0.05] - start) + [[0, 0, 0.04]] * np.sin(np.pi * t))
    props.worn.append(Lines(np.array(straps, np.float32), np.full(4, 0.018, np.float32), np.zeros(4, np.float32), kind))


def _strand(props: Props, surface: np.ndarray, shot: Shot, kind: int) -> None:
    """A lock that has come loose and falls over the forehead, past an eye, to the cheek."""
    rng = np.random.default_rng([shot.seed, 6])
    count, steps = 26, surface.shape[1]
    across, _, turn = shot.occluder_place
    reach = 5 + int(3.9 * (0.5 + 0.5 * shot.occluder_place[1]))  # how far down it comes
    t = _along(steps)
    spread = rng.normal(0, 0.35, count)[:, None] * (0.5 + 0.8 * t)
    side = 1.0 if across > 0 else -1.0
    column = np.clip(3.5 + side * (0.7 + 1.9 * abs(across)) + 1.3 * turn * t**1.5 + spread, 0, 6.999)
    i = column.astype(int)
    w = (column - i)[..., None]
    k = np.arange(steps)
    points = surface[i, k] * (1 - w) + surface[i + 1, k] * w
    off = 0.07 + 0.05 * rng.random((count, 1)) + 0.05 * np.sin(np.pi * t)[None]
    points[..., 2] += off
    points[..., 1] += 0.03 * rng.normal(0, 1, (count, 1))
    numbers = rng.random(count).astype(np.float32)
    props.worn.append(
        Lines(points[:, :reach].astype(np.float32), np.full(count, 0.03, np.float32), numbers, kind, taper=0.7)
    )


# ----------------------------------------------------------------------------


def hold(props: Props, shot: Shot, mouth: np.ndarray, kinds: dict[str, int]) -> None:
    """What is held before the face, in the camera's axes; mouth: where the mean head's mouth is in this pose."""
    across, up, turn = shot.occluder_place
    side = 1.0 if across > 0 else -1.0
    if shot.occluder == "microphone":
        top = mouth + [0.45 * across, -0.32 + 0.12 * up, 0.62]
        end = top + [1.4 * turn, -3.2, 0.7]
        path = top + _along(4)[:, None] * (end - top)
        ball = np.linspace(-1, 1, 9)
        axis = (end - top) / np.linalg.norm(end - top)
        globe = top - axis * 0.30 * ball[::-1, None]
        props.held += [
            (*tube(globe, 0.30 * np.sqrt(np.maximum(1 - ball**2, 0)) + 0.004, ring=14), kinds["microphone"]),
            (*tube(path, np.array([0.17, 0.17, 0.15, 0.13]), ring=12), kinds["handle"]),
        ]
    elif shot.occluder == "hand":
        palm = mouth + [side * (0.85 + 0.25 * abs(across)), -0.75 + 0.25 * up, 0.55]
        lean = np.radians(side * (28 + 22 * turn))
        right, upwards = np.array([np.cos(lean), np.sin(lean), 0.0]), np.array([-np.sin(lean), np.cos(lean), 0.0])
        axes = np.stack([side * right, upwards, [0.0, 0.0, 1.0]])

        def local(*places):  # x, y, z of the hand's own: numbers or (K,) -> (K, 3)
            return palm + np.stack(np.broadcast_arrays(*places), axis=1) @ axes

        for base, length, bend in ((-0.36, 0.72, 0.16), (-0.12, 0.88, 0.13), (0.13, 0.84, 0.15), (0.36, 0.64, 0.2)):
            k = _along(7)
            path = local(base * (1 - 0.12 * k), 0.22 + (length + 0.08) * k, 0.06 - bend * k * k)
            radii = np.array([0.130, 0.122, 0.116, 0.117, 0.106, 0.092, 0.03])
            props.held.append((*tube(path, radii), kinds["hand"]))
        k = _along(6)
        thumb = local(-0.36 - 0.36 * np.sqrt(k), -0.25 + 0.72 * k, 0.10 - 0.12 * k)
        props.held.append((*tube(thumb, np.array([0.19, 0.17, 0.145, 0.14, 0.12, 0.04])), kinds["hand"]))
        k = np.array([0.0, 0.06, 0.16, 0.27, 0.38, 0.5, 0.65, 0.8, 1.0])
        arm = local(0.02, 0.52 - 3.2 * k, -0.02 + 0.3 * k)
        wide = np.array([0.16, 0.47, 0.50, 0.42, 0.33, 0.32, 0.36, 0.4, 0.44])
        props.held.append((*tube(arm, wide, ring=12, flat=0.42), kinds["hand"]))


def tube(path: np.ndarray, radii: np.ndarray, ring: int = 9, flat: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A tube along `path` (K, 3) with its radii (K,): vertices and triangles; `flat` squeezes it towards the camera."""
    vertices = _tube(np.asarray(path, np.float64), np.asarray(radii, np.float64), ring, float(flat))
    return vertices, tube_triangles(len(path), ring)


@partial(compiled, allocates=True)
def _tube(path, radii, ring, flat):
    count = len(path)
    out = np.empty((count * ring, 3), np.float32)
    ahead, side, front = np.empty(3), np.empty(3), np.empty(3)
    for k in range(count):
        before, after = path[max(k - 1, 0)], path[min(k + 1, count - 1)]
        for m in range(3):
            ahead[m] = after[m] - before[m]
        ahead /= np.sqrt((ahead * ahead).sum())
        side[0], side[1], side[2] = ahead[1], -ahead[0], 0.0  # across, as the camera sees it
        side /= np.sqrt((side * side).sum())
        for m in range(3):
            a, b = (m + 1) % 3, (m + 2) % 3
            front[m] = side[a] * ahead[b] - side[b] * ahead[a]
        for n in range(ring):
            angle = 2 * np.pi * n / ring
            for m in range(3):
                arm = np.cos(angle) * side[m] + flat * np.sin(angle) * front[m]
                out[k * ring + n, m] = path[k, m] + radii[k] * arm
    return out


@lru_cache(maxsize=16)
def tube_triangles(rows: int, ring: int) -> np.ndarray:
    """(T, 3) triangles of a tube of `rows` rings with `ring` points each, numbered from 0."""
    i = np.arange(rows * ring).reshape(rows, ring)
    j = np.roll(i, -1, axis=1)
    a, b, c, d = i[:-1].ravel(), j[:-1].ravel(), i[1:].ravel(), j[1:].ravel()
    return np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)]).astype(np.int32)


@lru_cache(maxsize=1)
def mask_triangles() -> np.ndarray:
    """(T, 3) triangles of the mask's grid, numbered from 0."""
    i = np.arange(MASK_ROWS * MASK_COLUMNS).reshape(MASK_ROWS, MASK_COLUMNS)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, :-1].ravel(), i[1:, 1:].ravel()
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)]).astype(np.int32)


@lru_cache(maxsize=1)
def lens_triangles() -> np.ndarray:
    """(2 LENS, 3) triangles of two lenses, each a fan around its middle."""
    k = np.arange(LENS)
    fan = np.stack([np.zeros(LENS, int), 1 + k, 1 + (k + 1) % LENS], axis=1)
    return np.concatenate([fan, fan + LENS + 1]).astype(np.uint32)


def lashes(seen: np.ndarray, normals: np.ndarray, at: np.ndarray, up: np.ndarray, length: float, kind: int) -> Lines:
    """Upper lashes in the camera's axes, from the posed head; up: the head's upward direction; length: 0 to 1."""
    lids = at[anchors()["lids"]]  # (2, 9)
    roots, out = seen[lids], normals[lids]
    side = np.linspace(-1, 1, lids.shape[1])[None, :, None] * np.cross(up, [0, 0, 1.0]) * [[[1]]]
    # Twice as many lashes as vertices.
    roots = np.concatenate([roots, (roots[:, 1:] + roots[:, :-1]) / 2], axis=1)
    out = np.concatenate([out, (out[:, 1:] + out[:, :-1]) / 2], axis=1)
    side = np.broadcast_to(np.concatenate([side, (side[:, 1:] + side[:, :-1]) / 2], axis=1), out.shape)
    reach = 0.035 + 0.075 * length
    first = 0.9 * out + 0.35 * side + 0.15 * up
    second = 0.55 * out + 0.5 * side + 0.75 * up
    lines = np.stack([roots, roots + 0.5 * reach * first, roots + 0.5 * reach * (first + second)], axis=2)
    lines = lines.reshape(-1, 3, 3).astype(np.float32)
    return Lines(lines, np.full(len(lines), 0.008, np.float32), np.zeros(len(lines), np.float32), kind, taper=0.7)

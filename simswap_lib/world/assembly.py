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

    seen: np.ndarray
    triangles: np.ndarray
    one_sided: int  # so many triangles, the head's, are seen from outside only
    normals: np.ndarray
    attributes: np.ndarray
    kinds: np.ndarray
    detail: np.ndarray
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
    turned = camera.pose(lifted, mean[:, 1], shot)
    positions, triangles = [turned], [level.triangles]
    kinds, attributes = [level.part], [level.attributes]
    count = len(turned)

    def add(points, corners, kind, what):
        nonlocal count
        positions.append(points)
        triangles.append(corners + np.int32(count))
        kinds.append(np.full(len(points), kind))
        full = np.zeros((len(points), look.ATTRIBUTES), np.float32)
        full[:, : what.shape[1]] = what
        full[:, look.OPEN] = 1
        attributes.append(full)
        count += len(points)

    if hair.STYLES[shot.hair].curtain:
        rows, _ = hair.ring()
        points = hair.curtain(lifted[level.at[rows]], shot)
        add(camera.pose(points, points[:, 1], shot), hair.curtain_triangles(), head_model.HAIR, points)
    worn = props.wear(vertices, level.at, shot, KINDS)
    if worn.mask is not None:
        what = mean[level.at[props.anchors()["mask"]]]
        add(camera.pose(worn.mask, 0.0, shot), props.mask_triangles(), look.CLOTH_MASK, what)
    if shot.occluder in ("hand", "microphone"):
        mouth = camera.pose(head_model.load().mean[head_model.load().corners[1:]].mean(0)[None], 0.0, shot)[0]
        props.hold(worn, shot, mouth, KINDS)
        for points, corners, kind in worn.held:
            add(points, corners, kind, points)

    solid = count
    seen, corners = np.concatenate(positions), np.concatenate(triangles)
    normals = raster.normals_of(seen, corners)
    normals[len(mean) :] *= np.where(
        normals[len(mean) :, 2:] < 0, -1, 1
    )  # what is not the head is seen from both sides
    shadow = np.concatenate([level.shadow_triangles, *triangles[1:]])

    lines = [*worn.worn]
    for line in lines:
        line.points = camera.pose(line.points.reshape(-1, 3), 0.0, shot).reshape(line.points.shape)
    chosen, _, _ = hair.roots()
    corner = level.at[head_model.load().coarse[chosen]]
    points, widths, numbers = hair.locks(lifted[corner], level.normals[corner], shot, size)
    if len(points):
        flat = points.reshape(-1, 3)
        lines.append(
            props.Lines(camera.pose(flat, flat[:, 1], shot).reshape(points.shape), widths, numbers, look.LOCK, 0.75)
        )
    if size > COARSE_UP_TO:
        up = camera.rotation(shot.yaw, shot.pitch, shot.roll) @ [0, 1, 0]
        lines.append(props.lashes(seen, normals, level.at, up.astype(np.float32), identity.lashes, look.LASH))
    positions, triangles, kinds, attributes = [seen], [corners], kinds, attributes
    shine = [normals]
    centre = camera.pose(hair.CENTRE[None], 0.0, shot)[0]
    for line in lines:
        dark = 0.55 if line.kind == look.LOCK else 0.1
        points, faces, outward, what = ribbons(
            line.points, line.widths, line.numbers, shot.distance, line.taper, centre, count, look.ATTRIBUTES, dark
        )
        positions.append(points)
        triangles.append(faces)
        kinds.append(np.full(len(points), line.kind))
        attributes.append(what)
        shine.append(outward)
        count += len(points)
    corners = np.concatenate(triangles)
    detail = np.zeros(len(corners), bool)
    detail[: len(level.detail)] = level.detail
    return Assembly(
        seen=np.ascontiguousarray(np.concatenate(positions), np.float32),
        triangles=corners,
        one_sided=len(level.triangles),
        normals=np.concatenate(shine),
        attributes=np.concatenate(attributes),
        kinds=np.concatenate(kinds),
        detail=detail,
        shadow=shadow,
        solid=solid,
        lenses=None if worn.lenses is None else camera.pose(worn.lenses.reshape(-1, 3), 0.0, shot),
    )

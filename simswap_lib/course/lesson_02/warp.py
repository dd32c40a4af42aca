"""Checks of exercise 02.2: the random warp bends each face smoothly, as far as asked, and repeats the border."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from simswap_lib.course.exercise import Wrong, call, require
from simswap_lib.course.probes import same

B, SIZE, STRENGTH = 4, 64, 0.02  # a move is 1.3 pixels on average
INSIDE = slice(10, 54)  # here no move leads out of the picture
KNOTS = (16, 32, 48)  # of the five knots on each axis, those that lie within


def _map(count: int = B) -> Tensor:
    """Pictures that say where their pixels come from: column, row, and 1 everywhere; (count, 3, SIZE, SIZE)."""
    row, column = torch.meshgrid(torch.arange(float(SIZE)), torch.arange(float(SIZE)), indexing="ij")
    return torch.stack([column, row, torch.ones(SIZE, SIZE)]).expand(count, -1, -1, -1).clone()


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _warped(warp: Callable, faces: Tensor, strength: float = STRENGTH, seed: int = 3) -> Tensor:
    return call(lambda faces: warp(faces, _seeded(seed), strength), shape=tuple(faces.shape), faces=faces)


def _moves(warp: Callable, count: int = B, strength: float = STRENGTH, seed: int = 3) -> Tensor:
    """How far each pixel's origin lies to the right and below, in pixels: (count, 2, SIZE, SIZE)."""
    return (_warped(warp, _map(count), strength, seed) - _map(count))[:, :2]


def keeps_the_shape(random_warp: Callable) -> None:
    """returns the shape (B, 3, S, S), whatever the size S"""
    try:
        _warped(random_warp, torch.rand(B, 3, SIZE, SIZE))
        try:
            _warped(random_warp, torch.rand(B, 3, 40, 40))
        except (RuntimeError, Wrong) as error:
            raise Wrong(
                f"It bends pictures of {SIZE} pixels, but with pictures of 40 it fails: {error} Take the size from the "
                f"pictures, faces.shape[-1]: is a number such as {SIZE}, {SIZE + SIZE // 4} or {SIZE // 8} written in?"
            ) from error
    except RuntimeError as error:
        if "grid" not in str(error) and "must match" not in str(error):
            raise
        raise Wrong(
            f"The shapes do not fit together: {error}. The grid is (B, S, S, 2), the two numbers of a place last, but "
            "the moves are (B, 2, S, S) once their rim is cut off: moves.permute(0, 2, 3, 1) brings them into that "
            "order."
        ) from error


def changes_nothing_without_strength(random_warp: Callable) -> None:
    """gives the picture back as it was when the strength is 0"""
    faces = _map()
    found = _warped(random_warp, faces, strength=0.0)
    if same(found, faces, 1e-3):
        return
    if same(found[:, :2], faces[:, [1, 0]], 1e-3):
        raise Wrong(
            "With strength 0 rows and columns come back exchanged: a place in the grid is (x, y), the column first."
        )
    off = (found - faces)[:, :2].abs().max().item()
    require(
        (found[:, :2] - (SIZE - 1) / 2).abs().max() > 2,
        "With strength 0 all pixels are taken from the middle of the picture: the moves alone are no places. Add them "
        "to the straight grid.",
    )
    require(
        off < 3,
        f"With strength 0 pixels still come from up to {off:.0f} pixels away. Multiply the moves by `strength`.",
    )
    raise Wrong(
        f"With strength 0 pixels still come from up to {off:.2f} pixels away: the picture is a little shrunk or grown. "
        "affine_grid and grid_sample must agree on what -1 and 1 are: align_corners=False in both. (A linspace from -1 "
        "to 1 runs through the corners' middles, which is the other convention.)"
    )


def draws_from_the_generator(random_warp: Callable) -> None:
    """takes its random numbers from `generator`: same seed, same warp; another seed, another warp"""
    faces = torch.rand(B, 3, SIZE, SIZE)
    one, again, other = (_warped(random_warp, faces, seed=seed) for seed in (3, 3, 4))
    require(
        same(one, again),
        "The same generator gave two different warps: torch.randn needs generator=generator, or else it draws from the "
        "global numbers and no run can be repeated.",
    )
    require(
        not same(one, other),
        "Two generators with different seeds gave the same warp. The moves have to be drawn, with generator=generator, "
        "at each call.",
    )


def bends_each_face_its_own_way(random_warp: Callable) -> None:
    """bends each face of the batch in its own way, and x independently of y"""
    moves = _moves(random_warp)[:, :, INSIDE, INSIDE]
    require(
        not same(moves[0], moves[1], 1e-3),
        "All faces of the batch are bent alike: draw moves of shape (B, 2, 5, 5), with B = len(faces).",
    )
    require(
        not same(moves[:, 0], moves[:, 1], 1e-3),
        "Each place moves as far down as it moves to the right, so all faces are bent along one diagonal only: draw "
        "two numbers for each knot, (B, 2, 5, 5).",
    )
    require(
        moves[:, 0].abs().max() > 1e-3 and moves[:, 1].abs().max() > 1e-3,
        "Pixels move along one axis only; each knot moves in x and in y.",
    )


def bends_like_a_rubber_sheet(random_warp: Callable) -> None:
    """bends smoothly: between the knots, which are a quarter of the side apart, moves change at an even rate"""
    moves = _moves(random_warp)
    x = moves[:, :, SIZE // 2, INSIDE]  # (B, 2, ...) along the middle row
    require(
        (x.amax(-1) - x.amin(-1)).max() > 0.05,
        "All pixels of a face move together: that is a shift, not a warp. Draw one move for each knot of a 5 x 5 grid.",
    )
    bend = x[..., 2:] - 2 * x[..., 1:-1] + x[..., :-2]  # 0 where moves change at an even rate
    place = torch.arange(INSIDE.start + 1, INSIDE.stop - 1)
    at_knot = sum(((place == knot) | (place == knot - 1)) for knot in KNOTS).bool()
    between = bend[..., ~at_knot].abs().max().item()
    if between < 0.02:
        return
    apart = (moves[:, 0] - moves[:, 1])[:, INSIDE, INSIDE]
    require(
        apart.abs().mean() > 0.3 * moves[:, :, INSIDE, INSIDE].std(),
        "Each pixel moves nearly as far down as to the right, and the sheet is torn across the middle: the moves were "
        "brought into the grid's shape by reshape or view, which pairs neighbours. permute(0, 2, 3, 1) changes the "
        "order of the axes; never reshape for that.",
    )
    require(
        between < 1.0,
        f"Neighbouring pixels move by up to {between:.1f} pixels in different ways, so the picture is crumbled, not "
        "bent. Draw 5 x 5 moves and enlarge them with F.interpolate(..., mode='bilinear').",
    )
    raise Wrong(
        "The moves are smooth, but their kinks do not lie a quarter of the side apart, from border to border. Enlarge "
        "the 5 x 5 moves to size + size // 4 with mode='bilinear', then cut size // 8 off at each side: so the outer "
        "knots come to lie on the picture's border."
    )


def moves_as_far_as_asked(random_warp: Callable) -> None:
    """moves a knot by 0 on average, with a standard deviation of strength * S pixels"""
    moves = torch.cat([_moves(random_warp, 200, seed=seed) for seed in (3, 4)])  # (400, 2, S, S)
    middle = SIZE // 2
    knot = moves[:, :, middle - 1 : middle + 1, middle - 1 : middle + 1].mean(dim=(2, 3))  # (400, 2)
    wanted, mean, spread = STRENGTH * SIZE, knot.mean().item(), knot.std().item()
    require(
        abs(mean) < 0.25 * wanted,
        f"On average a knot moves by {mean:.2f} pixels; expected 0. torch.rand lies between 0 and 1, so everything is "
        "pushed one way; torch.randn goes both ways.",
    )
    require(
        (knot - mean).abs().max() > 2 * spread,
        f"No move of {2 * len(knot)} is more than twice the usual one: these numbers are drawn evenly from a range. "
        "Here they are normal: torch.randn.",
    )
    ratio = spread / wanted
    if 0.85 < ratio < 1.15:
        return
    told = f"For strength {STRENGTH} and {SIZE} pixels a knot's moves have a standard deviation of {spread:.2f} pixels"
    require(
        not 0.42 < ratio < 0.58,
        f"{told}; expected {wanted:.2f}, twice as much. The grid runs from -1 to 1, so the whole side is 2: "
        "2 * strength * torch.randn(...).",
    )
    raise Wrong(f"{told}; expected {wanted:.2f}: 2 * strength * torch.randn(...), in the grid's units.")


def repeats_the_border(random_warp: Callable) -> None:
    """repeats the border where a move leads out of the picture"""
    ones = _warped(random_warp, _map(), strength=0.08)[:, 2]
    require(
        ones.min() > 0.999,
        f"A picture that is 1 everywhere came back with {ones.min():.2f} at the rim: what lies outside was taken as 0, "
        "which draws dark wedges. padding_mode='border' repeats the border.",
    )
    # At the right rim about half of the moves lead outside; there the last column itself must be seen.
    rim = _warped(random_warp, _map(), strength=0.08)[:, 0, :, -1]  # the columns that the last column was taken from
    require(
        (rim > SIZE - 1 - 1e-3).float().mean() > 0.15,
        "What lies outside is not the border repeated: is padding_mode='reflection' there, which mirrors the face's "
        "rim back into the picture? Expected 'border'.",
    )

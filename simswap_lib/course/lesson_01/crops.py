"""Checks of exercises 01.4 and 01.5: a face cut out upright, and the rule by which a photograph is kept or dropped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simswap_lib.course.arrays import checked, run_with_arrays
from simswap_lib.course.exercise import Wrong, require
from simswap_lib.course.lesson_01.points import apply, same, turn
from simswap_lib.faces.align import FFHQ, TEMPLATE
from simswap_lib.faces.prepare import SIZE as CROP
from simswap_lib.faces.prepare import SMALLEST

HEIGHT, WIDTH, SIZE = 240, 320, 96  # unequal, so that no side is taken for another
# A face that leans by 0.4 radians, 110 pixels wide, right of the middle.
POINTS = (TEMPLATE - 0.5) @ turn(0.4).T * 110 + [185.0, 112.0]
NAMES = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")
COLOUR = (200, 120, 40)  # red is not blue
NEAR = 1.5  # pixels of the crop: half a pixel more or less is a convention, not a mistake


def picture_of(points: np.ndarray, height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Soft white dots (3 pixels) on black, one at each point: uint8 RGB (height, width, 3)."""
    y, x = np.mgrid[:height, :width] + 0.5
    dots = [np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * 3.0**2)) for px, py in points]
    return np.repeat((255 * np.clip(sum(dots), 0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def centre_of(crop: np.ndarray) -> np.ndarray | None:
    """(x, y) of the mean brightness, in pixels from the top left corner; None if all is dark."""
    light = crop.astype(float).sum(axis=2)
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5
    return np.array([(x * light).sum(), (y * light).sum()]) / light.sum() if light.sum() > 2_000 else None


# --- 01.4 align -------------------------------------------------------------------------------------------------------


def gives_crop_and_matrix(align: Callable) -> None:
    """gives two things: the crop (size, size, 3) as uint8, and the matrix (2, 3)"""
    result = run_with_arrays(align, image=picture_of(POINTS), points=POINTS, size=SIZE, template=TEMPLATE)
    require(result is not None, "It returned None. Is the `return` missing?")
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        raise Wrong("It returned one thing; expected two: return crop, matrix.")
    require(
        np.shape(result[0]) != (2, 3),
        "The matrix stands first; expected the crop first: return crop, matrix.",
    )
    crop = checked(result[0], shape=(SIZE, SIZE, 3), name="As the crop it", advice="cv2.warpAffine(..., (size, size)).")
    require(crop.dtype == np.uint8, f"The crop is of type {crop.dtype}; expected uint8, as the picture is.")
    checked(result[1], shape=(2, 3), name="As the matrix it", advice="It is what `similarity` gives.")


def leads_to_the_template(align: Callable) -> None:
    """the matrix maps the five points of the picture to the template's, in pixels of the crop"""
    _, matrix = _aligned(align)
    wanted = SIZE * TEMPLATE
    landed = apply(matrix, POINTS)
    if same(landed, wanted, 1e-4):
        return
    for value, cause in (
        (
            apply(matrix, POINTS) * SIZE,
            "they land within a square of side 1. The template has side 1: size * template.",
        ),
        (
            apply(matrix, POINTS[:, ::-1]),
            "x and y have changed places: points are (x, y), x to the right, and so is the template.",
        ),
    ):
        require(not same(value, wanted, 1e-4), f"The points do not reach the template: {cause}")
    require(
        not same(apply(matrix, wanted), POINTS, 1e-4),
        "The matrix leads from the template to the picture; expected the other way: similarity(points, size * "
        "template).",
    )
    worst = int(np.abs(landed - wanted).max(axis=1).argmax())
    raise Wrong(
        f"The {NAMES[worst]} lands at ({landed[worst, 0]:.1f}, {landed[worst, 1]:.1f}); expected "
        f"({wanted[worst, 0]:.1f}, {wanted[worst, 1]:.1f}), the template's place for it times {SIZE}."
    )


def takes_the_template_given(align: Callable) -> None:
    """uses the template that it is given, here FFHQ's wider crop"""
    _, matrix = _aligned(align, template=FFHQ)
    error = np.abs(apply(matrix, POINTS) - SIZE * FFHQ).max()
    require(
        not same(apply(matrix, POINTS), SIZE * TEMPLATE, 1e-4),
        "It was called with FFHQ's template and used the course's own: the argument is called `template`, the constant "
        "`TEMPLATE`.",
    )
    require(error < 2.0, f"With FFHQ's template the points are {error:.1f} pixels off.")  # not exactly one shape


def moves_the_picture_so(align: Callable) -> None:
    """the picture goes the same way: what is painted at an eye lies at the template's eye"""
    for i, name in enumerate(NAMES):
        crop, _ = _aligned(align, image=picture_of(POINTS[i : i + 1]))
        found, wanted = centre_of(crop), SIZE * TEMPLATE[i]
        where = "outside the crop" if found is None else f"at ({found[0]:.1f}, {found[1]:.1f}) in the crop"
        require(
            found is not None and np.abs(found - wanted).max() < NEAR,
            f"A dot on the {name} lies {where}; expected ({wanted[0]:.1f}, {wanted[1]:.1f}). The matrix is "
            "right, so the warp does something else with it: cv2.warpAffine wants the matrix from picture to crop and "
            "turns it round by itself. Hand it `matrix`, not its inverse, once, without cv2.WARP_INVERSE_MAP.",
        )


def keeps_the_colours(align: Callable) -> None:
    """keeps the colours: RGB stays RGB, 0 to 255"""
    crop, _ = _aligned(align, image=np.full((HEIGHT, WIDTH, 3), COLOUR, np.uint8))
    seen = crop[SIZE // 2, SIZE // 2].astype(int)
    require(
        np.abs(seen - COLOUR[::-1]).max() > 2,
        "Red and blue have changed places. Pictures here are RGB from end to end; OpenCV only reads and writes files "
        "as BGR, warping does not care.",
    )
    require(np.abs(seen - COLOUR).max() <= 2, f"A picture of colour {COLOUR} became {tuple(seen)} in the middle.")


def _aligned(align: Callable, image: np.ndarray | None = None, template: np.ndarray = TEMPLATE) -> tuple:
    image = picture_of(POINTS) if image is None else image
    return run_with_arrays(align, image=image, points=POINTS, size=SIZE, template=template)


# --- 01.5 prepare -----------------------------------------------------------------------------------------------------


def gives_a_crop(prepare: Callable) -> None:
    """a photograph of 300 x 400 becomes a crop of 224 x 224"""
    result = _prepared(prepare, 300, 400)
    require(
        result is not None,
        "A photograph of 300 x 400 pixels was dropped (or the `return` is missing). Ask for the sides of the "
        "photograph, photo.shape[:2]: photo.shape itself ends with the 3 colours; the crop has 224, always too few.",
    )
    require(
        not isinstance(result, tuple), "It returned what `align` gives, crop and matrix; expected the crop alone: [0]."
    )
    checked(result, shape=(CROP, CROP, 3))


def drops_the_small(prepare: Callable) -> None:
    """drops a photograph if one side is below 250: None"""
    for height, width in ((249, 400), (400, 249), (120, 160)):
        try:
            result = _prepared(prepare, height, width)
        except (ValueError, AssertionError) as error:
            raise Wrong(
                f"For a photograph of {height} x {width} it raised {type(error).__name__}: {error} A small photograph "
                "is no error, only of no use: return None."
            ) from error
        if result is None:
            continue
        if not isinstance(result, np.ndarray):
            raise Wrong(f"For a photograph of {height} x {width} it returned {result!r}; expected None.")
        if (height, width) == (249, 400) and _prepared(prepare, 400, 249) is None:
            raise Wrong(f"A photograph of {height} x {width} was kept: its height was not looked at, only the width.")
        if (height, width) == (400, 249):
            raise Wrong(f"A photograph of {height} x {width} was kept: its width was not looked at, only the height.")
        raise Wrong(
            f"A photograph of {height} x {width} was kept. One short side is enough to drop it, so the shorter one "
            "decides: min, not max, and not the area. Nothing is enlarged: return None."
        )


def keeps_250(prepare: Callable) -> None:
    """keeps one of exactly 250 x 250"""
    require(
        _prepared(prepare, SMALLEST, SMALLEST) is not None,
        "A photograph of exactly 250 x 250 was dropped. The paper drops what is smaller than 250: <, not <=.",
    )


def takes_the_limits_given(prepare: Callable) -> None:
    """takes `size` and `smallest` from its arguments"""
    kept = _prepared(prepare, 120, 160, size=64, smallest=100)
    require(
        kept is not None,
        "Called with smallest=100 it dropped a photograph of 120 x 160: is 250 written into the condition?",
    )
    require(np.shape(kept) == (64, 64, 3), f"Called with size=64 it gave {np.shape(kept)}: is 224 written in the code?")


def aligns(prepare: Callable) -> None:
    """the eyes of the crop lie where the template has them"""
    for i in (0, 1):
        crop = _prepared(prepare, 300, 400, dots=slice(i, i + 1))
        found, wanted = centre_of(crop), CROP * TEMPLATE[i]
        require(
            found is not None and np.abs(found - wanted).max() < 2 * NEAR,
            f"A dot on the {NAMES[i]} does not lie at the template's place, ({wanted[0]:.0f}, {wanted[1]:.0f}), in the "
            "crop. The photograph was resized or cut without the five points: call align(photo, points, size).",
        )


def _prepared(prepare: Callable, height: int, width: int, size: int = CROP, smallest: int = SMALLEST, dots=slice(None)):
    scale = min(height / HEIGHT, width / WIDTH)
    photo = picture_of(scale * POINTS[dots], height, width)
    return run_with_arrays(prepare, photo=photo, points=scale * POINTS, size=size, smallest=smallest)

"""Wrong answers to exercises 01.4 and 01.5 that people give."""

import cv2

from simswap_lib.faces import align as the
from simswap_lib.faces.align import TEMPLATE

# 01.4 -----------------------------------------------------------------------------------------------------------------


def _warp(image, matrix, size, flags=cv2.INTER_LINEAR):
    return cv2.warpAffine(image, matrix, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def crop_only(image, points, size, template=TEMPLATE):
    return _warp(image, the.similarity(points, size * template), size)


def matrix_first(image, points, size, template=TEMPLATE):
    return the.align(image, points, size, template)[::-1]


def unit_template(image, points, size, template=TEMPLATE):
    matrix = the.similarity(points, template)
    return _warp(image, matrix, size), matrix


def towards_the_picture(image, points, size, template=TEMPLATE):
    matrix = the.similarity(size * template, points)
    return _warp(image, matrix, size), matrix


def x_and_y_swapped(image, points, size, template=TEMPLATE):
    matrix = the.similarity(points[:, ::-1], size * template)
    return _warp(image, matrix, size), matrix


def own_template(image, points, size, template=TEMPLATE):
    return the.align(image, points, size)


def inverse_warp(image, points, size, template=TEMPLATE):
    matrix = the.similarity(points, size * template)
    return _warp(image, matrix, size, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), matrix


def warped_twice(image, points, size, template=TEMPLATE):
    matrix = the.similarity(points, size * template)
    return _warp(_warp(image, matrix, size), matrix, size), matrix


def only_resized(image, points, size, template=TEMPLATE):
    return cv2.resize(image, (size, size)), the.similarity(points, size * template)


def bgr(image, points, size, template=TEMPLATE):
    crop, matrix = the.align(image, points, size, template)
    return crop[:, :, ::-1].copy(), matrix


# 01.5 -----------------------------------------------------------------------------------------------------------------


def crop_and_matrix(photo, points, size=224, smallest=250):
    return None if min(photo.shape[:2]) < smallest else the.align(photo, points, size)


def crop_measured(photo, points, size=224, smallest=250):
    crop = the.align(photo, points, size)[0]
    return None if min(crop.shape[:2]) < smallest else crop


def longer_side(photo, points, size=224, smallest=250):
    return None if max(photo.shape[:2]) < smallest else the.align(photo, points, size)[0]


def with_the_colours(photo, points, size=224, smallest=250):
    return None if min(photo.shape) < smallest else the.align(photo, points, size)[0]


def complains(photo, points, size=224, smallest=250):
    if min(photo.shape[:2]) < smallest:
        raise ValueError("too small")
    return the.align(photo, points, size)[0]


def a_word_instead(photo, points, size=224, smallest=250):
    return "too small" if min(photo.shape[:2]) < smallest else the.align(photo, points, size)[0]


def area(photo, points, size=224, smallest=250):
    return None if photo.shape[0] * photo.shape[1] < smallest**2 else the.align(photo, points, size)[0]


def width_only(photo, points, size=224, smallest=250):
    return None if photo.shape[1] < smallest else the.align(photo, points, size)[0]


def enlarged(photo, points, size=224, smallest=250):
    return the.align(photo, points, size)[0]


def or_equal(photo, points, size=224, smallest=250):
    return None if min(photo.shape[:2]) <= smallest else the.align(photo, points, size)[0]


def numbers_written_in(photo, points, size=224, smallest=250):
    return None if min(photo.shape[:2]) < 250 else the.align(photo, points, 224)[0]


def squeezed(photo, points, size=224, smallest=250):
    return None if min(photo.shape[:2]) < smallest else cv2.resize(photo, (size, size))


def middle_cut_out(photo, points, size=224, smallest=250):
    height, width = photo.shape[:2]
    if min(height, width) < smallest:
        return None
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return cv2.resize(photo[top : top + side, left : left + side], (size, size))

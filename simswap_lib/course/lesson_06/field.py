"""Checks of 06.2: which pixels a cell of a map sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from simswap_lib.course.exercise import require
from simswap_lib.instruments import receptive_field

CRITIC = [(4, 2, 1), (4, 2, 1), (4, 2, 1), (4, 1, 1), (4, 1, 1)]
ROWS = (CRITIC, [(7, 1, 3), (3, 2, 0)], [(3, 2, 1), (5, 3, 2), (2, 2, 0)], [(1, 4, 0), (3, 1, 1)])


def gives_three_whole_numbers(answer: Callable) -> None:
    """returns three whole numbers: size, step, start"""
    _of(answer, CRITIC[:1])


def begins_with_one_pixel(answer: Callable) -> None:
    """without a convolution, a cell is a pixel: 1, 1, 0"""
    found = _of(answer, [])
    require(found == (1, 1, 0), f"For no convolution at all you get {found}; a pixel sees itself: (1, 1, 0).")


def sees_one_kernel(answer: Callable) -> None:
    """behind one convolution, a cell sees one kernel"""
    for kernel, stride, padding in ((4, 2, 1), (7, 1, 3), (3, 3, 0)):
        size, step, start = _of(answer, [(kernel, stride, padding)])
        words = f"Behind one convolution of kernel {kernel}, stride {stride}, padding {padding} you get"
        require(
            size != 1 + (kernel - 1) * stride or stride == 1,
            f"{words} size {size}: the stride was multiplied in too early. It sets how far apart the *next* layer's "
            "neighbours are, so change `step` after `size` and `start`.",
        )
        require(
            size != kernel + 1,
            f"{words} size {size}: one kernel is {kernel} pixels. The first is there already: add (kernel - 1) * step.",
        )
        require(size == kernel, f"{words} size {size}; expected {kernel}, one kernel.")
        require(step == stride, f"{words} step {step}; neighbouring cells are one stride apart: {stride}.")
        require(
            start != padding or padding == 0, f"{words} start {start}: padding lies *before* the picture: -{padding}."
        )
        require(
            start != -padding * stride or stride == 1 or padding == 0,
            f"{words} start {start}: the padding is counted in cells of the layer before, so use `step` before "
"it is multiplied.",
        )  # fmt: skip
        require(start == -padding, f"{words} start {start}; the first cell begins {padding} pixels before the picture.")


def grows_with_the_steps(answer: Callable) -> None:
    """behind several, each kernel counts by the step of the layer before"""
    row = [(4, 2, 1), (3, 3, 1)]
    found, wanted = _of(answer, row), receptive_field(row)
    seen = "size {}, step {}, start {}".format(*found)
    words = f"Behind (kernel, stride, padding) = (4, 2, 1) and (3, 3, 1) you get {seen}."
    for size, cause in (
        (6, "The second kernel spans 3 cells that lie 2 pixels apart: it adds (3 - 1) * 2."),
        (7, "Kernels do not add up: neighbours of the second layer lie 2 pixels apart."),
        (3, "Only the last layer counts so far."),
        (12, "The layers run from the picture on; this is the order backwards."),
    ):
        require(found[0] != size, f"{words} {cause}")
    require(found[0] == wanted[0], f"{words} Expected size {wanted[0]}.")
    require(found[1] != 5, f"{words} Strides multiply; they do not add up.")
    require(found[1] == wanted[1], f"{words} Expected step {wanted[1]}, the strides multiplied.")
    require(
        found[2] != -2,
        f"{words} The second layer's padding is one *cell*, and a cell is 2 pixels here: padding * step.",
    )
    require(found[2] == wanted[2], f"{words} Expected start {wanted[2]}.")


def agrees_with_a_network(answer: Callable) -> None:
    """agrees with which pixels really have a say in a row of convolutions"""
    for row in ROWS:
        if len(row) == 2 and row[0][1] == 4:
            continue  # pixels in the gaps between the strides have no say
        size, step, start = _of(answer, row)
        network = nn.Sequential(*(nn.Conv1d(1, 1, k, s, p, bias=False) for k, s, p in row)).double()
        for parameter in network.parameters():
            nn.init.ones_(parameter)
        line = torch.zeros(1, 1, 120, dtype=torch.float64, requires_grad=True)
        cells = network(line)[0, 0]
        cell = len(cells) // 2
        (gradient,) = torch.autograd.grad(cells[cell], line)
        seen = gradient[0, 0].nonzero().flatten().tolist()
        told = (start + cell * step, start + cell * step + size - 1)
        require(
            told == (seen[0], seen[-1]),
            f"Through {row}, cell {cell} sees the pixels {seen[0]} to {seen[-1]}; by your numbers they would be "
f"{told[0]} to {told[1]}.",
        )  # fmt: skip


def _of(answer: Callable, row: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    given = list(row)
    found = answer(given)
    require(given == row, "`layers` was not the same after the call: something changes the list.")
    require(found is not None, "It returned None. Is the `return` missing?")
    require(
        isinstance(found, (tuple, list)) and len(found) == 3,
        f"It returned {found!r}; expected three numbers: return size, step, start.",
    )
    require(
        all(isinstance(x, (int, np.integer)) and not isinstance(x, bool) for x in found),
        f"It returned {tuple(found)!r}; expected whole numbers. (A division with / makes fractions.)",
    )
    return tuple(int(x) for x in found)

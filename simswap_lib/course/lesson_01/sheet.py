"""Checks of exercise 01.1: the contact sheet, in which every picture is the true answer of a swap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simswap_lib.course.arrays import checked, run_with_arrays
from simswap_lib.course.exercise import Wrong, require
from simswap_lib.world import HELD_OUT, Identity, Shot, swap_truth

# Unequal numbers, so that rows cannot be taken for columns; no number is both a person and a shot.
PEOPLE, SHOTS, SIZE = (HELD_OUT + 3, HELD_OUT + 8), (HELD_OUT + 11, HELD_OUT + 14, HELD_OUT + 17), 32


def has_a_place_for_every_pair(contact_sheet: Callable) -> None:
    """two people in three photographs of 32 pixels: (64, 96, 3), uint8"""
    sheet = _sheet(contact_sheet)
    rows, columns = len(PEOPLE), len(SHOTS)
    along = (
        "One picture for each person: zip walks along both lists at once. Everybody belongs in every photograph, so "
        "one loop stands inside the other."
    )
    usual = {
        (columns * SIZE, rows * SIZE, 3): "People run down and photographs across; yours are the other way round.",
        (rows, columns, SIZE, SIZE, 3): "The pictures are stacked, which adds axes; join them: np.concatenate.",
        (rows * columns * SIZE, SIZE, 3): "All pictures stand in one column. Within a row, join along axis=1.",
        (SIZE, rows * columns * SIZE, 3): "All pictures stand in one row. Join the finished rows along axis=0.",
        (SIZE, columns * SIZE, 3): "Only one row came back. Is the `return` inside the loop?",
        (SIZE, rows * SIZE, 3): along,
        (rows * SIZE, SIZE, 3): along,
        (rows * 128, columns * 128, 3): "Every picture has 128 pixels, the default: hand `size` on to swap_truth.",
    }
    require(
        sheet.shape == (rows * SIZE, columns * SIZE, 3),
        f"The sheet has shape {sheet.shape}; expected {(rows * SIZE, columns * SIZE, 3)}. {usual.get(sheet.shape, '')}",
    )
    require(sheet.dtype == np.uint8, f"The sheet is of type {sheet.dtype}; pictures are uint8, 0 to 255.")


def people_run_down_and_photographs_across(contact_sheet: Callable) -> None:
    """a row shares its person, a column its photograph"""
    sheet = _sheet(contact_sheet)
    require(
        not _same(_tile(sheet, 0, 0), _true(0, 0)),
        "Row 0, column 0 shows person 0 in photograph 0: the places in the lists were taken for the seeds. Loop over "
        "the lists themselves, for person in people, or take people[i] and shots[j].",
    )
    for i, person in enumerate(PEOPLE):
        for j, shot in enumerate(SHOTS):
            tile = _tile(sheet, i, j)
            for other, cause in (
                (
                    (shot, person),
                    "the number of the row was used for the photograph and that of the column for the person. "
                    "Identity.sample takes the row's, Shot.sample the column's.",
                ),
                (
                    (person, person),
                    "the person is right, but stands in the photograph of their own number: Shot.sample takes the "
                    "column's number, so that everybody in a column shares it.",
                ),
                ((shot, shot), "the photograph is right, but the person changes with the column."),
            ):
                require(not _same(tile, _true(*other)), f"In row {i}, column {j}, {cause}")


def is_made_of_true_answers(contact_sheet: Callable) -> None:
    """the picture in row i and column j is swap_truth(person i, shot j)"""
    sheet = _sheet(contact_sheet)
    everything = np.array([[_true(person, shot) for shot in SHOTS] for person in PEOPLE])
    require(
        not _same(sheet, everything.reshape(sheet.shape)),
        "All pixels are there, but in the wrong places: reshape reads picture after picture, while a sheet is read "
        "line by line, across all pictures of a row. Join with np.concatenate instead.",
    )
    for i, person in enumerate(PEOPLE):
        for j, shot in enumerate(SHOTS):
            tile, truth = _tile(sheet, i, j), _true(person, shot)
            require(
                not _same(tile[:, :, ::-1], truth),
                "Red and blue have changed places: the pictures are RGB; no conversion is needed.",
            )
            require(
                not _same(tile, _true(PEOPLE[0], shot)) or i == 0,
                f"Row {i} shows the person of row 0 again. Take a new identity in every row.",
            )
            require(
                not _same(tile, _true(person, SHOTS[0])) or j == 0,
                f"Column {j} shows the photograph of column 0 again. Take a new shot in every column.",
            )
            require(
                _same(tile, truth),
                f"The picture in row {i} and column {j} is not swap_truth(Identity.sample({person}), "
                f"Shot.sample({shot}), {SIZE}).image (mean difference {np.abs(tile.astype(float) - truth).mean():.1f} "
                "of 255). Nothing is blended or pasted: each picture is rendered anew.",
            )


def _sheet(contact_sheet: Callable) -> np.ndarray:
    try:
        result = run_with_arrays(contact_sheet, people=PEOPLE, shots=SHOTS, size=SIZE)
    except ValueError as error:
        if "zero-dimensional" not in str(error):
            raise
        raise Wrong(
            "What is joined are no pictures. swap_truth gives a Rendering, which knows more than the picture: take its "
            "`.image`."
        ) from error
    except AttributeError as error:
        if "'int' object" in str(error):
            raise Wrong(
                "`people` and `shots` hold numbers (seeds). The person is Identity.sample(person), the photograph "
                "Shot.sample(shot)."
            ) from error
        if "'Identity' object" in str(error) or "'Shot' object" in str(error):
            raise Wrong("The person comes first: swap_truth(identity, shot, size).") from error
        raise
    if isinstance(result, (list, tuple)):
        raise Wrong("It returned a list; expected one array. Join the rows with np.concatenate(rows, axis=0).")
    return checked(result)


def _tile(sheet: np.ndarray, i: int, j: int) -> np.ndarray:
    return sheet[i * SIZE : (i + 1) * SIZE, j * SIZE : (j + 1) * SIZE]


def _true(person: int, shot: int) -> np.ndarray:
    return swap_truth(Identity.sample(person), Shot.sample(shot), SIZE).image


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and bool((np.abs(a.astype(int) - b) <= 1).all())

"""An evaluation as text: a few small tables, each with what its columns mean."""

import textwrap
from collections.abc import Callable

IDENTITY_WORDS = {"(95 %)": "interval", "cosine": "cosines", "gap": "gap", "smaller galleries": "curve"}
PICTURE_WORDS = ("error", "colour", "outside", "unchanged", "pasted source")
Column = tuple[str, str, Callable[[dict], str]]  # two lines of heading, and the cell of a row


def report(result: dict) -> str:
    """The tables of an evaluation as plain text, with the protocol above them.

    result: from `evaluate` or `evaluate_folder`, also as it comes back from JSON. What was not measured is left out.
    """
    protocol, rows = result["protocol"], result["rows"]
    lines = [
        f"{protocol['swaps']} swaps, gallery of {protocol['gallery']} people, {protocol['size']} px, "
        f"pairs of seed {protocol['seed']}" + (f", world {protocol['world']}" if "world" in protocol else ""),
        *_wrapped(
            f"people: {protocol['people']}",
            "weights: " + ", ".join(f"{name} {digits}" for name, digits in result["weights"].items()),
            *result["notes"],
        ),
        *_titled("Whose face it is", _table(rows, IDENTITY)),
        *_wrapped(
            f"retrieval: {protocol['retrieval']}; guessing earns {1 / protocol['gallery']:.1%}",
            *(f"{name}: {protocol[key]}" for name, key in IDENTITY_WORDS.items()),
        ),
        *_titled("Retrieval by the judge, by the number of people in the gallery", _curves(rows)),
        *_titled("What is in the picture", _table(rows, PICTURE)),
        *_wrapped(*(f"{key}: {protocol[key]}" for key in PICTURE_WORDS if key in protocol)),
    ]
    if average := result.get("average"):
        lines += _wrapped(
            f"pose, expression, gaze: {protocol['attributes']}; whoever always says the average errs by "
            f"{average['pose']:.2f}, {average['expression']:.3f} and {average['gaze']:.2f}"
        )
    lines += _wrapped(f"KID: to {protocol['true_pictures']}; {protocol['kid']}")
    if "groups" in result:
        people = {group: row for kind in result["groups"].values() for group, row in kind.items()}
        lines += _titled("The swaps by group of the source: skin tone, age, sex", _table(people, GROUPS))
    if "one_colour" in result:
        lines += _titled(f"One colour: {protocol['one_colour']}", _table(result["one_colour"], ONE_COLOUR))
    lines += _titled("How many true pictures the recognisers find", _table(result["recognisers"], RECOGNISERS))
    return "\n".join(lines)


def _wrapped(*paragraphs: str) -> list[str]:
    return [line for text in paragraphs for line in textwrap.wrap(text, 118, subsequent_indent="  ")]


def _titled(title: str, lines: list[str]) -> list[str]:
    return ["", title, *lines] if lines else []


def _table(rows: dict[str, dict], columns: list[Column]) -> list[str]:
    """Columns of which no row has anything are left out."""
    cells = [[cell(row) for row in rows.values()] for _, _, cell in columns]
    shown = [([first, second, *texts]) for (first, second, _), texts in zip(columns, cells, strict=True) if any(texts)]
    widths = [max(map(len, column)) + 2 for column in shown]
    names = ["", "", *rows]
    return [
        (f"{name:20}" + "".join(f"{column[i]:>{width}}" for column, width in zip(shown, widths, strict=True))).rstrip()
        for i, name in enumerate(names)
        if shown
    ]


def _curves(rows: dict[str, dict]) -> list[str]:
    sizes = list(next(iter(rows.values()))["curve"])
    columns = [("", str(size), lambda row, size=size: f"{row['curve'][size]:.1%}") for size in sizes]
    return _table(rows, columns)[1:] if len(sizes) > 1 else []


def _range(measured: dict) -> str:
    low, high = measured["interval"]
    return f"({low:.0%}-{high:.0%})"


def _number(name: str, form: str) -> Callable[[dict], str]:
    return lambda row: "" if row.get(name) is None else format(row[name], form)


def _seen(eye: str, name: str, form: str) -> Callable[[dict], str]:
    return lambda row: format(row[eye][name], form)


def _kid(row: dict) -> str:
    measured = row.get("kid")
    return f"{measured['mean']:.4f} ± {measured['spread']:.4f}" if measured else ""


FOUND: list[Column] = [
    ("retrieval,", "judge", _seen("judge", "id_retrieval", ".1%")),
    ("", "(95 %)", lambda row: _range(row["judge"])),
    ("retrieval,", "trainer", _seen("trainer", "id_retrieval", ".1%")),
    ("cosine, judge:", "source", _seen("judge", "cos_source", ".2f")),
    ("", "target", _seen("judge", "cos_target", ".2f")),
]
IDENTITY: list[Column] = [
    *FOUND,
    ("trainer:", "source", _seen("trainer", "cos_source", ".2f")),
    ("", "target", _seen("trainer", "cos_target", ".2f")),
    ("", "gap", _number("gap", "+.2f")),
    ("nearer to source", "than to target", _seen("judge", "nearer_to_source", ".1%")),
]
ERROR: list[Column] = [
    ("error", "in the face", _number("error", ".2f")),
    ("error", "/ copy", _number("error_over_copy", ".2f")),
]
COLOUR: Column = ("colour", "gone", _number("colour_way", ".0%"))
PICTURE: list[Column] = [
    *ERROR,
    COLOUR,
    ("SSIM", "", _number("ssim", ".3f")),
    ("error", "outside", _number("error_outside", ".2f")),
    ("SSIM", "outside", _number("ssim_outside", ".3f")),
    ("error", "unchanged", _number("error_unchanged", ".2f")),
    ("pose", "error", _number("pose", ".2f")),
    ("expression", "error", _number("expression", ".3f")),
    ("gaze", "error", _number("gaze", ".2f")),
    ("KID", "", _kid),
]
ONE_COLOUR: list[Column] = [*FOUND, *ERROR]
GROUPS: list[Column] = [
    ("", "swaps", _number("count", "d")),
    ("retrieval,", "judge", _number("id_retrieval", ".1%")),
    ("", "(95 %)", _range),
    ("of the true", "answers", _number("true_answer", ".1%")),
    ("cosine", "to source", _number("cos_source", ".2f")),
    *ERROR,
    ("SSIM", "", _number("ssim", ".3f")),
]
RECOGNISERS: list[Column] = [
    ("in the same", "gallery", _number("id_retrieval", ".1%")),
    ("", "(95 %)", _range),
    ("", "pictures", _number("pictures", ",d")),
    ("nothing hides", "the face", _number("unobstructed", ".1%")),
    ("each picture in", "the gallery in turn", lambda row: _number("id_retrieval", ".1%")(row.get("in_turn", {}))),
    ("", "(95 %)", lambda row: _range(row["in_turn"]) if "in_turn" in row else ""),
    ("", "lookups", lambda row: _number("pictures", ",d")(row.get("in_turn", {}))),
]

"""Shows the course's messages: accessible HTML in a notebook, plain text anywhere else."""

from __future__ import annotations

import html
from dataclasses import dataclass

# Blue and orange: told apart by every kind of colour vision, readable on a light and on a dark page.
COLOURS = {"passed": "#0072B2", "failed": "#D55E00"}
NEUTRAL = "#767676"


@dataclass(frozen=True)
class Message:
    """A message in both forms; the front end takes the one that it can show."""

    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def show(message: Message) -> None:
    """Display the message under the running cell, or print its text where there is no notebook."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:  # the library does not depend on IPython
        get_ipython = None
    if get_ipython is None or get_ipython() is None:
        print(message.text)
    else:
        display(message)


def verdict(found, in_use: str) -> Message:
    """A `grading.Verdict` and one sentence on the code that the notebook uses from here on."""
    exercise = found.exercise
    head = f"[{exercise.id}] {exercise.title}: "
    if found.rows:
        good = sum(row.passed for row in found.rows)
        head += f"{good} of {len(found.rows)} checks pass"
    else:
        head += found.status
    text = [head] + [f"  {'PASS' if row.passed else 'FAIL'}  {row.label}" for row in found.rows]
    if found.message:
        text += [""] + [f"  {line}" for line in found.message.splitlines()]
    if found.printed:
        text += ["", "  Your code printed:"] + [f"    {line}" for line in found.printed.splitlines()]
    text += ["", f"  {in_use}"]

    rows = "".join(
        f'<tr><td style="text-align:left;padding:0 1em 0 0"><b>{"PASS" if row.passed else "FAIL"}</b></td>'
        f'<td style="text-align:left">{code(row.label)}</td></tr>'
        for row in found.rows
    )
    body = f"<p><b>{code(head)}</b></p>"
    body += f'<table aria-label="Checks of exercise {exercise.id}">{rows}</table>' if rows else ""
    body += f'<p style="white-space:pre-wrap">{code(found.message)}</p>' if found.message else ""
    if found.printed:
        body += f"<p>Your code printed:</p><pre>{html.escape(found.printed)}</pre>"
    body += f"<p>{code(in_use)}</p>"
    return Message("\n".join(text), box(body, COLOURS.get(found.status, NEUTRAL)))


def note(words: str) -> Message:
    """A sentence or two."""
    return Message(words, box(f"<p>{code(words)}</p>", NEUTRAL))


def folded(summary: str, parts: list[tuple[str, str]]) -> Message:
    """Parts ("p" for prose, "pre" for code) that open on a click; the text form is open."""
    text = [summary] + [content for _, content in parts]
    body = "".join(
        f"<pre><code>{html.escape(content)}</code></pre>" if kind == "pre" else f"<p>{code(content)}</p>"
        for kind, content in parts
    )
    return Message("\n\n".join(text), f"<details><summary>{code(summary)}</summary>{body}</details>")


def table(caption: str, head: tuple[str, ...], rows: list[tuple[str, ...]], after: str) -> Message:
    """A table with a caption above and a sentence below."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in [head, *rows]]
    cells = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{code(cell)}</td>' for cell in row) + "</tr>" for row in rows
    )
    header = "".join(f'<th scope="col" style="text-align:left">{html.escape(cell)}</th>' for cell in head)
    body = (
        f'<table><caption style="text-align:left"><b>{html.escape(caption)}</b></caption>'
        f"<thead><tr>{header}</tr></thead>"
        f"<tbody>{cells}</tbody></table><p>{code(after)}</p>"
    )
    return Message("\n".join([caption, *lines, after]), box(body, NEUTRAL))


def box(body: str, colour: str) -> str:
    """A live region, so that a screen reader speaks the verdict when it appears."""
    return f'<div role="status" style="border-left:6px solid {colour};padding:2px 14px">{body}</div>'


def code(words: str) -> str:
    """Escaped, with `such words` set as code."""
    parts = html.escape(words).split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick: leave all as they are
        return html.escape(words)
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))

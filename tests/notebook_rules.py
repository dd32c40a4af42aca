"""What the design promises of every notebook, one function for each promise; each returns its complaints in words."""

import ast
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path

MAX_LINES, MEDIAN_LINES, MAX_WORDS, MAX_BYTES = 25, 10, 2_500, 1_000_000
CELLS = {"00": (1, 25)}  # the short lessons
ANY_LESSON = (40, 60)
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r"image/")
LINK = re.compile(r"\]\(([^)\s]+)")  # also of pictures and badges


@dataclass
class Surroundings:
    """What a rule may need beside the notebook: its name, its neighbours, the repository's address, the exercises."""

    name: str  # file name
    folder: Path  # that links start from
    size: int = 0  # bytes on disk
    repository: str = ""  # address in pyproject.toml
    branch: str = "main"
    notebooks: list[str] = field(default_factory=list)  # all names, in order
    exercises: dict[str, tuple[str, dict]] = field(default_factory=dict)  # id -> name, arguments of its functions
    setup_cell: str = ""  # with the lesson's number left out

    @property
    def lesson(self) -> str:
        return self.name[:2]


def text(cell: dict) -> str:
    return "".join(cell["source"])


def cells(notebook: dict, kind: str) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def outputs(notebook: dict) -> list[dict]:
    return [output for cell in cells(notebook, "code") for output in cell["outputs"]]


def visible(markdown: str) -> str:
    """The text that a reader sees before clicking: without collapsed parts, tags and addresses."""
    markdown = re.sub(r"<details\b.*?</details>", " ", markdown, flags=re.S)
    markdown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"<[^>]+>", " ", markdown)


def alt_text_everywhere(notebook: dict, around: Surroundings) -> list[str]:
    complaints = []
    for cell in cells(notebook, "markdown"):
        complaints += [
            f"picture {address} has no alt text" for alt, address in _markdown_pictures(text(cell)) if not _says(alt)
        ]
        complaints += [f"tag without alt text: {tag[:60]}" for tag in _tags(text(cell)) if not _says(_alt(tag))]
    for output in outputs(notebook):
        for kind, data in output.get("data", {}).items():
            if PICTURE.match(kind) and not _says(output.get("metadata", {}).get(kind, {}).get("alt", "")):
                complaints.append(f"an output of type {kind} has no alt text in its metadata")
            if kind == "text/html":
                complaints += [
                    f"output with {tag[:60]} without alt" for tag in _tags("".join(data)) if not _says(_alt(tag))
                ]
    return complaints


def navigation(notebook: dict, around: Surroundings) -> list[str]:
    """Previous, contents and next, at the top and at the bottom; the ends of the row name no neighbour."""
    markdown = cells(notebook, "markdown")
    if not markdown:
        return ["no markdown cell"]
    place = around.notebooks.index(around.name)
    wanted = {"contents": ["00_start_here.ipynb" if place else "../README.md"]}
    if place > 0:
        wanted["previous"] = [around.notebooks[place - 1]]
    if place + 1 < len(around.notebooks):
        wanted["next"] = [around.notebooks[place + 1]]
    complaints = []
    for where, cell in (("first", markdown[0]), ("last", markdown[-1])):
        links = LINK.findall(text(cell))
        for what, addresses in wanted.items():
            if not any(address in links for address in addresses):
                complaints.append(f"the {where} markdown cell has no link to {what}: {addresses[0]}")
    return complaints


def links_exist(notebook: dict, around: Surroundings) -> list[str]:
    complaints = []
    for cell in cells(notebook, "markdown"):
        for address in LINK.findall(text(cell)):
            if not re.match(r"(https?:|#|data:)", address) and not (around.folder / address.split("#")[0]).exists():
                complaints.append(f"link to {address}, which does not exist")
    return complaints


def badges(notebook: dict, around: Surroundings) -> list[str]:
    """The addresses of this repository are those of pyproject.toml, and the badges open this very notebook."""
    first = text(cells(notebook, "markdown")[0]) if cells(notebook, "markdown") else ""
    slug = around.repository.removeprefix("https://github.com/")
    wanted = [
        f"https://colab.research.google.com/github/{slug}/blob/{around.branch}/notebooks/{around.name}",
        f"{around.repository}/blob/{around.branch}/notebooks/{around.name}",
    ]
    complaints = [f"the first cell does not link to {address}" for address in wanted if address not in first]
    for cell in notebook["cells"]:
        for owner in re.findall(
            r"(?:colab\.research\.google\.com/github/|github\.com/)([\w.-]+/simswap[\w.-]*)", text(cell)
        ):
            if owner.removesuffix(".git") != slug:
                complaints.append(f"address of {owner} instead of {slug}")
    return complaints


def same_setup_cell(notebook: dict, around: Surroundings) -> list[str]:
    code = cells(notebook, "code")
    if not code:
        return ["no code cell"]
    if text(code[0]).strip() != around.setup_cell.replace("LESSON", around.lesson).strip():
        return ["the first code cell is not the course's setup cell with this lesson's number"]
    return []


def budget(notebook: dict, around: Surroundings) -> list[str]:
    complaints = []
    least, most = CELLS.get(around.lesson, ANY_LESSON)
    if not least <= len(notebook["cells"]) <= most:
        complaints.append(f"{len(notebook['cells'])} cells instead of {least} to {most}")
    lengths = [len(text(cell).strip().splitlines()) for cell in cells(notebook, "code")]
    complaints += [f"code cell of {length} lines, {MAX_LINES} allowed" for length in lengths if length > MAX_LINES]
    if lengths and statistics.median(lengths) > MEDIAN_LINES:
        complaints.append(f"half of the code cells have more than {MEDIAN_LINES} lines")
    words = sum(len(visible(text(cell)).split()) for cell in cells(notebook, "markdown"))
    if words > MAX_WORDS:
        complaints.append(f"{words} visible words, {MAX_WORDS} allowed")
    if around.size > MAX_BYTES:
        complaints.append(f"{around.size} bytes, {MAX_BYTES} allowed")
    return complaints


def executed_cleanly(notebook: dict, around: Surroundings) -> list[str]:
    """Every code cell was run, in order, from a fresh kernel, and none ended in an error or a warning."""
    counts = [cell["execution_count"] for cell in cells(notebook, "code")]
    complaints = []
    if counts != list(range(1, len(counts) + 1)):
        complaints.append(f"cells were not run once each from the top: {counts}")
    for output in outputs(notebook):
        if output["output_type"] == "error":
            complaints.append(f"stored error: {output['ename']}")
        if output.get("name") == "stderr":
            complaints.append(f"stored error stream: {''.join(output['text'])[:60]!r}")
    return complaints


def no_widget_state(notebook: dict, around: Surroundings) -> list[str]:
    complaints = ["metadata.widgets is present"] if "widgets" in notebook["metadata"] else []
    if any(WIDGET_VIEW in output.get("data", {}) for output in outputs(notebook)):
        complaints.append("a stored output asks for a live widget, which readers see as an error")
    return complaints


def nothing_skipped(notebook: dict, around: Surroundings) -> list[str]:
    complaints = []
    for cell in cells(notebook, "code"):
        tags = {tag.lower() for tag in cell["metadata"].get("tags", [])}
        for word in ("nbval-skip", "raises-exception", "nbval-raises-exception"):
            if word in tags or (word.startswith("nbval") and word.upper().replace("-", "_") in text(cell)):
                complaints.append(f"a cell carries {word}")
    return complaints


def exercises(notebook: dict, around: Surroundings) -> list[str]:
    """Stub and check share a cell; every exercise of the lesson is there with its hint and its solution."""
    complaints, code = [], [text(cell) for cell in cells(notebook, "code")]
    checked = [
        (cell, *found) for cell in code for found in re.findall(r"^(\w+) = check\(\"([^\"]+)\", (\w+)\)", cell, re.M)
    ]
    if sum(len(re.findall(r"\bcheck\(", cell)) for cell in code) != len(checked):
        complaints.append('a check is not of the form: name = check("04.1", name)')
    for cell, name, identifier, argument in checked:
        wanted_name, wanted_arguments = around.exercises.get(identifier, (None, None))
        if name != argument or _arguments(cell, name) is None:
            complaints.append(f"{identifier}: the stub {argument} does not stand in the cell of its check")
        elif wanted_name != name:
            complaints.append(f"{identifier} is not an exercise called {name}")
        elif _arguments(cell, name) != wanted_arguments:
            complaints.append(f"{identifier}: the stub takes {_arguments(cell, name)}, expected {wanted_arguments}")
        if not identifier.startswith(around.lesson + "."):
            complaints.append(f"{identifier} belongs to another lesson")
        for helper in ("hint", "solution"):
            if not any(f'{helper}("{identifier}"' in other for other in code):
                complaints.append(f"{identifier} has no {helper} cell")
    there = {identifier for _, _, identifier, _ in checked}
    missing = {i for i in around.exercises if i.startswith(around.lesson + ".")} - there
    return complaints + [f"exercise {identifier} is not in the notebook" for identifier in sorted(missing)]


def no_machine_paths(notebook: dict, around: Surroundings) -> list[str]:
    """No folder of the machine that made the notebook; Colab's /content belongs to the setup cell."""
    everything = [text(cell) for cell in notebook["cells"]]
    for output in outputs(notebook):
        everything.append("".join(output.get("text", "")))
        everything += ["".join(data) for kind, data in output.get("data", {}).items() if kind.startswith("text/")]
    pattern = re.compile(
        r"(?<![\w.:/-])(/(?:home|root|work|tmp|Users|mnt|opt|usr|var)/[^\s\"'<]*|[A-Z]:\\\w[^\s\"'<]*)"
    )
    return [f"path of a machine: {path}" for part in everything for path in pattern.findall(part)]


def no_shell(notebook: dict, around: Surroundings) -> list[str]:
    return [
        f"shell or install line: {line.strip()}"
        for cell in cells(notebook, "code")
        for line in text(cell).splitlines()
        if re.match(r"\s*(!|%pip|%conda|%%bash|%%sh|%system)", line)
    ]


RULES = [
    alt_text_everywhere, navigation, links_exist, badges, same_setup_cell, budget, executed_cleanly, no_widget_state,
    nothing_skipped, exercises, no_machine_paths, no_shell,
]  # fmt: skip


def _markdown_pictures(markdown: str) -> list[tuple[str, str]]:
    return re.findall(r"!\[([^\]]*)\]\(([^)\s]+)", markdown)


def _arguments(cell: str, name: str) -> dict[str, tuple[str, ...]] | None:
    """Argument names of the function, or of the class's __init__ and forward, called `name`; None if there is none."""
    for node in ast.parse(cell).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return {"": tuple(argument.arg for argument in node.args.args)}
        if isinstance(node, ast.ClassDef) and node.name == name:
            inside = [part for part in node.body if getattr(part, "name", "") in ("__init__", "forward")]
            return {part.name: tuple(a.arg for a in part.args.args[1:]) for part in inside}
    return None


def _tags(markup: str) -> list[str]:
    return re.findall(r"<img\b[^>]*>", markup, flags=re.S | re.I)


def _alt(tag: str) -> str:
    found = re.search(r"\balt=(\"([^\"]*)\"|'([^']*)')", tag)
    return (found.group(2) or found.group(3) or "") if found else ""


def _says(alt: str) -> bool:
    """A file name or one syllable describes nothing."""
    return len(alt.strip()) >= 12 and not re.fullmatch(r"\S+\.(png|jpe?g|gif|svg)", alt.strip())

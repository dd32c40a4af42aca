"""Every notebook keeps what the design promises, and every rule that holds it can fail."""

import copy
import json
import re
import tomllib
from pathlib import Path

import notebook_rules as rules
import pytest

from simswap_lib import files
from simswap_lib.course import exercises
from simswap_lib.course.start import NEEDS
from simswap_lib.models import weights

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAMES = [path.name for path in NOTEBOOKS]


def surroundings(path: Path) -> rules.Surroundings:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
    return rules.Surroundings(
        name=path.name,
        folder=path.parent,
        size=path.stat().st_size,
        repository=urls["Repository"],
        notebooks=NAMES,
        exercises={e.id: (e.name, e.signatures) for e in exercises().values()},
        setup_cell=setup_cell(),
    )


def setup_cell() -> str:
    """The first notebook's; its repository address is held by tests/test_packaging.py, its number is left out."""
    first = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    return rules.text(rules.cells(first, "code")[0]).replace(f'setup("{NAMES[0][:2]}")', 'setup("LESSON")')


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_keeps_the_rule(path, rule):
    complaints = rule(json.loads(path.read_text(encoding="utf-8")), surroundings(path))
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_asks_for_the_weights_that_it_names(path):
    code = " ".join(rules.text(cell) for cell in rules.cells(json.loads(path.read_text(encoding="utf-8")), "code"))
    needs = set(NEEDS[path.name[:2]])
    assert {f"weights/{name}" for name in weights.known() if f'"{name}"' in code} <= needs
    configs = [json.loads((files.DATA / part / "config.json").read_text()) for part in needs if "weights/" in part]
    of_generators = {c["config"].get("recogniser", "arcface") for c in configs if c["class"] == "Generator"}
    assert {f"weights/{name}" for name in of_generators} <= needs


@pytest.mark.parametrize("path", NOTEBOOKS[1:], ids=lambda path: path.stem)
def test_readme_and_map_say_the_minutes_that_the_lesson_says(path):
    told = re.search(r"plan about (\d+) minutes", path.read_text(encoding="utf-8"))[1]
    for table in (NOTEBOOKS[0], ROOT / "README.md"):
        row = next(
            line for line in table.read_text(encoding="utf-8").splitlines() if re.search(rf"\| .*{path.name}", line)
        )
        assert f"| {told} |" in row, row


def test_there_are_notebooks():
    assert "00_start_here.ipynb" in NAMES


# A small notebook in which everything is right. Each plant below breaks one thing in it.

AROUND = rules.Surroundings(
    name="00_start_here.ipynb",
    folder=ROOT / "notebooks",
    repository="https://github.com/someone/simswap-course",
    notebooks=["00_start_here.ipynb", "04_id_injection.ipynb"],
    exercises={"00.1": ("cosine", {"": ("a", "b")})},
    setup_cell='from simswap_lib.course import setup\nsetup("LESSON")',
)
TOP = """# Start
[![Open in Colab](https://example.org/badge.svg)](https://colab.research.google.com/github/someone/simswap-course/blob/main/notebooks/00_start_here.ipynb)
[View on GitHub](https://github.com/someone/simswap-course/blob/main/notebooks/00_start_here.ipynb)
[contents](../README.md) · [next](04_id_injection.ipynb)"""
STUB = 'def cosine(a, b):\n    raise NotImplementedError\n\n\ncosine = check("00.1", cosine)'


def markdown(source: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, count: int, *made: dict) -> dict:
    return {"cell_type": "code", "metadata": {}, "source": source, "execution_count": count, "outputs": list(made)}


def display(metadata: dict | None = None, **data) -> dict:
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "data": data, "metadata": metadata or {}}


def good() -> dict:
    picture = display({"image/png": {"alt": "A face, seen from the left"}}, image_png="aGk=")
    return {
        "metadata": {},
        "cells": [
            markdown(TOP),
            code('from simswap_lib.course import setup\nsetup("00")', 1),
            code(STUB, 2, {"output_type": "stream", "name": "stdout", "text": "not attempted"}),
            code('hint("00.1")', 3),
            code('solution("00.1")', 4),
            code("show()", 5, picture, display(text_html='<img alt="A face, from the right" src="data:">')),
            markdown("[contents](../README.md) · [next](04_id_injection.ipynb)"),
        ],
    }


def set_source(index: int, source: str):
    return lambda notebook: notebook["cells"][index].update(source=source)


def add(cell: dict, index: int = -1):
    return lambda notebook: notebook["cells"].insert(index, cell)


def add_output(output: dict, index: int = 5):
    return lambda notebook: notebook["cells"][index]["outputs"].append(output)


PLANTS = [
    ("alt_text_everywhere", "a markdown picture without words", add(markdown("![](../README.md)"))),
    ("alt_text_everywhere", "a file name as alt text", add(markdown("![face_mask.png](../README.md)"))),
    ("alt_text_everywhere", "an img tag without alt", add(markdown('<img src="face.png">'))),
    ("alt_text_everywhere", "a stored figure without alt", add_output(display(image_png="aGk="))),
    ("alt_text_everywhere", "html output without alt", add_output(display(text_html="<img src='data:'>"))),
    ("navigation", "no next at the bottom", set_source(6, "[contents](../README.md)")),
    ("navigation", "no contents at the top", set_source(0, TOP.replace("../README.md", "04_id_injection.ipynb"))),
    ("links_exist", "a lesson that is not there", add(markdown("[losses](05_no_such_lesson.ipynb)"))),
    ("links_exist", "a picture that is not there", add(markdown("![a face from the left](no_such.png)"))),
    ("badges", "another repository", set_source(0, TOP.replace("someone", "sombody"))),
    ("badges", "another notebook", set_source(0, TOP.replace("main/notebooks/00_start_here", "main/notebooks/04"))),
    ("badges", "a strange clone address", add(code("# https://github.com/x/simswap-course.git", 6))),
    ("same_setup_cell", "another line", set_source(1, 'import torch\nsetup("00")')),
    ("same_setup_cell", "another lesson's number", set_source(1, 'from simswap_lib.course import setup\nsetup("04")')),
    ("budget", "26 cells", lambda notebook: notebook["cells"].extend([markdown("")] * 19)),
    ("budget", "a long code cell", add(code("x = 1\n" * 26, 6))),
    ("budget", "long code cells", lambda notebook: notebook["cells"].extend([code("x = 1\n" * 12, 6)] * 8)),
    ("budget", "too many words", add(markdown("word " * 2_501))),
    ("executed_cleanly", "a cell never run", add(code("1 + 1", None))),
    ("executed_cleanly", "cells run out of order", lambda notebook: notebook["cells"][3].update(execution_count=9)),
    ("executed_cleanly", "a stored error", add_output({"output_type": "error", "ename": "NameError"})),
    ("executed_cleanly", "a warning", add_output({"output_type": "stream", "name": "stderr", "text": "Warning"})),
    ("no_widget_state", "widget metadata", lambda notebook: notebook["metadata"].update(widgets={})),
    ("no_widget_state", "a live view", add_output({"data": {rules.WIDGET_VIEW: {}}, "output_type": "display_data"})),
    ("nothing_skipped", "a skip in words", add(code("# NBVAL_SKIP\n1", 6))),
    ("nothing_skipped", "a tag", lambda notebook: notebook["cells"][3].update(metadata={"tags": ["raises-exception"]})),
    ("exercises", "check in another cell", lambda notebook: notebook["cells"].insert(2, code(STUB.split("\n")[-1], 6))),
    ("exercises", "an unknown exercise", set_source(2, STUB.replace("00.1", "00.9"))),
    ("exercises", "another name", set_source(2, STUB.replace("cosine", "cosinus"))),
    ("exercises", "other arguments", set_source(2, STUB.replace("(a, b)", "(b, a)"))),
    ("exercises", "a check whose result is dropped", set_source(2, STUB.replace("cosine = check", "check"))),
    ("exercises", "no hint", set_source(3, "1 + 1")),
    ("exercises", "no solution", set_source(4, "1 + 1")),
    ("exercises", "no exercise at all", set_source(2, "1 + 1")),
    ("no_machine_paths", "a home folder in an output", add_output(display(text_plain="/home/me/course"))),
    ("no_machine_paths", "a path in a cell", add(code('open("/tmp/face.png")', 6))),
    ("no_machine_paths", "a Windows path", add_output({"output_type": "stream", "name": "stdout", "text": r"C:\me"})),
    ("no_shell", "an install line", add(code("%pip install torch", 6))),
    ("no_shell", "a shell line", add(code("if True:\n    !ls", 6))),
]  # fmt: skip


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_rule_accepts_a_good_notebook(rule):
    assert rule(good(), AROUND) == []


@pytest.mark.parametrize(("name", "what", "plant"), PLANTS, ids=[f"{name}: {what}" for name, what, _ in PLANTS])
def test_rule_sees_a_planted_violation(name, what, plant):
    notebook = copy.deepcopy(good())
    plant(notebook)
    assert getattr(rules, name)(notebook, AROUND), f"{name} did not see {what}"


def test_size_is_seen():
    around = copy.copy(AROUND)
    around.size = rules.MAX_BYTES + 1
    assert rules.budget(good(), around)


def test_every_rule_has_a_plant():
    assert {rule.__name__ for rule in rules.RULES} == {name for name, _, _ in PLANTS}

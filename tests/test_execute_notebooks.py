"""What `make notebooks` stores, and what it refuses to store."""

import os
from pathlib import Path

import execute_notebooks as tool
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

WIDGET = """import os, pathlib, ipywidgets
print(os.environ["SIMSWAP_MODE"], pathlib.Path("beside.txt").read_text())
ipywidgets.IntSlider(description="seed")"""
CAUGHT = """import ipywidgets
from IPython.display import display
out = ipywidgets.Output()
display(out)
with out:
    raise ValueError("inside a widget")"""


def notebook(folder: Path, *cells: str) -> Path:
    """A notebook with a kernel that does not exist here, as from a reader's computer."""
    page = new_notebook(cells=[new_markdown_cell("# A page"), *map(new_code_cell, cells)])
    page.metadata.kernelspec = {"name": "somebodys-own", "display_name": "x", "language": "python"}
    nbformat.write(page, folder / "page.ipynb")
    (folder / "beside.txt").write_text("found")
    return folder / "page.ipynb"


def test_a_page_with_a_widget_is_stored_without_its_state(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMSWAP_MODE", "solution")
    path = notebook(tmp_path, WIDGET, "1 + 1")
    size = tool.store(path)
    assert os.environ["SIMSWAP_MODE"] == "solution"  # of this process; the page's own is below
    stored = nbformat.read(path, as_version=4)
    assert size == path.stat().st_size and sorted(os.listdir(tmp_path)) == ["beside.txt", "page.ipynb"]
    assert set(stored.metadata) == {"kernelspec", "language_info"} and stored.metadata.kernelspec.name == "python3"
    slider, two = stored.cells[1:]
    assert slider.outputs[0].text == "learner found\n"  # the mode of the shell does not count; the folder is the page's
    assert set(slider.outputs[1].data) == {"text/plain"}
    assert (slider.execution_count, two.execution_count) == (1, 2) and two.outputs[0].data["text/plain"] == "2"


@pytest.mark.parametrize(("cell", "said"), [("1 / 0", "ZeroDivisionError"), (CAUGHT, "inside a widget")])
def test_an_error_leaves_the_page_as_it_was(tmp_path, cell, said):
    path = notebook(tmp_path, "1", cell)
    before = path.read_bytes()
    with pytest.raises(tool.NotebookError, match=said):
        tool.store(path)
    assert path.read_bytes() == before and sorted(os.listdir(tmp_path)) == ["beside.txt", "page.ipynb"]


def test_a_page_that_grows_too_large_is_refused(tmp_path, monkeypatch):
    path = notebook(tmp_path, "1")
    before = path.read_bytes()
    page = new_notebook(cells=[new_code_cell("1", outputs=[new_output("stream", text="x" * tool.MAX_BYTES)])])
    monkeypatch.setattr(tool, "run", lambda notebook, folder: page)
    with pytest.raises(tool.NotebookError, match="are allowed"):
        tool.store(path)
    assert path.read_bytes() == before


def test_one_failure_is_the_status_of_the_command_and_the_others_are_stored(tmp_path, monkeypatch, capsys):
    (tmp_path / "good").mkdir(), (tmp_path / "bad").mkdir()
    good, bad = notebook(tmp_path / "good", "1"), notebook(tmp_path / "bad", "1")

    def run(page, folder):
        if folder.name == "bad":
            raise tool.NotebookError("a cell failed")
        return page

    monkeypatch.setattr(tool, "run", run)
    monkeypatch.setattr("sys.argv", ["execute_notebooks.py", str(bad), str(good)])
    assert tool.main() == 1
    assert "a cell failed" in capsys.readouterr().err
    assert "somebodys-own" in bad.read_text() and "somebodys-own" not in good.read_text()


def test_pieces_of_a_stream_are_joined():
    pieces = [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]
    joined = tool.joined([new_output("stream", name=name, text=text) for name, text in pieces])
    assert [(o.name, o.text) for o in joined] == [("stdout", "ab"), ("stderr", "c"), ("stdout", "d")]

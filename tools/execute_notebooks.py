"""Run every notebook from the top in its own folder and store what it shows, ready for readers on GitHub.

    python tools/execute_notebooks.py                              all of them
    python tools/execute_notebooks.py notebooks/04_id_injection.ipynb

A notebook that fails, or that would grow over the limit, is left as it was, and the command ends with status 1.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from simswap_lib.files import whole_file

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
MAX_BYTES = 1_000_000
CELL_SECONDS = 300
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


class NotebookError(Exception):
    """A notebook that cannot be stored; says which and why."""


def run(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Run all cells in a new kernel of this very Python, blanks left blank; outputs are written into `notebook`."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # of the kernel itself: its advice on transports is not the page's
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        # Pages are stored as a reader gets them, whatever mode the caller's shell is in.
        return client.execute(env={**os.environ, "SIMSWAP_MODE": "learner", "SIMSWAP_PROGRESS": ""})
    except CellExecutionError as error:
        raise NotebookError(f"a cell failed:\n{error}") from error


def errors(notebook: nbformat.NotebookNode) -> list[str]:
    """Error outputs of cells, and those that a widget caught: they raise nothing, but the reader sees them."""
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    state = notebook.metadata.get("widgets", {}).get(STATE, {}).get("state", {})
    shown += [output for widget in state.values() for output in widget["state"].get("outputs", ())]
    return [f"{o['ename']}: {o['evalue']}" for o in shown if o.get("output_type") == "error"]


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Leave only what a page without a kernel can show, and nothing that differs from one run to the next.

    Widget state makes GitHub refuse a page, and a stored widget view reads as "model not found" in JupyterLab.
    """
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        cell.outputs = joined(cell.outputs)
        for output in cell.outputs:
            if "data" in output:
                output.data.pop(VIEW, None)
                output.metadata.pop(VIEW, None)


def joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Neighbouring pieces of one stream as one output: how a kernel cuts them depends on its speed."""
    kept: list[nbformat.NotebookNode] = []
    for output in outputs:
        same_stream = kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name
        if same_stream:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def store(path: Path) -> int:
    """Run one notebook and replace its file; return the new size in bytes.

    Raises: NotebookError, with the file untouched, if a cell fails, an error is shown, or the result is too large.
    """
    notebook = run(nbformat.read(path, as_version=4), path.parent)
    if found := errors(notebook):
        raise NotebookError("shows an error: " + "; ".join(found))
    tidy(notebook)
    nbformat.validate(notebook)
    text = nbformat.writes(notebook) + "\n"
    size = len(text.encode())
    if size > MAX_BYTES:
        raise NotebookError(f"would be {size:,} bytes, {MAX_BYTES:,} are allowed: show smaller or fewer pictures.")
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="which ones; all if none is named")
    paths = parser.parse_args().notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    if not paths:
        print(f"No notebook in {NOTEBOOKS}.", file=sys.stderr)
        return 1
    failed = 0
    for path in paths:
        start = time.perf_counter()
        print(f"{path.name} ...", end=" ", flush=True)
        try:
            size = store(path.resolve())
        except (NotebookError, OSError) as error:
            failed += 1
            print(f"\n{path.name}: {error}", file=sys.stderr)
        else:
            print(f"{time.perf_counter() - start:.0f} s, {size / 1000:.0f} kB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""One truth in four files: pyproject.toml, constraints.txt, environment.yml and what Colab ships agree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import stamp_repository
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import simswap_lib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ("3.11", "3.12", "3.13")

# Colab's GPU image of August 2026. The setup cell installs nothing there, so these have to do.
COLAB = {
    "python": "3.13.15",
    "torch": "2.11.0+cu128",
    "numpy": "2.1.3",
    "scipy": "1.16.3",
    "scikit-image": "0.25.2",
    "matplotlib": "3.10.0",
    "pillow": "11.3.0",
    "opencv-python": "5.0.0.93",
    "tqdm": "4.67.3",
    "ipython": "7.34.0",
    "ipywidgets": "7.7.1",
}
# What Colab ships too, in versions that its public list was not asked for.
COLAB_UNKNOWN = {"numba", "safetensors", "accelerate", "filelock"}
# What Colab may lack: imported only in the functions that measure with it, so that lessons run without.
NOT_IN_COLAB = {"torchmetrics"}
# The oldest versions that the course says it runs on: a range must not shut them out unseen.
OLDEST = {"torch": "2.6.0", "numpy": "1.26.0", "matplotlib": "3.8.0", "pillow": "10.1.0", "ipywidgets": "7.7.0"}


def requirements(lines: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(r.name): r for r in map(Requirement, lines)}


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def conda() -> tuple[list[str], list[str]]:
    """What environment.yml asks of conda, and what of pip."""
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    return [one for one in wanted if isinstance(one, str)], next(one["pip"] for one in wanted if isinstance(one, dict))


CORE = requirements(PROJECT["dependencies"])
EVERYTHING = requirements(sum(EXTRAS.values(), PROJECT["dependencies"]))


def test_constraints_are_exact_versions_for_every_platform():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    wrong = [line for line in lines if not line.startswith("#") and not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    assert not wrong, f"not of the form name==version (no addresses, no local versions such as +cpu): {wrong}"
    names = [canonicalize_name(name) for name in constraints()]
    assert len(names) == len(set(names)) > 100


@pytest.mark.parametrize("name", requirements(PROJECT["dependencies"] + EXTRAS["dev"]))
def test_the_constraint_lies_within_the_range(name):
    pins = {canonicalize_name(n): v for n, v in constraints().items()}
    assert name in pins, f"`make setup` installs {name}, so constraints.txt has to name its version"
    assert EVERYTHING[name].specifier.contains(pins[name]), f"{EVERYTHING[name]}, but constraints.txt has {pins[name]}"


def test_what_is_installed_here_are_the_constraints():
    """Only in the environment of `make setup`: elsewhere (Colab, conda) any version within the ranges is right."""
    if not (Path(sys.prefix) / "installed").exists():
        pytest.skip("not in the environment that `make setup` makes")
    freeze = [sys.executable, "-m", "pip", "freeze", "--all", "--exclude-editable", "--disable-pip-version-check"]
    lines = subprocess.run(freeze, capture_output=True, text=True, check=True).stdout.splitlines()
    installed = {canonicalize_name(re.split("==| @ ", line)[0]): line for line in lines if not line.startswith("pip==")}
    pins = {canonicalize_name(name): version for name, version in constraints().items()}
    # Other platforms and builds of torch bring some packages of their own.
    if sys.platform == "linux" and sys.version_info < (3, 12):
        unpinned = sorted(n for n in set(installed) - set(pins) if not n.startswith(("nvidia", "cuda", "triton")))
        assert not unpinned, f"installed, but without a version in constraints.txt: {unpinned}"
    other = [line for name, line in installed.items() if name in pins and "==" in line and _public(line) != pins[name]]
    assert not other, f"installed in other versions than constraints.txt says: {other}"


def _public(line: str) -> str:
    return Version(line.split("==")[1]).public


@pytest.mark.parametrize("name", [name for name in COLAB if name != "python"])
def test_colab_satisfies_the_range(name):
    assert CORE[name].specifier.contains(Version(COLAB[name]).public), f"Colab has {name} {COLAB[name]}"


def test_the_library_needs_nothing_that_colab_lacks():
    assert set(CORE) - NOT_IN_COLAB <= set(COLAB) | COLAB_UNKNOWN


@pytest.mark.parametrize("name", OLDEST)
def test_the_promised_oldest_versions_satisfy_the_range(name):
    assert CORE[name].specifier.contains(OLDEST[name])
    assert CORE[name].specifier.contains(constraints()[name])


def test_python_versions():
    wanted = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert all(wanted.contains(f"{version}.0") for version in PYTHONS)
    assert wanted.contains(COLAB["python"]) and not wanted.contains("3.10.14") and not wanted.contains("3.14.0")
    named = {c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)}
    assert named == set(PYTHONS)
    assert f"python{PROJECT['requires-python']}" in conda()[0]


def test_environment_yml_has_the_ranges_of_pyproject():
    of_conda, of_pip = conda()
    assert "pip" in of_conda and "--editable ." in of_pip
    listed = requirements([line for line in of_pip if not line.startswith("-")])
    expected = requirements(PROJECT["dependencies"] + EXTRAS["faces"] + EXTRAS["dev"])
    assert {name: r.specifier for name, r in listed.items()} == {name: r.specifier for name, r in expected.items()}
    promised = {"torch", "jupyterlab", "ipywidgets", "insightface", "matplotlib", "numpy", "opencv-python", "nbval"}
    assert promised <= set(listed)


def test_never_the_headless_twin():
    """Both write the same folder; insightface wants opencv-python, and the second one to go breaks the first."""
    names = {*EVERYTHING, *map(canonicalize_name, constraints()), *(re.split("[<>=]", line)[0] for line in conda()[1])}
    assert "opencv-python" in names and not [name for name in names if "headless" in name]


def test_extras():
    assert {"faces", "video", "provenance", "dev"} <= set(EXTRAS)
    assert "insightface" in requirements(EXTRAS["faces"])
    assert "anny" not in requirements(PROJECT["dependencies"] + EXTRAS["dev"])  # a tool's need, never the reader's


def test_licence_and_citation():
    assert PROJECT["license"] == "MIT" and (ROOT / "LICENSE").read_text().startswith("MIT License")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["version"] == simswap_lib.__version__ and citation["license"] == PROJECT["license"]
    assert citation["message"] and citation["title"] and citation["authors"][0]["name"] == PROJECT["authors"][0]["name"]
    (paper,) = citation["references"]
    assert paper["doi"] == "10.1145/3394171.3413630" and len(paper["authors"]) == 4
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]


def test_the_address_is_the_same_everywhere():
    assert stamp_repository.stamp(check=True) == [], "run: python tools/stamp_repository.py"


def test_the_address_stands_in_no_code():
    """Only where it is stamped, and once in pyproject.toml."""
    slug = PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
    files = [*ROOT.glob("simswap_lib/**/*.py"), *ROOT.glob("tools/*"), ROOT / "Makefile", ROOT / "environment.yml"]
    assert [path.name for path in files if path.is_file() and slug in path.read_text(encoding="utf-8")] == []
    assert (ROOT / "pyproject.toml").read_text(encoding="utf-8").count(slug) == 1


OLD, NEW = "https://github.com/old/course", "https://github.com/new-owner/new.name"
BADGE = "https://colab.research.google.com/github/old/course/blob/main/notebooks/00_start_here.ipynb"
OTHERS = "https://github.com/old/course-of-someone, https://github.com/neuralchen/SimSwap"
CLONE = '"subprocess.run([\\"git\\", \\"clone\\", \\"-q\\",\\n",\n    "                \\"https://github.com/old/course\\"])\\n"'


def repository(folder: Path, readme: str, notebook: str = "") -> Path:
    (folder / "notebooks").mkdir()
    (folder / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{NEW}"\n')
    (folder / "README.md").write_text(readme)
    (folder / "notebooks" / "00_start_here.ipynb").write_text(notebook)
    return folder


def test_stamp_writes_the_address_and_leaves_others_alone(tmp_path):
    root = repository(
        tmp_path, f"[badge]({BADGE}) [here]({OLD}/blob/main/LICENSE) git clone {OLD}.git\n{OTHERS}\n", CLONE
    )
    before = {path: path.read_text() for path in stamp_repository.stamped_files(root)}
    assert stamp_repository.stamp(root, check=True) == list(before)
    assert {path: path.read_text() for path in before} == before  # --check changes nothing
    stamp_repository.stamp(root)
    new = (root / "README.md").read_text()
    assert new == before[root / "README.md"].replace("old/course/", "new-owner/new.name/").replace(
        "old/course.git", "new-owner/new.name.git"
    )
    assert OTHERS in new
    assert '"https://github.com/new-owner/new.name\\"' in (root / "notebooks" / "00_start_here.ipynb").read_text()
    assert stamp_repository.stamp(root, check=True) == []


def test_a_clone_cell_alone_is_found(tmp_path):
    root = repository(tmp_path, "nothing", CLONE)
    assert stamp_repository.stamp(root, check=True) == [root / "notebooks" / "00_start_here.ipynb"]


def test_an_address_that_colab_cannot_open_is_refused(tmp_path):
    root = repository(tmp_path, "")
    (root / "pyproject.toml").write_text('[project.urls]\nRepository = "https://example.org/course"\n')
    with pytest.raises(ValueError, match=r"github\.com/OWNER/NAME"):
        stamp_repository.stamp(root)

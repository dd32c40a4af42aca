"""The house keeps its direction: files import only what stands before them, and training never sees the true answer."""

from pathlib import Path

import pytest
from import_graph import PACKAGE, Graph

ROOT = Path(__file__).resolve().parent.parent

# A file imports only from its own place in this line or from an earlier one.
LINE = [
    {"files", "interruption"},
    {"world", "faces"},
    {"models", "losses", "instruments"},
    {"provenance", "pictures"},
    {"photographs", "folders"},
    {"batches", "data"},
    {"material"},
    {"check_data", "data_findings"},
    {"measures"},
    {
        "evaluation", "evaluation_rows", "evaluation_report", "evaluation_folder", "checkpoints", "train_config",
        "flattery", "recognition",
    },
    {"train_step"},
    {"training", "train_cost"},
    {"swapper", "bench", "experiments", "failures"},
    {
        "figures", "studio", "widgets", "watching", "views", "course", "published",
    },
    {"__main__"},
]  # fmt: skip
PLACE = {name: place for place, names in enumerate(LINE) for name in names}
TRUTH = f"{PACKAGE}.world.truth"


def part(module: str) -> str:
    """`world` of simswap_lib.world.people; empty for the package itself, which holds only the version."""
    return module.removeprefix(PACKAGE).lstrip(".").split(".")[0]


def wrong_direction(graph: Graph) -> list[str]:
    complaints = []
    for module in filter(lambda name: name.startswith(PACKAGE), graph.trees):
        if part(module) and part(module) not in PLACE:
            complaints.append(f"{module} has no place in the line: give it one in tests/test_imports.py")
            continue
        for target in sorted(graph.edges[module]):
            if target.startswith("tools"):
                complaints.append(f"{module} imports {target}: the library does not know its tools")
            elif part(target) in PLACE and PLACE[part(target)] > PLACE.get(part(module), -1):
                complaints.append(f"{module} imports {target}, which stands after it in the line")
    if ring := graph.cycle():
        complaints.append("needs itself to load: " + " -> ".join(ring))
    return complaints


def world_in_models(graph: Graph) -> list[str]:
    complaints = []
    for module in filter(lambda name: part(name) in ("models", "losses") and name.startswith(PACKAGE), graph.trees):
        for target, way in graph.ways(module).items():
            if part(target) in ("world", "course"):
                complaints.append("models and losses know neither world nor course: " + " -> ".join(way))
    return complaints


def training_files(graph: Graph) -> list[str]:
    return [
        f"{PACKAGE}.data",
        f"{PACKAGE}.training",
        *(name for name in graph.trees if name.startswith("tools.train_")),
    ]


def truth_in_training(graph: Graph) -> list[str]:
    """Ways from training to the true answer: along imports, by attribute, by a name in a string, or by loading code."""
    complaints = []
    for start in training_files(graph):
        for module, way in graph.ways(start).items():
            if module == TRUTH:
                complaints.append(" -> ".join(way))
                continue
            words = list(graph.words(module))
            if any("swap_truth" in word or "world.truth" in word for word in words):
                complaints.append(" -> ".join(way) + " names swap_truth")
            if found := {"importlib", "__import__", "import_module", "exec"} & set(words):
                complaints.append(" -> ".join(way) + f" uses {sorted(found)}, behind which an import could hide")
    return complaints


RULES = [wrong_direction, world_in_models, truth_in_training]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule):
    complaints = rule(Graph(ROOT))
    assert not complaints, "\n".join(complaints)


def test_the_truth_and_its_keepers_exist():
    """Otherwise a renamed file would make the rule above empty."""
    graph = Graph(ROOT)
    assert TRUTH in graph.trees
    assert f"{PACKAGE}.evaluation" in graph.trees and TRUTH in graph.ways(f"{PACKAGE}.evaluation")
    assert {f"{PACKAGE}.data", f"{PACKAGE}.training"} < set(training_files(graph))  # and at least one tool


# A house in small in which everything is right; each plant below breaks one thing in it.

HOUSE = {
    "simswap_lib/__init__.py": "",
    "simswap_lib/files.py": "",
    "simswap_lib/world/__init__.py": (
        "from simswap_lib.world.people import Identity as Identity\nfrom .truth import swap_truth\n"
    ),
    "simswap_lib/world/people.py": "from simswap_lib import files",
    "simswap_lib/world/truth.py": "from simswap_lib.world.people import Identity\n\ndef swap_truth(): ...",
    "simswap_lib/models/__init__.py": "",
    "simswap_lib/models/iim.py": "import torch",
    "simswap_lib/losses.py": "",
    "simswap_lib/data.py": "from simswap_lib.world import Identity",
    "simswap_lib/evaluation.py": "from simswap_lib.world import swap_truth",
    "simswap_lib/training.py": '"""No swap_truth."""\nfrom simswap_lib.data import Identity\nfrom . import losses',
    "tools/train_simswap.py": "from simswap_lib.training import losses",
}


def house(folder: Path, changes: dict[str, str]) -> Graph:
    for name, text in {**HOUSE, **changes}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return Graph(folder)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nothing_is_said_of_a_house_in_order(tmp_path, rule):
    assert rule(house(tmp_path, {})) == []


PLANTS = [
    (wrong_direction, "files.py", "from simswap_lib.losses import x", "files imports simswap_lib.losses"),
    (wrong_direction, "world/people.py", "def f():\n    import simswap_lib.data", "people imports simswap_lib.data"),
    (wrong_direction, "evaluation.py", "from . import training", "evaluation imports simswap_lib.training"),
    (wrong_direction, "world/people.py", "from .. import losses", "people imports simswap_lib.losses"),
    (wrong_direction, "new_idea.py", "", "new_idea has no place"),
    (wrong_direction, "data.py", "from tools.train_simswap import x", "does not know its tools"),
    (wrong_direction, "world/people.py", "from .truth import swap_truth", "needs itself to load"),
    (world_in_models, "models/iim.py", "import simswap_lib.world.people", "iim -> simswap_lib.world.people"),
    (world_in_models, "models/iim.py", "from ..world import Identity", "iim -> simswap_lib.world.people"),
    (world_in_models, "losses.py", "import simswap_lib.course", "losses -> simswap_lib.course"),
    (world_in_models, "files.py", "import simswap_lib.world", "losses -> simswap_lib.files -> simswap_lib.world"),
    (truth_in_training, "data.py", "from simswap_lib.world import swap_truth", "data -> simswap_lib.world.truth"),
    (truth_in_training, "data.py", "from simswap_lib.world import swap_truth as t", "data -> simswap_lib.world.truth"),
    (truth_in_training, "training.py", "from .world import *", "simswap_lib.world -> simswap_lib.world.truth"),
    (truth_in_training, "training.py", "from simswap_lib import world", "simswap_lib.world -> simswap_lib.world.truth"),
    (truth_in_training, "training.py", "def f():\n    from . import evaluation", "evaluation -> simswap_lib.world.t"),
    (truth_in_training, "data.py", "import simswap_lib\nsimswap_lib.world.swap_truth()", "data names swap_truth"),
    (truth_in_training, "data.py", "x = getattr(world, 'swap_truth')", "data names swap_truth"),
    (truth_in_training, "training.py", "import importlib", "training uses ['importlib']"),
    (truth_in_training, "../tools/train_simswap.py", "import simswap_lib.evaluation", "simswap -> simswap_lib.eval"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "file", "text", "said"), PLANTS, ids=[f"{r.__name__}-{i}" for i, (r, *_) in enumerate(PLANTS)]
)
def test_a_planted_violation_is_found(tmp_path, rule, file, text, said):
    changes = {f"simswap_lib/{file}": text, "simswap_lib/course/__init__.py": ""}
    if said.startswith("losses -> simswap_lib.files"):
        changes["simswap_lib/losses.py"] = "from simswap_lib import files"
    if file.startswith("../"):
        changes = {file.removeprefix("../"): text}
    complaints = rule(house(tmp_path, changes))
    assert any(said in complaint for complaint in complaints), complaints

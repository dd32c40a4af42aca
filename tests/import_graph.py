"""Who imports whom, read from the source without running it: edges between our own files, and ways along them."""

import ast
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

PACKAGE = "simswap_lib"


class Graph:
    """The files of the library and of tools/ below `root`, and their imports of one another."""

    def __init__(self, root: Path):
        self.packages: set[str] = set()
        self.trees: dict[str, ast.Module] = {}
        for path in sorted([*(root / PACKAGE).rglob("*.py"), *root.glob("tools/*.py")]):
            parts = path.relative_to(root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if parts[-1] == "__init__":
                self.packages.add(name)
            self.trees[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))

    def imports(self, module: str, at_load: bool = False) -> set[str]:
        """Our modules that `module` imports; with `at_load` only those outside functions, which run when it loads."""
        found = set()
        for node in _statements(self.trees[module]) if at_load else ast.walk(self.trees[module]):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                origin = self._origin(module, node)
                for alias in node.names:
                    found |= self._home(origin, alias.name)
        return {name for name in found if name in self.trees} - {module}

    def _origin(self, module: str, node: ast.ImportFrom) -> str:
        """The absolute name of what stands after `from`."""
        if not node.level:
            return node.module or ""
        parts = module.split(".")
        parts = parts[: len(parts) - node.level + (module in self.packages)]
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _home(self, origin: str, name: str, seen: frozenset = frozenset()) -> set[str]:
        """The modules that `from origin import name` needs: a package only passes on what others define."""
        if f"{origin}.{name}" in self.trees:
            return {f"{origin}.{name}"}
        if origin not in self.packages or name == "*" or (origin, name) in seen:
            return {origin}
        for node in ast.walk(self.trees[origin]):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._home(self._origin(origin, node), alias.name, seen | {(origin, name)})
        return {origin}

    @cached_property
    def edges(self) -> dict[str, set[str]]:
        return {module: self.imports(module) for module in self.trees}

    def ways(self, start: str) -> dict[str, list[str]]:
        """Every module that `start` reaches, with one shortest way to it, `start` included."""
        ways, todo = {start: [start]}, [start]
        for module in todo:
            for target in sorted(self.edges[module] - ways.keys()):
                ways[target] = [*ways[module], target]
                todo.append(target)
        return ways

    def words(self, module: str) -> Iterator[str]:
        """All names, attributes and strings of a module, docstrings left out."""
        tree = self.trees[module]
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr
            elif isinstance(node, ast.alias):
                yield node.name
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield node.value

    def cycle(self) -> list[str]:
        """Modules that need one another to load, as a ring, or an empty list."""
        edges = {module: sorted(self.imports(module, at_load=True)) for module in self.trees}
        done: set[str] = set()

        def visit(module: str, way: list[str]) -> list[str]:
            if module in way:
                return [*way[way.index(module) :], module]
            if module in done:
                return []
            for target in edges[module]:
                if ring := visit(target, [*way, module]):
                    return ring
            done.add(module)
            return []

        for module in edges:
            if ring := visit(module, []):
                return ring
        return []


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run when the module loads: everything but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from _statements(child)

"""The modules of a package as syntax trees, and who imports whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from attrs import field, frozen

__all__ = ["Graph", "Module", "modules_of"]

Graph = dict[str, set[str]]
"""The modules that each module imports."""


@frozen
class Module:
    """One module of the package.

    Attributes:
        name: Its dotted name.
        path: Its file.
        text: Its source.
        tree: The same, parsed.
    """

    name: str
    path: Path
    text: str = field(repr=False)
    tree: ast.Module = field(repr=False, eq=False)

    @property
    def basename(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


def modules_of(package: Path) -> dict[str, Module]:
    """Reads all modules of a package, by their names."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, text, ast.parse(text))
    return found


def imports(modules: dict[str, Module], *, at_run_time: bool) -> Graph:
    """Returns the imports between modules: those of the module level, or all, for types and in functions too."""
    return {
        name: {target for target in imported(module.tree, modules, at_run_time=at_run_time) if target != name}
        for name, module in modules.items()
    }


def imported(tree: ast.AST, modules: dict[str, Module], *, at_run_time: bool) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if at_run_time and (is_function(node) or is_for_types(node)):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield from (each for each in [full if full in modules else node.module] if each in modules)
        else:
            yield from imported(node, modules, at_run_time=at_run_time)


def is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def circles(graph: Graph) -> list[list[str]]:
    """Returns the groups of modules that import each other in a circle."""
    reached = {name: reach(graph, name) for name in graph}
    in_circles = [name for name in graph if name in reached[name]]
    groups = {tuple(sorted(each for each in in_circles if each in reached[name] and name in reached[each])): None
              for name in in_circles}  # fmt: skip
    return [list(group) for group in groups]


def reach(graph: Graph, start: str) -> set[str]:
    """Returns the modules that a module imports, directly or not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph[waiting.pop()] - found:
            found.add(target)
            waiting.append(target)
    return found


def longest_chain(graph: Graph) -> list[str]:
    """Returns the longest chain of imports in a graph without circles."""
    known: dict[str, list[str]] = {}

    def chain(name: str) -> list[str]:
        if name not in known:
            known[name] = [name]  # should there be a circle after all
            known[name] = [name, *max(map(chain, sorted(graph[name])), key=len, default=[])]
        return known[name]

    return max(map(chain, sorted(graph)), key=len, default=[])

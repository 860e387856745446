"""Prints the figures of the package's structure, and fails when one of them has gone back.

    python -m checks.structure [FOLDER OF THE PACKAGE]

A figure that may not be 0 has its limit here, with the reason beside it.
"""

from __future__ import annotations

import ast
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from attrs import frozen

from checks.source import Module, circles, imports, longest_chain, modules_of

PACKAGE = Path(__file__).parents[1] / "livesession"

# Words with which no first line of a docstring begins: it says what the thing is or does.
RIDDLES = {
    "Anybody", "Everybody", "How", "It", "Nobody", "Perhaps", "Somebody", "That", "These", "They", "This", "Those",
    "Told", "What", "When", "Where", "Which", "Who", "Whoever", "Whose", "Why",
}  # fmt: skip

NOUNS = {"grounding", "meaning", "recording", "scripting"}  # which end in -ing all the same


@frozen
class Figure:
    """A figure of the structure.

    Attributes:
        name: What is counted.
        limit: The most that it may be; None where it is only told.
        found: The things counted, or the number itself.
    """

    name: str
    limit: int | None
    found: Sequence[str] | int

    @property
    def value(self) -> int:
        return self.found if isinstance(self.found, int) else len(self.found)

    @property
    def has_gone_back(self) -> bool:
        return self.limit is not None and self.value > self.limit


def figures(modules: dict[str, Module]) -> list[Figure]:
    """Measures a package."""
    at_run_time, all_imports = imports(modules, at_run_time=True), imports(modules, at_run_time=False)
    lengths = [length for module in modules.values() for _, length in functions(module)]
    return [
        Figure("modules at the root", 10, [name for name, module in modules.items() if is_at_root(module)]),
        Figure("longest chain of imports", 12, longest_chain(at_run_time)),
        Figure("modules in circles of imports", 0, list(chain.from_iterable(circles(all_imports)))),
        # Third-party objects, a face and its own module, a lock that threading.Condition asks as well, named tuples.
        Figure("private attributes of other objects", 10, every(modules, private_attributes)),
        Figure("modules named -ing", 0, [name for name in modules if name.endswith("ing") and not is_noun(name)]),
        Figure("basenames that recur", 0, recurring(m.basename for m in modules.values() if not m.is_package)),
        Figure("class names of two classes", 0, recurring(every(modules, class_names))),
        Figure("first lines that are riddles", 0, every(modules, riddles)),
        Figure("public names without a docstring", 0, every(modules, undocumented)),
        Figure("lines of the longest function", 50, max(lengths, default=0)),
        Figure("lines of the median function", 10, int(statistics.median(lengths or [0]))),
        Figure("lines of the longest module", 600, max(module.text.count("\n") for module in modules.values())),
        Figure("comments in 1,000 lines", None, comments(modules)),
    ]


def is_at_root(module: Module) -> bool:
    return module.name.count(".") == 1 and not module.is_package


def is_noun(name: str) -> bool:
    return name.rpartition(".")[2].rpartition("_")[2] in NOUNS


def every(modules: dict[str, Module], look: Callable[[Module], Iterator[str]]) -> list[str]:
    return [found for module in modules.values() for found in look(module)]


def recurring(names: Sequence[str] | Iterator[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def class_names(module: Module) -> Iterator[str]:
    return (node.name for node in module.tree.body if isinstance(node, ast.ClassDef))


def functions(module: Module) -> Iterator[tuple[str, int]]:
    """Yields the functions of a module, and the lines of their bodies without the docstring."""
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            yield node.name, (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def private_attributes(module: Module) -> Iterator[str]:
    """Yields the places where a private attribute of another object is used."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not is_documented(node.attr):
            owner = ast.unparse(node.value)
            if owner not in ("self", "cls", "super()"):
                yield f"{module.name}:{node.lineno} {owner}.{node.attr}"


def is_documented(name: str) -> bool:
    """Whether a name is one of Python's own, such as those of named tuples."""
    return name.startswith("__") or name == "_replace"


def documented(module: Module) -> Iterator[tuple[str, ast.AST, str]]:
    """Yields what may have a docstring, with its place."""
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            place = f"{module.name}:{getattr(node, 'lineno', 1)}"
            yield place, node, (ast.get_docstring(node) or "").partition("\n")[0]


def riddles(module: Module) -> Iterator[str]:
    """Yields the first lines of docstrings that begin with a relative clause or a pronoun."""
    for place, _, line in documented(module):
        if line.partition(" ")[0].strip("`,.") in RIDDLES:
            yield f"{place} {line}"


def undocumented(module: Module) -> Iterator[str]:
    """Yields the classes and functions of `__all__` that have no docstring."""
    public = {name for node in module.tree.body if is_all(node) for name in strings(node)}
    for node in module.tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name in public and not is_overload(node):
            yield from [] if ast.get_docstring(node) else [f"{module.name}.{node.name}"]


def is_overload(node: ast.ClassDef | ast.FunctionDef) -> bool:
    return any(ast.unparse(each) == "overload" for each in node.decorator_list)


def is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def strings(node: ast.stmt) -> Iterator[str]:
    return (str(each.value) for each in ast.walk(node) if isinstance(each, ast.Constant))


def comments(modules: dict[str, Module]) -> int:
    lines = [line for module in modules.values() for line in module.text.splitlines() if line.strip()]
    return 1000 * sum(" # " in line or line.lstrip().startswith("# ") for line in lines) // max(1, len(lines))


def main(package: Path = PACKAGE) -> int:
    """Prints the figures; 1 when one has gone back."""
    measured = figures(modules_of(package))
    for figure in measured:
        limit = "" if figure.limit is None else f"  (at most {figure.limit})"
        print(f"{figure.value:5}  {figure.name}{limit}{'  GONE BACK' if figure.has_gone_back else ''}")
    for figure in measured:
        if figure.has_gone_back and not isinstance(figure.found, int):
            print(f"\n{figure.name}:", *figure.found, sep="\n  ")
    return int(any(figure.has_gone_back for figure in measured))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))

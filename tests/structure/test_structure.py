"""The check of the structure, on small packages that are made for it, and on the library."""

from __future__ import annotations

import textwrap

import pytest

from checks.source import modules_of
from checks.structure import figures, main


@pytest.fixture
def measure(tmp_path):
    """Measures a package of these files; the things found, by the name of the figure."""

    def measured(**files: str) -> dict[str, object]:
        package = tmp_path / "pack"
        package.mkdir()
        (package / "__init__.py").touch()
        for name, text in files.items():
            path = package / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return {figure.name: figure.found for figure in figures(modules_of(package))}

    return measured


def test_the_library_keeps_its_limits(capsys):
    assert main() == 0, capsys.readouterr().out


def test_modules_in_folders_are_not_at_the_root(measure):
    assert measure(one="", room__two="")["modules at the root"] == ["pack.one"]


def test_the_chain_of_imports_leaves_out_those_for_types_and_in_functions(measure):
    found = measure(
        one="from pack import two",
        two="import pack.three\n\ndef f():\n    import pack.four",
        three="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack.four import x",
        four="x = 1",
    )
    assert found["longest chain of imports"] == ["pack.one", "pack.two", "pack.three"]


def test_a_circle_counts_though_it_is_closed_by_a_type(measure):
    found = measure(
        one="import pack.two",
        two="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack.one import x",
        three="import pack.one",
    )
    assert found["modules in circles of imports"] == ["pack.one", "pack.two"]


def test_private_attributes_of_other_objects_count_and_ones_own_do_not(measure):
    found = measure(one="def f(self, other):\n    self._a = other._b\n    return other.__class__, self._c._d")
    assert found["private attributes of other objects"] == ["pack.one:2 other._b", "pack.one:3 self._c._d"]


@pytest.mark.parametrize("line", ["What it is.", "It waits.", "Who waits.", "`Where` it is."])
def test_a_first_line_that_begins_with_a_pronoun_or_a_relative_clause_is_a_riddle(measure, line):
    found = measure(one=f'"""{line}"""\n\nclass A:\n    """Waits. It is long."""\n')
    assert found["first lines that are riddles"] == [f"pack.one:1 {line}"]


def test_names_that_recur_count(measure):
    found = measure(room__one="class A: ...", hall__one="class A: ...", hall__running="class B: ...")
    assert found["basenames that recur"] == ["one"]
    assert found["class names of two classes"] == ["A"]
    assert found["modules named -ing"] == ["pack.hall.running"]


def test_a_public_name_needs_a_docstring(measure):
    found = measure(one='__all__ = ["f", "g"]\n\ndef f(): ...\n\ndef g():\n    """Waits."""\n\ndef h(): ...\n')
    assert found["public names without a docstring"] == ["pack.one.f"]


def test_a_figure_that_has_gone_back_fails_and_is_named(tmp_path, capsys):
    package = tmp_path / "pack"
    package.mkdir()
    (package / "one.py").write_text('"""What it is."""\n', encoding="utf-8")
    assert main(package) == 1
    assert "pack.one:1 What it is." in capsys.readouterr().out

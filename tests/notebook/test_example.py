"""The notebook in `examples/` as a reader runs it, from the first cell to the last, without a key."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.notebook.kernel import ROOT

NOTEBOOK = ROOT / "examples" / "notebook.ipynb"


def test_the_notebook_is_kept_without_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert [(cell.outputs, cell.execution_count) for cell in cells] == [([], None)] * len(cells)


def executed(folder: Path) -> dict[str, list[nbformat.NotebookNode]]:
    """The outputs of the cells, by the cells' ids."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources, coalesce_streams=True).execute()
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


@pytest.mark.slow
def test_the_notebook_runs_without_an_error_and_its_output_holds_players(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    outputs = executed(tmp_path)
    every = [output for of_cell in outputs.values() for output in of_cell]
    assert [output for output in every if output.output_type == "error" or output.get("name") == "stderr"] == []
    players = {name for name, of_cell in outputs.items() if "<audio controls" in str(of_cell)}
    assert players == {"ask", "question", "speak", "audio", "tool", "go-on"}
    assert "get_weather(city=&#x27;Rome&#x27;)" in outputs["tool"][0].data["text/html"]
    counted = outputs["interrupted"][0].text + outputs["go-on"][0].text
    assert re.fullmatch(r"One\..* \(interrupted\)\n .*Six\.", counted)
    assert counted.replace(" (interrupted)\n", "") == "One. Two. Three. Four. Five. Six."
    assert "<table>" in outputs["end"][0].data["text/html"]

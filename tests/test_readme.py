"""The README's Python runs as it stands there, against the emulator."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from livesession.audio import WavFile, write_wav
from livesession.emulator import LiveEmulator

README = Path(__file__).parent.parent / "README.md"
MCP_SERVER = Path(__file__).parent / "tools" / "mcp" / "mcp_server.py"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {number}" for number, _ in enumerate(BLOCKS, 1)])
def test_a_code_block_of_the_readme_runs(block, tmp_path):
    question = WavFile(README.parent / "livesession" / "cli" / "question.wav")
    write_wav(tmp_path / "question.wav", b"".join(islice(question.blocks(), 12)), question.rate)
    shutil.copy(MCP_SERVER, tmp_path / "server.py")
    with LiveEmulator() as emulator:
        environment = {**os.environ, "GEMINI_API_KEY": "any", "GOOGLE_GEMINI_BASE_URL": emulator.url}
        (tmp_path / "test_block.py").write_text(block, encoding="utf-8")
        tests = ["-m", "pytest", "-p", "pytest_livesession", "test_block.py"]
        done = subprocess.run(
            [sys.executable, *(tests if "def test_" in block else ["test_block.py"])],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(README.parent), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_names_exactly_two_commands_to_set_up():
    assert re.findall(r"^pip install .*$", README.read_text(encoding="utf-8"), re.MULTILINE) == [
        'pip install ".[cli]" && livesession demo',
        'pip install -e ".[test]" && pytest',
    ]

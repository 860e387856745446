"""Runs each fuzz target for a while, from a few frames that are right and a few that are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.servers import frame

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

RUNS = 20_000
HERE = Path(__file__).parent

FRAMES = [
    frame(b'{"setupComplete":{}}'),
    frame(b"a" * 300, 1) + frame(b"ping", 9),
    frame("é".encode()[:1], 1, final=False) + frame(b"", 9) + frame("é".encode()[1:], 0),
    frame(b"\x03\xe8bye", 8),
    b"\x82\x7f" + (1 << 40).to_bytes(8, "big"),
    b"\x82\x81abcdx",
]

MESSAGES = [
    {"setupComplete": {"sessionId": "s"}},
    {"serverContent": {"modelTurn": {"parts": [{"text": "x"}, {"inlineData": {"mimeType": "audio/pcm;rate=24000"}}]}}},
    {
        "serverContent": {"outputTranscription": {"text": "x"}, "turnComplete": True},
        "usageMetadata": {"totalTokenCount": 1},
    },
    {"toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"x": [1.5, None]}}]}},
    {"toolCallCancellation": {"ids": ["1"]}},
    {"goAway": {"timeLeft": "10s"}},
    {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
    {"error": {"code": 3, "message": "m", "status": "S"}},
    {"news": 1},
    [],
]

CORPORA = {
    "fuzz_frames.py": [b"\x00" + data for data in FRAMES] + [b"\xff" + data for data in FRAMES],
    "fuzz_codec.py": [json.dumps(message).encode() for message in MESSAGES] + [b"{", b"\xff"],
}


@pytest.mark.parametrize("target", CORPORA)
def test_a_fuzz_target_meets_nothing_but_documented_exceptions(target, tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed (extra `fuzz`)")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(CORPORA[target]):
        (corpus / str(number)).write_bytes(seed)
    command = [sys.executable, str(HERE / target), f"-runs={RUNS}", "-seed=1", "-max_len=4096", str(corpus)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=140, check=False, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr[-5_000:]
    assert f"Done {RUNS} runs" in ended.stderr, ended.stderr[-1_000:]

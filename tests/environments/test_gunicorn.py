"""gunicorn --preload: a session made at import belongs to the master, one made in a worker works."""

from __future__ import annotations

import signal
import socket
import subprocess
import textwrap
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from livesession.emulator import LiveEmulator
from tests.environments.programs import check_errors, command, environment
from tests.kit.waiting import PATIENCE, wait_until

pytest.importorskip("gunicorn", reason="gunicorn is not installed (extra `test`), or does not run on this system")

pytestmark = pytest.mark.slow

APPLICATION = """
import os
from livesession import ForkedSessionError, GoogleAI, LiveGenerationConfig, LiveGenerativeModel

backend = GoogleAI(api_key="k", base_url=os.environ["LIVE_URL"], proxy=False)
text = LiveGenerationConfig(response_modalities=["TEXT"])
model = LiveGenerativeModel("m", backend=backend, generation_config=text)
made_at_import = model.connect()

def at_import():
    try:
        return made_at_import.ask("hello").text
    except ForkedSessionError as error:
        return f"ForkedSessionError: {error}"

def in_worker():
    with model.connect() as session:
        return session.ask("hello").text

def application(environ, start_response):
    said = {"/at-import": at_import, "/in-worker": in_worker}[environ["PATH_INFO"]]()
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("X-Worker", str(os.getpid()))])
    return [said.encode()]
"""

WORKERS = {"gthread": ["--threads", "4"], "gevent": []}


@pytest.mark.parametrize("worker", WORKERS)
def test_a_session_made_at_import_is_refused_in_a_preloaded_worker_and_one_made_there_works(worker, tmp_path):
    if worker == "gevent":
        pytest.importorskip("gevent", reason="gevent is not installed (extra `test`)")
    (tmp_path / "application.py").write_text(textwrap.dedent(APPLICATION))
    with (
        LiveEmulator(lambda turn: f"you said {turn.text}") as emulator,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # A worker that is told to end while it still starts misses that, and is killed after this time.
        options = ["--preload", "--workers", "2", "--graceful-timeout", "5", "-k", worker, *WORKERS[worker]]
        with subprocess.Popen(
            command("-m", "gunicorn", *options, "--bind", f"fd://{listener.fileno()}", "application:application"),
            cwd=tmp_path,
            env={**environment(), "LIVE_URL": emulator.url},
            pass_fds=[listener.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        ) as gunicorn:
            try:
                with ThreadPoolExecutor(8) as clients:
                    answers = list(clients.map(fetch, [f"{address}/in-worker"] * 16))
                    refusals = list(clients.map(fetch, [f"{address}/at-import"] * 4))
                wait_until(lambda: len(emulator.connections) == 1)  # the master's, which nobody touched
            finally:
                gunicorn.send_signal(signal.SIGTERM)
                errors = gunicorn.communicate(timeout=PATIENCE)[1]
        wait_until(lambda: not emulator.connections)
    assert set(answers) == {"you said hello"}
    assert all(
        said.startswith("ForkedSessionError: ") and "in the worker and not at import" in said for said in refusals
    )
    assert gunicorn.returncode == 0, errors
    check_errors(errors)


def fetch(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=PATIENCE) as answer:
        return answer.read().decode()

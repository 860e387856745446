"""A kernel that ends while a session is open."""

from __future__ import annotations

import time

import pytest

from tests.notebook.conftest import PRELUDE
from tests.notebook.kernel import PATIENCE, Kernel

BY_ITSELF = 2.5  # seconds, after which jupyter_client sends a signal


@pytest.mark.slow
def test_a_kernel_with_an_open_session_ends_at_once_and_starts_again(tmp_path):
    kernel = Kernel(tmp_path)
    try:
        kernel.run(PRELUDE + "session = model.connect()\nsession.send('wait', turn_complete=True)")
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=PATIENCE)
        cell = kernel.run(PRELUDE + "session = model.connect()\nprint(session.ask('again').text)")
        assert cell.printed == "again\n"
        start = time.monotonic()
    finally:
        kernel.stop()
    assert time.monotonic() - start < BY_ITSELF

"""What all tests share: an environment without surprises, certificates for TLS, and a check for left-over threads."""

from __future__ import annotations

import os
import ssl
import threading

import pytest
import trustme

from tests.kit.waiting import wait_until

VARIABLES = [
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_GENAI_USE_ENTERPRISE",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_CLOUD_LOCATION",
    "GOOGLE_GEMINI_BASE_URL",
    "GOOGLE_VERTEX_BASE_URL",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LIVESESSION_MODEL",
    "FIREBASE_API_KEY",
    "FIREBASE_PROJECT",
    *(f"{kind}_proxy" for kind in ("http", "https", "all", "no")),
    *(f"{kind}_PROXY" for kind in ("HTTP", "HTTPS", "ALL", "NO")),
]


def pytest_xdist_auto_num_workers() -> int:
    # Half of their time the tests wait for a socket: two for each core take two thirds of what one takes.
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    ours = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("livesession")}
    # Not by join(), which refuses a thread that is just being started.
    wait_until(lambda: not ours & set(threading.enumerate()))


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority made for this run."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def client_tls(authority) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context

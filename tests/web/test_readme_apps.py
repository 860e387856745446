"""The views in the README, called as their frameworks call them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from livesession.emulator import LiveEmulator
from tests.web.kit import parse_events, text_of

pytestmark = pytest.mark.slow

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def block(monkeypatch):
    """Runs the code block under a heading, against an emulator; gives its names."""
    names: dict = {"__name__": "readme"}

    def run(heading: str) -> dict:
        section = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1]
        exec(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1], names)
        return names

    with LiveEmulator() as emulator:
        monkeypatch.setenv("GEMINI_API_KEY", "any")
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.url)
        yield run
        names["pool"].close()


def test_the_views_for_flask_answer(block):
    pytest.importorskip("flask", reason="flask is not installed (extra `examples`)")
    client = block("In Flask")["app"].test_client()
    assert text_of(parse_events(client.get("/answer?question=Hello").text)) == "You said: Hello"
    assert client.get("/short?question=<Again>").json == {"text": "You said: <Again>"}
    assert client.get("/answer?question=").status_code == 400


def test_the_view_for_django_answers_and_stores_the_handle(block, tmp_path):
    settings = pytest.importorskip("django.conf", reason="django is not installed (extra `examples`)").settings
    from django.contrib.sessions.backends.file import SessionStore
    from django.test import RequestFactory

    settings.configure(SECRET_KEY="k", SESSION_FILE_PATH=str(tmp_path))
    answer = block("In Django")["answer"]
    store = SessionStore()
    store["visitor"] = "ada"
    store.create()
    for question in ("Hello", "Again"):
        request = RequestFactory().post("/answer", {"question": question})
        request.session = SessionStore(store.session_key)
        response = answer(request)
        assert text_of(parse_events(b"".join(response).decode())) == f"You said: {question}"
        assert SessionStore(store.session_key)["handle"]
    request = RequestFactory().post("/answer", {"question": ""})
    request.session = SessionStore(store.session_key)
    assert answer(request).status_code == 400

"""Resumption handles in frames and texts, each replaced by its name."""

from __future__ import annotations

import pytest

from livesession.recording.handle_names import HandleNames

SETUP = '{"setup": {"sessionResumption": {"handle": "secret-handle"}}}'
UPDATE = '{"sessionResumptionUpdate": {"newHandle" : "secret-handle", "resumable": true}}'


def test_a_handle_has_the_same_name_in_every_frame():
    names = HandleNames()
    assert names.hide_in_frame(UPDATE) == UPDATE.replace("secret-handle", "handle-1")
    assert names.hide_in_frame(UPDATE.replace("secret", "other")) == UPDATE.replace("secret-handle", "handle-2")
    assert names.hide_in_frame(SETUP) == SETUP.replace("secret-handle", "handle-1")


@pytest.mark.parametrize(
    "frame",
    [
        '{"setup": {"session_resumption": {"handle": "secret-handle"}}}',
        '{"session_resumption_update": {"new_handle": "secret-handle"}}',
        '{"sessionResumptionUpdate": {"newHandle": "secret\\u002dhandle"}}',
        '{"sessionResumptionUpdate": {"newHandle": "secret-handle"}} and no JSON',
    ],
    ids=["snake case", "snake case of the server", "escaped", "not JSON"],
)
def test_a_handle_is_found_in_every_spelling(frame):
    hidden = HandleNames().hide_in_frame(frame)
    assert "secret" not in hidden
    assert '"handle-1"' in hidden


@pytest.mark.parametrize(
    "frame",
    [
        '{"setup": {"sessionResumption": {}}}',
        '{"setup": {"sessionResumption": {"handle": ""}}}',
        '{"toolCall": {"functionCalls": [{"name": "open", "args": {"handle": "door"}}]}}',
        '{"serverContent": {"inputTranscription": {"text": "\\"handle\\": \\"door\\""}}}',
        "[1]",
    ],
)
def test_everything_else_stays_as_it_is(frame):
    assert HandleNames().hide_in_frame(frame) == frame


def test_known_handles_are_hidden_in_texts_unless_they_may_be_words():
    names = HandleNames()
    for handle in ("secret-handle", "session"):
        names.hide_in_frame(f'{{"sessionResumptionUpdate": {{"newHandle": "{handle}"}}}}')
    assert names.hide_in_words("no session for secret-handle") == "no session for handle-1"

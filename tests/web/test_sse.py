"""Server-sent events: what goes in comes out of a parser that follows the standard, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livesession import ConfigurationError
from livesession.web import HEARTBEAT, sse_event
from tests.web.kit import Event, parse_events


def test_an_event_has_its_type_its_id_and_its_data_and_ends_with_an_empty_line():
    assert sse_event("hello", "text", "7") == "event: text\nid: 7\ndata: hello\n\n"


def test_data_of_several_lines_arrives_as_such_whatever_their_ends():
    assert parse_events(sse_event("a\nb\r\nc\rd\n")) == [Event("message", "a\nb\nc\nd\n")]


def test_what_only_python_takes_for_line_ends_stays_in_the_line():
    text = "a\u2028b\u2029c\x0bd\x0ce\x85f\x1cg"
    assert sse_event(text).count("data: ") == 1
    assert parse_events(sse_event(text)) == [Event("message", text)]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=50)
@given(TEXTS)
def test_any_text_comes_out_as_it_went_in_but_for_its_line_ends(text):
    arrived = text.replace("\r\n", "\n").replace("\r", "\n")
    assert parse_events(sse_event(text)) == [Event("message", arrived)]


@settings(max_examples=50)
@given(st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_any_object_comes_out_as_it_went_in_with_every_line_end(data):
    assert parse_events(sse_event(data, "text"))[0].json == data


def test_half_of_a_surrogate_pair_can_be_encoded():
    assert sse_event("a\ud800b").encode() == b"data: a?b\n\n"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_a_type_or_an_id_that_would_break_the_format_is_refused(value):
    with pytest.raises(ConfigurationError, match="one line"):
        sse_event("x", value)
    with pytest.raises(ConfigurationError, match="one line"):
        sse_event("x", None, value)


def test_a_heartbeat_is_no_event():
    assert parse_events(HEARTBEAT) == []

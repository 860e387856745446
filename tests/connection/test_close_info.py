"""What a close code and its reason mean: each row of the protocol's list, and what users reported."""

from __future__ import annotations

import re

import pytest

from livesession import ResumptionError
from livesession.connection.close_info import CloseInfo, classify
from livesession.connection.connection_state import ConnectionEvent, ConnectionState, connection_states
from livesession.session.dispatcher import OVERFLOW

# Code and reason; the kind, whether a new connection may help, and whether one is made without asking.

ROWS = [
    # The table of protocol.md section 4, in its order.
    (1000, "", "normal", True, True),
    (1000, "Client closed session.", "normal", True, True),
    (1001, "", "normal", True, True),
    (1006, "", "network", True, True),
    (1007, "Request contains an invalid argument.", "invalid-argument", False, False),
    (1007, "API key not valid. Please pass a valid API key.", "auth", False, False),
    (1007, "API key expired. Please renew the API key.", "auth", False, False),
    (1007, "User location is not supported for the API use.", "location", False, False),
    (1007, "Invalid JSON payload received. Unknown name", "invalid-argument", False, False),
    (1007, "... Last chunk before turn_complete must have r", "invalid-argument", False, False),
    (1008, "models/x is not found for API version v1alpha, or is not supported for bidi", "not-found", False, False),
    (1008, "Operation is not implemented, or supported, or enabled.", "unavailable", True, True),
    (1008, "Requested entity was not found.", "not-found", False, False),
    (1008, "The operation was aborted", "limit", True, True),
    (1008, "Response mime type application/json isn't supported", "invalid-argument", False, False),
    (1008, "Firebase App Check token is invalid.", "auth", False, False),
    (1009, "message too big", "too-big", False, False),
    (1011, "Internal error encountered.", "unavailable", True, True),
    (1011, "Internal error occurred.", "unavailable", True, True),
    (1011, "The service is currently unavailable.", "unavailable", True, True),
    (1011, "Deadline expired before operation could complete.", "limit", True, True),
    (1011, "RESOURCE_EXHAUSTED: Maximum concurrent se", "quota", False, False),
    (1011, "You exceeded your current quota, please check", "quota", False, False),
    (1011, "OVERLOADED_TOO_MANY_RETRIES", "unavailable", True, True),
    (1011, "keepalive ping timeout", "network", True, True),
    # Section 4, above the table: a resumption while the old socket is open; and section 6.
    (1011, "", "unavailable", True, True),
    (1011, "service unavailable", "unavailable", True, True),
    (1011, "internal", "unavailable", True, True),
    (1007, "", "invalid-argument", False, False),
    (1008, "", "policy", False, False),
    (1007, "Precondition check failed.", "invalid-argument", False, False),
    (1008, "Method doesn't allow unregistered callers", "auth", False, False),
    (1008, "BidiGenerateContent session not found", "not-found", False, False),
    (1008, "client failed to close the connection after receiving a GoAway", "limit", True, True),
    (1011, "Token has been used too many times", "auth", False, False),
    # A reason that tells more than its code, and codes that say that nothing will change.
    (1000, "API key expired. Please renew the API key.", "auth", False, False),
    (1007, "Internal error encountered.", "unavailable", True, False),
    (1008, "RESOURCE_EXHAUSTED", "quota", False, False),
    # What proxies and other servers send.
    (1002, "reserved bits", "protocol", False, False),
    (1005, "", "normal", True, True),
    (1012, "", "unavailable", True, True),
    (1013, "", "unavailable", True, True),
    (1014, "", "unavailable", True, True),
    (4000, "something else", "unknown", False, False),
]


@pytest.mark.parametrize(("code", "reason", "kind", "retryable", "may_resume"), ROWS)
def test_a_close_by_the_server_is_classified_by_its_code_and_reason(code, reason, kind, retryable, may_resume):
    verdict = classify(code, reason)
    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert verdict.hint
    assert CloseInfo(code, reason, "server").may_resume is may_resume


@pytest.mark.parametrize(
    ("ending", "may_resume"),
    [
        (CloseInfo(1006, "", "network", "The connection was lost while sending"), True),
        (CloseInfo(1006, "", "network", "The connection ended without a close frame"), True),
        (CloseInfo(1006, "", "local", "A message could not be written whole in time"), True),
        (CloseInfo(1006, "", "local", "Sending was interrupted in the middle of a message"), True),
        (CloseInfo(1006, "", "local", "The session was dropped without close()", is_final=True), False),
        (CloseInfo(1006, "", "local", failure=ResumptionError("The session could not be resumed")), False),
        (CloseInfo(1000, "closed by this side", "local"), False),
        (CloseInfo(1002, "a masked frame from the server", "local"), False),
        (CloseInfo(1007, "a text message that is not UTF-8", "local"), False),
        (CloseInfo(1009, "a message over the limit", "local"), False),
        (OVERFLOW, False),
    ],
)
def test_what_the_network_or_this_side_ended_is_resumed_only_where_the_connection_is_at_fault(ending, may_resume):
    assert ending.may_resume is may_resume


@pytest.mark.parametrize(
    ("ending", "kind", "hint"),
    [
        (CloseInfo(1007, "a text message that is not UTF-8", "local"), "protocol", "does not speak the WebSocket"),
        (OVERFLOW, "unread", r"receive\(\).*inbox_bytes"),
    ],
)
def test_what_this_side_ended_is_not_taken_for_a_refusal_by_the_server(ending, kind, hint):
    assert ending.verdict.kind == kind
    assert re.search(hint, ending.error().hint)


def test_an_error_is_made_anew_each_time_it_is_raised():
    ending = CloseInfo(1011, "x", "server")
    assert ending.error() is not ending.error()


@pytest.mark.parametrize(
    ("ending", "quiet"),
    [
        (CloseInfo(1000, "", "server"), True),
        (CloseInfo(1000, "closed by this side", "local"), True),
        (CloseInfo(1006, "", "network"), False),
        (CloseInfo(1001, "", "server"), False),
    ],
)
def test_only_a_normal_close_is_quiet(ending, quiet):
    assert ending.quiet is quiet


def test_of_two_ends_the_first_stays_and_the_second_is_told_that_it_changes_nothing():
    machine, first = connection_states(), CloseInfo(1006, "", "network")
    assert machine.on(ConnectionEvent.UPGRADED)
    assert machine.on(ConnectionEvent.ENDED, first)
    assert not machine.on(ConnectionEvent.ENDED, CloseInfo(1000, "", "server"))
    assert not machine.on(ConnectionEvent.LOCAL_CLOSE, CloseInfo(1000, "", "local"))
    assert (machine.state, machine.detail) == (ConnectionState.CLOSED, first)

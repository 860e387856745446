"""What a close code and its reason mean: each row of the protocol's list, and what users reported."""

from __future__ import annotations

import pytest

from livesession.connection.closing import Ending, classify

ROWS = [
    (1000, "", "normal", True),
    (1001, "", "normal", True),
    (1002, "reserved bits", "protocol", False),
    (1005, "", "normal", True),
    (1006, "", "network", True),
    (1007, "Request contains an invalid argument.", "invalid-argument", False),
    (1007, "Precondition check failed.", "invalid-argument", False),
    (1007, "API key not valid. Please pass a valid API key.", "auth", False),
    (1007, "API key expired. Please renew the API key.", "auth", False),
    (1007, "User location is not supported for the API use.", "location", False),
    (1007, "Invalid JSON payload received. Unknown name", "invalid-argument", False),
    (1008, "models/x is not found for API version v1alpha, or is not supported for bidi", "not-found", False),
    (1008, "BidiGenerateContent session not found", "not-found", False),
    (1008, "Operation is not implemented, or supported, or enabled.", "unavailable", True),
    (1008, "Requested entity was not found.", "policy", False),
    (1008, "The operation was aborted", "limit", True),
    (1008, "client failed to close the connection after receiving a GoAway", "limit", True),
    (1008, "Firebase App Check token is invalid.", "auth", False),
    (1008, "Method doesn't allow unregistered callers", "auth", False),
    (1009, "message too big", "too-big", False),
    (1011, "Internal error encountered.", "unavailable", True),
    (1011, "The service is currently unavailable.", "unavailable", True),
    (1011, "Deadline expired before operation could complete.", "limit", True),
    (1011, "RESOURCE_EXHAUSTED: Maximum concurrent se", "quota", False),
    (1011, "You exceeded your current quota, please check", "quota", False),
    (1011, "OVERLOADED_TOO_MANY_RETRIES", "unavailable", True),
    (1011, "Token has been used too many times", "auth", False),
    (1011, "", "unavailable", True),
    (4000, "something else", "unknown", False),
]


@pytest.mark.parametrize(("code", "reason", "kind", "retryable"), ROWS)
def test_a_close_is_classified_by_its_code_and_reason(code, reason, kind, retryable):
    verdict = classify(code, reason)
    assert (verdict.kind, verdict.retryable) == (kind, retryable)
    assert verdict.hint


def test_an_error_is_made_anew_each_time_it_is_raised():
    ending = Ending(1011, "x", "server")
    assert ending.error() is not ending.error()


@pytest.mark.parametrize(
    ("ending", "quiet"),
    [
        (Ending(1000, "", "server"), True),
        (Ending(1000, "closed by this side", "local"), True),
        (Ending(1006, "", "network"), False),
        (Ending(1001, "", "server"), False),
    ],
)
def test_only_a_normal_close_is_quiet(ending, quiet):
    assert ending.quiet is quiet

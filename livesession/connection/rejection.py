"""A failed attempt to connect, as an error that says what to do.

The one place where the exceptions of `socket`, `ssl` and websocket-client become this library's. websocket-client's
hold the headers that were sent and received; of them only the kind is kept.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from typing import TYPE_CHECKING

from livesession.errors import ConnectError, UpgradeRejectedError

if TYPE_CHECKING:
    from livesession.connection.endpoint import Endpoint

__all__ = ["explain", "rejection"]

BODY_SHOWN = 2000

ADVICE = {
    400: "The service did not understand the request: check the address, the API version and the key.",
    401: "Check the key or token: it is missing, expired or of the wrong kind.",
    403: "The key or token is not allowed to use this API: check it, and that the API is enabled for the project.",
    404: "There is no such address: check the base URL, the API version and the location.",
    407: "The proxy wants a user and a password: give them in its URL.",
    429: "Too many requests or sessions: close some, wait, or raise the quota. Do not retry in a loop.",
}


def explain(error: Exception, endpoint: Endpoint) -> ConnectError:
    """A `ConnectError` for what went wrong before the server answered; the original is its cause."""
    made = ConnectError(what_happened(error, endpoint), retryable=not isinstance(error, ssl.SSLError))
    made.__cause__ = error
    return made


def what_happened(error: Exception, endpoint: Endpoint) -> str:
    place = f"{endpoint.host}:{endpoint.port}"
    if isinstance(error, socket.gaierror):
        return f"The name {endpoint.host!r} could not be resolved: {error}. Check it, and the network."
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"The certificate of {place} was not accepted: {error.verify_message}."
        return f"{why} If you trust it, name its CA with ca_file=..."
    if isinstance(error, ssl.SSLError):
        return f"TLS with {place} failed: {error.reason or error}. Does it speak TLS there? If not, use ws://."
    if isinstance(error, ConnectionRefusedError):
        return f"{place} refused the connection: nothing is listening there. Check host and port."
    return f"The connection to {place} failed: {error or type(error).__name__}."


def rejection(received: bytes | bytearray, error: Exception, endpoint: Endpoint) -> ConnectError:
    """An error for an upgrade that failed, from what the server had answered by then."""
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    status_line = head.split(b"\r\n")[0].decode("latin-1")
    match = re.match(r"HTTP/\d(?:\.\d)? (\d{3})", status_line)
    if match is None or match[1] == "101":
        return no_upgrade(received, error, endpoint)
    status = int(match[1])
    text = endpoint.redact(body[:BODY_SHOWN].decode("utf-8", "replace"))
    made = UpgradeRejectedError(
        f"{endpoint.host}:{endpoint.port} answered HTTP {status} instead of opening a WebSocket{summary(text)}. "
        f"{advice(status)}",
        status=status,
        body=text,
        retryable=status >= 500,
    )
    made.__cause__ = ConnectionError(status_line)
    return made


def no_upgrade(received: bytes | bytearray, error: Exception, endpoint: Endpoint) -> ConnectError:
    """An error for an answer that is no HTTP, or a 101 with the wrong headers."""
    place = f"{endpoint.host}:{endpoint.port}"
    if not received:
        made = ConnectError(f"{place} ended the connection without an answer to the WebSocket request.", retryable=True)
    elif is_cut_off(received) and type(error) is not ConnectionError:  # which is that of an endless answer
        made = ConnectError(f"{place} ended the connection in the middle of its answer.", retryable=True)
    else:
        made = ConnectError(f"{place} does not answer as a WebSocket server. Check the address.")
    made.__cause__ = ConnectionError(type(error).__name__)
    return made


def is_cut_off(received: bytes | bytearray) -> bool:
    """Whether an HTTP answer began and its headers did not end."""
    return b"HTTP/1.1"[: len(received)] == received[:8] and b"\r\n\r\n" not in received


def advice(status: int) -> str:
    if 300 <= status < 400:
        return "It wants to redirect, which is not followed because that would hand on the key; use the final address."
    if status >= 500:
        return "A fault of the service; try again after a while."
    return ADVICE.get(status, "Check the address and the credentials.")


def summary(body: str) -> str:
    """The message in an error body of Google's form, or the beginning of the text."""
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        message = " ".join(re.sub(r"<[^>]*>", " ", body).split())[:200]
    return f" ({message})" if message else ""

"""`livesession emulator`: serves the Live API on this machine, until it is stopped."""

from __future__ import annotations

import os
import shlex
import ssl

import click

from livesession.cli.console import new_console
from livesession.cli.file_arguments import INPUT_FILE
from livesession.cli.local_server import address_options, start_server
from livesession.cli.signal_queues import end_signals, wait_for_signal
from livesession.cli.target import DEFAULT_MODEL
from livesession.errors import ConfigurationError

__all__ = ["emulator"]

PLAIN = """\
livesession:
  export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any
  livesession ask "Hello"

google-genai, in Vertex mode (no API key in the environment); it insists on TLS
settings, which a ws:// address refuses:
  url = "{url}"
  client = genai.Client(vertexai=True, http_options={{"base_url": url}})
  client._api_client._websocket_ssl_ctx.clear()
  client.aio.live.connect(model="{model}")
With --cert and --key it needs no change at all.
"""

ENCRYPTED = """\
livesession and google-genai, both unchanged:
  export SSL_CERT_FILE={cert}
  export GOOGLE_GEMINI_BASE_URL={url} GEMINI_API_KEY=any
  livesession ask "Hello"
"""


@click.command(short_help="A Live API on this machine, without a key.")
@address_options
@click.option(
    "--pace", type=click.FloatRange(min=0), default=1.0,
    help="Seconds of audio that go out in a second: 1, the default, is real time, 0 all at once.",
)  # fmt: skip
@click.option("--cert", type=INPUT_FILE, help="Serve TLS with this certificate (PEM).")
@click.option("--key", type=INPUT_FILE, help="The certificate's key (PEM).")
def emulator(host: str, port: int, pace: float, cert: str | None, key: str | None) -> None:
    """Serve the Live API on this machine, without a key, until Ctrl-C or SIGTERM.

    It speaks the protocol of all three back ends, and echoes: text is quoted, speech is played back.

    \b
    livesession emulator
    livesession emulator --port 8765 --pace 0

    A certificate of your own, for programs that insist on TLS:

    \b
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \\
      -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem
    livesession emulator --cert cert.pem --key key.pem
    """
    from livesession.emulator import LiveEmulator

    if (cert is None) != (key is None):
        raise click.UsageError("--cert and --key belong together.")
    context = tls(cert, key) if cert and key else None
    server = LiveEmulator(host=host, port=port, pace=pace, ssl_context=context)
    with end_signals() as stopped:
        start_server(server, f"{host}:{port}")
        with server:
            announce(server.url, cert)
            wait_for_signal(stopped)


def tls(cert: str, key: str) -> ssl.SSLContext:
    """Makes the server's TLS context from two PEM files. Raises `ConfigurationError` where they do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise ConfigurationError(f"{cert} and {key} are no certificate and its key, both in PEM form.") from error
    return context


def announce(url: str, cert: str | None) -> None:
    """Prints the address of the emulator, and what clients need to connect to it."""
    how = ENCRYPTED if cert else PLAIN
    address = url.replace("wss://", "https://")
    text = how.format(url=address, cert=shlex.quote(os.path.abspath(cert or "")), model=DEFAULT_MODEL)
    new_console().print(f"Live API emulator at {url} (Ctrl-C stops it)\n\n{text}", end="", soft_wrap=True)

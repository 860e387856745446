"""Every interpreter found: unit tests, TLS duplex stress, interruptions. `nox` runs all, `nox -s tests-3.12` one."""

from __future__ import annotations

import nox

nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14", "3.15"])
def tests(session: nox.Session) -> None:
    """Arguments after `--` go to pytest."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)
    session.run("python", "-X", "faulthandler", "tests/stress/tls_duplex.py")
    operations = [
        f"--operation={name}" for name in ("send", "ask", "next", "receive-turn", "connect", "close", "resume")
    ]
    session.run("python", "tests/interrupts/every_line.py", *operations, "--stride", "11")

"""Keys and tokens that do not show themselves.

A debug page prints the local variables of every frame of a traceback; so a key is wrapped as soon as it is known,
and unwrapped only where it is written to the socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from attrs import field, frozen

from livesession.errors import ConfigurationError

__all__ = ["Credential", "Secret", "ask_for"]

Credential = str | Callable[[], str]
"""A key or token, or a callable that returns one, asked at every connect; white space round it is left out."""


@final
class Secret:
    """A string that prints as `<secret>`; `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def hide(credential: Credential) -> Secret | Callable[[], str]:
    if not isinstance(credential, str) and not callable(credential):
        raise TypeError(f"A key or token is a str, or a callable that returns one, not {type(credential).__name__}.")
    return Secret(credential.strip()) if isinstance(credential, str) else credential


@frozen(repr=False)
class CredentialSource:
    """A credential as a back end keeps it: hidden, and perhaps still to be asked for."""

    _credential: Secret | Callable[[], str] = field(converter=hide)

    def __repr__(self) -> str:
        return "<secret>" if isinstance(self._credential, Secret) else "<asked at every connect>"

    def ask(self, what: str) -> Secret:
        """The key or token now."""
        return self._credential if isinstance(self._credential, Secret) else ask_for(self._credential, what)


def ask_for(provider: Callable[[], str], what: str) -> Secret:
    """Asks a provider for a credential, and hides it; `ConfigurationError` where it gives no text."""
    given = Secret(provider())
    if not isinstance(given.reveal(), str) or not given.reveal().strip():
        raise ConfigurationError(f"The callable for the {what} returned no text. It must return the {what} as a str.")
    return Secret(given.reveal().strip())


def credential_source(credential: Credential | CredentialSource | None) -> CredentialSource | None:
    """An attrs converter for a credential that may be missing, or empty; or held already, by what is evolved."""
    if isinstance(credential, CredentialSource):
        return credential
    if credential is None or (isinstance(credential, str) and not credential.strip()):
        return None
    return CredentialSource(credential)

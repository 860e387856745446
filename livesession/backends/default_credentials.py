"""Google's default credentials, through google-auth (extra `vertex`), asked for at connect and refreshed when old.

The frames of google-auth's errors, and of their causes, hold private keys and signed requests: only their words stay.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from livesession.connection.secret import Secret
from livesession.errors import ConfigurationError, ConnectError, MissingExtraError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

__all__ = ["DefaultCredentials"]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


class DefaultCredentials:
    """Finds the credentials once, and a valid token each time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards both fields; held while google-auth asks for a token, as it must be once
        self._credentials: Credentials | None = None
        self._project: str | None = None

    def project(self) -> str | None:
        """The project that the credentials belong to."""
        with self._lock:
            self._find()
            return self._project

    def headers(self) -> dict[str, Secret]:
        """The headers of a connection: a valid token, and who pays where that is another project."""
        with self._lock:
            credentials = self._find()
            self._refresh(credentials)
            headers = {"Authorization": Secret(f"Bearer {credentials.token}")}
            payer = getattr(credentials, "quota_project_id", None)
            return {**headers, "x-goog-user-project": Secret(payer)} if payer else headers

    def _find(self) -> Credentials:
        if self._credentials is None:
            try:
                import google.auth
                from google.auth.exceptions import DefaultCredentialsError
            except ImportError as error:
                raise MissingExtraError("Vertex AI with Google default credentials", "vertex") from error
            try:
                self._credentials, self._project = google.auth.default(scopes=[SCOPE])
            except DefaultCredentialsError as error:
                raise ConfigurationError(
                    "There are no Google credentials: run `gcloud auth application-default login`, set "
                    "GOOGLE_APPLICATION_CREDENTIALS, or pass VertexAI(token=...)."
                ) from LookupError(str(error))
        return self._credentials

    def _refresh(self, credentials: Credentials) -> None:
        from google.auth.exceptions import GoogleAuthError, TransportError
        from google.auth.transport.requests import Request

        if credentials.valid:
            return
        try:
            credentials.refresh(Request())  # type: ignore[no-untyped-call]  # untyped there
        except GoogleAuthError as error:
            words, reason = f"Google's credentials could not be refreshed: {error}.", ConnectionError(str(error))
            if isinstance(error, TransportError) or error.retryable:
                raise ConnectError(words, retryable=True) from reason
            raise ConfigurationError(words) from reason

"""The Gemini Developer API."""

from __future__ import annotations

from attrs import Factory, field, frozen

from livesession.backends.backend import Backend, check_model, from_environment, key_from_environment
from livesession.connection.endpoint import Endpoint
from livesession.connection.secret import CredentialSource, Secret, credential_source
from livesession.errors import ConfigurationError

__all__ = ["GoogleAI"]

HOST = "generativelanguage.googleapis.com"
EPHEMERAL = "auth_tokens/"


@frozen(kw_only=True, repr=False)
class GoogleAI(Backend):
    """The Gemini Developer API, with an API key or an ephemeral token.

    Args:
        api_key: The key, or an ephemeral token (`auth_tokens/...`), or a callable that returns one and is asked at
            every connect; default GOOGLE_API_KEY, then GEMINI_API_KEY of the environment. It goes out in a header.
        base_url: Default GOOGLE_GEMINI_BASE_URL of the environment, else Google's address.
        api_version: Default `"v1beta"`; with an ephemeral token `"v1alpha"`.

    The other arguments are those of `Backend`.

    Raises:
        ConfigurationError: No key was given, and the environment has none.
    """

    base_url: str | None = Factory(lambda: from_environment("GOOGLE_GEMINI_BASE_URL"))
    api_key: CredentialSource | None = field(default=None, converter=credential_source)

    def __attrs_post_init__(self) -> None:
        if not self.api_key and not key_from_environment():
            raise ConfigurationError(
                "There is no API key: pass GoogleAI(api_key=...), or set GEMINI_API_KEY (from aistudio.google.com). "
                "To try without one: `livesession emulator` in another terminal prints the variables that lead there."
            )

    @property
    def requires_function_response_ids(self) -> bool:
        return True

    @property
    def takes_answers_in_parts(self) -> bool:
        return True

    def endpoint(self) -> Endpoint:
        key = (self.api_key or CredentialSource(key_from_environment)).ask("API key")
        is_ephemeral = key.reveal().startswith(EPHEMERAL)
        version = self.api_version or ("v1alpha" if is_ephemeral else "v1beta")
        method = "BidiGenerateContentConstrained" if is_ephemeral else "BidiGenerateContent"
        header = {"Authorization": Secret(f"Token {key.reveal()}")} if is_ephemeral else {"x-goog-api-key": key}
        path = f"/ws/google.ai.generativelanguage.{version}.GenerativeService.{method}"
        return self.make_endpoint(HOST, path, header)

    def model_resource(self, model: str) -> str:
        check_model(model)
        return model if "/" in model else f"models/{model}"

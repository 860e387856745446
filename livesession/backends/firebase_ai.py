"""Firebase AI Logic, in both flavours."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from livesession.backends.backend import Backend, check_model, publisher_model
from livesession.connection.endpoint import Endpoint
from livesession.connection.secret import CredentialSource, Secret, credential_source
from livesession.errors import ConfigurationError
from livesession.validators import one_of

__all__ = ["FirebaseAI"]

HOST = "firebasevertexai.googleapis.com"
SERVICE = "/ws/google.firebase.vertexai"
MODELS = "models/"


@frozen(kw_only=True, repr=False)
class FirebaseAI(Backend):
    """Firebase AI Logic: the key of a Firebase app, with App Check and user tokens where the project wants them.

    Args:
        api_key: The Firebase app's API key; it goes out in a header.
        project: The Firebase project's id.
        flavour: Which service stands behind it, `"google"` (Gemini Developer API) or `"vertex"`; default `"google"`.
        location: For the flavour `"vertex"`; default `"us-central1"`.
        app_id: The Firebase app's id, sent where given.
        app_check_token: An App Check token, or a callable that returns one and is asked at every connect.
        auth_token: The signed-in user's ID token, or a callable that returns one.
        api_version: Default `"v1beta"`.

    The other arguments are those of `Backend`.

    Raises:
        ConfigurationError: Key or project is empty, or None.
    """

    api_key: CredentialSource | None = field(converter=credential_source)
    project: str
    flavour: Literal["google", "vertex"] = field(default="google", validator=one_of("google", "vertex"))
    location: str = "us-central1"
    app_id: str | None = None
    app_check_token: CredentialSource | None = field(default=None, converter=credential_source)
    auth_token: CredentialSource | None = field(default=None, converter=credential_source)

    def __attrs_post_init__(self) -> None:
        if not self.api_key or not self.project:
            missing = "project" if self.api_key else "API key"
            raise ConfigurationError(
                f"There is no {missing}: pass FirebaseAI(api_key=..., project=...), the `apiKey` and `projectId` of "
                "the app's configuration in the Firebase console."
            )

    @property
    def service(self) -> Literal["developer", "vertex"]:
        return "vertex" if self.flavour == "vertex" else "developer"

    @property
    def takes_answers_in_parts(self) -> bool:
        return self.flavour == "google"

    def endpoint(self) -> Endpoint:
        base = f"{SERVICE}.{self.api_version or 'v1beta'}"
        if self.flavour == "google":
            return self.make_endpoint(HOST, f"{base}.GenerativeService/BidiGenerateContent", self.credentials())
        path = f"{base}.LlmBidiService/BidiGenerateContent/locations/{self.location}"
        return self.make_endpoint(HOST, path, self.credentials())

    def credentials(self) -> dict[str, Secret]:
        assert self.api_key is not None
        headers = {"x-goog-api-key": self.api_key.ask("API key")}
        if self.app_check_token is not None:
            headers["X-Firebase-AppCheck"] = self.app_check_token.ask("App Check token")
        if self.auth_token is not None:
            headers["Authorization"] = Secret(f"Firebase {self.auth_token.ask('user token').reveal()}")
        if self.app_id is not None:
            headers["X-Firebase-AppId"] = Secret(self.app_id)
        return headers

    def model_resource(self, model: str) -> str:
        check_model(model)
        if model.startswith("projects/"):
            return model
        if self.flavour == "google":
            return f"projects/{self.project}/models/{model.removeprefix(MODELS)}"
        return f"projects/{self.project}/locations/{self.location}/{publisher_model(model.removeprefix(MODELS))}"

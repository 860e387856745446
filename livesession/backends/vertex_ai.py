"""Vertex AI (the Gemini Enterprise Agent Platform)."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import Factory, field, frozen

from livesession.backends.backend import (
    Backend,
    check_model,
    from_environment,
    key_from_environment,
    publisher_model,
    websocket_url,
)
from livesession.backends.default_credentials import DefaultCredentials
from livesession.connection.endpoint import Endpoint
from livesession.connection.secret import CredentialSource, Secret, credential_source
from livesession.errors import ConfigurationError
from livesession.messages.client import LiveClientSetup
from livesession.messages.enums import Modality

__all__ = ["VertexAI"]

MULTI_REGIONS = ("us", "eu")


def project_of(backend: VertexAI) -> str | None:
    """The environment's project, unless a key was given, which has one of its own."""
    return None if backend.api_key else from_environment("GOOGLE_CLOUD_PROJECT")


def location_of(backend: VertexAI) -> str | None:
    return None if backend.api_key else from_environment("GOOGLE_CLOUD_LOCATION")


@frozen(kw_only=True, repr=False)
class VertexAI(Backend):
    """Vertex AI, with OAuth tokens or an express-mode key.

    Args:
        project: The project's id; default GOOGLE_CLOUD_PROJECT of the environment, else that of the Google default
            credentials.
        location: A region such as `"us-central1"`, `"us"`, `"eu"` or `"global"`; default GOOGLE_CLOUD_LOCATION, else
            `"global"`.
        token: An OAuth 2 access token, or a callable that returns one and is asked at every connect; default the
            Google default credentials, through google-auth (extra `vertex`).
        api_key: An express-mode key, instead of a project and a token; GOOGLE_API_KEY, then GEMINI_API_KEY of the
            environment count where neither project, location, token nor base URL is known.
        base_url: Default GOOGLE_VERTEX_BASE_URL of the environment, else Google's address for the location. With
            neither project, location, key nor token it is used as it is, path included, for gateways that
            authenticate by `headers`.
        api_version: Default `"v1beta1"`.

    The other arguments are those of `Backend`.
    """

    base_url: str | None = Factory(lambda: from_environment("GOOGLE_VERTEX_BASE_URL"))
    token: CredentialSource | None = field(default=None, converter=credential_source)
    api_key: CredentialSource | None = field(default=None, converter=credential_source)
    project: str | None = Factory(project_of, takes_self=True)
    location: str | None = Factory(location_of, takes_self=True)
    _default: DefaultCredentials = field(factory=DefaultCredentials, init=False, repr=False, eq=False)

    @property
    def service(self) -> Literal["developer", "vertex"]:
        return "vertex"

    def endpoint(self) -> Endpoint:
        if self.is_gateway:
            return attrs.evolve(self.make_endpoint("", "", {}), url=websocket_url(self.base_url or ""))
        version = self.api_version or "v1beta1"
        path = f"/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"
        return self.make_endpoint(self.host, path, self.credentials())

    @property
    def express_key(self) -> CredentialSource | None:
        """The key given, or that of the environment where nothing else says whose session this is."""
        if self.api_key or self.project or self.location or self.token or self.base_url:
            return self.api_key
        return credential_source(key_from_environment())

    @property
    def is_gateway(self) -> bool:
        """Whether `base_url` is to be used as it is."""
        return bool(self.base_url) and not (self.project or self.location or self.api_key or self.token)

    @property
    def host(self) -> str:
        location = self.location
        if self.express_key or location is None or location == "global":
            return "aiplatform.googleapis.com"
        if location in MULTI_REGIONS:
            return f"aiplatform.{location}.rep.googleapis.com"
        return f"{location}-aiplatform.googleapis.com"

    def credentials(self) -> dict[str, Secret]:
        if key := self.express_key:
            return {"x-goog-api-key": key.ask("API key")}
        if any(name.lower() == "authorization" for name in self.headers):
            return {}
        if self.token is not None:
            return {"Authorization": Secret(f"Bearer {self.token.ask('token').reveal()}")}
        return self._default.headers()

    def model_resource(self, model: str) -> str:
        if self.is_gateway:
            return check_model(model)
        name = publisher_model(check_model(model))
        if self.express_key or not name.startswith("publishers/"):
            return name
        project = self.project or (None if self.token else self._default.project())
        if not project:
            raise ConfigurationError(
                "Vertex AI needs a project: pass VertexAI(project=...), or set GOOGLE_CLOUD_PROJECT."
            )
        return f"projects/{project}/locations/{self.location or 'global'}/{name}"

    def adapt(self, setup: LiveClientSetup) -> LiveClientSetup:
        """Vertex AI wants the modality said, even if it is audio."""
        if setup.generation_config.response_modalities:
            return setup
        config = attrs.evolve(setup.generation_config, response_modalities=(Modality.AUDIO,))
        return attrs.evolve(setup, generation_config=config)

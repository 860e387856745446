"""The back end that the environment asks for, by the variables that google-genai honours."""

from __future__ import annotations

import os

from livesession.backends.backend import Backend
from livesession.backends.google_ai import GoogleAI
from livesession.backends.vertex_ai import VertexAI

__all__ = ["backend_from_environment"]


def backend_from_environment() -> Backend:
    """`VertexAI()` where GOOGLE_GENAI_USE_ENTERPRISE, or else GOOGLE_GENAI_USE_VERTEXAI, is `true` or `1`.

    Otherwise `GoogleAI()`, which raises `ConfigurationError` when no key is set.
    """
    choice = os.environ.get("GOOGLE_GENAI_USE_ENTERPRISE") or os.environ.get("GOOGLE_GENAI_USE_VERTEXAI") or ""
    return VertexAI() if choice.lower() in ("true", "1") else GoogleAI()

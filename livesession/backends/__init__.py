"""The three services that speak the Live protocol, and which of them the environment means."""

from livesession.backends.backend import Backend
from livesession.backends.environment import backend_from_environment
from livesession.backends.firebase_ai import FirebaseAI
from livesession.backends.google_ai import GoogleAI
from livesession.backends.vertex_ai import VertexAI

__all__ = ["Backend", "FirebaseAI", "GoogleAI", "VertexAI", "backend_from_environment"]

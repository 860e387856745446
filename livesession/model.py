"""`LiveGenerativeModel`: which model, how it is to answer, and where; `connect()` opens a session with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from livesession.backends import Backend, backend_from_environment
from livesession.backends.backend import check_model
from livesession.messages.client import LiveClientSetup
from livesession.messages.config import LiveGenerationConfig, SessionResumptionConfig
from livesession.messages.content import Content, Part
from livesession.options import SessionOptions, ToolOptions
from livesession.recording.recorder import Recorder, to_recorder
from livesession.resumption.policy import check_resumption
from livesession.session import requests
from livesession.session.connect import connect_session

if TYPE_CHECKING:
    from livesession.messages.declarations import ToolConfig
    from livesession.session.live_session import LiveSession
    from livesession.tools.toolbox import AnyTool

__all__ = ["LiveGenerativeModel"]


class LiveGenerativeModel:
    """A model with its configuration. One object serves any number of sessions, from any thread.

    Args:
        model: The model's name, such as `"gemini-3.8-live"`.
        backend: `GoogleAI(...)`, `VertexAI(...)` or `FirebaseAI(...)`; default what the environment says at each
            `connect()`, so that a module with a model can be imported where there is no key: Vertex AI where
            GOOGLE_GENAI_USE_ENTERPRISE or GOOGLE_GENAI_USE_VERTEXAI is true, else the Developer API with
            GOOGLE_API_KEY or GEMINI_API_KEY.
        generation_config: Modality, voice, transcripts, speech detection and the rest.
        system_instruction: What the model is told beforehand: text, a part, a sequence of both, or a `Content`.
        tools: What it may use: Python functions, which are declared from their signature and docstring and run when
            the model calls them; `FunctionDeclaration`s, whose calls you answer; and `Tool`s, such as those of the
            server.
        tool_config: Options for all tools.
        tool_options: How the functions are run.
        options: Time limits and memory limits of the sessions.

    Raises:
        ConfigurationError: The model's name cannot be one, or a tool's name is there twice.
        TypeError: A function cannot be declared; the message names the parameter.
    """

    def __init__(
        self,
        model: str,
        *,
        backend: Backend | None = None,
        generation_config: LiveGenerationConfig | None = None,
        system_instruction: str | Part | Content | Sequence[str | Part] | None = None,
        tools: Sequence[AnyTool] | None = None,
        tool_config: ToolConfig | None = None,
        tool_options: ToolOptions | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        if backend is not None and not isinstance(backend, Backend):
            raise TypeError(f"backend is a GoogleAI(...), VertexAI(...) or FirebaseAI(...), not {backend!r:.80}.")
        if options is not None and not isinstance(options, SessionOptions):
            raise TypeError(f"options is a SessionOptions(...), not {options!r:.80}.")
        if tool_options is not None and not isinstance(tool_options, ToolOptions):
            raise TypeError(f"tool_options is a ToolOptions(...), not {tool_options!r:.80}.")
        self._backend = backend
        self._model = check_model(model)
        self._options = options or SessionOptions()
        from livesession.tools.toolbox import to_toolbox  # not before a model is made: importing would pay for it

        self._toolbox = to_toolbox(tools or (), tool_options or ToolOptions(), tool_config)
        self._setup = LiveClientSetup(
            model=model,
            generation_config=check_config(generation_config),
            system_instruction=to_instruction(system_instruction),
            tools=self._toolbox.tools,
            tool_config=tool_config,
        )

    def __repr__(self) -> str:
        backend = f", backend={self._backend!r}" if self._backend else ""
        return f"LiveGenerativeModel({self._model!r}{backend})"

    def connect(
        self,
        *,
        session_resumption: SessionResumptionConfig | None = None,
        history: requests.History | None = None,
        record: Recorder | str | os.PathLike[str] | None = None,
    ) -> LiveSession:
        """Opens a session; returns when the server has accepted the setup (`setupComplete`).

        Credentials are asked for anew each time. Callable from any thread, also at the same time.

        Args:
            session_resumption: `SessionResumptionConfig()` makes the conversation resumable; with a handle it goes
                on where the session that had the handle stopped, perhaps in another process.
            history: What was said before, for a new conversation to go on from: a sequence of `Content`s with the
                role `"user"` or `"model"`, or of pairs such as `("user", "Hello")`. The model is given it before
                anything else, and does not answer it; it may end with either role. Empty is the same as none. Not
                to be given with a handle, whose session has its history already. (Wire:
                `setup.historyConfig.initialHistoryInClientContent`, then one `clientContent` with `turnComplete`.)
            record: A file that gets every frame of both directions, with times, until `close()`; JSON lines, for
                `LiveEmulator.replay()` to play and for people to read. It holds what was said and heard, and neither
                keys nor handles; a file that is there already is replaced. A `Recorder` says more, a path is enough.
                The file is complete when `close()` returns; when a disk fails, the log says so once, and the session
                goes on. docs/recordings.md describes it. Default None: nothing is recorded.

        Raises:
            ConfigurationError: The environment has no key, or the address, the credentials or the model's name cannot
                be used; `history` was given with a handle, or with a `history_config` that refuses it; the file of
                `record` cannot be written, or another session is being recorded to it. Nothing was sent.
            InvalidRequestError: The history holds another role, an empty content or a function's response; nothing
                was sent.
            ConnectTimeout: No WebSocket within `SessionOptions.connect_timeout`, 10 s.
            UpgradeRejectedError: An HTTP error: a key or token that is not let in (401, 403), a wrong address (404),
                a quota (429).
            SetupTimeout: No answer to the setup within `SessionOptions.setup_timeout`, 30 s.
            SetupRejectedError: The server closed instead: a wrong key (Developer API), an unknown model or voice;
                `code` and `reason` tell why.
            ConnectError: Anything else: an unknown host, a refused connection, a bad certificate, a history that
                could not be sent.
            MissingExtraError: Google's default credentials or a SOCKS proxy without the package they need.
        """
        check_resumption(session_resumption)
        backend = self._backend or backend_from_environment()
        setup = attrs.evolve(self._setup, model=backend.model_resource(self._model))
        past = requests.history_content(history)
        if past is not None:
            requests.check_history(setup.generation_config, session_resumption)
        recorder = to_recorder(record)
        return connect_session(backend, setup, self._options, self._toolbox, session_resumption, past, recorder)


def check_config(config: LiveGenerationConfig | None) -> LiveGenerationConfig:
    if config is not None and not isinstance(config, LiveGenerationConfig):
        raise TypeError(f"generation_config is a LiveGenerationConfig, not {type(config).__name__}.")
    return config or LiveGenerationConfig()


def to_instruction(instruction: str | Part | Content | Sequence[str | Part] | None) -> Content | None:
    if instruction is None or isinstance(instruction, Content):
        return instruction
    return Content(parts=instruction)

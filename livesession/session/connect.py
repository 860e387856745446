"""Makes a session and opens it, for `LiveGenerativeModel.connect()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livesession.logs import SessionLog
from livesession.session import requests
from livesession.session.core import SessionCore
from livesession.session.live_session import LiveSession, face_of

if TYPE_CHECKING:
    from livesession.backends.backend import Backend
    from livesession.messages.client import LiveClientContent, LiveClientSetup
    from livesession.messages.config import SessionResumptionConfig
    from livesession.options import SessionOptions
    from livesession.recording.recorder import Recorder
    from livesession.recording.session_recording import SessionRecording
    from livesession.tools.toolbox import Toolbox

__all__ = ["connect_session"]


def connect_session(
    backend: Backend,
    setup: LiveClientSetup,
    options: SessionOptions,
    toolbox: Toolbox,
    resumption: SessionResumptionConfig | None,
    history: LiveClientContent | None = None,
    recorder: Recorder | None = None,
) -> LiveSession:
    """Opens a session, and gives it its history. Raises as `LiveGenerativeModel.connect()` says."""
    first_setup = setup
    if history is not None:
        from livesession.codec import encode  # not before the first connect: it takes a third of the import

        encode(history)  # what cannot be written is to be said before anything is sent
        first_setup = requests.with_history(setup, announced=True)
        setup = requests.with_history(setup, announced=False)  # no other connection of the session gets any
    log = SessionLog()
    recording = open_recording(recorder, backend, setup.model, log) if recorder is not None else None
    core = SessionCore(
        backend,
        setup,
        options,
        resumption,
        first_setup=first_setup,
        log=log,
        observers=() if recording is None else (recording,),
        recorder=recording,
        hold_audio=toolbox.options.hold_audio,
    )
    core.functions = toolbox.open(core.state, core.responder, in_parts=backend.takes_answers_in_parts)
    try:
        core.open()
        if history is not None:
            core.send_history(history)
        return face_of(core)
    except BaseException:
        core.abandon()  # which may be open where Ctrl-C came after all was done
        raise


def open_recording(recorder: Recorder, backend: Backend, model: str, log: SessionLog) -> SessionRecording:
    """Opens its files, before anything is sent. Raises `ConfigurationError`."""
    from livesession.recording.session_recording import SessionRecording  # most sessions have none

    return SessionRecording(recorder, backend.service, model, log)

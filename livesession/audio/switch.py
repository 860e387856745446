"""The switch of the microphone: muted or not, and in push to talk sent between two marks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.errors import LiveSessionError
from livesession.session import requests
from livesession.session.live_session import LiveSession, core_of

if TYPE_CHECKING:
    from livesession.audio.uplink import Uplink

__all__ = ["Switch"]

LAST_WORD = 1.0  # seconds to tell the server that the user does not speak any more, when it is over


class Switch:
    """Opens and shuts a `Uplink`, and tells the server.

    A server whose automatic detection is off ends the session for sound outside the two marks, and for a mark that
    comes twice. So nothing is sent there but in between.
    """

    def __init__(self, session: LiveSession, hearing: Uplink) -> None:
        self._session = session
        self._hearing = hearing
        self._is_manual = not requests.detects_activity(core_of(session).setup.generation_config)
        # Guards the three below, for a few steps; no other lock is taken inside. A signal handler may take it again.
        self._lock = threading.RLock()
        self._is_muted = False
        self._is_talking = False
        self._is_over = False
        self._hearing.is_open = not self._is_manual

    def mute(self, is_muted: bool) -> None:
        """Any thread; waits for what is being sent, but not long: muting is not to wait for the network."""
        with self._lock:
            has_changed, self._is_muted = is_muted != self._is_muted, is_muted
            if not is_muted:
                self._hearing.is_open = self._is_talking or not self._is_manual
        if has_changed and is_muted and not self._is_over:
            self._hearing.shut()
            if not self._is_manual:
                self._hearing.say_next(lambda: self._tell(self._session.send_audio_stream_end))

    def begin(self) -> None:
        """The user begins to speak. Raises as sending does."""
        if self._becomes(is_talking=True):
            try:
                self._session.send_activity_start()
            except BaseException:
                self._is_talking = False
                raise
            self._is_muted = False
            self._hearing.is_open = True

    def end(self) -> bool:
        """The user has spoken; False where he did not. Raises as sending does."""
        if not self._becomes(is_talking=False):
            return False
        if self._is_manual:
            self._hearing.shut()
        try:
            self._session.send_activity_end()
        except BaseException:
            self._is_talking = self._is_manual
            raise
        return True

    def input_ended(self) -> bool:
        """There will be no more to hear; whether that ends what the user was saying in push to talk."""
        was_talking = self._is_talking
        self._tell(self.end if self._is_manual else self._session.send_audio_stream_end)
        return was_talking

    def close(self) -> None:
        """The conversation is over, and the session may go on: it is not to wait for the rest of what the user says."""
        self._is_over = True
        if self._is_talking:
            self._is_talking = False
            self._tell(lambda: self._session.send_activity_end(timeout=LAST_WORD))

    def _becomes(self, *, is_talking: bool) -> bool:
        """Whether that is a change; in sessions that detect speech always: there, to send the mark raises."""
        with self._lock:
            if self._is_over or (self._is_manual and is_talking == self._is_talking):
                return False
            self._is_talking = is_talking and self._is_manual
        return True

    def _tell(self, send: Callable[[], object]) -> None:
        try:
            send()
        except LiveSessionError as error:
            # The consumer is told of the session's end.
            core_of(self._session).state.log.debug("in an audio conversation: %s", error)

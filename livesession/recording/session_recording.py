"""The recording of one session while it goes on. A thread writes what the taps of its connections put into a queue.

So neither the reader thread, which all sessions share, nor a thread that sends ever waits for a disk. The thread ends
when the session has been closed and its last connection has ended.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable

from livesession.connection.close_info import CloseInfo
from livesession.errors import ConnectError
from livesession.logs import SessionLog
from livesession.recording.entries import (
    ConnectionClosed,
    ConnectionOpened,
    Entry,
    EntryQueue,
    RecordedEvent,
    RecordedMessage,
)
from livesession.recording.recorder import Recorder
from livesession.recording.recording_files import RecordingFiles
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["SessionRecording"]

MOST_WAITING = 64 * 1024 * 1024  # bytes; a disk that is so far behind does not catch up
SETTLE_TIMEOUT = 0.5  # seconds at the end for senders to tell whether their frames went out
AT_EXIT = 5.0  # seconds for which the end of the process waits for the disk


class SessionRecording:
    """Records the connections of a session; the constructor opens the files and starts the thread.

    Args:
        recorder: The files.
        service: Which service is spoken to, `"developer"` or `"vertex"`.
        model: The model, as the setup names it.
        log: The session's log, which a failure is written to, once.

    Raises:
        ConfigurationError: A file cannot be written.
        ConnectError: The system has no more threads.
    """

    def __init__(self, recorder: Recorder, service: str, model: str, log: SessionLog) -> None:
        self._recorder = recorder
        self._log = log
        self._queue = EntryQueue()
        self._notifier = Notifier()
        # Guards the three fields below, which the reader thread, the recorder and close() change. Nothing is called
        # while it is held. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._connections = 0
        self._open_connections = 0
        self._is_finishing = False  # no other connection will come
        self._is_over = False  # nothing more is written
        self._pid = os.getpid()
        self._files = RecordingFiles(recorder, service, model)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="livesession-recorder", daemon=True)
        self._start()

    def _start(self) -> None:
        atexit.register(self._exit)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._end()
            raise ConnectError(f"There are no resources to record the session: {error}.", retryable=True) from error

    # For the taps, on any thread.

    def connect(self, redact: Callable[[str], str]) -> ConnectionTap | None:
        """Makes the tap of a connection that has been opened; None where nothing is recorded any more."""
        with self._lock:
            if self._is_finishing or self._is_over:
                return None
            self._connections += 1
            self._open_connections += 1
            number = self._connections
        self.note(ConnectionOpened(number))
        return ConnectionTap(self, number, redact)

    def note(self, event: RecordedEvent, *, is_settled: bool = True) -> Entry:
        """Puts an event into the queue, with the present time."""
        entry = Entry(time.monotonic() - self._began, event, is_settled)
        if not self._is_over:
            if self._queue.put(entry) > MOST_WAITING:
                self._give_up(f"the disk is too slow, and {MOST_WAITING:,} bytes wait for it")
            self._notifier.notify()
        return entry

    def settle(self, entry: Entry, *, is_whole: bool) -> None:
        """Lets an entry be written, or drops it where the frame did not go out whole."""
        entry.is_dropped = not is_whole
        entry.is_settled = True
        self._notifier.notify()

    def closed(self) -> None:
        """Counts a connection that has ended."""
        with self._lock:
            self._open_connections -= 1
        self._notifier.notify()

    # The end.

    def finish(self) -> None:
        """Lets no other connection in: when the present one has ended, the recording is complete."""
        self._is_finishing = True
        self._notifier.notify()

    def close(self, timeout: float) -> None:
        """Finishes the recording, and waits until all is written, for `timeout` seconds at most.

        Entries that are not written by then are written later.
        """
        self.finish()
        if threading.current_thread() is not self._thread:  # as in a log handler that is called on it
            self._thread.join(timeout)

    def _exit(self) -> None:
        """Writes what waits at the end of the process, though the session was never closed."""
        if self._pid == os.getpid():
            self._is_finishing, self._open_connections = True, 0  # the ends of connections are not waited for
            self.close(AT_EXIT)

    @property
    def _is_complete(self) -> bool:
        return self._is_over or (self._is_finishing and self._open_connections <= 0)

    # On its thread.

    def _run(self) -> None:
        try:
            while not self._is_complete:
                self._notifier.wait_until(lambda: self._queue.is_ready or self._is_complete, Deadline(None))
                self._write()
            self._notifier.wait_until(lambda: self._queue.is_settled, Deadline(SETTLE_TIMEOUT))
            self._queue.settle_all()
            self._write()
        finally:
            self._end()

    def _write(self) -> None:
        try:
            entries = self._queue.take()
            if not self._is_over:
                self._files.write(entries)
        except Exception as error:  # such as a full disk: the session goes on
            self._give_up(error)

    def _give_up(self, why: object) -> None:
        with self._lock:
            is_first, self._is_over = not self._is_over, True
        self._queue.clear()
        if is_first:
            path = str(self._recorder.path)
            self._log.error("the recording %r is not continued, and the session goes on: %s", path, why)

    def _end(self) -> None:
        atexit.unregister(self._exit)
        self._is_over = True
        try:
            self._files.close()
        except OSError as error:
            self._log.error("the recording %r could not be completed: %s", str(self._recorder.path), error)


class ConnectionTap:
    """The tap of one connection, which records its frames and its end."""

    def __init__(self, recording: SessionRecording, number: int, redact: Callable[[str], str]) -> None:
        self._recording = recording
        self._number = number
        self._redact = redact
        self._is_closed = False

    def sending(self, data: bytes) -> SentFrame:
        return SentFrame(self._recording, RecordedMessage(self._number, "client", data, self._redact))

    def received(self, data: bytes) -> None:
        self._recording.note(RecordedMessage(self._number, "server", data, self._redact))

    def closed(self, ending: CloseInfo) -> None:
        if self._is_closed:  # a connection that is closed twice must not be counted twice
            return
        self._is_closed = True
        self._recording.note(ConnectionClosed(self._number, ending))
        self._recording.closed()


class SentFrame:
    """A frame on its way out; its place in the recording is that of its first byte, as the answer may come at once."""

    def __init__(self, recording: SessionRecording, frame: RecordedMessage) -> None:
        self._recording = recording
        self._frame = frame
        self._entry: Entry | None = None

    def begins(self) -> None:
        self._entry = self._recording.note(self._frame, is_settled=False)

    def ended(self, *, is_whole: bool) -> None:
        if self._entry is not None:
            self._recording.settle(self._entry, is_whole=is_whole)

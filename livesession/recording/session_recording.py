"""The recording of one session while it goes on: what its connections tell is written by a thread of its own.

Neither the reader thread, which all sessions share, nor whoever sends ever waits for a disk. The thread ends when the
session has been closed and its last connection has ended.
"""

from __future__ import annotations

import atexit
import os
import threading
import time

from livesession.errors import ConnectError
from livesession.logs import SessionLog
from livesession.observers import (
    Connected,
    Disconnected,
    MessageNotSent,
    MessageReceived,
    MessageSending,
    MessageSent,
    SessionEvent,
)
from livesession.recording.entries import Entry, EntryQueue, Recorded, RecordedMessage
from livesession.recording.recorder import Recorder
from livesession.recording.recording_files import RecordingFiles
from livesession.sync.deadline import Deadline
from livesession.sync.events import Notifier

__all__ = ["SessionRecording"]

MOST_WAITING = 64 * 1024 * 1024  # bytes; a disk that is so far behind does not catch up
LAST_FATES = 0.5  # seconds at the end for senders to say whether their frames went out
AT_EXIT = 5.0  # seconds that the end of the process waits for the disk


class SessionRecording:
    """Opens the files, and starts the thread.

    Args:
        recorder: Where it goes.
        service, model: Which service and which model, for the first line; `service` is `"developer"` or `"vertex"`.
        log: Where a failure is told, once.

    Raises:
        ConfigurationError: A file cannot be written.
        ConnectError: The system has no more threads.
    """

    def __init__(self, recorder: Recorder, service: str, model: str, log: SessionLog) -> None:
        self._recorder = recorder
        self._log = log
        self._queue = EntryQueue()
        self._notifier = Notifier()
        # Guards the fields below; nothing is called while it is held. A signal handler on top may take it again.
        self._lock = threading.RLock()
        self._open_connections: dict[int, Connected] = {}
        self._unsettled: dict[MessageSending, Entry] = {}  # messages that are being written; one at a time a connection
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

    # What is observed, on any thread.

    def on_event(self, event: SessionEvent) -> None:
        if isinstance(event, Connected):
            self._connect(event)
        elif isinstance(event, (MessageReceived, MessageSending)):
            self._note_message(event)
        elif isinstance(event, (MessageSent, MessageNotSent)):
            self._settle(event.message, is_whole=isinstance(event, MessageSent))
        elif isinstance(event, Disconnected):
            self._disconnect(event)

    def _connect(self, event: Connected) -> None:
        with self._lock:
            if self._is_finishing or self._is_over:
                return
            self._open_connections[event.connection] = event
        self._note(event)

    def _note_message(self, event: MessageReceived | MessageSending) -> None:
        connected = self._open_connections.get(event.connection)
        if connected is None:
            return
        is_ours = isinstance(event, MessageSending)
        message = RecordedMessage(event.connection, "client" if is_ours else "server", event.data, connected.redact)
        entry = self._note(message, is_settled=not is_ours)
        if isinstance(event, MessageSending):
            self._unsettled[event] = entry

    def _settle(self, message: MessageSending, *, is_whole: bool) -> None:
        """Notes that the fate of a message is known; its place is that of its beginning."""
        entry = self._unsettled.pop(message, None)
        if entry is not None:
            entry.is_dropped = not is_whole
            entry.is_settled = True
            self._notifier.notify()

    def _disconnect(self, event: Disconnected) -> None:
        if event.connection in self._open_connections:
            self._note(event)
            self._open_connections.pop(event.connection, None)
            self._notifier.notify()

    def _note(self, event: Recorded, *, is_settled: bool = True) -> Entry:
        """Puts an event in its place, which is now."""
        entry = Entry(time.monotonic() - self._began, event, is_settled)
        if not self._is_over:
            if self._queue.put(entry) > MOST_WAITING:
                self._give_up(f"the disk is too slow, and {MOST_WAITING:,} bytes wait for it")
            self._notifier.notify()
        return entry

    # The end.

    def finish(self) -> None:
        """No other connection will come: when the present one has ended, the recording is complete."""
        self._is_finishing = True
        self._notifier.notify()

    def close(self, timeout: float) -> None:
        """Returns when all is written, or after `timeout` seconds; what is not written then may come later."""
        self.finish()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _exit(self) -> None:
        """The process ends: what has been told is written, though the session was never closed."""
        if self._pid == os.getpid():
            self._is_finishing = True
            self._open_connections.clear()
            self.close(AT_EXIT)

    @property
    def _is_complete(self) -> bool:
        return self._is_over or (self._is_finishing and not self._open_connections)

    # On its thread.

    def _run(self) -> None:
        try:
            while not self._is_complete:
                self._notifier.wait_until(lambda: self._queue.is_ready or self._is_complete, Deadline(None))
                self._write()
            self._notifier.wait_until(lambda: self._queue.is_settled, Deadline(LAST_FATES))
            self._queue.settle_all()
            self._write()
        finally:
            self._end()

    def _write(self) -> None:
        try:
            entries = self._queue.take()
            if not self._is_over:
                self._files.write(entries)
        except Exception as error:  # a full disk, say: the session goes on
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

"""The files of a recording. One thread writes them, so there is no lock."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from livesession.messages.pcm_audio import MODEL_RATE, USER_RATE
from livesession.recording.entries import ConnectionClosed, ConnectionOpened, Entry, RecordedMessage
from livesession.recording.handle_names import HandleNames
from livesession.recording.line_format import closed_line, first_line, frame_line, opened_line
from livesession.recording.private_file import close_private, open_private, unwritable, write_all
from livesession.recording.recorder import Recorder
from livesession.recording.sound_tracks import Track, cut

__all__ = ["RecordingFiles"]

RATES = {"client": USER_RATE, "server": MODEL_RATE}


class RecordingFiles:
    """The text file and the WAV files of a recording; the constructor opens them and writes the first line.

    Nothing is buffered here: entries that were written survive the end of the process, whatever ends it.

    Args:
        recorder: The paths.
        service: Which service is spoken to, `"developer"` or `"vertex"`.
        model: The model, as the setup names it.

    Raises:
        ConfigurationError: A file cannot be written.
    """

    def __init__(self, recorder: Recorder, service: str, model: str) -> None:
        self._handles = HandleNames()
        self._tracks: dict[str, Track] = {}
        self._file = open_private(recorder.path)
        try:
            if recorder.audio == "wav":
                for sender, rate in RATES.items():
                    self._tracks[sender] = Track(recorder.track_path(sender), rate)
            names = {sender: track.path.name for sender, track in self._tracks.items()}
            write_all(self._file, first_line(service, model, names))
        except BaseException as error:
            with suppress(OSError):
                self.close()
            if isinstance(error, OSError):
                raise unwritable(recorder.path, error) from error
            raise

    def write(self, entries: Iterable[Entry]) -> None:
        """Appends entries, at once. Raises `OSError`."""
        write_all(self._file, b"".join(map(self._line, entries)))

    def _line(self, entry: Entry) -> bytes:
        event = entry.event
        if isinstance(event, ConnectionOpened):
            return opened_line(entry.at, event.connection)
        if isinstance(event, ConnectionClosed):
            # A local reason is for the user of the session, and never was on the wire.
            reason = "" if event.info.origin == "local" else self._handles.hide_in_words(event.info.reason)
            return closed_line(entry.at, event.connection, event.info, reason)
        return self._frame_line(entry.at, event)

    def _frame_line(self, at: float, frame: RecordedMessage) -> bytes:
        # Surrogates stand for bytes that are no UTF-8, so that such a frame is replayed as it was.
        text = self._handles.hide_in_frame(frame.data.decode("utf-8", "surrogateescape"))
        if frame.sender == "server":  # servers have been seen to repeat a key in an error; the client never sends one
            text = frame.redact(text)
        track = self._tracks.get(frame.sender)
        rest, cuts = cut(text, track) if track else (text, [])
        return frame_line(at, frame.connection, frame.sender, rest, cuts)

    def close(self) -> None:
        """Completes and closes the files. Raises `OSError`."""
        try:
            for track in self._tracks.values():
                track.close()
        finally:
            close_private(self._file)

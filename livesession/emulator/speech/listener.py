"""Realtime input: when the user begins and ends to speak, found in the audio or announced. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable

from livesession.emulator.memory import Action, Begin, Interrupt, SendFrames, realtime_input
from livesession.emulator.protocol import server_frames as frames
from livesession.emulator.protocol.parser import decode_bytes
from livesession.emulator.protocol.refusal import CloseRefusal, invalid
from livesession.emulator.protocol.setup_rules import NO_MEDIA_CHUNKS, JsonObject, child, objects
from livesession.emulator.speech.detector import (
    DetectorSettings,
    SpeechDetector,
    SpeechEnded,
    SpeechEvent,
    SpeechStarted,
)
from livesession.emulator.speech.sound import INPUT_RATE, InputStream, declared_rate, seconds

NO_EXPLICIT_ACTIVITY = "Explicit activity control is not supported when automatic activity detection is enabled."

_MOST_IMAGES = 64
"""Still frames kept for the next turn: about a minute at the recommended one a second."""


def new_listener(setup: JsonObject, *, vertex: bool) -> Listener:
    """Return the listener that the session's `realtimeInputConfig` asks for."""
    manual = child(setup, "realtimeInputConfig", "automaticActivityDetection").get("disabled")
    return ManualListener(setup, vertex=vertex) if manual else AutomaticListener(setup, vertex=vertex)


class Listener:
    """The base of both listeners. Not thread-safe: one session, one owner."""

    def __init__(self, setup: JsonObject, *, vertex: bool) -> None:
        config = child(setup, "realtimeInputConfig")
        model = str(setup.get("model", ""))
        self._interrupts = config.get("activityHandling") != "NO_INTERRUPTION"
        self._transcribes = "inputAudioTranscription" in setup
        self._takes_chunks = not NO_MEDIA_CHUNKS.search(model)
        self._all_images = _coverage(config, model, vertex=vertex) != "TURN_INCLUDES_ONLY_ACTIVITY"
        self._stream = InputStream()
        self._images: list[tuple[str, bytes]] = []
        self._texts: list[str] = []

    @property
    def active(self) -> bool:
        """Whether the user is in the middle of speaking."""
        raise NotImplementedError

    def hear(self, message: JsonObject) -> list[Action]:
        """Take a `realtimeInput`.

        Raises:
            Refusal: 1007, for media of the wrong kind or at a moment at which they are not allowed.
        """
        takers: dict[str, Callable[[JsonObject], list[Action]]] = {
            "activityStart": self._activity_start,
            "audio": lambda message: self._audio(child(message, "audio")),
            "video": lambda message: self._video(child(message, "video")),
            "mediaChunks": self._media_chunks,
            "text": lambda message: self._text(str(message["text"])),
            "audioStreamEnd": self._audio_stream_end,
            "activityEnd": self._activity_end,
        }
        return [action for name in message if name in takers for action in takers[name](message)]

    def _media_chunks(self, message: JsonObject) -> list[Action]:
        if not self._takes_chunks:
            raise invalid("realtime_input.media_chunks is deprecated. Use audio, video, or text instead.")
        actions: list[Action] = []
        for blob in objects(message, "mediaChunks"):
            audio = str(blob.get("mimeType", "")).startswith("audio/")
            actions += self._audio(blob) if audio else self._video(blob)
        return actions

    def _video(self, blob: JsonObject) -> list[Action]:
        mime = str(blob.get("mimeType", ""))
        if not mime.startswith(("image/", "video/")):
            raise invalid(f"Unsupported video MIME type: {mime}.")
        self._images.append((mime, decode_bytes(blob.get("data"))))
        del self._images[:-_MOST_IMAGES]
        return []

    def _pcm(self, blob: JsonObject) -> bytes:
        rate = declared_rate(str(blob.get("mimeType", "")))
        return self._stream.feed(decode_bytes(blob.get("data")), rate)

    def _begun(self) -> list[Action]:
        if not self._all_images:
            self._images.clear()
        return [Interrupt()] if self._interrupts else []

    def _ended(self, audio: bytes) -> list[Action]:
        label = f"[speech, {seconds(audio, INPUT_RATE):.1f} s]" if audio else ""
        turn = realtime_input("\n".join(self._texts), audio, self._images, label)
        self._images, self._texts = [], []
        heard: list[Action] = [SendFrames(frames.input_transcription(label))] if label and self._transcribes else []
        return [*heard, Begin(turn)]

    def _audio(self, blob: JsonObject) -> list[Action]:
        raise NotImplementedError

    def _text(self, text: str) -> list[Action]:
        raise NotImplementedError

    def _activity_start(self, message: JsonObject) -> list[Action]:
        raise NotImplementedError

    def _activity_end(self, message: JsonObject) -> list[Action]:
        raise NotImplementedError

    def _audio_stream_end(self, message: JsonObject) -> list[Action]:
        raise NotImplementedError


class AutomaticListener(Listener):
    """Finds speech in the audio; a text is a turn of its own unless the user is speaking."""

    def __init__(self, setup: JsonObject, *, vertex: bool) -> None:
        super().__init__(setup, vertex=vertex)
        self._detector = SpeechDetector(_detector_settings(setup, vertex=vertex))
        self._signals = bool(setup.get("explicitVadSignal"))

    @property
    def active(self) -> bool:
        return self._detector.speaking

    def _audio(self, blob: JsonObject) -> list[Action]:
        return self._follow(self._detector.feed(self._pcm(blob)))

    def _audio_stream_end(self, message: JsonObject) -> list[Action]:
        if not message["audioStreamEnd"]:
            return []
        return self._follow([*self._detector.feed(self._stream.flush()), *self._detector.flush()])

    def _text(self, text: str) -> list[Action]:
        self._texts.append(text)
        if self.active:
            return []
        return [*([Interrupt()] if self._interrupts else []), *self._ended(b"")]

    def _activity_start(self, message: JsonObject) -> list[Action]:
        raise CloseRefusal(1007, NO_EXPLICIT_ACTIVITY)

    def _activity_end(self, message: JsonObject) -> list[Action]:
        raise CloseRefusal(1007, NO_EXPLICIT_ACTIVITY)

    def _follow(self, events: list[SpeechEvent]) -> list[Action]:
        actions: list[Action] = []
        for event in events:
            if isinstance(event, SpeechStarted):
                actions += [*self._signal("ACTIVITY_START", event), *self._begun()]
            else:
                actions += [*self._signal("ACTIVITY_END", event), *self._ended(event.audio)]
        return actions

    def _signal(self, kind: str, event: SpeechStarted | SpeechEnded) -> list[Action]:
        return [SendFrames(frames.voice_activity(kind, event.offset))] if self._signals else []


class ManualListener(Listener):
    """Takes the client's word for it: media come between `activityStart` and `activityEnd`, and nowhere else."""

    def __init__(self, setup: JsonObject, *, vertex: bool) -> None:
        super().__init__(setup, vertex=vertex)
        self._active = False
        self._heard: list[bytes] = []

    @property
    def active(self) -> bool:
        return self._active

    def _activity_start(self, message: JsonObject) -> list[Action]:
        if self._active:
            raise invalid("activity_start was sent twice.")
        self._active = True
        return self._begun()

    def _activity_end(self, message: JsonObject) -> list[Action]:
        self._require_activity("activity_end")
        self._active = False
        audio = b"".join([*self._heard, self._stream.flush()])
        self._heard = []
        return self._ended(audio)

    def _audio(self, blob: JsonObject) -> list[Action]:
        self._require_activity("audio")
        self._heard.append(self._pcm(blob))
        return []

    def _video(self, blob: JsonObject) -> list[Action]:
        self._require_activity("video")
        return super()._video(blob)

    def _text(self, text: str) -> list[Action]:
        self._require_activity("text")
        self._texts.append(text)
        return []

    def _audio_stream_end(self, message: JsonObject) -> list[Action]:
        raise invalid("audio_stream_end needs automatic activity detection.")

    def _require_activity(self, name: str) -> None:
        if not self._active:
            raise invalid(f"{name} was sent before activity_start.")


def _coverage(config: JsonObject, model: str, *, vertex: bool) -> str:
    asked = str(config.get("turnCoverage", "TURN_COVERAGE_UNSPECIFIED"))
    if asked != "TURN_COVERAGE_UNSPECIFIED":
        return asked
    all_images = vertex or "gemini-3" in model
    return "TURN_INCLUDES_ALL_INPUT" if all_images else "TURN_INCLUDES_ONLY_ACTIVITY"


def _detector_settings(setup: JsonObject, *, vertex: bool) -> DetectorSettings:
    config = child(setup, "realtimeInputConfig", "automaticActivityDetection")
    # High on the Developer API and low on Vertex, where the client leaves it open.
    low = "LOW" if vertex else "HIGH"
    start = str(config.get("startOfSpeechSensitivity", low)).replace("UNSPECIFIED", low)
    end = str(config.get("endOfSpeechSensitivity", low)).replace("UNSPECIFIED", low)
    prefix, silence = config.get("prefixPaddingMs"), config.get("silenceDurationMs")
    return DetectorSettings(
        start_sensitive=start.endswith("HIGH"),
        end_sensitive=end.endswith("HIGH"),
        prefix_ms=prefix if isinstance(prefix, int) else None,
        silence_ms=silence if isinstance(silence, int) else None,
    )

"""`start_audio_conversation()`: puts devices, session and controller together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livesession.audio.call_handler import CallHandler, FunctionCallingHandler
from livesession.audio.controller import TICK, AudioConversationController
from livesession.audio.device_protocols import AudioInput, AudioOutput
from livesession.audio.downlink import Downlink
from livesession.audio.uplink import EchoCanceller, Uplink
from livesession.errors import ConcurrentReceiveError, ConfigurationError

if TYPE_CHECKING:
    from livesession.audio.transcripts import SpokenText
    from livesession.messages.server import LiveServerMessage
    from livesession.session.live_session import LiveSession

__all__ = ["start_audio_conversation"]


def start_audio_conversation(
    session: LiveSession,
    *,
    input: AudioInput | int | str | None = None,
    output: AudioOutput | int | str | None = None,
    function_calling_handler: FunctionCallingHandler | None = None,
    on_transcript: Callable[[SpokenText], None] | None = None,
    on_message: Callable[[LiveServerMessage], None] | None = None,
    half_duplex: bool | None = None,
    echo_canceller: EchoCanceller | None = None,
    latency_ms: int = 60,
) -> AudioConversationController:
    """Lets the user talk with the model, until the controller that it returns is stopped.

    What the input hears is sent as it is heard; what the model says is played, and falls silent when the user cuts
    in. All messages are received here meanwhile: `session.in_conversation` is true, and a consumer elsewhere
    gets a `ConcurrentReceiveError`. Callbacks run on the thread that receives and should return soon; what they raise
    is logged.

    Args:
        session: An open session that answers in audio.
        input: Default the system's microphone; else another by index or name (`livesession devices`), or an
            `AudioInput` such as `WavInput`.
        output: Default the system's loudspeaker; else the same.
        function_calling_handler: Answers the function calls of a message that no function given as a tool answers, on
            a thread of its own.
        on_transcript: Is told what either side says, as it grows, if the session asked for transcriptions.
        on_message: Is told of every message.
        half_duplex: Whether the microphone counts as silent while the model is heard, and shortly after, so that the
            model does not hear itself; the user cannot cut in then. Default True for a microphone beside a loudspeaker
            without an echo canceller; with headphones, say False.
        echo_canceller: Takes the loudspeaker out of the microphone: a `WebRtcEchoCanceller`, or one of yours. It is
            not closed here.
        latency_ms: Milliseconds of speech that are collected before they are played, so that an uneven network does
            not tear it; default 60.

    Raises:
        SessionClosedError: The session is closed, or has ended.
        ConcurrentReceiveError: It is in an audio conversation already, or another thread receives from it.
        MissingExtraError: The extra `audio` is needed for the default devices, for an input at another rate than 16,000
            Hz and for an output at another than 24,000 Hz.
        AudioDeviceError: The loudspeaker is refused, or there is none. A microphone that is refused ends the
            conversation: `wait()` raises that.
        TypeError: `input` or `output` is neither a device nor the index or the name of one.
        ConfigurationError: It is the name of a WAV file, which `WavInput` and `WavOutput` take.
    """
    if session.in_conversation:
        raise ConcurrentReceiveError("This session is in an audio conversation already: stop() its controller first.")
    stream = session.receive(timeout=TICK)
    stream.claim()
    try:
        hears, speaks = to_input(input), to_output(output)
        speaking = Downlink(speaks, latency_ms, echo_canceller)
        if half_duplex is None:
            half_duplex = speaks.is_loudspeaker and hears.is_microphone and echo_canceller is None

        def is_gated() -> bool:
            return bool(half_duplex) and speaking.is_heard

        def hear(send: Callable[[bytes], None], on_end: Callable[[BaseException | None], None]) -> Uplink:
            return Uplink(hears, send, is_gated, echo_canceller, on_end)

        calls = CallHandler(session, function_calling_handler)
        controller = AudioConversationController(session, stream, hear, speaking, calls, on_transcript, on_message)
        controller._start()
    except BaseException:
        stream.close()
        raise
    return controller


def to_input(given: AudioInput | int | str | None) -> AudioInput:
    if isinstance(given, AudioInput):
        return given
    check_device("input", given, "WavInput")
    from livesession.audio.portaudio import Microphone

    return Microphone(given)


def to_output(given: AudioOutput | int | str | None) -> AudioOutput:
    if isinstance(given, AudioOutput):
        return given
    check_device("output", given, "WavOutput")
    from livesession.audio.portaudio import Speaker

    return Speaker(given)


def check_device(name: str, given: object, of_file: str) -> None:
    """Raises for what is no device; before PortAudio is asked, which need not be installed."""
    if given is not None and not isinstance(given, (int, str)):
        raise TypeError(
            f"{name} is the index or the name of a device, or an object such as {of_file}(path), not "
            f"{type(given).__name__}."
        )
    if str(given).lower().endswith(".wav"):
        raise ConfigurationError(f"{name} is the name of a device; a file is given as {of_file}({given!r}).")

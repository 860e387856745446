"""One turn of the model, put together from its messages: what `ask()` returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import field, frozen

from livesession.data_errors import ProtocolError
from livesession.messages.display import Displayed
from livesession.messages.fields import Compact
from livesession.messages.pcm_audio import MODEL_RATE, PcmAudio
from livesession.messages.server import (
    LiveServerContent,
    LiveServerMessage,
    LiveServerToolCall,
    LiveServerToolCallCancellation,
    LiveServerUsageMetadata,
    Transcription,
)
from livesession.session.function_calls import ToolResult

if TYPE_CHECKING:
    from livesession.messages.content import FunctionCall
    from livesession.messages.enums import TurnCompleteReason
    from livesession.messages.grounding import GroundingMetadata
    from livesession.messages.usage import UsageMetadata

__all__ = ["Turn", "TurnBuilder", "belongs_to_a_turn"]

PARTS_OF_A_TURN = (
    LiveServerContent,
    LiveServerToolCall,
    LiveServerToolCallCancellation,
    LiveServerUsageMetadata,
    ToolResult,
    ProtocolError,
)


def as_pcm(audio: bytes) -> PcmAudio:
    return audio if isinstance(audio, PcmAudio) else PcmAudio(audio)


def with_rate(audio: PcmAudio) -> tuple[bytes, int]:
    """Returns what makes sound differ: bytes are equal whatever their rate."""
    return bytes(audio), audio.rate


@frozen(kw_only=True, repr=False)
class Turn(Compact, Displayed):
    """One turn of the model, put together. A notebook shows it with a player.

    Attributes:
        text: The model's text without its thoughts; where it sent none, the transcript of what it spoke.
        thoughts: The summaries of its thoughts.
        audio: What it spoke: bytes of mono PCM, 16-bit signed little-endian, with their rate.
        input_transcript: What the user said, if `input_audio_transcription` was asked for.
        output_transcript: What the model said, if `output_audio_transcription` was asked for.
        function_calls: Calls that it made.
        tool_results: What functions that were given as tools have answered to them.
        usage: Token counts of the turn, if the server gave them.
        complete: Whether the turn ended; False when it stopped for a function call, a time-out or a lost session.
        interrupted: Whether the user cut it short.
        turn_complete_reason: Why it ended, where the server says.
        grounding_metadata: Where the answer comes from, if the model searched.
        problems: Frames that could not be read meanwhile.
    """

    text: str = ""
    thoughts: str = ""
    audio: PcmAudio = field(default=PcmAudio(), converter=as_pcm, eq=with_rate)
    input_transcript: str = ""
    output_transcript: str = ""
    function_calls: tuple[FunctionCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    usage: UsageMetadata | None = None
    complete: bool = False
    interrupted: bool = False
    turn_complete_reason: TurnCompleteReason | str | None = None
    grounding_metadata: GroundingMetadata | None = None
    problems: tuple[ProtocolError, ...] = ()

    @property
    def audio_rate(self) -> int:
        """Samples a second of `audio`; 24,000 unless the server says otherwise."""
        return self.audio.rate

    @property
    def audio_seconds(self) -> float:
        """The seconds that `audio` plays."""
        return self.audio.seconds


class TurnBuilder:
    """Collects the messages of a turn."""

    def __init__(self) -> None:
        self._contents: list[LiveServerContent] = []
        self._calls: list[FunctionCall] = []
        self._results: list[ToolResult] = []
        self._usage: UsageMetadata | None = None
        self._problems: list[ProtocolError] = []

    def begin_again(self) -> None:
        """Forgets what has come: the connection was lost in the middle of the turn."""
        self._contents.clear()
        self._calls.clear()
        self._results.clear()

    def add(self, message: LiveServerMessage) -> None:
        self._usage = message.usage_metadata or self._usage
        if isinstance(message, LiveServerContent):
            self._contents.append(message)
        elif isinstance(message, LiveServerToolCall):
            self._calls.extend(message.function_calls)
        elif isinstance(message, ToolResult):
            self._results.append(message)

    def add_problem(self, problem: ProtocolError) -> None:
        self._problems.append(problem)

    def turn(self) -> Turn:
        """The turn so far."""
        contents = self._contents
        spoken = transcript(message.output_transcription for message in contents)
        return Turn(
            text="".join(message.text for message in contents) or spoken,
            thoughts="".join(message.thoughts for message in contents),
            audio=audio_of(contents),
            input_transcript=transcript(message.input_transcription for message in contents),
            output_transcript=spoken,
            function_calls=tuple(self._calls),
            tool_results=tuple(self._results),
            usage=self._usage,
            complete=any(message.ends_turn for message in contents),
            interrupted=any(message.interrupted for message in contents),
            turn_complete_reason=next((m.turn_complete_reason for m in contents if m.turn_complete_reason), None),
            grounding_metadata=next((m.grounding_metadata for m in contents if m.grounding_metadata), None),
            problems=tuple(self._problems),
        )


def audio_of(contents: Iterable[LiveServerContent]) -> PcmAudio:
    rates = (rate for message in contents if (rate := message.audio_rate))
    return PcmAudio(b"".join(message.audio for message in contents), next(rates, MODEL_RATE))


def transcript(fragments: Iterable[Transcription | None]) -> str:
    return "".join(fragment.text for fragment in fragments if fragment)


def belongs_to_a_turn(item: LiveServerMessage | ProtocolError) -> bool:
    """Whether a message is part of an answer, and not news of the session."""
    return isinstance(item, PARTS_OF_A_TURN)

"""One answer while it is given: pieces of a responder become frames, tool calls wait for their answers."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import frozen

from livesession.emulator.faults import Fault
from livesession.emulator.open_calls import OpenCall, OpenCalls
from livesession.emulator.protocol import server_frames as frames
from livesession.emulator.protocol.server_frames import Dialect
from livesession.emulator.protocol.setup_rules import JsonObject
from livesession.emulator.protocol.token_counts import Tokens, audio_tokens, text_tokens
from livesession.emulator.responder import Answers, Piece, Raw, Speech, ToolCall
from livesession.emulator.responder_thread import ResponderThread, _End
from livesession.emulator.speech.sound import OUTPUT_RATE, chunks, seconds, tone

Sender = Callable[[Mapping[str, object] | str | bytes], Awaitable[None]]
"""Sends one frame: a mapping as JSON, bytes as a binary frame, str as a text frame. Waits while the socket is full."""

Harm = Callable[[Fault], Awaitable[None]]
"""Lets a fault happen to the connection."""

_WORDS_PER_FRAGMENT = 5


@frozen
class Manner:
    """The manner in which a session is answered."""

    dialect: Dialect
    audio: bool
    transcribes: bool
    """Whether the session asked for transcriptions of what the model says."""
    chunk_ms: int
    pace: float
    """How many seconds of audio go out in a second; 0 for no limit."""
    functions: frozenset[str]
    """All that the session declared."""
    non_blocking: frozenset[str]
    """Those whose calls do not hold an answer up."""


class Generation:
    """The answer to one turn. It belongs to the loop's thread; only `thread` runs elsewhere."""

    def __init__(
        self,
        thread: ResponderThread,
        prompt: Tokens,
        manner: Manner,
        calls: OpenCalls,
        send: Sender,
        harm: Harm,
        report: Callable[[str], object],
    ) -> None:
        self.thread = thread
        self.prompt = prompt
        self.spent: Tokens = Counter()
        self.contents: list[JsonObject] = []
        """The answer so far, as it will stand in the history."""
        self.ending = False
        """Whether the responder has said all: nothing is left to interrupt."""
        self._manner = manner
        self._dialect = manner.dialect
        self._calls = calls
        self._send = send
        self._harm = harm
        self._report = report
        self._played_until = 0.0

    async def run(self) -> None:
        """Give the answer. Cancelling it is how it is interrupted; raises what the responder raises."""
        piece = await self.thread.next(None)
        while not isinstance(piece, _End):
            piece = await self.thread.next(await self._deliver(piece))
        self.ending = True

    async def _deliver(self, piece: Piece) -> Answers | None:
        if isinstance(piece, ToolCall):
            return await self._call([piece])
        if isinstance(piece, Raw):
            await self._send(piece.frame)
        elif isinstance(piece, Fault):
            await self._harm(piece)
        elif isinstance(piece, Speech):
            await self._speak(piece.text, piece.audio)
        elif isinstance(piece, (bytes, bytearray)):
            await self._speak("", bytes(piece))
        elif isinstance(piece, str):
            await self._speak(piece, tone(piece) if piece and self._manner.audio else b"")
        elif piece is not None:
            return await self._call(_calls(piece))
        return None

    async def _speak(self, text: str, audio: bytes) -> None:
        if not self._manner.audio:
            if audio and not text:
                raise TypeError("The responder answered with audio alone in a session that wants text.")
            await self._write(text)
            return
        self._note(text or f"[audio, {seconds(audio, OUTPUT_RATE):.1f} s]")
        if self._manner.transcribes:
            for fragment in fragments(text):
                await self._send(frames.output_transcription(fragment))
        for chunk in chunks(audio, self._manner.chunk_ms):
            self.spent += audio_tokens(seconds(chunk, OUTPUT_RATE))
            await self._send(self._dialect.audio(chunk))
            await self._play(seconds(chunk, OUTPUT_RATE))

    async def _write(self, text: str) -> None:
        self._note(text)
        self.spent += text_tokens(text)
        for fragment in fragments(text):
            await self._send(self._dialect.text(fragment))

    async def _play(self, duration: float) -> None:
        """Wait until the listener has heard this much more: while there is sound, there is something to interrupt."""
        if not self._manner.pace:
            return
        now = asyncio.get_running_loop().time()
        self._played_until = max(self._played_until, now) + duration / self._manner.pace
        await asyncio.sleep(self._played_until - now)

    async def _call(self, calls: Sequence[ToolCall]) -> Answers:
        made = [self._made(call) for call in calls]
        written = [_written(call.id, piece) for call, piece in zip(made, calls, strict=True)]
        self._calls.add(made)
        self.contents.append({"role": "model", "parts": [{"functionCall": call} for call in written]})
        self.spent += text_tokens(json.dumps(written))
        await self._send(frames.tool_call(written))
        return await self._answers() if any(call.blocking for call in made) else []

    def _made(self, call: ToolCall) -> OpenCall:
        if call.name not in self._manner.functions:
            declared = ", ".join(sorted(self._manner.functions)) or "none"
            self._report(f"No function {call.name!r} is declared, which was called. Declared are: {declared}.")
        blocking = call.name not in self._manner.non_blocking
        return OpenCall(call.id or self._dialect.call_id(), call.name, blocking)

    async def _answers(self) -> Answers:
        if self._dialect.vertex:
            # Recorded from Vertex: the generation that made the call is complete before the call is answered.
            await self._send(frames.GENERATION_COMPLETE)
        answers = await self._calls.answers()
        if answers:
            self.contents.append({"role": "user", "parts": [{"functionResponse": answer} for answer in answers]})
        return answers

    def _note(self, text: str) -> None:
        if text:
            self.contents.append({"role": "model", "parts": [{"text": text}]})


def fragments(text: str) -> list[str]:
    """Cut a text the way a model streams it, at spaces; joined again they are the text."""
    words = text.split(" ")
    groups = [words[start : start + _WORDS_PER_FRAGMENT] for start in range(0, len(words), _WORDS_PER_FRAGMENT)]
    return [(" " if index else "") + " ".join(group) for index, group in enumerate(groups)] if text else []


def _calls(piece: object) -> list[ToolCall]:
    calls = [call for call in piece if isinstance(call, ToolCall)] if isinstance(piece, (list, tuple)) else []
    if not calls or not isinstance(piece, (list, tuple)) or len(calls) != len(piece):
        raise TypeError(f"A responder cannot answer with {type(piece).__name__}: {piece!r:.80}")
    return calls


def _written(call_id: str, call: ToolCall) -> frames.Frame:
    written: frames.Frame = {"name": call.name, "args": dict(call.args), "id": call_id}
    return {name: value for name, value in written.items() if value}

"""The server's half of the protocol: its messages, and the bytes they are sent as.

Written the way the service writes: pretty-printed with two spaces and a final newline, fields at their default
left out, 64-bit integers and durations as strings.
"""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Mapping, Sequence

from attrs import frozen

Frame = dict[str, object]


def render(frame: Mapping[str, object]) -> bytes:
    """Return the bytes of one message, for a binary frame. Nothing is left out or changed."""
    return (json.dumps(frame, indent=2, ensure_ascii=False) + "\n").encode()


@frozen
class Dialect:
    """The differences between the Developer API's messages and Vertex's."""

    vertex: bool

    def setup_complete(self, session_id: str) -> Frame:
        return {"setupComplete": {"sessionId": session_id} if self.vertex else {}}

    def model_turn(self, part: Mapping[str, object]) -> Frame:
        content: Frame = {"role": "model", "parts": [part]} if self.vertex else {"parts": [part]}
        return {"serverContent": {"modelTurn": content}}

    def text(self, text: str) -> Frame:
        return self.model_turn({"text": text} if text else {})

    def audio(self, pcm: bytes) -> Frame:
        """`pcm`: 24 kHz, mono, 16-bit little-endian."""
        mime = "audio/pcm" if self.vertex else "audio/pcm;rate=24000"
        return self.model_turn({"inlineData": {"mimeType": mime, "data": base64.b64encode(pcm).decode()}})

    def call_id(self) -> str:
        return str(uuid.uuid4()) if self.vertex else f"function-call-{random.getrandbits(63)}"

    def turn_complete(self, prompt: Mapping[str, int], response: Mapping[str, int]) -> Frame:
        """`prompt` and `response`: tokens by modality."""
        return {"serverContent": {"turnComplete": True}, "usageMetadata": self._usage(prompt, response)}

    def _usage(self, prompt: Mapping[str, int], response: Mapping[str, int]) -> Frame:
        side = "candidates" if self.vertex else "response"
        usage: Frame = {
            "promptTokenCount": sum(prompt.values()),
            f"{side}TokenCount": sum(response.values()),
            "totalTokenCount": sum(prompt.values()) + sum(response.values()),
            "promptTokensDetails": _details(prompt),
            f"{side}TokensDetails": _details(response),
            "trafficType": "ON_DEMAND" if self.vertex else "",
        }
        return {name: value for name, value in usage.items() if value}


GENERATION_COMPLETE: Frame = {"serverContent": {"generationComplete": True}}
INTERRUPTED: Frame = {"serverContent": {"interrupted": True}}


def input_transcription(text: str) -> Frame:
    return {"serverContent": {"inputTranscription": {"text": text}}}


def output_transcription(text: str) -> Frame:
    return {"serverContent": {"outputTranscription": {"text": text} if text else {}}}


def tool_call(calls: Sequence[Mapping[str, object]]) -> Frame:
    return {"toolCall": {"functionCalls": list(calls)}}


def tool_call_cancellation(ids: Sequence[str]) -> Frame:
    return {"toolCallCancellation": {"ids": list(ids)}}


def go_away(time_left: float) -> Frame:
    """`time_left`: seconds."""
    return {"goAway": {"timeLeft": duration(time_left)}}


def resumption_update(handle: str | None = None, consumed: int | None = None) -> Frame:
    """Without a handle: the session cannot be resumed at this moment."""
    update: Frame = {"newHandle": handle, "resumable": True} if handle else {}
    if consumed:
        update["lastConsumedClientMessageIndex"] = str(consumed)
    return {"sessionResumptionUpdate": update}


def voice_activity(kind: str, offset: float) -> Frame:
    """`kind`: "ACTIVITY_START" or "ACTIVITY_END"; `offset`: seconds of audio since the session began."""
    return {"voiceActivity": {"type": kind, "audioOffset": duration(offset)}}


def duration(seconds: float) -> str:
    """Return proto3's spelling of a duration: "10s", or three decimals when there is a fraction."""
    milliseconds = max(0, round(seconds * 1000))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds / 1000:.3f}s"


def _details(tokens: Mapping[str, int]) -> list[Frame]:
    return [{"modality": modality, "tokenCount": count} for modality, count in tokens.items() if count]

"""The HTML of each kind of value: what was said and heard first, then calls and tokens."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import singledispatch
from itertools import islice

from livesession.audio.wav import WavFile
from livesession.messages.content import FunctionCall, GenerativeContentBlob
from livesession.messages.pcm_audio import MODEL_RATE, USER_RATE, PcmAudio
from livesession.messages.server import LiveServerContent
from livesession.messages.usage import ModalityTokenCount, UsageMetadata
from livesession.notebook.html_elements import (
    LONGEST_SOUND,
    folded,
    medium,
    note,
    paragraph,
    player,
    table,
    without_formulas,
)
from livesession.session.function_calls import ToolResult
from livesession.session.turn import Turn

__all__ = ["html_of"]

LONGEST_CELL = 1_000  # characters
NEWS = ("interrupted", "generation_complete", "turn_complete", "waiting_for_input")


def shown_as_html(value: object) -> str:
    """Returns the HTML of a value for a notebook, in which no text is taken for a formula."""
    return without_formulas(html_of(value))


@singledispatch
def html_of(value: object) -> str:
    """A value as HTML; `TypeError` for what is not one of those below."""
    raise TypeError(f"A {type(value).__name__} has no HTML.")


@html_of.register
def _(turn: Turn) -> str:
    said_too = turn.output_transcript if turn.output_transcript != turn.text else ""
    shown = [
        paragraph(turn.input_transcript, "You"),
        folded("Thoughts", paragraph(turn.thoughts)),
        paragraph(turn.text, "Model" if turn.input_transcript else ""),
        paragraph(said_too, "Spoken"),
        player(turn.audio, turn.audio_rate),
        calls_table(turn.function_calls, turn.tool_results),
        note(state_of(turn)),
        *(note(f"Could not be read: {shortened(str(problem))}") for problem in turn.problems),
        tokens_of(turn.usage),
    ]
    return "".join(shown)


def state_of(turn: Turn) -> str:
    """Says how a turn ended; nothing where it just ended."""
    if turn.interrupted:
        return "Interrupted by the user."
    if not turn.complete:
        return "Not complete."
    if turn.turn_complete_reason:
        return f"It ended because of {name_of(turn.turn_complete_reason)}."
    return "" if turn.text or turn.audio else "Nothing was said."


def calls_table(calls: Sequence[FunctionCall], results: Sequence[ToolResult]) -> str:
    """Functions that the model has called, with their answers."""
    answered = [(call_text(result.call), answer_text(result), f"{result.seconds:.2f} s") for result in results]
    done = [result.call for result in results]
    waiting = [(call_text(call), "waits for an answer", "") for call in calls if call not in done]
    return table(("Call", "Answer", "Time"), [*answered, *waiting])


def call_text(call: FunctionCall) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in call.args.items())
    return shortened(f"{call.name}({arguments})")


def answer_text(result: ToolResult) -> str:
    return shortened(", ".join(f"{name}: {value!r}" for name, value in result.response.items()) or result.outcome)


def tokens_of(usage: UsageMetadata | None) -> str:
    return folded(f"{usage.total_token_count:,} tokens", html_of(usage)) if usage else ""


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + " …"


@html_of.register
def _(content: LiveServerContent) -> str:
    heard = content.input_transcription or content.interim_input_transcription
    shown = [
        paragraph(heard.text if heard else "", "You"),
        folded("Thoughts", paragraph(content.thoughts)),
        paragraph(content.text),
        paragraph(content.transcript, "Spoken"),
        player(content.audio, content.audio_rate or MODEL_RATE),
        *other_media(content),
        note(news_of(content)),
        tokens_of(content.usage_metadata),
    ]
    return "".join(shown) or note("Nothing to be shown.")


def other_media(content: LiveServerContent) -> Iterator[str]:
    for part in content.model_turn.parts if content.model_turn else ():
        if part.inline_data and not part.inline_data.mime_type.startswith("audio/"):
            yield html_of(part.inline_data)


def news_of(content: LiveServerContent) -> str:
    """The fields that are set, such as "turn complete"."""
    news = [name.replace("_", " ") for name in NEWS if getattr(content, name)]
    if content.turn_complete_reason:
        news.append(name_of(content.turn_complete_reason))
    return ", ".join(news)


@html_of.register
def _(blob: GenerativeContentBlob) -> str:
    name = note(blob.display_name or "")
    if not blob.mime_type.startswith("audio/pcm"):
        return name + medium(blob.mime_type, blob.data)
    rate = re.search(r"rate=(\d+)", blob.mime_type)
    return name + (player(blob.data, int(rate[1]) if rate else USER_RATE) or note("No sound."))


@html_of.register
def _(audio: PcmAudio) -> str:
    return player(audio, audio.rate) or note("No sound.")


@html_of.register
def _(file: WavFile) -> str:
    seconds = islice(file.blocks(1000), LONGEST_SOUND + 1)  # one more than is played, to tell that there is more
    return note(os.path.basename(file.path)) + player(b"".join(seconds), file.rate)


@html_of.register
def _(usage: UsageMetadata) -> str:
    kinds = dict.fromkeys(detail.modality for detail in (*usage.prompt_tokens_details, *usage.response_tokens_details))
    rows = [
        *((name_of(kind), counted(usage.prompt_tokens_details, kind), counted(usage.response_tokens_details, kind), "")
          for kind in kinds),
        ("from a cache", usage.cached_content_token_count or "", "", ""),
        ("from tools", usage.tool_use_prompt_token_count or "", "", ""),
        ("thoughts", "", usage.thoughts_token_count or "", ""),
    ]  # fmt: skip
    total = ("all", usage.prompt_token_count, usage.response_token_count, usage.total_token_count)
    return table(("tokens", "input", "output", "all"), [*(row for row in rows if any(row[1:])), total])


def counted(details: Sequence[ModalityTokenCount], kind: object) -> int | str:
    return sum(detail.token_count for detail in details if detail.modality == kind) or ""


def name_of(value: object) -> str:
    """An enum's value in small letters, such as "audio"; what the library does not know as it came."""
    return str(getattr(value, "value", value)).lower().replace("_", " ")

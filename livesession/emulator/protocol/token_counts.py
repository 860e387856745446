"""Token counts, by a rule simple enough to predict: a word is a token, a second of audio 25, an image 258. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from livesession.emulator.protocol.setup_rules import JsonObject, child, objects

AUDIO_TOKENS_PER_SECOND = 25
IMAGE_TOKENS = 258

Tokens = Counter[str]
"""Tokens by modality: TEXT, AUDIO, IMAGE."""


def text_tokens(text: str) -> Tokens:
    return Counter(TEXT=len(text.split()))


def audio_tokens(seconds: float) -> Tokens:
    return Counter(AUDIO=round(seconds * AUDIO_TOKENS_PER_SECOND))


def image_tokens(count: int) -> Tokens:
    return Counter(IMAGE=count * IMAGE_TOKENS)


def content_tokens(contents: Iterable[JsonObject]) -> Tokens:
    """Count contents as they stand in a history: their text, and an image for each inline image."""
    total: Tokens = Counter()
    for content in contents:
        for part in objects(content, "parts"):
            total += text_tokens(str(part.get("text", "")))
            if str(child(part, "inlineData").get("mimeType", "")).startswith("image/"):
                total += image_tokens(1)
    return total

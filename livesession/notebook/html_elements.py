"""The HTML elements that values are shown with: text, tables, players, images.

Everything that is put in is escaped. There are no scripts, styles, colours or outside resources, so that it looks right
in light and dark themes, and where a page strips them.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence

from livesession.audio.wav import SAMPLE_BYTES, wav_bytes

__all__ = ["escaped", "folded", "medium", "note", "paragraph", "player", "table", "without_formulas"]

LONGEST_SOUND = 120  # seconds; with base64, 8 MB of a notebook at 24 kHz
LARGEST_MEDIUM = 8_000_000  # bytes of what is not PCM and cannot be shortened
MEDIA_TYPE = re.compile(r"(audio|image)/[\w.+-]+")


def escaped(text: object) -> str:
    """Text as HTML; half a surrogate pair, which no encoding can carry, becomes a question mark."""
    whole = str(text).encode("utf-8", "replace").decode("utf-8")
    return html.escape(whole).replace("\n", "<br>")


def without_formulas(content: str) -> str:
    """The same where a notebook sets no formulas: `$5 and $6` are prices."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{content}</div>'


def paragraph(text: str, label: str = "") -> str:
    """A paragraph, or nothing where there is no text."""
    said_by = f"<b>{escaped(label)}:</b> " if label else ""
    return f"<p>{said_by}{escaped(text)}</p>" if text else ""


def note(text: str) -> str:
    """A remark of ours, apart from what was said."""
    return f"<p><em>{escaped(text)}</em></p>" if text else ""


def folded(summary: str, content: str) -> str:
    """HTML that opens when it is clicked, or nothing where it is empty."""
    return f"<details><summary>{escaped(summary)}</summary>{content}</details>" if content else ""


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table, or nothing where it has no rows."""
    body = "".join(row("td", cells) for cells in rows)
    return f"<table><thead>{row('th', head)}</thead><tbody>{body}</tbody></table>" if body else ""


def row(tag: str, cells: Sequence[object]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escaped(cell)}</{tag}>" for cell in cells) + "</tr>"


def player(pcm: bytes, rate: int) -> str:
    """A player of mono PCM, 16-bit signed little-endian: of its first two minutes; nothing where there is no sound."""
    if len(pcm) < SAMPLE_BYTES:
        return ""
    seconds = len(pcm) / (SAMPLE_BYTES * rate)
    wav = wav_bytes(pcm[: SAMPLE_BYTES * rate * LONGEST_SOUND], rate)
    sound = medium("audio/wav", wav, f"{seconds:.1f} s of sound")
    if seconds <= LONGEST_SOUND:
        return sound
    return sound + note(
        f"The first {LONGEST_SOUND / 60:.0f} of {seconds / 60:.1f} minutes; "
        "livesession.audio.write_wav(path, audio, rate) saves all of it."
    )


def medium(media_type: str, data: bytes, what: str = "") -> str:
    """A player or an image of encoded bytes; in words where the type is another, or they are too many.

    Pages that strip players, as GitHub does, may leave the words.
    """
    what = what or f"{len(data):,} bytes of {media_type or 'no type'}"
    known = MEDIA_TYPE.match(media_type)
    if not known or len(data) > LARGEST_MEDIUM:
        return note(what)
    address = f"data:{known[0]};base64,{base64.b64encode(data).decode('ascii')}"
    if known[1] == "image":
        return f'<p><img src="{address}" alt="{escaped(what)}"></p>'
    return f'<audio controls preload="metadata"><source src="{address}" type="{known[0]}">{escaped(what)}</audio>'

"""The numbers of an audio conversation."""

from __future__ import annotations

from attrs import frozen

__all__ = ["ConversationStatistics"]


@frozen(kw_only=True)
class ConversationStatistics:
    """The numbers of an audio conversation so far; times in milliseconds.

    Attributes:
        sent_ms: Sound that was sent.
        held_ms: Sound that was heard and not sent, or silence in its place: muted, or while the model spoke.
        dropped_ms: Sound that the input lost because the network was slow.
        played_ms: What the model was heard to say.
        cut_ms: What it had said and was not played, because the user cut in.
        underruns: How often the loudspeaker ran dry in the middle of a turn.
        interruptions: How often the user cut in.
        response_ms: From the last sound of the user to the first of the model, at its last turn; None before.
    """

    sent_ms: float
    held_ms: float
    dropped_ms: float
    played_ms: float
    cut_ms: float
    underruns: int
    interruptions: int
    response_ms: float | None

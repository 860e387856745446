"""Token counts of a whole session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

from livesession.messages.usage import ModalityTokenCount, UsageMetadata

__all__ = ["UsageMeter"]


class UsageMeter:
    """Adds up the turns of a session; of several counts in one turn the last one stands for it.

    A count that comes between two turns is one of the turn that follows.

    Written by the reader thread only; what others read is one assignment old at the most.
    """

    def __init__(self) -> None:
        self._earlier = UsageMetadata()
        self.total = UsageMetadata()

    def count(self, usage: UsageMetadata | None, *, ends_turn: bool) -> None:
        """Takes a message's counts; `ends_turn` says that the next counts belong to another turn."""
        if usage is not None:
            self.total = add(self._earlier, usage)
        if ends_turn:
            self._earlier = self.total


def add(one: UsageMetadata, other: UsageMetadata) -> UsageMetadata:
    """Counts added up, those by modality too; how it is billed is that of `other`, where it says."""
    sums: dict[str, object] = {}
    for field in attrs.fields(UsageMetadata):
        first, second = getattr(one, field.name), getattr(other, field.name)
        if isinstance(second, tuple):
            sums[field.name] = add_details([*first, *second])
        else:
            sums[field.name] = first + second if isinstance(second, int) else second or first
    return attrs.evolve(other, **sums)  # type: ignore[arg-type]


def add_details(details: Iterable[ModalityTokenCount]) -> tuple[ModalityTokenCount, ...]:
    counts: Counter[str | None] = Counter()
    for detail in details:
        counts[detail.modality] += detail.token_count
    return tuple(ModalityTokenCount(modality=modality, token_count=count) for modality, count in counts.items())

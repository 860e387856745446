"""Token counts of a turn."""

from __future__ import annotations

from attrs import field, frozen

from livesession.messages.display import Displayed
from livesession.messages.enums import Modality, TrafficType
from livesession.messages.fields import Compact, metadata

__all__ = ["ModalityTokenCount", "UsageMetadata"]


@frozen(kw_only=True, repr=False)
class ModalityTokenCount(Compact):
    """Tokens of one kind of content (wire: `...TokensDetails[]`).

    Attributes:
        modality: The kind (wire `modality`).
        token_count: Tokens (wire `tokenCount`).
    """

    modality: Modality | str | None = None
    token_count: int = 0


@frozen(kw_only=True, repr=False)
class UsageMetadata(Compact, Displayed):
    """Tokens of one turn; the prompt counts the history again each time (wire: `usageMetadata`).

    Attributes:
        prompt_token_count: Input, history included (wire `promptTokenCount`).
        cached_content_token_count: Of these, from a cache (wire `cachedContentTokenCount`).
        response_token_count: Output (wire `responseTokenCount`; Vertex AI's `candidatesTokenCount` is read too).
        tool_use_prompt_token_count: Input that tools gave (wire `toolUsePromptTokenCount`).
        thoughts_token_count: Thinking (wire `thoughtsTokenCount`).
        total_token_count: All of it (wire `totalTokenCount`).
        prompt_tokens_details: Input by modality (wire `promptTokensDetails`).
        cache_tokens_details: Cached input by modality (wire `cacheTokensDetails`).
        response_tokens_details: Output by modality (wire `responseTokensDetails`; `candidatesTokensDetails` too).
        tool_use_prompt_tokens_details: Tools' input by modality (wire `toolUsePromptTokensDetails`).
        traffic_type: How it is billed, Vertex AI only (wire `trafficType`).
        service_tier: Lower-case name of the tier, Developer API only (wire `serviceTier`).
    """

    prompt_token_count: int = 0
    cached_content_token_count: int = 0
    response_token_count: int = field(default=0, metadata=metadata(also="candidatesTokenCount"))
    tool_use_prompt_token_count: int = 0
    thoughts_token_count: int = 0
    total_token_count: int = 0
    prompt_tokens_details: tuple[ModalityTokenCount, ...] = ()
    cache_tokens_details: tuple[ModalityTokenCount, ...] = ()
    response_tokens_details: tuple[ModalityTokenCount, ...] = field(
        default=(), metadata=metadata(also="candidatesTokensDetails")
    )
    tool_use_prompt_tokens_details: tuple[ModalityTokenCount, ...] = ()
    traffic_type: TrafficType | str | None = None
    service_tier: str | None = None

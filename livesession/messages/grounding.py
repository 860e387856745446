"""The sources of an answer: searches, and pages read."""

from __future__ import annotations

from attrs import frozen

from livesession.messages.enums import UrlRetrievalStatus
from livesession.messages.fields import Compact, JSONObject

__all__ = [
    "GroundingChunk",
    "GroundingMetadata",
    "GroundingSupport",
    "SearchEntryPoint",
    "UrlContextMetadata",
    "UrlMetadata",
]


@frozen(kw_only=True, repr=False)
class SearchEntryPoint(Compact):
    """Google's search suggestions, to be shown beside a grounded answer (wire: `searchEntryPoint`).

    Attributes:
        rendered_content: HTML (wire `renderedContent`).
        sdk_blob: Search terms and addresses, encoded JSON (wire `sdkBlob`, base64).
    """

    rendered_content: str = ""
    sdk_blob: bytes | None = None


@frozen(kw_only=True, repr=False)
class GroundingChunk(Compact):
    """One source, in one of four kinds, as it arrived (wire: `groundingChunks[]`).

    Attributes:
        web: A page: `uri`, `title`, `domain` (wire `web`).
        retrieved_context: A document of yours (wire `retrievedContext`).
        maps: A place (wire `maps`).
        image: A picture (wire `image`).
    """

    web: JSONObject | None = None
    retrieved_context: JSONObject | None = None
    maps: JSONObject | None = None
    image: JSONObject | None = None


@frozen(kw_only=True, repr=False)
class GroundingSupport(Compact):
    """A stretch of the answer and the sources that it rests on (wire: `groundingSupports[]`).

    Attributes:
        segment: The stretch: `startIndex`, `endIndex`, `partIndex`, `text` (wire `segment`).
        grounding_chunk_indices: Numbers of the sources (wire `groundingChunkIndices`).
        confidence_scores: One a source, 0 to 1 (wire `confidenceScores`).
    """

    segment: JSONObject | None = None
    grounding_chunk_indices: tuple[int, ...] = ()
    confidence_scores: tuple[float, ...] = ()


@frozen(kw_only=True, repr=False)
class GroundingMetadata(Compact):
    """The sources of an answer (wire: `groundingMetadata`).

    Attributes:
        web_search_queries: What was searched for (wire `webSearchQueries`).
        image_search_queries: The same for pictures (wire `imageSearchQueries`).
        grounding_chunks: Sources (wire `groundingChunks`).
        grounding_supports: What rests on them (wire `groundingSupports`).
        search_entry_point: Suggestions to show (wire `searchEntryPoint`).
        retrieval_metadata: As it arrived (wire `retrievalMetadata`).
        retrieval_queries: Queries to your corpora, Vertex AI only (wire `retrievalQueries`).
        source_flagging_uris: Where to report a source, Vertex AI only (wire `sourceFlaggingUris`).
    """

    web_search_queries: tuple[str, ...] = ()
    image_search_queries: tuple[str, ...] = ()
    grounding_chunks: tuple[GroundingChunk, ...] = ()
    grounding_supports: tuple[GroundingSupport, ...] = ()
    search_entry_point: SearchEntryPoint | None = None
    retrieval_metadata: JSONObject | None = None
    retrieval_queries: tuple[str, ...] = ()
    source_flagging_uris: tuple[JSONObject, ...] = ()


@frozen(kw_only=True, repr=False)
class UrlMetadata(Compact):
    """A page that the URL context tool read (wire: `urlMetadata[]`).

    Attributes:
        retrieved_url: Its address (wire `retrievedUrl`).
        url_retrieval_status: Whether that worked (wire `urlRetrievalStatus`).
    """

    retrieved_url: str = ""
    url_retrieval_status: UrlRetrievalStatus | str | None = None


@frozen(kw_only=True, repr=False)
class UrlContextMetadata(Compact):
    """The pages that the URL context tool read (wire: `urlContextMetadata`).

    Attributes:
        url_metadata: One a page (wire `urlMetadata`).
    """

    url_metadata: tuple[UrlMetadata, ...] = ()

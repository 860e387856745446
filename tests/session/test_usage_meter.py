"""Token counts: of a turn the last that the server gave, of a session its turns added up, both by modality too."""

from __future__ import annotations

import pytest

from livesession import Modality, SessionResumptionConfig, UsageMetadata
from tests.kit.servers import Peer, script_server
from tests.kit.waiting import PATIENCE, wait_until

DONE = {"serverContent": {"turnComplete": True}}
INTERRUPTED = {"serverContent": {"interrupted": True}}
WORKING = {"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}}
SPEECH = {"serverContent": {"modelTurn": {"parts": [{"text": "hm"}]}}}


def details(**tokens: int) -> list[dict]:
    return [{"modality": modality, "tokenCount": count} for modality, count in tokens.items()]


def counts(**members: object) -> dict:
    return {"usageMetadata": members}


def total(tokens: int) -> dict:
    return counts(totalTokenCount=tokens)


def usage_after(*frames: dict) -> UsageMetadata:
    """What a session has counted when it has received these frames."""

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*frames)
        peer.close()

    with script_server(script) as server, server.model().connect() as session:
        list(session.receive(PATIENCE))
        return session.usage


def by_modality(entries) -> dict:
    return {entry.modality: entry.token_count for entry in entries}


# Of a session.


@pytest.mark.parametrize(
    ("count", "attribute"),
    [
        ("promptTokenCount", "prompt_token_count"),
        ("cachedContentTokenCount", "cached_content_token_count"),
        ("responseTokenCount", "response_token_count"),
        ("candidatesTokenCount", "response_token_count"),
        ("toolUsePromptTokenCount", "tool_use_prompt_token_count"),
        ("thoughtsTokenCount", "thoughts_token_count"),
        ("totalTokenCount", "total_token_count"),
    ],
)
def test_each_count_of_a_session_is_that_of_its_turns_added_up(count, attribute):
    usage = usage_after(DONE | counts(**{count: 3}), DONE, DONE | counts(**{count: 4}))
    assert getattr(usage, attribute) == 7


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("promptTokensDetails", "prompt_tokens_details"),
        ("cacheTokensDetails", "cache_tokens_details"),
        ("responseTokensDetails", "response_tokens_details"),
        ("candidatesTokensDetails", "response_tokens_details"),
        ("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"),
    ],
)
def test_each_count_by_modality_is_added_up_too(name, attribute):
    first, second = details(TEXT=1, AUDIO=20), details(AUDIO=30, SMELL=4)
    usage = usage_after(DONE | counts(**{name: first}), DONE | counts(**{name: second}))
    assert by_modality(getattr(usage, attribute)) == {Modality.TEXT: 1, Modality.AUDIO: 50, "SMELL": 4}


def test_the_last_count_of_a_turn_stands_for_it():
    first = [SPEECH | total(2), total(3), SPEECH, DONE | total(5)]
    assert usage_after(*first, SPEECH | total(4), DONE | total(7)).total_token_count == 12


def test_a_turn_that_ends_without_a_count_has_its_last_one():
    assert usage_after(SPEECH | total(2), SPEECH | total(5), DONE, DONE | total(7)).total_token_count == 12


def test_a_turn_whose_end_brings_a_message_that_cannot_be_read_counts():
    frames = [SPEECH | total(5), DONE | {"goAway": 5}, SPEECH, DONE | total(7)]

    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(*frames)
        peer.close()

    with script_server(script) as server, server.model().connect() as session:
        wait_until(lambda: session.is_closed)
        assert session.usage.total_token_count == 12


def test_an_interrupted_turn_counts():
    assert usage_after(SPEECH, INTERRUPTED, DONE | total(5), DONE | total(7)).total_token_count == 12


def test_a_turn_that_goes_on_after_turn_complete_is_one_turn():
    assert usage_after(WORKING | total(5), SPEECH, DONE | total(7)).total_token_count == 7


def test_a_count_between_two_turns_is_one_of_the_second():
    assert usage_after(DONE | total(5), total(3), SPEECH, DONE | total(7)).total_token_count == 12


def test_a_session_without_counts_has_used_nothing():
    assert usage_after(SPEECH, DONE) == UsageMetadata()


def test_how_a_session_is_billed_is_what_the_server_said_last():
    billed = [counts(trafficType=kind, serviceTier=tier) for kind, tier in [("A", "flex"), ("ON_DEMAND", "standard")]]
    usage = usage_after(DONE | billed[0], DONE | billed[1], DONE | total(1))
    assert (usage.traffic_type, usage.service_tier) == ("ON_DEMAND", "standard")


def test_tokens_are_counted_whether_or_not_anybody_receives_and_after_the_end():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(DONE | total(5), DONE | total(7))
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        wait_until(lambda: session.usage.total_token_count == 12)
    assert session.usage.total_token_count == 12


def test_a_resumed_session_goes_on_counting():
    connections: list[Peer] = []

    def script(peer: Peer) -> None:
        connections.append(peer)
        peer.accept()
        peer.send({"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}}, DONE | total(5))
        peer.wait_for_end()

    with script_server(script) as server:
        with server.model().connect(session_resumption=SessionResumptionConfig()) as session:
            wait_until(lambda: session.usage.total_token_count == 5)
            session.resume_session()
            wait_until(lambda: session.usage.total_token_count == 10)
    assert len(connections) == 2


# Of a turn.


def test_each_turn_has_its_own_counts_by_modality():
    answers = [
        [SPEECH | total(1), DONE | counts(totalTokenCount=5, responseTokensDetails=details(TEXT=5))],
        [SPEECH, total(3), DONE | counts(totalTokenCount=7, responseTokensDetails=details(TEXT=1, AUDIO=6))],
    ]

    def script(peer: Peer) -> None:
        peer.accept()
        for answer in answers:
            peer.read()
            peer.send(*answer)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        first, second = session.ask("one"), session.ask("two")
        assert (first.usage.total_token_count, second.usage.total_token_count) == (5, 7)
        assert by_modality(first.usage.response_tokens_details) == {Modality.TEXT: 5}
        assert by_modality(second.usage.response_tokens_details) == {Modality.TEXT: 1, Modality.AUDIO: 6}
        assert session.usage.total_token_count == 12
        assert by_modality(session.usage.response_tokens_details) == {Modality.TEXT: 6, Modality.AUDIO: 6}


def test_the_last_count_of_a_turn_is_the_turn_s():
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        peer.send(SPEECH | total(2), total(3), DONE)
        peer.wait_for_end()

    with script_server(script) as server, server.model().connect() as session:
        assert session.ask("one").usage.total_token_count == 3

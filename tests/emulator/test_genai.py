"""The unmodified google-genai client talks to the emulator and its typed messages come out right."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import pytest

from livesession.emulator import LiveEmulator

genai = pytest.importorskip("google.genai")
trustme = pytest.importorskip("trustme")
types = genai.types

# asyncio of Python 3.10 warns of every TLS transport that the peer closed first: here, google-genai's own.
pytestmark = pytest.mark.filterwarnings("ignore:.*_SSLProtocolTransport:pytest.PytestUnraisableExceptionWarning")

MODEL = "gemini-live-2.5-flash-preview"
TEXT = {"response_modalities": ["TEXT"]}
DECLARATION = {"name": "get_weather", "description": "", "parameters": {"type": "OBJECT", "properties": {}}}


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    return server, client


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION",
        "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_GENAI_USE_ENTERPRISE",
        "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[tuple[LiveEmulator, Any]]:
    """An emulator over TLS, and a client of the Developer API that is aimed at it."""
    server, trusting = contexts
    with LiveEmulator(ssl_context=server) as emulator:
        options = types.HttpOptions(base_url=f"https://localhost:{emulator.port}", async_client_args={"ssl": trusting})
        yield emulator, genai.Client(api_key="k", http_options=options)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(asyncio.wait_for(work, 20))
    finally:
        gc.collect()  # so that what the mark above is about happens here, and not in somebody else's test


async def turn(session: Any) -> list[Any]:
    messages: AsyncIterator[Any] = session.receive()
    return [message async for message in messages]


def text_of(messages: list[Any]) -> str:
    return "".join(message.text or "" for message in messages)


def test_a_text_turn(served):
    async def talk() -> list[Any]:
        async with served[1].aio.live.connect(model=MODEL, config=TEXT) as session:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "hello"}]})
            return await turn(session)

    messages = run(talk())
    assert text_of(messages) == "You said: hello"
    assert messages[-1].server_content.turn_complete
    assert messages[-1].usage_metadata.total_token_count == 4
    assert served[0].handshakes[0].headers["x-goog-api-key"] == "k"


def test_realtime_audio_both_ways(served, speech, silence):
    async def talk() -> list[Any]:
        config = {"output_audio_transcription": {}, "input_audio_transcription": {}}
        async with served[1].aio.live.connect(model=MODEL, config=config) as session:
            pcm = speech + silence(1)
            for start in range(0, len(pcm), 3_200):
                blob = types.Blob(data=pcm[start : start + 3_200], mime_type="audio/pcm;rate=16000")
                await session.send_realtime_input(audio=blob)
            return await turn(session)

    messages = run(talk())
    contents = [message.server_content for message in messages if message.server_content]
    audio = b"".join(message.data or b"" for message in messages)
    assert abs(len(audio) / 48_000 - len(speech) / 32_000) < 0.5
    assert any(content.input_transcription for content in contents)
    said = "".join(content.output_transcription.text for content in contents if content.output_transcription)
    assert said.startswith("You spoke for")


def test_a_tool_call(served):
    async def talk() -> tuple[Any, list[Any]]:
        config = {**TEXT, "tools": [{"function_declarations": [DECLARATION]}]}
        async with served[1].aio.live.connect(model=MODEL, config=config) as session:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "get_weather"}]})
            async for message in session.receive():
                if message.tool_call:
                    (call,) = message.tool_call.function_calls
                    response = types.FunctionResponse(id=call.id, name=call.name, response={"sky_now": "clear"})
                    await session.send_tool_response(function_responses=response)
                    break
            return call, await turn(session)

    call, messages = run(talk())
    assert call.name == "get_weather"
    assert text_of(messages) == 'get_weather answered: {"sky_now": "clear"}'


def test_resumption(served):
    async def talk(handle: str | None, text: str) -> tuple[str, int]:
        config = {**TEXT, "session_resumption": {"handle": handle} if handle else {}}
        async with served[1].aio.live.connect(model=MODEL, config=config) as session:
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
            messages = await turn(session)
            async for message in session.receive():  # what comes after the turn: the handle
                return message.session_resumption_update.new_handle, messages[-1].usage_metadata.prompt_token_count
        raise AssertionError("no handle came")

    async def both() -> tuple[int, int]:
        handle, first = await talk(None, "one")
        _, second = await talk(handle, "two")
        return first, second

    first, second = run(both())
    # The prompt of the second connection holds the turn of the first: "one", "You said: one", "two".
    assert (first, second) == (1, 5)


def test_vertex_at_a_gateway_s_url(contexts):
    async def talk(url: str) -> list[Any]:
        options = types.HttpOptions(base_url=url, async_client_args={"ssl": contexts[1]})
        client = genai.Client(vertexai=True, http_options=options)
        async with client.aio.live.connect(model=MODEL, config=TEXT) as session:
            assert session.session_id
            await session.send_client_content(turns={"role": "user", "parts": [{"text": "hello"}]})
            return await turn(session)

    with LiveEmulator(ssl_context=contexts[0]) as emulator:
        messages = run(talk(f"wss://localhost:{emulator.port}"))
    assert text_of(messages) == "You said: hello"
    assert messages[-1].usage_metadata.response_token_count


def test_a_refused_setup_is_an_api_error_with_code_and_reason(served):
    async def talk() -> None:
        config = {"speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Nobody"}}}}
        async with served[1].aio.live.connect(model=MODEL, config=config):
            pass

    with pytest.raises(genai.errors.APIError, match="Nobody") as refused:
        run(talk())
    assert refused.value.code == 1007

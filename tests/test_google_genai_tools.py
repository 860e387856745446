"""The same tools, functions and model names give the same setup message as google-genai's, over a real socket."""

from __future__ import annotations

import pytest

pytest.importorskip("google.genai")

from livesession import Behavior, FunctionDeclaration, Schema, SchemaType, Tool
from tests.kit.parity import BOTH, DEVELOPER, VERTEX, on_each_back_end, recording_server

# asyncio of Python 3.10 warns of TLS transports that the peer closed first.
pytestmark = pytest.mark.filterwarnings("ignore:.*_SSLProtocolTransport:pytest.PytestUnraisableExceptionWarning")

JSON_SCHEMA = {"type": "object", "properties": {"some_name": {"type": "string"}}, "$defs": {"a_b": {}}}


@pytest.fixture(scope="module")
def parity(server_tls, client_tls):
    with recording_server(server_tls, client_tls) as both:
        yield both


def tool(**fields) -> dict:
    return {"tools": [Tool(**fields)]}


def function(**fields) -> dict:
    return {"tools": [FunctionDeclaration(name="f", **fields)]}


def their_function(**fields) -> dict:
    return {"tools": [{"function_declarations": [{"name": "f", **fields}]}]}


SCHEMA = {
    "type": "OBJECT",
    "description": "d",
    "properties": {
        "some_name": {"type": "STRING", "enum": ["a", "b"], "min_length": 1, "max_length": 9, "pattern": "^a"},
        "anyOf": {"any_of": [{"type": "NULL"}, {"type": "NUMBER", "minimum": 0, "maximum": 1.5}]},
        "list": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "min_items": 0, "max_items": 3},
    },
    "required": ["some_name"],
    "property_ordering": ["some_name", "list", "anyOf"],
    "min_properties": 1,
    "max_properties": 3,
    "nullable": True,
    "title": "t",
    "default": {"some_name": "a"},
    "example": {"some_name": "b"},
}
OUR_SCHEMA = Schema(
    **{
        **SCHEMA,
        "type": SchemaType.OBJECT,
        "properties": {
            "some_name": Schema(**SCHEMA["properties"]["some_name"]),
            "anyOf": Schema(any_of=[Schema(type="NULL"), Schema(type="NUMBER", minimum=0, maximum=1.5)]),
            "list": Schema(type="ARRAY", items=Schema(type="INTEGER", format="int32"), min_items=0, max_items=3),
        },
    }
)
# Name: google-genai's configuration, livesession's, and the back ends that google-genai allows it on.
CASES = {
    "google search": ({"tools": [{"google_search": {}}]}, tool(google_search={}), BOTH),
    "code execution": ({"tools": [{"code_execution": {}}]}, tool(code_execution={}), BOTH),
    "url context": ({"tools": [{"url_context": {}}]}, tool(url_context={}), BOTH),
    "google maps": (
        {"tools": [{"google_maps": {"enable_widget": True}}]}, tool(google_maps={"enableWidget": True}), BOTH
    ),
    "computer use": (
        {"tools": [{"computer_use": {"environment": "ENVIRONMENT_BROWSER"}}]},
        tool(computer_use={"environment": "ENVIRONMENT_BROWSER"}),
        BOTH,
    ),
    "google search retrieval": ({"tools": [{"google_search_retrieval": {}}]}, tool(google_search_retrieval={}), BOTH),
    "file search": (
        {"tools": [{"file_search": {"file_search_store_names": ["s"], "top_k": 3}}]},
        tool(file_search={"fileSearchStoreNames": ["s"], "topK": 3}),
        (DEVELOPER,),
    ),
    "MCP servers": (
        {"tools": [{"mcp_servers": [{"name": "m", "streamable_http_transport": {"url": "https://m"}}]}]},
        tool(mcp_servers=[{"name": "m", "streamableHttpTransport": {"url": "https://m"}}]),
        (DEVELOPER,),
    ),
    "retrieval": (
        {"tools": [{"retrieval": {"vertex_ai_search": {"datastore": "d"}}}]},
        tool(retrieval={"vertexAiSearch": {"datastore": "d"}}),
        (VERTEX,),
    ),
    "enterprise web search": (
        {"tools": [{"enterprise_web_search": {"exclude_domains": ["x.org"]}}]},
        tool(enterprise_web_search={"excludeDomains": ["x.org"]}),
        (VERTEX,),
    ),
    "Parallel": ({"tools": [{"parallel_ai_search": {"api_key": "k"}}]},
        tool(parallel_ai_search={"apiKey": "k"}), (VERTEX,)),
    "Exa": ({"tools": [{"exa_ai_search": {"api_key": "k"}}]}, tool(exa_ai_search={"apiKey": "k"}), (VERTEX,)),
    "function": (their_function(description="d"), function(description="d"), BOTH),
    "function with a schema": (their_function(parameters=SCHEMA), function(parameters=OUR_SCHEMA), BOTH),
    "function with JSON Schema": (
        their_function(parameters_json_schema=JSON_SCHEMA), function(parameters_json_schema=JSON_SCHEMA), BOTH
    ),
    "function with an answer's schema": (
        their_function(response={"type": "STRING"}, behavior="NON_BLOCKING"),
        function(response=Schema(type="STRING"), behavior=Behavior.NON_BLOCKING),
        BOTH,
    ),
    "function with an answer's JSON Schema": (
        their_function(response_json_schema=JSON_SCHEMA, behavior="BLOCKING"),
        function(response_json_schema=JSON_SCHEMA, behavior="BLOCKING"),
        BOTH,
    ),
    "several tools": (
        {"tools": [{"google_search": {}}, {"function_declarations": [{"name": "f"}, {"name": "g"}]}]},
        {"tools": [FunctionDeclaration(name="f"), Tool(google_search={}), FunctionDeclaration(name="g")]},
        BOTH,
    ),
}  # fmt: skip


@on_each_back_end(CASES)
def test_the_tools_equal_google_genai_s(parity, theirs, ours, back_end):
    [setup] = parity.ours(back_end, "some-model", ours)
    assert [setup] == parity.theirs(back_end, "some-model", theirs)


@pytest.mark.parametrize(
    ("back_end", "model"),
    [
        *((DEVELOPER, model) for model in ("m", "models/m", "tunedModels/m")),
        *((VERTEX, model) for model in ("m", "publisher/m", "publishers/x/models/m", "models/m")),
        (VERTEX, "projects/x/locations/y/publishers/google/models/m"),
    ],
)
def test_the_model_s_name_equals_google_genai_s(parity, back_end, model):
    assert parity.ours(back_end, model, {}) == parity.theirs(back_end, model, {})

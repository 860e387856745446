"""The tools of a model: function declarations with their schemas, and the tools that run on the server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from livesession.messages.enums import Behavior, FunctionCallingMode, SchemaType
from livesession.messages.fields import Compact, JSONObject, strings

__all__ = ["FunctionCallingConfig", "FunctionDeclaration", "LatLng", "RetrievalConfig", "Schema", "Tool", "ToolConfig"]


def schemas(values: Iterable[Schema]) -> tuple[Schema, ...]:
    return tuple(values)


@frozen(kw_only=True, repr=False)
class Schema(Compact):
    """The shape of a value, in the OpenAPI subset that the service reads (wire: `Schema`).

    Attributes:
        type: The type; default unspecified (wire `type`).
        description: What the value means, for the model (wire `description`).
        title: A heading (wire `title`).
        format: A refinement such as `"int32"` or `"date-time"` (wire `format`).
        nullable: Whether null is allowed (wire `nullable`).
        enum: The allowed strings (wire `enum`).
        items: The shape of an array's items (wire `items`).
        properties: The shapes of an object's members; the keys are yours and pass unchanged (wire `properties`).
        required: The members that must be there (wire `required`).
        property_ordering: The order of the members (wire `propertyOrdering`).
        any_of: Alternatives (wire `anyOf`).
        min_items, max_items: Bounds of an array's length (wire `minItems`, `maxItems`).
        min_properties, max_properties: Bounds of an object's size (wire `minProperties`, `maxProperties`).
        min_length, max_length: Bounds of a string's length (wire `minLength`, `maxLength`).
        minimum, maximum: Bounds of a number (wire `minimum`, `maximum`).
        pattern: A regular expression for a string (wire `pattern`).
        default: The value that counts when none is given (wire `default`).
        example: An example (wire `example`).
    """

    type: SchemaType | str | None = None
    description: str | None = None
    title: str | None = None
    format: str | None = None
    nullable: bool | None = None
    enum: tuple[str, ...] = field(default=(), converter=strings)
    items: Schema | None = None
    properties: Mapping[str, Schema] | None = None
    required: tuple[str, ...] = field(default=(), converter=strings)
    property_ordering: tuple[str, ...] = field(default=(), converter=strings)
    any_of: tuple[Schema, ...] = field(default=(), converter=schemas)
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    pattern: str | None = None
    default: object | None = None
    example: object | None = None


@frozen(kw_only=True, repr=False)
class FunctionDeclaration(Compact):
    """A function that the model may ask for (wire: `tools[].functionDeclarations[]`).

    Attributes:
        name: At most 128 characters; a letter or underscore first, then also digits and `.:-` (wire `name`).
        description: What it does, for the model (wire `description`).
        parameters: The shape of its arguments: a `Schema`, or the same as a mapping (wire `parameters`).
        parameters_json_schema: The same as standard JSON Schema, instead of `parameters`
            (wire `parametersJsonSchema`).
        response: The shape of its answer (wire `response`).
        response_json_schema: The same as JSON Schema (wire `responseJsonSchema`).
        behavior: Whether the model waits for the answer; the default differs by model (wire `behavior`).
    """

    name: str
    description: str | None = None
    parameters: Schema | JSONObject | None = None
    parameters_json_schema: JSONObject | None = None
    response: Schema | JSONObject | None = None
    response_json_schema: JSONObject | None = None
    behavior: Behavior | str | None = None


def declarations(values: Iterable[FunctionDeclaration]) -> tuple[FunctionDeclaration, ...]:
    return tuple(values)


def json_objects(values: Iterable[JSONObject]) -> tuple[JSONObject, ...]:
    return tuple(values)


@frozen(kw_only=True, repr=False)
class Tool(Compact):
    """Something the model may use: set one attribute a tool (wire: `tools[]`).

    Every attribute but the first is a tool that runs on the server; its options are a JSON object in the wire's
    spelling, `{}` for none: `Tool(google_search={})`.

    Attributes:
        function_declarations: Functions of yours (wire `functionDeclarations`).
        google_search: Google Search (wire `googleSearch`).
        code_execution: Python on the server (wire `codeExecution`).
        url_context: Reading of web pages (wire `urlContext`).
        google_maps: Google Maps (wire `googleMaps`).
        computer_use: Use of a computer's screen (wire `computerUse`).
        google_search_retrieval: Google Search, older form (wire `googleSearchRetrieval`).
        file_search: Search in uploaded files, Developer API only (wire `fileSearch`).
        mcp_servers: Remote MCP servers, Developer API only (wire `mcpServers`).
        retrieval: Your own corpora, Vertex AI only (wire `retrieval`).
        enterprise_web_search: Web search for enterprises, Vertex AI only (wire `enterpriseWebSearch`).
        parallel_ai_search: Search by Parallel, Vertex AI only (wire `parallelAiSearch`).
        exa_ai_search: Search by Exa, Vertex AI only (wire `exaAiSearch`).
    """

    function_declarations: tuple[FunctionDeclaration, ...] = field(default=(), converter=declarations)
    google_search: JSONObject | None = None
    code_execution: JSONObject | None = None
    url_context: JSONObject | None = None
    google_maps: JSONObject | None = None
    computer_use: JSONObject | None = None
    google_search_retrieval: JSONObject | None = None
    file_search: JSONObject | None = None
    mcp_servers: tuple[JSONObject, ...] = field(default=(), converter=json_objects)
    retrieval: JSONObject | None = None
    enterprise_web_search: JSONObject | None = None
    parallel_ai_search: JSONObject | None = None
    exa_ai_search: JSONObject | None = None


@frozen(kw_only=True, repr=False)
class FunctionCallingConfig(Compact):
    """Whether functions may be called (wire: `toolConfig.functionCallingConfig`).

    Attributes:
        mode: Default AUTO (wire `mode`).
        allowed_function_names: With ANY, the only ones allowed (wire `allowedFunctionNames`).
        stream_function_call_arguments: Arguments arrive in pieces, Vertex AI only
            (wire `streamFunctionCallArguments`).
    """

    mode: FunctionCallingMode | str | None = None
    allowed_function_names: tuple[str, ...] = field(default=(), converter=strings)
    stream_function_call_arguments: bool | None = None


@frozen(kw_only=True, repr=False)
class LatLng(Compact):
    """A place on Earth (wire: `latLng`).

    Attributes:
        latitude: Degrees, north positive (wire `latitude`).
        longitude: Degrees, east positive (wire `longitude`).
    """

    latitude: float
    longitude: float


@frozen(kw_only=True, repr=False)
class RetrievalConfig(Compact):
    """The place and the language of a search (wire: `toolConfig.retrievalConfig`).

    Attributes:
        lat_lng: The user's place (wire `latLng`).
        language_code: The user's language, BCP-47 (wire `languageCode`).
    """

    lat_lng: LatLng | None = None
    language_code: str | None = None


@frozen(kw_only=True, repr=False)
class ToolConfig(Compact):
    """Options for all tools (wire: `setup.toolConfig`; some back ends refuse it).

    Attributes:
        function_calling_config: Whether functions may be called (wire `functionCallingConfig`).
        retrieval_config: Where to search (wire `retrievalConfig`).
    """

    function_calling_config: FunctionCallingConfig | None = None
    retrieval_config: RetrievalConfig | None = None

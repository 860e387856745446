"""Addresses, headers, model names and credentials of the three back ends, and what the environment says."""

from __future__ import annotations

import attrs
import pytest

from livesession import ConfigurationError, FirebaseAI, GoogleAI, LiveGenerativeModel, VertexAI
from livesession.backends import backend_from_environment

GOOGLE = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
FIREBASE = "wss://firebasevertexai.googleapis.com/ws/google.firebase.vertexai.v1beta"


def vertex(**arguments: object) -> VertexAI:
    return VertexAI(**{"project": "p", "location": "us-central1", "token": "t", **arguments})


ADDRESSES = {
    "developer": (GoogleAI(api_key="k"), f"{GOOGLE}.v1beta.GenerativeService.BidiGenerateContent"),
    "developer v1alpha": (
        GoogleAI(api_key="k", api_version="v1alpha"),
        f"{GOOGLE}.v1alpha.GenerativeService.BidiGenerateContent",
    ),
    "ephemeral": (
        GoogleAI(api_key="auth_tokens/x"),
        f"{GOOGLE}.v1alpha.GenerativeService.BidiGenerateContentConstrained",
    ),
    "vertex region": (vertex(), f"wss://us-central1-aiplatform.googleapis.com{VERTEX}"),
    "vertex global": (vertex(location="global"), f"wss://aiplatform.googleapis.com{VERTEX}"),
    "vertex default": (vertex(location=None), f"wss://aiplatform.googleapis.com{VERTEX}"),
    "vertex us": (vertex(location="us"), f"wss://aiplatform.us.rep.googleapis.com{VERTEX}"),
    "vertex eu": (vertex(location="eu"), f"wss://aiplatform.eu.rep.googleapis.com{VERTEX}"),
    "vertex express": (VertexAI(api_key="k"), f"wss://aiplatform.googleapis.com{VERTEX}"),
    "vertex v1": (
        vertex(api_version="v1"),
        f"wss://us-central1-aiplatform.googleapis.com{VERTEX}".replace("v1beta1", "v1"),
    ),
    "vertex gateway": (VertexAI(base_url="https://gate.example/live?x=1"), "wss://gate.example/live?x=1"),
    "firebase google": (
        FirebaseAI(api_key="k", project="p"),
        f"{FIREBASE}.GenerativeService/BidiGenerateContent",
    ),
    "firebase vertex": (
        FirebaseAI(api_key="k", project="p", flavour="vertex"),
        f"{FIREBASE}.LlmBidiService/BidiGenerateContent/locations/us-central1",
    ),
    "base url": (
        GoogleAI(api_key="k", base_url="http://127.0.0.1:9/"),
        "ws://127.0.0.1:9/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
    ),
}


@pytest.mark.parametrize(("backend", "url"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_a_back_end_has_the_address_of_the_protocol(backend, url):
    assert backend.endpoint().url == url


MODELS = [
    (GoogleAI(api_key="k"), "gemini-x", "models/gemini-x"),
    (GoogleAI(api_key="k"), "models/gemini-x", "models/gemini-x"),
    (GoogleAI(api_key="k"), "tunedModels/mine", "tunedModels/mine"),
    (vertex(), "gemini-x", "projects/p/locations/us-central1/publishers/google/models/gemini-x"),
    (vertex(location=None), "gemini-x", "projects/p/locations/global/publishers/google/models/gemini-x"),
    (vertex(), "acme/x", "projects/p/locations/us-central1/publishers/acme/models/x"),
    (vertex(), "publishers/a/models/x", "projects/p/locations/us-central1/publishers/a/models/x"),
    (vertex(), "projects/q/locations/l/publishers/a/models/x", "projects/q/locations/l/publishers/a/models/x"),
    (vertex(), "models/x", "models/x"),
    (VertexAI(api_key="k"), "gemini-x", "publishers/google/models/gemini-x"),
    (VertexAI(base_url="wss://gate.example/"), "anything", "anything"),
    (FirebaseAI(api_key="k", project="p"), "gemini-x", "projects/p/models/gemini-x"),
    (FirebaseAI(api_key="k", project="p"), "models/gemini-x", "projects/p/models/gemini-x"),
    (
        FirebaseAI(api_key="k", project="p", flavour="vertex"),
        "gemini-x",
        "projects/p/locations/us-central1/publishers/google/models/gemini-x",
    ),
]


@pytest.mark.parametrize(("backend", "model", "resource"), MODELS)
def test_a_model_gets_the_resource_name_of_its_back_end(backend, model, resource):
    assert backend.model_resource(model) == resource


@pytest.mark.parametrize("model", ["", "../x", "a?b", "a&b", "a b", 5, None])
def test_what_cannot_be_the_name_of_a_model_is_refused(model):
    with pytest.raises(ConfigurationError, match="not the name of a model"):
        LiveGenerativeModel(model, backend=GoogleAI(api_key="k")).connect()


def headers(backend) -> dict[str, str]:
    return {name.lower(): value.reveal() for name, value in backend.endpoint().headers.items()}


AUTHENTICATION = {
    "api key": (GoogleAI(api_key="k"), {"x-goog-api-key": "k"}),
    "ephemeral token": (GoogleAI(api_key="auth_tokens/x"), {"authorization": "Token auth_tokens/x"}),
    "oauth token": (vertex(token="t"), {"authorization": "Bearer t"}),
    "express key": (VertexAI(api_key="k"), {"x-goog-api-key": "k"}),
    "own authorization": (
        VertexAI(project="p", headers={"Authorization": "Custom x"}),
        {"authorization": "Custom x"},
    ),
    "firebase": (
        FirebaseAI(api_key="k", project="p", app_id="1:2:web:3", app_check_token="c", auth_token=lambda: "u"),
        {
            "x-goog-api-key": "k",
            "x-firebase-appcheck": "c",
            "authorization": "Firebase u",
            "x-firebase-appid": "1:2:web:3",
        },
    ),
    "extra headers win": (GoogleAI(api_key="k", headers={"X-Goog-Api-Key": "other"}), {"x-goog-api-key": "other"}),
}


@pytest.mark.parametrize(("backend", "expected"), AUTHENTICATION.values(), ids=AUTHENTICATION.keys())
def test_credentials_go_out_in_headers(backend, expected):
    given = headers(backend)
    assert {name: given.get(name) for name in expected} == expected
    assert not set(given) & {"authorization", "x-goog-api-key", "x-firebase-appcheck"} - set(expected)


def test_the_address_never_holds_the_key():
    for backend in (GoogleAI(api_key="sesame"), VertexAI(api_key="sesame"), FirebaseAI(api_key="sesame", project="p")):
        assert "sesame" not in backend.endpoint().url


@pytest.mark.parametrize(
    "make",
    [
        lambda provider: GoogleAI(api_key=provider),
        lambda provider: VertexAI(project="p", token=provider),
        lambda provider: FirebaseAI(api_key="k", project="p", app_check_token=provider),
    ],
    ids=["google", "vertex", "firebase"],
)
def test_a_callable_is_asked_for_the_credential_at_every_connect(make):
    tokens = iter(["first", "second"])
    backend = make(lambda: next(tokens))
    assert any("first" in value for value in headers(backend).values())
    assert any("second" in value for value in headers(backend).values())


def test_a_callable_that_returns_no_text_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="returned no text"):
        GoogleAI(api_key=lambda: None).endpoint()


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_header_cannot_smuggle_in_another(value):
    with pytest.raises(ConfigurationError, match="X-Mine"):
        GoogleAI(api_key="k", headers={"X-Mine": value}).endpoint().check()


@pytest.mark.parametrize("given", [{"X-Trace": 5}, {5: "x"}, [("X-Trace", "5")]], ids=["value", "name", "pairs"])
def test_headers_that_are_no_text_are_refused_where_they_are_given(given):
    with pytest.raises(TypeError, match=r"header.*not (str and int|int and str|list)"):
        GoogleAI(api_key="k", headers=given)


def test_a_key_that_is_not_text_in_the_environment_is_a_configuration_error(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "k\udc80ey")  # a byte that is not UTF-8, as Python reads it
    with pytest.raises(ConfigurationError, match="x-goog-api-key"):
        GoogleAI().endpoint().check()


def test_an_address_that_would_break_the_request_line_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="WebSocket address"):
        GoogleAI(api_key="k", base_url="wss://gate.example/a b").endpoint().check()


@pytest.mark.parametrize("key", ["k\n", lambda: " k\r\n"], ids=["given", "asked for"])
def test_white_space_round_a_key_such_as_that_of_a_file_is_left_out(key):
    assert headers(GoogleAI(api_key=key))["x-goog-api-key"] == "k"


class EmptyVault(dict):
    """Is asked for a key, and false as long as it holds nothing."""

    def __call__(self) -> str:
        return "k"


def test_a_callable_that_counts_as_false_is_asked_all_the_same():
    assert headers(GoogleAI(api_key=EmptyVault()))["x-goog-api-key"] == "k"


@pytest.mark.parametrize("key", [" ", lambda: "\n"], ids=["given", "asked for"])
def test_a_key_of_white_space_is_none(key, monkeypatch):
    with pytest.raises(ConfigurationError, match=r"no API key|returned no text"):
        GoogleAI(api_key=key).endpoint()


def test_a_port_that_cannot_be_is_named():
    with pytest.raises(ConfigurationError, match=r"localhost:99999.*Port out of range"):
        GoogleAI(api_key="k", base_url="http://localhost:99999").endpoint().check()


def test_without_a_key_the_error_says_where_to_get_one():
    with pytest.raises(ConfigurationError, match="GEMINI_API_KEY"):
        GoogleAI()


ENVIRONMENTS = {
    "GEMINI_API_KEY": ({"GEMINI_API_KEY": "g"}, "generativelanguage", {"x-goog-api-key": "g"}),
    "GOOGLE_API_KEY wins": (
        {"GEMINI_API_KEY": "g", "GOOGLE_API_KEY": "o"},
        "generativelanguage",
        {"x-goog-api-key": "o"},
    ),
    "vertex with a key": (
        {"GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_API_KEY": "o"},
        "//aiplatform.googleapis",
        {"x-goog-api-key": "o"},
    ),
    "vertex with the developer's key": (
        {"GOOGLE_GENAI_USE_VERTEXAI": "true", "GEMINI_API_KEY": "g"},
        "//aiplatform.googleapis",
        {"x-goog-api-key": "g"},
    ),
    "enterprise wins": (
        {"GOOGLE_GENAI_USE_ENTERPRISE": "0", "GOOGLE_GENAI_USE_VERTEXAI": "true", "GEMINI_API_KEY": "g"},
        "generativelanguage",
        {"x-goog-api-key": "g"},
    ),
    "base url": (
        {"GEMINI_API_KEY": "g", "GOOGLE_GEMINI_BASE_URL": "https://gate.example"},
        "wss://gate.example/ws",
        {},
    ),
    "vertex base url": (
        {"GOOGLE_GENAI_USE_VERTEXAI": "1", "GOOGLE_VERTEX_BASE_URL": "wss://gate.example/x"},
        "wss://gate.example/x",
        {},
    ),
}


@pytest.mark.parametrize(("variables", "address", "expected"), ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_the_environment_says_which_back_end(monkeypatch, variables, address, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    backend = backend_from_environment()
    assert address in backend.endpoint().url
    given = headers(backend)
    assert {name: given.get(name) for name in expected} == expected


def test_project_and_location_of_the_environment_beat_its_key_on_vertex(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west4")
    monkeypatch.setenv("GOOGLE_API_KEY", "k")
    backend = VertexAI(token="t")
    assert "//europe-west4-aiplatform" in backend.endpoint().url
    assert headers(backend)["authorization"] == "Bearer t"
    assert backend.model_resource("m").startswith("projects/p/locations/europe-west4/")


def test_a_key_given_beats_project_and_location_of_the_environment(monkeypatch):
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "europe-west4")
    backend = VertexAI(api_key="k")
    assert "//aiplatform.googleapis" in backend.endpoint().url
    assert backend.model_resource("m") == "publishers/google/models/m"


def test_google_default_credentials_are_used_on_vertex(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(ConfigurationError, match="gcloud auth"):
        VertexAI(project="p").endpoint()


@pytest.mark.parametrize("given", [{"api_key": "", "project": "p"}, {"api_key": None, "project": "p"}])
def test_a_firebase_app_without_a_key_is_refused(given):
    with pytest.raises(ConfigurationError, match="no API key: pass FirebaseAI"):
        FirebaseAI(**given)


@pytest.mark.parametrize("project", ["", None])
def test_a_firebase_app_without_a_project_is_refused(project):
    with pytest.raises(ConfigurationError, match="no project: pass FirebaseAI"):
        FirebaseAI(api_key="k", project=project)


EVOLVED = {
    "developer": GoogleAI(api_key="k", headers={"X-A": "1"}, proxy="http://user:secret@127.0.0.1:9"),
    "developer, asked": GoogleAI(api_key=lambda: "k"),
    "vertex": VertexAI(project="p", token="t"),
    "vertex express": VertexAI(api_key="k"),
    "firebase": FirebaseAI(api_key="k", project="p", app_check_token="a", auth_token=lambda: "t"),
}


@pytest.mark.parametrize("backend", EVOLVED.values(), ids=EVOLVED.keys())
def test_a_back_end_can_be_had_again_with_one_thing_changed(backend):
    other = attrs.evolve(backend, base_url="ws://127.0.0.1:9")
    assert headers(other) == headers(backend)
    assert other.endpoint().url.startswith("ws://127.0.0.1:9/")


@pytest.mark.parametrize(("flavour", "in_parts"), [("google", True), ("vertex", False)])
def test_firebase_takes_answers_as_the_service_behind_it_does(flavour, in_parts):
    backend = FirebaseAI(api_key="k", project="p", flavour=flavour)
    assert backend.takes_answers_in_parts is in_parts


def test_a_back_end_is_a_value():
    assert GoogleAI(api_key="k", base_url="ws://a") == GoogleAI(api_key="k", base_url="ws://a")

"""Paths and credentials of every back end, judged without a socket and then over one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from livesession.emulator import LiveEmulator
from livesession.emulator.protocol.refusal import CloseRefusal, HttpRefusal
from livesession.emulator.protocol.routes import admit, find_route, read_credentials

GOOGLE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
ALPHA = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
FIREBASE = "/ws/google.firebase.vertexai.v1beta.GenerativeService/BidiGenerateContent"
FIREBASE_VERTEX = "/ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/global"


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        (GOOGLE, "google"),
        ("/" + GOOGLE, "google"),
        (ALPHA + "Constrained?access_token=auth_tokens/x", "google"),
        (VERTEX, "vertex"),
        ("//" + VERTEX.replace("/Bidi", "//Bidi"), "vertex"),
        (VERTEX.replace("v1beta1", "v1"), "vertex"),
        (FIREBASE, "firebase"),
        (FIREBASE_VERTEX, "firebase-vertex"),
        ("/", "vertex"),
        ("", "vertex"),
    ],
)
def test_a_path_leads_to_its_back_end(target, kind):
    route = find_route(target)
    assert route is not None
    assert route.kind == kind


@pytest.mark.parametrize("target", ["/ws", GOOGLE + "/", GOOGLE.replace(".Bidi", "/Bidi"), "/x" + GOOGLE, "/models"])
def test_any_other_path_leads_nowhere(target):
    assert find_route(target) is None


ADMITTED = [
    (GOOGLE + "?key=k", {}),
    (GOOGLE, {"x-goog-api-key": "k"}),
    (GOOGLE, {"authorization": "Bearer k"}),
    (ALPHA + "Constrained?access_token=auth_tokens/t", {}),
    (GOOGLE + "Constrained", {"authorization": "Token auth_tokens/t"}),
    (VERTEX, {"authorization": "Bearer k"}),
    (VERTEX, {"x-goog-api-key": "k"}),
    (FIREBASE + "?key=k", {"authorization": "Firebase id-token", "x-firebase-appcheck": "a"}),
    (FIREBASE_VERTEX, {"x-goog-api-key": "k"}),
    ("/", {}),
]


@pytest.mark.parametrize(("target", "headers"), ADMITTED)
def test_every_way_of_authenticating_is_let_in(target, headers):
    route = find_route(target)
    assert route is not None
    accepted = ["k", "auth_tokens/t"]
    assert admit(route, read_credentials(target, headers), None) is None
    assert admit(route, read_credentials(target, headers), accepted) is None


REFUSED: list[tuple[str, dict[str, str], int]] = [
    (GOOGLE, {}, 403),
    (GOOGLE + "?key=", {}, 403),
    (GOOGLE + "?key=other", {}, 1007),
    (GOOGLE, {"authorization": "Token auth_tokens/t"}, 1008),
    (GOOGLE + "?key=auth_tokens/t", {}, 1007),
    (GOOGLE + "Constrained?key=k", {}, 1008),
    (VERTEX, {}, 401),
    (VERTEX, {"authorization": "Bearer other"}, 401),
    (VERTEX, {"authorization": "Basic k"}, 401),
    (FIREBASE, {"authorization": "Firebase id-token"}, 403),
    (FIREBASE, {"x-goog-api-key": "other"}, 1007),
]


@pytest.mark.parametrize(("target", "headers", "code"), REFUSED)
def test_wrong_and_missing_credentials_are_refused(target, headers, code):
    route = find_route(target)
    assert route is not None
    verdict = admit(route, read_credentials(target, headers), ["k", "auth_tokens/t"])
    assert isinstance(verdict, (HttpRefusal, CloseRefusal))
    assert code == (verdict.status if isinstance(verdict, HttpRefusal) else verdict.code)


@pytest.mark.parametrize(("target", "status"), [("/nowhere", 404), (GOOGLE, 403), (VERTEX, 401)])
def test_a_refused_upgrade_has_a_status_and_an_error_in_json(emulator, target, status):
    with pytest.raises(InvalidStatus) as refused:
        connect(emulator.url + target, proxy=None)
    assert refused.value.response.status_code == status
    assert json.loads(refused.value.response.body)["error"]["code"] == status


def test_a_wrong_key_is_a_close_right_after_the_upgrade():
    with (
        LiveEmulator(api_keys=["right"]) as emulator,
        connect(f"{emulator.url}{GOOGLE}?key=wrong", proxy=None) as socket,
        pytest.raises(ConnectionClosed) as closed,
    ):
        socket.recv(timeout=5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007
    assert closed.value.rcvd.reason == "API key not valid. Please pass a valid API key."


def test_the_bare_url_is_vertex_without_credentials_and_any_model_name(emulator):
    with connect(emulator.url, proxy=None) as socket:
        socket.send('{"setup": {"model": "gemini"}}')
        answer: dict[str, Any] = json.loads(socket.recv(timeout=5))
    assert answer["setupComplete"]["sessionId"]

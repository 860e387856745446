"""Every error that the public API can be made to raise, and every log record on the way: none shows a secret."""

from __future__ import annotations

import json
import logging

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from livesession import ConfigurationError, LiveGenerativeModel, VertexAI
from tests.environments.leaks import KINDS, SECRET, Kind, Provocation, everything_shown, raised, where_shown
from tests.environments.programs import run_live
from tests.environments.provocations import FOR_EACH_KIND, FOR_ONE_KIND
from tests.kit.servers import RawPeer, raw_server

pytestmark = pytest.mark.slow

CASES = [
    *(pytest.param(provocation, KINDS.values(), id=name) for name, provocation in FOR_EACH_KIND.items()),
    *(pytest.param(provocation, [KINDS["Firebase"]], id=name) for name, provocation in FOR_ONE_KIND.items()),
]


@pytest.mark.parametrize(("provoke", "kinds"), CASES)
def test_no_error_and_no_log_record_shows_a_secret(
    provoke: Provocation, kinds: list[Kind], caplog, capfd, recwarn, monkeypatch
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "livesession")
    monkeypatch.setattr(logging.getLogger("websockets"), "propagate", False)  # of the servers here
    for kind in kinds:
        errors = provoke(kind)
        assert errors
        for error in errors:
            assert not where_shown(everything_shown(error)), f"{error!r}"
    formatter = logging.Formatter("%(message)s")
    for record in caplog.records:
        assert not where_shown(formatter.format(record) + str(vars(record)))
    assert not any(where_shown(str(each.message)) for each in recwarn)
    assert not where_shown("".join(capfd.readouterr()))


def test_no_error_in_a_forked_child_shows_a_secret(plain_place):
    code = """
        import warnings
        from tests.environments.leaks import KINDS, SECRET, everything_shown, raised
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons: fork among threads

        for kind in KINDS.values():
            with LiveGenerativeModel("m", backend=kind(sys.argv[1])).connect() as session:
                child = os.fork()
                if child == 0:
                    methods = (session.receive, session.close, session.resume_session, lambda: session.ask("x"))
                    errors = [raised(method) for method in methods]
                    os._exit(3 if not any(SECRET in everything_shown(error) for error in errors) else 4)
                say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """
    assert set(run_live(code, plain_place.url).lines) == {"3"}


def credentials_file(**fields: str) -> str:
    return json.dumps({"type": "service_account", "project_id": "p", "private_key_id": "1", **fields})


def test_a_file_of_default_credentials_that_cannot_be_used_shows_none_of_its_secrets(tmp_path, monkeypatch):
    path = tmp_path / "credentials.json"
    path.write_text(credentials_file(private_key=SECRET))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    error = raised(LiveGenerativeModel("m", backend=VertexAI(project="p")).connect)
    assert isinstance(error, ConfigurationError)
    assert not where_shown(everything_shown(error))


def test_default_credentials_that_cannot_be_refreshed_show_no_token(tmp_path, monkeypatch):
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    path = tmp_path / "credentials.json"

    def refuse(peer: RawPeer) -> None:
        peer.read_request()
        peer.answer("400 Bad Request", b'{"error": "invalid_grant"}')

    with raw_server(refuse) as server:
        token_uri = server.url.replace("ws", "http")
        path.write_text(credentials_file(private_key=pem, client_email="a@p", token_uri=token_uri))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        monkeypatch.setenv("no_proxy", "*")
        error = raised(LiveGenerativeModel("m", backend=VertexAI(project="p")).connect)
    assert "invalid_grant" in str(error)
    shown = everything_shown(error)
    assert "PRIVATE KEY" not in shown
    assert "assertion" not in shown  # the signed request, as good as a token for an hour

"""The tools of a real MCP server, `mcp_server.py`, which runs as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import livesession
from livesession import (
    ConfigurationError,
    FunctionResponse,
    LiveClientSetup,
    MissingExtraError,
    Tool,
    ToolCancelled,
    ToolError,
)
from livesession.codec import encode
from livesession.tools.cancel_token import CancelSource, CancelToken
from livesession.tools.mcp import McpServer, mcp_connection, mcp_log
from livesession.tools.mcp.mcp_server import McpError, accepted_names
from tests.hazards.common import own_threads
from tests.kit.waiting import PATIENCE, InThread, wait_until

pytest.importorskip("mcp")

SERVER = Path(__file__).with_name("mcp_server.py")
SILENT = "echo $$ > pid; cat > /dev/null; exit"  # not in place of the shell, which keeps stdout open
STUBBORN = "echo $$ > pid; trap '' TERM; while :; do sleep 1; done"


def new_server(*args, **options) -> McpServer:
    return McpServer(sys.executable, SERVER, *args, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cwd")


@pytest.fixture(scope="module")
def server(folder):
    """A server for tests that leave it as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOT_YOURS", "secret")
        with new_server(env={"WORD": "swordfish"}, cwd=folder) as server:
            yield server


@pytest.fixture
def own_server():
    """A server for a test that breaks it."""
    with new_server() as server:
        yield server


def call(server, name, token=None, /, **arguments):
    tools = {tool.declaration.name: tool for tool in server.tools}
    return tools[name].run(arguments, token or CancelToken())


def is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    return True


def process_of(folder) -> str:
    """The process that a script says that it is, once it has."""
    wait_until(lambda: (folder / "pid").exists() and (folder / "pid").read_text().endswith("\n"))
    return (folder / "pid").read_text()


def from_script(script: str, cwd, **options) -> McpServer:
    return McpServer("sh", "-c", script, cwd=cwd, **options)


# Calls.


def test_a_tool_is_called_and_answers_with_its_text(server):
    assert call(server, "add", a=1, b=2) == "3"


def test_a_tool_is_declared_with_the_description_and_the_schema_of_the_server_unchanged(server):
    add = server.tools[0].declaration
    sent = json.loads(encode(LiveClientSetup(model="m", tools=[Tool(function_declarations=[add])])))
    assert sent["setup"]["tools"][0]["functionDeclarations"] == [
        {
            "name": "add",
            "description": "Adds two numbers.",
            "parametersJsonSchema": {
                "type": "object",
                "title": "addArguments",
                "properties": {
                    "a": {"type": "integer", "title": "A"},
                    "b": {"type": "integer", "title": "B"},
                    "unit": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Unit"},
                },
                "required": ["a", "b"],
            },
        }
    ]


def test_a_structured_answer_is_passed_on_as_it_is(server):
    assert call(server, "weather", city="Oslo") == {"city": "Oslo", "degrees": 21}


def test_several_texts_are_a_list(server):
    assert call(server, "lines") == ["one", "two"]


def test_no_content_is_none(server):
    assert call(server, "nothing") is None


def test_an_image_is_a_part_beside_the_text(server):
    answer = call(server, "picture")
    assert isinstance(answer, FunctionResponse)
    assert answer.response == {"output": "a pixel"}
    blob = answer.parts[0].inline_data
    assert (blob.mime_type, blob.data) == ("image/png", b"\x89PNG not really")


def test_a_tool_that_fails_raises_what_the_server_says(server):
    with pytest.raises(ToolError, match="the disk is full"):
        call(server, "fail")


def test_arguments_that_do_not_fit_raise_what_the_server_says(server):
    with pytest.raises(ToolError, match="a valid integer"):
        call(server, "add", a="x", b=2)


def test_an_answer_that_is_not_what_the_server_said_it_would_be_is_an_error():
    with new_server("pages") as server, pytest.raises(McpError, match=r"call of 'tool_1'.*warm") as raised:
        call(server, "tool_1")
    assert raised.value.__cause__ is not None


def test_a_call_that_the_server_refuses_raises_with_its_reason_and_the_cause(server):
    with pytest.raises(McpError, match="refused the call of 'refuse': not today") as raised:
        call(server, "refuse")
    assert raised.value.__cause__ is not None


def test_a_call_does_not_wait_for_another(server, tmp_path):
    source = CancelSource()
    token = CancelToken(source)
    sleeping = InThread(lambda: call(server, "sleep", token, folder=str(tmp_path)))
    wait_until((tmp_path / "begun").exists)
    assert call(server, "add", a=1, b=2) == "3"
    source.cancel("the test is over")
    with pytest.raises(ToolCancelled):
        sleeping.result()


# Cancellation.


def test_a_cancelled_call_ends_at_once_and_the_server_is_told(server, tmp_path):
    source = CancelSource()
    token = CancelToken(source)
    sleeping = InThread(lambda: call(server, "sleep", token, folder=str(tmp_path)))
    wait_until((tmp_path / "begun").exists)
    source.cancel("the user cut in")
    with pytest.raises(ToolCancelled, match="the user cut in"):
        sleeping.result()
    wait_until((tmp_path / "cancelled").exists)


def test_a_call_whose_token_is_set_already_raises(server):
    source = CancelSource()
    token = CancelToken(source)
    source.cancel("too late")
    with pytest.raises(ToolCancelled, match="too late"):
        call(server, "add", token, a=1, b=2)


def test_ctrl_c_ends_a_call_and_the_server_is_told(server, tmp_path):
    def interrupt():
        wait_until((tmp_path / "begun").exists)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    interrupting = InThread(interrupt)
    with pytest.raises(KeyboardInterrupt):
        call(server, "sleep", folder=str(tmp_path))
    interrupting.result()
    wait_until((tmp_path / "cancelled").exists)


# How it is started.


def test_the_environment_holds_what_was_given_and_not_what_is_in_this_one(server):
    assert call(server, "variable", name="WORD") == "swordfish"
    assert call(server, "variable", name="NOT_YOURS") == ""


def test_it_starts_in_the_folder_that_was_given(server, folder):
    assert call(server, "folder") == str(folder)


def test_tools_that_are_listed_in_pages_are_all_there_and_have_the_prefix():
    with new_server("pages", prefix="files.") as server:
        assert [tool.declaration.name for tool in server.tools] == ["files.tool_1", "files.tool_2", "files.tool_3"]


def test_names_that_the_live_api_does_not_take_are_replaced_and_stay_apart(server):
    assert call(server, "notes_read") == "slash"
    assert call(server, "notes_read_2") == "space"


@pytest.mark.parametrize(
    ("names", "accepted"),
    [
        (["a.b:c-d_9"], ["a.b:c-d_9"]),
        (["9", "-", "é"], ["_9", "_-", "_"]),
        (["a/b", "a b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
        (["x" * 200, "x" * 128], ["x" * 128, "x" * 123 + "_2"]),
    ],
)
def test_accepted_names_are_unique_and_not_too_long(names, accepted):
    assert accepted_names(names) == accepted


def test_it_starts_only_once(server):
    with pytest.raises(McpError, match="started before"):
        server.start()


def test_tools_before_the_start_say_to_use_with():
    with pytest.raises(McpError, match="use `with"):
        new_server().tools  # noqa: B018


def test_close_before_the_start_does_nothing():
    new_server().close()


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), True])
def test_a_timeout_that_is_none_is_refused(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        new_server(timeout=timeout)


@pytest.mark.parametrize("wrong", [{"env": {"PORT": 8080}}, {"cwd": 5}])
def test_options_of_the_wrong_type_are_refused(wrong):
    with pytest.raises(TypeError):
        new_server(**wrong)


@pytest.mark.parametrize("installed", [None, types.ModuleType("mcp")], ids=["none", "one before 2.0"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch, installed):
    monkeypatch.setitem(sys.modules, "mcp", installed)
    with pytest.raises(MissingExtraError, match=r"livesession\[mcp\]"):
        new_server().start()


# How it does not start.


def test_a_command_that_does_not_exist_is_named():
    before = own_threads()
    with pytest.raises(McpError, match="No such file or directory: 'no-such-command'") as raised:
        McpServer("no-such-command").start()
    assert isinstance(raised.value.__cause__, FileNotFoundError)
    assert own_threads() == before


def test_a_server_that_ends_at_once_is_shown_with_what_it_wrote_and_without_its_environment():
    before = own_threads()
    with pytest.raises(McpError, match=r"Connection closed(?s:.)*broken\.py(?s:.)*the config is missing") as raised:
        McpServer("sh", "-c", "echo the config is missing >&2", "broken.py", env={"WORD": "swordfish"}).start()
    assert raised.value.log == "the config is missing"
    assert "swordfish" not in str(raised.value)
    assert own_threads() == before


def test_a_server_that_never_answers_is_ended_after_the_time_limit(tmp_path):
    before = own_threads()
    with pytest.raises(McpError, match=r"no list of tools within 0\.5 s"):
        from_script(SILENT, tmp_path, timeout=0.5).start()
    assert not is_running(process_of(tmp_path))
    assert own_threads() == before


def test_close_while_it_starts_ends_that(tmp_path):
    server = from_script(SILENT, tmp_path)
    starting = InThread(server.start)
    process_of(tmp_path)
    server.close()
    with pytest.raises(McpError, match="it was closed"):
        starting.result()
    assert not is_running(process_of(tmp_path))


def test_ctrl_c_while_it_starts_leaves_nothing(tmp_path):
    def interrupt():
        process_of(tmp_path)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    before = own_threads()
    interrupting = InThread(interrupt)
    with pytest.raises(KeyboardInterrupt):
        from_script(SILENT, tmp_path).start()
    interrupting.result()
    assert not is_running(process_of(tmp_path))
    assert own_threads() == before


# How it ends.


def test_a_server_that_dies_in_a_call_is_an_error_there_and_at_every_later_call(own_server):
    with pytest.raises(McpError, match="'die' gives no answer") as raised:
        call(own_server, "die")
    assert raised.value.log.endswith("out of memory")
    with pytest.raises(McpError, match="'add' gives no answer"):
        call(own_server, "add", a=1, b=2)


def test_close_leaves_no_process_and_no_thread():
    before = own_threads()
    with new_server() as server:
        process = call(server, "process")
        assert is_running(process)
    assert not is_running(process)
    assert own_threads() == before


def test_close_raises_in_the_calls_that_run_and_in_later_ones(own_server, tmp_path):
    sleeping = InThread(lambda: call(own_server, "sleep", folder=str(tmp_path)))
    wait_until((tmp_path / "begun").exists)
    InThread(own_server.close).result()
    own_server.close()
    with pytest.raises(McpError, match="'sleep' gives no answer"):
        sleeping.result()
    with pytest.raises(McpError, match="'add' gives no answer"):
        call(own_server, "add", a=1, b=2)


@pytest.mark.slow
def test_a_server_that_does_not_want_to_end_is_ended_in_time(tmp_path):
    server = from_script(STUBBORN, tmp_path)
    starting = InThread(server.start)
    process_of(tmp_path)
    begun = time.monotonic()
    server.close()
    assert time.monotonic() - begun < mcp_connection.CLOSE_TIMEOUT + 0.5
    with pytest.raises(McpError):
        starting.result()
    assert not is_running(process_of(tmp_path))


PROGRAM = """
import sys
from livesession.tools.mcp import McpServer

server = McpServer("sh", "-c", '"$@"; echo > ended', "sh", *sys.argv[1:])
server.start()
print(len(server.tools) > 0)
"""


def test_a_program_that_does_not_close_it_ends_and_the_server_with_it(tmp_path):
    command = [sys.executable, "-W", "error", "-c", PROGRAM, sys.executable, str(SERVER)]
    environment = {**os.environ, "PYTHONPATH": str(Path(livesession.__file__).parents[1])}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, env=environment, cwd=tmp_path, check=True
    )
    assert (done.stdout, done.stderr) == ("True\n", "")
    wait_until((tmp_path / "ended").exists)


def test_what_a_server_writes_does_not_pile_up(monkeypatch):
    monkeypatch.setattr(mcp_log, "MOST_BYTES", 1_000)
    monkeypatch.setattr(mcp_connection, "LOG_CHECK", 0.01)

    def log() -> str:
        with pytest.raises(McpError) as raised:
            call(server, "refuse")
        return raised.value.log

    with new_server() as server:
        call(server, "write_error", text="x" * 100, times=100)
        wait_until(lambda: "x" not in log())
        call(server, "write_error", text="still there", times=1)
        assert log().endswith("still there")


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_call_in_a_forked_process_raises_at_once_and_the_parent_goes_on(server):
    process = os.fork()
    if process == 0:
        signal.alarm(int(PATIENCE))  # a child that waits is not to outlive the tests
        try:
            call(server, "add", a=1, b=2)
        except McpError as error:
            os._exit(7 if "forked" in str(error) else 1)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
    assert call(server, "add", a=1, b=2) == "3"

"""`livesession chat`, on a terminal of its own, with Ctrl-C from the keyboard."""

from __future__ import annotations

from tests.kit.servers import script_server

LONG = "a long sentence that takes the emulator many seconds to speak, word by word, until somebody stops it"


def test_an_answer_streams_and_the_prompt_comes_back(terminal):
    chat = terminal("chat")
    chat.wait_for("No GEMINI_API_KEY: this is the built-in emulator")
    chat.wait_for("> ")
    chat.type("hello there\n")
    chat.wait_for("You said: hello there\n> ")
    chat.type("/quit\n")
    assert chat.end() == 0, chat.output


def test_ctrl_c_stops_an_answer_and_the_next_question_gets_its_own(terminal):
    chat = terminal("chat")
    chat.wait_for("> ")
    chat.type(f"{LONG}\n")
    chat.wait_for("You said: a long")
    chat.interrupt()
    chat.wait_for("(stopped)")
    chat.wait_for("\n> ")
    chat.type("and now\n")
    chat.wait_for("You said: and now\n> ")
    assert "somebody stops it" not in chat.output.replace(LONG, "")
    assert chat.interrupt_at_prompt() == 130, chat.output


def test_a_second_ctrl_c_leaves_a_model_that_does_not_stop(terminal):
    def deaf(peer):
        peer.accept()
        peer.read()
        peer.send({"serverContent": {"outputTranscription": {"text": "on and on"}}})
        peer.wait_for_end()

    with script_server(deaf) as server:
        chat = terminal("chat", GEMINI_API_KEY="k", GOOGLE_GEMINI_BASE_URL=server.url)
        chat.wait_for("> ")
        chat.type("hello\n")
        chat.wait_for("on and on")
        chat.interrupt()
        chat.wait_for("(stopped)")
        chat.interrupt()
        assert chat.end() == 130, chat.output
    assert "Traceback" not in chat.output


def test_ctrl_d_leaves(terminal):
    chat = terminal("chat")
    chat.wait_for("> ")
    chat.type("\x04")
    assert chat.end() == 0, chat.output


def test_lines_break_between_words(terminal):
    chat = terminal("chat", columns=20)
    chat.wait_for("> ")
    chat.type("one two three\n")
    chat.wait_for("You said: one two\nthree\n> ")
    chat.type("/quit\n")
    assert chat.end() == 0, chat.output


def test_no_colour_where_it_is_not_wanted(terminal):
    chat = terminal("chat", NO_COLOR="1")
    chat.wait_for("emulator")
    chat.wait_for("> ")
    assert "\x1b[33m" not in chat.output
    chat.type("/quit\n")
    assert chat.end() == 0, chat.output


def test_a_session_that_the_server_ends_is_one_line(terminal):
    def ends(peer):
        peer.accept()
        peer.read()
        peer.close(1011, "Internal error encountered.")

    with script_server(ends) as server:
        chat = terminal("chat", GEMINI_API_KEY="secret-key", GOOGLE_GEMINI_BASE_URL=server.url)
        chat.wait_for("> ")
        chat.type("hello\n")
        chat.wait_for("Error: ")
        assert chat.end() == 1
    assert "Internal error encountered." in chat.output
    assert "Traceback" not in chat.output
    assert "secret-key" not in chat.output


def test_a_model_that_refuses_client_content_is_talked_to_and_stopped_in_realtime(terminal):
    received = []

    def script(peer):
        peer.accept()
        received.append(peer.read())
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "on and on"}]}}})
        received.append(peer.read())
        peer.send({"serverContent": {"interrupted": True}}, {"serverContent": {"turnComplete": True}})
        peer.send({"serverContent": {"modelTurn": {"parts": [{"text": "yes"}]}}})
        peer.send({"serverContent": {"turnComplete": True}})
        peer.wait_for_end()

    with script_server(script) as server:
        chat = terminal("chat", "--realtime-text", GEMINI_API_KEY="k", GOOGLE_GEMINI_BASE_URL=server.url)
        chat.wait_for("> ")
        chat.type("first\n")
        chat.wait_for("on and on")
        chat.interrupt()
        chat.wait_for("(stopped)")
        chat.wait_for("\n> ")
        chat.type("second\n")
        chat.wait_for("yes\n> ")
        chat.type("/quit\n")
        assert chat.end() == 0, chat.output
    assert received == [{"realtimeInput": {"text": "first"}}, {"realtimeInput": {"text": "second"}}]


def test_in_a_pipe_there_is_no_prompt_and_no_escape_sequence(run):
    done = run("chat", input="\n one \n")
    assert done.returncode == 0
    assert done.stdout.splitlines()[2:] == ["You said: one"]
    assert "\x1b" not in done.stdout + done.stderr

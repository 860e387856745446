"""Scripted answers: which turn gets which, how often, and what a strict emulator makes of the others."""

from __future__ import annotations

import re

import pytest

from livesession.emulator import LiveEmulator, ToolCall, UserTurn

FUNCTION = {"name": "get_weather"}
TOOLS = {"tools": [{"functionDeclarations": [FUNCTION]}]}
NON_BLOCKING = {"tools": [{"functionDeclarations": [{**FUNCTION, "behavior": "NON_BLOCKING"}]}]}


@pytest.fixture
def ask(dial, read):
    """Says something on a new connection; gives the text of the answer."""

    def ask(emulator, text, client=None):
        client = client or dial(emulator)
        client.say(text)
        return read.texts(client.turn())

    return ask


@pytest.fixture
def strict():
    """A strict emulator, whose end is not looked at."""
    emulator = LiveEmulator(strict=True).start()
    yield emulator
    emulator.stop()


def respond(client, **response):
    """Answers the call that comes next."""
    call = client.until("toolCall")[-1]["toolCall"]["functionCalls"][0]
    client.send({"toolResponse": {"functionResponses": [{"id": call["id"], "name": call["name"], **response}]}})


def test_a_text_that_is_equal_to_the_letter_gets_its_answer(emulator, ask):
    emulator.on_text("Hi").reply("Hello!")
    assert [ask(emulator, text) for text in ("Hi", "hi", "Hi!")] == ["Hello!", "You said: hi", "You said: Hi!"]


def test_a_pattern_is_searched_for_in_the_text(emulator, ask):
    emulator.on_text(re.compile("weather", re.IGNORECASE)).reply("Sunny.")
    assert ask(emulator, "What is the Weather like?") == "Sunny."


def test_a_function_of_the_text_says_whether_it_is_meant(emulator, ask):
    emulator.on_text(str.isupper).reply("Do not shout.")
    assert [ask(emulator, "HELLO"), ask(emulator, "hello")] == ["Do not shout.", "You said: hello"]


def test_realtime_text_is_text_too(emulator, dial, read):
    emulator.on_text("Hi").reply("Hello!")
    client = dial(emulator)
    client.send({"realtimeInput": {"text": "Hi"}})
    assert read.texts(client.turn()) == "Hello!"


def test_speech_gets_its_answer_whatever_was_said(emulator, dial, read, speech, silence):
    emulator.on_text("").reply("not this one")
    emulator.on_speech().reply("I hear you.")
    client = dial(emulator)
    client.speak(speech + silence(1.5))
    assert read.texts(client.turn()) == "I hear you."


def test_of_two_that_fit_the_newer_one_answers(emulator, ask):
    emulator.on_text("Hi").reply("old")
    emulator.on_text(re.compile("H")).reply("new")
    assert ask(emulator, "Hi") == "new"


def test_on_any_answers_where_nothing_else_fits_however_new_it_is(emulator, ask):
    emulator.on_text("Hi").reply("Hello!")
    emulator.on_any().reply("What?")
    assert [ask(emulator, "Hi"), ask(emulator, "Ho")] == ["Hello!", "What?"]


def test_next_time_another_answer_is_given_and_the_last_one_from_then_on(emulator, ask):
    emulator.on_text("Hi").reply("one").next_time().reply("two")
    assert [ask(emulator, "Hi") for _ in range(3)] == ["one", "two", "two"]


def test_times_is_how_often_it_is_answered(emulator, ask):
    emulator.on_text("Hi").reply("as a rule")
    emulator.on_text("Hi", times=2).reply("twice")
    assert [ask(emulator, "Hi") for _ in range(3)] == ["twice", "twice", "as a rule"]


def test_what_nothing_was_said_of_yet_is_not_scripted(emulator, ask):
    emulator.on_text("Hi")
    assert ask(emulator, "Hi") == "You said: Hi"


def test_replies_in_a_chain_are_one_answer(emulator, ask):
    emulator.on_text("Hi").reply("Hello, ").reply("world")
    assert ask(emulator, "Hi") == "Hello, world"


def test_a_reply_of_nothing_is_an_empty_turn(emulator, ask):
    emulator.on_text("Hi").reply()
    assert ask(emulator, "Hi") == ""


def test_audio_is_what_is_heard_and_the_text_its_transcription(emulator, dial, read):
    pcm = bytes(range(200)) * 10
    emulator.on_text("Sing").reply("La la", audio=pcm)
    client = dial(emulator, generationConfig={}, outputAudioTranscription={})
    client.say("Sing")
    messages = client.turn()
    assert read.audio(messages) == pcm
    assert messages[0] == {"serverContent": {"outputTranscription": {"text": "La la"}}}


def test_what_follows_a_tool_call_waits_for_its_answer(emulator, dial, read):
    emulator.on_text("Weather?").reply("Let me see.", tool_call=ToolCall("get_weather", {"city": "Rome"})).reply("Sun.")
    client = dial(emulator, **TOOLS)
    client.say("Weather?")
    before = client.until("toolCall")
    assert read.texts(before) == "Let me see."
    call = before[-1]["toolCall"]["functionCalls"][0]
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Rome"})
    client.send({"toolResponse": {"functionResponses": [{"id": call["id"], "name": call["name"], "response": {}}]}})
    assert read.texts(client.turn()) == "Sun."


def test_several_calls_go_out_in_one_message(emulator, dial):
    emulator.on_text("Weather?").reply(tool_call=[ToolCall("get_weather", {"city": city}) for city in ("Rome", "Oslo")])
    client = dial(emulator, **TOOLS)
    client.say("Weather?")
    calls = client.until("toolCall")[-1]["toolCall"]["functionCalls"]
    assert [call["args"]["city"] for call in calls] == ["Rome", "Oslo"]


def test_the_answer_of_a_nonblocking_function_is_a_turn_of_its_own(emulator, dial, read):
    emulator.on_text("Weather?").reply(tool_call=ToolCall("get_weather")).reply("I am looking.")
    emulator.on_tool_response("get_weather").reply("Sun.")
    emulator.on_tool_response("something_else").reply("Not this one.")
    client = dial(emulator, **NON_BLOCKING)
    client.say("Weather?")
    call = client.until("toolCall")[-1]["toolCall"]["functionCalls"][0]
    assert read.texts(client.turn()) == "I am looking."
    answer = {"id": call["id"], "name": call["name"], "response": {"output": 1}}
    client.send({"toolResponse": {"functionResponses": [answer]}})
    assert read.texts(client.turn()) == "Sun."


def test_a_responder_in_the_chain_sees_the_turn_and_the_answers_to_its_calls(emulator, dial, read):
    def look(turn: UserTurn):
        answers = yield ToolCall("get_weather")
        yield f"{turn.text} {answers[0]['response']['sky']}"

    emulator.on_text("Weather?").reply("So: ").reply_with(look).reply(".")
    client = dial(emulator, **TOOLS)
    client.say("Weather?")
    respond(client, response={"sky": "blue"})
    assert read.texts(client.turn()) == "Weather? blue."


def test_an_answer_may_be_scripted_while_a_client_is_there(emulator, dial, ask):
    client = dial(emulator)
    assert ask(emulator, "Hi", client) == "You said: Hi"
    emulator.on_text("Hi").reply("Hello!")
    assert ask(emulator, "Hi", client) == "Hello!"


def test_what_is_not_scripted_goes_to_the_responder(ask):
    with LiveEmulator(lambda turn: turn.text[::-1]) as emulator:
        emulator.on_text("abc").reply("def")
        assert [ask(emulator, "abc"), ask(emulator, "xyz")] == ["def", "zyx"]


def test_a_strict_emulator_refuses_what_is_not_scripted_and_keeps_it_as_a_problem(strict, dial):
    strict.on_text("Hi").reply("Hello!")
    strict.on_speech(times=1).drop()
    strict.on_text("Ho")
    client = dial(strict)
    client.say("Ho")
    assert client.close_frame() == (1008, "Nothing is scripted for the text 'Ho'.")
    known = "the text 'Hi', any speech, the text 'Ho' (without an answer)"
    assert strict.problems == (f"Nothing is scripted for the text 'Ho'. Scripted are: {known}.",)


def test_a_strict_emulator_says_what_is_used_up(strict, dial, ask):
    strict.on_text("Hi", times=1).reply("Hello!")
    client = dial(strict)
    ask(strict, "Hi", client)
    client.say("Hi")
    assert client.close_frame()[0] == 1008
    assert strict.problems[0].endswith("Scripted are: the text 'Hi' (used up).")


def test_the_with_block_of_a_strict_emulator_raises_its_problems(strict, dial):
    client = dial(strict)
    client.say("Ho")
    client.close_frame()
    with pytest.raises(AssertionError, match=r"for the text 'Ho'\. Scripted are: no turns at all\."):
        strict.__exit__(None, None, None)


def test_the_next_with_block_of_a_strict_emulator_has_no_problems_of_the_one_before(dial):
    def say(text: str) -> None:
        with emulator:
            client = dial(emulator)
            client.say(text)
            client.close_frame()

    emulator = LiveEmulator(strict=True)
    with pytest.raises(AssertionError, match="the text 'Ho'"):
        say("Ho")
    with emulator:
        assert emulator.problems == ()


def test_the_with_block_of_a_strict_emulator_raises_nothing_over_an_error_of_its_own(strict, dial):
    client = dial(strict)
    client.say("Ho")
    client.close_frame()
    strict.__exit__(KeyError, KeyError("its own"), None)
    assert strict.problems


def test_a_strict_emulator_with_a_script_for_all_has_no_problems(ask):
    with LiveEmulator(strict=True) as emulator:
        emulator.on_any().reply("Fine.")
        assert ask(emulator, "Hi") == "Fine."
    assert emulator.problems == ()


def test_a_call_of_a_function_that_is_not_declared_is_a_problem(emulator, dial):
    emulator.on_text("Hi").reply(tool_call=ToolCall("get_wether")).reply("Fine.")
    declared = [{"functionDeclarations": [{"name": "get_weather", "description": "The weather."}]}]
    client = dial(emulator, tools=declared)
    client.say("Hi")
    client.until("toolCall")
    assert emulator.problems == ("No function 'get_wether' is declared, which was called. Declared are: get_weather.",)


def test_a_wav_file_in_the_place_of_samples_is_refused(emulator):
    with pytest.raises(ValueError, match="this is a WAV file"):
        emulator.on_any().reply(audio=b"RIFF" + bytes(100))


def test_what_a_predicate_raises_is_a_problem(emulator, dial):
    emulator.on_text(lambda text: text[100]).reply("never")
    client = dial(emulator)
    client.say("short")
    assert client.close_frame()[0] == 1011
    assert emulator.problems == ("The responder raised IndexError('string index out of range').",)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (lambda emulator: emulator.on_text(b"Hi"), "on_text takes a str"),
        (lambda emulator: emulator.on_text("Hi").reply(b"pcm"), "text is a str, not bytes"),
        (lambda emulator: emulator.on_text("Hi").reply(audio="pcm"), "audio is PCM as bytes, not str"),
        (lambda emulator: emulator.on_text("Hi").reply(tool_call="f"), "tool_call is a ToolCall or a list"),
        (lambda emulator: emulator.on_text("Hi").reply_with("f"), "A responder is a callable"),
        (lambda emulator: emulator.on_text("Hi", times=0), "times is how often"),
        (lambda emulator: emulator.on_text("Hi").next_time(), "comes after what happens this time"),
        (lambda emulator: LiveEmulator(len, strict=True), "script alone"),
        (lambda emulator: LiveEmulator.replay({"frames": []}).on_any(), "replays a recording"),
    ],
)
def test_a_script_that_cannot_be_meant_is_refused_where_it_is_written(script, message):
    with pytest.raises((TypeError, ValueError, RuntimeError), match=message):
        script(LiveEmulator())


@pytest.mark.parametrize("end", [lambda turn: turn.drop(), lambda turn: turn.close(1011)], ids=["drop", "close"])
def test_nothing_can_be_scripted_behind_the_end_of_the_connection(end):
    ended = end(LiveEmulator().on_text("Hi"))
    with pytest.raises(ValueError, match="next_time"):
        ended.reply("too late")
    ended.next_time().reply("in time")

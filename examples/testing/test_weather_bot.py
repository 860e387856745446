"""Tests of weather_bot.py without a key: the plugin that comes with livesession scripts the model's side.

    pip install "livesession[emulator]" pytest
    pytest examples/testing

No conftest.py is needed: pytest finds the fixture `live_emulator` by itself.
"""

import weather_bot

from livesession.emulator import ToolCall

QUESTION = "Do I need an umbrella in Rome?"


def test_the_weather_is_looked_up(live_emulator):
    live_emulator.on_text(QUESTION).reply(tool_call=ToolCall("get_weather", {"city": "Rome"})).reply("No.")
    assert weather_bot.ask(QUESTION) == "No."
    assert live_emulator.tool_responses[0]["response"] == {"output": "sunny"}


def test_the_model_is_told_of_a_city_that_nobody_knows(live_emulator):
    live_emulator.on_any().reply(tool_call=ToolCall("get_weather", {"city": "Atlantis"}))
    weather_bot.ask("And in Atlantis?")
    live_emulator.assert_sent(toolResponse={"functionResponses": [{"response": {"error": ...}}]})


def test_a_lost_connection_is_not_noticed(live_emulator):
    live_emulator.on_text(QUESTION).reply("You").drop().next_time().reply("You do not.")
    assert weather_bot.ask(QUESTION) == "You do not."
    assert len(live_emulator.setups) == 2


def test_a_service_that_is_down_is_apologized_for(live_emulator):
    live_emulator.on_connect().reject(503)
    assert weather_bot.ask(QUESTION).startswith("Sorry")

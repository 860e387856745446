"""A bot that knows the weather, as an example of code under test: test_weather_bot.py beside it tests it.

It knows nothing of being tested: it makes its model from the environment, as in production.
"""

from livesession import ConnectError, LiveGenerationConfig, LiveGenerativeModel, SessionResumptionConfig


def get_weather(city: str) -> str:
    """What the weather is like in a city."""
    return {"Rome": "sunny", "Oslo": "snow"}[city]


def ask(question: str) -> str:
    """What the model says to a question; an apology where it cannot be reached."""
    text = LiveGenerationConfig(response_modalities="TEXT")
    model = LiveGenerativeModel("gemini-live-2.5-flash", generation_config=text, tools=[get_weather])
    try:
        with model.connect(session_resumption=SessionResumptionConfig()) as session:
            return session.ask(question).text
    except ConnectError:
        return "Sorry, I cannot look outside just now."

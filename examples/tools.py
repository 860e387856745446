"""Python functions that the model calls: the weather, and a to-do list in SQLite.

    GEMINI_API_KEY=... python examples/tools.py [todo.db]

Without a key the emulator answers, whose model is played by a few lines below: pip install "livesession[emulator]"
(A `livesession emulator` of your own only echoes, and calls a function when its name is in the question.)
"""

import os
import sqlite3
import sys
from contextlib import closing
from datetime import date
from typing import Annotated, Literal

from livesession import AudioTranscriptionConfig, LiveGenerationConfig, LiveGenerativeModel, ToolError
from livesession.emulator import LiveEmulator, ToolCall, UserTurn

DATABASE = sys.argv[1] if len(sys.argv) > 1 else "todo.db"


# Signature and docstring are what the model is told. Calls run on threads of their own, at the same time if it makes
# several; so each opens the database for itself.


def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, object]:
    """The weather in a city now.

    Args:
        city: Its name, in English.
        unit: Of the temperature.
    """
    celsius = {"Berlin": 4, "Rome": 17}.get(city)
    if celsius is None:
        raise ToolError(f"There is no weather station in {city}.")  # which the model is told
    return {"temperature": celsius if unit == "celsius" else celsius * 9 / 5 + 32, "unit": unit}


class ToDoList:
    """Keeps what is to be done in a file."""

    def __init__(self, path: str) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS todo (id INTEGER PRIMARY KEY, what TEXT, due TEXT)")

    def add_to_do(self, what: Annotated[str, "A few words."], due: date | None = None) -> int:
        """Notes something that is to be done; returns its number."""
        with closing(sqlite3.connect(self.path)) as database, database:
            row = database.execute("INSERT INTO todo (what, due) VALUES (?, ?)", (what, due and due.isoformat()))
            return row.lastrowid

    def list_to_dos(self) -> list[str]:
        """What is still to be done."""
        with closing(sqlite3.connect(self.path)) as database:
            rows = database.execute("SELECT id, what, due FROM todo ORDER BY id").fetchall()
        return [f"{number}. {what}" + (f" (by {due})" if due else "") for number, what, due in rows]


def play_model(turn: UserTurn):
    """The emulator's model: calls what the question is about, and says what came back."""
    if "weather" in turn.text:
        answers = yield [ToolCall("get_weather", {"city": city}) for city in ("Berlin", "Rome", "Atlantis")]
    elif "remind" in turn.text:
        answers = yield ToolCall("add_to_do", {"what": "water the plants", "due": "2030-05-01"})
    else:
        answers = yield ToolCall("list_to_dos")
    for answer in answers:
        yield f"{answer['response']} "


backend = None if os.environ.get("GEMINI_API_KEY") else LiveEmulator(play_model).start().backend()
to_dos = ToDoList(DATABASE)
model = LiveGenerativeModel(
    "gemini-3.8-live",
    backend=backend,
    generation_config=LiveGenerationConfig(output_audio_transcription=AudioTranscriptionConfig()),
    tools=[get_weather, to_dos.add_to_do, to_dos.list_to_dos],
)

with model.connect() as session:
    for question in (
        "What is the weather in Berlin, in Rome and in Atlantis?",
        "Please remind me to water the plants by May.",
        "What is there to do?",
    ):
        print("You:  ", question)
        turn = session.ask(question)
        for result in turn.tool_results:
            arguments = ", ".join(f"{name}={value!r}" for name, value in result.call.args.items())
            print(f"       {result.call.name}({arguments}) -> {dict(result.response)}")
        print("Model:", turn.text)

"""Many sessions for a long time, with faults: what was sent, what arrived, and what is left behind.

    python -m benchmarks.soak --minutes 10 --faults on

Workers open sessions with the emulator, ask numbered questions and check the numbered pieces of each answer. With
faults on, connections are dropped, closed with errors and told to go away at random moments. A piece that is missing
while a later one came is lost; one that came twice is duplicated; both must be 0, and so must threads and
descriptors that are left. Exits with 1 where they are not.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import sys
import threading
import time
from collections.abc import Iterator

from attrs import define, frozen

from livesession import ConnectError, LiveGenerationConfig, LiveGenerativeModel, LiveSession, SessionClosedError
from livesession.emulator import LiveEmulator, UserTurn

PIECES = 20
QUESTIONS_A_SESSION = 30
FAULT_EVERY = 0.2  # seconds
LEAKED_MEMORY = 20.0  # MB that may remain: the emulator's journal, and what Python keeps for itself
WARM_UP = 5.0  # seconds after which memory is looked at for the first time


def answer(turn: UserTurn) -> Iterator[str]:
    """The emulator's side: the question's number with each piece's."""
    for piece in range(PIECES):
        yield f"{turn.text}:{piece} "


@define
class Tally:
    """What happened, of all workers together."""

    sessions: int = 0
    sent: int = 0
    delivered: int = 0
    whole_answers: int = 0
    lost: int = 0
    duplicated: int = 0
    faults: int = 0

    def check(self, question: str, pieces: list[str]) -> None:
        """Counts an answer, or the beginning of one: its pieces must be the first ones, each once and in order."""
        wanted = [f"{question}:{piece}" for piece in range(PIECES)]
        self.delivered += len(pieces)
        self.duplicated += len(pieces) - len(set(pieces))
        if pieces:
            self.lost += len(set(wanted[: wanted.index(pieces[-1])]) - set(pieces)) if pieces[-1] in wanted else 1
        self.whole_answers += pieces == wanted


@frozen
class Resources:
    """What the process holds."""

    threads: int
    descriptors: int
    megabytes: float

    @classmethod
    def now(cls) -> Resources:
        gc.collect()
        readers = sum(thread.name.startswith("livesession-") for thread in threading.enumerate())
        descriptors = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        return cls(readers, descriptors, resident_megabytes())


def resident_megabytes() -> float:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


class Soak:
    """The workers, and who makes trouble for them."""

    def __init__(self, emulator: LiveEmulator, workers: int, faults: bool) -> None:
        config = LiveGenerationConfig(response_modalities="TEXT")
        backend = emulator.backend()
        self._model = LiveGenerativeModel("gemini-live-2.5-flash", backend=backend, generation_config=config)
        self._emulator = emulator
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards the tally
        self.tally = Tally()
        roles = [self._work] * workers + [self._make_trouble] * faults
        self._threads = [threading.Thread(target=role, args=(number,)) for number, role in enumerate(roles)]

    def run(self, seconds: float) -> Resources:
        """Runs for that long; what the process held when it had warmed up."""
        for thread in self._threads:
            thread.start()
        self._stop.wait(min(WARM_UP, seconds / 2))
        warm = Resources.now()
        self._stop.wait(max(seconds - WARM_UP, seconds / 2))
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        return warm

    def _work(self, number: int) -> None:
        while not self._stop.is_set():
            try:
                with self._model.connect() as session:
                    with self._lock:
                        self.tally.sessions += 1
                    self._talk(session, f"w{number}s{self.tally.sessions}")
            except (SessionClosedError, ConnectError):
                continue

    def _talk(self, session: LiveSession, name: str) -> None:
        for position in range(QUESTIONS_A_SESSION):
            if self._stop.is_set():
                return
            self._ask(session, f"{name}q{position}")

    def _ask(self, session: LiveSession, question: str) -> None:
        pieces: list[str] = []
        try:
            session.send(question, turn_complete=True)
            with self._lock:
                self.tally.sent += 1
            for message in session.receive_turn():
                pieces.extend(message.text.split())
        finally:
            with self._lock:
                self.tally.check(question, pieces)

    def _make_trouble(self, number: int) -> None:
        chance = random.Random(number)
        while not self._stop.wait(FAULT_EVERY):
            fault = chance.choice(["drop", "close", "end", "go away"])
            if fault == "drop":
                self._emulator.drop_connections()
            elif fault == "close":
                self._emulator.close_connections(1011, "Internal error encountered.")
            elif fault == "end":
                self._emulator.close_connections(1000)
            else:
                self._emulator.go_away(0.1)
            with self._lock:
                self.tally.faults += 1


def heard_twice(emulator: LiveEmulator) -> int:
    """Questions that the emulator was asked more than once."""
    asked = [
        record.message["clientContent"]["turns"][0]["parts"][0]["text"]
        for record in emulator.received
        if "clientContent" in record.message
    ]
    return len(asked) - len(set(asked))


def report(tally: Tally, twice: int, start: Resources, warm: Resources, end: Resources, seconds: float) -> bool:
    """Prints the result; True where nothing was lost, doubled or left behind."""
    rows = {
        "sessions": f"{tally.sessions:,}",
        "faults": f"{tally.faults:,}",
        "questions sent": f"{tally.sent:,} ({twice} heard twice)",
        "messages delivered": f"{tally.delivered:,} ({tally.delivered / seconds:,.0f} a second)",
        "whole answers": f"{tally.whole_answers:,}",
        "lost": f"{tally.lost:,}",
        "duplicated": f"{tally.duplicated:,}",
        "threads": f"{start.threads} at the start, {end.threads} at the end",
        "descriptors": f"{start.descriptors} at the start, {end.descriptors} at the end",
        "memory": f"{warm.megabytes:.1f} MB when warm, {end.megabytes:.1f} MB at the end",
    }
    for name, value in rows.items():
        print(f"{name:20} {value}")
    left = end.threads > start.threads or end.descriptors > start.descriptors
    return not (
        tally.lost
        or tally.duplicated
        or twice
        or left
        or end.megabytes - warm.megabytes > LEAKED_MEMORY
        or not tally.sent
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long; default 1")
    parser.add_argument("--faults", choices=["on", "off"], default="on", help="default on")
    parser.add_argument("--sessions", type=int, default=8, help="how many at a time; default 8")
    arguments = parser.parse_args()
    seconds = arguments.minutes * 60
    LiveEmulator().start().stop()  # what it loads and keeps is not counted
    start = Resources.now()
    with LiveEmulator(answer, keep_received=2_000) as emulator:
        begun = time.monotonic()
        soak = Soak(emulator, arguments.sessions, arguments.faults == "on")
        warm = soak.run(seconds)
        lasted = time.monotonic() - begun
        twice = heard_twice(emulator)
    return 0 if report(soak.tally, twice, start, warm, Resources.now(), lasted) else 1


if __name__ == "__main__":
    sys.exit(main())

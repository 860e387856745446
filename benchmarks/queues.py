"""Queues between one producer and one consumer, by what a message costs: why `ReceiveQueue` is no `queue.Queue`.

    python -m benchmarks.queues [--messages 60000] [--rounds 5]

The kinds take turns, round by round; a ratio is the median of the ratios to the library's queue in the same round.
"""

from __future__ import annotations

import argparse
import queue
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable

from livesession import LiveServerContent
from livesession.session.receive_queue import QueuedMessage, ReceiveQueue

Transfer = Callable[[int], float]
"""Passes so many messages from one thread to another; the seconds of processor time that it took."""

MESSAGE = QueuedMessage(LiveServerContent(), 0, 0, False, 100)


def timed(produce: Callable[[], None], consume: Callable[[], None]) -> float:
    """Runs both at the same time, and returns the processor time of the process."""
    producer = threading.Thread(target=produce)
    began = time.process_time()
    producer.start()
    consume()
    producer.join()
    return time.process_time() - began


def library(count: int) -> float:
    """Takes a message for each that was put and announced, as the reader and a consumer do."""
    messages = ReceiveQueue(1 << 30, lambda: None)

    def produce() -> None:
        for _ in range(count):
            messages.put_many([MESSAGE])
            messages.announce()

    return timed(produce, lambda: [messages.get() for _ in range(count)] and None)


def standard(kind: Callable[[], queue.Queue[QueuedMessage] | queue.SimpleQueue[QueuedMessage]]) -> Transfer:
    """Passes messages through a queue of the standard library."""

    def transfer(count: int) -> float:
        messages = kind()
        produce = lambda: [messages.put(MESSAGE) for _ in range(count)] and None  # noqa: E731
        return timed(produce, lambda: [messages.get() for _ in range(count)] and None)

    return transfer


def deque_and_wakeups(count: int) -> float:
    """Passes messages through a deque that is peeked before it is popped, with a `SimpleQueue` of wake-ups."""
    messages: deque[QueuedMessage] = deque()
    wakeups: queue.SimpleQueue[None] = queue.SimpleQueue()

    def produce() -> None:
        for _ in range(count):
            messages.append(MESSAGE)
            wakeups.put(None)

    def consume() -> None:
        for _ in range(count):
            wakeups.get()
            taken = messages[0]
            del messages[0]
            assert taken is MESSAGE

    return timed(produce, consume)


KINDS: dict[str, Transfer] = {
    "ReceiveQueue (this library)": library,
    "queue.Queue": standard(queue.Queue),
    "queue.SimpleQueue": standard(queue.SimpleQueue),
    "deque and SimpleQueue of wake-ups": deque_and_wakeups,
}


def main() -> None:
    """Prints microseconds a message, and the ratio to the library's queue."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    rounds = [{name: kind(arguments.messages) for name, kind in KINDS.items()} for _ in range(arguments.rounds)]
    for name in KINDS:
        microseconds = statistics.median(1e6 * each[name] / arguments.messages for each in rounds)
        ratio = statistics.median(each[name] / each["ReceiveQueue (this library)"] for each in rounds)
        print(f"{name:36} {microseconds:6.2f} us  {ratio:5.2f}x")


if __name__ == "__main__":
    main()

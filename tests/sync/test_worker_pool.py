"""The worker threads by themselves: how many there are, how long they live, and what becomes of tasks that wait."""

from __future__ import annotations

import queue
import threading

import pytest

from livesession.sync.deadline import Deadline
from livesession.sync.worker_pool import WorkerPool
from tests.kit.waiting import PATIENCE, wait_until


class Tasks:
    """Tasks that run until they may end."""

    def __init__(self) -> None:
        self.begun: queue.Queue[threading.Thread] = queue.Queue()
        self.may_end = threading.Event()

    def run(self) -> None:
        self.begun.put(threading.current_thread())
        assert self.may_end.wait(PATIENCE)


@pytest.fixture
def tasks():
    tasks = Tasks()
    yield tasks
    tasks.may_end.set()


def stop(pool: WorkerPool) -> None:
    pool.stop()
    pool.join(Deadline(PATIENCE))


def test_tasks_run_at_once_on_daemon_threads_up_to_the_limit(tasks):
    pool = WorkerPool(2)
    for _ in range(3):
        pool.submit(tasks.run)
    running = {tasks.begun.get(timeout=PATIENCE) for _ in range(2)}
    assert {(thread.name, thread.daemon) for thread in running} == {("livesession-tool", True)}
    assert len(running) == 2
    assert tasks.begun.empty()
    tasks.may_end.set()
    assert tasks.begun.get(timeout=PATIENCE) in running
    stop(pool)
    assert not any(thread.is_alive() for thread in running)


def test_a_thread_that_is_free_takes_the_next_task():
    pool, done = WorkerPool(5), queue.Queue()
    used = set()
    for _ in range(20):
        pool.submit(lambda: done.put(threading.current_thread()))
        used.add(done.get(timeout=PATIENCE))
        wait_until(lambda: pool._idle == 1)
    assert len(used) == 1
    stop(pool)


def test_a_thread_without_work_ends_after_its_idle_time():
    pool, done = WorkerPool(1, name="livesession-example", idle=0.0), queue.Queue()
    for _ in range(2):
        pool.submit(lambda: done.put(threading.current_thread()))
        thread = done.get(timeout=PATIENCE)
        assert thread.name == "livesession-example"
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_stop_drops_the_tasks_that_wait_and_join_waits_for_those_that_run(tasks):
    pool, ran = WorkerPool(1), []
    pool.submit(tasks.run)
    thread = tasks.begun.get(timeout=PATIENCE)
    pool.submit(lambda: ran.append(True))
    pool.stop()
    pool.join(Deadline(0.01))
    assert thread.is_alive()
    tasks.may_end.set()
    pool.join(Deadline(PATIENCE))
    assert not thread.is_alive()
    assert not ran


def test_a_task_may_stop_and_join_its_own_pool():
    pool, done = WorkerPool(1), threading.Event()

    def task() -> None:
        stop(pool)
        done.set()

    pool.submit(task)
    assert done.wait(PATIENCE)


def test_without_threads_to_be_had_a_task_is_refused_unless_another_thread_can_take_it(tasks, monkeypatch):
    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    alone, helped, ran = WorkerPool(2), WorkerPool(2), threading.Event()
    helped.submit(tasks.run)
    tasks.begun.get(timeout=PATIENCE)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError, match="can't start"):
            alone.submit(tasks.run)
        helped.submit(ran.set)
    tasks.may_end.set()
    assert ran.wait(PATIENCE)
    stop(helped)

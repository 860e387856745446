"""The table of a session's jobs: what it holds, and what it counts."""

from __future__ import annotations

import threading

from livesession import FunctionCall, FunctionDeclaration, FunctionTool, ToolStatistics
from livesession.session.function_calls import TrackedCall
from livesession.tools.job import Job
from livesession.tools.job_table import JobTable


def job(name: str, thread: int | None = None) -> Job:
    call = TrackedCall(name, FunctionCall(id=name, name=name), 0, 0, is_automatic=True, is_blocking=True)
    tool = FunctionTool(FunctionDeclaration(name=name), lambda args, token: None)
    return Job(call, tool, None, thread=thread)


def test_jobs_are_counted_from_the_call_and_run_until_they_are_removed():
    table, first, second = JobTable(), job("first"), job("second")
    table.add(first)
    table.add(second)
    assert table.statistics == ToolStatistics(calls=2, running=2)
    table.count("answered")
    table.remove(first)
    assert table.statistics == ToolStatistics(calls=2, running=1, answered=1)
    table.remove(first)


def test_jobs_are_found_by_their_calls_until_they_are_removed():
    table, held, removed = JobTable(), job("held"), job("removed")
    table.add(held)
    table.add(removed)
    table.remove(removed)
    assert table.find([removed.call, held.call, job("unknown").call]) == [held]


def test_jobs_that_wait_for_a_thread_can_be_removed_and_those_that_run_stay():
    table, waiting, running = JobTable(), job("waiting"), job("running", thread=1)
    table.add(waiting)
    table.add(running)
    table.remove_waiting()
    assert table.find([waiting.call, running.call]) == [running]


def test_a_thread_does_not_see_its_own_job_among_those_that_run_elsewhere():
    table = JobTable()
    for each in (job("b", thread=1), job("own", thread=threading.get_ident()), job("a", thread=2)):
        table.add(each)
    assert table.names_running_elsewhere() == ["a", "b"]


def test_a_job_is_recorded_once():
    table, one = JobTable(), job("one")
    assert [table.mark_recorded(one) for _ in range(3)] == [True, False, False]

"""The session pool: one session a visitor, one request at a time, and none left open."""

from __future__ import annotations

import gc
import math
import threading
import time

import pytest

from livesession import (
    ConfigurationError,
    ConnectError,
    GoogleAI,
    LiveGenerativeModel,
    LiveSessionResumptionUpdate,
    SessionClosedError,
    SetupRejectedError,
)
from livesession.emulator import LiveEmulator, UserTurn
from livesession.sync.deadline import Deadline
from livesession.web import PoolFullError, SessionBusyError, SessionPool, refusal
from livesession.web.leases import Leases
from tests.kit.servers import raw_server
from tests.kit.waiting import PATIENCE, InThread, wait_until
from tests.web.kit import pool_at


def remembering(turn: UserTurn) -> str:
    return f"{len(turn.history)} before: {turn.text}"


@pytest.fixture
def emulator():
    with LiveEmulator(remembering) as emulator:
        yield emulator


@pytest.fixture
def new_pool(emulator):
    """Makes pools, and closes them."""
    pools: list[SessionPool] = []

    def make(**options) -> SessionPool:
        pools.append(pool_at(emulator, **options))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def ask(pool: SessionPool, visitor: str, question: str = "?", handle: str | None = None) -> str:
    with pool.lease(visitor, handle=handle) as session:
        return session.ask(question).text


def test_a_visitor_has_the_same_session_from_request_to_request(new_pool):
    pool = new_pool()
    with pool.lease("ada") as first:
        pass
    with pool.lease("ada") as second:
        assert second is first
    assert pool.in_use == 1


def test_two_visitors_have_sessions_of_their_own(new_pool):
    pool = new_pool()
    assert [ask(pool, "ada", "I am Ada"), ask(pool, "bob", "I am Bob")] == ["0 before: I am Ada", "0 before: I am Bob"]
    assert pool.in_use == 2


def test_a_second_request_of_a_visitor_waits_for_the_first(new_pool):
    pool = new_pool(busy_timeout=PATIENCE)
    with pool.lease("ada") as session:
        second = InThread(lambda: ask(pool, "ada", "second"))
        wait_until(lambda: pool._here.leases.notifier.is_awaited)
        session.ask("first")
    assert second.result() == "2 before: second"


def test_a_second_request_goes_on_behind_the_first_though_it_began_with_the_same_handle(new_pool):
    pool, handles = new_pool(idle_timeout=0, busy_timeout=PATIENCE), [None]

    def second(handle: str | None) -> str:
        with pool.lease("ada", handle=handle, on_handle=handles.append) as session:
            return session.ask("second").text

    for before in (0, 4):
        with pool.lease("ada", handle=handles[-1], on_handle=handles.append) as session:
            waiting = InThread(lambda handle=handles[-1]: second(handle))
            wait_until(lambda: pool._here.leases.notifier.is_awaited)
            assert session.ask("first").text == f"{before} before: first"
        assert waiting.result() == f"{before + 2} before: second"


def test_a_second_request_of_a_visitor_is_refused_after_the_time_for_that(new_pool):
    pool = new_pool(busy_timeout=0.05)
    with pool.lease("ada"), pytest.raises(SessionBusyError, match=r"0\.05 s") as raised, pool.lease("ada"):
        pass
    assert refusal(raised.value).status == 409


def test_when_all_sessions_are_in_use_a_request_is_refused_and_told_when_to_try_again(new_pool):
    pool = new_pool(limit=1)
    with pool.lease("ada"), pytest.raises(PoolFullError, match="All 1 places") as raised, pool.lease("bob"):
        pass
    body, status, headers = refusal(raised.value)
    assert (status, headers) == (503, {"Retry-After": "10"})
    assert "10 seconds" in body


def test_a_session_that_was_idle_for_too_short_a_time_is_not_evicted(new_pool):
    pool = new_pool(limit=1, evict_after=7)
    ask(pool, "ada")
    with pytest.raises(PoolFullError) as raised, pool.lease("bob"):
        pass
    assert raised.value.retry_after == 7


def test_the_session_that_was_idle_longest_is_evicted_before_the_new_one_is_opened(new_pool, emulator):
    pool = new_pool(limit=2, evict_after=0)
    for visitor in ("ada", "bob", "ada", "eve"):
        ask(pool, visitor)
        assert len(emulator.connections) <= 2
    assert ask(pool, "ada") == "4 before: ?"
    assert len(emulator.handshakes) == 3


def test_sessions_are_opened_at_the_same_time(emulator):
    model = LiveGenerativeModel("m-live", backend=emulator.backend())
    all_connect = threading.Barrier(5)

    def connect(handle):
        all_connect.wait(PATIENCE)
        return model.connect()

    with SessionPool(connect) as pool:
        for request in [InThread(lambda name=name: pool.lease(name).__enter__()) for name in "abcde"]:
            request.result()


def test_an_idle_session_is_closed_in_time_and_the_thread_ends(new_pool, emulator):
    pool = new_pool(idle_timeout=0.05)
    ask(pool, "ada")
    wait_until(lambda: not emulator.connections)
    wait_until(lambda: "livesession-web-pool" not in {thread.name for thread in threading.enumerate()})
    assert pool.in_use == 0


def test_a_session_in_use_is_not_idle(new_pool):
    pool = new_pool(idle_timeout=0.02)
    with pool.lease("ada") as session:
        ask(pool, "bob")
        wait_until(lambda: pool.in_use == 1)
        assert not session.is_closed


def test_without_an_idle_time_the_session_is_closed_when_the_request_is_over(new_pool, emulator):
    pool = new_pool(idle_timeout=0)
    with pool.lease("ada") as session:
        session.ask("?")
    assert session.is_closed
    assert pool.in_use == 0


def test_a_conversation_goes_on_in_another_pool_by_the_handle_that_stands_behind_the_request(new_pool):
    one, other = new_pool(idle_timeout=0), new_pool(idle_timeout=0)
    handle = None
    for number, pool in enumerate([one, other, one, one, other]):
        with pool.lease("ada", handle=handle) as session:
            assert session.ask("?").text == f"{2 * number} before: ?"
        handle = session.resumption_handle


def test_a_session_that_knows_the_handle_or_has_gone_on_from_it_is_kept(new_pool):
    pool = new_pool()
    ask(pool, "ada")
    with pool.lease("ada") as session:
        handle = session.resumption_handle
        session.ask("?")
    assert session.resumption_handle != handle
    with pool.lease("ada", handle=handle) as same:
        assert same is session


def test_a_session_that_knows_nothing_of_the_handle_is_replaced(new_pool, emulator):
    here, elsewhere = new_pool(), new_pool()
    ask(here, "ada")
    with elsewhere.lease("ada") as session:
        session.ask("?")
        session.ask("?")
    elsewhere.leave("ada")
    assert ask(here, "ada", handle=session.resumption_handle) == "4 before: ?"
    assert len(emulator.connections) == 1


def test_a_handle_that_the_server_does_not_know_begins_a_new_conversation_with_a_warning(new_pool, caplog):
    assert ask(new_pool(), "ada", handle="of yesterday") == "0 before: ?"
    assert "a new one begins" in caplog.text


def test_a_conversation_that_is_still_being_closed_elsewhere_is_waited_for(new_pool, emulator):
    here, elsewhere = new_pool(), new_pool()
    with elsewhere.lease("ada") as session:
        session.ask("?")
    asking = InThread(lambda: ask(here, "ada", handle=session.resumption_handle))
    wait_until(lambda: len(emulator.handshakes) == 2)
    elsewhere.leave("ada")
    assert asking.result() == "2 before: ?"


def test_a_handle_is_stored_before_the_session_is_closed_or_used_again(new_pool):
    for pool in (new_pool(idle_timeout=0), new_pool(busy_timeout=0)):
        stored = []

        def store(handle, pool=pool, stored=stored):
            assert pool._here.leases.at("ada").state == "taken"
            stored.append((handle, pool.in_use))

        with pool.lease("ada", on_handle=store) as session:
            session.ask("?")
        assert stored == [(session.resumption_handle, 1)]


def test_a_session_that_has_ended_is_replaced_and_the_conversation_goes_on(emulator, new_pool):
    pool = new_pool()
    with pool.lease("ada") as session:
        session.ask("?")
    session.close()
    assert ask(pool, "ada") == "2 before: ?"


def test_an_error_in_a_request_leaves_the_session_to_the_next_one(new_pool):
    pool = new_pool()
    with pytest.raises(ZeroDivisionError), pool.lease("ada") as session:
        _ = 1 / 0
    with pool.lease("ada") as same:
        assert same is session


def test_a_session_that_is_not_to_be_kept_is_closed_behind_the_request(new_pool, emulator):
    pool = new_pool()
    with pool.lease("ada", keep=False) as session:
        session.ask("?")
    wait_until(lambda: session.is_closed and not pool.in_use)


@pytest.mark.parametrize("visitor", [None, "", 7])
def test_visitors_who_cannot_be_told_apart_are_refused(visitor, new_pool):
    with pytest.raises(TypeError, match="text of their own"), new_pool().lease(visitor):
        pass


def test_a_generator_that_is_closed_in_its_lease_has_the_session_closed(new_pool, emulator):
    pool = new_pool()

    def view():
        with pool.lease("ada") as session:
            session.ask("?")
            yield "x"

    body = view()
    next(body)
    body.close()
    wait_until(lambda: not emulator.connections and not pool.in_use)


def test_a_lease_that_is_forgotten_is_given_back(new_pool):
    pool = new_pool(busy_timeout=PATIENCE)
    forgotten = pool.lease("ada")
    forgotten.__enter__()
    del forgotten
    gc.collect()
    assert ask(pool, "ada") == "0 before: ?"


def test_a_connection_that_is_refused_is_told_of_and_takes_no_place():
    model = LiveGenerativeModel("m", backend=GoogleAI(api_key="k", base_url="ws://127.0.0.1:9", proxy=False))
    with SessionPool(lambda handle: model.connect()) as pool:
        with pytest.raises(ConnectError) as raised, pool.lease("ada"):
            pass
        assert refusal(raised.value)[:2] == ("The model cannot be reached at the moment. Please try again later.", 502)
        assert pool.in_use == 0


def test_what_a_visitor_is_told_of_an_error_holds_nothing_of_it(caplog):
    error = SetupRejectedError("key sesame is wrong", code=1007, reason="sesame")
    assert "sesame" not in repr(refusal(error))
    assert "sesame" in caplog.text


def test_leaving_closes_the_session_and_nobody_else_s(new_pool, emulator):
    pool = new_pool()
    ask(pool, "ada")
    ask(pool, "bob")
    pool.leave("ada")
    assert pool.in_use == 1
    wait_until(lambda: len(emulator.connections) == 1)
    assert ask(pool, "bob") == "2 before: ?"
    pool.leave("nobody")


def test_leaving_ends_a_request_that_uses_the_session(new_pool, emulator):
    pool = new_pool()
    with pool.lease("ada") as session:
        messages = session.receive()
        request = InThread(lambda: list(messages))
        pool.leave("ada")
        request.result()
        assert session.is_closed
    wait_until(lambda: not pool.in_use)


def test_leaving_at_the_very_end_of_a_request_leaves_no_session_to_the_next_one():
    places = Leases(limit=1, evict_after=0)
    place, _ = places.take("ada", 0)
    place.is_unwanted = True  # by `leave()`, while `Keeper.release()` had just looked
    places.free(place)
    assert place.state == "leaving"


def test_a_request_whose_grace_ends_just_now_is_cut_off_at_once():
    places = Leases(limit=1, evict_after=0)
    place, _ = places.take("ada", 0)
    places.closing = Deadline(0.0)
    assert places.next_due(idle_timeout=0) == 0.0
    assert places.due(idle_timeout=0) == [place]
    assert places.next_due(idle_timeout=0) is None


def test_a_session_whose_server_is_silent_at_its_end_holds_up_no_other_visitor(emulator):
    model = LiveGenerativeModel("m-live", backend=emulator.backend())
    is_over = threading.Event()

    def silent(peer):
        peer.accept()
        is_over.wait(PATIENCE)

    with raw_server(silent) as server, SessionPool(lambda handle: next(models).connect(), busy_timeout=2) as pool:
        models = iter([server.model(), model, model])
        try:
            for visitor in ("stuck", "bob"):
                with pool.lease(visitor, keep=False):
                    pass
            with pool.lease("bob") as session:
                assert not session.is_closed
            assert pool.in_use == 2
        finally:
            is_over.set()


def test_leaving_while_the_session_is_being_opened_has_it_closed(emulator):
    model = LiveGenerativeModel("m-live", backend=emulator.backend())
    is_connecting, may_connect = threading.Event(), threading.Event()

    def connect(handle):
        is_connecting.set()
        may_connect.wait(PATIENCE)
        return model.connect()

    with SessionPool(connect) as pool:
        request = InThread(lambda: ask(pool, "ada"))
        is_connecting.wait(PATIENCE)
        pool.leave("ada")
        may_connect.set()
        with pytest.raises(SessionClosedError, match="being opened"):
            request.result()
        wait_until(lambda: not emulator.connections and not pool.in_use)


def test_closing_closes_all_sessions_and_opens_no_more(new_pool, emulator):
    pool = new_pool()
    for visitor in "abc":
        ask(pool, visitor)
    pool.close()
    pool.close()
    wait_until(lambda: not emulator.connections)
    with pytest.raises(SessionClosedError, match="pool was closed") as raised, pool.lease("a"):
        pass
    assert refusal(raised.value).status == 503


def test_closing_cuts_a_request_off(new_pool):
    pool = new_pool()
    with pool.lease("ada") as session:
        messages = session.receive()
        closing = InThread(pool.close)
        assert all(isinstance(message, LiveSessionResumptionUpdate) for message in messages)
    closing.result()
    assert pool.in_use == 0


def test_closing_with_grace_lets_a_request_end_and_closes_idle_sessions_at_once(new_pool, emulator):
    pool = new_pool()
    ask(pool, "idle")
    with pool.lease("ada") as session:
        closing = InThread(lambda: pool.close(grace=PATIENCE))
        wait_until(lambda: len(emulator.connections) == 1)
        assert session.ask("?").text == "0 before: ?"
    closing.result()
    assert session.is_closed


def test_closing_with_grace_cuts_a_request_off_when_that_is_over(new_pool):
    pool = new_pool()
    with pool.lease("ada") as session:
        begun, messages = time.monotonic(), session.receive()
        pool.close_soon(grace=0.1)
        list(messages)
        assert 0.1 <= time.monotonic() - begun < PATIENCE
    wait_until(lambda: not pool.in_use)


def test_a_request_that_waits_for_another_one_is_told_that_the_pool_was_closed(new_pool):
    pool = new_pool(busy_timeout=PATIENCE)
    with pool.lease("ada"):
        waiting = InThread(lambda: ask(pool, "ada"))
        wait_until(lambda: pool._here.leases.notifier.is_awaited)
        pool.close_soon(grace=PATIENCE)
        with pytest.raises(SessionClosedError):
            waiting.result()


def test_many_threads_of_many_visitors_get_their_own_answers_and_never_use_a_session_at_once(new_pool, emulator):
    pool = new_pool(limit=4, evict_after=0, busy_timeout=PATIENCE)
    handles: dict[str, str] = {}

    def visit(name: str) -> None:
        for number in range(5):
            while True:
                try:
                    with pool.lease(name, handle=handles.get(name)) as session:
                        assert session.ask(name).text == f"{2 * number} before: {name}"
                        handles[name] = session.resumption_handle
                        assert len(emulator.connections) <= 4 + 1  # the emulator sees an end a little later
                    handles[name] = session.resumption_handle
                    break
                except PoolFullError:
                    time.sleep(0.001)

    for visits in [InThread(lambda name=name: visit(name)) for name in "abcdefgh"]:
        visits.result()


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": 1.5}, {"idle_timeout": -1}, {"busy_timeout": math.nan}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        SessionPool(lambda handle: None, **options)

"""Look-ups as generators, run by both clients."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown, DirectcallRefused, DirectcallUnavailable
from airflow_provider_directcall.api.lookups import Lookup, ask, readable_rows, rows
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .conftest import Connect
from .drivers import Driver

A, B = "5511990000001", "5511990000002"


def place(destination: str = B) -> Lookup[str]:
    placed = yield from ask(m.place_call(A, destination))
    return placed.callerid


def test_run_sends_requests_and_reads_listings_in_full(api, sandbox) -> None:
    now = datetime.fromtimestamp(sandbox.now(), UTC)
    sandbox.configure(page_size=1)

    def two_calls() -> Lookup[tuple[list[str], list[str]]]:
        callerids = [(yield from place()), (yield from place())]
        sandbox.advance(300)
        found = yield from rows(m.list_statement(now, now + timedelta(hours=1)))
        return callerids, [row.callerid for row in found]

    placed, found = api.run(two_calls())
    assert len(placed) == 2
    assert sorted(found) == sorted(placed)


def test_run_returns_the_result_of_a_lookup_without_requests(api) -> None:
    def nothing() -> Lookup[int]:
        return 42
        yield

    assert api.run(nothing()) == 42


def test_run_raises_an_error_inside_the_lookup(api, sandbox) -> None:
    def forgiving() -> Lookup[str | None]:
        try:
            return (yield from place("5511990000402"))
        except DirectcallRefused as refused:
            first = refused.code
        return first + " " + (yield from place())

    assert api.run(forgiving()).startswith("201 ")
    assert sandbox.state()["effects"]["calls_placed"] == 1


def test_run_raises_an_error_of_a_later_page_inside_the_lookup(api, sandbox) -> None:
    now = datetime.fromtimestamp(sandbox.now(), UTC)
    sandbox.configure(page_size=1)
    sandbox.seed(3, first_at=now - timedelta(hours=1))

    def forgiving() -> Lookup[list[object] | None]:
        try:
            return (yield from rows(m.list_statement(now - timedelta(days=1), now)))
        except DirectcallRefused:
            return None

    sandbox.inject(Fault(kind="too_many_requests", endpoint="extrato/list", after=1, retry_after=3600))
    assert api.run(forgiving()) is None


def test_run_gives_a_lookup_up_that_takes_too_long(api, clock) -> None:
    def slow() -> Lookup[int]:
        for number in range(100):
            try:
                yield from ask(m.balance())
            except DirectcallUnavailable:
                return number
            clock.advance(100)
        return 100

    assert api.run(slow()) == 3


def test_readable_rows_keep_what_came_before_a_page_that_cannot_be_read(api: Driver, sandbox: SandboxServer) -> None:
    now = datetime.fromtimestamp(sandbox.now(), UTC)
    sandbox.configure(page_size=1)
    sandbox.seed(3, first_at=now - timedelta(hours=1))
    listing = m.list_statement(now - timedelta(days=1), now)
    assert (len(api.run(readable_rows(listing)).rows), api.run(readable_rows(listing)).error) == (3, None)
    sandbox.inject(Fault(kind="too_many_requests", endpoint="extrato/list", after=1, retry_after=3600))
    listed = api.run(readable_rows(listing))
    assert (len(listed.rows), type(listed.error)) == (1, DirectcallRefused)


def test_run_raises_errors_that_a_lookup_does_not_handle(api: Driver, connect: Connect, sandbox: SandboxServer) -> None:
    closed = []

    def careless() -> Lookup[str]:
        try:
            return (yield from place())
        finally:
            closed.append(True)

    sandbox.inject(Fault(kind="cut_after", endpoint="voz/call", times=1))
    with pytest.raises(DirectcallOutcomeUnknown):
        api.run(careless())
    with pytest.raises(ValueError, match="no default_origin"):
        connect(default_origin=None).run(ask(m.send_sms(A, "oi")))
    assert closed == [True]

"""A statement without an end: a look at it ends within bounds of rows and time, and proves no absence."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from airflow_provider_directcall.api import lookups
from airflow_provider_directcall.api.bounds import LOOKUP_ROWS, LOOKUP_SECONDS
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.api.replies import MessageRow
from airflow_provider_directcall.api.requests import Page
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Reconciliation, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record

SINCE = datetime(2026, 3, 4, 13, tzinfo=UTC)
PERSON, KEY = "5511990000001", "abcdefgh234567ij"
RECORD = Record(phase=Phase.SENDING, generation=0, key=KEY, since=SINCE, max_tries=0, try_number=1)
ERRAND = MessageErrand(kind="SMS", destinations=[PERSON])
PAGE_SIZE, ROWS = 100, 2_000


@pytest.fixture(autouse=True)
def fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bound a look to a tenth of the rows: reading them all takes half a minute."""
    monkeypatch.setattr(lookups, "LOOKUP_ROWS", ROWS)


class EndlessStatement(Clock):
    """Shows other rows on each page, whatever is asked, and tells the time.

    :param seconds: that each page takes.
    :param ours_on: the page with our row; None for a statement without one.
    """

    def __init__(self, seconds: float, ours_on: int | None = None) -> None:
        self.requests, self._ids = 0, count(10**13)
        self._seconds, self._ours_on = seconds, ours_on
        self._now = SINCE

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def page(self, request: object) -> Page[MessageRow]:
        self.requests += 1
        self.advance(self._seconds)
        return Page(tuple(self._rows()), total_pages=10**9)

    def _rows(self) -> Iterator[MessageRow]:
        for place in range(PAGE_SIZE):
            is_ours = place == 0 and self.requests == self._ours_on
            number, key = (PERSON, KEY) if is_ours else ("5521988880002", "x" * 16)
            fields = {"campos": {"airflow_key": key}, "destino": number, "inicio": "2026-03-04 13:00:10"}
            yield MessageRow.from_fields({**fields, "id_mensagem": next(self._ids)}, UTC)


def look_until_a_verdict(statement: EndlessStatement) -> tuple[VerdictKind, str]:
    timeouts = ReconcileTimeouts(settle_seconds=100, longest_seconds=100, poll_interval=50)
    reconciliation = Reconciliation(statement.now(), timeouts)
    for _ in range(10):
        before, began_at = statement.requests, statement.now()
        verdict = drive(reconciliation.look(ERRAND, RECORD, statement), statement.page)
        assert statement.requests - before <= ROWS // PAGE_SIZE
        assert (statement.now() - began_at).total_seconds() <= LOOKUP_SECONDS + 60
        if verdict is not None:
            return verdict.kind, verdict.reason
        statement.advance(50)
    raise AssertionError("the looking has no end")


@pytest.mark.parametrize("seconds", [0.0, 60.0], ids=["rows", "time"])
def test_looks_at_an_endless_statement_end_as_failed_looks(seconds: float) -> None:
    verdict, reason = look_until_a_verdict(EndlessStatement(seconds))
    assert (verdict, "the look-up has no end" in reason) == (VerdictKind.UNKNOWN, True)


@pytest.mark.parametrize(("seconds", "page"), [(0.0, 15), (60.0, 3)], ids=["rows", "time"])
def test_our_row_on_a_page_before_the_bound_counts(seconds: float, page: int) -> None:
    assert look_until_a_verdict(EndlessStatement(seconds, ours_on=page))[0] is VerdictKind.FOUND


def test_a_look_at_an_endless_statement_takes_little_memory() -> None:
    statement = EndlessStatement(0)
    reconciliation = Reconciliation(SINCE, ReconcileTimeouts(settle_seconds=9, longest_seconds=9, poll_interval=9))
    tracemalloc.start()
    try:
        drive(reconciliation.look(ERRAND, RECORD, statement), statement.page)
        assert tracemalloc.get_traced_memory()[1] * LOOKUP_ROWS / ROWS < 64 << 20
    finally:
        tracemalloc.stop()

"""A statement without a network, and two ways to wait for its rows: many in a feed, or each alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallUnavailable
from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.api.requests import Page
from airflow_provider_directcall.statement.feed import Feed
from airflow_provider_directcall.statement.pace import PollPace
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.statement.tagged_calls import TaggedCalls

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ORIGIN, PERSON, BUSY = "551130000001", "5511990000001", "5511990000486"


def at(seconds):
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True, eq=False)
class Shown:
    """A row of the statement, and when it appears (seconds after the start)."""

    appears: float
    started: float
    tags: dict[str, str] = field(default_factory=dict)
    callerid: str = "1"
    outcome: str = "atendida"
    destination: str = PERSON
    recording: str | None = None

    @cached_property
    def row(self):
        fields = {
            "callerid": self.callerid,
            "origem": ORIGIN,
            "destino": self.destination,
            "inicio": at(self.started).strftime("%Y-%m-%d %H:%M:%S"),
            "status": self.outcome,
            "campos": self.tags,
            "gravacao_link": self.recording,
        }
        return StatementRow.from_fields(fields, ZoneInfo("UTC"))


@dataclass
class Statement:
    """Directcall's answers.

    :param outages: pairs of seconds between which each request fails.
    :param hides_tags: whether the filter by tags works while the rows show none.
    """

    shown: list[Shown]
    outages: list[tuple[float, float]] = field(default_factory=list)
    hides_tags: bool = False
    page_size: int = 5
    now: datetime = START
    requests: int = 0
    shared: int = 0
    errors: list[DirectcallError] = field(default_factory=list)
    """Errors of the next requests."""

    def answer(self, request):
        self.requests += 1
        params = request.params
        tags = {
            name[7:-1]: value
            for name, value in params.items()
            if name.startswith("campos[") and name != "campos[search]"
        }
        callerid = params.get("callerid")
        self.shared += not tags and callerid is None
        if self.errors:
            raise self.errors.pop(0)
        if any(at(begin) <= self.now < at(end) for begin, end in self.outages):
            raise DirectcallUnavailable("HTTP 500")
        since, until = params["dataInicial"].moment.replace(microsecond=0), params["dataFinal"].moment
        found = [
            shown
            for shown in self.shown
            if at(shown.appears) <= self.now
            and since <= at(shown.started) <= until
            and all(shown.tags.get(name) == value for name, value in tags.items())
            and callerid in {None, shown.callerid}
            and params.get("numeroDestino") in {None, shown.destination}
        ]
        page, size = int(params["pagina"]), self.page_size
        rows = [shown.row for shown in found[(page - 1) * size : page * size]]
        if self.hides_tags:
            rows = [replace(row, tags={}, raw={}) for row in rows]
        return Page(tuple(rows), max(1, -(-len(found) // size)))


@dataclass(frozen=True)
class Waiter:
    """One wait: when it joins, its conditions, its deadline (seconds after it joined)."""

    joins: float
    tags: dict[str, str] | None
    lasts: float = 3600
    interval: float = 15
    look_back: float = 3600
    callerid: str | None = None
    max_failures: int = 10
    min_calls: int = 1
    conditions: dict[str, object] = field(default_factory=dict)

    @property
    def calls(self):
        search = StatementSearch(
            since=at(self.joins - self.look_back), tags=self.tags, callerid=self.callerid, **self.conditions
        )
        return TaggedCalls(search, self.min_calls)

    @property
    def pace(self):
        deadline = at(self.joins + self.lasts)
        return PollPace(interval=self.interval, deadline=deadline, max_consecutive_failures=self.max_failures)


def ids(calls):
    return sorted({call.callerid for call in calls})


def alone(statement, waiter):
    """The end of a wait that polls by itself."""
    calls, pace = waiter.calls, waiter.pace
    statement.now = at(waiter.joins)
    while True:
        statement.now += timedelta(seconds=pace.pause(statement.now))
        try:
            found = drive(calls.look(statement.now), statement.answer)
            pace.succeeded()
        except DirectcallError as error:
            found = None
            try:
                pace.failed(error)
            except DirectcallError:
                return "failed"
        if found is not None:
            return ids(found)
        if pace.is_over(statement.now):
            return "timeout"


class World:
    """Waits that share a feed, on a clock that jumps to the next question."""

    def __init__(self, statement, waiters):
        self.statement, self.feed = statement, Feed()
        self.joining = sorted(enumerate(waiters), key=lambda pair: pair[1].joins)
        self.ends: dict[int, object] = {}
        self.ended_at: dict[int, float] = {}
        self.tickets: dict[int, int] = {}
        self.waits: dict[int, TaggedCalls] = {}

    def run(self, until=None):
        """Run to the end of all waits, or up to a second."""
        statement, feed = self.statement, self.feed
        while self.joining or len(feed):
            moments = [at(self.joining[0][1].joins)] if self.joining else []
            next_at = feed.next_at(statement.now)
            moments += [next_at] if next_at is not None else []
            assert moments, f"{len(feed)} waits are lost"
            if until is not None and min(moments) > at(until):
                break
            statement.now = max(statement.now, min(moments))
            while self.joining and at(self.joining[0][1].joins) <= statement.now:
                place, waiter = self.joining.pop(0)
                self.waits[place] = waiter.calls
                ready = statement.now + timedelta(seconds=5)
                self.tickets[feed.join(self.waits[place], waiter.pace, statement.now, ready)] = place
            while (question := feed.next_question(statement.now)) is not None:
                self._ask(question)
        return self.ends

    def _ask(self, question):
        try:
            answer = drive(question.lookup, self.statement.answer)
        except DirectcallError as error:
            verdicts = self.feed.failed(question, error, self.statement.now)
        else:
            verdicts = [each for step in self.feed.steps(question, answer, self.statement.now) for each in step]
        for verdict in verdicts:
            place = self.tickets.pop(verdict.ticket)
            assert place not in self.ends, "it fired twice"
            found = ids(verdict.found) if verdict.found is not None else "timeout"
            self.ends[place] = "failed" if verdict.error is not None else found
            self.ended_at[place] = (self.statement.now - START).total_seconds()

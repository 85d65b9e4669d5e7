"""A year of daily runs against the local Directcall: each call is answered as an oracle says that was written apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.routing.calendars.compiling import rules_for
from airflow_provider_directcall.routing.calendars.files import load_calendar
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.writes.apply import apply_plan
from airflow_provider_directcall.sandbox import SandboxServer

from . import year_calendars as calendars
from . import year_oracle as oracle
from .year_oracle import Course, Line

pytestmark = pytest.mark.long

DID = "1130000001"
ZONE = ZoneInfo("America/Sao_Paulo")
SECRET = "sandbox-secret"
LAST_SOUND = 155

YEARS = {
    "SP-2026": (2026, oracle.SP_2026, calendars.SP_2026, calendars.SP_2026_EMERGENCY),
    "RJ-2026": (2026, oracle.RJ_2026, calendars.RJ_2026, calendars.RJ_2026_EMERGENCY),
    "SP-2028": (2028, oracle.SP_2028, calendars.SP_2028, calendars.SP_2028_EMERGENCY),
}
# Each is five days without a run, the most that does no harm; and the run after them is late.
NO_RUNS = {
    2026: [
        (date(2026, 2, 13), date(2026, 2, 17)),
        (date(2026, 6, 18), date(2026, 6, 22)),
        (date(2026, 8, 26), date(2026, 8, 30)),
        (date(2026, 12, 21), date(2026, 12, 25)),
    ],
    2028: [(date(2028, 2, 25), date(2028, 2, 29)), (date(2028, 12, 24), date(2028, 12, 28))],
}


@dataclass
class Tally:
    """The course of a year. A day without change is one that has the same dated week ahead as the run before it."""

    hours: int = 0
    calls: int = 0
    mismatches: list[str] = field(default_factory=list)
    runs: int = 0
    writes: int = 0
    writes_of_replacing: int = 0
    days_with_a_write: set[date] = field(default_factory=set)
    needless: list[datetime] = field(default_factory=list)
    idle: list[datetime] = field(default_factory=list)

    def summary(self) -> dict[str, int]:
        return {
            "hours compared": self.hours,
            "calls compared": self.calls,
            "mismatches": len(self.mismatches),
            "runs": self.runs,
            "days with a write": len(self.days_with_a_write),
            "writes": self.writes,
            "writes of remove-all-and-add at each run": self.writes_of_replacing,
        }


@dataclass
class Life:
    """A number, its calendar file, the runs that apply it, and the people who call."""

    server: SandboxServer
    hook: DirectcallHook
    line: Line
    text: str
    emergency_text: str
    tally: Tally = field(default_factory=Tally)
    rules: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    week_ahead: object = None

    def live(self, days: list[date], runs: list[datetime]) -> Tally:
        due = sorted(runs)
        for day in days:
            for moment in self.line.moments(day):
                while due and due[0] <= moment:
                    self.run(due.pop(0))
                self.server.set_time(moment)
                self.compare(moment)
        assert not due, "every run was made"
        return self.tally

    def run(self, moment: datetime) -> None:
        """Load the calendar, plan, apply: the daily work of a task."""
        self.server.set_time(moment)
        known = self.line.told_at(moment)
        calendar = load_calendar(self.text + self.emergency_text if known.emergency else self.text)
        wanted = rules_for(calendar, datetime.fromtimestamp(self.server.now(), ZONE))
        before = self.server.state()
        plan = plan_rules(DID, self.hook.list_rules(DID), wanted, secret=SECRET)
        apply_plan(self.hook, plan, secret=SECRET, sleep=_nobody_waits)
        after = self.server.state()
        self.rules = {str(rule["dpId"]): rule["data"] for rule in after["rules"][DID]}
        writes = sum(after["effects"][name] - before["effects"][name] for name in ("rules_saved", "rules_removed"))
        self._count(moment, writes, len(before["rules"][DID]) + len(wanted))
        self._judge(moment, writes, known.dated_week(moment.date()))

    def _count(self, moment: datetime, writes: int, of_replacing: int) -> None:
        self.tally.runs += 1
        self.tally.writes += writes
        self.tally.writes_of_replacing += of_replacing
        if writes:
            self.tally.days_with_a_write.add(moment.date())

    def _judge(self, moment: datetime, writes: int, week_ahead: object) -> None:
        changes = week_ahead != self.week_ahead
        self.week_ahead = week_ahead
        if writes and not changes:
            self.tally.needless.append(moment)
        if changes and not writes:
            self.tally.idle.append(moment)

    def compare(self, moment: datetime) -> None:
        """Somebody calls; then once more for each phone that nobody picks up."""
        self.tally.hours += moment.minute == 30 and moment.second == 0
        for caller in oracle.CALLERS:
            expected = self.line.course(moment, caller)
            for rung in range(len(expected.phones) + 1):
                met = self.met(caller, expected.phones[:rung])
                self.tally.calls += 1
                if met != _answer(expected, rung):
                    self.tally.mismatches.append(f"{moment} {caller}: {met}, expected {_answer(expected, rung)}")

    def met(self, caller: str, unanswered: tuple[str, ...]) -> Course:
        answer = self.server.receive_call(DID, caller, unanswered=unanswered, keep=False)
        played = tuple(answer["played"])
        if answer["phone"]:
            return Course("picked up", (str(answer["phone"]),), played)
        rule = self.rules.get(str(answer["rule_id"]), {})
        ends = {"voicemail": str(rule.get("email")), "hangup": "hangup", "sound": "farewell", None: "nobody"}
        return Course(ends[answer["action"]], played=played)


def _answer(course: Course, rung: int) -> Course:
    """The answer to a caller when that many phones of a course ring in vain."""
    if rung < len(course.phones):
        return Course("picked up", (course.phones[rung],), course.played)
    return Course(course.end, played=course.played)


def _nobody_waits(seconds: float) -> None:
    raise AssertionError("every write is seen at once here")


def days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]


def runs_of(year: int) -> Iterator[datetime]:
    """Daily at 00:05; some days not at all, some late, some once more in the evening."""
    for number, day in enumerate(days_of(year)):
        early, late, again = (oracle.start_of(day) + timedelta(hours=hour, minutes=5) for hour in (0, 12, 18))
        returns_late = day - timedelta(days=1) in {last for _, last in NO_RUNS[year]}
        if number % 17 == 7 or any(first <= day <= last for first, last in NO_RUNS[year]):
            continue
        yield late if returns_late or number % 13 == 4 else early
        if number % 7 == 3:
            yield again


@pytest.fixture
def server(directcall_sandbox: SandboxServer) -> SandboxServer:
    directcall_sandbox.set_speed(0)
    return directcall_sandbox


@pytest.fixture
def hook(connect) -> DirectcallHook:
    """A hook, and an account with the sounds that the calendars play."""
    hook = connect()
    while hook.add_sound("aviso", b"ID3\x04" + bytes(100)).sound_id < LAST_SOUND:
        pass
    return hook


@pytest.mark.parametrize("name", YEARS)
def test_each_hour_of_a_year_is_answered_as_the_oracle_says(server, hook, name):
    year, line, text, emergency_text = YEARS[name]
    life = Life(server, hook, line, text, emergency_text)
    life.run(datetime(year - 1, 12, 31, 12))
    first_writes, life.tally = life.tally.writes, Tally()

    tally = life.live(days_of(year), [*runs_of(year), line.emergency.begins])

    figures = ", ".join(f"{what}: {figure}" for what, figure in tally.summary().items())
    print(f"{name} first run: {first_writes} writes; {figures}")  # noqa: T201  # -rA shows it in the report
    assert tally.mismatches == []
    assert tally.hours == 24 * len(days_of(year))
    assert tally.needless == [], "a day without change writes nothing"
    assert tally.idle == []


def test_runs_are_missed_late_and_repeated_within_what_is_promised():
    for year in (2026, 2028):
        runs = [run.date() for run in runs_of(year)]
        gaps = [(later - earlier).days - 1 for earlier, later in pairwise(runs)]
        assert max(gaps) == 5
        assert gaps.count(-1) > 40
        assert gaps.count(1) > 15


def test_a_holiday_comes_again_where_no_run_takes_it_away_for_a_week(server, hook):
    life = Life(server, hook, oracle.SP_2026, calendars.SP_2026, "")
    days = [date(2026, 10, 12) + timedelta(days=number) for number in range(8)]

    tally = life.live(days, [datetime(2026, 10, 12)])

    assert {mismatch[:10] for mismatch in tally.mismatches} == {"2026-10-19"}

"""Looks at the statement over time -> a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.delivery.matching import Match, MatchKind
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Reconciliation, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallReplyError, DirectcallUnavailable

from .directcall import BEGIN, Directcall, Form
from .trying import CallErrand

IDS = {"callerid": "c"}
DOWN, ODD = DirectcallUnavailable("down"), DirectcallReplyError("no such page")
FOUND, ABSENT, UNKNOWN = VerdictKind
THERE, PARTLY, PROGRESS, NONE, UNPROVEN = MatchKind


RECORD = Record(phase=Phase.NOT_SENT, generation=0, key="abcdefgh234567ij", since=BEGIN, max_tries=1, try_number=2)


class SimulatedClock(Clock):
    def __init__(self, directcall):
        self._directcall = directcall

    def now(self):
        return self._directcall.now


TIMEOUTS = ReconcileTimeouts(settle_seconds=100, longest_seconds=1000, poll_interval=15)


def reconciliation(due_at=None):
    return Reconciliation(BEGIN, TIMEOUTS, due_at)


def verdict_after(reconciling, *looks, took=0):
    """Return the verdict after looks at these seconds, and its time."""
    for seconds, seen in looks:
        asked_at = BEGIN + timedelta(seconds=seconds)
        answered_at = asked_at + timedelta(seconds=took)
        if isinstance(seen, MatchKind):
            ids = IDS if seen in {THERE, PARTLY} else {}
            verdict = reconciling.observe(Match(seen, ids, shows_key=bool(ids)), asked_at, answered_at)
        else:
            verdict = reconciling.failed(seen, answered_at)
        if verdict is not None:
            return seconds, verdict.kind
    return None


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(0, THERE)], (0, FOUND)),
        ([(0, NONE), (99, NONE)], None),
        ([(0, NONE), (99, NONE), (100, NONE)], (100, ABSENT)),
        ([(0, NONE), (100, THERE)], (100, FOUND)),
        ([(0, PARTLY), (99, PARTLY)], None),
        ([(0, PARTLY), (100, PARTLY)], (100, FOUND)),
        ([(0, UNPROVEN), (99, UNPROVEN)], None),
        ([(0, UNPROVEN), (100, UNPROVEN)], (100, UNKNOWN)),
        # A call in progress may have ended at any moment between two looks.
        ([(0, PROGRESS), (50, NONE), (149, NONE)], None),
        ([(0, PROGRESS), (50, NONE), (150, NONE)], (150, ABSENT)),
        ([(0, NONE), (50, PROGRESS), (60, NONE), (159, NONE)], None),
        ([(0, NONE), (50, PROGRESS), (60, NONE), (160, NONE)], (160, ABSENT)),
        ([(0, PROGRESS), (1099, PROGRESS)], None),
        ([(0, PROGRESS), (1100, PROGRESS)], (1100, UNKNOWN)),
        # A failed look proves nothing.
        ([(0, DOWN), (99, DOWN)], None),
        ([(0, DOWN), (100, DOWN)], None),
        ([(0, DOWN), (99, DOWN), (100, DOWN)], (100, UNKNOWN)),
        # At the deciding moment, one failed look is followed by others.
        ([(0, NONE), (100, DOWN), (110, NONE)], (110, ABSENT)),
        ([(0, NONE), (100, DOWN), (110, DOWN), (120, THERE)], (120, FOUND)),
        ([(0, NONE), (100, DOWN), (110, DOWN), (119, DOWN)], (119, UNKNOWN)),
        ([(0, DOWN), (90, DOWN), (95, NONE), (196, DOWN)], None),
        ([(0, DOWN), (90, NONE), (100, NONE), (189, NONE)], None),
        ([(0, DOWN), (90, NONE), (100, DOWN), (190, NONE)], (190, ABSENT)),
        ([(0, PROGRESS), (150, DOWN), (151, DOWN)], None),
        ([(0, PROGRESS), (150, DOWN), (151, DOWN), (152, DOWN)], (152, UNKNOWN)),
        ([(90, PROGRESS), (150, DOWN), (180, NONE), (279, NONE)], None),
        # No odd answer ends the looking before its time.
        ([(0, DirectcallReplyError("no such page"))], None),
        ([(0, ODD), (99, ODD), (100, THERE)], (100, FOUND)),
        ([(0, ODD), (99, ODD), (100, ODD)], (100, UNKNOWN)),
        # A row may vanish again.
        ([(0, PARTLY), (100, NONE)], (100, FOUND)),
        ([(0, PARTLY), (98, DOWN), (99, DOWN), (100, DOWN)], (100, FOUND)),
    ],
)
def test_verdict_after_looks(looks, expected):
    assert verdict_after(reconciliation(), *looks) == expected


def test_slow_look_counts_from_its_beginning():
    looks = [(0, NONE), (100, NONE)]
    assert verdict_after(reconciliation(), *looks, took=30) is None
    assert verdict_after(reconciliation(), *looks, (130, NONE), took=30) == (130, ABSENT)


@pytest.mark.parametrize(("due", "kind"), [(0, ABSENT), (1, UNKNOWN), (3600, UNKNOWN)])
def test_scheduled_request_is_never_absent_before_its_time(due, kind):
    scheduled = reconciliation(due_at=BEGIN + timedelta(seconds=due))
    assert verdict_after(scheduled, (0, NONE), (100, NONE)) == (100, kind)


def failed(reconciling, error):
    """Return the verdict after failed looks only."""
    at_the_end = BEGIN + timedelta(seconds=TIMEOUTS.settle_seconds)
    return [reconciling.failed(error, at_the_end) for _ in range(3)][-1]


def test_wrong_secret_is_retryable():
    verdict = failed(reconciliation(), DirectcallAuthError("no"))
    assert (verdict.kind, verdict.retryable, verdict.reason) == (UNKNOWN, True, "no")


def test_missing_statement_is_not_retryable():
    verdict = failed(reconciliation(), DirectcallReplyError("no such page"))
    assert (verdict.kind, verdict.retryable) == (UNKNOWN, False)


@pytest.mark.parametrize("is_line_unknown", [True, False])
@pytest.mark.parametrize("first", [NONE, PROGRESS])
def test_resend_waits_until_it_is_known_whether_a_call_is_in_progress(first, is_line_unknown):
    reconciling = reconciliation()
    reconciling.observe(Match(first), BEGIN, BEGIN)
    late = BEGIN + timedelta(seconds=2 * TIMEOUTS.settle_seconds)
    failed_look = Match(NONE, error=DOWN, is_line_unknown=is_line_unknown)
    verdict = [reconciling.observe(failed_look, late, late) for _ in range(3)][-1]
    assert (verdict.kind, verdict.forbids_send) == (UNKNOWN, is_line_unknown)


@pytest.mark.parametrize("is_seen_last", [True, False])
def test_key_that_was_shown_forbids_a_second_send(is_seen_last):
    reconciling, end = reconciliation(), BEGIN + timedelta(seconds=TIMEOUTS.settle_seconds)
    early = Match(UNPROVEN, doubt="early", shows_key=True)
    assert reconciling.observe(early, BEGIN, BEGIN) is None
    verdict = reconciling.observe(early if is_seen_last else Match(NONE), end, end)
    assert (verdict.kind, verdict.reason, verdict.seen) == (UNKNOWN, "early", True)


@pytest.mark.parametrize(
    ("control", "kind"),
    [(Match(NONE), ABSENT), (Match(THERE, IDS, shows_key=True), FOUND), (Match(UNPROVEN, doubt="why"), UNKNOWN)],
)
def test_control_look_decides_on_absence(control, kind):
    verdict = reconciliation().confirm(control, BEGIN)
    assert (verdict.kind, verdict.reason, verdict.ids) == (kind, control.doubt, control.ids)


def test_control_look_that_fails_is_repeated():
    """A look without a row resets no failures before its control look has succeeded."""
    reconciling, end = reconciliation(), BEGIN + timedelta(seconds=TIMEOUTS.settle_seconds)
    reconciling.observe(Match(NONE), BEGIN, BEGIN)
    verdicts = []
    for _ in range(3):
        assert reconciling.observe(Match(NONE), end, end).kind is ABSENT
        verdicts.append(reconciling.failed(DOWN, end))
    assert [verdict and verdict.kind for verdict in verdicts] == [None, None, UNKNOWN]


def test_absence_waits_for_the_last_request_that_another_process_may_send():
    """A process that sends until some minutes from now, and has not been seen to be gone."""
    others_end_at = BEGIN + timedelta(seconds=500)
    reconciling = Reconciliation(others_end_at, TIMEOUTS)
    assert verdict_after(reconciling, (0, NONE), (100, NONE), (599, NONE)) is None
    assert verdict_after(reconciling, (600, NONE)) == (600, ABSENT)


def test_longest_reconciliation_is_within_at_most():
    last_progress = 1099
    looks = [(0, PROGRESS), (last_progress, PROGRESS), (1198, NONE), (1298, NONE)]
    assert verdict_after(reconciliation(), *looks) == (1298, ABSENT)
    assert timedelta(seconds=1298) <= TIMEOUTS.at_most


@pytest.mark.parametrize(
    ("settle", "interval", "pause"), [(300, 10, 10), (300, 200, 75), (2, 10, 1), (0, 10, 1), (0, 0.5, 0.5)]
)
def test_pause_leaves_time_for_several_looks(settle, interval, pause):
    assert ReconcileTimeouts(settle_seconds=settle, longest_seconds=0, poll_interval=interval).pause == pause


@pytest.mark.parametrize("superseded", [True, False])
def test_after_a_clear_the_first_look_shows_what_only_a_look_among_all_rows_finds(superseded):
    """Else a Clear would return the old result, as if the request had still been on its way."""
    directcall = Directcall(Form(search_filters=True))
    directcall.take(RECORD.key, seconds=0, word="answered", lateness=0)
    directcall.now += timedelta(hours=1)
    clock = SimulatedClock(directcall)
    looks = reconciliation()
    verdict = drive(looks.look(CallErrand(directcall), replace(RECORD, superseded=superseded), clock), lambda _: None)
    assert (verdict is not None and verdict.was_there) == superseded

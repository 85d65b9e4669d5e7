"""What looks at the statement, made over some time, say together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_directcall.delivery.reconciling import Patience, Seen, Settling, Sighting, VerdictKind
from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallReplyError, DirectcallUnavailable

from .directcall import BEGIN

IDS = {"callerid": "c"}
DOWN = DirectcallUnavailable("down")
FOUND, ABSENT, UNKNOWN = VerdictKind


def settling(**changes):
    return Settling(BEGIN, Patience(**{"settle_seconds": 100, "longest_seconds": 1000, **changes}))


def looked(settling, *looks, took=0):
    """The verdict of looks at so many seconds, and when it came."""
    for seconds, seen in looks:
        asked_at = BEGIN + timedelta(seconds=seconds)
        answered_at = asked_at + timedelta(seconds=took)
        if isinstance(seen, Seen):
            ids = IDS if seen in {Seen.THERE, Seen.PARTLY_THERE} else {}
            verdict = settling.saw(Sighting(seen, ids), asked_at, answered_at)
        else:
            verdict = settling.failed(seen, answered_at)
        if verdict is not None:
            return seconds, verdict.kind
    return None


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([(0, Seen.THERE)], (0, FOUND)),
        ([(0, Seen.NOTHING), (99, Seen.NOTHING)], None),
        ([(0, Seen.NOTHING), (99, Seen.NOTHING), (100, Seen.NOTHING)], (100, ABSENT)),
        ([(0, Seen.NOTHING), (100, Seen.THERE)], (100, FOUND)),
        ([(0, Seen.PARTLY_THERE), (99, Seen.PARTLY_THERE)], None),
        ([(0, Seen.PARTLY_THERE), (100, Seen.PARTLY_THERE)], (100, FOUND)),
        ([(0, Seen.UNPROVEN), (99, Seen.UNPROVEN)], None),
        ([(0, Seen.UNPROVEN), (100, Seen.UNPROVEN)], (100, UNKNOWN)),
        # A call that is seen in progress, then not any more, may have ended at any moment between the two looks.
        ([(0, Seen.IN_PROGRESS), (50, Seen.NOTHING), (149, Seen.NOTHING)], None),
        ([(0, Seen.IN_PROGRESS), (50, Seen.NOTHING), (150, Seen.NOTHING)], (150, ABSENT)),
        ([(0, Seen.NOTHING), (50, Seen.IN_PROGRESS), (60, Seen.NOTHING), (159, Seen.NOTHING)], None),
        ([(0, Seen.NOTHING), (50, Seen.IN_PROGRESS), (60, Seen.NOTHING), (160, Seen.NOTHING)], (160, ABSENT)),
        ([(0, Seen.IN_PROGRESS), (1099, Seen.IN_PROGRESS)], None),
        ([(0, Seen.IN_PROGRESS), (1100, Seen.IN_PROGRESS)], (1100, UNKNOWN)),
        # What was not seen proves nothing.
        ([(0, DOWN), (99, DOWN)], None),
        ([(0, DOWN), (100, DOWN)], None),
        ([(0, DOWN), (99, DOWN), (100, DOWN)], (100, UNKNOWN)),
        # At the deciding moment, one failed look is followed by others.
        ([(0, Seen.NOTHING), (100, DOWN), (110, Seen.NOTHING)], (110, ABSENT)),
        ([(0, Seen.NOTHING), (100, DOWN), (110, DOWN), (120, Seen.THERE)], (120, FOUND)),
        ([(0, Seen.NOTHING), (100, DOWN), (110, DOWN), (119, DOWN)], (119, UNKNOWN)),
        ([(0, DOWN), (90, DOWN), (95, Seen.NOTHING), (196, DOWN)], None),
        ([(0, DOWN), (90, Seen.NOTHING), (100, Seen.NOTHING), (189, Seen.NOTHING)], None),
        ([(0, DOWN), (90, Seen.NOTHING), (100, DOWN), (190, Seen.NOTHING)], (190, ABSENT)),
        ([(0, Seen.IN_PROGRESS), (150, DOWN), (151, DOWN)], None),
        ([(0, Seen.IN_PROGRESS), (150, DOWN), (151, DOWN), (152, DOWN)], (152, UNKNOWN)),
        ([(90, Seen.IN_PROGRESS), (150, DOWN), (180, Seen.NOTHING), (279, Seen.NOTHING)], None),
        ([(0, DirectcallReplyError("no such page"))], (0, UNKNOWN)),
    ],
)
def test_the_table(looks, expected):
    assert looked(settling(), *looks) == expected


def test_a_slow_look_counts_from_when_the_statement_was_asked():
    looks = [(0, Seen.NOTHING), (100, Seen.NOTHING)]
    assert looked(settling(), *looks, took=30) is None
    assert looked(settling(), *looks, (130, Seen.NOTHING), took=30) == (130, ABSENT)


@pytest.mark.parametrize(("due", "kind"), [(0, ABSENT), (1, UNKNOWN), (3600, UNKNOWN)])
def test_what_is_not_due_yet_is_never_absent(due, kind):
    patient = settling(due_at=BEGIN + timedelta(seconds=due))
    assert looked(patient, (0, Seen.NOTHING), (100, Seen.NOTHING)) == (100, kind)


def test_a_wrong_secret_may_be_mended_before_a_retry():
    verdict = settling().failed(DirectcallAuthError("no"), BEGIN)
    assert (verdict.kind, verdict.may_pass, verdict.reason) == (UNKNOWN, True, "no")


def test_a_statement_that_is_not_there_does_not_pass():
    verdict = settling().failed(DirectcallReplyError("no such page"), BEGIN)
    assert (verdict.kind, verdict.may_pass) == (UNKNOWN, False)


def test_nothing_takes_longer_than_it_says():
    patience = Patience(settle_seconds=100, longest_seconds=1000)
    last_progress = 1099
    looks = [(0, Seen.IN_PROGRESS), (last_progress, Seen.IN_PROGRESS), (1198, Seen.NOTHING), (1298, Seen.NOTHING)]
    assert looked(Settling(BEGIN, patience), *looks) == (1298, ABSENT)
    assert timedelta(seconds=1298) <= patience.at_most


@pytest.mark.parametrize(
    ("settle", "interval", "pause"), [(300, 10, 10), (300, 200, 75), (2, 10, 1), (0, 10, 1), (0, 0.5, 0.5)]
)
def test_several_looks_fit_into_the_time(settle, interval, pause):
    assert Patience(settle_seconds=settle, longest_seconds=0).pause(interval) == pause

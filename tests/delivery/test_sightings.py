"""Rows of the statement -> whether a request is among them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_directcall.delivery.matching import (
    Sought,
    call_sighting,
    message_sighting,
    own_rows,
    progress_sighting,
)
from airflow_provider_directcall.delivery.reconciling import Seen, Sighting

PERSON, OTHER = "5511990000001", "5511990000002"
OURS, THEIRS = {"airflow_key": "k"}, {"airflow_key": "x"}


SINCE = datetime(2026, 1, 30, 12, tzinfo=UTC)


def row(tags=OURS, destination=PERSON, callerid="c", at=SINCE):
    return SimpleNamespace(tags=tags, destination=destination, callerid=callerid, started_at=at, sent_at=at)


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([], Seen.NOTHING),
        ([row()], Seen.THERE),
        ([row(THEIRS), row()], Seen.THERE),
        ([row(THEIRS)], Seen.NOTHING),
        ([row({"contact": "7"})], Seen.NOTHING),
        ([row({"contact": "7"}, callerid=None)], Seen.NOTHING),
        ([row({})], Seen.THERE),
        ([row({}, destination=PERSON[2:])], Seen.THERE),
        ([row({}, destination=OTHER)], Seen.UNPROVEN),
        ([row({}, destination=None)], Seen.UNPROVEN),
        ([row({}, destination=OTHER), row()], Seen.THERE),
        ([row(destination=OTHER)], Seen.THERE),
        ([row(callerid=None)], Seen.UNPROVEN),
        ([row({}, callerid=None)], Seen.UNPROVEN),
        ([row(callerid=None), row()], Seen.THERE),
        ([row({}, at=SINCE - timedelta(minutes=5))], Seen.THERE),
        ([row({}, at=SINCE - timedelta(minutes=6))], Seen.UNPROVEN),
        ([row({}, at=None)], Seen.UNPROVEN),
        ([row({}), row({}, callerid="another")], Seen.UNPROVEN),
        ([row(at=None)], Seen.THERE),
    ],
)
def test_a_call(rows, seen):
    sighting = call_sighting(rows, Sought("k", [PERSON], SINCE))
    assert sighting == Sighting(seen, {"callerid": "c"} if seen is Seen.THERE else {})


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([], Seen.NOTHING),
        ([row()], Seen.PARTLY_THERE),
        ([row(), row(destination=OTHER)], Seen.THERE),
        ([row(), row(THEIRS, OTHER)], Seen.PARTLY_THERE),
        ([row({}), row({}, OTHER)], Seen.THERE),
        ([row({}, "5511990000003")], Seen.UNPROVEN),
    ],
)
def test_a_message_to_two(rows, seen):
    sighting = message_sighting(rows, Sought("k", [PERSON, OTHER], SINCE))
    assert sighting.seen is seen
    assert sighting.ids == ({"callerid": "c"} if seen in {Seen.THERE, Seen.PARTLY_THERE} else {})


def test_own_rows_are_those_of_the_request():
    rows = [row(), row(THEIRS), row({}, OTHER), row({}, "5511990000003")]
    assert own_rows(rows, Sought("k", [PERSON, OTHER], SINCE)) == [rows[0], rows[2]]


def test_a_call_in_progress_may_be_ours():
    assert progress_sighting([object()]).seen is Seen.IN_PROGRESS
    assert progress_sighting([]).seen is Seen.NOTHING

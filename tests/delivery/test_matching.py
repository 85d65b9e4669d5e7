"""Rows of the statement -> whether a request is among them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_directcall.delivery.matching import (
    LookupKey,
    Match,
    MatchKind,
    match_call,
    match_each,
    match_message,
    match_progress,
    own_rows,
)

PERSON, OTHER = "5511990000001", "5511990000002"
OURS, THEIRS = {"airflow_key": "k"}, {"airflow_key": "x"}


SINCE = datetime(2026, 1, 30, 12, tzinfo=UTC)


def row(tags=OURS, destination=PERSON, callerid="c", at=SINCE):
    return SimpleNamespace(tags=tags, destination=destination, callerid=callerid, started_at=at, sent_at=at)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], MatchKind.NONE),
        ([row()], MatchKind.THERE),
        ([row(THEIRS), row()], MatchKind.THERE),
        ([row(THEIRS)], MatchKind.NONE),
        ([row({"contact": "7"})], MatchKind.NONE),
        ([row({"contact": "7"}, callerid=None)], MatchKind.NONE),
        ([row({})], MatchKind.THERE),
        ([row({}, destination=PERSON[2:])], MatchKind.THERE),
        ([row({}, destination=OTHER)], MatchKind.UNPROVEN),
        ([row({}, destination=None)], MatchKind.UNPROVEN),
        ([row({}, destination=OTHER), row()], MatchKind.THERE),
        ([row(destination=OTHER)], MatchKind.THERE),
        ([row({}, callerid=None)], MatchKind.UNPROVEN),
        ([row(callerid=None), row()], MatchKind.THERE),
        ([row({}, at=SINCE - timedelta(minutes=5))], MatchKind.THERE),
        ([row({}, at=SINCE - timedelta(minutes=6))], MatchKind.UNPROVEN),
        ([row({}, at=None)], MatchKind.UNPROVEN),
        ([row({}), row({}, callerid="another")], MatchKind.UNPROVEN),
        ([row(at=None)], MatchKind.THERE),
    ],
)
def test_match_of_a_call(rows, kind):
    match = match_call(rows, LookupKey("k", [PERSON], SINCE))
    assert match == Match(kind, {"callerid": "c"} if kind is MatchKind.THERE else {})


def test_a_row_with_our_key_and_no_id_is_there():
    assert match_call([row(callerid=None)], LookupKey("k", [PERSON], SINCE)) == Match(MatchKind.THERE)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], MatchKind.NONE),
        ([row()], MatchKind.PARTLY_THERE),
        ([row(), row(destination=OTHER)], MatchKind.THERE),
        ([row(), row(THEIRS, OTHER)], MatchKind.PARTLY_THERE),
        ([row({}), row({}, OTHER)], MatchKind.THERE),
        ([row({}, "5511990000003")], MatchKind.UNPROVEN),
    ],
)
def test_match_of_a_message_to_two(rows, kind):
    match = match_message(rows, LookupKey("k", [PERSON, OTHER], SINCE))
    assert match.kind is kind
    assert match.ids == ({"callerid": "c"} if kind in {MatchKind.THERE, MatchKind.PARTLY_THERE} else {})


def test_own_rows_are_those_of_the_request():
    rows = [row(), row(THEIRS), row({}, OTHER), row({}, "5511990000003")]
    assert own_rows(rows, LookupKey("k", [PERSON, OTHER], SINCE)) == [rows[0], rows[2]]


def test_match_of_a_call_in_progress():
    assert match_progress([object()]).kind is MatchKind.IN_PROGRESS
    assert match_progress([]).kind is MatchKind.NONE


def test_match_of_a_lot_in_one_pass():
    rows = [row({"airflow_key": "a"}), row({"airflow_key": "b"}, OTHER, "d"), row(THEIRS)]
    matches = match_each(
        rows, [LookupKey("a", [PERSON], SINCE), LookupKey("b", [OTHER], SINCE), LookupKey("c", [], SINCE)]
    )
    assert {key: (match.kind, match.ids.get("callerid")) for key, match in matches.items()} == {
        "a": (MatchKind.THERE, "c"),
        "b": (MatchKind.THERE, "d"),
        "c": (MatchKind.NONE, None),
    }


def test_match_of_a_lot_holds_untagged_rows_against_all():
    rows = [row({}, "5511990000003"), row({"airflow_key": "a"})]
    matches = match_each(rows, [LookupKey("a", [PERSON], SINCE), LookupKey("b", [OTHER], SINCE)])
    assert [match.kind for match in matches.values()] == [MatchKind.THERE, MatchKind.UNPROVEN]

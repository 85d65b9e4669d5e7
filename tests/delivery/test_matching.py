"""Rows of the statement -> whether a request is among them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from airflow_provider_directcall.delivery.lots import match_each
from airflow_provider_directcall.delivery.matching import (
    LookupKey,
    Match,
    MatchKind,
    match_call,
    match_message,
    match_progress,
    unclear_rows,
)
from airflow_provider_directcall.statement.ownership import Owner, owner_of

PERSON, OTHER = "5511990000001", "5511990000002"
KEY, ANOTHER_KEY = "abcdefgh234567ij", "zyxwvuts765432kl"
OURS, THEIRS = {"airflow_key": KEY}, {"airflow_key": ANOTHER_KEY}


LOT = "lllooottt2345677"
SINCE = datetime(2026, 1, 30, 12, tzinfo=UTC)


def row(tags=OURS, destination=PERSON, callerid="c", at=SINCE, origin="551130000001", raw=None):
    return SimpleNamespace(
        key=callerid,
        tags=tags,
        destination=destination,
        callerid=callerid,
        started_at=at,
        sent_at=at,
        origin=origin,
        raw=raw or {},
    )


def wanted(*destinations, key=KEY):
    return LookupKey(key, destinations or [PERSON], SINCE)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], MatchKind.NONE),
        ([row()], MatchKind.THERE),
        ([row(THEIRS), row()], MatchKind.THERE),
        ([row(THEIRS)], MatchKind.NONE),
        ([row({"contact": "7"})], MatchKind.UNPROVEN),
        ([row({})], MatchKind.UNPROVEN),
        ([row({}, destination=OTHER)], MatchKind.UNPROVEN),
        ([row({}, destination=OTHER), row()], MatchKind.THERE),
        ([row(destination=OTHER)], MatchKind.THERE),
        ([row(callerid=None), row()], MatchKind.THERE),
        ([row(at=SINCE - timedelta(minutes=5))], MatchKind.THERE),
        ([row(at=SINCE - timedelta(minutes=6))], MatchKind.UNPROVEN),
        ([row(at=None)], MatchKind.THERE),
        ([row({}, raw={"campos": [{"x": "airflow_key", "y": KEY}]})], MatchKind.THERE),
        ([row({}, raw={"dados": f"airflow_key={KEY};contact=7"})], MatchKind.THERE),
    ],
)
def test_match_of_a_call(rows, kind):
    match = match_call(rows, wanted())
    assert (match.kind, match.ids) == (kind, {"callerid": "c"} if kind is MatchKind.THERE else {})


def test_a_row_with_our_key_and_no_id_is_there():
    assert match_call([row(callerid=None)], wanted()) == Match(MatchKind.THERE, shows_key=True)


def test_a_row_with_our_key_from_before_the_request_forbids_a_second_one():
    assert match_call([row(at=SINCE - timedelta(days=1))], wanted()).shows_key


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], MatchKind.NONE),
        ([row({})], MatchKind.THERE),
        ([row({}, destination=OTHER)], MatchKind.THERE),
        ([row({}, destination=None, callerid=None, at=None)], MatchKind.THERE),
        ([row(THEIRS)], MatchKind.NONE),
        ([row({}, at=SINCE - timedelta(minutes=6))], MatchKind.UNPROVEN),
    ],
)
def test_rows_of_a_proven_filter_are_ours_unless_they_show_another_key(rows, kind):
    assert match_call(rows, wanted(), is_filtered=True).kind is kind


# Whose a row is


@given(length=st.integers(8, 16), spell=st.sampled_from([str.upper, str.title, lambda text: f" {text} "]))
def test_our_key_is_read_in_any_case_and_cut_to_eight_characters(length, spell):
    assert owner_of(row({"AIRFLOW_KEY": spell(KEY[:length])}), KEY) is Owner.OURS


@given(st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16).filter(lambda key: key[:8] != KEY[:8]))
def test_another_whole_key_is_another_s(key):
    assert owner_of(row({"airflow_key": key}), KEY) is Owner.ANOTHER
    assert owner_of(row({"Airflow_Key": key.upper()}), KEY) is Owner.ANOTHER


@given(st.text(max_size=15).filter(lambda text: not KEY.startswith(text.strip().lower()[:8] or "-")))
def test_anything_else_could_be_ours(text):
    for tags in ({"airflow_key": text}, {"contact": text}, {"contact": ANOTHER_KEY}, {}):
        assert owner_of(row(tags), KEY) is Owner.UNCLEAR


@given(st.integers(0, 7))
def test_a_key_cut_below_eight_characters_could_be_ours(length):
    assert owner_of(row({"airflow_key": KEY[:length]}), KEY) is Owner.UNCLEAR


@pytest.mark.parametrize(
    ("one", "could_be"),
    [
        (row({}), True),
        (row({}, destination=PERSON[2:]), True),
        (row({}, destination=f"{PERSON[2:4]}{PERSON[5:]}"), True),
        (row({}, destination=f"015{PERSON[2:]}"), True),
        (row({}, destination=f"+55 (11) {PERSON[4:9]}-{PERSON[9:]}"), True),
        (row({}, destination=None), True),
        (row({}, destination="5511*****0001"), True),
        (row({}, destination="90001"), True),
        (row({}, destination=OTHER), False),
        (row({}, destination="551130000001"), True),
        (row({}, at=None), True),
        (row({}, at=SINCE - timedelta(hours=3)), True),
        (row({}, at=SINCE - timedelta(hours=3, minutes=6)), False),
        (row({"contact": "7"}), True),
        (row(THEIRS), False),
        (row(), False),
    ],
)
def test_rows_that_could_be_ours(one, could_be):
    assert bool(unclear_rows([one], wanted())) is could_be


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        ([], MatchKind.NONE),
        ([row()], MatchKind.PARTLY_THERE),
        ([row(), row(destination=OTHER)], MatchKind.THERE),
        ([row(), row(THEIRS, OTHER)], MatchKind.PARTLY_THERE),
        ([row({}), row({}, OTHER)], MatchKind.UNPROVEN),
        ([row({}, "5511990000003")], MatchKind.UNPROVEN),
    ],
)
def test_match_of_a_message_to_two(rows, kind):
    match = match_message(rows, wanted(PERSON, OTHER))
    assert match.kind is kind
    assert match.ids == ({"callerid": "c"} if kind in {MatchKind.THERE, MatchKind.PARTLY_THERE} else {})


def test_match_of_a_call_in_progress():
    live, over = SimpleNamespace(has_ended=False), SimpleNamespace(has_ended=True)
    assert match_progress([over, live]).kind is MatchKind.IN_PROGRESS
    assert match_progress([over, over]).kind is MatchKind.NONE
    assert match_progress([]).kind is MatchKind.NONE


def in_lot(*matches):
    return [(match.kind, match.ids.get("callerid")) for match in matches]


def test_match_of_a_lot_in_one_pass():
    second, third = KEY[::-1], ANOTHER_KEY[::-1]
    rows = [row(), row({"airflow_key": second}, OTHER, "d"), row(THEIRS)]
    matches = match_each(rows, [wanted(), wanted(OTHER, key=second), wanted(key=third)])
    assert in_lot(*matches) == [(MatchKind.THERE, "c"), (MatchKind.THERE, "d"), (MatchKind.NONE, None)]


@pytest.mark.parametrize(
    ("shown", "kinds"),
    [
        (row({"airflow_key": LOT}), (MatchKind.THERE, MatchKind.NONE)),
        (row({"airflow_lot": LOT}), (MatchKind.THERE, MatchKind.NONE)),
        (row({"airflow_lot": LOT}, PERSON.removeprefix("55")), (MatchKind.THERE, MatchKind.NONE)),
        (row({"airflow_lot": LOT}, "5511*****0001"), (MatchKind.UNPROVEN, MatchKind.UNPROVEN)),
        (row({"airflow_lot": LOT}, f"015{PERSON[2:]}"), (MatchKind.UNPROVEN, MatchKind.NONE)),
        (row({**OURS, "airflow_lot": LOT}), (MatchKind.THERE, MatchKind.NONE)),
        (row({**THEIRS, "airflow_lot": LOT}), (MatchKind.NONE, MatchKind.NONE)),
        (row({"airflow_lot": ANOTHER_KEY}), (MatchKind.UNPROVEN, MatchKind.UNPROVEN)),
    ],
)
def test_a_row_that_shows_the_lot_is_that_of_its_number(shown, kinds):
    two = [LookupKey(key, [number], SINCE, lot=LOT) for key, number in ((KEY, PERSON), (KEY[::-1], OTHER))]
    assert tuple(match.kind for match in match_each([shown], two)) == kinds


def test_rows_of_a_proven_filter_by_lot_are_those_of_their_numbers():
    two = [LookupKey(key, [number], SINCE, lot=LOT) for key, number in ((KEY, PERSON), (KEY[::-1], OTHER))]
    assert in_lot(*match_each([row({})], two, is_filtered=True)) == [(MatchKind.THERE, "c"), (MatchKind.NONE, None)]


@given(
    st.lists(
        st.builds(
            row,
            st.sampled_from([{}, OURS, THEIRS, {"airflow_key": KEY[:9]}, {"contact": f"x{KEY}"}, {"airflow_lot": LOT}]),
            st.sampled_from([PERSON, OTHER, "90001", None]),
            at=st.sampled_from([SINCE, SINCE - timedelta(days=1), None]),
        ),
        max_size=4,
    )
)
def test_match_of_one_in_a_lot_is_the_match_of_one_alone(rows):
    assert match_each(rows, [wanted(), wanted(OTHER, key=KEY[::-1])])[0] == match_call(rows, wanted())


def test_match_of_a_lot_holds_untagged_rows_against_all():
    rows = [row({}, "5511990000003"), row()]
    matches = match_each(rows, [wanted(), wanted(OTHER, key=ANOTHER_KEY)])
    assert [match.kind for match in matches] == [MatchKind.THERE, MatchKind.UNPROVEN]

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import hypothesis.strategies as st
import pytest
from hypothesis import given

from airflow_provider_directcall.delivery.record import Phase, Record

NOTES = st.tuples(
    st.none() | st.integers(0, 10**4), st.none() | st.text(max_size=12), st.none() | st.sampled_from(["001", "201"])
)
RECORDS = st.builds(
    Record,
    phase=st.sampled_from(Phase),
    generation=st.integers(0, 50),
    key=st.text("abcdefgh234567", min_size=16, max_size=16),
    since=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-3))])),
    max_tries=st.integers(0, 50),
    try_number=st.integers(1, 50),
    sends=st.integers(0, 3),
    ids=st.dictionaries(st.sampled_from(["callerid", "schedule_id"]), st.text(max_size=36)),
    recipients=st.none() | st.lists(NOTES, max_size=4).map(tuple),
    repeat=st.booleans(),
    reported=st.booleans(),
    run=st.sampled_from(["", "2026-03-04T10:00:00+00:00"]),
    other_keys=st.lists(st.text("abcdefgh234567", min_size=16, max_size=16), max_size=3).map(tuple),
    superseded=st.booleans(),
)
KEPT = {
    "phase": "sending",
    "generation": 0,
    "key": "k",
    "since": "2026-03-04T10:00:00+00:00",
    "max_tries": 0,
    "try_number": 1,
    "sends": 1,
}


@given(RECORDS)
def test_record_survives_json(record):
    assert Record.from_json(json.loads(json.dumps(record.as_json(), allow_nan=False))) == record


def test_record_leaves_out_empty_fields():
    assert Record.from_json(KEPT).as_json() == KEPT


@pytest.mark.parametrize("name", KEPT)
def test_record_without_a_field_is_rejected(name):
    with pytest.raises(ValueError, match="cannot be read"):
        Record.from_json({key: value for key, value in KEPT.items() if key != name})


@pytest.mark.parametrize(
    "change",
    [
        {"phase": "flying"},
        {"generation": "first"},
        {"generation": float("inf")},
        {"max_tries": None},
        {"since": "2026-03-04T10:00:00"},
        {"since": "yesterday"},
        {"since": 7},
        {"ids": ["callerid"]},
        {"other_keys": "abcdefgh"},
        {"recipients": 7},
        {"recipients": [[1, "x"]]},
        {"recipients": [["first", "x", None]]},
    ],
    ids=str,
)
def test_record_with_a_wrong_value_is_rejected_and_not_shown(change):
    with pytest.raises(ValueError, match="nothing is sent") as caught:
        Record.from_json({**KEPT, **change})
    assert "yesterday" not in str(caught.value)


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.lists(st.integers())
    | st.dictionaries(st.text(), st.text())
)
def test_record_of_another_type_is_rejected(garbage):
    with pytest.raises(ValueError, match="cannot be read"):
        Record.from_json(garbage)


def test_accepted_record_is_not_reported_as_unknown():
    record = Record.from_json({**KEPT, "reported": True})
    accepted = record.accepted(Phase.SENT, {"callerid": "c"}, ((0, "1", None),))
    assert (accepted.phase, accepted.ids, accepted.reported) == (Phase.SENT, {"callerid": "c"}, False)
    assert accepted.since == datetime(2026, 3, 4, 10, tzinfo=UTC)


def test_record_that_is_found_under_another_key_has_that_key_alone():
    record = Record.from_json({**KEPT, "other_keys": ["l", "m"], "superseded": True})
    assert record.keys == ("k", "l", "m")
    assert record.found_under("m") == Record.from_json({**KEPT, "key": "m", "seen": True})
    assert record.found_under("") == Record.from_json({**KEPT, "seen": True})

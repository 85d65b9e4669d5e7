"""The state of a watch, in any order of late rows, looks and restarts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.statement.incoming import Incoming, IncomingKind
from airflow_provider_directcall.statement.watching import Watch

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LATE = timedelta(minutes=30)


def row(number: int, at: datetime) -> Incoming:
    return Incoming(IncomingKind.MISSED_CALL, f"id-{number}", at, SimpleNamespace())  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 7200), st.integers(0, 1700)), max_size=12),
    restarts=st.sets(st.integers(0, 250), max_size=4),
)
def test_each_row_is_an_event_and_only_a_restart_repeats_one_of_its_last_minutes(
    rows: list[tuple[int, int]], restarts: set[int]
) -> None:
    """A look each 40 s; rows with a time and a lateness; after a restart, the watch goes on from its stored state."""
    appearing = [
        (row(number, NOW + timedelta(seconds=begins)), NOW + timedelta(seconds=begins + late))
        for number, (begins, late) in enumerate(rows)
    ]
    watch, stored = Watch.begun(NOW, LATE), ""
    given_at: dict[str, list[datetime]] = {}
    now, restarted = NOW, NOW - timedelta(days=1)
    for look in range(260):
        if look in restarts and stored:
            watch, restarted = Watch.from_json(json.loads(stored), now, LATE), now
        since, until = watch.next_window(now)
        shown = [event for event, appears in appearing if appears <= now and since <= event.at <= until]
        for event in watch.take(shown, now):
            before = given_at.setdefault(event.event_id, [])
            assert not before or before[-1] > restarted - timedelta(seconds=120)
            before.append(now)
        watch.has_read((since, until), now)
        state = watch.state(now)
        if not stored or watch.is_due(state):
            stored = json.dumps(state)
            watch.was_stored(state)
        now += timedelta(seconds=40)
    assert set(given_at) == {event.event_id for event, _ in appearing}


def test_more_events_than_fit_make_the_time_shorter(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch.begun(NOW, LATE)
    events = [row(number, NOW + timedelta(seconds=number / 10)) for number in range(9000)]
    now = NOW + timedelta(minutes=20)
    assert len(watch.take(events, now)) == 9000
    watch.has_read(watch.next_window(now), now)
    assert watch.take([event for event in events if event.at >= watch.next_window(now)[0]], now) == []
    assert len(json.dumps(watch.state(now + timedelta(minutes=2)))) < 64 * 1024
    assert "not looked for" in caplog.text


@pytest.mark.parametrize("late", [timedelta(hours=1), timedelta(days=1), timedelta(days=7)])
def test_a_watch_catches_up_whatever_the_lateness(late: timedelta) -> None:
    watch, now = Watch.begun(NOW - timedelta(days=30), late), NOW
    reads = 0
    while watch.until < now:
        since, until = watch.next_window(now)
        assert since == max(watch.until - late, watch.begins_at)
        watch.has_read((since, until), now)
        reads += 1
    assert reads <= 31


def test_a_read_that_fails_makes_the_next_shorter() -> None:
    watch = Watch.begun(NOW - timedelta(days=30), LATE)
    lengths = []
    for _ in range(3):
        lengths.append(watch.next_window(NOW)[1] - watch.until)
        watch.has_failed()
    assert lengths == [timedelta(hours=24), timedelta(hours=12), timedelta(hours=6)]
    for _ in range(5):
        watch.has_read(watch.next_window(NOW), NOW)
    assert watch.next_window(NOW)[1] - watch.until == timedelta(hours=24)
    for _ in range(50):
        watch.has_failed()
    assert watch.next_window(NOW)[1] > watch.until


@pytest.mark.parametrize("stored", [None, [], {}, {"until": "x", "begins_at": "y", "known": ""}])
def test_a_state_that_cannot_be_read_is_an_error(stored: object) -> None:
    with pytest.raises(ValueError, match="state"):
        Watch.from_json(stored, NOW, LATE)


def test_a_pause_longer_than_the_statement_is_kept_is_said(caplog: pytest.LogCaptureFixture) -> None:
    state = Watch.begun(NOW, LATE).state(NOW)
    watch = Watch.from_json(state, NOW + timedelta(days=200), LATE)
    assert watch.next_window(NOW + timedelta(days=200))[0] >= NOW + timedelta(days=110)
    assert "paused" in caplog.text

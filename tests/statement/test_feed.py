"""Many waits share one poll, and each ends as it would alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallRefused, DirectcallUnavailable
from airflow_provider_directcall.api.lookups import drive

from .feed_world import BUSY, PERSON, START, Shown, Statement, Waiter, World, alone, at, ids

CONTACTS = [f"C-{number}-x" for number in range(8)]


def many(number=20, **changes):
    return [Waiter(joins=0, tags={"contact": f"C-{place}-x", "run": "run-1"}, **changes) for place in range(number)]


def called(place, appears, **changes):
    fields = {"started": appears - 30, "tags": {"contact": f"C-{place}-x", "run": "run-1"}, "callerid": f"c{place}"}
    return Shown(appears, **{**fields, **changes})


def test_an_account_that_refuses_the_login_ends_every_wait_at_once():
    statement = Statement([], errors=[DirectcallAuthError("not accepted")])
    assert set(World(statement, many()).run().values()) == {"failed"}
    assert statement.requests == 1


def test_lasting_errors_end_each_wait_at_its_own_budget():
    statement = Statement([], outages=[(0, 10**6)])
    waiters = [*many(10, lasts=10**5), *many(10, lasts=10**5, max_failures=20), *many(10, lasts=10**5, interval=300)]
    world = World(statement, waiters)
    assert set(world.run().values()) == {"failed"}
    first, second, third = (
        {round(world.ended_at[place] / 60) for place in range(begin, begin + 10)} for begin in (0, 10, 20)
    )
    assert max(first) < min(second)
    assert min(first) > 15, "as long as ten polls with growing pauses of its own take"
    assert min(third) > 40


def test_two_minutes_of_errors_and_rows_half_an_hour_late_lose_nothing():
    shown = [called(place, 1900 + place, started=60) for place in range(50)]
    statement = Statement(shown, outages=[(300, 420), (1880, 2000)])
    assert World(statement, many(50)).run() == {place: [f"c{place}"] for place in range(50)}


def test_a_shared_question_that_is_refused_leaves_each_wait_to_its_own():
    statement = Statement([called(3, 100)])
    answer = statement.answer

    def refuses_the_shared(request):
        if not any(name.startswith("campos[contact") for name in request.params):
            raise DirectcallRefused("no filter", code="001")
        return answer(request)

    statement.answer = refuses_the_shared
    ends = World(statement, many(lasts=600)).run()
    assert ends == {place: ["c3"] if place == 3 else "timeout" for place in range(20)}


def test_the_vendors_pause_is_kept():
    statement = Statement([called(0, 10)], errors=[DirectcallUnavailable("HTTP 429", retry_after=600)])
    world = World(statement, many())
    world.run(until=590)
    assert statement.requests == 1
    world.run(until=700)
    assert world.ends == {0: ["c0"]}


def test_one_poll_an_interval_whoever_waits():
    statement = Statement([called("other", -100)], page_size=100)
    World(statement, many(1000, lasts=7200)).run(until=3600)
    assert statement.requests == statement.shared
    assert 3600 / 15 / 2.3 < statement.requests < 3600 / 15 * 1.15, (
        "between one an interval, and half as many when idle"
    )


def test_a_few_waits_ask_by_tag():
    statement = Statement([called(place, 100) for place in range(100)])
    assert World(statement, many(3)).run() == {place: [f"c{place}"] for place in range(3)}
    assert statement.shared == 0


def test_calls_that_are_waited_for_by_their_ids_are_found_soon():
    """A call begins before its row appears."""
    waiters = [Waiter(joins=0, tags=None, callerid=f"c{place}") for place in range(100)]
    statement = Statement([called("other", -100), called(70, 100)], page_size=100)
    world = World(statement, waiters)
    assert world.run(until=160) == {70: ["c70"]}
    assert statement.requests < 100 + 20, "each once by itself, and a poll an interval"


def test_a_call_of_three_hours_that_is_waited_for_by_its_id_is_found_soon():
    waiters = [Waiter(joins=0, tags=None, callerid=f"c{place}", lasts=20_000) for place in range(10)]
    statement = Statement([called("other", -100), called(7, 10_830, started=30)], page_size=100)
    assert World(statement, waiters).run(until=10_830 + 120) == {7: ["c7"]}


def test_recording_that_comes_after_its_row_is_found():
    """The row of a call that is known by its id changes only by its recording."""
    shown = [called(place, 100) for place in range(10)]
    late = [replace(each, appears=300, recording="http://127.0.0.1/recordings/1") for each in shown]
    statement = Statement([called("other", -100), *shown], page_size=100)
    waiters = [Waiter(joins=0, tags=None, callerid=f"c{place}", conditions={"recorded": True}) for place in range(10)]
    world = World(statement, waiters)
    assert world.run(until=290) == {}
    statement.shown[1:] = late
    assert world.run(until=360) == {place: [f"c{place}"] for place in range(10)}


def test_a_late_wait_finds_a_row_that_came_before():
    statement = Statement([called(5, 100)])
    waiters = [*many(5, lasts=9000), Waiter(joins=3000, tags={"contact": "C-5-x"})]
    assert World(statement, waiters).run(until=3060) == {5: ["c5"]}
    waits = Waiter(joins=3000, tags={"contact": "C-5-x"}, look_back=2000)
    assert World(Statement([called(5, 100)]), [*many(5, lasts=9000), waits]).run(until=3060) == {}


def test_a_window_with_too_many_pages_is_not_read_for_all():
    statement = Statement([called(f"other{place}", 0) for place in range(500)] + [called(3, 100)])
    world = World(statement, many(lasts=600))
    assert world.run()[3] == ["c3"]
    assert statement.shared <= 40


def test_an_account_that_hides_tags_serves_each_wait_by_its_own_question():
    shown = [called(place, 100 + place) for place in range(20)]
    ends = World(Statement(shown, hides_tags=True), many(lasts=1200)).run()
    assert ends == {place: [f"c{place}"] for place in range(20)}


def test_old_waits_take_few_pages_a_poll():
    """A day of calls is read once in a while; most polls read the last hour."""
    old = [called(f"old{place}", -place * 60, started=-place * 60 - 30) for place in range(1400)]
    statement = Statement(old, page_size=10)
    waiters = many(200, lasts=7200, look_back=86_400)
    world = World(statement, waiters)
    world.run(until=3600)
    assert statement.shared == statement.requests
    assert statement.requests < 240 * 14, "a read of the whole day takes 140 pages"


def test_rows_that_end_long_waits_together_need_no_looks_of_their_own():
    """The day before is not read again: the recent part shows each call whole."""
    shown = [called(place, 3600 + place) for place in range(200)]
    old = [called(f"old{place}", -place * 60) for place in range(1400)]
    statement = Statement([*shown, *old], page_size=100)
    waiters = many(200, lasts=9000, look_back=86_400)
    assert World(statement, waiters).run() == {place: [f"c{place}"] for place in range(200)}
    assert statement.requests - statement.shared <= 4, "the last few look by themselves"


def test_a_call_whose_first_rows_a_read_may_not_show_is_looked_for():
    """Where a condition asks for outcomes: a leg from before the recent part decides that the call was answered."""
    early = [called(place, 3060, started=3000) for place in range(20)]
    again = [called(place, 6740, started=3300, outcome="ocupado") for place in range(20)]
    conditions = {"outcomes": ["busy"]}
    waiters = [replace(each, joins=6600, conditions=conditions) for each in many(lasts=600, look_back=86_400)]
    world = World(Statement([*early, *again]), waiters)
    ends = world.run()
    assert world.statement.requests > world.statement.shared
    assert set(map(str, ends.values())) == {"timeout"}


def test_times_out_with_the_number_of_other_rows():
    statement = Statement([called(99, 10), called(98, 10), called(1, 10, outcome="ocupado")])
    waiters = many(10, lasts=300, conditions={"outcomes": ["answered"]})
    world = World(statement, waiters)
    assert set(world.run().values()) == {"timeout"}
    assert world.waits[1].others.unmet == 1
    assert all(wait.others.total for wait in world.waits.values())


def test_a_broken_shared_read_can_be_asked_again():
    feed = World(Statement([]), many()).feed
    wait = Waiter(joins=0, tags={"a": "b"})
    for _ in range(6):
        feed.join(wait.calls, wait.pace, START, START)
    now = at(20)
    question = feed.next_question(now)
    assert question.ticket is None
    assert feed.next_question(now) is None
    feed.abandoned(question, now)
    assert feed.next_question(now + timedelta(seconds=1)).ticket is None


def test_waits_join_and_leave_between_the_steps_of_a_long_read():
    statement = Statement([called(place, -60) for place in range(1200)], page_size=5000)
    world = World(statement, many(1210))
    world.run(until=4)
    feed, statement.now = world.feed, at(20)
    question = feed.next_question(statement.now)
    steps = feed.steps(question, drive(question.lookup, statement.answer), statement.now)
    verdicts = [*next(steps)]
    assert not verdicts, "the first step only compares"
    for ticket in (1, 1200):
        feed.leave(ticket, statement.now)
    # Its deadline has come: it may end at once, but not by this read, which has not compared its tags.
    late = Waiter(joins=10, tags={"contact": "C-7-x"}, lasts=5)
    joined = feed.join(late.calls, late.pace, statement.now, late.pace.deadline)
    verdicts += [verdict for step in steps for verdict in step]
    assert {verdict.ticket for verdict in verdicts} == set(range(2, 1200))
    question = feed.next_question(statement.now + timedelta(seconds=5))
    answer = drive(question.lookup, statement.answer)
    ended = [each for step in feed.steps(question, answer, statement.now + timedelta(seconds=5)) for each in step]
    assert [(verdict.ticket, ids(verdict.found)) for verdict in ended] == [(joined, ["c7"])]


rows = st.builds(
    lambda contact, appears, late, ended, leg, shows: Shown(
        appears=appears,
        started=appears - 40 - late,
        tags={"contact": contact, "run": "run-1"} if shows else {},
        callerid=f"{contact}-{appears // 500}",
        outcome=ended,
        destination=leg,
    ),
    contact=st.sampled_from(CONTACTS),
    appears=st.integers(-3000, 5000).map(lambda second: second * 1.0),
    late=st.sampled_from([0, 60, 1800, 3000]),
    ended=st.sampled_from(["atendida", "ocupado"]),
    leg=st.sampled_from([PERSON, BUSY]),
    shows=st.sampled_from([True, True, True, False]),
)
waiters = st.builds(
    Waiter,
    joins=st.integers(0, 2500),
    tags=st.sampled_from(CONTACTS).map(lambda contact: {"contact": contact, "run": "run-1"}),
    lasts=st.sampled_from([40, 600, 3000]),
    interval=st.sampled_from([5, 15, 60]),
    look_back=st.sampled_from([60, 3600]),
    min_calls=st.sampled_from([1, 1, 2]),
    conditions=st.sampled_from([{}, {"outcomes": ["answered"]}, {"destination": BUSY}, {"min_duration": 1}]),
)
identified = st.builds(
    Waiter, joins=st.integers(0, 2500), tags=st.none(), callerid=st.sampled_from([f"{one}-0" for one in CONTACTS])
)
outages = st.lists(st.integers(0, 4000).map(lambda begin: (begin, begin + 120)), max_size=2)


def is_near_the_end(waiter, shown, ends):
    """Whether a row appears so near to the deadline that two clocks differ about it."""
    deadline = waiter.joins + waiter.lasts
    return any(abs(each.appears - deadline) < 45 for each in shown) or any(
        begin - 45 < deadline < end + 45 for begin, end in ends
    )


@settings(max_examples=100, deadline=None)
@given(
    shown=st.lists(rows, max_size=30),
    waits=st.lists(st.one_of(waiters, waiters, identified), min_size=1, max_size=14),
    down=outages,
    hides_tags=st.booleans(),
)
def test_each_wait_ends_as_it_would_alone(shown, waits, down, hides_tags):
    ends = World(Statement(shown, down, hides_tags), waits).run()
    for place, waiter in enumerate(waits):
        if is_near_the_end(waiter, shown, down):
            continue
        expected = alone(Statement(shown, down, hides_tags), waiter)
        if isinstance(expected, list) and isinstance(ends[place], list):
            assert len(ends[place]) >= waiter.min_calls
            continue  # the two look at different moments, between which a row may have come
        assert ends[place] == expected


def test_ends_are_compared_call_by_call_where_nothing_moves():
    shown = [called(place % 8, 10, callerid=f"c{place}") for place in range(16)]
    waits = [Waiter(joins=20, tags={"contact": contact}) for contact in CONTACTS]
    ends = World(Statement(shown), waits).run()
    assert ends == {place: alone(Statement(shown), waiter) for place, waiter in enumerate(waits)}


@pytest.mark.parametrize("hides_tags", [True, False])
def test_a_wait_is_not_ended_by_anothers_call(hides_tags):
    statement = Statement([called(99, 50), called(98, 50)], hides_tags=hides_tags)
    assert set(World(statement, many(lasts=300)).run().values()) == {"timeout"}

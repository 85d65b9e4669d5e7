"""A wait meets every form of the statement: it finds its call or goes on waiting, and never takes another's."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.errand import End
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.quirks.calls import CALLS
from airflow_provider_directcall.sandbox.quirks.statement import STATEMENT
from airflow_provider_directcall.statement.feed import FEW, Feed
from airflow_provider_directcall.statement.pace import PollPace
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.statement.tagged_calls import TaggedCalls

ORIGIN, PERSON = "551130000001", "5511990000001"
START = datetime(2026, 3, 4, 10, 0, tzinfo=timezone(timedelta(hours=-3)))
KEY, ANOTHER_KEY = "2b4kqtiimbdwv37m", "7c4kqtiimbdwv37n"
TAGS = {"contact": "C-71", "run": "São Paulo 1"}
ANOTHERS = (
    {"contact": "C-710", "run": "São Paulo 1"},
    {"contact": "C-71", "run": "São Paulo 2"},
    {"contact": "c-71", "run": "SAO PAULO 1"},
    {},
)
#: The minute at which our call begins; the other calls between the two parties begin at others.
OUR_MINUTE = 20
SIDE_BY_SIDE = [*STATEMENT, *CALLS]

#: Forms in which a call that was placed by a task is not found: the wait goes on until its deadline.
LOST_TO_A_TASK = {"search_filters"}
#: Forms in which the tagged call is not found by its tags.
LOST_TO_TAGS = {
    "search_filters",
    "tag_values_cut",
    "tag_names_cut",
    "tag_values_upper",
    "tag_names_upper",
    "tag_values_unaccented",
    "tags_lost",
    # The account's clock is behind: the window of an hour before the run's start begins too late for it.
    "times_2_behind",
}

#: Forms in which a statement without rows is a refusal, which ends a wait at once, alone or in a feed.
REFUSED_TO_WAITS = {"empty_009", "empty_404"}


@pytest.fixture
def vendor():
    """A Directcall with three calls between the two parties that are not ours, and then ours."""
    with Sandbox(SandboxConfig(start=START, speed=0, page_size=2)).serve() as server:
        yield server


@pytest.fixture
def client(vendor):
    with Client(Settings("sandbox@example.com", "sandbox-secret", base_url=vendor.url)) as client:
        yield client


def now(vendor):
    return datetime.fromtimestamp(vendor.now(), START.tzinfo)


def place(client, tags):
    return client.send(methods.place_call(ORIGIN, PERSON, tags=tags)).callerid


def place_all(vendor, client):
    """Place the others' calls, four minutes apart, and at 20 past ours; return its id."""
    for tags in ANOTHERS:
        place(client, {**tags, "airflow_key": ANOTHER_KEY} if tags else None)
        vendor.advance(240)
    vendor.set_time(START.replace(minute=OUR_MINUTE))
    return place(client, {**TAGS, "airflow_key": KEY})


def waited(vendor, look):
    """Look every 20 seconds for ten minutes; a failed look is looked at again."""
    for _ in range(30):
        vendor.advance(20)
        try:
            found = look()
        except DirectcallError:
            continue
        if found:
            return found
    return None


def ended_in_feed(vendor, client, waits):
    """Let waits share a feed until two have ended, or for ten minutes; return their ends by ticket."""
    feed, ends = Feed(), {}
    for wait in waits:
        feed.join(wait, PollPace(interval=20), now(vendor), now(vendor))
    for _ in range(30):
        vendor.advance(20)
        while (question := feed.next_question(now(vendor))) is not None:
            try:
                answer = client.run(question.lookup)
            except DirectcallError as error:
                verdicts = feed.failed(question, error, now(vendor))
            else:
                verdicts = [each for step in feed.steps(question, answer, now(vendor)) for each in step]
            ends |= {verdict.ticket: verdict for verdict in verdicts}
        if len(ends) > 1:
            break
    return ends


def is_ours(call):
    return call.row.started_at.minute == OUR_MINUTE


def record(callerid, key=KEY):
    ids = {"callerid": callerid} if callerid else {}
    since = START.replace(minute=OUR_MINUTE)
    return Record(phase=Phase.SENT, generation=0, key=key, since=since, max_tries=0, try_number=1, ids=ids)


def wait_of_a_task(vendor, client, kept):
    """The call that the wait of a task finds."""
    errand = CallErrand(origin=ORIGIN, destination=PERSON)

    def look():
        end = client.run(errand.end(kept, now(vendor)))
        return end.call if isinstance(end, End) else None

    return waited(vendor, look)


def wait_for_tags(vendor, client, **conditions):
    """The calls that the sensor finds."""
    search = StatementSearch(**{"since": START - timedelta(hours=1), "tags": TAGS, **conditions})
    wait = TaggedCalls(search, 1)
    return waited(vendor, lambda: client.run(wait.look(now(vendor))))


@pytest.mark.parametrize("quirk", SIDE_BY_SIDE)
def test_task_waits_for_its_own_call(vendor, client, quirk):
    callerid = place_all(vendor, client)
    vendor.configure(quirks={quirk}, tag_characters=4)
    call = wait_of_a_task(vendor, client, record(callerid))
    assert (call is None) == (quirk in LOST_TO_A_TASK)
    assert call is None or is_ours(call)


@pytest.mark.parametrize("quirk", SIDE_BY_SIDE)
def test_sensor_waits_for_the_tagged_call(vendor, client, quirk):
    place_all(vendor, client)
    vendor.configure(quirks={quirk}, tag_characters=4)
    calls = wait_for_tags(vendor, client)
    assert (calls is None) == (quirk in LOST_TO_TAGS)
    assert calls is None or [is_ours(call) for call in calls] == [True]


@pytest.mark.parametrize("quirk", SIDE_BY_SIDE)
def test_sensor_of_one_call_finds_it_in_the_forms_in_which_the_task_does(vendor, client, quirk):
    callerid = place_all(vendor, client)
    vendor.configure(quirks={quirk}, tag_characters=4)
    calls = wait_for_tags(vendor, client, tags=None, callerid=callerid, airflow_key=KEY)
    assert (calls is None) == (quirk in LOST_TO_A_TASK)
    assert calls is None or [is_ours(call) for call in calls] == [True]


@pytest.mark.parametrize("quirk", STATEMENT)
def test_waits_of_a_feed_end_as_they_would_alone(vendor, client, quirk):
    callerid = place_all(vendor, client)
    vendor.configure(quirks={quirk}, tag_characters=4)
    since = START - timedelta(hours=1)
    tagged, of_a_task = {"tags": TAGS}, {"callerid": callerid, "airflow_key": KEY}
    others = [{"tags": {"contact": f"C-{number}", "run": "São Paulo 1"}} for number in range(FEW)]
    waits = [TaggedCalls(StatementSearch(since=since, **wanted), 1) for wanted in (tagged, of_a_task, *others)]
    ends = ended_in_feed(vendor, client, waits)
    if quirk in REFUSED_TO_WAITS:
        assert {each.error.code for each in ends.values() if each.error is not None} == {"009"}
        return
    for ticket, lost in ((1, LOST_TO_TAGS), (2, LOST_TO_A_TASK)):
        assert (ticket not in ends) == (quirk in lost)
        assert ticket not in ends or [is_ours(call) for call in ends[ticket].found] == [True]
    assert ends.keys() <= {1, 2}


@pytest.mark.parametrize("other", ["tag_filter_ignored", "tag_filter_or", "tag_filter_prefix"])
@pytest.mark.parametrize("hidden", ["campos_hidden", "callerid_missing"])
def test_filter_that_does_not_work_proves_nothing(vendor, client, hidden, other):
    place_all(vendor, client)
    vendor.configure(quirks={hidden, other})
    calls = wait_for_tags(vendor, client)
    assert (calls is None) == (hidden == "campos_hidden")
    assert calls is None or [is_ours(call) for call in calls] == [True]


def test_hidden_tags_are_tested_once_and_only_where_they_would_be_enough(vendor, client, caplog):
    vendor.configure(quirks={"campos_hidden"})
    place(client, TAGS)
    vendor.advance(60)
    search = StatementSearch(since=START - timedelta(hours=1), tags=TAGS)
    wait = TaggedCalls(search, 2)
    assert client.run(wait.look(now(vendor))) is None
    assert vendor.state()["requests"]["extrato/list"] == 1, "one call is not enough, whatever the filter does"
    place(client, TAGS)
    vendor.advance(60)
    assert len(client.run(wait.look(now(vendor)))) == 2
    asked = vendor.state()["requests"]["extrato/list"]
    assert asked == 1 + 1 + 2 * len(TAGS) + 1
    client.run(wait.look(now(vendor)))
    assert vendor.state()["requests"]["extrato/list"] == asked + 1
    assert caplog.text.count("The filter by tags works") == 1


def test_rows_that_vanish_during_the_test_prove_nothing(vendor, client):
    """The filter is ignored; while the statement is empty for a minute, it looks as if it worked."""
    vendor.configure(quirks={"campos_hidden", "tag_filter_ignored"})
    place(client, None)
    vendor.advance(60)
    wait = TaggedCalls(StatementSearch(since=START - timedelta(hours=1), tags=TAGS), 1)
    look = wait.look(now(vendor))
    page = client.send(next(look))
    vendor.configure(quirks={"rows_late"})
    assert drive(resumed(look, page), client.send) is None
    assert wait.tag_filter == "untested"


def resumed(look, page):
    """Go on with a look after its first page."""
    request = look.send(page)
    while True:
        try:
            request = look.send((yield request))
        except StopIteration as end:
            return end.value


def test_value_without_a_beginning_cannot_prove_the_filter(vendor, client):
    vendor.configure(quirks={"campos_hidden"})
    place(client, {"contact": "7"})
    assert wait_for_tags(vendor, client, tags={"contact": "7"}) is None


def test_call_of_a_deleted_run_is_not_taken_although_it_shows_the_key(vendor, client):
    place(client, {"airflow_key": KEY})
    vendor.set_time(START.replace(minute=OUR_MINUTE))
    assert wait_of_a_task(vendor, client, record(None)) is None
    ours = place(client, {"airflow_key": KEY})
    assert wait_of_a_task(vendor, client, record(None)).callerid == ours

"""No request leaves outside the window of the called number, or the times of a contact, whenever a chunk is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.errors import ContactsError
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.campaigns.places import parse_zone, place_of
from airflow_provider_directcall.campaigns.sending import SendOptions, send_chunk
from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.windows import PRESETS, Window, window_named

from ..telephony.window_rules import is_inside
from .campaign_world import KEY, ORIGIN, TIMEOUTS, CampaignWorld

STRICT = PRESETS["strict"]
CHUNK = "chunks/00000.parquet"
WEDNESDAY = datetime(2026, 3, 4, tzinfo=ZoneInfo("America/Sao_Paulo"))


def send(world, window, **options):
    made = SendOptions(requests=RequestOptions(origin=ORIGIN), timeouts=TIMEOUTS, **options)
    guards = Guards(window=window)
    return world.run(
        lambda client: send_chunk(
            world.folder, CHUNK, key=KEY, client=client, clock=world.clock, options=made, guards=guards
        )
    )


def plan(world, lines, window):
    columns = {"zone_column": "zone", "not_before_column": "since", "not_after_column": "until"}
    return world.planned("\n".join(["id;phone;zone;since;until", *lines, ""]), text="Ola", window=window, **columns)


def accepted_at(world):
    """Return when each number got its message, by the sandbox's clock."""
    messages = world.server.state()["messages"]
    assert len({each["destination"] for each in messages}) == len(messages)
    return {each["destination"]: datetime.fromtimestamp(each["accepted_at"], UTC) for each in messages}


@pytest.fixture
def world(directcall_sandbox, tmp_path):
    return CampaignWorld(directcall_sandbox, tmp_path)


@pytest.mark.parametrize(("begins", "sent"), [("17:57:30", 4), ("17:58:30", 2), ("17:59:00", 0), ("18:00:00", 0)])
def test_a_run_that_starts_late_sends_until_the_last_minute_and_goes_on_in_the_morning(world, begins, sent):
    hour, minute, second = map(int, begins.split(":"))
    world.server.set_time(WEDNESDAY.replace(hour=hour, minute=minute, second=second))
    plan(world, [f"{place};119800000{place:02};;;" for place in range(8)], STRICT)
    outcome = send(world, STRICT, parts_per_second=1 / 30, concurrency=1)
    assert (len(accepted_at(world)), outcome.waiting) == (sent, 8 - sent)
    assert max(accepted_at(world).values(), default=WEDNESDAY) <= WEDNESDAY.replace(hour=17, minute=59)
    morning = WEDNESDAY.replace(day=5, hour=9)
    assert outcome.waits_until == morning
    world.server.set_time(morning)
    assert send(world, STRICT).states == {"sent": 8}


def test_five_zones_are_reached_at_their_own_nine_o_clock(world):
    world.server.set_time(WEDNESDAY)
    codes = {"11": 9, "92": 10, "65": 10, "68": 11, "81": 9, "69": 10, "97": 11}
    plan(world, [f"{code};{code}980000001;;;" for code in codes], STRICT)
    while (outcome := send(world, STRICT)).waits_until is not None:
        world.server.set_time(outcome.waits_until)
    reached = {number[2:4]: moment for number, moment in accepted_at(world).items()}
    assert reached == {code: WEDNESDAY.replace(hour=hour) for code, hour in codes.items()}


def test_times_of_contacts_are_looked_at_again_when_they_are_sent_to(world):
    world.server.set_time(WEDNESDAY.replace(hour=10))
    plan(world, ["1;11980000001;;;04/03/2026 12:00", "2;11980000002;;04/03/2026 15:00;", "3;11980000003;;;"], STRICT)
    # The task waited for a slot, say.
    world.server.set_time(WEDNESDAY.replace(hour=11, minute=59))
    outcome = send(world, STRICT)
    assert outcome.states == {"sent": 1, "out_of_window": 1}
    assert outcome.waits_until == WEDNESDAY.replace(hour=15)
    world.server.set_time(outcome.waits_until)
    assert send(world, STRICT).states == {"sent": 2, "out_of_window": 1}


# Around openings, ends of days, weekends and holidays.
starts = st.builds(
    lambda day, minutes, seconds: day + timedelta(minutes=minutes, seconds=seconds),
    st.sampled_from([WEDNESDAY + timedelta(days=days) for days in (0, 2, 4, 30, 47, 127, 294, 295, 301)]),
    st.sampled_from([0, 530, 539, 540, 541, 599, 600, 700, 960, 1019, 1020, 1078, 1079, 1080, 1439]),
    st.integers(-70, 70),
)
contacts = st.tuples(
    st.sampled_from(sorted(AREAS)),
    st.sampled_from(["", "", "America/Manaus", "PE", "AM", "Asia/Tokyo", "America/New_York"]),
    st.one_of(st.none(), st.integers(-600, 3000)),
    st.one_of(st.none(), st.integers(5, 4000)),
)


@given(
    start=starts,
    drawn=st.lists(contacts, min_size=1, max_size=8),
    name=st.sampled_from(sorted(PRESETS)),
    delay=st.sampled_from([0, 1, 59, 3600, 36_000]),
    pace=st.sampled_from([None, 1 / 7, 1 / 50]),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_ever_leaves_outside_the_window(
    directcall_sandbox, tmp_path_factory, start, drawn, name, delay, pace
):
    directcall_sandbox.reset()
    world, window = CampaignWorld(directcall_sandbox, tmp_path_factory.mktemp("campaign")), window_named(name)
    world.server.set_time(start)
    moments = {
        place: [None if minutes is None else start + timedelta(minutes=minutes) for minutes in contact[2:]]
        for place, contact in enumerate(drawn)
    }
    lines = [
        f"{place};{contact[0]}98000{place:04};{contact[1]};"
        + ";".join("" if each is None else each.isoformat() for each in moments[place])
        for place, contact in enumerate(drawn)
    ]
    try:
        made = plan(world, lines, window)
    except ContactsError:
        assert all(None not in each and each[1] <= each[0] for each in moments.values())
        return
    world.server.advance(delay)
    for _ in range(12 if made.chunks else 0):
        outcome = send(world, window, parts_per_second=pace)
        if outcome.waits_until is None:
            break
        assert outcome.waits_until > world.clock.now()
        world.server.set_time(outcome.waits_until)
    assert not made.chunks or outcome.waiting == 0
    for number, moment in accepted_at(world).items():
        place = int(number[-4:])
        assert_inside(window, drawn[place], moments[place], moment)


def assert_inside(window: Window, contact, times, moment):
    code, zone, *_ = contact
    where = place_of(code, parse_zone(zone) if zone else None)
    assert all(is_inside(window, moment.astimezone(each), where.state) for each in where.zones)
    not_before, not_after = times
    assert not_before is None or moment >= not_before.replace(microsecond=0)
    assert not_after is None or moment < not_after

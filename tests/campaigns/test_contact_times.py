"""Contacts with a zone, times and a priority of their own."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.campaigns import priorities
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.moments import parse_moment
from airflow_provider_directcall.campaigns.places import Place, parse_zone, place_of
from airflow_provider_directcall.telephony.windows import PRESETS

from .planning_world import NOW, planned_csv

SAO_PAULO = Place(("America/Sao_Paulo",), "SP")
PERNAMBUCO = place_of("81", None)
STRICT = PRESETS["strict"]


def hour(moment):
    return f"{moment:%d %H:%M}"


def columns(*lines):
    return "\n".join(["id;phone;zone;since;until;rank", *lines, ""])


@pytest.fixture
def planned(tmp_path):
    names = {"zone_column": "zone", "not_before_column": "since", "not_after_column": "until"}
    return lambda *lines, **options: planned_csv(tmp_path, columns(*lines), **{"text": "Ola", **names, **options})


def test_a_zone_of_its_own_decides_and_the_state_of_the_number_keeps_its_holidays(planned):
    early = datetime(2026, 3, 4, 12, tzinfo=UTC)  # 9 h in São Paulo
    campaign = planned(
        "1;11990000001;;;;",
        "2;11990000002;America/Manaus;;;",
        "3;11990000003;am;;;",  # Amazonas: its far west is an hour further behind
        "4;92990000004;America/Sao_Paulo;;;",
        now=early,
        window=STRICT,
    )
    assert [hour(each) for each in campaign.accepted["opens_at"]] == ["04 12:00", "04 13:00", "04 14:00", "04 12:00"]
    assert campaign.accepted["zone"].to_list() == [None, "America/Manaus", "AM", "America/Sao_Paulo"]
    # 9 July is a holiday in the state of São Paulo only.
    holiday = planned(
        "1;11990000001;America/Manaus;;;",
        "2;11990000002;AM;;;",
        "3;11990000003;America/Sao_Paulo;;;",
        now=datetime(2026, 7, 9, 15, tzinfo=UTC),
        window=STRICT,
    )
    assert [each.day for each in holiday.accepted["opens_at"]] == [10, 9, 10]


def test_a_number_abroad_is_reached_where_its_zone_is_given(planned):
    campaign = planned(
        "1;+1 212 555 0100;America/New_York;;;", "2;+1 212 555 0101;;;;", window=STRICT, now=NOW.replace(hour=13)
    )
    assert [hour(each) for each in campaign.accepted["opens_at"]] == ["04 14:00"]
    assert campaign.others[2]["reason"] == "the time zone of a number abroad is not known"


def test_contacts_are_reached_within_their_own_times_and_the_window(planned):
    campaign = planned(
        "1;11990000001;;2026-03-05;;",
        "2;11990000002;;05/03/2026 10:30;;",
        "3;11990000003;;2026-03-07 10:00;;",  # a Saturday
        "4;11990000004;;;2026-03-04 12:30;",
        "5;11990000005;;2026-03-05T09:00-05:00;2026-03-05 18:00;",
        "6;68990000006;;2026-03-05 09:00;;",
        window=STRICT,
    )
    assert [hour(each) for each in campaign.accepted["opens_at"]] == [
        "05 12:00",
        "05 13:30",
        "09 12:00",
        "04 15:00",
        "05 14:00",
        "05 14:00",
    ]
    assert campaign.accepted["not_after"].to_list()[3:5] == [
        datetime(2026, 3, 4, 15, 30, tzinfo=UTC),
        datetime(2026, 3, 5, 21, tzinfo=UTC),
    ]


def test_contacts_whose_times_are_over_or_closed_are_out_of_the_window(planned):
    campaign = planned(
        "1;11990000001;;;2026-03-03;",
        "2;11990000002;;2026-03-07;2026-03-08;",  # a weekend
        "3;11990000003;;;2026-03-04 12:01;",  # a request needs its last minute
        "4;11990000004;;;2026-03-04 12:02;",
        window=STRICT,
    )
    assert [other["state"] for other in campaign.others.values()] == ["out_of_window"] * 3
    assert campaign.accepted["id"].to_list() == ["4"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1;11990000001;Brasilia;;;", "the column zone: the zone is no IANA name"),
        ("1;11990000001;-03:00;;;", "the column zone: the zone is no IANA name"),
        ("1;11990000001;UTC;;;", "the column zone: the zone is no IANA name"),
        ("1;11990000001;Etc/GMT+3;;;", "the column zone: the zone is no IANA name"),
        ("1;11990000001;XX;;;", "the column zone: the zone is no IANA name"),
        ("1;11990000001;;tomorrow;;", "the column since: is not in one of the forms"),
        ("1;11990000001;;09:00;;", "the column since: is not in one of the forms"),
        ("1;11990000001;;04/03/26;;", "the column since: is not in one of the forms"),
        ("1;11990000001;;2026/03/04;;", "the column since: is not in one of the forms"),
        ("1;11990000001;;46085,375;;", "the column since: is not in one of the forms"),
        ("1;11990000001;;03/25/2026;;", "the column since: is a day or an hour that does not exist"),
        ("1;11990000001;;2026-03-04 24:00;;", "the column since: is a day or an hour that does not exist"),
        ("1;11990000001;;2026-03-04 09:00 +99:00;;", "the column since: has an offset that no zone has"),
        ("1;11990000001;;;\u0662026-03-04;", "the column until: is not in one of the forms"),
        ("1;+1 212 555 0100;;2026-03-04 09:00;;", "the column since: needs an offset"),
        ("1;11990000001;America/New_York;2026-03-08 02:30;;", "the column since: is there twice, or never"),
        ("1;11990000001;America/New_York;2026-11-01 01:30;;", "the column since: is there twice, or never"),
        ("1;11990000001;;2026-03-05;2026-03-04;", "its latest time is not after its earliest"),
    ],
)
def test_an_odd_zone_or_time_rejects_its_row_and_is_not_shown(planned, line, reason):
    campaign = planned("9;11990000009;;;;", line)
    assert campaign.others[2]["state"] == "rejected"
    assert campaign.others[2]["reason"].startswith(reason)
    assert campaign.accepted["id"].to_list() == ["9"]


@pytest.mark.parametrize("argument", ["zone_column", "not_before_column", "not_after_column", "priority_column"])
def test_a_column_that_is_missing_is_named(planned, argument):
    with pytest.raises(CampaignError, match=f"{argument}: the contacts have no column 'x'"):
        planned("1;11990000001;;;;", **{argument: "x"})


def test_an_end_is_the_end_of_its_day_and_two_zones_count_both():
    # Noronha is an hour ahead of Recife.
    assert parse_moment("2026-03-04", PERNAMBUCO) == datetime(2026, 3, 4, 3, tzinfo=UTC)
    assert parse_moment("2026-03-04", PERNAMBUCO, is_end=True) == datetime(2026, 3, 5, 2, tzinfo=UTC)
    assert parse_moment("4/3/2026 9:05", SAO_PAULO) == datetime(2026, 3, 4, 12, 5, tzinfo=UTC)


@given(
    moment=st.datetimes(datetime(2001, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),
    minutes=st.integers(-14 * 60, 14 * 60),
)
def test_a_time_with_an_offset_is_that_moment(moment, minutes):
    moment = moment.replace(microsecond=0)
    zone = UTC if minutes == 0 else ZoneInfo("America/Manaus")
    assert parse_moment(moment.isoformat(), None) == moment
    assert parse_moment(str(moment), None) == moment
    local = moment.astimezone(ZoneInfo("America/Manaus"))
    assert parse_moment(local.isoformat(), None) == moment
    if zone is not UTC and local.year >= 2020:
        assert parse_moment(f"{local:%d/%m/%Y %H:%M:%S}", Place(("America/Manaus",), "AM")) == moment


@given(text=st.text(max_size=20))
def test_any_text_is_a_moment_or_is_rejected(text):
    with suppress(ValueError):
        assert parse_moment(text, SAO_PAULO).tzinfo is not None


@given(name=st.sampled_from(sorted(available_timezones())))
def test_each_zone_is_known_or_rejected(name):
    try:
        assert place_of("11", parse_zone(name)).timezones == (name,)
    except ValueError:
        assert "/" not in name or name.startswith("Etc/")


def test_a_higher_priority_is_sent_first_over_all_chunks(planned, tmp_path):
    ranks = ["", "3", "-1", "3", "0", "x", "1,5", "7", " 3 ", "+2"]
    lines = [f"{place};119900000{place:02};;;;{rank}" for place, rank in enumerate(ranks)]
    campaign = planned(*lines, priority_column="rank", chunk_size=3)
    assert campaign.accepted["id"].to_list() == ["7", "1", "3", "8", "9", "0", "4", "2"]
    assert [chunk.contacts for chunk in campaign.made.chunks] == [3, 3, 2]
    assert [campaign.others[row]["reason"] for row in (6, 7)] == [
        "the column rank is no integer of at most nine digits"
    ] * 2


@pytest.mark.parametrize("at_once", [2, 4, 200_000])
@given(ranks=st.lists(st.one_of(st.integers(-3, 3), st.integers(-(10**9) + 1, 10**9 - 1)), min_size=1, max_size=40))
def test_the_order_is_that_of_a_stable_sort(ranks, at_once, tmp_path_factory):
    rows = pl.DataFrame({"priority": ranks, "id": range(len(ranks))}, schema={"priority": pl.Int64, "id": pl.Int64})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(priorities, "_SAMPLED", 2)
        patch.setattr(priorities, "_ROWS_AT_ONCE", at_once)
        order = priorities.PriorityOrder(tmp_path_factory.mktemp("order"))
        for batch in rows.iter_slices(7):
            order.add(batch)
        ordered = pl.concat(list(order.batches()))["id"].to_list()
    assert ordered == [place for place, _ in sorted(enumerate(ranks), key=lambda each: -each[1])]


def test_the_digest_changes_with_the_options(tmp_path):
    line = columns("1;11990000001;;;;")
    options = [{}, {"zone_column": "zone"}, {"not_before_column": "since"}, {"priority_column": "rank"}]
    digests = {planned_csv(tmp_path, line, text="Ola", **each).made.digest for each in options}
    assert len(digests) == len(options)

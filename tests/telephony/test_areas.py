from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
import pytest

from airflow_provider_directcall.telephony.areas import AREAS, STATES, Area

# Number of area codes per state in the national numbering plan.
CODES_OF_STATE = {
    "AC": 1, "AL": 1, "AM": 2, "AP": 1, "BA": 5, "CE": 2, "DF": 1, "ES": 2, "GO": 2, "MA": 2, "MG": 7, "MS": 1,
    "MT": 2, "PA": 3, "PB": 1, "PE": 2, "PI": 2, "PR": 6, "RJ": 3, "RN": 1, "RO": 1, "RR": 1, "RS": 4, "SC": 3,
    "SE": 1, "SP": 9, "TO": 1,
}  # fmt: skip

HOURS_WEST = {"AM": -4, "RO": -4, "RR": -4, "MT": -4, "MS": -4, "AC": -5}


def offset(zone: str) -> timedelta:
    utc_offset = ZoneInfo(zone).utcoffset(datetime(2026, 7, 1, tzinfo=UTC))
    assert utc_offset is not None
    return utc_offset


def test_there_are_67_codes_each_under_its_own_key():
    assert len(AREAS) == 67
    assert all(code == area.code for code, area in AREAS.items())


def test_every_state_has_its_number_of_codes():
    assert Counter(area.state for area in AREAS.values()) == CODES_OF_STATE
    assert set(CODES_OF_STATE) == STATES


def test_the_codes_are_those_that_the_phonenumbers_library_knows():
    valid = {
        str(code)
        for code in range(10, 100)
        if phonenumbers.is_valid_number(
            phonenumbers.PhoneNumber(country_code=55, national_number=int(f"{code}990000001"))
        )
    }
    assert set(AREAS) == valid


@pytest.mark.parametrize("area", AREAS.values(), ids=lambda area: area.code)
def test_every_zone_exists_and_has_the_legal_time_of_its_state(area: Area):
    assert set(area.timezones) <= available_timezones()
    assert offset(area.timezone) == timedelta(hours=HOURS_WEST.get(area.state, -3))


@pytest.mark.parametrize("area", AREAS.values(), ids=lambda area: area.code)
def test_no_area_has_daylight_saving_time(area: Area):
    for zone in area.timezones:
        january = ZoneInfo(zone).utcoffset(datetime(2026, 1, 1, tzinfo=UTC))
        assert january == offset(zone)


@pytest.mark.parametrize(
    ("code", "state", "timezone"),
    [
        ("11", "SP", "America/Sao_Paulo"),
        ("55", "RS", "America/Sao_Paulo"),
        ("61", "DF", "America/Sao_Paulo"),
        ("63", "TO", "America/Araguaina"),
        ("67", "MS", "America/Campo_Grande"),
        ("68", "AC", "America/Rio_Branco"),
        ("69", "RO", "America/Porto_Velho"),
        ("71", "BA", "America/Bahia"),
        ("79", "SE", "America/Maceio"),
        ("85", "CE", "America/Fortaleza"),
        ("91", "PA", "America/Belem"),
        ("93", "PA", "America/Belem"),
        ("94", "PA", "America/Belem"),
        ("96", "AP", "America/Belem"),
    ],
)
def test_some_rows_in_full(code: str, state: str, timezone: str):
    assert AREAS[code] == Area(code, state, timezone)
    assert AREAS[code].timezones == (timezone,)


@pytest.mark.parametrize(
    ("code", "zones", "hours"),
    [
        ("81", ("America/Recife", "America/Noronha"), (-3, -2)),
        ("97", ("America/Manaus", "America/Eirunepe"), (-4, -5)),
    ],
)
def test_the_areas_with_two_clocks_name_the_zone_of_most_people_first(
    code: str, zones: tuple[str, ...], hours: tuple[int, ...]
):
    assert AREAS[code].timezone == zones[0]
    assert AREAS[code].timezones == zones
    assert tuple(offset(zone) for zone in zones) == tuple(timedelta(hours=hour) for hour in hours)


def test_only_two_areas_have_more_than_one_zone():
    assert {code for code, area in AREAS.items() if len(area.timezones) > 1} == {"81", "97"}


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        AREAS["10"] = Area("10", "SP", "America/Sao_Paulo")  # type: ignore[index]  # the subject of the test
    with pytest.raises(dataclasses.FrozenInstanceError):
        AREAS["11"].state = "RJ"  # type: ignore[misc]  # the subject of the test

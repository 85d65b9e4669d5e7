"""Statements that answer by turns, or write a row's number or time in a way of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.api.methods import list_statement
from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.api.requests import Page
from airflow_provider_directcall.delivery.looking import StatementLookup
from airflow_provider_directcall.delivery.matching import LookupKey, MatchKind, match_call, unclear_rows

ORIGIN, PERSON, STRANGER = "551130000001", "5511990000001", "5511988880002"
SINCE = datetime(2026, 3, 4, 13, tzinfo=UTC)
WANTED = LookupKey("abcdefgh234567ij", [PERSON], SINCE, ORIGIN)
#: One of the vendor's own, which calls the origin first.
TRUNK = "1140009999"


def row(**fields: object) -> StatementRow:
    written = {"origem": ORIGIN, "destino": PERSON, "inicio": "2026-03-04 13:00:10", "callerid": "u-1"}
    return StatementRow.from_fields(written | fields, UTC)


def found(shows: list[bool]) -> MatchKind:
    """Look by key in a statement that ignores the filter by tags, and shows its row in some of its answers only."""
    foreign, turns = row(origem="554130009999", destino=STRANGER), count()
    lookup = StatementLookup(list_statement, match_call, WANTED).find(SINCE + timedelta(minutes=1))

    def answer(request: object) -> Page[StatementRow]:
        turn = next(turns)
        return Page((foreign,) if shows[turn % len(shows)] else (), total_pages=1)

    return drive(lookup, answer).kind


@pytest.mark.parametrize("shows", [[True, False], [True, False, False, False, False, False]], ids=["by turns", "once"])
def test_a_filter_is_not_proven_by_one_empty_answer(shows: list[bool]) -> None:
    assert found(shows) in {MatchKind.UNPROVEN, MatchKind.NONE}


@pytest.mark.parametrize(
    "fields",
    [
        {"destino": 5511990000001.0},
        {"destino": "5511990000001.0"},
        {"origem": PERSON, "destino": ORIGIN},
        {"origem": PERSON[2:], "destino": ORIGIN},
        {"inicio": "2026-03-04 00:00:00"},
        {"origem": TRUNK, "destino": ORIGIN},
        {"origem": "", "destino": ORIGIN[2:]},
    ],
    ids=str,
)
def test_a_row_that_could_be_ours(fields: dict[str, object]) -> None:
    assert unclear_rows([row(**fields)], WANTED)


@pytest.mark.parametrize(
    "fields",
    [{"inicio": "2026-03-03 00:00:00"}, {"inicio": "2026-03-04 09:00:00"}, {"origem": STRANGER, "destino": ORIGIN}],
    ids=str,
)
def test_a_row_that_is_another_s(fields: dict[str, object]) -> None:
    assert not unclear_rows([row(**fields)], WANTED)


@pytest.mark.parametrize(
    ("began", "kind"),
    [
        ("2026-03-04 01:00:10", MatchKind.UNPROVEN),  # 13:00:10 on a clock of twelve hours
        ("2026-03-04 13:00:10", MatchKind.UNPROVEN),
    ],
)
def test_a_row_of_the_asked_window_is_not_dismissed_by_its_time(began: str, kind: MatchKind) -> None:
    lookup = StatementLookup(list_statement, match_call, WANTED).control(SINCE + timedelta(minutes=10))
    assert drive(lookup, lambda request: Page((row(inicio=began),), total_pages=1)).kind is kind


def test_rows_of_a_wider_window_are_dismissed_by_their_time() -> None:
    answers = iter([Page((), total_pages=1), Page((row(inicio="2026-03-01 10:00:00"),), total_pages=1)])
    lookup = StatementLookup(list_statement, match_call, WANTED).control(SINCE + timedelta(minutes=10))
    assert drive(lookup, lambda request: next(answers)).kind is MatchKind.NONE

"""Every quirk of the statement is found from the outside, and named."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from airflow_provider_directcall.checking import AccountReport
from airflow_provider_directcall.checking.assumptions import FORMS, Status
from airflow_provider_directcall.sandbox import SandboxServer
from airflow_provider_directcall.sandbox.quirks.statement import STATEMENT

from .conftest import MENDED, Check, forms

CALLS, MESSAGES = "list_statement", "list_messages"

#: Quirk -> the forms that name it.
NAMED_BY: dict[str, set[str]] = {
    **{
        f"tag_{subject}_{change}": {f"tag_{subject}_{change}"}
        for subject in ("values", "names")
        for change in ("cut", "upper", "trimmed", "unaccented")
    },
    "tags_lost": {"tags_lost"},
    "campos_json": {"tags_json"},
    "campos_list": {"tags_list"},
    "campos_list_chave": {"tags_list"},
    "campos_list_nome": {"tags_list"},
    "campos_pairs": {"tags_pairs"},
    "campos_hidden": {"tags_hidden"},
    "campos_always": {"tags_always"},
    "search_filters": {"search_filters"},
    "tag_filter_ignored": {"tag_filter_ignored"},
    "tag_filter_or": {"tag_filter_or"},
    "tag_filter_prefix": {"tag_filter_prefix"},
    "short_destination_ignored": {"short_destination_ignored"},
    "destinations_without_55": {"destination_without_55"},
    "callerid_missing": {"id_missing"},
    "callerid_other": {"id_other"},
    "callerid_upper": {"id_upper"},
    "leg_rows": {"leg_rows"},
    "page_2_refused": {"page_2_refused"},
    "page_2_repeats": {"page_2_repeats"},
    "paginas_missing": {"pages_missing"},
    "paginas_endless": {"pages_endless"},
    "empty_text": {"empty_text"},
    "empty_009": {"empty_refused"},
    "empty_404": {"empty_refused"},
    "times_1_ahead": {"zone_differs"},
    "times_2_ahead": {"zone_differs"},
    "times_1_behind": {"zone_differs"},
    "times_2_behind": {"zone_differs"},
    "times_without_seconds": {"time_without_seconds"},
    "times_day_first": {"time_day_first"},
    "rows_late": {"row_late"},
    "rows_in_pieces": {"row_in_pieces"},
    "rows_vanish": {"row_vanished"},
    "maintenance_first": {"first_unreadable"},
}
#: Quirk -> forms that come with it: of our key, and of tags that no question shows.
BESIDE: dict[str, set[str]] = {
    **{quirk: {"tag_filter_loses"} for quirk in ("tag_values_upper", "tag_names_upper", "tags_lost")},
    "search_filters": {"tags_hidden"},
}
#: Ids of messages are digits; a message has no legs.
CALLS_ONLY = {"leg_rows", "callerid_upper"}
#: Quirks that show when there is more than one page.
OF_PAGES = {"page_2_refused", "page_2_repeats"}
#: The same sample in every run.
PAIRS = random.Random(11).sample(list(combinations(sorted(set(NAMED_BY) - OF_PAGES), 2)), 60)


def odd_forms(report: AccountReport, place: str) -> set[str]:
    """The forms that are not those of today's sandbox."""
    return {form for form in forms(report, place) if FORMS[form].status in {Status.HANDLED, Status.ATTENTION}}


def is_unclear(report: AccountReport, place: str, quirk: str) -> bool:
    """Whether the report claims nothing about the assumption that a quirk breaks, or says that it needs attention."""
    (form,) = NAMED_BY[quirk]
    broken = FORMS[form].assumption
    found = [each for each in report.findings if each.place == place and FORMS[each.form].assumption == broken]
    return all(each.status is not Status.HOLDS for each in found)


def test_every_quirk_is_listed() -> None:
    assert set(NAMED_BY) == set(STATEMENT)


def test_an_account_of_todays_forms_needs_no_attention(check: Check) -> None:
    report = check()
    assert report.ok
    assert not report.of(Status.HANDLED)
    assert report.extra == {}


@pytest.mark.parametrize("quirk", sorted(set(NAMED_BY) - OF_PAGES))
def test_a_quirk_is_named(check: Check, server: SandboxServer, quirk: str) -> None:
    server.configure(quirks={quirk})
    report = check()
    for place in {CALLS} if quirk in CALLS_ONLY else {CALLS, MESSAGES}:
        assert odd_forms(report, place) - BESIDE.get(quirk, set()) == NAMED_BY[quirk]
    assert report.extra == MENDED.get(quirk, {})


@pytest.mark.long
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_a_pair_of_quirks_is_named_or_unclear(check: Check, server: SandboxServer, pair: tuple[str, str]) -> None:
    server.configure(quirks=set(pair))
    report = check()
    for quirk in pair:
        for place in {CALLS} if quirk in CALLS_ONLY else {CALLS, MESSAGES}:
            assert NAMED_BY[quirk] <= odd_forms(report, place) or is_unclear(report, place, quirk)


@pytest.mark.parametrize("quirk", sorted(OF_PAGES))
def test_a_quirk_of_pages_is_named(check: Check, server: SandboxServer, quirk: str) -> None:
    check()
    server.advance(60)
    check()
    server.configure(quirks={quirk}, page_size=1)
    report = check(sends=False)
    for place in (CALLS, MESSAGES):
        assert odd_forms(report, place) == NAMED_BY[quirk]


def test_our_row_is_found_on_a_later_page(check: Check, server: SandboxServer) -> None:
    server.configure(page_size=1)
    check()
    report = check()
    assert report.ok
    assert "id" in forms(report, CALLS)
    assert "tags_kept" in forms(report, MESSAGES)


def test_our_row_on_a_page_that_cannot_be_read_is_missing(check: Check, server: SandboxServer) -> None:
    check()
    server.configure(page_size=1, quirks={"page_2_refused"})
    assert {"row_missing", "page_2_refused"} <= odd_forms(check(), MESSAGES)

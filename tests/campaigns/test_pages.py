"""A campaign's pages and the summary of its plan, in both languages and in the campaign's own time."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.api.errors import RETURN_CODES
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.report import Totals
from airflow_provider_directcall.campaigns.report_page import page
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.delivery.looking import INCOMPLETE, SILENT, UNCLEAR
from airflow_provider_directcall.delivery.matching import EARLIER_ROW
from airflow_provider_directcall.telephony.windows import PRESETS
from airflow_provider_directcall.translations.languages import ENGLISH, Language, english_money, language_of

from .planning_world import PlannedCampaign, planned_csv

PORTUGUESE = language_of("pt")
BRASILIA = ZoneInfo("America/Sao_Paulo")
#: The evening before Christmas Eve, a Wednesday.
EVENING = datetime(2026, 12, 23, 20, tzinfo=BRASILIA)
#: Words of most English sentences, and of no Portuguese one.
ENGLISH_WORDS = re.compile(r"\b(the|and|is|are|not|from|which|has|by|of|to|on|sent|cost|contacts?)\b", re.IGNORECASE)
CONTACTS = """id;phone;name;day;earliest
1;11990000001;Ana;1;
2;92990000002;Bia;1;
3;11990000003;Eva;1;2026-12-25 10:00
4;;Lia;1;
5;1130000005;Ivo;1;
"""


def words_of(html: str) -> str:
    """Return the text that a page shows, plots too."""
    plots = "".join(base64.b64decode(image).decode() for image in re.findall(r"base64,([^\"]+)", html))
    shown = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return unescape(re.sub(r"<[^>]+>", "\n", shown + plots))


@pytest.fixture
def evening(tmp_path: Path):
    """Plan the contacts on the evening before a holiday."""

    def evening(language: Language = ENGLISH) -> PlannedCampaign:
        settings = {"window": PRESETS["strict"], "not_before_column": "earliest", "price_brl": Decimal("0.085")}
        return planned_csv(tmp_path, CONTACTS, now=EVENING, language=language, **settings)

    return evening


class TestPlan:
    def test_the_summary_has_the_times_and_who_was_moved_by_which_rule(self, evening) -> None:
        lines = evening().made.summary_lines()
        times = "on 2026-12-24 09:00, and for the last contacts on 2026-12-28 09:00 (America/Sao_Paulo)"
        assert f"Sending starts {times}." in lines
        assert [line for line in lines if line.startswith("Moved")] == [
            "Moved 2 to a later time: outside of the hours of the window strict.",
            "Moved 1 to a later time: holiday: Natal.",
        ]
        assert "3 parts, R$0.255, in 1 chunks; 0 texts in plain letters." in lines

    def test_the_summary_in_portuguese_has_no_english_word_and_no_english_number(self, evening) -> None:
        shown = "\n".join(map(PORTUGUESE.words, evening().made.summary_lines()))
        assert "O envio começa em 24/12/2026 09:00, e para os últimos contatos em 28/12/2026 09:00" in shown
        assert "Adiados 1: feriado: Natal." in shown
        assert "R$ 0,255" in shown
        assert "números do tipo fixo não valem aqui; valem: celular, internacional" in shown
        assert ENGLISH_WORDS.findall(shown) == []

    def test_a_contact_waits_for_its_own_earliest_time(self, tmp_path: Path) -> None:
        made = planned_csv(tmp_path, CONTACTS, now=EVENING, not_before_column="earliest").made
        assert made.times.moved == {"the contact's own earliest time": 1}
        assert made.times.first == EVENING

    def test_times_are_kept_in_the_plan_and_plans_of_earlier_builds_are_read(self, evening, tmp_path: Path) -> None:
        planned = evening()
        folder = LocalFolder(tmp_path / "plan")
        assert CampaignPlan.read(folder) == planned.made
        fields = json.loads(folder.read("plan.json"))
        del fields["times"]
        folder.write("plan.json", json.dumps(fields).encode())
        assert not [line for line in CampaignPlan.read(folder).summary_lines() if line.startswith("Sending")]

    @pytest.mark.parametrize(("name", "first", "heading"), [
        ("en", "2026-12-24 09:00", "Campaign preview"), ("pt", "24/12/2026 09:00", "Prévia da campanha"),
    ])  # fmt: skip
    def test_the_preview_is_in_the_language_and_the_zone_of_the_campaign(self, evening, name, first, heading) -> None:
        html = evening(language_of(name)).folder.read("preview.html").decode()
        shown = words_of(html)
        assert f'<html lang="{language_of(name).tag}">' in html
        assert heading in shown
        assert first in shown
        assert "America/Sao_Paulo" in shown
        assert "UTC" not in shown
        assert bool(ENGLISH_WORDS.search(shown)) == (name == "en")
        assert "90000001" not in html


def totals_of_everything() -> Totals:
    """Return totals in which every state, a known reason and every source of costs occur."""
    totals = Totals()
    states = [*ContactState, "answered", "busy", "no_answer", "cancelled", "voicemail"]
    for place, state in enumerate(states, 1):
        totals.states[str(state)] = place * 1000
        totals.costs[str(state)] = Decimal("1234.5")
    totals.deliveries["entregue"] = 3
    totals.cost_from.update({"statement": 1500, "parts x price": 2})
    totals.reasons["rejected", "the number is missing"] = 1200
    totals.reasons["duplicate", "same number as an earlier row"] = 1
    totals.reasons["refused", "other reasons"] = 1
    totals.minutes[datetime(2026, 12, 24, 15, 4, tzinfo=UTC)] = 7000
    totals.hours[12], totals.reached[12], totals.parts = 7000, 875, 7001
    return totals


class TestReport:
    def test_the_page_is_in_portuguese_with_its_plots(self) -> None:
        html = page(totals_of_everything(), datetime(2026, 12, 24, 18, 30, tzinfo=BRASILIA), PORTUGUESE)
        shown = words_of(html)
        assert '<html lang="pt-BR">' in html
        assert "Feito em 24/12/2026 18:30 (America/Sao_Paulo)" in shown
        words = {"fora do horário", "pediu para sair", "R$ 1.234,50", "12,5%", "7.001", "12:04"}
        assert words <= set(shown.split("\n"))
        assert "_" not in shown.replace("America/Sao_Paulo", "")
        assert ENGLISH_WORDS.findall(shown) == []

    def test_the_page_is_in_english_by_default(self) -> None:
        shown = words_of(page(totals_of_everything(), datetime(2026, 12, 24, 18, 30, tzinfo=BRASILIA), ENGLISH))
        assert {"out of the window", "opted out", "R$1,234.50", "12.5%", "7,001"} <= set(shown.split("\n"))
        assert "Made on 2026-12-24 18:30 (America/Sao_Paulo)" in shown

    @pytest.mark.parametrize("code", RETURN_CODES)
    def test_refusals_are_translated_with_the_meaning_of_their_code(self, code: str) -> None:
        meaning = RETURN_CODES[code].meaning
        reason = f"refused with code {code} ({meaning})"
        for text in (reason, f"sms_send: {reason}: saldo"):
            assert ENGLISH_WORDS.findall(PORTUGUESE.words(text)) == []
            assert "recusado com o código" in PORTUGUESE.words(text)

    @pytest.mark.parametrize("reason", [SILENT, UNCLEAR, INCOMPLETE, EARLIER_ROW])
    def test_doubts_about_the_statement_are_translated(self, reason: str) -> None:
        assert ENGLISH_WORDS.findall(PORTUGUESE.words(reason)) == []

    def test_a_reason_in_words_of_the_vendor_stays_as_it_is(self) -> None:
        totals = Totals()
        totals.reasons["refused", "the vendor says no"] = 1
        shown = words_of(page(totals, EVENING, PORTUGUESE))
        assert "the vendor says no" in shown


@given(count=st.integers(0, 10**9), cents=st.decimals(0, 10**9, places=6), share=st.floats(0, 1))
def test_numbers_are_the_same_in_both_languages(count: int, cents: Decimal, share: float) -> None:
    def read(text: str) -> Decimal:
        return Decimal(text.removesuffix("%").replace(".", "").replace(",", "."))

    assert read(PORTUGUESE.number(count)) == count
    assert read(PORTUGUESE.money(cents).removeprefix("R$ ")) == cents
    assert PORTUGUESE.money(cents).rpartition(",")[2].isdigit()
    assert PORTUGUESE.words(english_money(cents)) == PORTUGUESE.money(cents)
    assert read(PORTUGUESE.number(share, ".1%")) == Decimal(ENGLISH.number(share, ".1%").removesuffix("%"))


def test_another_language_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"^language: one of en, pt is needed, not 'fr'$"):
        language_of("fr")

from __future__ import annotations

import hypothesis.strategies as st
import polars as pl
from hypothesis import given, settings

from airflow_provider_directcall.campaigns.numbers import with_numbers
from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.numbers import TEXTABLE, NumberKind, parse_number

MOBILES = frozenset({NumberKind.MOBILE})

digits = st.text("0123456789", min_size=1, max_size=16)
subscribers = st.one_of(
    st.from_regex(r"9[0-9]{8}", fullmatch=True),
    st.from_regex(r"[2-5][0-9]{7}", fullmatch=True),
    st.from_regex(r"[0-9]{7,10}", fullmatch=True),
)
separators = st.sampled_from(["", " ", "-", ".", "(", ")", "/", "  ", "\t", "\u00a0", "\u2013", "\u200b", "+", ","])
foreign = st.sampled_from(["\uff19", "\u0669", "a", "ip", "ramal 2", ".0", "E+12", "="])


@st.composite
def spellings(draw):
    """Numbers as people and spreadsheets write them, whole and broken."""
    prefix = draw(st.sampled_from(["", "", "0", "55", "+55", "0055", "00", "+1", "041", "ip", "55 ", "+"]))
    parts = [prefix, draw(st.one_of(st.sampled_from(sorted(AREAS)), digits)), draw(subscribers)]
    text = draw(separators).join(parts)
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.one_of(separators, foreign)) + text[place:]
    return text


def one_by_one(text: str, allow: frozenset[NumberKind]) -> str | None:
    try:
        return parse_number(text, allow=allow).digits
    except ValueError:
        return None


@given(texts=st.lists(st.one_of(spellings(), st.text(max_size=20)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=400)
def test_a_column_is_read_as_one_text_after_the_other(texts):
    for allow in (TEXTABLE, MOBILES):
        rows = with_numbers(pl.DataFrame({"phone": texts}), "phone", allow)
        assert rows["number"].to_list() == [one_by_one(text, allow) for text in texts]
        for number, reason in rows.select("number", "reason").iter_rows():
            assert (number is None) == (reason is not None)


def test_a_reason_names_the_rule_and_shows_no_number():
    rows = with_numbers(pl.DataFrame({"phone": ["1190000001", "", None, "3000"]}), "phone", TEXTABLE)
    missing = "the number is missing"
    assert rows["reason"].to_list()[1:3] == [missing, missing]
    assert "needs the leading 9" in rows["reason"][0]
    assert not any(character.isdigit() for character in rows["reason"][3])

from __future__ import annotations

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import given, settings

from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.texts import Template, plain_letters, with_parts
from airflow_provider_directcall.telephony.segments import PROFILES, parts, plain

characters = st.one_of(
    st.sampled_from("abc áãçõ€[]^`'\u2019\u2013\U0001f600\n"), st.characters(exclude_categories=["Cs"])
)
texts = st.one_of(
    st.text(characters, max_size=20),
    st.lists(st.tuples(characters, st.integers(1, 160)), max_size=4).map(
        lambda runs: "".join(character * times for character, times in runs)
    ),
)


def test_values_are_filled_in_and_a_missing_one_gives_no_text():
    rows = pl.DataFrame({"name": ["Ana ", None], "day": ["12/03", "13/03"]})
    template = Template.parse("Olá {name}, {{dia}} {day}!", rows.columns)
    assert rows.select(text=template.filled())["text"].to_list() == ["Olá Ana, {dia} 12/03!", None]
    assert template.columns == ("name", "day")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Olá {nome}", r"\{nome\} is no column of the contacts; they have: day, name"),
        ("{name.__class__}", "is no column"),
        ("{name[0]}", "is no column"),
        ("{name!r:>9}", "is no column"),
        ("{}", "is no column"),
        ("{name", "a brace stands alone"),
        ("name}", "a brace stands alone"),
    ],
)
def test_a_template_takes_columns_only(text, reason):
    with pytest.raises(CampaignError, match=reason):
        Template.parse(text, ["name", "day"])


@given(text=st.text(max_size=30))
def test_a_text_without_fields_comes_out_as_it_is(text):
    escaped = text.replace("{", "{{").replace("}", "}}")
    rows = pl.DataFrame({"id": ["1"]})
    assert rows.select(text=Template.parse(escaped, rows.columns).filled())["text"].to_list() == [text]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@given(column=st.lists(texts, min_size=1, max_size=10), origin_length=st.integers(0, 13))
@settings(deadline=None, max_examples=200)
def test_a_column_is_counted_as_one_text_after_the_other(profile, column, origin_length):
    rows = with_parts(pl.DataFrame({"text": column}), "text", profile, origin_length)
    assert rows["parts"].to_list() == [parts(text, profile, origin_length=origin_length) for text in column]
    assert plain_letters(pl.Series(column)).to_list() == [plain(text) for text in column]

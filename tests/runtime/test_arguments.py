from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.runtime import arguments

tag_names = st.text(min_size=1, max_size=10)
plain_texts = st.text(st.characters(exclude_characters=";,", exclude_categories=["Cs", "Zs", "Cc"]), min_size=1)
aware_moments = st.datetimes(
    timezones=st.builds(
        timezone,
        st.timedeltas(timedelta(hours=-12), timedelta(hours=12)).map(
            lambda d: timedelta(minutes=d // timedelta(minutes=1))
        ),
    )
)


def refusal(read, value):
    """Return the text of the error, or its required beginning where there is none."""
    try:
        read("the_argument", value)
    except ValueError as error:
        return str(error)
    return "the_argument: "


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "none", "null"])
def test_every_spelling_of_an_empty_value(nothing):
    assert arguments.optional_text(nothing) is None
    assert arguments.moment("at", nothing) is None
    assert arguments.texts("many", nothing) is None
    assert arguments.tags("tags", nothing) is None
    assert arguments.integer("count", nothing) is None
    assert arguments.hours("hours", nothing) is None
    assert arguments.boolean("flag", nothing) is False


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers())))
def test_any_input_gives_a_value_or_a_value_error_with_the_name(value):
    for read in (
        arguments.boolean,
        arguments.moment,
        arguments.seconds,
        arguments.integer,
        arguments.texts,
        arguments.tags,
        arguments.hours,
    ):
        assert refusal(read, value).startswith("the_argument: ")


@given(aware_moments)
def test_moments_round_trip_through_their_texts(moment):
    for text in (moment, moment.isoformat(), str(moment), f" {moment.isoformat()} "):
        assert arguments.moment("at", text) == moment


@given(st.datetimes())
def test_a_moment_without_a_zone_is_rejected(moment):
    for value in (moment, moment.isoformat()):
        with pytest.raises(ValueError, match="at: a time zone is needed"):
            arguments.moment("at", value)


def test_the_zulu_zone_is_known():
    assert arguments.moment("at", "2026-01-31T10:00:00Z") == datetime(2026, 1, 31, 10, tzinfo=UTC)


@given(st.lists(st.text(), min_size=1))
def test_lists_round_trip_through_json_and_python(items):
    for written in (items, tuple(items), json.dumps(items), json.dumps(items, ensure_ascii=False), repr(items)):
        assert arguments.texts("many", written) == items


@given(st.lists(plain_texts.filter(lambda text: text[0] not in "[(" and arguments.optional_text(text)), min_size=1))
def test_lists_round_trip_through_separated_text(items):
    for separator in (";", ",", "; ", " , "):
        assert arguments.texts("many", separator.join(items)) == items


@given(st.dictionaries(tag_names, st.text()))
def test_tags_round_trip_through_json_and_python(tags):
    for written in (tags, json.dumps(tags), repr(tags)):
        assert arguments.tags("tags", written) == tags


@pytest.mark.parametrize("value", [True, None, ["x"], {"a": "b"}])
def test_a_tag_is_a_text_or_a_number(value):
    with pytest.raises(ValueError, match="tags: the value of 'flag'"):
        arguments.tags("tags", {"flag": value})
    assert arguments.tags("tags", {"id": 7, "share": 0.5}) == {"id": "7", "share": "0.5"}


@pytest.mark.parametrize(
    ("written", "meant"), [("True", True), ("yes", True), (1, True), ("false", False), ("0", False)]
)
def test_booleans(written, meant):
    assert arguments.boolean("flag", written) is meant


@pytest.mark.parametrize(("written", "meant"), [("15", 15.0), (2.5, 2.5), (timedelta(minutes=1), 60.0), (0, 0.0)])
def test_seconds(written, meant):
    assert arguments.seconds("wait", written) == meant


@pytest.mark.parametrize("written", ["-1", "nan", "inf", timedelta(seconds=-1), None, "soon"])
def test_seconds_rejects(written):
    with pytest.raises(ValueError, match="wait: "):
        arguments.seconds("wait", written)


@pytest.mark.parametrize("written", ["5511990000001x", {"5511990000001": None}, "[5511990000001"])
def test_errors_never_show_the_value(written):
    for read in (arguments.moment, arguments.seconds, arguments.boolean, arguments.tags):
        with pytest.raises(ValueError, match=r"^it: ") as caught:
            read("it", written)
        assert "990000001" not in str(caught.value).replace("the value of '5511990000001'", "")


@pytest.mark.parametrize(
    ("written", "meant"), [((9, 18), (9, 18)), ("9-18", None), ("[9, 18]", (9, 18)), ("9;18", (9, 18))]
)
def test_hours(written, meant):
    if meant is None:
        with pytest.raises(ValueError, match="hours: "):
            arguments.hours("hours", written)
    else:
        assert arguments.hours("hours", written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("(11) 99000-0001", ["(11) 99000-0001"]),
        ("(11) 99000-0001, (11) 99000-0002", ["(11) 99000-0001", "(11) 99000-0002"]),
        ("(11) 99000-0001;(11)990000002", ["(11) 99000-0001", "(11)990000002"]),
        ("('5511990000001', '5511990000002')", ["5511990000001", "5511990000002"]),
        ("[5511990000001]", ["5511990000001"]),
        (5511990000001, ["5511990000001"]),
        # Kept whole, and rejected by name where the number is parsed.
        (1199000001.0, ["1199000001.0"]),
        ("5,51199E+12", ["5,51199E+12"]),
        ("1199000001,0", ["1199000001,0"]),
        ([1199000001.0], ["1199000001.0"]),
        ("[1199000001.0]", ["1199000001.0"]),
        ("", None),
        ("None", None),
    ],
)
def test_phone_numbers(written, meant):
    assert arguments.phone_numbers("destination", written) == meant


@pytest.mark.parametrize("written", [{"a": 1}, True, object()])
def test_what_is_no_list_of_numbers_is_rejected(written):
    with pytest.raises(ValueError, match="destination: a text or a list of texts is needed"):
        arguments.phone_numbers("destination", written)


@pytest.mark.parametrize(
    ("word", "hint"),
    [("bussy", "; did you mean 'busy'?"), ("No-Answer", "; did you mean 'no_answer'?"), ("teapot", "")],
)
def test_a_misspelt_word_gets_a_suggestion(word, hint):
    assert arguments.suggestion(word, ["answered", "busy", "no_answer"]) == hint

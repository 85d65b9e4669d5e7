"""The answers that people give by SMS."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.statement.answer_words import Answers, normalized

ANSWERS = {"yes": ["1", "sim", "s", "👍"], "no": ["2", "Não", "n", "👎"]}


@pytest.mark.parametrize(
    ("answers", "pattern", "named"),
    [
        (None, None, "answers, pattern: exactly one"),
        ({"yes": ["1"]}, "1", "answers, pattern: exactly one"),
        ({}, None, "answers: words by answer"),
        ("1", None, "answers: words by answer"),
        ({"yes": []}, None, "answers: each needs a name"),
        ({" ": ["1"]}, None, "answers: each needs a name"),
        ({"yes": None}, None, "answers: each needs a name"),
        ({"yes": ["..."]}, None, "answers: a word of 'yes' has neither"),
        ({"yes": ["não"], "no": ["NAO!"]}, None, "answers: a word of 'no' is one of 'yes' too"),
        (None, "[", "pattern: it is no regular expression"),
        (None, ".*", "pattern: it matches an empty reply"),
        (None, "", "pattern: it matches an empty reply"),
        (None, r"(\d+)+x", "pattern: a group that has repeats or choices is repeated"),
        (None, r"(?:sim|s)*!", "pattern: a group that has repeats or choices is repeated"),
        (None, r"x((\w*) ?){2,}", "pattern: a group that has repeats or choices is repeated"),
        (None, r"(a?){40}a{40}", "pattern: a group that has repeats or choices is repeated"),
        (None, r"\d+\d+\d*\d{1,}\d+", "pattern: it has more than four repeats"),
        (None, "a?" * 30 + "a" * 30, "pattern: it has more than four repeats, or too many optional"),
    ],
)
def test_answers_that_cannot_be_meant_are_rejected(answers, pattern, named):
    with pytest.raises(ValueError, match=named):
        Answers(answers, pattern)


@pytest.mark.parametrize(
    "text",
    [
        "talvez",
        "1 ou 2",
        "sim não",
        "1 👎",
        "👍👎",
        "12",
        "1/2",
        "",
        "  ",
        "!",
        "simone",
        "não sei",
        "s n",
        "talvez 👍",
    ],
)
def test_other_replies_give_no_answer(text):
    assert Answers(ANSWERS, None).answer_of(text) is None


@pytest.mark.parametrize(
    "text",
    ["1", " 1 ", "1.", "1)", '"1"', "1!!!", "\t1\n", "1️⃣", "①", "\uff11", "1 👍", "1 🎉", "+1", "\u200b1", "\u00a01"],
)
def test_every_form_of_one_is_yes(text):
    assert Answers(ANSWERS, None).answer_of(text) == "yes"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (" sim ", "yes"),
        ("SIM!", "yes"),
        ("Sím", "yes"),
        ("s.", "yes"),
        ("👍", "yes"),
        ("👍🏽", "yes"),
        ("👍👍👍", "yes"),
        ("NÃO", "no"),
        ("nao", "no"),
        ("na\u0303o", "no"),
        ("👎🏿", "no"),
        ("2️⃣.", "no"),
    ],
)
def test_words_and_emoji_give_their_answer(text, answer):
    assert Answers(ANSWERS, None).answer_of(text) == answer


def test_words_may_be_several_and_numbers():
    answers = Answers({"yes": [1, "Sim, confirmo"], "no": 2}, None)
    assert [answers.answer_of(text) for text in ("sim confirmo!", "1", "2", "sim")] == ["yes", "yes", "no", None]
    assert answers.names == {"yes", "no"}


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        ("sim|não", " NÃO. ", "nao"),
        (r"(\d)( estrelas?)?", "5 Estrelas!", "5"),
        (r"nota (\d+)", "Nota: 10", "10"),
        (r"\d", "10", None),
        ("SIM", "sim", "sim"),
        ("👍", "👍🏽👍", "👍"),
        (r"(?:\d{2})+(\d)", "12345", "5"),
        (r"[(*+|]?(sim|s)( [\w{]+)?", "s obrigado", "s"),
        (r".*nota.*?(\d+).*", "Minha nota: 10, obrigado", "10"),
        (r"(sim)(\W.*|\)+)?", "sim " + "quero " * 100, "sim"),
    ],
)
def test_pattern_finds_a_part_of_the_normalized_text(pattern, text, answer):
    assert Answers(None, pattern).answer_of(text) == answer


@given(st.text())
def test_any_text_is_normalized_once(text):
    assert normalized(normalized(text)) == normalized(text)
    Answers(ANSWERS, None).answer_of(text)

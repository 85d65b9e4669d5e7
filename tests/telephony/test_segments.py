from __future__ import annotations

import gsm0338
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from airflow_provider_directcall.telephony.segments import (
    GSM_BASIC,
    GSM_EXTENSION,
    PROFILES,
    is_gsm,
    parts,
    plain,
    sms_parts,
)

_ESCAPE = "\x1b"
GSM, DIRECTCALL = PROFILES["gsm"], PROFILES["directcall"]
gsm_texts = st.lists(st.tuples(st.sampled_from(GSM_BASIC + GSM_EXTENSION), st.integers(1, 120)), max_size=6).map(
    lambda runs: "".join(character * times for character, times in runs)
)
mixed_texts = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from("aé€^\\ãçº“😀中"), st.characters(exclude_categories=["Cs"], exclude_characters=[_ESCAPE])
        ),
        st.integers(1, 120),
    ),
    max_size=5,
).map(lambda runs: "".join(character * times for character, times in runs))


@pytest.mark.parametrize(
    ("text", "profile", "count"),
    [
        ("", GSM, 1),
        ("a" * 160, GSM, 1),
        ("a" * 161, GSM, 2),
        ("a" * 306, GSM, 2),
        ("a" * 307, GSM, 3),
        ("ã" + "a" * 69, GSM, 1),
        ("ã" + "a" * 70, GSM, 2),
        ("€" * 80, GSM, 1),
        ("€" * 81, GSM, 2),
        ("a" * 152 + "€" + "a" * 10, GSM, 2),
        ("\U0001f600" * 35, GSM, 1),
        ("\U0001f600" * 36, GSM, 2),
        ("\U0001f600" * 67, GSM, 3),  # 33 a part: a pair is not split
        ("a" * 140, DIRECTCALL, 1),
        ("a" * 141, DIRECTCALL, 2),
        ("ã€" * 70, DIRECTCALL, 1),
    ],
)
def test_parts(text, profile, count):
    assert parts(text, profile) == count


def test_directcall_counts_the_sender_as_text():
    assert parts("a" * 127, DIRECTCALL, origin_length=13) == 1
    assert parts("a" * 128, DIRECTCALL, origin_length=13) == 2
    assert parts("a" * 160, GSM, origin_length=13) == 1


def encoded(text: str) -> tuple[list[int], bool]:
    """Return the septets of a text and the place of each escape, or its UTF-16 units, by other libraries."""
    try:
        return list(gsm0338.Codec().encode(text)[0]), True
    except UnicodeEncodeError:
        content = text.encode("utf-16-be")
        return [int.from_bytes(content[place : place + 2], "big") for place in range(0, len(content), 2)], False


def cut(units: list[int], single: int, longest: int, is_gsm_text: bool) -> int:
    """Cut units by the rule: one part, or parts that never end amid a character of two units."""
    if len(units) <= single:
        return 1
    count, place = 0, 0
    while place < len(units):
        step = min(longest, len(units) - place)
        last = units[place + step - 1]
        place += step - (last == 0x1B if is_gsm_text else 0xD800 <= last < 0xDC00)
        count += 1
    return count


@given(text=st.one_of(gsm_texts, mixed_texts))
@settings(deadline=None, max_examples=400)
def test_parts_agree_with_encoders_of_gsm_03_38_and_utf_16(text):
    units, is_gsm_text = encoded(text)
    assert is_gsm(text) is is_gsm_text
    lengths = (160, 153) if is_gsm_text else (70, 67)
    assert parts(text, GSM) == cut(units, *lengths, is_gsm_text)
    lengths = (140, 140) if is_gsm_text else (70, 67)
    assert parts(text, PROFILES["cautious"]) == cut(units, *lengths, is_gsm_text)


def test_the_alphabet_is_that_of_an_encoder():
    # The escape is a part of other characters, and none of a text.
    assert [character for character in map(chr, range(0x3000)) if is_gsm(character) != encoded(character)[1]] == [
        _ESCAPE
    ]


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_plain_letters_are_plain_already(text):
    assert plain(plain(text)) == plain(text)


def test_portuguese_becomes_plain():
    assert (
        plain("Olá, João! Sua consulta é às 9h \u2013 3º andar “A”…")
        == 'Ola, Joao! Sua consulta e as 9h - 3o andar "A"...'
    )
    assert is_gsm(plain("ÁÂÃÇÊÍÓÔÕÚáâãçêíóôõúªº"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 140, "1 part (GSM-7)"),
        ("x" * 141, "2 parts (GSM-7)"),
        ("é" * 281, "3 parts (GSM-7)"),
        ("\u20ac" * 71, "2 parts (GSM-7)"),
        ("x" * 699 + "\U0001f389", "11 parts (UCS-2, because of 1 character outside GSM-7: emoji or symbol)"),
        ("x" * 68 + "\U0001f389", "1 part (UCS-2, because of 1 character outside GSM-7: emoji or symbol)"),
        ("x" * 69 + "\U0001f389", "2 parts (UCS-2, because of 1 character outside GSM-7: emoji or symbol)"),
        ("não, não", "1 part (UCS-2, because of 2 characters outside GSM-7: letter)"),
        ("\u201csim\u201d \u2013 já", "1 part (UCS-2, because of 4 characters outside GSM-7: punctuation, letter)"),
        ("a\u00a0b", "1 part (UCS-2, because of 1 character outside GSM-7: space or invisible)"),
    ],
)
def test_parts_and_their_reason(text, shown):
    assert str(sms_parts(text)) == shown


@given(text=st.text(min_size=1))
def test_no_text_is_shown(text):
    parts = sms_parts(text)
    assert parts.count >= 1
    assert str(parts).isascii()
    assert parts.encoding == ("UCS-2" if parts.outside else "GSM-7")

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

GSM, DIRECTCALL = PROFILES["gsm"], PROFILES["directcall"]
gsm_texts = st.lists(st.tuples(st.sampled_from(GSM_BASIC + GSM_EXTENSION), st.integers(1, 120)), max_size=6).map(
    lambda runs: "".join(character * times for character, times in runs)
)


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


@given(text=gsm_texts)
@settings(deadline=None)
def test_parts_agree_with_an_encoder_of_gsm_03_38(text):
    """Cut the encoded septets by the rule: 160, or parts of 153 that never end with an escape."""
    septets = gsm0338.Codec().encode(text)[0]
    assert is_gsm(text)
    if len(septets) <= 160:
        assert parts(text, GSM) == 1
        return
    count, place = 0, 0
    while place < len(septets):
        step = min(153, len(septets) - place)
        place += step - (septets[place + step - 1] == 0x1B)
        count += 1
    assert parts(text, GSM) == count


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

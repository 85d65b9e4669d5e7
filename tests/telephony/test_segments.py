"""Parts of an SMS, counted before it is sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_directcall.telephony.segments import sms_parts


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


@given(st.text(min_size=1))
def test_no_text_is_shown(text):
    parts = sms_parts(text)
    assert parts.count >= 1
    assert str(parts).isascii()
    assert parts.encoding == ("UCS-2" if parts.outside else "GSM-7")

from __future__ import annotations

import pytest

from airflow_provider_directcall.telephony.numbers import parse_did


@pytest.mark.parametrize(
    ("text", "did"),
    [
        ("4130000001", "4130000001"),
        ("554130000001", "4130000001"),
        ("+55 41 3000-0001", "4130000001"),
        ("11990000001", "11990000001"),
        ("5530000001", "5530000001"),
        ("55990000001", "55990000001"),
        ("0800 000 0001", "08000000001"),
        ("4004-0001", "40040001"),
        (4130000001, "4130000001"),
    ],
)
def test_a_did_is_without_country_code(text: str | int, did: str):
    assert parse_did(text) == did
    assert parse_did(did) == did


@pytest.mark.parametrize("text", ["ip4130000001", "0011234567890", "33000001", "4190000001", "my number", ""])
def test_what_cannot_be_a_did_is_refused(text: str):
    with pytest.raises(ValueError, match=r"^did: "):
        parse_did(text)
    with pytest.raises(ValueError, match=r"^number: "):
        parse_did(text, argument="number")

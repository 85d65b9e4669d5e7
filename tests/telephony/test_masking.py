from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_directcall.telephony.masking import mask_number, mask_numbers_in

digit_texts = st.text("0123456789", max_size=20)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("5541990000001", "5541*****0001"),
        ("554130000001", "5541*****0001"),
        ("+55 (41) 99000-0001", "5541*****0001"),
        ("0012345678901", "0012*****8901"),
        ("ip4130000001", "ip41*****0001"),
        ("08000000001", "08*****0001"),
        ("41990000001", "41*****0001"),
        ("4130000001", "41*****0001"),
        ("990000001", "*****0001"),
        ("30000001", "*****01"),
        ("300001", "*****01"),
        ("30001", "*****"),
        ("190", "*****"),
        ("", "*****"),
        ("+ ( ) -", "*****"),
    ],
)
def test_each_kind_has_its_mask(text: str, masked: str):
    assert mask_number(text) == masked


@given(st.text(max_size=40))
@example("*****0001")
def test_a_masked_number_stays_as_it_is(text: str):
    assert mask_number(mask_number(text)) == mask_number(text)


@given(digit_texts)
def test_a_mask_shows_four_digits_at_either_end_at_most(text: str):
    head, tail = mask_number(text).split("*****")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) <= 4
    assert len(tail) <= 4
    assert len(text) - len(head) - len(tail) >= min(4, len(text))


@given(st.text("0123456789", min_size=12, max_size=14))
def test_a_mask_does_not_tell_how_long_the_number_is(text: str):
    assert mask_number(text) == mask_number(text[:4] + "0" + text[4:])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("to 5511990000001 failed", "to 5511*****0001 failed"),
        ("to +5511990000001.", "to +5511*****0001."),
        ("destino=554130000001&format=json", "destino=5541*****0001&format=json"),
        ('{"telefone":" 55 11  3000 0001"}', '{"telefone":" 5511*****0001"}'),
        ("5511990000001;5511990000002", "5511*****0001;5511*****0002"),
        ("5511990000001 5511990000002", "5511*****0001 5511*****0002"),
        ("HTTP 500 5511990000001 2", "HTTP 500 5511*****0001 2"),
        ("+55 (11) 99000-0001, ok", "5511*****0001, ok"),
        ("5511990000001\n5511990000002", "5511*****0001\n5511*****0002"),
        ("ip4130000001 busy", "ip41*****0001 busy"),
        ("did 4130000001", "did 41*****0001"),
        ("call 99000-0001", "call *****0001"),
        ("(11) 99000-0001", "*****01"),
        ("11990000001", "*****01"),
        ("a **5511990000001** b", "a **5511*****0001** b"),
        ("callerid 10000000000001", "callerid 1000*****0001"),
        ("cpf 123.456.789-09", "cpf *****09"),
        ("cpf 12345678909", "cpf *****09"),
        ("1 123.456.789-09", "1 *****09"),
        ("cnpj 12.345.678/0001-95", "cnpj 1234*****0195"),
        ("a 2026-01-29 (11) 99000-0001", "a 2026-01-29 *****01"),
        ("at 2026-01-29 10:36:46 99000-0001", "at 2026-01-29 10:36:46 *****0001"),
        ("29/01/2026 5511990000001", "29/01/2026 5511*****0001"),
    ],
)
def test_numbers_in_free_text_are_masked(text: str, masked: str):
    assert mask_numbers_in(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no digits at all",
        "codigo 006, 12 of 40",
        "at 2026-01-29 10:36:46 and 2026-01-29T10:36:46",
        "on 29/01/2026 10:36",
        "000 2026-01-29",
        "call 12345678-1234-4234-8234-123456789012 ended",
        "call 3F2504E0-4F89-41D3-9A0C-0305E82C3301 ended",
        "R$ 1.234,56",
        "version 3.3.2",
        "5541*****0001",
    ],
)
def test_what_is_no_number_is_left_alone(text: str):
    assert mask_numbers_in(text) == text


def test_a_uuid_beside_a_number_keeps_its_digits():
    uuid = "12345678-1234-4234-8234-123456789012"
    assert mask_numbers_in(f"99000-0001 {uuid} 5511990000001") == f"*****0001 {uuid} 5511*****0001"


def spellings(digits: str) -> list[str]:
    """Spellings of 55 + area + 9 digits."""
    area, left, right = digits[2:4], digits[4:9], digits[9:]
    return [
        digits,
        f"+{digits}",
        f"+55 {area} {left}-{right}",
        f"55-{area}-{left}-{right}",
        f"({area}) {left}-{right}",
        f"({area}) {left}.{right}",
        f"0{area} {left} {right}",
        f"{area}{left}{right}",
        f"{area}\u00a0{left}\u2011{right}",
    ]


no_digits = st.text(st.characters(exclude_categories=["Nd"]), max_size=30)


@given(
    before=no_digits,
    after=no_digits,
    number=st.from_regex(r"55[1-9]{2}9[0-9]{8}", fullmatch=True),
    spelling=st.integers(0, 8),
)
def test_every_spelling_is_masked_in_any_text(before: str, after: str, number: str, spelling: int):
    masked = mask_numbers_in(f"{before}{spellings(number)[spelling]}{after}")
    shown = re.sub(r"\D", "", masked)
    assert "*****" in masked
    assert len(shown) <= 8
    assert number.endswith(shown[-2:])


@given(
    before=st.text(max_size=30),
    after=st.text(max_size=30),
    number=st.from_regex(r"55[1-9]{2}9[0-9]{8}", fullmatch=True),
    spelling=st.integers(0, 8),
)
def test_no_spelling_survives_beside_other_digits(before: str, after: str, number: str, spelling: int):
    masked = mask_numbers_in(f"{before}{spellings(number)[spelling]}{after}")
    national = re.compile(r"[ \t\u00a0()./\u2010-\u2015-]*".join(number[2:]))
    assert not national.search(masked)


@given(st.text(st.sampled_from("0123456789 .-/()+*a;"), max_size=60))
def test_no_run_of_ten_digits_survives(text: str):
    assert not re.search(r"[0-9]{10}", mask_numbers_in(text))

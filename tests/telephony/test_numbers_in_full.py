"""No text that is not a number in full becomes another number."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

areas = st.sampled_from(sorted(AREAS))
mobiles = st.builds("{}9{}".format, areas, st.from_regex(r"[0-9]{8}", fullmatch=True))
fixed_lines = st.builds("{}{}".format, areas, st.from_regex(r"[2-5][0-9]{7}", fullmatch=True))
nationals = mobiles | fixed_lines
#: Eight-digit mobiles of the time before 2016 are in old lists, often with an extension.
old_mobiles = st.builds("{}{}".format, areas, st.from_regex(r"[6-9][0-9]{7}", fullmatch=True))
tails = st.from_regex(r"[0-9]{1,4}", fullmatch=True)

SPELLINGS = (
    "{area}{left}{right}",
    "55{area}{left}{right}",
    "+55{area}{left}{right}",
    "0055{area}{left}{right}",
    "0{area}{left}{right}",
    "({area}) {left}-{right}",
    "({area}){left}{right}",
    "{area} {left} {right}",
    "{area}.{left}.{right}",
    "{area}.{left}{right}",
    "{area}-{left}-{right}",
    "{area}/{left}-{right}",
    "(0{area}) {left}-{right}",
    "(0xx{area}) {left}-{right}",
    "0xx{area} {left}{right}",
    "0 41 {area} {left}-{right}",
    "(021 {area}) {left}.{right}",
    "+55 ({area}) {left}-{right}",
    "+55 {area} {left}\u2011{right}",
    "55\u00a0{area}\u00a0{left}\u2013{right}",
    "\u202a+55 0{area} {left} {right}\u202c",
)
GROUPED = tuple(spelling for spelling in SPELLINGS if re.search(r"right}$", spelling) and "}-{" in spelling)


def spelled(national: str, spelling: str) -> str:
    return spelling.format(area=national[:2], left=national[2:-4], right=national[-4:])


def read(value: object) -> str | None:
    """Return the digits that a value is read as, or None where it is rejected."""
    try:
        return parse_number(value, allow=ALL_KINDS).digits
    except ValueError:
        return None


@given(nationals, st.sampled_from(SPELLINGS), st.booleans())
def test_every_spelling_gives_the_same_digits(national, spelling, splits_the_nine):
    if splits_the_nine and len(national) == 11:
        spelling = spelling.replace(" {left}", " 9 {left[1]}{left[2]}{left[3]}{left[4]}")
    assert read(spelled(national, spelling)) == f"55{national}"


@given(nationals, nationals, st.sampled_from(SPELLINGS), st.sampled_from(SPELLINGS))
def test_two_numbers_never_meet_in_one_text(one, other, spelling, other_spelling):
    assume(one != other)
    assert spelled(one, spelling) != spelled(other, other_spelling)
    assert read(spelled(one, spelling)) != read(spelled(other, other_spelling))


@given(nationals, st.sampled_from(["", "55"]))
@example("1130000001", "")
@example("1199000001", "55")
@example("5530000001", "")
def test_a_number_that_was_a_float_or_a_decimal_is_rejected(national, country):
    number = float(country + national)
    for value in (number, str(number), f"{number:.1f}", f"{number:.2f}", f"{number:.3f}", f"{number:.6f}"):
        assert read(value) is None
    for text in (f"{number:e}", f"{number:.5E}", f"{number:.5E}".replace(".", ","), f"{number:.1f}".replace(".", ",")):
        assert read(text) is None
    assert read(number / 10) is None
    assert read(f"{int(number):,}") is None
    assert read(f"{int(number):,}".replace(",", ".")) is None


@given(st.integers(0, 10**14), st.integers(1, 9))
def test_no_decimal_number_is_a_telephone_number(whole, places):
    # 11.990000001 is an area code, a dot and a number.
    assume(places not in (8, 9) or whole > 99)
    assert read(f"{whole}.{'1' * places}") is None
    assert read(f"{whole},{'1' * places}") is None
    assert read(float(whole)) is None
    assert read(f"-{whole}") is None
    assert read(-whole) is None


@given(nationals, st.sampled_from(SPELLINGS))
def test_forms_of_a_spreadsheet_are_rejected_though_all_digits_are_there(national, spelling):
    text = spelled(national, spelling)
    for form in (f'="{text}"', f"={text}", f"'{text}", f"\u2019{text}", f" '{text}"):
        assert read(form) is None


@given(nationals | old_mobiles, st.sampled_from(GROUPED), tails, st.sampled_from([" ", "/", "-", " - ", ".", "\u00a0"]))
@example("5531300001", "({area}) {left}-{right}", "12", " ")
@example("5531900001", "({area}) {left}-{right}", "123", "/")
@example("1199000001", "({area}) {left}-{right}", "2", " ")
def test_an_extension_is_never_read_as_digits_of_the_number(national, spelling, extension, separator):
    text = spelled(national, spelling)
    assert read(f"{text}{separator}{extension}") is None
    for word in ("ramal", "r.", "x", "ext", "#"):
        assert read(f"{text} {word} {extension}") is None


@given(nationals, st.sampled_from(GROUPED), st.integers(0, 3), st.sampled_from("0123456789"), st.booleans())
def test_a_digit_more_or_less_in_a_written_number_is_noticed(national, spelling, place, digit, is_cut):
    area, left, right = national[:2], national[2:-4], national[-4:]
    wrong = right[:place] + right[place + 1 :] if is_cut else right[:place] + digit + right[place:]
    assert read(spelling.format(area=area, left=left, right=wrong)) is None


@pytest.mark.parametrize(
    "text",
    [
        "(09) 92942-3068",
        "0xx9 92942-3068",
        "+55 (119) 5321-7353",
        "119 9000-0001",
        "(0xx.065) 3702-3086",
        ".06334453490",
        "(0.021 34) 2854.7680",
    ],
)
def test_digits_never_move_from_one_part_of_a_number_into_another(text):
    assert read(text) is None


@given(nationals, st.integers(1, 4), st.sampled_from(["55{}", "+55{}", "0055{}", "0{}", "{}"]))
@example("9190000001", 1, "55{}")
def test_digits_that_are_cut_off_leave_no_other_number(national, cut, form):
    """The one exception is a number in full: 55 and 8 or 9 digits, the area code 55 without country code."""
    text = form.format(national)[:-cut]
    number = read(text)
    if text.startswith("55") and len(text) in (10, 11):
        assert number in (None, f"55{text}")
    else:
        # A mobile number that lost a digit looks like one of eight digits, which is rejected.
        assert number is None


@given(nationals, tails, st.sampled_from(["55{}", "+55{}", "0055{}", "0{}", "{}"]))
def test_digits_that_are_added_make_no_other_number(national, added, form):
    """The one exception, as above: the area code 55 without country code, where the length decides."""
    text = form.format(national) + added
    number = read(text)
    if form == "{}" and national.startswith("55") and len(text) in (12, 13):
        assert number in (None, text)
    else:
        assert number is None


@given(nationals, nationals, st.sampled_from(["/", ";", ",", " ", " / ", " ou ", " e ", "\n", "\u200b", ""]))
def test_two_numbers_in_one_text_are_rejected(one, other, separator):
    for spelling in SPELLINGS:
        assert read(spelled(one, spelling) + separator + spelled(other, spelling)) is None


@given(nationals, st.integers(0, 9), st.sampled_from(["\u0660", "\u06f0", "\u0966", "\uff10", "\U0001d7ce"]))
def test_foreign_digits_are_rejected(national, place, zero):
    index = 2 + place % (len(national) - 2)
    text = national[:index] + chr(ord(zero) + int(national[index])) + national[index + 1 :]
    assert read(text) is None
    assert read(national + "\u00b2") is None
    assert read(national + "\u2460") is None


@pytest.mark.parametrize("value", [1199000001, Decimal(5511990000001), "11990000001", 11990000001])
def test_whole_numbers_are_exact(value):
    expected = None if value == 1199000001 else "5511990000001"
    assert read(value) == expected


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (1199000001.0, "decimal number"),
        (11.990000001, "decimal number"),
        (Decimal("11.990000001"), "decimal number"),
        (Fraction(11990000001), "decimal number"),
        ("1199000001.0", "decimal number"),
        ("1199000001,0", "decimal number"),
        (Decimal("1199000001.0"), "decimal number"),
        ("113000.0001", "decimal number"),
        ("(11) 9900000.1", "ends with decimals"),
        ("+33 612345678.0", "ends with decimals"),
        ("5,51199E+12", "scientific notation"),
        ("5.51199E+12", "scientific notation"),
        (Decimal("5.51199E+12"), "scientific notation"),
        (1e22, "scientific notation"),
        ('="5511990000001"', "formula"),
        ("'5511990000001", "apostrophe"),
        ("#REF!", "spreadsheet's error"),
        (float("nan"), "data frame"),
        ("-5511990000001", "negative"),
        ("11.990.000.001", "separators of thousands"),
        ("(11) 9900-0001 2", "extension"),
        ("02111990000001", "carrier code"),
    ],
)
def test_the_reason_is_named(value, rule):
    with pytest.raises(ValueError, match=rf"^destination: .*{rule}") as caught:
        parse_number(value, argument="destination", allow=ALL_KINDS)
    assert "99000000" not in str(caught.value)

"""Parse phone numbers in any usual spelling into the form that Directcall expects."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from numbers import Integral, Real
from typing import TYPE_CHECKING

from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.masking import mask_number, mask_spoiled
from airflow_provider_directcall.telephony.spreadsheets import DECIMAL_NUMBER, spreadsheet_form

if TYPE_CHECKING:
    from airflow_provider_directcall.telephony.areas import Area


class NumberKind(StrEnum):
    """Kind of a number; errors use the values."""

    MOBILE = "mobile"
    FIXED = "fixed-line"
    NON_GEOGRAPHIC = "non-geographic"
    INTERNATIONAL = "international"
    SIP = "SIP"


GEOGRAPHIC = frozenset({NumberKind.MOBILE, NumberKind.FIXED})
"""Brazilian numbers with an area code; the default of `parse_number`."""

CALLABLE = GEOGRAPHIC | {NumberKind.SIP}
"""Either party of a call. Documented: country + area + number, or `ip` + area + number. The document gives
the international form for SMS only, and does not mention 0800 or 4004 as a party of a call: both are
excluded."""

TEXTABLE = frozenset({NumberKind.MOBILE, NumberKind.INTERNATIONAL})
"""Recipient of an SMS. Documented: a number, or `00` + country + number. Fixed lines in Brazil receive no SMS
(general knowledge, not the vendor's word). The kind of a foreign number is not known."""

SENDERS = GEOGRAPHIC | {NumberKind.INTERNATIONAL}
"""Sender of an SMS, if it is a number."""

VOICE_MESSAGEABLE = GEOGRAPHIC
"""Recipient of a voice message. Inferred: the document mentions `00` for SMS only and `ip` for calls only."""

FORWARDABLE = GEOGRAPHIC | {NumberKind.SIP}
"""Target of a forwarding rule. Documented: any fixed, mobile or IP number. (SIP logins too, which are no numbers.)"""

DID_KINDS = GEOGRAPHIC | {NumberKind.NON_GEOGRAPHIC}
"""A contracted number (DID). Documented with an area code; 0800 and 4004 are assumed."""

ALL_KINDS = frozenset(NumberKind)
"""Every kind: for filters on other parties, such as the callers of received calls."""


@dataclass(frozen=True, slots=True, repr=False)
class PhoneNumber:
    """A phone number as `parse_number` returns it; `str` and `repr` are masked.

    `digits` is the form on the wire: `55` + area + 8 or 9 digits; `00` + country + number; `ip` + area +
    number; a non-geographic number as it is dialled in Brazil, with neither country nor area
    (`08000000001`, `40040001`: assumed). `area` is None for the kinds without an area code.
    """

    digits: str
    kind: NumberKind
    area: Area | None = None

    @property
    def masked(self) -> str:
        """The number for logs: `5541*****0001`."""
        return mask_number(self.digits)

    @property
    def national(self) -> str:
        """The number without country code: area + number, as in DID ids and portability look-ups.

        Numbers without Brazilian country code (international, SIP, non-geographic) keep their form on the wire.
        """
        return self.digits[2:] if self.kind in GEOGRAPHIC else self.digits

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"PhoneNumber({self.masked!r}, {self.kind.value})"


def parse_number(text: object, *, argument: str = "number", allow: frozenset[NumberKind] = GEOGRAPHIC) -> PhoneNumber:
    """Parse a phone number (`numero`) in any usual spelling.

    Brazilian numbers: with or without the country code 55, with `+`, `0055`, the trunk prefix 0 or 0xx, a carrier
    code after it where each part is written apart (`0 41 11 99000-0001`), blanks, dots, hyphens, slashes and
    parentheses. Separators are accepted where Brazilians write them only: `(11) 9 9000-0001`, but not
    `(11) 9900-0001 2`, which has an extension. Without `+` or `00`, the length decides: 10 or 11 digits are area +
    number, also when they begin with 55, which is an area code too; 12 or 13 that begin with 55 have the country
    code.

    An `int` is read as its digits, because Jinja's native rendering produces one. Rejected by name: all that a
    spreadsheet has touched (a `float`, `1199000001.0`, `5,51199E+12`, `="5511990000001"`, an apostrophe), and digits
    other than 0 to 9.

    Other countries: `+` or `00`, country code and number. Only the length is checked for the country, not the
    numbering plan, which changes. SIP: `ip` + area + number.

    Eight-digit mobile numbers are rejected: they ended in 2016, and the missing 9 is never added.

    Raises ValueError, which names `argument`, the rule and the masked value, for an invalid number and for
    a kind that is not in `allow`.
    """
    raw = str(text)
    try:
        number = _read(raw)
        _require_kind(number.kind, allow)
    except _BrokenRuleError as broken:
        raise ValueError(f"{argument}: {broken} (value: {mask_spoiled(raw)})") from None
    require_exact(text, argument=argument)
    return number


def require_exact(value: object, *, argument: str) -> None:
    """Reject a float, also a library's own, and a decimal with decimals: as a text, 11.990000001 is a number.

    Raises ValueError as `parse_number` does.
    """
    is_float = isinstance(value, Real) and not isinstance(value, Integral)
    if is_float or (isinstance(value, Decimal) and value.as_tuple().exponent != 0):
        raise ValueError(f"{argument}: {DECIMAL_NUMBER} (value: {mask_spoiled(str(value))})")


def parse_did(text: object, *, argument: str = "did") -> str:
    """Parse the id of a contracted number (`did`), with or without 55, and return it without 55.

    `4130000001` for `+55 41 3000-0001`; `08000000001` and `40040001` unchanged (assumed: the document
    shows no such id). Raises ValueError as `parse_number` does.
    """
    return parse_number(text, argument=argument, allow=DID_KINDS).national


class _BrokenRuleError(Exception):
    """The rule that a text breaks; the message holds no part of the text."""


def _require_kind(kind: NumberKind, allow: frozenset[NumberKind]) -> None:
    if kind not in allow:
        allowed = ", ".join(other.value for other in NumberKind if other in allow)
        raise _BrokenRuleError(f"{kind.value} numbers are not allowed here; allowed: {allowed}")


_WIRE = re.compile(r"55([1-9]{2})(?:(9[0-9]{8})|[2-5][0-9]{7})")
_SHAPE = re.compile(r"(?P<prefix>\+|00|ip)?(?P<digits>[0-9]+)")
_SEPARATORS = re.compile(r"[\s()./\u2010-\u2015\u2212-]+")
_TRUNK_AND_CARRIER = re.compile(r"^0(?:[1-9][0-9])?(?=[0-9]{10,11}$)")
#: The trunk prefix with a place for any carrier's code: 0xx11.
_ANY_CARRIER = re.compile(r"^((?:\+ ?|00 ?)?55 ?)?0 ?(?:xx|\*\*) ?(?=[1-9])")

_COUNTRY = r"(?:(?:\+ ?|00 ?)?55 ?)?"
_AREA = r"[1-9][0-9]"
#: The first of nine digits is written apart only where the area code is too: 11 9 9000 0001, but not 119 9000 0001.
_SUBSCRIBER = r"(?: ?[0-9]{4,5} ?[0-9]{4}| [0-9] [0-9]{4} ?[0-9]{4})"
#: Where a Brazilian number may have separators, each written as a blank. Elsewhere they show that digits were cut or
#: added, or that an extension follows. A carrier code, which is optional, is recognized by its separators only.
_GROUPED = re.compile(
    rf"{_COUNTRY}(?:0 ?)?{_AREA}{_SUBSCRIBER}"
    rf"|{_COUNTRY}0 ?[0-9]{{2}} {_AREA}(?= ){_SUBSCRIBER}"
    rf"|ip ?(?:55 ?)?{_AREA}{_SUBSCRIBER}"
)
_GROUPINGS = {
    # 0800 000 0001, 0800 00 0001, 0800 000 001; 4004 0001.
    NumberKind.NON_GEOGRAPHIC: re.compile(
        rf"{_COUNTRY}(?:0 ?)?(?:[0-9]{{3}} ?(?:[0-9]{{2,3}} ?[0-9]{{4}}|[0-9]{{3}} ?[0-9]{{3}})|[0-9]{{4}} ?[0-9]{{4}})"
    ),
    # Each country has groups of its own.
    NumberKind.INTERNATIONAL: re.compile(r"(?:\+|00).*"),
}


def _read(raw: str) -> PhoneNumber:
    wire = _WIRE.fullmatch(raw)
    if wire and (area := AREAS.get(wire[1])):
        return PhoneNumber(raw, NumberKind.MOBILE if wire[2] else NumberKind.FIXED, area)
    spaced = _spaced(raw)
    number = _read_digits(spaced.replace(" ", ""))
    if not _GROUPINGS.get(number.kind, _GROUPED).fullmatch(spaced):
        raise _BrokenRuleError(
            "its digits are not grouped as those of one number: an extension has to be left out, and a carrier code to "
            "be written apart from the area code"
        )
    return number


def _read_digits(compact: str) -> PhoneNumber:
    shape = _SHAPE.fullmatch(compact)
    if not shape:
        raise _BrokenRuleError(
            f"must hold digits only, or be ip + area + number, + or 00 + country + number{_odd_character(compact)}"
        )
    digits = shape["digits"]
    match shape["prefix"]:
        case "ip":
            return _read_sip(digits)
        case "+" | "00" if not digits.startswith("55"):
            return _read_international(digits)
        case "+" | "00":
            return _read_national(digits[2:])
    has_country = digits.startswith("55") and len(digits) >= 12
    return _read_national(digits[2:] if has_country else digits)


def _odd_character(compact: str) -> str:
    """Say where the first character is that belongs to no number, without showing it."""
    odd = re.search(r"[^0-9]", compact.removeprefix("+").removeprefix("ip"))
    if odd is None:
        return ""
    return f"; after {odd.start()} digits, it has {'a letter' if odd[0].isalpha() else 'another character'}"


def _spaced(raw: str) -> str:
    """Strip the invisible marks that messengers add on copying, and replace separators by single blanks."""
    visible = "".join(character for character in raw if unicodedata.category(character) != "Cf")
    if rule := spreadsheet_form(visible):
        raise _BrokenRuleError(rule)
    if any(character.isnumeric() and not character.isascii() for character in visible):
        raise _BrokenRuleError("has digits other than 0 to 9: of another script, superscript or of full width")
    return _ANY_CARRIER.sub(r"\g<1>0", _SEPARATORS.sub(" ", visible).strip().lower())


def _read_national(digits: str) -> PhoneNumber:
    """Parse a number without country code: area + number, maybe after a trunk prefix, or non-geographic."""
    number = _TRUNK_AND_CARRIER.sub("", digits)
    area = AREAS.get(number[:2])
    if area and len(number) in (10, 11):
        return PhoneNumber("55" + number, _kind_of_subscriber(number[2:]), area)
    service = digits.removeprefix("0")
    if _is_non_geographic(service):
        return PhoneNumber(service if len(service) == 8 else "0" + service, NumberKind.NON_GEOGRAPHIC)
    raise _BrokenRuleError(_why_not_brazilian(len(number)))


def _kind_of_subscriber(digits: str) -> NumberKind:
    """Return the kind of the 8 or 9 digits after the area code."""
    first = digits[0]
    if len(digits) == 9:
        if first == "9":
            return NumberKind.MOBILE
        raise _BrokenRuleError("a number of nine digits after the area code must begin with 9")
    if first in "2345":
        return NumberKind.FIXED
    if first in "6789":
        raise _BrokenRuleError(
            "a mobile number of eight digits after the area code is no longer valid; it needs the leading 9, "
            "which is not added here"
        )
    raise _BrokenRuleError("the number after the area code must begin with a digit from 2 to 9")


def _is_non_geographic(number: str) -> bool:
    """Return whether it is an 0800, 0300, 4004 or similar; `number` has no leading 0."""
    # A mobile number without its area may look like an old premium-rate number, 900 and six digits.
    if len(number) not in (8, 9, 10) or (len(number) == 9 and number.startswith("9")):
        return False
    import phonenumbers

    types = phonenumbers.PhoneNumberType
    read = phonenumbers.PhoneNumber(country_code=55, national_number=int(number))
    return phonenumbers.number_type(read) in (types.TOLL_FREE, types.PREMIUM_RATE, types.SHARED_COST)


def _why_not_brazilian(length: int) -> str:
    if length < 8:
        return "is too short for a phone number with area code"
    if length < 10:
        return "has no area code (DDD)"
    if length < 12:
        return "has an area code (DDD) that does not exist"
    return "is too long for a Brazilian number, and other countries need + or 00"


def _read_international(digits: str) -> PhoneNumber:
    """Parse country code + number. A trunk prefix after the country code, as in `+44 (0)20`, is dropped."""
    number = _without_trunk_prefix(digits)
    # Only a row of zeros still changes the second time.
    if number is None or _without_trunk_prefix(number) != number:
        raise _BrokenRuleError("has no known country code, or not a length that its country uses")
    return PhoneNumber("00" + number, NumberKind.INTERNATIONAL)


def _without_trunk_prefix(digits: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def _read_sip(digits: str) -> PhoneNumber:
    """Parse area + 8 or 9 digits. Their first digit is not documented, so it is not validated."""
    number = digits[2:] if digits.startswith("55") and len(digits) >= 12 else digits
    area = AREAS.get(number[:2])
    if area is None or len(number) not in (10, 11):
        raise _BrokenRuleError("a SIP number must be ip + an existing area code (DDD) + eight or nine digits")
    return PhoneNumber("ip" + number, NumberKind.SIP, area)

"""Masks for phone numbers and other personal numbers, for logs, errors and reprs."""

from __future__ import annotations

import re

_STARS = "*****"


def mask_number(text: str) -> str:
    """Mask one number: `5541*****0001` for 554130000001 and for 5541990000001.

    Accepts a number of any kind in any spelling; only its letters and digits count. From 12 characters on,
    the first four (country and area, `00` and country, `ip` and area) and the last four stay; with 10 or 11
    the first two (the area) and the last four; with 9 the last four; with 6 to 8 the last two; below 6
    nothing. There are always five stars, so the length is hidden too. Masking a masked number changes
    nothing.

    Never fails: any other text is masked by the same rule.
    """
    shown = "".join(character for character in text if character.isalnum() or character == "*")
    head, tail = _shown_ends(len(shown))
    return shown[:head] + _STARS + shown[len(shown) - tail :]


_SPOILED = re.compile(
    r"(?P<before>[=@#'\"`\u2018\u2019\u2212-]*)(?P<number>.*?)(?P<after>(?:[.,]0{1,3}|e[+-]?\d{1,3})?['\"]?)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)


def mask_spoiled(text: str) -> str:
    """Mask a number, and keep a spreadsheet's marks around it: `5541*****0001.0`, `="5541*****0001"`, `*****99E+12`.

    For errors, which have to show what is wrong with it.
    """
    spoiled = _SPOILED.fullmatch(text.strip())
    if spoiled is None:
        return mask_number(text)
    return spoiled["before"] + mask_number(spoiled["number"]) + spoiled["after"]


def _shown_ends(length: int) -> tuple[int, int]:
    for least, ends in ((12, (4, 4)), (10, (2, 4)), (9, (0, 4)), (6, (0, 2))):
        if length >= least:
            return ends
    return (0, 0)


_UUID = r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])"
_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12][0-9]|3[01])"
_DATE = rf"(?<!\d)(?:(?:19|20)[0-9]{{2}}-{_MONTH}-{_DAY}|{_DAY}/{_MONTH}/(?:19|20)[0-9]{{2}})(?!\d)"
_TIME = r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?![0-9]))?"
_KEPT = f"{_UUID}|{_DATE}{_TIME}"
_SEPARATOR = r"[ \t\u00a0()./\u2010-\u2015-]"
# Ten digits and more are a number by themselves; shorter groups with only separators between them form one.
_GROUP = rf"(?!{_KEPT})\d{{1,9}}(?!\d)"
_RUN = re.compile(rf"(?P<kept>{_KEPT})|\d{{10,}}|[+(]{{0,3}}{_GROUP}(?:{_SEPARATOR}{{1,4}}{_GROUP})*")
_CPF = re.compile(r"(?<!\d)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")


def mask_numbers_in(text: str) -> str:
    """Mask every number in free text that may be a phone number, a CPF or a CNPJ.

    A run of eight or more digits counts, with blanks, dots, hyphens, slashes and parentheses between them.
    It is masked as by `mask_number`, but a run of 11 digits, which may be a CPF, keeps its last two digits
    only: more would nearly disclose it, since the last two are computed from the others.

    In doubt it masks. Also masked are amounts and IPv4 addresses of eight digits, the 14-digit `callerid`
    of a message and its `id_mensagem`: log those from their own fields, not through this function. Groups
    of digits with only blanks between them become one mask. Not masked are UUIDs (the `callerid` of a
    call) and dates, `2026-01-31` or `31/01/2026`, with their time of day.
    """
    return _RUN.sub(_mask_run, _CPF.sub(lambda cpf: _STARS + cpf[0][-2:], text))


def _mask_run(run: re.Match[str]) -> str:
    digits = "".join(character for character in run[0] if character.isdigit())
    if run["kept"] or len(digits) < 8:
        return run[0]
    return _STARS + digits[-2:] if len(digits) == 11 else mask_number(digits)

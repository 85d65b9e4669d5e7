"""Rules of a number as data: an action for a call, and its conditions.

A rule is one of :class:`Forward`, :class:`PlaySound`, :class:`Voicemail`, :class:`HangUp`, or the same as a mapping
with the key ``action``. Directcall documents only the forward's ``phone`` and ``wait``; all other wire fields
are assumed (docs/directcall-api.md, section 13.6).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import time
from typing import ClassVar, Final, Literal

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.conditions import masked_repr, sources, time_of_day, week
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, FORWARDABLE, parse_number

EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
#: Prefix of a SIP login as the target of a forward.
_SIP_LOGIN: Final = "sip:"
_LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LONGEST_WAIT_SECONDS: Final = 600
LARGEST_WHOLE: Final = 999_999_999


@dataclass(frozen=True, kw_only=True)
class NumberRule:
    """Base of all rules: a priority, and the conditions under which the rule applies.

    :param priority: order of the rules, which are tried from the lowest (assumed). 1 or more.
    :param weekdays: days on which the rule applies: ISO numbers (1 Monday to 7 Sunday), English names or their first
        three letters, one or several, or a text such as ``"1-5"`` or ``"mon,wed"``; None means every day.
    :param start: time of day from which it applies, ``HH:MM``, account's zone; None together with ``end``.
    :param end: time of day until which it applies, excluded; before ``start`` means over midnight.
    :param sources: callers to whom it applies, one number or several; None means all callers.
    :raises ValueError: a value is invalid; numbers are masked in the text.
    """

    action: ClassVar[str] = ""
    priority: int
    weekdays: str | int | Sequence[str | int] | None = None
    start: str | time | None = None
    end: str | time | None = None
    sources: str | Sequence[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Validate all fields by building the wire rule."""
        self.to_wire()

    def to_wire(self, rule_id: str | None = None) -> Rule:
        """Return the rule in the vendor's terms."""
        data = {**self._details(), **self._conditions()}
        return Rule(action=self.action, data=data, priority=_whole("priority", self.priority), rule_id=rule_id)

    def _details(self) -> dict[str, Json]:
        return {}

    def _conditions(self) -> dict[str, Json]:
        """Return the conditions that are set: an absent key means no condition."""
        start, end = time_of_day("start", self.start), time_of_day("end", self.end)
        if (start is None) != (end is None):
            raise ValueError("start, end: both are needed, or none")
        if start is not None and start == end:
            raise ValueError("start, end: they are the same, so the rule would never apply; leave both out for all day")
        conditions = {"week": week(self.weekdays), "start": start, "end": end, "source": sources(self.sources)}
        return {name: value for name, value in conditions.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Forward(NumberRule):
    """Forward the call to another number (``fwd``).

    :param to: Brazilian number, ``ip`` + area + number for a number of the SIP network, or ``sip:`` and a SIP login of
        the account (``phone``; that a login goes there is assumed). Without ``sip:``, a text that is no number is
        rejected, so that a misspelled number does not become a login.
    :param wait_seconds: ringing time in seconds before the next rule is tried (``wait``), 1 to 600.
    :param record: record the call (``record``, assumed).
    """

    action: ClassVar[str] = "fwd"
    to: str = field(repr=False)
    wait_seconds: int = 30
    record: bool = False

    def _details(self) -> dict[str, Json]:
        phone = _destination(self.to)
        details: dict[str, Json] = {
            "phone": phone,
            "wait": _whole("wait_seconds", self.wait_seconds, LONGEST_WAIT_SECONDS),
        }
        return details | ({"record": "s"} if _boolean("record", self.record) else {})


@dataclass(frozen=True, kw_only=True)
class PlaySound(NumberRule):
    """Play a stored sound (``sound``, assumed).

    :param sound_id: id returned by ``add_sound`` (``soundId``).
    :param moment: ``start`` or ``end`` of the call.
    """

    action: ClassVar[str] = "sound"
    sound_id: int
    moment: Literal["start", "end"] = "start"

    def _details(self) -> dict[str, Json]:
        if self.moment not in ("start", "end"):
            raise ValueError(f"moment: start or end is needed, not {masked_repr(self.moment)}")
        return {"soundId": _whole("sound_id", self.sound_id), "moment": self.moment}


@dataclass(frozen=True, kw_only=True)
class Voicemail(NumberRule):
    """Record a message and send it by e-mail (``voicemail``, assumed).

    :param email: address that receives the audio.
    """

    action: ClassVar[str] = "voicemail"
    email: str = field(repr=False)

    def _details(self) -> dict[str, Json]:
        if not EMAIL.fullmatch(str(self.email)):
            raise ValueError("email: an address such as name@example.com is needed")
        return {"email": self.email}


@dataclass(frozen=True, kw_only=True)
class HangUp(NumberRule):
    """Hang up (``hangup``, assumed)."""

    action: ClassVar[str] = "hangup"


def _destination(to: str) -> str:
    """Return a number's digits, or a SIP login without its prefix."""
    text = str(to).strip()
    if not text.casefold().startswith(_SIP_LOGIN):
        return parse_number(to, argument="to", allow=FORWARDABLE).digits
    login = text[len(_SIP_LOGIN) :].strip()
    if not _LOGIN.fullmatch(login):
        raise ValueError("to: a SIP login of letters, digits and . _ - is needed after sip:")
    try:
        parse_number(login, allow=ALL_KINDS)
    except ValueError:
        return login
    raise ValueError("to: the SIP login could be taken for a phone number; forward to the number itself")


def _whole(name: str, value: object, largest: int = LARGEST_WHOLE) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= largest:
        return value
    raise ValueError(f"{name}: a whole number from 1 to {largest} is needed, not {masked_repr(value)}")


def _boolean(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{name}: true or false is needed, not {masked_repr(value)}")

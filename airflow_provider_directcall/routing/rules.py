"""Rules of a number as data: what shall happen to a call, and when.

A rule is one of :class:`Forward`, :class:`PlaySound`, :class:`Voicemail`, :class:`HangUp`, or the same as a mapping with
the key ``action``, whose values a DAG author can template. Only the forward's ``phone`` and ``wait`` are documented by
Directcall; every other field of the wire is assumed (see docs/api-coverage.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import time
from types import MappingProxyType
from typing import ClassVar, Final, Literal, TypeVar

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, FORWARDABLE, parse_number

__all__ = ["Forward", "HangUp", "NumberRule", "PlaySound", "Voicemail", "rule_from"]

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_WAIT_SECONDS: Final = 600


@dataclass(frozen=True, kw_only=True)
class NumberRule:
    """What all rules have: a place in the order, and the conditions under which they hold.

    :param priority: place in the order; rules are tried from the lowest (assumed). 1 or more.
    :param weekdays: days on which the rule holds: ISO numbers (1 Monday to 7 Sunday), English names or their first
        three letters, one or several, or a text such as ``"1-5"`` or ``"mon,wed"``; None means every day.
    :param start: time of day from which it holds, ``HH:MM``, account's zone; None together with ``end``.
    :param end: time of day until which it holds, excluded; before ``start`` means over midnight.
    :param sources: callers to whom it applies, one number or several; None means everybody.
    :raises ValueError: a value cannot be; numbers are masked in the text.
    """

    action: ClassVar[str] = ""
    priority: int
    weekdays: str | int | Sequence[str | int] | None = None
    start: str | time | None = None
    end: str | time | None = None
    sources: str | Sequence[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Check everything by writing the rule down."""
        self.to_wire()

    def to_wire(self, rule_id: str | None = None) -> Rule:
        """The rule in the vendor's terms."""
        data = {**self._details(), **self._conditions()}
        return Rule(action=self.action, data=data, priority=_priority(self.priority), rule_id=rule_id)

    def _details(self) -> dict[str, Json]:
        return {}

    def _conditions(self) -> dict[str, Json]:
        """Only conditions that are set: an absent key means no condition."""
        start, end = _time_of_day("start", self.start), _time_of_day("end", self.end)
        if (start is None) != (end is None):
            raise ValueError("start, end: both are needed, or none")
        if start is not None and start == end:
            raise ValueError("start, end: they are the same, so the rule would never hold; leave both out for all day")
        conditions = {"week": _week(self.weekdays), "start": start, "end": end, "source": _sources(self.sources)}
        return {name: value for name, value in conditions.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Forward(NumberRule):
    """Send the call on to another number (``fwd``).

    :param to: Brazilian number, or ``ip`` + area + number for one of the SIP network (``phone``).
    :param wait_seconds: how long it may ring before the next rule is tried (``wait``), 1 to 600.
    :param record: record the call (``record``, assumed).
    """

    action: ClassVar[str] = "fwd"
    to: str = field(repr=False)
    wait_seconds: int = 30
    record: bool = False

    def _details(self) -> dict[str, Json]:
        phone = parse_number(self.to, argument="to", allow=FORWARDABLE).digits
        details: dict[str, Json] = {"phone": phone, "wait": _wait(self.wait_seconds)}
        return details | ({"record": "s"} if _boolean("record", self.record) else {})


@dataclass(frozen=True, kw_only=True)
class PlaySound(NumberRule):
    """Play a stored audio (``sound``, assumed).

    :param sound_id: id that ``add_sound`` gave (``soundId``).
    :param moment: ``start`` or ``end`` of the call.
    """

    action: ClassVar[str] = "sound"
    sound_id: int
    moment: Literal["start", "end"] = "start"

    def _details(self) -> dict[str, Json]:
        if self.moment not in ("start", "end"):
            raise ValueError(f"moment: start or end is needed, not {self.moment!r}")
        return {"soundId": _whole("sound_id", self.sound_id, 1), "moment": self.moment}


@dataclass(frozen=True, kw_only=True)
class Voicemail(NumberRule):
    """Take a message and send its audio by e-mail (``voicemail``, assumed).

    :param email: address that gets the audio.
    """

    action: ClassVar[str] = "voicemail"
    email: str

    def _details(self) -> dict[str, Json]:
        if not _EMAIL.fullmatch(self.email):
            raise ValueError("email: an address such as name@example.com is needed")
        return {"email": self.email}


@dataclass(frozen=True, kw_only=True)
class HangUp(NumberRule):
    """Hang up (``hangup``, assumed)."""

    action: ClassVar[str] = "hangup"


#: ``action`` of a mapping -> the kind of rule.
_KINDS: Final[Mapping[str, type[NumberRule]]] = MappingProxyType(
    {"forward": Forward, "sound": PlaySound, "voicemail": Voicemail, "hangup": HangUp}
)


def rule_from(value: NumberRule | Mapping[str, object]) -> NumberRule:
    """A rule from itself or from a mapping with the key ``action`` and the fields of that kind of rule.

    :raises ValueError: no or an unknown action, an unknown field, a missing one, or a value that cannot be.
    """
    if isinstance(value, NumberRule):
        return value
    given = {str(name): item for name, item in value.items()}
    action = given.pop("action", None)
    kind = _KINDS.get(str(action))
    if kind is None:
        raise ValueError(f"rule: action has to be one of {', '.join(_KINDS)}, not {action!r}")
    names = {item.name for item in fields(kind)}
    unknown = sorted(set(given) - names)
    if unknown:
        raise ValueError(f"rule: a {action} has no {', '.join(unknown)}; it has {', '.join(sorted(names))}")
    return _made(kind, given)


_Kind = TypeVar("_Kind", bound=NumberRule)


def _made(kind: type[_Kind], given: Mapping[str, object]) -> _Kind:
    try:
        return kind(**given)  # type: ignore[arg-type]  # each field checks its own value
    except TypeError as error:
        raise ValueError(f"rule: {error}") from None


def _priority(value: int) -> int:
    return _whole("priority", value, 1)


def _wait(value: int) -> int:
    seconds = _whole("wait_seconds", value, 1)
    if seconds > _LONGEST_WAIT_SECONDS:
        raise ValueError(f"wait_seconds: {_LONGEST_WAIT_SECONDS} at most, not {seconds}")
    return seconds


def _whole(name: str, value: int | str, smallest: int) -> int:
    """A whole number; a text of digits counts, because a template gives one."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < smallest:
        raise ValueError(f"{name}: a whole number from {smallest} is needed, not {value!r}")
    return int(text)


def _boolean(name: str, value: bool | str) -> bool:
    """A boolean; the texts that a template gives count."""
    known = {"true": True, "false": False}
    folded = str(value).strip().lower()
    if folded not in known:
        raise ValueError(f"{name}: true or false is needed, not {value!r}")
    return known[folded]


def _week(value: str | int | Sequence[str | int] | None) -> str | None:
    """Weekdays as ``1,2,3,4,5``; None for every day."""
    if value is None:
        return None
    parts = re.split(r"[,;\s]+", str(value).strip()) if isinstance(value, (str, int)) else [str(part) for part in value]
    days = sorted({day for part in parts for day in _days(part)})
    if not days:
        raise ValueError("weekdays: at least one day is needed; None means every day")
    return ",".join(str(day) for day in days)


def _days(part: str) -> range:
    first, dash, last = part.partition("-")
    begin = _day(first)
    end = _day(last) if dash else begin
    if end < begin:
        raise ValueError(f"weekdays: {part!r} runs backwards")
    return range(begin, end + 1)


def _day(word: str) -> int:
    folded = word.strip().lower()
    for number, name in enumerate(_WEEKDAYS, start=1):
        if folded in {str(number), name, name[:3]}:
            return number
    raise ValueError(f"weekdays: 1 (Monday) to 7 (Sunday) or an English name is needed, not {word!r}")


def _time_of_day(name: str, value: str | time | None) -> str | None:
    """``HH:MM``."""
    if value is None:
        return None
    if isinstance(value, time):
        return value.strftime("%H:%M")
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value.strip(), re.ASCII)
    if match is None:
        raise ValueError(f"{name}: a time of day HH:MM is needed, not {value!r}")
    return f"{int(match[1]):02}:{match[2]}"


def _sources(value: str | Sequence[str] | None) -> str | None:
    """Callers' digits joined with ``;``; None for everybody."""
    if value is None:
        return None
    numbers = [part for part in re.split(r"[;,]", value) if part.strip()] if isinstance(value, str) else list(value)
    if not numbers:
        raise ValueError("sources: at least one number is needed; None means everybody")
    return ";".join(parse_number(number, argument="sources", allow=ALL_KINDS).digits for number in numbers)

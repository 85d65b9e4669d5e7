"""Replies about numbers and their rules (``did``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Self

from airflow_provider_directcall.api.redaction import is_secret_field
from airflow_provider_directcall.api.replies.envelope import (
    Json,
    JsonObject,
    Reply,
    UnreadableError,
    decoded,
)
from airflow_provider_directcall.api.replies.values import integer_or_none, text_or_none

#: Older field name -> current one. Those of ``did/route`` are documented; that of DIS_LOGIN is inferred.
_CURRENT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DP_ID": "dpId",
        "DIS_ID": "did",
        "DP_PRI": "priority",
        "DP_ACTION": "action",
        "DP_DATA": "data",
        "DP_TIMEOUT": "timeout",
        "DIS_LOGIN": "login",
    }
)


#: Fields of a rule that every write sets.
_RULE_FIELDS: Final = frozenset({"dpId", "did", "priority", "action", "data"})


def _current(fields: Mapping[str, Json]) -> JsonObject:
    return {_CURRENT_NAMES.get(name, name): value for name, value in fields.items()}


@dataclass(frozen=True, slots=True)
class Number:
    """A contracted number.

    :ivar did: the number without country code (``did``, older ``DIS_ID``).
    :ivar login: its SIP login (``DIS_LOGIN``; the newer name is inferred), or None.
    :ivar raw: the vendor's fields without any password.
    """

    did: str = field(repr=False)
    login: str | None = field(repr=False)
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def list_from_reply(cls, reply: Reply) -> tuple[Self, ...]:
        """Parse the reply of ``/did/list`` in the older or the newer shape."""
        return tuple(cls._from_fields(item) for item in reply.data)

    @classmethod
    def _from_fields(cls, fields: JsonObject) -> Self:
        # The vendor sends the SIP password in clear; it is dropped at once, in any spelling.
        safe = {name: value for name, value in fields.items() if not is_secret_field(name)}
        current = _current(safe)
        did = text_or_none(current.get("did"))
        if did is None:
            raise UnreadableError("a number of the list has neither 'did' nor 'DIS_ID'")
        return cls(did=did, login=text_or_none(current.get("login")), raw=safe)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a number, live or desired.

    :ivar action: action on a call: ``fwd`` (documented), ``sound``, ``voicemail``, ``hangup`` (assumed).
    :ivar data: details by action, with the vendor's names: ``phone`` and ``wait`` (documented), ``record``,
        ``soundId``, ``moment``, ``email``, and the conditions ``week``, ``start``, ``end``, ``source`` (assumed).
    :ivar priority: rules are tried from the lowest (assumed order).
    :ivar rule_id: the vendor's id (``dpId``); None for an unsaved rule.
    :ivar did: number without country code.
    :ivar timeout: the vendor's unexplained field (``timeout``).
    :ivar raw: the vendor's fields, unknown ones included.
    """

    action: str
    data: Mapping[str, Json] = field(repr=False)
    priority: int | None
    rule_id: str | None = None
    did: str | None = field(default=None, repr=False)
    timeout: Json = field(default=None, repr=False)
    raw: Mapping[str, Json] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @classmethod
    def list_from_reply(cls, reply: Reply) -> tuple[Self, ...]:
        """Parse the reply of ``/did/route``, in the vendor's order."""
        return tuple(cls.from_fields(item) for item in reply.data)

    @property
    def other_fields(self) -> Mapping[str, Json]:
        """Fields beside those that a write sets by itself, by their current names: ``timeout`` and unknown ones."""
        fields = _current(self.raw)
        if self.timeout is not None:
            fields["timeout"] = self.timeout
        return {name: value for name, value in fields.items() if name not in _RULE_FIELDS}

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/did/save`` (assumed): the rule as ``/did/route`` shows it."""
        rules = cls.list_from_reply(reply)
        if len(rules) != 1:
            raise UnreadableError(f"one rule was expected in 'data', {len(rules)} came")
        return rules[0]

    @classmethod
    def from_fields(cls, fields: JsonObject) -> Self:
        """Parse one rule in the older or the newer shape."""
        current = _current(fields)
        action = text_or_none(current.get("action"))
        if action is None:
            raise UnreadableError("a rule has no 'action'")
        return cls(
            action=action,
            data=_rule_data(current.get("data")),
            priority=integer_or_none(current.get("priority")),
            rule_id=text_or_none(current.get("dpId")),
            did=text_or_none(current.get("did")),
            timeout=current.get("timeout"),
            raw=fields,
        )


def _rule_data(value: Json) -> Mapping[str, Json]:
    """Parse ``data`` of a rule: an object, an object as JSON text, or nothing (PHP writes an empty map as ``[]``)."""
    data = decoded(value, "data") if isinstance(value, str) and value.strip() else value
    if isinstance(data, dict):
        return data
    if data is None or data in ("", []):
        return {}
    raise UnreadableError("'data' of a rule is not an object")


@dataclass(frozen=True, slots=True)
class Sound:
    """A stored audio for rules.

    :ivar sound_id: its id (``soundId``).
    :ivar name: its name (``name``).
    :ivar path: the vendor's path (``path``).
    :ivar raw: the vendor's fields.
    """

    sound_id: int
    name: str | None
    path: str | None
    raw: Mapping[str, Json] = field(repr=False)

    @classmethod
    def from_reply(cls, reply: Reply) -> Self:
        """Parse the reply of ``/did/add-sound``; the id is required."""
        entries = reply.data
        sound_id = integer_or_none(entries[0].get("soundId")) if entries else None
        if sound_id is None:
            raise UnreadableError("the reply has no 'soundId'")
        fields = entries[0]
        return cls(
            sound_id=sound_id,
            name=text_or_none(fields.get("name")),
            path=text_or_none(fields.get("path")),
            raw=fields,
        )

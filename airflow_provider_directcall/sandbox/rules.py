"""Number rules (assumed; see docs/directcall-api.md): validate and store writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.php_forms import register
from airflow_provider_directcall.sandbox.records import RuleRecord
from airflow_provider_directcall.sandbox.replies import ApiError
from airflow_provider_directcall.sandbox.requests import checked_phone, invalid, plain_map

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.php_forms import PhpArray

ACTIONS: Final = frozenset({"fwd", "sound", "voicemail", "hangup"})
_WHOLE: Final = frozenset({"wait", "soundId"})
_WRITTEN: Final = frozenset({"did", "dpId", "priority", "action", "data"})

_OF_EVERY_REQUEST: Final = frozenset({"access_token", "format", "formato"})

RuleData = dict[str, str | int]
_Check = Callable[["Account", str], bool]


def _is_phone(account: Account, text: str) -> bool:
    if any(number.login == text for number in account.store.numbers.values()):
        return True
    checked_phone(text, "data[phone]", sip=True)
    return True


def _is_known_sound(account: Account, text: str) -> bool:
    return text in account.store.sounds


def _has_shape(pattern: str) -> _Check:
    shape = re.compile(pattern)
    return lambda account, text: shape.fullmatch(text) is not None


_FIELD_CHECKS: Final[dict[str, _Check]] = {
    "phone": _is_phone,
    "wait": _has_shape(r"[0-9]{1,4}"),
    "record": _has_shape(r"[sn]"),
    "soundId": _is_known_sound,
    "moment": _has_shape(r"start|end"),
    "email": _has_shape(r"[^@\s]+@[^@\s]+"),
    "week": _has_shape(r"[1-7](,[1-7])*"),
    "start": _has_shape(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
    "end": _has_shape(r"([01][0-9]|2[0-3]):[0-5][0-9]"),
    "source": _has_shape(r"[0-9]+(;[0-9]+)*"),
}
_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "fwd": ("phone",),
    "sound": ("soundId",),
    "voicemail": ("email",),
    "hangup": (),
}


def rules_of(account: Account, did: str) -> list[RuleRecord]:
    """Return the rules of a number in the order of evaluation."""
    return _in_order(rule for rule in account.store.rules.values() if rule.did == did)


def shown_rules(account: Account, did: str) -> list[RuleRecord]:
    """Return the rules that ``/did/route`` shows of a number."""
    quirks = account.settings.quirks
    behind = account.rules_before_write if "route_one_write_behind" in quirks else None
    rules = account.store.rules.values() if behind is None else behind
    return _in_order(rule for rule in rules if rule.did == did or "route_other_numbers" in quirks)


def neighbour_of(account: Account, did: str, rule_id: str) -> RuleRecord | None:
    """Return another rule, of the same number if there is one."""
    others = [rule for rule in _in_order(account.store.rules.values()) if rule.rule_id != rule_id]
    return next((rule for rule in others if rule.did == did), others[0] if others else None)


def _in_order(rules: Iterable[RuleRecord]) -> list[RuleRecord]:
    return sorted(rules, key=lambda rule: (rule.priority, int(rule.rule_id)))


def known_number(account: Account, did: str) -> str:
    """Return a number of the account; 010 for any other."""
    if did not in account.store.numbers:
        raise ApiError.not_found()
    return did


def read_rule(account: Account, fields: PhpArray) -> RuleRecord:
    """Return the rule of a write: a new one, or with ``dpId`` the changed one; 001 or 010 when it is invalid.

    ``data``, if given, replaces the old ``data`` as a whole.
    """
    did = known_number(account, _text(fields, "did"))
    rule_id = _text(fields, "dpId")
    old = _existing(account, did, rule_id) if rule_id else None
    action = _text(fields, "action") or (old.action if old else "")
    if action not in ACTIONS:
        raise invalid("action")
    data = _checked_data(account, action, plain_map(fields["data"], "data")) if "data" in fields else None
    return RuleRecord(
        rule_id=rule_id or account.next_rule_id(),
        did=did,
        priority=_priority(fields, old),
        action=action,
        data=data if data is not None else _kept_data(account, action, old),
        extra={**(old.extra if old else {}), **_other_fields(fields)},
    )


def store_rule(account: Account, rule: RuleRecord) -> None:
    """Store a rule, new or changed."""
    account.rules_before_write = tuple(account.store.rules.values())
    account.store.rules[rule.rule_id] = rule


def remove_rule(account: Account, did: str, rule_id: str) -> None:
    """Remove a rule; 010 when the number has no such rule."""
    _existing(account, known_number(account, did), rule_id)
    account.rules_before_write = tuple(account.store.rules.values())
    del account.store.rules[rule_id]


def write_outside_api(account: Account, write: Mapping[str, str]) -> None:
    """Write a rule outside the API, as in the vendor's panel, which can set fields that the API cannot.

    :param write: the form fields of ``/did/save`` and any other field of a rule, or ``did`` and ``remove`` (a
        ``dpId``).
    :raises ApiError: the write is not valid.
    """
    if "remove" in write:
        remove_rule(account, write["did"], write["remove"])
        return
    fields: PhpArray = {}
    for name, text in write.items():
        register(fields, name, text)
    rule = read_rule(account, fields)
    extra = {name: text for name, text in fields.items() if name not in _WRITTEN and isinstance(text, str)}
    store_rule(account, replace(rule, extra={**rule.extra, **extra}))


def _other_fields(fields: PhpArray) -> dict[str, str]:
    """Return the texts of a write that are neither its own fields nor those of every request."""
    not_stored = _WRITTEN | _OF_EVERY_REQUEST
    return {name: text for name, text in fields.items() if name not in not_stored and isinstance(text, str) and text}


def _kept_data(account: Account, action: str, old: RuleRecord | None) -> RuleData:
    kept = {} if old is None else {key: str(value) for key, value in old.data.items()}
    return _checked_data(account, action, kept)


def _checked_data(account: Account, action: str, data: dict[str, str]) -> RuleData:
    for name in _REQUIRED[action]:
        if not data.get(name):
            raise invalid(f"data[{name}]")
    for name, text in data.items():
        check = _FIELD_CHECKS.get(name)
        if text and check is not None and not check(account, text):
            raise invalid(f"data[{name}]")
    return {name: int(text) if text and name in _WHOLE else text for name, text in data.items()}


def _existing(account: Account, did: str, rule_id: str) -> RuleRecord:
    rule = account.store.rules.get(rule_id)
    if rule is None or rule.did != did:
        raise ApiError.not_found()
    return rule


def _priority(fields: PhpArray, old: RuleRecord | None) -> int:
    text = _text(fields, "priority")
    if not text and old is not None:
        return old.priority
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise invalid("priority")
    return int(text)


def _text(fields: PhpArray, name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise invalid(name)
    return value

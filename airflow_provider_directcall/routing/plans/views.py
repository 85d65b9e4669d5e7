"""Views of rules and plans, as text for logs and as JSON for XComs and errors, with personal data masked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from airflow_provider_directcall.api.redaction import is_secret_field, redact
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json, JsonObject
from airflow_provider_directcall.routing.comparison import is_blank
from airflow_provider_directcall.routing.plans.changes import Change, ChangeKind
from airflow_provider_directcall.telephony.masking import mask_number

RuleView = dict[str, Json]

#: Kind of a write -> its sign, in the order of the summary.
_SIGNS: Final = {ChangeKind.CREATE: "+", ChangeKind.CHANGE: "~", ChangeKind.MOVE: ">", ChangeKind.REMOVE: "-"}
_SHARES: Final = "for a moment another rule has the same priority; which of them is tried first is unknown"
_FIELDS_WITH_NUMBERS: Final = frozenset({"phone", "source"})


def rule_view(rule: Rule, *, include_numbers: bool) -> RuleView:
    """Return a rule as ``{"rule_id", "priority", "action", "data"}``.

    :param include_numbers: show phone numbers and e-mail addresses in full. Otherwise they are masked, also in unknown
        fields. Values of fields whose names suggest a secret are always masked.
    """
    data: RuleView = {name: _masked_value(name, value, include_numbers) for name, value in rule.data.items()}
    return {"rule_id": rule.rule_id, "priority": rule.priority, "action": rule.action, "data": data}


def summary(changes: Sequence[Change]) -> str:
    """Return a text such as ``2 to create, 1 to change, 0 to move, 1 to remove``."""
    if not changes:
        return "no changes"
    count = Counter(change.kind for change in changes)
    return ", ".join(f"{count[kind]} to {kind}" for kind in _SIGNS)


def plan_text(did: str, changes: Sequence[Change], fewest_writes: int, *, include_numbers: bool) -> str:
    """Describe the writes of a plan in order, each field by field.

    :param fewest_writes: number of writes that the difference needs.
    """
    lines = [f"Number {did if include_numbers else mask_number(did)}: {summary(changes)}"]
    for change in changes:
        lines += ["", _head(change), *_field_lines(change, include_numbers)]
        lines += [f"      ({_SHARES})"] if change.shares_priority else []
    extra = len(changes) - fewest_writes
    if extra:
        lines += ["", f"{extra} of these writes more than the difference needs, so that no call is lost meanwhile."]
    return "\n".join(lines)


def change_line(change: Change) -> str:
    """Describe a write on one line, without values."""
    fields = f" ({', '.join(change.fields)})" if change.before is not None and change.fields else ""
    return f"{_head(change).strip()}{fields}"


def change_json(change: Change, *, include_numbers: bool) -> JsonObject:
    """Return a write as a JSON-ready object."""
    before, after = (_view(rule, include_numbers) for rule in (change.before, change.after))
    rule = change.after or change.before
    return {
        "kind": str(change.kind),
        "rule_id": None if change.before is None else change.before.rule_id,
        "priority": None if rule is None else rule.priority,
        "before": before,
        "after": after,
        "fields": {
            name: {"before": _value(before, name), "after": _value(after, name)} for name in sorted(change.fields)
        },
        "shares_priority": change.shares_priority,
    }


def _head(change: Change) -> str:
    before, after = change.before, change.after
    sign = _SIGNS[change.kind]
    rule = after or before
    name = "new rule" if before is None else f"rule {before.rule_id}"
    place = "" if rule is None else f" at priority {rule.priority}"
    if before is not None and after is not None and before.priority != after.priority:
        place = f" from priority {before.priority} to {after.priority}"
    return f"  {sign} {change.kind} {name}{place}"


def _field_lines(change: Change, include_numbers: bool) -> list[str]:
    before, after = (_view(rule, include_numbers) for rule in (change.before, change.after))
    if before is not None and after is not None:
        names = [name for name in change.fields if name != "priority"]
        return [f"      {name}: {_field_text(before, name)} -> {_field_text(after, name)}" for name in names]
    only, data = (after, change.after) if after is not None else (before, change.before)
    names = ["action", *(data.data if data is not None else ())]
    return [f"      {name}: {_field_text(only, name)}" for name in names]


def _field_text(view: RuleView | None, name: str) -> str:
    value = _value(view, name)
    return "(none)" if value in (None, "") else json.dumps(value, ensure_ascii=False)


def _value(view: RuleView | None, name: str) -> Json:
    if view is None:
        return None
    data = view["data"]
    if name in ("action", "priority"):
        return view[name]
    return data.get(name) if isinstance(data, dict) else None


def _view(rule: Rule | None, include_numbers: bool) -> RuleView | None:
    return None if rule is None else rule_view(rule, include_numbers=include_numbers)


def _masked_value(name: str, value: Json, include_numbers: bool) -> Json:
    if is_blank(value):
        return value
    if is_secret_field(name):
        return "***"
    if isinstance(value, dict):
        return {key: _masked_value(key, item, include_numbers) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked_value(name, item, include_numbers) for item in value]
    return value if include_numbers else _masked(name, value)


def _masked(name: str, value: str | float | bool | None) -> Json:
    """Mask one value; a number or a boolean with nothing to mask keeps its type."""
    text = str(value)
    if name in _FIELDS_WITH_NUMBERS:
        return ";".join(mask_number(number) for number in text.split(";"))
    first, at, domain = text.rpartition("@")
    masked = f"{first[:1]}*****@{redact(domain)}" if at else redact(text)
    return value if masked == text else masked

"""A plan as people may see it: as text for a log, and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json, JsonObject
from airflow_provider_directcall.routing.plans.changes import Change, Kind
from airflow_provider_directcall.routing.views import RuleView, rule_view
from airflow_provider_directcall.telephony.numbers import mask_number

#: Kind of a write -> its sign; all kinds, in the order of the summary.
_SIGNS: Final = {Kind.CREATE: "+", Kind.CHANGE: "~", Kind.MOVE: ">", Kind.REMOVE: "-"}
_SHARES: Final = "for a moment another rule has the same priority; which of them is tried first is not known"


def summary(changes: Sequence[Change]) -> str:
    """Such as ``2 to create, 1 to change, 0 to move, 1 to remove``."""
    if not changes:
        return "no changes"
    count = Counter(change.kind for change in changes)
    return ", ".join(f"{count[kind]} to {kind}" for kind in _SIGNS)


def plan_text(did: str, changes: Sequence[Change], fewest_writes: int, *, include_numbers: bool) -> str:
    """One block a write, in the order of writing.

    :param fewest_writes: how many of them the difference needs.
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
    """One write on one line, without values."""
    fields = f" ({', '.join(change.fields)})" if change.before is not None and change.fields else ""
    return f"{_head(change).strip()}{fields}"


def change_json(change: Change, *, include_numbers: bool) -> JsonObject:
    """One write as a JSON-ready object."""
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
        return [f"      {name}: {_shown(before, name)} -> {_shown(after, name)}" for name in names]
    only, data = (after, change.after) if after is not None else (before, change.before)
    names = ["action", *(data.data if data is not None else ())]
    return [f"      {name}: {_shown(only, name)}" for name in names]


def _shown(view: RuleView | None, name: str) -> str:
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

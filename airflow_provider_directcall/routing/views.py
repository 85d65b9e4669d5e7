"""A rule as people may see it, in an XCom, a log or an error: as JSON, without personal data and secrets."""

from __future__ import annotations

from typing import Final

from airflow_provider_directcall.api.redaction import is_secret_field, redact
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.comparison import is_blank
from airflow_provider_directcall.telephony.numbers import mask_number

RuleView = dict[str, Json]

_FIELDS_WITH_NUMBERS: Final = frozenset({"phone", "source"})


def rule_view(rule: Rule, *, include_numbers: bool) -> RuleView:
    """A rule as ``{"rule_id", "priority", "action", "data"}``.

    :param include_numbers: show phone numbers and e-mail addresses in full. Without it they are masked, also in fields
        that are not ours. Values of fields that are called like a secret are never shown.
    """
    data: RuleView = {name: _shown(name, value, include_numbers) for name, value in rule.data.items()}
    return {"rule_id": rule.rule_id, "priority": rule.priority, "action": rule.action, "data": data}


def _shown(name: str, value: Json, include_numbers: bool) -> Json:
    if is_blank(value):
        return value
    if is_secret_field(name):
        return "***"
    if isinstance(value, dict):
        return {key: _shown(key, item, include_numbers) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(name, item, include_numbers) for item in value]
    return value if include_numbers else _masked(name, value)


def _masked(name: str, value: str | float | bool | None) -> Json:
    """One value; a number or a boolean stays one where there is nothing to mask."""
    text = str(value)
    if name in _FIELDS_WITH_NUMBERS:
        return ";".join(mask_number(number) for number in text.split(";"))
    first, at, domain = text.rpartition("@")
    masked = f"{first[:1]}*****@{redact(domain)}" if at else redact(text)
    return value if masked == text else masked

"""A short text that is the same as long as a number's rules are the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json

_PURPOSE: Final = "directcall rules digest 1"


def rules_digest(did: str, rules: Iterable[Rule], secret: str) -> str:
    """Digest of a number's rules as they stand, ids and unknown fields included, whatever their order; 64 hex digits.

    Keyed with the connection's client secret: whoever sees a plain hash of rules can find the phone numbers in them by
    trying all there are.
    """
    return keyed_digest(secret, _PURPOSE, json.dumps([did, sorted(map(rule_text, rules))]))


def rule_text(rule: Rule) -> str:
    """A rule with all its fields as one text; not for people, for it holds phone numbers."""
    fields = {**rule_fields(rule), "raw": dict(rule.raw)}
    return json.dumps(fields, sort_keys=True)


def rule_fields(rule: Rule) -> Mapping[str, Json]:
    """A rule's own fields as JSON, without the vendor's reply."""
    return {
        "rule_id": rule.rule_id,
        "priority": rule.priority,
        "action": rule.action,
        "data": dict(rule.data),
        "did": rule.did,
        "timeout": rule.timeout,
    }

"""Keyed digests of a number's rules: they show whether rules have changed, and whether a plan is the approved one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.plans.pairing import DesiredRule

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.plans.planning import Plan

_RULES: Final = "directcall rules digest 1"
_PLAN: Final = "directcall plan digest 1"


def rules_digest(did: str, rules: Iterable[Rule], secret: str) -> str:
    """Return the digest of a number's live rules, ids and unknown fields included, whatever their order; 64 hex digits.

    The key matters: from a plain hash of rules, the phone numbers in them can be found by trying all numbers.
    """
    return keyed_digest(secret, _RULES, json.dumps([did, sorted(map(rule_text, rules))]))


def approval_digest(plan: Plan, secret: str) -> str:
    """Return the digest of a plan's live and desired rules together.

    The plan's own digest covers only the live rules, but an approval is of the desired ones too.
    """
    desired = sorted(rule_text(DesiredRule.of(rule).rule) for rule in plan.desired)
    return keyed_digest(secret, _PLAN, json.dumps([plan.digest, desired]))


def rule_text(rule: Rule) -> str:
    """Return a rule with all its fields as one text, which contains phone numbers."""
    return json.dumps({**rule_fields(rule), "raw": dict(rule.raw)}, sort_keys=True)


def rule_fields(rule: Rule) -> Mapping[str, Json]:
    """Return a rule's own fields as JSON, without the vendor's reply."""
    return {
        "rule_id": rule.rule_id,
        "priority": rule.priority,
        "action": rule.action,
        "data": dict(rule.data),
        "did": rule.did,
        "timeout": rule.timeout,
    }

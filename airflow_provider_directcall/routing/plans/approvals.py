"""Whether a plan is the one that a person approved."""

from __future__ import annotations

import json
from typing import Final

from airflow_provider_directcall.api.digests import keyed_digest
from airflow_provider_directcall.routing.plans.digests import rule_text
from airflow_provider_directcall.routing.plans.pairing import Wanted
from airflow_provider_directcall.routing.plans.planning import Plan

_PURPOSE: Final = "directcall plan digest 1"


def approval_digest(plan: Plan, secret: str) -> str:
    """Digest of the live rules of a plan together with the wanted ones; 64 hex digits, keyed with the client secret.

    The plan's own digest tells only whether the live rules are still the same. Who approves a plan approves what it
    makes of them too.
    """
    wanted = sorted(rule_text(Wanted.of(rule).rule) for rule in plan.desired)
    return keyed_digest(secret, _PURPOSE, json.dumps([plan.digest, wanted]))

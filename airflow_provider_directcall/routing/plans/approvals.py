"""Whether a plan is the one that a person approved."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Final

from airflow_provider_directcall.routing.plans.digests import rule_text
from airflow_provider_directcall.routing.plans.pairing import Wanted
from airflow_provider_directcall.routing.plans.planning import Plan

_PURPOSE: Final = b"directcall plan digest 1"


def approval_digest(plan: Plan, secret: str) -> str:
    """Digest of the live rules of a plan together with the wanted ones; 64 hex digits, keyed with the client secret.

    The plan's own digest tells only whether the live rules are still the same. Who approves a plan approves what it
    makes of them too.
    """
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    wanted = sorted(rule_text(Wanted.of(rule).rule) for rule in plan.desired)
    return hmac.new(key, json.dumps([plan.digest, wanted]).encode(), hashlib.sha256).hexdigest()

"""Probes of the account: its token, numbers, rules and balance."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.methods import balance, list_numbers, list_rules, request_token
from airflow_provider_directcall.checking.assumptions import Finding
from airflow_provider_directcall.checking.looks import unanswered
from airflow_provider_directcall.routing.writes.reading import is_same_did

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.replies import Number, Rule, Token
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.checking.looks import Steps

_CLOCKS_APART: Final = 60


def token_findings(settings: Settings, clock: Clock) -> Steps[list[Finding]]:
    """Log in and read the token's claims. Its errors end the check: without a token there is nothing to ask.

    :raises DirectcallError: there is no token.
    """
    token: Token = yield request_token(settings)
    issued_at = _issued_at(token.value)
    if issued_at is None:
        return [Finding("token_other", "request_token")]
    apart = round(abs(clock.now().timestamp() - issued_at))
    clocks = "clock_agrees" if apart < _CLOCKS_APART else "clock_differs"
    return [
        Finding("token_jwt", "request_token", {"minutes": round(token.life_seconds / 60)}),
        Finding(clocks, "request_token", {"seconds": apart}),
    ]


def _issued_at(token: str) -> float | None:
    """Return a JWT's ``iat``; None for any other token."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        moment = float(claims["iat"])
        datetime.fromtimestamp(moment)  # noqa: DTZ006 - only whether it is a time
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError):
        return None
    return moment


def number_findings() -> Steps[list[Finding]]:
    """List the numbers, and twice the rules of the first."""
    try:
        numbers: tuple[Number, ...] = yield list_numbers()
    except DirectcallError as error:
        not_asked = Finding("not_asked", "list_rules", {"reason": "no number is known"})
        return [unanswered("list_numbers", error), not_asked]
    if not numbers:
        return [Finding("no_numbers", "list_numbers")]
    return [
        Finding("numbers", "list_numbers", {"count": len(numbers)}),
        *(yield from _rule_findings(numbers[0].did)),
    ]


def _rule_findings(did: str) -> Steps[list[Finding]]:
    try:
        first: tuple[Rule, ...] = yield list_rules(did)
        second: tuple[Rule, ...] = yield list_rules(did)
    except DirectcallError as error:
        return [unanswered("list_rules", error)]
    except ValueError:
        return [Finding("not_asked", "list_rules", {"reason": "the number has an unknown form"})]
    if any(rule.did is not None and not is_same_did(rule.did, did) for rule in second):
        return [Finding("rules_of_others", "list_rules")]
    if [rule.raw for rule in first] != [rule.raw for rule in second]:
        return [Finding("rules_change", "list_rules")]
    return [Finding("rules", "list_rules", {"count": len(second)})]


def balance_findings() -> Steps[list[Finding]]:
    """Ask for the balance; its amount is not shown."""
    try:
        yield balance()
    except DirectcallError:
        return [Finding("balance_unread", "balance")]
    return [Finding("balance", "balance")]

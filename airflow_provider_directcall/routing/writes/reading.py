"""Reads of a number's rules that can be relied on: of this number only, and equal in two reads before anything depends.

``/did/route`` is documented with the rules of one number. An account may still answer with those of all numbers, with
none at first, or with an older state.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.digests import rule_fields
from airflow_provider_directcall.telephony.masking import mask_number
from airflow_provider_directcall.telephony.numbers import parse_did

#: Seconds before each further read, until two reads in a row agree.
_PAUSES: Final = (0.0, 1.0, 2.0, 5.0)
_MOST_NAMED: Final = 5


class RulesReader(Protocol):
    """The method of the API that is needed; the hook has it."""

    def list_rules(self, did: str) -> Sequence[Rule]:
        """Return the number's rules."""


def read_rules(api: RulesReader, did: str) -> tuple[Rule, ...]:
    """Read the rules of a number once.

    :param did: the number, without 55.
    :raises DirectcallRuleError: the answer has rules of other numbers, or two rules with one id.
    """
    rules = tuple(api.list_rules(did))
    others = [rule for rule in rules if rule.did is not None and not is_same_did(rule.did, did)]
    if others:
        named = ", ".join(f"rule {rule.rule_id} of {mask_number(str(rule.did))}" for rule in others[:_MOST_NAMED])
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        raise DirectcallRuleError(
            f"/did/route of number {mask_number(did)} also lists rules of other numbers ({named}{more}), so it is not "
            "known which are its own. If another field holds the number in this account, the connection's extra can "
            "name it ('fields' of list_rules)"
        )
    twice = [rule_id for rule_id, count in Counter(rule.rule_id for rule in rules).items() if count > 1 and rule_id]
    if twice:
        raise DirectcallRuleError(
            f"/did/route of number {mask_number(did)} lists several rules with one id ({', '.join(twice)}), so it is "
            "not known which of them a write would change"
        )
    return rules


def agreed_rules(api: RulesReader, did: str, sleep: Callable[[float], None]) -> tuple[Rule, ...]:
    """Read the rules of a number until two reads in a row agree: one odd answer, such as an empty one, is no proof.

    :param sleep: waits some seconds between reads.
    :raises DirectcallRuleError: as ``read_rules``, or no two reads in a row agree.
    """
    latest = read_rules(api, did)
    for pause in _PAUSES:
        if pause:
            sleep(pause)
        earlier, latest = latest, read_rules(api, did)
        if same_state(earlier, latest):
            return latest
    raise DirectcallRuleError(
        f"{len(_PAUSES) + 1} reads of the rules of number {mask_number(did)} differ from each other, so the live rules "
        "are not known",
        retryable=True,
    )


def same_state(one: Sequence[Rule], other: Sequence[Rule]) -> bool:
    """Return whether two reads show the same rules, ids included, in any order. Unknown fields beside do not count."""
    return _contents(one) == _contents(other)


def _contents(rules: Sequence[Rule]) -> list[str]:
    return sorted(json.dumps(rule_fields(rule), sort_keys=True) for rule in rules)


def is_same_did(text: str, did: str) -> bool:
    """Return whether two spellings are one number, with or without 55."""
    try:
        return parse_did(text) == parse_did(did)
    except ValueError:
        return text == did

"""Writing a change, and not believing it: what stands afterwards decides, whatever the reply to the write says."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallOutcomeUnknown
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.changes import RuleChange
from airflow_provider_directcall.routing.equality import differences, same_rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.views import rule_view
from airflow_provider_directcall.telephony.numbers import mask_number

#: Seconds before each reading back. A write whose connection was lost may still be under way at the vendor's.
_PAUSES: Final = (0.0, 2.0, 5.0)
#: Rules that an error shows at most.
_MOST_SHOWN: Final = 20
#: A rule's own fields, older names too, that a write sets.
_WRITTEN: Final = frozenset({"dpId", "priority", "action", "data", "DP_ID", "DP_PRI", "DP_ACTION", "DP_DATA"})
_ADVICE: Final = (
    "Directcall does not document how rules are written, so the assumed fields may not fit this account; the "
    "connection's extra can replace them ('endpoints', and 'fields' of save_rule and list_rules)"
)

log = logging.getLogger(__name__)


class RulesApi(Protocol):
    """What is needed of the API; the hook has it."""

    def list_rules(self, did: str) -> Sequence[Rule]:
        """The number's rules."""

    def save_rule(self, did: str, rule: Rule) -> Rule:
        """Write one rule; gives what the reply says of it."""


def apply_change(api: RulesApi, did: str, change: RuleChange, *, sleep: Callable[[float], None] = time.sleep) -> Rule:
    """Write the change once and read the rules back until it stands; gives the rule as it stands then.

    A lost answer is no failure as long as the rule stands. There is never a second write.

    :param did: the number.
    :param sleep: waits some seconds between two readings.
    :raises DirectcallRuleError: what stands is not what was asked for, or cannot be read.
    :raises DirectcallRefused: Directcall refused the write, nothing was changed.
    """
    name = f"{_named(change)} of number {mask_number(did)}"
    saved, unknown = _write(api, did, change.wanted)
    live: Sequence[Rule] = ()
    for pause in _PAUSES:
        if pause:
            sleep(pause)
        live = _read_back(api, did, name)
        stands = _find_written(live, saved, change.wanted)
        if stands is not None and same_rule(stands, change.wanted):
            _tell_unasked_changes(name, change.before, stands)
            return stands
    raise _not_standing(name, change, saved, live, unknown) from unknown


def _write(api: RulesApi, did: str, wanted: Rule) -> tuple[Rule, DirectcallOutcomeUnknown | None]:
    try:
        return api.save_rule(did, wanted), None
    except DirectcallOutcomeUnknown as unknown:
        log.warning("%s; the rules are read back", unknown)
        return wanted, unknown


def _read_back(api: RulesApi, did: str, name: str) -> Sequence[Rule]:
    try:
        return api.list_rules(did)
    except DirectcallError as error:
        raise DirectcallRuleError(
            f"{name} was written, and what stands now is not known: {error}", worth_repeating=error.worth_repeating
        ) from error


def _find_written(live: Sequence[Rule], saved: Rule, wanted: Rule) -> Rule | None:
    """The rule that the write was about: by the id that was written, by the id of the reply, else one as wanted.

    The id that was written comes first: a reply with another one may mean that a second rule was made.
    """
    for rule_id in (wanted.rule_id, saved.rule_id):
        found = next((rule for rule in live if rule_id is not None and rule.rule_id == rule_id), None)
        if found is not None:
            return found
    return next((rule for rule in live if same_rule(rule, wanted)), None)


def _not_standing(
    name: str, change: RuleChange, saved: Rule, live: Sequence[Rule], unknown: DirectcallOutcomeUnknown | None
) -> DirectcallRuleError:
    stands = _find_written(live, saved, change.wanted)
    fields = differences(change.wanted, stands) if stands is not None else ()
    how = f"stands differently in: {', '.join(fields)}" if stands is not None else "is not among the rules read back"
    ids_before = {rule.rule_id for rule in change.live}
    appeared = [str(rule.rule_id) for rule in live if rule.rule_id not in ids_before]
    parts = [
        f"{unknown}. Read back, {name} {how}" if unknown is not None else f"{name} was written and {how}",
        *([f"Not there before: {', '.join(appeared)}"] if appeared else []),
        f"Asked for: {_json(rule_view(change.wanted, include_numbers=False))}",
        f"What stands now: {_standing(live, ids_before - {change.wanted.rule_id})}",
        _ADVICE,
    ]
    # Where a rule has appeared, starting again could make one more.
    return DirectcallRuleError(". ".join(parts), fields=fields, worth_repeating=unknown is not None and not appeared)


def _standing(live: Sequence[Rule], bystanders: Collection[str | None]) -> str:
    """The number's rules as JSON, those last that the write was not about."""
    ordered = sorted(live, key=lambda rule: rule.rule_id in bystanders)
    more = f" and {len(ordered) - _MOST_SHOWN} more" if len(ordered) > _MOST_SHOWN else ""
    return _json([rule_view(rule, include_numbers=False) for rule in ordered[:_MOST_SHOWN]]) + more


def _tell_unasked_changes(name: str, before: Rule | None, after: Rule) -> None:
    """Warn when the write reset what it does not write, such as the vendor's unexplained ``timeout``."""
    if before is None:
        return
    names = sorted((before.raw.keys() | after.raw.keys()) - _WRITTEN)
    changed = [field for field in names if before.raw.get(field) != after.raw.get(field)]
    if changed:
        log.warning("%s: fields that were not written are different now: %s", name, ", ".join(changed))


def _named(change: RuleChange) -> str:
    if change.before is None:
        return f"the new rule at priority {change.wanted.priority}"
    return f"rule {change.wanted.rule_id}"


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

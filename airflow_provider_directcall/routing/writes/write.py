"""One write, and not believing it: what stands afterwards decides, whatever the reply to the write says."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallOutcomeUnknown, DirectcallRefused
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.comparison import differences, same_rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.views import rule_view
from airflow_provider_directcall.telephony.numbers import mask_number

#: Seconds before each reading back. A write whose connection was lost may still be under way at the vendor's.
_PAUSES: Final = (0.0, 2.0, 5.0)
#: Rules that an error shows at most.
_MOST_SHOWN: Final = 20
#: A rule's own fields, older names too, that a write sets, or that say which rule it is.
_WRITTEN: Final = frozenset({"dpId", "did", "priority", "action", "data"})
_OLD_WRITTEN: Final = frozenset({"DP_ID", "DIS_ID", "DP_PRI", "DP_ACTION", "DP_DATA"})
#: The vendor's code for a rule that does not exist, or not any more.
_NOT_THERE: Final = "010"
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

    def remove_rule(self, did: str, rule_id: str) -> object:
        """Remove one rule."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write to a number's rules.

    :ivar before: the live rule that is changed or removed; None for a new one.
    :ivar after: the rule to write; None for a removal.
    :ivar live: all rules of the number, as they stood just before.
    """

    before: Rule | None
    after: Rule | None
    live: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """The rule it is about, in words."""
        if self.before is not None:
            return f"rule {self.before.rule_id}"
        return f"the new rule at priority {self.after.priority if self.after is not None else None}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A write that has left.

    :ivar saved_id: the id that the reply gave the rule, or None.
    :ivar unknown: the error when no readable reply came.
    """

    saved_id: str | None = None
    unknown: DirectcallOutcomeUnknown | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A write that was seen to stand.

    :ivar rule: the written rule as it stands; None after a removal.
    :ivar live: all rules as they were read back.
    :ivar warning: what the write reset although it was not written, in words; empty when nothing.
    """

    rule: Rule | None
    live: tuple[Rule, ...]
    warning: str = ""


def send(api: RulesApi, did: str, write: Write) -> Sent:
    """Write once. No readable reply is no failure yet; that the rule to remove is gone already is none at all.

    :raises DirectcallError: surely nothing was written, or the reply cannot be understood.
    """
    try:
        if write.after is not None:
            return Sent(api.save_rule(did, write.after).rule_id)
        if write.before is not None and write.before.rule_id is not None:
            api.remove_rule(did, write.before.rule_id)
    except DirectcallOutcomeUnknown as unknown:
        log.warning("%s; the rules are read back", unknown)
        return Sent(unknown=unknown)
    except DirectcallRefused as refused:
        if write.after is not None or refused.code != _NOT_THERE:
            raise
    return Sent()


def settle(api: RulesApi, did: str, write: Write, sent: Sent, sleep: Callable[[float], None]) -> Settled:
    """Read the rules back until the write stands.

    :raises DirectcallRuleError: what stands is not what was asked for, or cannot be read.
    """
    name = f"{write.name} of number {mask_number(did)}"
    live: tuple[Rule, ...] = ()
    for pause in _PAUSES:
        if pause:
            sleep(pause)
        live = _read_back(api, did, name)
        found = _find(live, write, sent)
        if write.after is None and found is None:
            return Settled(None, live)
        if write.after is not None and found is not None and same_rule(found, write.after):
            return Settled(found, live, _unasked_changes(name, write.before, found))
    raise _not_standing(name, write, sent, live) from sent.unknown


def shown(live: Sequence[Rule], bystanders: Collection[str | None] = ()) -> str:
    """Rules as JSON, numbers masked, those last that a write was not about."""
    ordered = sorted(live, key=lambda rule: rule.rule_id in bystanders)
    more = f" and {len(ordered) - _MOST_SHOWN} more" if len(ordered) > _MOST_SHOWN else ""
    return _json([rule_view(rule, include_numbers=False) for rule in ordered[:_MOST_SHOWN]]) + more


def unwritable_differences(before: Rule, after: Rule) -> tuple[str, ...]:
    """Names of the fields that no write sets, such as the vendor's unexplained ``timeout``, and that differ."""
    names = sorted((before.raw.keys() | after.raw.keys()) - _WRITTEN - _OLD_WRITTEN)
    return tuple(name for name in names if before.raw.get(name) != after.raw.get(name))


def _read_back(api: RulesApi, did: str, name: str) -> tuple[Rule, ...]:
    try:
        return tuple(api.list_rules(did))
    except DirectcallError as error:
        raise DirectcallRuleError(
            f"{name} was written, and what stands now is not known: {error}", retryable=error.retryable
        ) from error


def _find(live: Sequence[Rule], write: Write, sent: Sent) -> Rule | None:
    """The rule that the write was about: by the id that was written, by the id of the reply, else a new one as wanted.

    The id that was written comes first: a reply with another one may mean that a second rule was made.
    """
    ids = (write.before.rule_id if write.before is not None else None, sent.saved_id)
    by_id = (rule for rule_id in ids if rule_id is not None for rule in live if rule.rule_id == rule_id)
    return next(by_id, None) or next(_new_as_wanted(live, write), None)


def _new_as_wanted(live: Sequence[Rule], write: Write) -> Iterator[Rule]:
    if write.after is not None:
        wanted, ids_before = write.after, {rule.rule_id for rule in write.live}
        yield from (rule for rule in live if rule.rule_id not in ids_before and same_rule(rule, wanted))


def _not_standing(name: str, write: Write, sent: Sent, live: Sequence[Rule]) -> DirectcallRuleError:
    stands, unknown = _find(live, write, sent), sent.unknown
    fields = differences(write.after, stands) if write.after is not None and stands is not None else ()
    ids_before = {rule.rule_id for rule in write.live}
    own_id = write.before.rule_id if write.before is not None else None
    appeared = [str(rule.rule_id) for rule in live if rule.rule_id not in ids_before]
    what, how = ("was removed", "still stands") if write.after is None else ("was written", _how(stands, fields))
    asked = "no such rule" if write.after is None else _json(rule_view(write.after, include_numbers=False))
    parts = [
        f"{unknown}. Read back, {name} {how}" if unknown is not None else f"{name} {what} and {how}",
        *([f"Not there before: {', '.join(appeared)}"] if appeared else []),
        f"Asked for: {asked}",
        f"What stands now: {shown(live, ids_before - {own_id})}",
        _ADVICE,
    ]
    # Where a rule has appeared, starting again could make one more.
    return DirectcallRuleError(". ".join(parts), fields=fields, retryable=unknown is not None and not appeared)


def _how(stands: Rule | None, fields: Sequence[str]) -> str:
    return f"stands differently in: {', '.join(fields)}" if stands is not None else "is not among the rules read back"


def _unasked_changes(name: str, before: Rule | None, after: Rule) -> str:
    """Warn when the write reset what it does not write."""
    changed = () if before is None else unwritable_differences(before, after)
    if not changed:
        return ""
    warning = f"{name}: fields that were not written are different now: {', '.join(changed)}"
    log.warning("%s", warning)
    return warning


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

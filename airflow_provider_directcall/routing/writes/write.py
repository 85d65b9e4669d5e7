"""Writes of rules, each verified by reading the rules back, whatever the reply to the write says.

A session makes several writes to one number, and notices the changes that others make meanwhile.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallOutcomeUnknown, DirectcallRefused
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.comparison import differences, same_rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.changes import Change
from airflow_provider_directcall.routing.plans.digests import rule_text
from airflow_provider_directcall.routing.plans.views import change_line, rule_view
from airflow_provider_directcall.telephony.masking import mask_number

#: Seconds before each read-back. A write whose connection was lost may still be in progress at the vendor.
_PAUSES: Final = (0.0, 2.0, 5.0)
#: Most rules that an error shows.
_MOST_SHOWN: Final = 20
#: Fields that a write sets or that identify the rule, and their older names.
_WRITTEN: Final = frozenset({"dpId", "did", "priority", "action", "data"})
_OLD_WRITTEN: Final = frozenset({"DP_ID", "DIS_ID", "DP_PRI", "DP_ACTION", "DP_DATA"})
#: The vendor's code for a rule that does not exist.
_NOT_FOUND: Final = "010"
_ADVICE: Final = (
    "Directcall does not document how rules are written, so the assumed fields may not fit this account; the "
    "connection's extra can replace them ('endpoints', and 'fields' of save_rule and list_rules)"
)

log = logging.getLogger(__name__)


class RulesApi(Protocol):
    """The methods of the API that are needed; the hook has them."""

    def list_rules(self, did: str) -> Sequence[Rule]:
        """Return the number's rules."""

    def save_rule(self, did: str, rule: Rule) -> Rule:
        """Write one rule and return it as the reply shows it."""

    def remove_rule(self, did: str, rule_id: str) -> object:
        """Remove one rule."""


@dataclass(frozen=True, slots=True)
class Write:
    """One write to a number's rules.

    :ivar before: the live rule that is changed or removed; None for a new one.
    :ivar after: the rule to write; None for a removal.
    :ivar live: all live rules of the number just before.
    """

    before: Rule | None
    after: Rule | None
    live: tuple[Rule, ...]

    @property
    def name(self) -> str:
        """Name of the rule for error texts."""
        if self.before is not None:
            return f"rule {self.before.rule_id}"
        return f"the new rule at priority {self.after.priority if self.after is not None else None}"


@dataclass(frozen=True, slots=True)
class WriteReply:
    """Reply to a write.

    :ivar saved_id: the rule's id in the reply, or None.
    :ivar unknown: the error when there was no readable reply.
    """

    saved_id: str | None = None
    unknown: DirectcallOutcomeUnknown | None = None


@dataclass(frozen=True, slots=True)
class VerifiedWrite:
    """Write that was verified by reading the rules back.

    :ivar rule: the written rule as read back; None after a removal.
    :ivar live: all rules as read back.
    :ivar warning: names of unwritten fields that the write has reset, as a sentence; empty when there are none.
    """

    rule: Rule | None
    live: tuple[Rule, ...]
    warning: str = ""


def send_write(api: RulesApi, did: str, write: Write) -> WriteReply:
    """Write once. An unreadable reply is not an error yet, and a rule that is gone already counts as removed.

    :raises DirectcallError: certainly nothing was written, or the reply cannot be parsed.
    """
    try:
        if write.after is not None:
            return WriteReply(api.save_rule(did, write.after).rule_id)
        if write.before is not None and write.before.rule_id is not None:
            api.remove_rule(did, write.before.rule_id)
    except DirectcallOutcomeUnknown as unknown:
        log.warning("%s; the rules are read back", unknown)
        return WriteReply(unknown=unknown)
    except DirectcallRefused as refused:
        if write.after is not None or refused.code != _NOT_FOUND:
            raise
    return WriteReply()


def verify_write(
    api: RulesApi, did: str, write: Write, reply: WriteReply, sleep: Callable[[float], None]
) -> VerifiedWrite:
    """Read the rules back until the write shows.

    :raises DirectcallRuleError: the live rule differs from the requested one, or the rules cannot be read.
    """
    name = f"{write.name} of number {mask_number(did)}"
    live: tuple[Rule, ...] = ()
    for pause in _PAUSES:
        if pause:
            sleep(pause)
        live = _read_back(api, did, name)
        found = _find(live, write, reply)
        if write.after is None and found is None:
            return VerifiedWrite(None, live)
        if write.after is not None and found is not None and same_rule(found, write.after):
            return VerifiedWrite(found, live, _reset_fields(name, write.before, found))
    raise _not_verified(name, write, reply, live) from reply.unknown


@dataclass(frozen=True, slots=True)
class ForeignChanges:
    """Changes that others made to the rules of a number, as ids of rules."""

    added: tuple[str | None, ...] = ()
    changed: tuple[str | None, ...] = ()
    removed: tuple[str | None, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        ways = {"added": self.added, "changed": self.changed, "removed": self.removed}
        return "; ".join(f"{way} rule {', '.join(map(str, ids))}" for way, ids in ways.items() if ids)


class WriteSession:
    """Writes to the rules of one number, one after the other.

    :ivar live: the live rules after the last verified write.
    :ivar done: number of verified writes.
    :ivar warnings: the warnings of all writes.
    """

    def __init__(self, api: RulesApi, did: str, live: Sequence[Rule], sleep: Callable[[float], None]) -> None:
        self.api, self.did, self.sleep = api, did, sleep
        self.live = tuple(live)
        self.done = 0
        self.warnings: list[str] = []
        self._write: Write | None = None
        self._reply: WriteReply | None = None

    def run(self, changes: Sequence[Change], on_progress: Callable[[int, int], None] | None = None) -> None:
        """Make the changes one by one; each is verified before the next.

        :raises DirectcallRuleError: a live rule differs from the requested one, or others changed rules meanwhile.
        :raises DirectcallError: a write was refused or could not be sent.
        """
        for count, change in enumerate(changes, start=1):
            self._make(change)
            log.info("Number %s: %s (%d of %d)", mask_number(self.did), change_line(change), count, len(changes))
            if on_progress is not None:
                on_progress(count, len(changes))

    def read(self) -> tuple[Rule, ...]:
        """Return the live rules, without a change to the state of the session."""
        return tuple(self.api.list_rules(self.did))

    def foreign_changes(self, now: Sequence[Rule]) -> ForeignChanges:
        """Return the differences from the last read that do not come from the write in progress."""
        before = {rule.rule_id: rule_text(rule) for rule in self.live}
        after = {rule.rule_id: rule_text(rule) for rule in now}
        ours = self._touched(now)
        removes = self._write is not None and self._write.after is None
        return ForeignChanges(
            added=tuple(rule_id for rule_id in after if rule_id not in before and rule_id not in ours),
            changed=tuple(
                rule_id
                for rule_id in after
                if rule_id in before and rule_id not in ours and before[rule_id] != after[rule_id]
            ),
            removed=tuple(rule_id for rule_id in before if rule_id not in after and not (removes and rule_id in ours)),
        )

    @property
    def is_untouched(self) -> bool:
        """Whether certainly no write has taken effect yet."""
        return self.done == 0 and self._reply is None

    def _make(self, change: Change) -> None:
        self._write, self._reply = Write(change.before, change.after, self.live), None
        self._reply = send_write(self.api, self.did, self._write)
        verified = verify_write(self.api, self.did, self._write, self._reply, self.sleep)
        others = self.foreign_changes(verified.live)
        if others:
            raise DirectcallRuleError(f"others changed rules meanwhile: {others}", retryable=True)
        self.live, self._write, self._reply = verified.live, None, None
        self.done += 1
        self.warnings += [verified.warning] if verified.warning else []

    def _touched(self, now: Iterable[Rule]) -> set[str | None]:
        """Return the ids of the rules that the write in progress has changed or created."""
        write, reply = self._write, self._reply
        if write is None or reply is None:
            return set()
        known = set() if write.before is None else {write.before.rule_id}
        if reply.saved_id is not None:
            known.add(reply.saved_id)
        elif write.after is not None:
            before = {rule.rule_id for rule in self.live}
            created = (rule.rule_id for rule in now if rule.rule_id not in before and same_rule(rule, write.after))
            known |= set(islice(created, 1))
        return known


def masked_rules(live: Sequence[Rule], unrelated: Collection[str | None] = ()) -> str:
    """Return rules as JSON, numbers masked, those last that are unrelated to a write."""
    ordered = sorted(live, key=lambda rule: rule.rule_id in unrelated)
    more = f" and {len(ordered) - _MOST_SHOWN} more" if len(ordered) > _MOST_SHOWN else ""
    return _json([rule_view(rule, include_numbers=False) for rule in ordered[:_MOST_SHOWN]]) + more


def unwritable_differences(before: Rule, after: Rule) -> tuple[str, ...]:
    """Return the names of differing fields that no write sets, such as the vendor's undocumented ``timeout``."""
    names = sorted((before.raw.keys() | after.raw.keys()) - _WRITTEN - _OLD_WRITTEN)
    return tuple(name for name in names if before.raw.get(name) != after.raw.get(name))


def _read_back(api: RulesApi, did: str, name: str) -> tuple[Rule, ...]:
    try:
        return tuple(api.list_rules(did))
    except DirectcallError as error:
        raise DirectcallRuleError(
            f"{name} was written, but the live rules are unknown: {error}", retryable=error.retryable
        ) from error


def _find(live: Sequence[Rule], write: Write, reply: WriteReply) -> Rule | None:
    """Find the written rule: by the id that was written, by the id of the reply, or as a new rule that equals it.

    The written id comes first, because a reply with another id may mean that a second rule was created.
    """
    ids = (write.before.rule_id if write.before is not None else None, reply.saved_id)
    by_id = (rule for rule_id in ids if rule_id is not None for rule in live if rule.rule_id == rule_id)
    return next(by_id, None) or next(_new_as_requested(live, write), None)


def _new_as_requested(live: Sequence[Rule], write: Write) -> Iterator[Rule]:
    if write.after is not None:
        requested, ids_before = write.after, {rule.rule_id for rule in write.live}
        yield from (rule for rule in live if rule.rule_id not in ids_before and same_rule(rule, requested))


def _not_verified(name: str, write: Write, reply: WriteReply, live: Sequence[Rule]) -> DirectcallRuleError:
    found, unknown = _find(live, write, reply), reply.unknown
    fields = differences(write.after, found) if write.after is not None and found is not None else ()
    ids_before = {rule.rule_id for rule in write.live}
    own_id = write.before.rule_id if write.before is not None else None
    added = [str(rule.rule_id) for rule in live if rule.rule_id not in ids_before]
    if write.after is None:
        verb, result, requested = "was removed", "still exists", "no such rule"
    else:
        verb, requested = "was written", _json(rule_view(write.after, include_numbers=False))
        result = "is not among the rules read back" if found is None else f"differs in: {', '.join(fields)}"
    parts = [
        f"{unknown}. Read back, {name} {result}" if unknown is not None else f"{name} {verb} and {result}",
        *([f"New rules: {', '.join(added)}"] if added else []),
        f"Requested: {requested}",
        f"Live rules: {masked_rules(live, ids_before - {own_id})}",
        _ADVICE,
    ]
    # After an unexpected new rule, another try could create one more.
    return DirectcallRuleError(". ".join(parts), fields=fields, retryable=unknown is not None and not added)


def _reset_fields(name: str, before: Rule | None, after: Rule) -> str:
    """Log and return a warning when the write has reset fields that it does not set."""
    changed = () if before is None else unwritable_differences(before, after)
    if not changed:
        return ""
    warning = f"{name}: fields that were not written have changed: {', '.join(changed)}"
    log.warning("%s", warning)
    return warning


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

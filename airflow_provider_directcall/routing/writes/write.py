"""Writes of rules, each verified by reading the rules back, whatever the reply to the write says.

A session makes several writes to one number, and notices the changes that others make meanwhile.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from airflow_provider_directcall.api.errors import DirectcallError, DirectcallOutcomeUnknown, DirectcallRefused
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.api.replies.envelope import Json
from airflow_provider_directcall.routing.comparison import differences, same_value
from airflow_provider_directcall.routing.errors import DirectcallRuleError, DirectcallUnconfirmedWriteError
from airflow_provider_directcall.routing.plans.changes import Change
from airflow_provider_directcall.routing.plans.views import change_line, rule_view
from airflow_provider_directcall.routing.writes.evidence import (
    ForeignChanges,
    Write,
    WriteReply,
    find_written,
    foreign_changes,
    is_shown,
    is_unseen,
    misdirected,
)
from airflow_provider_directcall.routing.writes.reading import RulesReader, agreed_rules, read_rules
from airflow_provider_directcall.telephony.masking import mask_number

#: Seconds before each read-back. A write whose connection was lost may still be in progress at the vendor.
_PAUSES: Final = (0.0, 2.0, 5.0)
#: Most rules that an error shows.
_MOST_SHOWN: Final = 20
#: The vendor's code for a rule that does not exist.
_NOT_FOUND: Final = "010"
_ADVICE: Final = (
    "Directcall does not document how rules are written, so the assumed fields may not fit this account; the "
    "connection's extra can replace them ('endpoints', and 'fields' of save_rule and list_rules)"
)
_UNSEEN: Final = (
    "The rules read back show nothing of the write, so it either did nothing, or changed a rule of another number, or "
    "took effect and is not shown yet: check the number in Directcall's panel before the next write"
)

log = logging.getLogger(__name__)


class RulesApi(RulesReader, Protocol):
    """The methods of the API that are needed; the hook has them."""

    def save_rule(self, did: str, rule: Rule) -> Rule:
        """Write one rule and return it as the reply shows it."""

    def remove_rule(self, did: str, rule_id: str) -> object:
        """Remove one rule."""


@dataclass(frozen=True, slots=True)
class VerifiedWrite:
    """Write that was verified by reading the rules back.

    :ivar rule: the written rule as read back; None after a removal.
    :ivar live: all rules as read back.
    :ivar others: changes of others meanwhile.
    :ivar warning: names of other fields that the write has changed, as a sentence; empty when there are none.
    """

    rule: Rule | None
    live: tuple[Rule, ...]
    others: ForeignChanges
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
    """Read the rules back until they show the write and no other change, within a bound; never write again.

    :raises DirectcallUnconfirmedWriteError: the write was accepted, and the rules show nothing of it.
    :raises DirectcallRuleError: the live rule differs from the requested one, or the rules cannot be read.
    """
    name = f"{write.name} of number {mask_number(did)}"
    live: tuple[Rule, ...] = ()
    for pause in _PAUSES:
        if pause:
            sleep(pause)
        live = _read_back(api, did, name)
        if is_shown(live, write, reply) and not foreign_changes(write.live, live, write, reply):
            break
    if not is_shown(live, write, reply):
        raise _not_verified(name, write, reply, live) from reply.unknown
    others = foreign_changes(write.live, live, write, reply)
    found = None if write.after is None else find_written(live, write, reply)
    return VerifiedWrite(found, live, others, "" if found is None else _reset_fields(name, write.before, found))


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
        """Return the live rules, without a change to the state of the session.

        :raises DirectcallError: they cannot be read, or no two reads agree.
        """
        return agreed_rules(self.api, self.did, self.sleep)

    def foreign_changes(self, now: Sequence[Rule]) -> ForeignChanges:
        """Return the differences from the last read that do not come from the write in progress."""
        return foreign_changes(self.live, now, self._write, self._reply)

    @property
    def is_untouched(self) -> bool:
        """Whether certainly no write has taken effect yet."""
        return self.done == 0 and self._reply is None

    def _make(self, change: Change) -> None:
        self._write, self._reply = Write(change.before, change.after, self.live), None
        self._reply = send_write(self.api, self.did, self._write)
        verified = verify_write(self.api, self.did, self._write, self._reply, self.sleep)
        if verified.others:
            raise DirectcallRuleError(f"others changed rules meanwhile: {verified.others}", retryable=True)
        self.live, self._write, self._reply = verified.live, None, None
        self.done += 1
        self.warnings += [verified.warning] if verified.warning else []


def masked_rules(live: Sequence[Rule], unrelated: Collection[str | None] = ()) -> str:
    """Return rules as JSON, numbers masked, those last that are unrelated to a write."""
    ordered = sorted(live, key=lambda rule: rule.rule_id in unrelated)
    more = f" and {len(ordered) - _MOST_SHOWN} more" if len(ordered) > _MOST_SHOWN else ""
    return _json([rule_view(rule, include_numbers=False) for rule in ordered[:_MOST_SHOWN]]) + more


def other_differences(before: Rule, after: Rule) -> tuple[str, ...]:
    """Return the names of differing fields outside of the data, such as ``timeout``, blank ones taken as equal."""
    one, other = before.other_fields, after.other_fields
    names = sorted(one.keys() | other.keys())
    return tuple(name for name in names if not same_value(one.get(name), other.get(name)))


def _read_back(api: RulesApi, did: str, name: str) -> tuple[Rule, ...]:
    try:
        return read_rules(api, did)
    except DirectcallError as error:
        raise DirectcallRuleError(
            f"{name} was written, but the live rules are unknown: {error}", retryable=error.retryable
        ) from error


def _not_verified(name: str, write: Write, reply: WriteReply, live: Sequence[Rule]) -> DirectcallRuleError:
    found, unknown = find_written(live, write, reply), reply.unknown
    fields = differences(write.after, found) if write.after is not None and found is not None else ()
    ids_before = {rule.rule_id for rule in write.live}
    own_id = write.before.rule_id if write.before is not None else None
    added = [str(rule.rule_id) for rule in live if rule.rule_id not in ids_before]
    if write.after is None:
        verb, result, requested = "was removed", "still exists", "no such rule"
    else:
        verb, requested = "was written", _json(rule_view(write.after, include_numbers=False))
        result = "is not among the rules read back" if found is None else f"differs in: {', '.join(fields)}"
    other = misdirected(live, write, reply)
    unseen = is_unseen(live, write, reply)
    parts = [
        f"{unknown}. Read back, {name} {result}" if unknown is not None else f"{name} {verb} and {result}",
        *([f"New rules: {', '.join(added)}"] if added else []),
        *([f"In its place, rule {other} was {'removed' if write.after is None else 'changed'}"] if other else []),
        *([_UNSEEN] if unseen else []),
        f"Requested: {requested}",
        f"Live rules: {masked_rules(live, ids_before - {own_id})}",
        _ADVICE,
    ]
    # After an unexpected new rule, another try could create one more.
    kind = DirectcallUnconfirmedWriteError if unseen else DirectcallRuleError
    return kind(". ".join(parts), fields=fields, retryable=unknown is not None and not added)


def _reset_fields(name: str, before: Rule | None, after: Rule) -> str:
    """Log and return a warning when the write has changed fields that were to stay as they are."""
    changed = () if before is None else other_differences(before, after)
    if not changed:
        return ""
    warning = f"{name}: fields that were to stay have changed: {', '.join(changed)}"
    log.warning("%s", warning)
    return warning


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

"""Several writes to one number, one after the other, with an eye on what others write meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.comparison import same_rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.routing.plans.changes import Change
from airflow_provider_directcall.routing.plans.digests import rule_text
from airflow_provider_directcall.routing.plans.views import change_line
from airflow_provider_directcall.routing.writes.write import RulesApi, Sent, Write, send, settle
from airflow_provider_directcall.telephony.numbers import mask_number

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OthersWrites:
    """What somebody else did to the rules of a number, as ids of rules."""

    added: tuple[str | None, ...] = ()
    changed: tuple[str | None, ...] = ()
    removed: tuple[str | None, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    def __str__(self) -> str:
        ways = {"added": self.added, "changed": self.changed, "removed": self.removed}
        return "; ".join(f"{way} rule {', '.join(map(str, ids))}" for way, ids in ways.items() if ids)


class WritingSession:
    """Writes to the rules of one number.

    :ivar live: the rules as they were read after the last write that stood.
    :ivar done: how many writes stood.
    :ivar warnings: what writes reset although it was not written, in words.
    """

    def __init__(self, api: RulesApi, did: str, live: Sequence[Rule], sleep: Callable[[float], None]) -> None:
        self.api, self.did, self.sleep = api, did, sleep
        self.live = tuple(live)
        self.done = 0
        self.warnings: list[str] = []
        self._write: Write | None = None
        self._sent: Sent | None = None

    def run(self, changes: Sequence[Change], on_progress: Callable[[int, int], None] | None = None) -> None:
        """Make the changes one by one; each is seen to stand before the next.

        :raises DirectcallRuleError: what stands is not what was asked for, or somebody else wrote meanwhile.
        :raises DirectcallError: a write was refused or could not be sent.
        """
        for count, change in enumerate(changes, start=1):
            self._make(change)
            log.info("Number %s: %s (%d of %d)", mask_number(self.did), change_line(change), count, len(changes))
            if on_progress is not None:
                on_progress(count, len(changes))

    def read(self) -> tuple[Rule, ...]:
        """The rules as they stand now. What the session knows of them stays as it was."""
        return tuple(self.api.list_rules(self.did))

    def others_writes(self, now: Sequence[Rule]) -> OthersWrites:
        """What differs from the last reading and is not of the write that is under way."""
        before = {rule.rule_id: rule_text(rule) for rule in self.live}
        after = {rule.rule_id: rule_text(rule) for rule in now}
        ours = self._touched(now)
        removes = self._write is not None and self._write.after is None
        return OthersWrites(
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
        """Whether surely no write has taken effect yet."""
        return self.done == 0 and self._sent is None

    def _make(self, change: Change) -> None:
        self._write, self._sent = Write(change.before, change.after, self.live), None
        self._sent = send(self.api, self.did, self._write)
        settled = settle(self.api, self.did, self._write, self._sent, self.sleep)
        others = self.others_writes(settled.live)
        if others:
            raise DirectcallRuleError(f"somebody else wrote rules meanwhile: {others}", retryable=True)
        self.live, self._write, self._sent = settled.live, None, None
        self.done += 1
        self.warnings += [settled.warning] if settled.warning else []

    def _touched(self, now: Iterable[Rule]) -> set[str | None]:
        """Ids of the rules that the write under way was about, or has made."""
        write, sent = self._write, self._sent
        if write is None or sent is None:
            return set()
        known = set() if write.before is None else {write.before.rule_id}
        if sent.saved_id is not None:
            known.add(sent.saved_id)
        elif write.after is not None:
            before = {rule.rule_id for rule in self.live}
            made = (rule.rule_id for rule in now if rule.rule_id not in before and same_rule(rule, write.after))
            known |= set(islice(made, 1))
        return known

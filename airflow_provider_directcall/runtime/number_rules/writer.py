"""Write the rules of a number and record them, so that the next run of any DAG can detect drift."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.routing.errors import DirectcallRuleError
from airflow_provider_directcall.runtime.variables import rules_variable

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.routing.plans.changes import RuleChange
    from airflow_provider_directcall.routing.plans.planning import Plan
    from airflow_provider_directcall.routing.rules import NumberRule
    from airflow_provider_directcall.routing.writes.apply import Applied
    from airflow_provider_directcall.routing.writes.drift import Drift, Labels
    from airflow_provider_directcall.routing.writes.snapshots import Snapshot

_UNCONFIRMED: Final = (
    "an earlier write from Airflow was never confirmed; the rules read are those of the snapshot, so nothing was "
    "written"
)

log = logging.getLogger(__name__)


class RuleWriter:
    """Writes the rules of one number; records the intended rules before and the live rules after.

    :param hook: the number's account.
    :param did: the number, without 55.
    """

    def __init__(self, hook: DirectcallHook, did: str) -> None:
        from airflow_provider_directcall.routing.writes.drift import RuleMarks

        self._hook = hook
        self._did = did
        self._sleep = current_clock().sleep
        self._secret = hook.settings.client_secret
        self._memory = rules_variable(did, self._secret)
        self.marks = RuleMarks(did, self._secret)

    def read(self) -> tuple[Rule, ...]:
        """Return the live rules, in which two reads agreed.

        :raises DirectcallRuleError: they are not known; nothing was written.
        """
        from airflow_provider_directcall.routing.writes.reading import agreed_rules

        try:
            return agreed_rules(self._hook, self._did, self._sleep)
        except DirectcallRuleError as error:
            raise DirectcallRuleError(f"{error}. Nothing was written", retryable=error.retryable) from error

    def drift(self, live: Iterable[Rule]) -> Drift:
        """Return the changes that were made elsewhere since the last write from Airflow."""
        return self.marks.drift(self._memory.read(), live)

    def apply(self, plan: Plan, desired: Iterable[NumberRule | Rule], kept: Drift) -> Applied:
        """Apply a plan.

        :param desired: the desired rules, without the drift that is kept.
        :param kept: the drift that is kept.
        :raises DirectcallError: as ``apply_plan``.
        """
        from airflow_provider_directcall.routing.writes.apply import Applied, apply_plan
        from airflow_provider_directcall.routing.writes.drift import Memory

        desired = tuple(desired)
        if plan.has_changes:
            before, goal = (self.marks.remembered(rules, kept, desired) for rules in (plan.live, plan.desired))
            self._memory.write(Memory(before, goal))
            applied = apply_plan(self._hook, plan, secret=self._secret, sleep=self._sleep, on_progress=_log_progress)
        else:
            applied = Applied(plan.did, plan.live)
        self._memory.write(Memory(self.marks.remembered(applied.rules, kept, desired)))
        return applied

    def change(self, change: RuleChange) -> Rule:
        """Write one rule and return it as read back. Drift of the other rules remains drift.

        :raises DirectcallError: as ``apply_change``.
        """
        from airflow_provider_directcall.routing.writes.apply import apply_change
        from airflow_provider_directcall.routing.writes.drift import Memory

        known = self._memory.read()
        if known is not None:
            expected = known.live if known.writing is None else known.writing
            self._memory.write(Memory(known.live, {**expected, **self._labels(change.after)}))
        after = apply_change(self._hook, self._did, change, sleep=self._sleep)
        if known is not None:
            gone = self._labels(*([change.before] if change.before is not None else []))
            new = self._labels(after)
            writing = None if known.writing is None else _replace(known.writing, gone, new)
            self._memory.write(Memory(_replace(known.live, gone, new), writing))
        return after

    def restore(self, snapshot: Snapshot, *, allow_empty: bool) -> Applied:
        """Restore the rules of a snapshot.

        :param allow_empty: remove all rules when the snapshot has none, whatever followed it.
        :raises DirectcallError: as ``read`` and ``routing.writes.apply.restore``.
        """
        from airflow_provider_directcall.routing.writes.apply import restore
        from airflow_provider_directcall.routing.writes.drift import Memory, labels_of

        live, known = self.read(), self._memory.read()
        before, goal = (labels_of(self.marks.of(rules)) for rules in (live, snapshot.rules))
        if before.keys() != goal.keys():
            self._memory.write(Memory(before, goal))
        applied = restore(
            self._hook,
            snapshot,
            secret=self._secret,
            sleep=self._sleep,
            on_progress=_log_progress,
            live=live,
            allow_empty=allow_empty,
        )
        if not applied.writes and known is not None and known.writing is not None:
            applied = replace(applied, warnings=(*applied.warnings, _UNCONFIRMED))
        self._memory.write(Memory(labels_of(self.marks.of(applied.rules))))
        return applied

    def _labels(self, *rules: Rule) -> Labels:
        from airflow_provider_directcall.routing.writes.drift import labels_of

        return labels_of(self.marks.of(rules))


def _replace(labels: Labels, gone: Labels, new: Labels) -> Labels:
    return {**{mark: label for mark, label in labels.items() if mark not in gone}, **new}


def _log_progress(done: int, planned: int) -> None:
    log.info("Write %d of %d is done.", done, planned)

"""Making rules stand: a single change, a whole plan, or a snapshot. Whatever is written is read back and compared.

A plan is written one rule at a time, in the plan's order. When a write fails, or somebody else writes meanwhile, the
previous rules are put back in the same careful way, and an error says which rules stand.

What ends the process (``SystemExit``, ``KeyboardInterrupt``, a task's time-out) is no failure of a write: nothing is
put back then, for a task that is being killed has seconds, and half of a putting back is no better than half of a plan.
At each point callers are served, see :mod:`~airflow_provider_directcall.routing.plans.ordering`. The next try plans
afresh.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import DirectcallStalePlanError
from airflow_provider_directcall.routing.plans.changes import RuleChange
from airflow_provider_directcall.routing.plans.digests import rules_digest
from airflow_provider_directcall.routing.plans.pairing import Wanted, pair
from airflow_provider_directcall.routing.plans.planning import Plan, plan_rules
from airflow_provider_directcall.routing.writes.rollback import Undoing
from airflow_provider_directcall.routing.writes.sessions import WritingSession
from airflow_provider_directcall.routing.writes.snapshots import Snapshot
from airflow_provider_directcall.routing.writes.write import RulesApi, Write, send, settle, unwritable_differences
from airflow_provider_directcall.telephony.numbers import mask_number

__all__ = ["Applied", "RulesApi", "apply_change", "apply_plan", "restore"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """Wanted rules that were seen to stand.

    :ivar did: the number, without 55.
    :ivar rules: its rules as they stand.
    :ivar writes: how many writes there were.
    :ivar warnings: fields that were reset although nobody wrote them, in words.
    :ivar not_restored: what of a snapshot could not be given back, in words; empty but for :func:`restore`.
    """

    did: str = field(repr=False)
    rules: tuple[Rule, ...]
    writes: int = 0
    warnings: tuple[str, ...] = ()
    not_restored: tuple[str, ...] = ()


def apply_change(api: RulesApi, did: str, change: RuleChange, *, sleep: Callable[[float], None] = time.sleep) -> Rule:
    """Write the change once and read the rules back until it stands; gives the rule as it stands then.

    A lost answer is no failure as long as the rule stands. There is never a second write.

    :param did: the number.
    :param sleep: waits some seconds between two readings.
    :raises DirectcallRuleError: what stands is not what was asked for, or cannot be read.
    :raises DirectcallRefused: Directcall refused the write, nothing was changed.
    """
    write = Write(change.before, change.wanted, change.live)
    return settle(api, did, write, send(api, did, write), sleep).rule or change.wanted


def apply_plan(
    api: RulesApi,
    plan: Plan,
    *,
    secret: str,
    sleep: Callable[[float], None] = time.sleep,
    on_progress: Callable[[int, int], None] | None = None,
) -> Applied:
    """Make the wanted rules of a plan stand.

    No write is ever repeated: what became of one whose answer was lost is found out by reading, a new rule by its
    content.

    :param secret: the connection's client secret, as for the plan.
    :param sleep: waits some seconds between two readings.
    :param on_progress: is called with the writes done and those of the plan, after each write that stands. When it
        raises before the last one, that counts as a failure.
    :raises DirectcallStalePlanError: the live rules are not those of the plan any more; nothing was written.
    :raises DirectcallApplyError: a write failed, or somebody else wrote meanwhile; ``state`` says which rules stand.
    :raises DirectcallError: the rules could not be read at the beginning; nothing was written.
    """
    live = tuple(api.list_rules(plan.did))
    if rules_digest(plan.did, live, secret) != plan.digest:
        raise DirectcallStalePlanError(
            f"the rules of number {mask_number(plan.did)} are not those any more for which the plan was made; nothing "
            "was written. Plan again",
            retryable=True,
        )
    session = WritingSession(api, plan.did, live, sleep)
    try:
        session.run(plan.changes, on_progress)
    except Exception as error:  # whatever went wrong, a half-written plan is put back
        undoing = Undoing(session, plan.live, plan.desired, secret)
        undone = undoing.undo(error)
        if undone is not None:
            raise undone from error
        log.warning("Number %s: %s. Read once more, all stands as wanted.", mask_number(plan.did), error)
    except BaseException:
        log.warning(
            "Number %s: stopped at write %d of %d; the next try begins with what stands.",
            mask_number(plan.did),
            session.done + 1,
            len(plan.changes),
        )
        raise
    return Applied(plan.did, session.live, len(plan.changes), tuple(session.warnings))


def restore(
    api: RulesApi,
    snapshot: Snapshot,
    *,
    secret: str,
    sleep: Callable[[float], None] = time.sleep,
    on_progress: Callable[[int, int], None] | None = None,
) -> Applied:
    """Make the rules of a snapshot stand again, unknown fields of their data included.

    Rules that still stand keep their ids. A rule that was removed comes back with a new id, and fields outside of its
    data that no write sets (``timeout`` and others) cannot be given back; ``not_restored`` tells of both. A snapshot
    without rules leaves the number without.

    Errors and arguments are those of :func:`apply_plan`. After a failure the rules from before the restoring stand.

    :raises DirectcallRuleError: a rule of the snapshot, which does not stand any more, cannot be written (it has no
        priority, say), or a live one that has to go could not be put back; nothing was written.
    """
    live = api.list_rules(snapshot.did)
    plan = plan_rules(snapshot.did, live, snapshot.rules, secret=secret, allow_empty=True)
    applied = apply_plan(api, plan, secret=secret, sleep=sleep, on_progress=on_progress)
    return replace(applied, not_restored=_not_restored(snapshot.rules, applied.rules))


def _not_restored(wanted: Sequence[Rule], live: Sequence[Rule]) -> tuple[str, ...]:
    standing = pair(live, [Wanted.of(rule) for rule in wanted]).standing
    lost = []
    for index, found in sorted(standing.items()):
        before, after = wanted[index], live[found]
        if before.rule_id != after.rule_id:
            lost.append(f"rule {before.rule_id} is rule {after.rule_id} now")
        fields = unwritable_differences(before, after)
        if fields:
            lost.append(f"rule {after.rule_id}: not as they were, and cannot be written: {', '.join(fields)}")
    return tuple(lost)

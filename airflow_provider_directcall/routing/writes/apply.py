"""Application of rules: a single change, a whole plan, or a snapshot. Every write is read back and compared.

A plan is written one rule at a time, in the plan's order. When a write fails, or others change rules meanwhile, the
previous rules are restored in the same way, and the error names the live rules.

Exceptions that end the process (``SystemExit``, ``KeyboardInterrupt``, a task's timeout) cause no rollback: a task that
is being killed has seconds, and half a rollback is no better than half a plan. Callers are served in every state, see
:mod:`~airflow_provider_directcall.routing.plans.ordering`, and the next try makes a new plan.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import DirectcallRuleError, DirectcallStalePlanError
from airflow_provider_directcall.routing.plans.changes import RuleChange
from airflow_provider_directcall.routing.plans.digests import rules_digest
from airflow_provider_directcall.routing.plans.pairing import DesiredRule, pair
from airflow_provider_directcall.routing.plans.planning import Plan, plan_rules
from airflow_provider_directcall.routing.writes.evidence import Write
from airflow_provider_directcall.routing.writes.reading import agreed_rules, read_rules
from airflow_provider_directcall.routing.writes.rollback import Rollback
from airflow_provider_directcall.routing.writes.snapshots import Snapshot
from airflow_provider_directcall.routing.writes.write import (
    RulesApi,
    WriteSession,
    other_differences,
    send_write,
    verify_write,
)
from airflow_provider_directcall.telephony.masking import mask_number

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """Desired rules that were verified to be live.

    :ivar did: the number, without 55.
    :ivar rules: its live rules.
    :ivar writes: number of writes.
    :ivar warnings: sentences about fields that have changed although they were to stay.
    :ivar not_restored: sentences about parts of a snapshot that could not be restored; only from :func:`restore`.
    """

    did: str = field(repr=False)
    rules: tuple[Rule, ...]
    writes: int = 0
    warnings: tuple[str, ...] = ()
    not_restored: tuple[str, ...] = ()


def apply_change(api: RulesApi, did: str, change: RuleChange, *, sleep: Callable[[float], None] = time.sleep) -> Rule:
    """Write a change once, read the rules back until it shows, and return the live rule.

    A lost reply is not an error when the rule is live. There is never a second write.

    :param did: the number.
    :param sleep: waits some seconds between two reads.
    :raises DirectcallRuleError: the live rule differs from the requested one, or the rules cannot be read.
    :raises DirectcallRefused: Directcall refused the write; nothing was changed.
    """
    write = Write(change.before, change.after, change.live)
    verified = verify_write(api, did, write, send_write(api, did, write), sleep)
    if verified.others:
        log.warning("Number %s: others changed rules meanwhile: %s", mask_number(did), verified.others)
    return verified.rule or change.after


def apply_plan(
    api: RulesApi,
    plan: Plan,
    *,
    secret: str,
    sleep: Callable[[float], None] = time.sleep,
    on_progress: Callable[[int, int], None] | None = None,
) -> Applied:
    """Apply a plan.

    No write is ever repeated: after a lost reply, the rules are read to find its effect, a new rule by its content.

    :param secret: the connection's client secret, as for the plan.
    :param sleep: waits some seconds between two reads.
    :param on_progress: called after each verified write with the numbers of writes done and planned. When it raises
        before the last write, that counts as a failure.
    :raises DirectcallStalePlanError: the live rules have changed since the plan was made; nothing was written.
    :raises DirectcallApplyError: a write failed, or others changed rules meanwhile; ``state`` names the live rules.
    :raises DirectcallError: the rules could not be read at the start; nothing was written.
    """
    live = read_rules(api, plan.did)
    if rules_digest(plan.did, live, secret) != plan.digest:
        raise DirectcallStalePlanError(
            f"the rules of number {mask_number(plan.did)} have changed since the plan was made; nothing was written. "
            "Plan again",
            retryable=True,
        )
    session = WriteSession(api, plan.did, live, sleep)
    try:
        session.run(plan.changes, on_progress)
    except Exception as error:  # whatever went wrong, a half-written plan is rolled back
        failure = Rollback(session, plan.live, plan.desired, secret).run(error)
        if failure is not None:
            raise failure from error
        log.warning("Number %s: %s. Read once more, the desired rules are live.", mask_number(plan.did), error)
    except BaseException:
        log.warning(
            "Number %s: stopped at write %d of %d; the next try starts from the live rules.",
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
    live: Sequence[Rule] | None = None,
    allow_empty: bool = False,
) -> Applied:
    """Restore the rules of a snapshot, unknown fields included.

    Rules that are still live keep their ids. A rule that was removed gets a new id. Fields outside of a rule's data
    (``timeout`` and others) are written with the rule; ``not_restored`` lists those that differ all the same, and new
    ids.

    Other arguments and errors are those of :func:`apply_plan`. After a failure the rules from before are live again.

    :param live: the live rules, in which two reads agreed; None reads them.
    :param allow_empty: remove all rules when the snapshot has none. Without it, only a snapshot that was followed by
        our writes does so: it alone proves that no rule was lost in the reading.
    :raises DirectcallRuleError: the snapshot has no rules, and removing those that are live is not allowed.
    :raises DirectcallRuleError: a rule of the snapshot is no longer live and cannot be written (it has no priority, for
        example), or a live one to be removed could not be restored; nothing was written.
    """
    live = agreed_rules(api, snapshot.did, sleep) if live is None else live
    if live and not snapshot.rules and not (snapshot.is_written or allow_empty):
        raise DirectcallRuleError(
            f"the snapshot of number {mask_number(snapshot.did)} has no rules, and nothing was written after it, so "
            f"the {len(live)} live rules are not removed; allow_empty=True removes them"
        )
    plan = plan_rules(snapshot.did, live, snapshot.rules, secret=secret, allow_empty=True)
    applied = apply_plan(api, plan, secret=secret, sleep=sleep, on_progress=on_progress)
    return replace(applied, not_restored=_not_restored(snapshot.rules, applied.rules))


def _not_restored(snapshot: Sequence[Rule], live: Sequence[Rule]) -> tuple[str, ...]:
    unchanged = pair(live, [DesiredRule.of(rule) for rule in snapshot]).unchanged
    lost = []
    for index, found in sorted(unchanged.items()):
        before, after = snapshot[index], live[found]
        if before.rule_id != after.rule_id:
            lost.append(f"rule {before.rule_id} is rule {after.rule_id} now")
        fields = other_differences(before, after)
        if fields:
            lost.append(f"rule {after.rule_id}: fields that still differ: {', '.join(fields)}")
    return tuple(lost)

"""Operators for the rules of a number: update one rule; plan, apply or restore all of them."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallRefused, DirectcallRuleError
from airflow_provider_directcall.routing.errors import DirectcallApplyError, DirectcallSnapshotError
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry
from airflow_provider_directcall.runtime.number_rules.desired import DesiredRules, desired_rules
from airflow_provider_directcall.runtime.number_rules.gates import (
    DriftPolicy,
    approved_digest,
    check_approved,
    findings_as_json,
    reject_errors,
)
from airflow_provider_directcall.runtime.number_rules.snapshots import SnapshotKeeper, load_snapshot
from airflow_provider_directcall.runtime.number_rules.writer import RuleWriter

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
    from airflow_provider_directcall.routing.explaining.checks import Finding
    from airflow_provider_directcall.routing.plans.changes import RuleChange
    from airflow_provider_directcall.routing.plans.planning import Plan
    from airflow_provider_directcall.routing.rules import NumberRule
    from airflow_provider_directcall.routing.writes.apply import Applied
    from airflow_provider_directcall.routing.writes.drift import Drift

Result = dict[str, object]


def _is_final(error: BaseException) -> bool:
    """Return whether a retry is useless; it is never dangerous, because every try begins by reading the rules."""
    if isinstance(error, (DirectcallRefused, DirectcallRuleError)):
        return not error.retryable
    if isinstance(error, DirectcallSnapshotError):
        # A disk may have room again; a damaged snapshot stays damaged.
        return not isinstance(error.__cause__, OSError)
    return isinstance(error, ValueError)


class DirectcallUpdateNumberRuleOperator(BaseOperator):
    """Change one rule of a number, or create it; write nothing if it is already as desired.

    Writing rules is assumed, not documented by Directcall. So the rule is read back after the write and compared; a
    difference fails the task and shows the requested and the live rule. Fields of the live rule that this package does
    not know are kept.

    A retry begins by reading the rules, so it never repeats a write that took effect. A wrong argument, a final
    refusal, and a write that was accepted but reads back differently fail the task without a retry. Changes by this
    task are no drift for apply tasks (``on_drift``).

    :param did: the number, with or without 55 (``did``).
    :param rule: the desired rule, a mapping such as ``{"action": "forward", "to": "...", "wait_seconds": 20,
        "priority": 1}``, or an object of :mod:`airflow_provider_directcall.routing.rules`, where the fields are
        described. Actions: ``forward``, ``sound``, ``voicemail``, ``hangup``; conditions: ``weekdays``, ``start``,
        ``end``, ``sources``. The mapping, or each of its values, can be a template; empty values and ``None`` count as
        not given.
    :param rule_id: the vendor's id of the rule to change (``dpId``); without it, the rule at the desired priority.
    :param include_numbers: show phone numbers and e-mail addresses in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.

    Returns ``{"did", "changed", "before", "after"}``: ``before`` and ``after`` are rules as ``{"rule_id", "priority",
    "action", "data"}`` in the vendor's terms, ``before`` is None when the rule was created.
    """

    template_fields: Sequence[str] = ("did", "rule", "rule_id", "directcall_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"rule": "json"}
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        did: str,
        rule: Mapping[str, object] | NumberRule | str,
        rule_id: str | None = None,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.did = did
        self.rule = rule
        self.rule_id = rule_id
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> Result:
        """Read the number's rules, write the desired one if it differs, read back."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.changes import plan_change
        from airflow_provider_directcall.telephony.numbers import parse_did

        with failing_without_retry(_is_final), DirectcallHook(self.directcall_conn_id) as hook:
            did, desired = parse_did(self.did), arguments.number_rule(self.rule, name="rule")
            writer = RuleWriter(hook, did)
            change = plan_change(writer.read(), desired, arguments.optional_text(self.rule_id))
            if change.before is not None and not change.is_needed:
                self.log.info("Rule %s is already as desired; nothing was written.", change.before.rule_id)
                return self._result(did, change, change.before)
            after = writer.change(change)
        done = "created with" if change.before is None else "changed in"
        self.log.info("Rule %s was %s: %s.", after.rule_id, done, ", ".join(change.fields) or "no fields")
        return self._result(did, change, after)

    def _result(self, did: str, change: RuleChange, after: Rule) -> Result:
        from airflow_provider_directcall.routing.plans.views import rule_view
        from airflow_provider_directcall.telephony.masking import mask_number

        before = change.before
        return {
            "did": did if self.include_numbers else mask_number(did),
            "changed": change.is_needed,
            "before": None if before is None else rule_view(before, include_numbers=self.include_numbers),
            "after": rule_view(after, include_numbers=self.include_numbers),
        }


class DesiredRulesOperator(BaseOperator):
    """Base of the operators that take desired rules; :class:`DirectcallPlanNumberRulesOperator` has the parameters."""

    template_fields: Sequence[str] = (
        "calendar",
        "rules",
        "did",
        "at",
        "horizon_days",
        "emergency",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"rules": "json", "emergency": "json"}
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        calendar: RoutingCalendar | Mapping[str, object] | str | os.PathLike[str] | None = None,
        rules: Sequence[NumberRule | Mapping[str, object]] | str | None = None,
        did: str | None = None,
        at: datetime | str | None = None,
        horizon_days: int = 7,
        emergency: Mapping[str, object] | str | None = None,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.calendar = calendar
        self.rules = rules
        self.did = did
        self.at = at
        self.horizon_days = horizon_days
        self.emergency = emergency
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id

    @abstractmethod
    def execute(self, context: Context) -> Result:
        """Compare the live with the desired rules."""

    def _desired(self, now: datetime) -> DesiredRules:
        dag = self.get_dag()
        return desired_rules(
            calendar=self.calendar,
            rules=self.rules,
            did=self.did,
            at=self.at,
            now=now,
            horizon_days=self.horizon_days,
            emergency=self.emergency,
            folder=Path(dag.folder) if dag is not None else None,
        )

    def _push_week(self, context: Context, desired: DesiredRules, now: datetime, *, action: str) -> None:
        """Push the calendar's week as the XCom ``week``, for the page in Airflow; numbers are masked."""
        from airflow_provider_directcall.runtime.number_rules.weeks import routing_week

        if (week := routing_week(desired, now, action=action)) is not None:
            context["ti"].xcom_push(key="week", value=week)


class DirectcallPlanNumberRulesOperator(DesiredRulesOperator):
    """Return the writes that would give a number the desired rules. Reads only.

    :param calendar: a :class:`~airflow_provider_directcall.routing.calendars.RoutingCalendar`, a mapping with the keys
        of a calendar file, or the path of such a file, YAML or JSON. A relative path begins at the folder of the DAG's
        file, wherever Airflow has put the DAG bundle.
    :param rules: in place of a calendar: all rules of the number, objects of
        :mod:`airflow_provider_directcall.routing.rules` or mappings, or the text of such a list; with ``did``.
    :param did: the number, with or without 55 (``did``); only with ``rules``.
    :param at: the moment at which to evaluate the calendar: aware datetime or ISO text. None or empty: now. Manual runs
        have no data interval in Airflow 3; ``{{ dag_run.run_after }}`` exists in every run.
    :param horizon_days: how many days the dated part of a calendar covers, that of ``at`` included: 1 to 7.
    :param emergency: an emergency in place of the calendar's: ``{"chain": [...], "until": ..., "reason": ...}`` as a
        mapping or as JSON text; None, an empty text or an empty mapping for none.
    :param include_numbers: show phone numbers and e-mail addresses in the result in full instead of masked.
    :param multiple_outputs: push each part of the result as an XCom of its own too.
    :param directcall_conn_id: id of the connection.

    Returns the plan as a mapping: ``did``, ``has_changes``, ``summary``, ``writes``, ``fewest_writes``, ``changes``,
    ``text`` (for people), ``markdown`` (the same for the body of an ``ApprovalOperator``), ``digest``, the
    ``expected_digest`` of an apply task, and ``findings``: errors and warnings about the calendar or the rules, each as
    ``{"severity", "code", "where", "text"}``, errors first. ``text`` includes them.

    A calendar's week is the XCom ``week``, for the page in Airflow, with masked numbers.

    Each is an XCom of its own too: ``plan.output["digest"]``; in a mapped task, where that would
    be those of all its siblings, use ``xcom_pull`` or a mapped task group.

    A wrong argument or calendar fails without a retry and reports all its problems; so does a final refusal.
    """

    def __init__(
        self,
        *,
        multiple_outputs: bool = True,
        **kwargs: Any,  # noqa: ANN401 - those of the parent
    ) -> None:
        super().__init__(multiple_outputs=multiple_outputs, **kwargs)

    def execute(self, context: Context) -> Result:
        """Read the number's rules and compare."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.digests import approval_digest
        from airflow_provider_directcall.routing.plans.planning import plan_rules

        with failing_without_retry(_is_final), DirectcallHook(self.directcall_conn_id) as hook:
            now = current_clock().now()
            desired = self._desired(now)
            findings = desired.findings(now)
            secret = hook.settings.client_secret
            plan = plan_rules(desired.did, RuleWriter(hook, desired.did).read(), desired.rules, secret=secret)
        self._push_week(context, desired, now, action="planned")
        self.log.info("%s", _plan_text(plan, findings))
        text = _plan_text(plan, findings, include_numbers=self.include_numbers)
        return {
            **plan.as_json(include_numbers=self.include_numbers),
            "digest": approval_digest(plan, secret),
            "findings": findings_as_json(findings),
            "text": text,
            "markdown": _markdown(text),
        }


class DirectcallApplyNumberRulesOperator(DesiredRulesOperator):
    """Give a number the desired rules: those of a calendar now, or listed ones. Writes only what differs.

    Writing rules is assumed, not documented by Directcall: each write is read back and compared. The order of the
    writes keeps calls answered. When a write fails, the previous rules are restored, and the error reports the live
    rules. A killed task rolls nothing back: its retry makes a new plan from the live rules, and a restore task as
    teardown covers its last try.

    The rules are checked first. Errors, such as a forward to the number itself, fail the task; warnings are logged.

    A snapshot of the rules is taken, encrypted with the client secret, and pushed as the XCom ``snapshot``, also when
    nothing has to be written. Retries keep the one from before the first write (Airflow 3.3; before that only where
    ``snapshot_path`` is given). A user's Clear takes a new one.

    It takes ``calendar``, ``rules``, ``did``, ``at``, ``horizon_days`` and ``emergency`` too, as
    :class:`DirectcallPlanNumberRulesOperator` does. Live rules know weekdays, no dates; so an ``at`` whose rules have
    run out is rejected, and one whose local day is after today, too.

    :param expected_digest: ``digest`` of the approved plan. When the live or the desired rules are no longer those of
        that plan, nothing is written and the task fails without a retry.
    :param on_drift: policy for rules changed elsewhere since the last write from Airflow: ``overwrite`` (the desired
        rules win), ``keep`` (those changes stay, all else is applied; fails where no rule would be left), ``fail``. The
        log and the result show the drift in any case. ``keep`` does not go with ``expected_digest``.
    :param snapshot_path: a file in which to keep the snapshot as well, phone numbers in full, readable by its owner
        only. It is written before the first write, so a run that changes nothing writes none.
    :param allow_future: write also rules for a later day. They hold from now on, whatever the date: for a number that
        is not in use yet.
    :param skip_checks: write also rules with errors, which are logged as warnings then.
    :param include_numbers: show the number in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.

    Returns ``{"did", "state", "changed", "writes", "summary", "digest_before", "drift", "snapshot_path", "findings",
    "warnings"}``: ``state`` is ``desired``; ``drift`` is ``{"known", "unexpected", "missing", "done"}`` with labels
    such as ``rule 18003: fwd, priority 100``; ``snapshot_path`` is None where no file was written; ``findings`` are
    those of a plan. A calendar's week is the XCom ``week``, as after a plan.
    """

    template_fields: Sequence[str] = (
        *DesiredRulesOperator.template_fields,
        "expected_digest",
        "on_drift",
        "snapshot_path",
        "allow_future",
        "skip_checks",
    )

    def __init__(
        self,
        *,
        expected_digest: str | None = None,
        on_drift: str = "overwrite",
        snapshot_path: str | os.PathLike[str] | None = None,
        allow_future: bool | str = False,
        skip_checks: bool | str = False,
        **kwargs: Any,  # noqa: ANN401 - those of the parent
    ) -> None:
        super().__init__(**kwargs)
        self.expected_digest = expected_digest
        self._needs_approval = expected_digest is not None
        self.on_drift = on_drift
        self.snapshot_path = snapshot_path
        self.allow_future = allow_future
        self.skip_checks = skip_checks

    def execute(self, context: Context) -> Result:
        """Check, read, take the snapshot, look for drift, plan, write."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.planning import plan_rules

        with failing_without_retry(_is_final), DirectcallHook(self.directcall_conn_id) as hook:
            now, expected = current_clock().now(), approved_digest(self.expected_digest, is_needed=self._needs_approval)
            policy = DriftPolicy(self.on_drift, is_approved=expected is not None)
            desired = self._desired(now)
            self._check_moment(desired, now)
            findings = desired.findings(now)
            reject_errors(findings, skip_checks=arguments.boolean("skip_checks", self.skip_checks))
            did, secret = desired.did, hook.settings.client_secret
            keeper = SnapshotKeeper(self, context, secret=secret, path=arguments.optional_path(self.snapshot_path))
            earlier = keeper.recall(did)
            writer = RuleWriter(hook, did)
            live = writer.read()
            first = earlier or keeper.take(did, live)
            drift = writer.drift(live)
            policy.check(drift, did)
            rules = policy.merge(desired.rules, live, drift=drift, marks=writer.marks)
            plan = plan_rules(did, live, rules, secret=secret)
            check_approved(plan, expected, first=first, drift=drift, secret=secret)
            self.log.info("%s", plan.as_text())
            with keeper.writing(first) if plan.has_changes else nullcontext():
                applied = self._apply(writer, plan, desired, policy.kept(drift))
        self._push_week(context, desired, now, action="applied")
        return {
            **self._result(plan, applied, drift, policy),
            "findings": findings_as_json(findings),
            "warnings": self._warnings(applied, desired, now),
        }

    def _check_moment(self, desired: DesiredRules, now: datetime) -> None:
        desired.check_not_over(now)
        if not arguments.boolean("allow_future", self.allow_future):
            desired.check_not_ahead(now)

    def _apply(self, writer: RuleWriter, plan: Plan, desired: DesiredRules, kept: Drift) -> Applied:
        try:
            return writer.apply(plan, desired.rules, kept)
        except DirectcallApplyError as error:
            retry = "begins with the live rules" if error.retryable else "would not help"
            self.log.error("State of the rules: %s. A retry %s.", error.state, retry)  # noqa: TRY400 - raised again
            raise

    def _warnings(self, applied: Applied, desired: DesiredRules, now: datetime) -> list[str]:
        day = desired.day_ahead(now)
        ahead = f"the rules are made for {day} and later; their weekdays hold from now on"
        warnings = [*applied.warnings, *([ahead] if day is not None else [])]
        for warning in warnings:
            self.log.warning("%s", warning)
        return warnings

    def _result(self, plan: Plan, applied: Applied, drift: Drift, policy: DriftPolicy) -> Result:
        from airflow_provider_directcall.routing.writes.drift import labels_of
        from airflow_provider_directcall.telephony.masking import mask_number

        path = arguments.optional_path(self.snapshot_path) if plan.has_changes else None
        return {
            "did": plan.did if self.include_numbers else mask_number(plan.did),
            "state": "desired",
            "changed": plan.has_changes,
            "writes": applied.writes,
            "summary": plan.summary(),
            "digest_before": plan.digest,
            "drift": {
                "known": drift.known,
                "unexpected": list(labels_of(drift.unexpected).values()),
                "missing": list(drift.missing.values()),
                "done": str(policy) if drift else None,
            },
            "snapshot_path": None if path is None else str(path),
        }


class DirectcallRestoreNumberRulesOperator(BaseOperator):
    """Restore the rules of a number from the snapshot of an apply task. Writes only what differs.

    Made for teardown: ``apply >> work >> restore.as_teardown()`` restores the number when tasks between fail, and when
    the apply task itself fails half-way or is killed in its last try. The run fails then all the same. Name no
    ``setups`` there: Airflow skips a teardown when none of its setups has succeeded, which is when half of the rules
    may be live.

    A removed rule comes back with a new id; the result lists it, and fields beside a rule's data that still differ.
    Rules that were changed elsewhere meanwhile are restored too.

    :param snapshot: the sealed text that the apply task pushed as the XCom ``snapshot``. Empty where a template
        rendered nothing: the apply task wrote nothing, so nothing is restored.
    :param snapshot_task_id: in place of it: the apply task of this run. Where it pushed no snapshot, it wrote nothing,
        and nothing is restored.
    :param snapshot_path: in place of both: the file of an apply task's ``snapshot_path``.
    :param allow_empty: remove all rules when the snapshot has none. Without it, that is done only where the apply task
        began to write; otherwise live rules stay and the task fails, because an answer without rules may be an error
        of the reading.
    :param include_numbers: show the number in the result in full instead of masked.
    :param directcall_conn_id: id of the connection, whose client secret has to be the one of the apply task.

    Returns ``{"did", "changed", "writes", "not_restored", "warnings"}``; ``did`` is None without a snapshot. An error
    reports the live rules; a snapshot that cannot be opened fails without a retry.
    """

    template_fields: Sequence[str] = (
        "snapshot",
        "snapshot_task_id",
        "snapshot_path",
        "allow_empty",
        "directcall_conn_id",
    )
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        snapshot: str | None = None,
        snapshot_task_id: str | None = None,
        snapshot_path: str | os.PathLike[str] | None = None,
        allow_empty: bool | str = False,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.snapshot_task_id = snapshot_task_id
        self.snapshot_path = snapshot_path
        self.allow_empty = allow_empty
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> Result:
        """Read the rules, write the differences from the snapshot, read back."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.telephony.masking import mask_number

        with failing_without_retry(_is_final), DirectcallHook(self.directcall_conn_id) as hook:
            snapshot = load_snapshot(
                self,
                context,
                sealed=self.snapshot,
                task_id=self.snapshot_task_id,
                path=self.snapshot_path,
                secret=hook.settings.client_secret,
            )
            if snapshot is None:
                self.log.info("There is no snapshot, so nothing was written and nothing has to be restored.")
                return {"did": None, "changed": False, "writes": 0, "not_restored": [], "warnings": []}
            allow_empty = arguments.boolean("allow_empty", self.allow_empty)
            applied = RuleWriter(hook, snapshot.did).restore(snapshot, allow_empty=allow_empty)
        for lost in (*applied.not_restored, *applied.warnings):
            self.log.warning("%s", lost)
        self.log.info("The rules of the snapshot are live, after %d writes.", applied.writes)
        return {
            "did": snapshot.did if self.include_numbers else mask_number(snapshot.did),
            "changed": applied.writes > 0,
            "writes": applied.writes,
            "not_restored": list(applied.not_restored),
            "warnings": list(applied.warnings),
        }


def _plan_text(plan: Plan, findings: Iterable[Finding], *, include_numbers: bool = False) -> str:
    """Return the plan and its findings as text."""
    return "\n".join([plan.as_text(include_numbers=include_numbers), *map(str, findings)])


def _markdown(text: str) -> str:
    """Return Markdown that shows the text as it is, line breaks and stars of masked numbers included."""
    lines = (line.strip().replace("`", "'") for line in text.splitlines())
    return "\n".join(f"`{line}`  " if line else "" for line in lines)

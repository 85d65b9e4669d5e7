"""Operators for all rules of a number at once: plan them, make them stand, put them back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_directcall.operators.desired_rules import DesiredRulesOperator, is_final
from airflow_provider_directcall.routing.errors import (
    DirectcallApplyError,
    DirectcallRuleError,
    DirectcallStalePlanError,
)
from airflow_provider_directcall.tasks import rendered
from airflow_provider_directcall.tasks.failing import failing_without_retry
from airflow_provider_directcall.tasks.rule_writing import RuleWriter
from airflow_provider_directcall.tasks.snapshot_keeping import SNAPSHOT_XCOM, SnapshotKeeper

if TYPE_CHECKING:
    import os

    from airflow.sdk import Context

    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.routing.plans.planning import Plan
    from airflow_provider_directcall.routing.rules import NumberRule
    from airflow_provider_directcall.routing.writes.applying import Applied
    from airflow_provider_directcall.routing.writes.drift import Drift, OnDrift
    from airflow_provider_directcall.routing.writes.snapshots import Snapshot

Result = dict[str, object]


class DirectcallPlanNumberRulesOperator(DesiredRulesOperator):
    """Say what would have to be written so that the rules of a number are the wanted ones. Only reads.

    :param calendar: a :class:`~airflow_provider_directcall.routing.calendars.RoutingCalendar`, a mapping with the keys
        of a calendar file, or the path of such a file, YAML or JSON. A relative path begins at the folder of the file
        in which the DAG stands, wherever Airflow has put the DAG bundle.
    :param rules: in place of a calendar: all rules that shall stand, objects of
        :mod:`airflow_provider_directcall.routing.rules` or mappings, or the text of such a list; with ``did``.
    :param did: the number, with or without 55 (``did``); only with ``rules``.
    :param at: the moment for which the calendar is asked: aware datetime or ISO text. None or empty: now. Runs that a
        person starts have no data interval in Airflow 3; ``{{ dag_run.run_after }}`` is there in every run.
    :param horizon_days: how many days the dated part of a calendar covers, that of ``at`` counted: 1 to 7.
    :param emergency: an emergency in place of the calendar's: ``{"chain": [...], "until": ..., "reason": ...}`` as a
        mapping or as JSON text; None, an empty text or an empty mapping for none.
    :param include_numbers: show phone numbers and e-mail addresses in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.

    Gives the plan as a mapping: ``did``, ``has_changes``, ``summary``, ``writes``, ``fewest_writes``, ``changes``,
    ``text`` (for people), and ``digest``, which the ``expected_digest`` of an apply task takes.

    A wrong argument or calendar fails without a retry and tells all its problems; so does a refusal that will stand.
    """

    def execute(self, context: Context) -> Result:
        """Read the number's rules and compare."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.approvals import approval_digest
        from airflow_provider_directcall.routing.plans.planning import plan_rules

        with failing_without_retry(is_final), DirectcallHook(self.directcall_conn_id) as hook:
            wanted = self._wanted(self._now())
            secret = hook.settings.client_secret
            plan = plan_rules(wanted.did, hook.list_rules(wanted.did), wanted.rules, secret=secret)
        self.log.info("%s", plan.as_text())
        return {
            **plan.as_json(include_numbers=self.include_numbers),
            "digest": approval_digest(plan, secret),
            "text": plan.as_text(include_numbers=self.include_numbers),
        }


class DirectcallApplyNumberRulesOperator(DesiredRulesOperator):
    """Make the wanted rules of a number stand: those of a calendar now, or listed ones. No difference, no write.

    Writing rules is assumed, not documented by Directcall: each write is read back and compared. The order of writing
    keeps callers served. When a write fails, the previous rules are put back, and the error says which rules stand. A
    task that is killed puts nothing back: its retry plans anew from what stands, and a restore task as teardown puts
    the line back for good.

    Before the first write a snapshot of the rules is taken, encrypted with the client secret, and pushed as the XCom
    ``snapshot``, also when nothing has to be written. Retries keep the first one (Airflow 3.3; before that only where
    ``snapshot_path`` is given). A user's Clear takes a new one.

    :param calendar: as in :class:`DirectcallPlanNumberRulesOperator`.
    :param rules: as there.
    :param did: as there.
    :param at: as there. Calendar rules know weekdays, no dates; so a moment whose rules have run out is refused.
    :param horizon_days: as there.
    :param emergency: as there.
    :param expected_digest: ``digest`` of the plan that somebody approved. When the live rules or the wanted ones are
        not those of that plan any more, nothing is written and the task fails without a retry.
    :param on_drift: what to do where somebody else has changed rules since they were last written from here:
        ``overwrite`` (the wanted rules win), ``keep`` (what they changed stays, all else is applied), ``fail``. It is
        in the log and the result in any case.
    :param snapshot_path: a file in which to keep the snapshot as well, phone numbers in full, readable by its owner
        only.
    :param include_numbers: show the number in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.

    Gives ``{"did", "state", "changed", "writes", "summary", "digest_before", "drift", "snapshot_path", "warnings"}``:
    ``state`` is ``desired``; ``drift`` is ``{"known", "unexpected", "missing", "done"}`` with labels such as
    ``rule 18003: fwd, priority 100``.
    """

    template_fields: Sequence[str] = (
        *DesiredRulesOperator.template_fields,
        "expected_digest",
        "on_drift",
        "snapshot_path",
    )

    def __init__(
        self,
        *,
        expected_digest: str | None = None,
        on_drift: str = "overwrite",
        snapshot_path: str | os.PathLike[str] | None = None,
        **kwargs: Any,  # noqa: ANN401 - those of the parent
    ) -> None:
        super().__init__(**kwargs)
        self.expected_digest = expected_digest
        self.on_drift = on_drift
        self.snapshot_path = snapshot_path

    def execute(self, context: Context) -> Result:
        """Read, take the snapshot, plan, look for drift, write."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.planning import plan_rules
        from airflow_provider_directcall.routing.writes.drift import Drift, OnDrift

        with failing_without_retry(is_final), DirectcallHook(self.directcall_conn_id) as hook:
            now = self._now()
            on_drift, wanted = self._drift_choice(), self._wanted(now)
            wanted.check_not_over(now)
            did, secret = wanted.did, hook.settings.client_secret
            keeper = SnapshotKeeper(self, context, secret=secret, path=_path(self.snapshot_path))
            earlier = keeper.recall(did)
            live = hook.list_rules(did)
            first = earlier or keeper.take(did, live)
            plan = plan_rules(did, live, wanted.rules, secret=secret)
            writer = RuleWriter(hook, did)
            drift = writer.drift(live)
            self._check_approved(plan, first, drift, secret)
            self._tell_drift(drift, on_drift, did)
            keeps = on_drift is OnDrift.KEEP and bool(drift)
            if keeps:
                plan = plan_rules(did, live, writer.marks.keeping(drift, wanted.rules, live), secret=secret)
            self.log.info("%s", plan.as_text())
            applied = self._apply(writer, plan, wanted.rules, drift if keeps else Drift(drift.known))
        return self._result(plan, applied, drift, on_drift, wanted.rehearsal(now))

    def _drift_choice(self) -> OnDrift:
        from airflow_provider_directcall.routing.writes.drift import OnDrift

        try:
            return OnDrift(str(self.on_drift))
        except ValueError:
            raise ValueError(f"on_drift: one of {', '.join(OnDrift)} is needed") from None

    def _check_approved(self, plan: Plan, first: Snapshot, drift: Drift, secret: str) -> None:
        """Refuse to write what nobody approved.

        A retry finishes what was approved for the rules of the first try, unless somebody else has changed them since.
        """
        from airflow_provider_directcall.routing.plans.approvals import approval_digest
        from airflow_provider_directcall.routing.plans.planning import plan_rules
        from airflow_provider_directcall.telephony.numbers import mask_number

        if self.expected_digest is None:
            return
        expected = rendered.optional_text(self.expected_digest)
        if expected is None:
            raise ValueError("expected_digest: it is empty; the digest of the approved plan is needed")
        approved = [plan] if drift else [plan, plan_rules(plan.did, first.rules, plan.desired, secret=secret)]
        if expected not in {approval_digest(each, secret) for each in approved}:
            raise DirectcallStalePlanError(
                f"the plan for number {mask_number(plan.did)} is not the one that was approved: its rules, or those "
                "that shall stand, have changed since. Nothing was written. Plan again, and have that approved. It "
                f"would be: {plan.summary()}"
            )

    def _tell_drift(self, drift: Drift, on_drift: OnDrift, did: str) -> None:
        from airflow_provider_directcall.routing.writes.drift import OnDrift
        from airflow_provider_directcall.telephony.numbers import mask_number

        if not drift.known:
            self.log.info("What was left of the rules of number %s is not known yet.", mask_number(did))
        if not drift:
            return
        told = f"somebody else has changed the rules of number {mask_number(did)} ({drift})"
        if on_drift is OnDrift.FAIL:
            raise DirectcallRuleError(f"{told}; nothing was written, as on_drift says")
        self.log.warning("Drift: %s; on_drift is %s.", told, on_drift)

    def _apply(self, writer: RuleWriter, plan: Plan, wanted: Sequence[NumberRule], kept: Drift) -> Applied:
        try:
            return writer.apply(plan, wanted, kept)
        except DirectcallApplyError as error:
            retry = "begins with what stands" if error.worth_repeating else "would not help"
            self.log.error("State of the rules: %s. A retry %s.", error.state, retry)  # noqa: TRY400 - goes on
            raise

    def _result(self, plan: Plan, applied: Applied, drift: Drift, on_drift: OnDrift, rehearsal: str | None) -> Result:
        from airflow_provider_directcall.routing.writes.drift import labels_of
        from airflow_provider_directcall.telephony.numbers import mask_number

        warnings = [*applied.warnings, *([rehearsal] if rehearsal is not None else [])]
        for warning in warnings:
            self.log.warning("%s", warning)
        path = _path(self.snapshot_path)
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
                "done": str(on_drift) if drift else None,
            },
            "snapshot_path": None if path is None else str(path),
            "warnings": warnings,
        }


class DirectcallRestoreNumberRulesOperator(BaseOperator):
    """Put the rules of a number back to how they stood in a snapshot of an apply task. As it stands, no write.

    Made for teardown: ``restore.as_teardown(setups=apply)`` gives the line back also when the tasks between fail.

    A rule that was removed comes back with a new id, and what no write can set (such as the vendor's ``timeout``)
    cannot be given back; the result says so. Rules that somebody else has changed meanwhile are put back too.

    :param snapshot: the sealed text that the apply task pushed as the XCom ``snapshot``. Empty where nothing came out
        of a template: nothing was written, so nothing is to do.
    :param snapshot_task_id: in place of it: the apply task of this run whose snapshot is meant. Where it pushed none,
        it wrote nothing, and nothing is to do.
    :param snapshot_path: in place of both: the file of an apply task's ``snapshot_path``.
    :param include_numbers: show the number in the result in full instead of masked.
    :param directcall_conn_id: id of the connection, whose client secret has to be the one of the apply task.

    Gives ``{"did", "changed", "writes", "not_restored", "warnings"}``; ``did`` is None when there was nothing to do.
    A failure says which rules stand; a snapshot that cannot be opened fails without a retry.
    """

    template_fields: Sequence[str] = ("snapshot", "snapshot_task_id", "snapshot_path", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        snapshot: str | None = None,
        snapshot_task_id: str | None = None,
        snapshot_path: str | os.PathLike[str] | None = None,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.snapshot = snapshot
        self.snapshot_task_id = snapshot_task_id
        self.snapshot_path = snapshot_path
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> Result:
        """Read the rules, write what differs from the snapshot, read back."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.telephony.numbers import mask_number

        with failing_without_retry(is_final), DirectcallHook(self.directcall_conn_id) as hook:
            snapshot = self._snapshot(context, hook)
            if snapshot is None:
                self.log.info("There is no snapshot, so nothing was written and nothing is to be put back.")
                return {"did": None, "changed": False, "writes": 0, "not_restored": [], "warnings": []}
            applied = RuleWriter(hook, snapshot.did).restore(snapshot, hook.list_rules(snapshot.did))
        for lost in (*applied.not_restored, *applied.warnings):
            self.log.warning("%s", lost)
        self.log.info("The rules of the snapshot stand, after %d writes.", applied.writes)
        return {
            "did": snapshot.did if self.include_numbers else mask_number(snapshot.did),
            "changed": applied.writes > 0,
            "writes": applied.writes,
            "not_restored": list(applied.not_restored),
            "warnings": list(applied.warnings),
        }

    def _snapshot(self, context: Context, hook: DirectcallHook) -> Snapshot | None:
        from airflow_provider_directcall.routing.writes.snapshots import read, unseal

        given = (self.snapshot, self.snapshot_task_id, self.snapshot_path)
        if sum(each is not None for each in given) != 1:
            raise ValueError("snapshot, snapshot_task_id, snapshot_path: one of them is needed, and only one")
        path = _path(self.snapshot_path)
        if path is not None:
            return read(path)
        sealed = self._pulled(context) if self.snapshot_task_id is not None else self.snapshot
        text = rendered.optional_text(sealed)
        return None if text is None else unseal(text, hook.settings.client_secret)

    def _pulled(self, context: Context) -> str | None:
        from airflow.sdk.definitions.mappedoperator import MappedOperator

        task_id, ti, dag = str(self.snapshot_task_id), context["ti"], self.get_dag()
        own = -1 if ti.map_index is None else ti.map_index
        if dag is not None and not dag.has_task(task_id):
            raise ValueError(f"snapshot_task_id: the DAG has no task {task_id!r}")
        if dag is not None and own < 0 and isinstance(dag.get_task(task_id), MappedOperator):
            raise ValueError(f"snapshot_task_id: {task_id!r} is mapped, so it has many snapshots; give 'snapshot'")
        for map_index in (own, -1):
            pulled: str | None = ti.xcom_pull(task_ids=task_id, key=SNAPSHOT_XCOM, map_indexes=map_index)
            if pulled is not None:
                return pulled
        return None


def _path(value: str | os.PathLike[str] | None) -> Path | None:
    """A path, or None where nothing was given."""
    text = rendered.optional_text(value)
    return None if text is None else Path(text)

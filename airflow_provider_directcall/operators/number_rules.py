"""Operators for all rules of a number at once: plan them, make them stand, put them back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_directcall.operators.desired_rules import DesiredRulesOperator, is_final
from airflow_provider_directcall.routing.errors import DirectcallApplyError
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry
from airflow_provider_directcall.runtime.number_rules.approved_plans import approved_digest, check_approved
from airflow_provider_directcall.runtime.number_rules.drift_choices import DriftChoice
from airflow_provider_directcall.runtime.number_rules.findings import findings_view, refuse_errors
from airflow_provider_directcall.runtime.number_rules.snapshot_finding import given_snapshot, path_or_none
from airflow_provider_directcall.runtime.number_rules.snapshots import SnapshotKeeper
from airflow_provider_directcall.runtime.number_rules.writer import RuleWriter

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from airflow.sdk import Context

    from airflow_provider_directcall.routing.explaining.findings import Finding
    from airflow_provider_directcall.routing.plans.planning import Plan
    from airflow_provider_directcall.routing.writes.applying import Applied
    from airflow_provider_directcall.routing.writes.drift import Drift
    from airflow_provider_directcall.runtime.number_rules.desired import DesiredRules

Result = dict[str, object]


class DirectcallPlanNumberRulesOperator(DesiredRulesOperator):
    """Say what would have to be written so that the rules of a number are the desired ones. Only reads.

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
    ``text`` (for people), ``markdown`` (the same for the body of an ``ApprovalOperator``), ``digest``, which the
    ``expected_digest`` of an apply task takes, and ``findings``: what is surely or maybe wrong with the calendar or the
    rules, each as ``{"severity", "code", "where", "text"}``, errors first. They stand in ``text`` too.

    Each is an XCom of its own too: ``plan.output["digest"]`` (``multiple_outputs``); in a mapped task, where that would
    be those of all its siblings, use ``xcom_pull`` or a mapped task group.

    A wrong argument or calendar fails without a retry and tells all its problems; so does a refusal that will stand.
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
        from airflow_provider_directcall.routing.plans.approvals import approval_digest
        from airflow_provider_directcall.routing.plans.planning import plan_rules

        with failing_without_retry(is_final), DirectcallHook(self.directcall_conn_id) as hook:
            now = self._now()
            desired = self._desired(now)
            findings = desired.findings(now)
            secret = hook.settings.client_secret
            plan = plan_rules(desired.did, hook.list_rules(desired.did), desired.rules, secret=secret)
        self.log.info("%s", _text(plan, findings))
        text = _text(plan, findings, include_numbers=self.include_numbers)
        return {
            **plan.as_json(include_numbers=self.include_numbers),
            "digest": approval_digest(plan, secret),
            "findings": findings_view(findings),
            "text": text,
            "markdown": _markdown(text),
        }


class DirectcallApplyNumberRulesOperator(DesiredRulesOperator):
    """Make the desired rules of a number stand: those of a calendar now, or listed ones. No difference, no write.

    Writing rules is assumed, not documented by Directcall: each write is read back and compared. The order of writing
    keeps callers served. When a write fails, the previous rules are put back, and the error says which rules stand. A
    task that is killed puts nothing back: its retry plans anew from what stands, and a restore task as teardown puts
    the line back for good.

    The rules are checked first. Errors, such as a forward to the number itself, are refused; warnings are logged.

    A snapshot of the rules is taken, encrypted with the client secret, and pushed as the XCom ``snapshot``, also when
    nothing has to be written. Retries keep the one from before the first write (Airflow 3.3; before that only where
    ``snapshot_path`` is given). A user's Clear takes a new one.

    :param calendar: as in :class:`DirectcallPlanNumberRulesOperator`.
    :param rules: as there.
    :param did: as there.
    :param at: as there. Calendar rules know weekdays, no dates; so a moment whose rules have run out is refused, and
        one whose local day is still to come, too.
    :param horizon_days: as there.
    :param emergency: as there.
    :param expected_digest: ``digest`` of the plan that somebody approved. When the live rules or the desired ones are
        not those of that plan any more, nothing is written and the task fails without a retry.
    :param on_drift: what to do where somebody else has changed rules since they were last written from here:
        ``overwrite`` (the desired rules win), ``keep`` (what they changed stays, all else is applied; refused where no
        rule would be left), ``fail``. It is in the log and the result in any case. ``keep`` does not go with
        ``expected_digest``.
    :param snapshot_path: a file in which to keep the snapshot as well, phone numbers in full, readable by its owner
        only. It is written before the first write, so a run that changes nothing writes none.
    :param allow_future: write also rules made for a day to come. They hold from now on, whatever the date: for a line
        on which nobody calls yet.
    :param skip_checks: write also rules in which errors were found; they are logged as warnings then.
    :param include_numbers: show the number in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.

    Gives ``{"did", "state", "changed", "writes", "summary", "digest_before", "drift", "snapshot_path", "findings",
    "warnings"}``: ``state`` is ``desired``; ``drift`` is ``{"known", "unexpected", "missing", "done"}`` with labels
    such as ``rule 18003: fwd, priority 100``; ``snapshot_path`` is None where no file was written; ``findings`` are
    those of a plan.
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
        """Check, read, take the snapshot, plan, look for drift, write."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.planning import plan_rules

        with failing_without_retry(is_final), DirectcallHook(self.directcall_conn_id) as hook:
            now, expected = self._now(), approved_digest(self.expected_digest, is_needed=self._needs_approval)
            on_drift = DriftChoice(self.on_drift, is_approved=expected is not None)
            desired = self._desired(now)
            self._check_moment(desired, now)
            findings = desired.findings(now)
            refuse_errors(findings, skip_checks=arguments.boolean("skip_checks", self.skip_checks))
            did, secret = desired.did, hook.settings.client_secret
            keeper = SnapshotKeeper(self, context, secret=secret, path=path_or_none(self.snapshot_path))
            earlier = keeper.recall(did)
            live = hook.list_rules(did)
            first = earlier or keeper.take(did, live)
            writer = RuleWriter(hook, did)
            drift = writer.drift(live)
            on_drift.tell(drift, did)
            rules = on_drift.rules(desired.rules, live, drift=drift, marks=writer.marks)
            plan = plan_rules(did, live, rules, secret=secret)
            check_approved(plan, expected, first=first, drift=drift, secret=secret)
            self.log.info("%s", plan.as_text())
            with keeper.writing(first) if plan.has_changes else nullcontext():
                applied = self._apply(writer, plan, desired, on_drift.kept(drift))
        return {
            **self._told(plan, applied, drift, on_drift),
            "findings": findings_view(findings),
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
            retry = "begins with what stands" if error.retryable else "would not help"
            self.log.error("State of the rules: %s. A retry %s.", error.state, retry)  # noqa: TRY400 - goes on
            raise

    def _warnings(self, applied: Applied, desired: DesiredRules, now: datetime) -> list[str]:
        day = desired.day_ahead(now)
        ahead = f"the rules are made for {day} and later; what they say of weekdays holds from now on"
        warnings = [*applied.warnings, *([ahead] if day is not None else [])]
        for warning in warnings:
            self.log.warning("%s", warning)
        return warnings

    def _told(self, plan: Plan, applied: Applied, drift: Drift, on_drift: DriftChoice) -> Result:
        from airflow_provider_directcall.routing.writes.drift import labels_of
        from airflow_provider_directcall.telephony.numbers import mask_number

        path = path_or_none(self.snapshot_path) if plan.has_changes else None
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
        }


class DirectcallRestoreNumberRulesOperator(BaseOperator):
    """Put the rules of a number back to how they stood in a snapshot of an apply task. As it stands, no write.

    Made for teardown: ``apply >> work >> restore.as_teardown()`` gives the line back when tasks between fail, and when
    the apply task itself fails half-way or is killed in its last try. The run fails then all the same. Name no
    ``setups`` there: Airflow does not run a teardown when none of its setups has succeeded, which is just when half of
    the rules may stand.

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
            snapshot = given_snapshot(
                self,
                context,
                sealed=self.snapshot,
                task_id=self.snapshot_task_id,
                path=self.snapshot_path,
                secret=hook.settings.client_secret,
            )
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


def _text(plan: Plan, findings: Iterable[Finding], *, include_numbers: bool = False) -> str:
    """The plan for people, and below it what was found."""
    return "\n".join([plan.as_text(include_numbers=include_numbers), *map(str, findings)])


def _markdown(text: str) -> str:
    """The text with its lines kept, and nothing in it taken for Markdown: the stars of masked numbers, for example."""
    lines = (line.strip().replace("`", "'") for line in text.splitlines())
    return "\n".join(f"`{line}`  " if line else "" for line in lines)

"""Checks between the desired rules of a number and the first write: findings, drift, approval."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from airflow_provider_directcall.routing.errors import DirectcallRuleError, DirectcallStalePlanError
from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.explaining.checks import Finding
    from airflow_provider_directcall.routing.plans.planning import Plan
    from airflow_provider_directcall.routing.rules import NumberRule
    from airflow_provider_directcall.routing.writes.drift import Drift, RuleMarks
    from airflow_provider_directcall.routing.writes.snapshots import Snapshot

log = logging.getLogger(__name__)


def reject_errors(findings: Iterable[Finding], *, skip_checks: bool) -> None:
    """Raise on errors, log warnings.

    :param findings: of the rules, or of their calendar.
    :param skip_checks: log the errors too.
    :raises DirectcallRuleError: there are errors.
    """
    from airflow_provider_directcall.routing.explaining.checks import Severity

    findings = tuple(findings)
    errors = [str(finding) for finding in findings if finding.severity is Severity.ERROR]
    if errors and not skip_checks:
        raise DirectcallRuleError(
            "nothing was written, because the rules have errors (skip_checks=True writes them all the same): "
            f"{'; '.join(errors)}"
        )
    for finding in findings:
        log.warning("%s", finding)


def findings_as_json(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return findings for an XCom, each as ``{"severity", "code", "where", "text"}``."""
    return [
        {"severity": str(one.severity), "code": str(one.code), "where": one.where, "text": one.text} for one in findings
    ]


class DriftPolicy:
    """The argument ``on_drift``.

    :param on_drift: ``overwrite``, ``keep`` or ``fail``.
    :param is_approved: whether the task applies an approved plan only.
    :raises ValueError: it is none of them, or does not go with an approved plan.
    """

    def __init__(self, on_drift: object, *, is_approved: bool) -> None:
        from airflow_provider_directcall.routing.writes.drift import OnDrift

        try:
            self._choice = OnDrift(str(on_drift))
        except ValueError:
            raise ValueError(f"on_drift: one of {', '.join(OnDrift)} is needed") from None
        if is_approved and self._choice is OnDrift.KEEP:
            raise ValueError(
                "on_drift, expected_digest: 'keep' would write something else than what was approved; overwrite or "
                "fail is needed"
            )

    def __str__(self) -> str:
        return str(self._choice)

    def kept(self, drift: Drift) -> Drift:
        """Return the part of the drift that is kept."""
        from airflow_provider_directcall.routing.writes.drift import Drift, OnDrift

        return drift if self._choice is OnDrift.KEEP else Drift(drift.known)

    def check(self, drift: Drift, did: str) -> None:
        """Log the drift, or fail on it.

        :raises DirectcallRuleError: there is drift and the policy is ``fail``.
        """
        from airflow_provider_directcall.routing.writes.drift import OnDrift
        from airflow_provider_directcall.telephony.masking import mask_number

        if not drift.known:
            log.info("No earlier state of the rules of number %s is known, so drift cannot be seen.", mask_number(did))
        if not drift:
            return
        if self._choice is OnDrift.FAIL:
            raise DirectcallRuleError(f"{_drift_text(drift, did)}; nothing was written, as on_drift says")
        log.warning("Drift: %s; on_drift is %s.", _drift_text(drift, did), self._choice)

    def merge(
        self, desired: Sequence[NumberRule | Rule], live: Sequence[Rule], *, drift: Drift, marks: RuleMarks
    ) -> Sequence[NumberRule | Rule]:
        """Return the rules to apply: the desired ones, with the drift that is kept.

        :raises DirectcallRuleError: that would leave the number without any rule.
        """
        kept = self.kept(drift)
        if not kept:
            return desired
        rules = marks.keep(kept, desired, live)
        if not rules:
            raise DirectcallRuleError(
                f"{_drift_text(drift, marks.did)}; with that kept, the number would have no rule and answer no call. "
                "Nothing was written"
            )
        return rules


def _drift_text(drift: Drift, did: str) -> str:
    from airflow_provider_directcall.telephony.masking import mask_number

    return f"the rules of number {mask_number(did)} were changed elsewhere ({drift})"


def approved_digest(value: str | None, *, is_needed: bool) -> str | None:
    """Return the digest of the approved plan, or None where no approval is needed.

    :param is_needed: whether the DAG asks for an approval. The value alone does not show it: Airflow gives None for an
        XCom that does not exist.
    :raises ValueError: a template or an XCom gave none.
    """
    if not is_needed:
        return None
    digest = arguments.optional_text(value) if value is not None else None
    if digest is None:
        raise ValueError("expected_digest: it is empty; the digest of the approved plan is needed")
    return digest


def check_approved(plan: Plan, expected: str | None, *, first: Snapshot, drift: Drift, secret: str) -> None:
    """Reject a plan that is not the approved one.

    A retry may finish the plan approved for the rules of the first try, but only where surely nothing else has changed
    them since.

    :param expected: digest of the approved plan; None where no approval is needed.
    :param first: the rules before the first write of this task in this run.
    :param drift: changes made elsewhere since the last write from Airflow.
    :param secret: the connection's client secret.
    :raises DirectcallStalePlanError: it is another plan.
    """
    from airflow_provider_directcall.routing.plans.digests import approval_digest
    from airflow_provider_directcall.routing.plans.planning import plan_rules
    from airflow_provider_directcall.telephony.masking import mask_number

    if expected is None or approval_digest(plan, secret) == expected:
        return
    if drift.known and not drift:
        finished = plan_rules(plan.did, first.rules, plan.desired, secret=secret)
        if approval_digest(finished, secret) == expected:
            return
    raise DirectcallStalePlanError(
        f"the plan for number {mask_number(plan.did)} is not the approved one: its live or desired rules have changed "
        "since, or it is not known who changed them. Nothing was written. Plan again, and have that plan approved. It "
        f"would be: {plan.summary()}"
    )

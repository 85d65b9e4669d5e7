"""Whether what a task is about to write is what somebody approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_directcall.routing.errors import DirectcallStalePlanError
from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.plans.planning import Plan
    from airflow_provider_directcall.routing.writes.drift import Drift
    from airflow_provider_directcall.routing.writes.snapshots import Snapshot


def approved_digest(value: str | None, *, is_needed: bool) -> str | None:
    """The digest of the approved plan, or None where nobody has to approve anything.

    :param is_needed: whether the DAG's author has asked for an approval. The value alone does not say so: Airflow
        gives None for an XCom that is not there.
    :raises ValueError: a template or an XCom gave none.
    """
    if not is_needed:
        return None
    digest = arguments.optional_text(value) if value is not None else None
    if digest is None:
        raise ValueError("expected_digest: it is empty; the digest of the approved plan is needed")
    return digest


def check_approved(plan: Plan, expected: str | None, *, first: Snapshot, drift: Drift, secret: str) -> None:
    """Refuse to write what nobody approved.

    A retry finishes what was approved for the rules of the first try, but only where it is known that nobody else has
    changed them since.

    :param expected: digest of the approved plan; None where nobody has to approve anything.
    :param first: the rules as they stood before the first write of the run's task.
    :param drift: what somebody else has changed since the rules were last written from here.
    :param secret: the connection's client secret.
    :raises DirectcallStalePlanError: it is another plan.
    """
    from airflow_provider_directcall.routing.plans.approvals import approval_digest
    from airflow_provider_directcall.routing.plans.planning import plan_rules
    from airflow_provider_directcall.telephony.numbers import mask_number

    if expected is None or approval_digest(plan, secret) == expected:
        return
    if drift.known and not drift:
        finished = plan_rules(plan.did, first.rules, plan.desired, secret=secret)
        if approval_digest(finished, secret) == expected:
            return
    raise DirectcallStalePlanError(
        f"the plan for number {mask_number(plan.did)} is not the one that was approved: its rules, or those that shall "
        "stand, have changed since, or it is not known who has changed them. Nothing was written. Plan again, and have "
        f"that approved. It would be: {plan.summary()}"
    )

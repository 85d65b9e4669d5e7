"""What a task does where somebody else has changed the rules of a number."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_directcall.routing.errors import DirectcallRuleError

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.rules import NumberRule
    from airflow_provider_directcall.routing.writes.drift import Drift, RuleMarks

log = logging.getLogger(__name__)


class DriftChoice:
    """Who wins.

    :param on_drift: ``overwrite``, ``keep`` or ``fail``.
    :param is_approved: whether the task writes an approved plan only.
    :raises ValueError: it is none of them, or it does not go with an approved plan.
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
        """The part of the drift that is left as it is."""
        from airflow_provider_directcall.routing.writes.drift import Drift, OnDrift

        return drift if self._choice is OnDrift.KEEP else Drift(drift.known)

    def tell(self, drift: Drift, did: str) -> None:
        """Say in the log what somebody else changed.

        :raises DirectcallRuleError: they changed something, and that has to fail the task.
        """
        from airflow_provider_directcall.routing.writes.drift import OnDrift
        from airflow_provider_directcall.telephony.numbers import mask_number

        if not drift.known:
            log.info("What was left of the rules of number %s is not known yet.", mask_number(did))
        if not drift:
            return
        if self._choice is OnDrift.FAIL:
            raise DirectcallRuleError(f"{_told(drift, did)}; nothing was written, as on_drift says")
        log.warning("Drift: %s; on_drift is %s.", _told(drift, did), self._choice)

    def rules(
        self, desired: Sequence[NumberRule | Rule], live: Sequence[Rule], *, drift: Drift, marks: RuleMarks
    ) -> Sequence[NumberRule | Rule]:
        """The rules to make stand: the desired ones, with what somebody else changed where that is to be kept.

        :raises DirectcallRuleError: that would leave the number without any rule.
        """
        kept = self.kept(drift)
        if not kept:
            return desired
        rules = marks.keeping(kept, desired, live)
        if not rules:
            raise DirectcallRuleError(
                f"{_told(drift, marks.did)}; with that kept, the number would have no rule, and nobody would be "
                "answered. Nothing was written"
            )
        return rules


def _told(drift: Drift, did: str) -> str:
    from airflow_provider_directcall.telephony.numbers import mask_number

    return f"somebody else has changed the rules of number {mask_number(did)} ({drift})"

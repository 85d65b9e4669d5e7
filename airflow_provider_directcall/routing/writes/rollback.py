"""Rollback after a failed write: restore the previous rules, keep the changes of others, report the live rules."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.redaction import redact
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import (
    DirectcallApplyError,
    DirectcallRuleError,
    DirectcallUnconfirmedWriteError,
    RulesState,
)
from airflow_provider_directcall.routing.plans.coverage import unserved
from airflow_provider_directcall.routing.plans.pairing import DesiredRule, rules_match
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.routing.writes.evidence import ForeignChanges
from airflow_provider_directcall.routing.writes.write import WriteSession, masked_rules
from airflow_provider_directcall.telephony.masking import mask_number

#: Seconds before each try to restore the rules.
_PAUSES: Final = (0.0, 2.0, 5.0)
#: Most times without a rule that an error names.
_MOST_NAMED: Final = 5
_STATE_TEXTS: Final[dict[RulesState, str]] = {
    "previous": "The previous rules are live",
    "desired": "The desired rules are live",
    "mixed": "Neither the previous nor the desired rules are live",
}
_UNREADABLE: Final = "The live rules could not be read (state: mixed)"
_UNCONFIRMED: Final = "The live rules are not known: a write was accepted and is not shown (state: mixed)"

log = logging.getLogger(__name__)


class Rollback:
    """Restores the rules from before a failed session.

    :param previous: the live rules before the session.
    :param desired: the rules that the session was to apply.
    """

    def __init__(
        self,
        session: WriteSession,
        previous: Sequence[Rule],
        desired: Sequence[NumberRule | Rule],
        secret: str,
    ) -> None:
        self._session, self._previous, self._desired, self._secret = session, previous, desired, secret
        self._others = ForeignChanges()
        self._target: Sequence[Rule] | None = None
        self._failures: list[str] = []
        self._proven = 0

    def run(self, cause: Exception) -> DirectcallApplyError | None:
        """Restore the previous rules; return the error to raise, or None when the desired rules are live after all.

        Rules that others added or changed stay. Rules that they removed stay removed, unless that would leave calls
        without a rule that had one before: an unattended line is worse than a superfluous rule. A write that was
        accepted and reads back differently ends the rollback: another one would be a guess.
        """
        for pause in _PAUSES[:1] if self._session.is_untouched else _PAUSES:
            if pause:
                self._session.sleep(pause)
            try:
                self._restore()
            except Exception as error:  # noqa: BLE001  # whatever went wrong, the live rules have to be reported
                log.warning("Number %s: rollback: %s", mask_number(self._session.did), _error_text(error))
                self._failures.append(_error_text(error))
                if isinstance(error, DirectcallRuleError) and not error.retryable:
                    break
            else:
                break
        return self._result(cause)

    def _restore(self) -> None:
        session = self._session
        now = session.read()
        if self._target is None:
            self._others = session.foreign_changes(now)
            self._target = now if self._is_applied(now) else self._previous_with_others(now)
        plan = plan_rules(session.did, now, self._target, secret=self._secret, allow_empty=True)
        restoring = WriteSession(session.api, session.did, now, session.sleep)
        try:
            restoring.run(plan.changes)
        finally:
            self._proven += restoring.done

    def _is_applied(self, now: Sequence[Rule]) -> bool:
        return not self._others and rules_match(now, self._desired)

    def _previous_with_others(self, now: Sequence[Rule]) -> list[Rule]:
        theirs = {*self._others.added, *self._others.changed}
        kept = [rule for rule in self._previous if rule.rule_id not in theirs]
        added = [rule for rule in now if rule.rule_id in theirs]
        without_removed = [rule for rule in kept if rule.rule_id not in self._others.removed]
        lost = unserved([*without_removed, *added], self._previous, self._desired_rules())
        return [*(kept if lost else without_removed), *added]

    def _desired_rules(self) -> list[Rule]:
        return [DesiredRule.of(rule).rule for rule in self._desired]

    def _result(self, cause: Exception) -> DirectcallApplyError | None:
        try:
            now = self._session.read()
        except Exception as error:  # noqa: BLE001  # as above
            self._failures.append(_error_text(error))
            state: RulesState = "previous" if self._session.is_untouched else "mixed"
            return self._error(cause, state, self._session.live, "" if state == "previous" else _UNREADABLE)
        if self._is_applied(now):
            self._session.live = now
            return None
        if self._is_unconfirmed(cause):
            return self._error(cause, "mixed", now, _UNCONFIRMED)
        return self._error(cause, self._state(now), now)

    def _is_unconfirmed(self, cause: Exception) -> bool:
        """Return whether a write was accepted that the rules do not show, and no later write proves the reads."""
        return isinstance(cause, DirectcallUnconfirmedWriteError) and not self._proven

    def _state(self, now: Sequence[Rule]) -> RulesState:
        if self._target is not None and rules_match(now, self._target):
            return "previous"
        without_added = [rule for rule in now if rule.rule_id not in self._others.added]
        return "desired" if rules_match(without_added, self._desired) else "mixed"

    def _error(
        self, cause: Exception, state: RulesState, now: Sequence[Rule], unknown: str = ""
    ) -> DirectcallApplyError:
        """Return the error to raise.

        :param unknown: why the live rules are not known; empty when they are.
        """
        gaps = None if unknown else tuple(unserved(now, self._previous, self._desired_rules()))
        parts = [
            f"The rules of number {mask_number(self._session.did)} could not be applied",
            unknown or self._state_text(state),
            _coverage_text(gaps, now),
            f"{'Live rules at the last read' if unknown else 'Live rules'}: {masked_rules(now)}",
            *([f"Others changed rules meanwhile: {self._others}"] if self._others else []),
            f"Cause: {_error_text(cause)}",
            *([f"The rollback failed: {self._failures[-1]}"] if self._failures else []),
        ]
        again = state != "previous" or getattr(cause, "retryable", False)
        is_final = self._is_unconfirmed(cause)
        return DirectcallApplyError(". ".join(parts), state=state, unserved=gaps, retryable=again and not is_final)

    def _state_text(self, state: RulesState) -> str:
        besides = ", besides the changes of others" if self._others and state != "mixed" else ""
        return f"{_STATE_TEXTS[state]}{besides} (state: {state})"


def _error_text(cause: Exception) -> str:
    """Return the text of an error, redacted when it is not ours and may contain anything."""
    return str(cause) if isinstance(cause, DirectcallError) else redact(f"{type(cause).__name__}: {cause}")


def _coverage_text(gaps: Sequence[str] | None, now: Sequence[Rule]) -> str:
    if gaps is None:
        return "Whether a rule applies to every call is unknown"
    if gaps:
        more = f" and {len(gaps) - _MOST_NAMED} more" if len(gaps) > _MOST_NAMED else ""
        return f"No rule applies to calls on {'; '.join(gaps[:_MOST_NAMED])}{more}"
    if not now:
        return "The number has no rule, neither before nor now"
    return "A rule applies to every call that both the previous and the desired rules serve"

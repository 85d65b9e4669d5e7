"""After a failure: the previous rules are put back, what others wrote is left alone, and it is said what stands."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.api.redaction import redact
from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.routing.errors import DirectcallApplyError, State
from airflow_provider_directcall.routing.plans.coverage import unserved
from airflow_provider_directcall.routing.plans.pairing import Wanted, stands_exactly
from airflow_provider_directcall.routing.plans.planning import plan_rules
from airflow_provider_directcall.routing.rules import NumberRule
from airflow_provider_directcall.routing.writes.sessions import OthersWrites, WritingSession
from airflow_provider_directcall.routing.writes.write import shown
from airflow_provider_directcall.telephony.numbers import mask_number

#: Seconds before each try to put the rules back.
_PAUSES: Final = (0.0, 2.0, 5.0)
#: Times without a rule that an error names at most.
_MOST_NAMED: Final = 5
_STANDING: Final[dict[State, str]] = {
    "previous": "The previous rules stand",
    "desired": "The wanted rules stand",
    "mixed": "Neither the previous nor the wanted rules stand",
}

log = logging.getLogger(__name__)


class Undoing:
    """Puts back the rules that stood before a session that failed.

    :param previous: the rules as they stood before the session.
    :param desired: what the session was to make stand.
    """

    def __init__(
        self,
        session: WritingSession,
        previous: Sequence[Rule],
        desired: Sequence[NumberRule | Rule],
        secret: str,
    ) -> None:
        self._session, self._previous, self._desired, self._secret = session, previous, desired, secret
        self._others = OthersWrites()
        self._target: Sequence[Rule] | None = None
        self._trouble: list[str] = []

    def undo(self, cause: Exception) -> DirectcallApplyError | None:
        """Put the previous rules back; gives the error to raise, or None when all stands as wanted after all.

        What somebody else added or changed stays. What they removed stays removed, unless callers would be left with
        no rule who had one before: an unattended line is worse than a rule too many.
        """
        for pause in _PAUSES[:1] if self._session.is_untouched else _PAUSES:
            if pause:
                self._session.sleep(pause)
            try:
                self._put_back()
            except Exception as error:  # noqa: BLE001  # whatever went wrong, it has to be told which rules stand
                log.warning("Number %s: putting the rules back: %s", mask_number(self._session.did), _said(error))
                self._trouble.append(_said(error))
            else:
                break
        return self._verdict(cause)

    def _put_back(self) -> None:
        session = self._session
        now = session.read()
        if self._target is None:
            self._others = session.others_writes(now)
            self._target = now if self._stands_as_wanted(now) else self._previous_with_others(now)
        plan = plan_rules(session.did, now, self._target, secret=self._secret, allow_empty=True)
        undoing = WritingSession(session.api, session.did, now, session.sleep)
        undoing.run(plan.changes)

    def _stands_as_wanted(self, now: Sequence[Rule]) -> bool:
        return not self._others and stands_exactly(now, self._desired)

    def _previous_with_others(self, now: Sequence[Rule]) -> list[Rule]:
        theirs = {*self._others.added, *self._others.changed}
        kept = [rule for rule in self._previous if rule.rule_id not in theirs]
        added = [rule for rule in now if rule.rule_id in theirs]
        without_removed = [rule for rule in kept if rule.rule_id not in self._others.removed]
        lost = unserved([*without_removed, *added], self._previous, self._wanted_rules())
        return [*(kept if lost else without_removed), *added]

    def _wanted_rules(self) -> list[Rule]:
        return [Wanted.of(rule).rule for rule in self._desired]

    def _verdict(self, cause: Exception) -> DirectcallApplyError | None:
        try:
            now = self._session.read()
        except Exception as error:  # noqa: BLE001  # as above
            self._trouble.append(_said(error))
            state: State = "previous" if self._session.is_untouched else "mixed"
            return self._error(cause, state, self._session.live, read=False)
        if self._stands_as_wanted(now):
            self._session.live = now
            return None
        return self._error(cause, self._state(now), now, read=True)

    def _state(self, now: Sequence[Rule]) -> State:
        if self._target is not None and stands_exactly(now, self._target):
            return "previous"
        without_added = [rule for rule in now if rule.rule_id not in self._others.added]
        return "desired" if stands_exactly(without_added, self._desired) else "mixed"

    def _error(self, cause: Exception, state: State, now: Sequence[Rule], *, read: bool) -> DirectcallApplyError:
        known = read or state == "previous"
        gaps = tuple(unserved(now, self._previous, self._wanted_rules())) if known else None
        parts = [
            f"The rules of number {mask_number(self._session.did)} could not be applied",
            self._what_stands(state, known=known),
            _coverage(gaps, now),
            f"{'Rules now' if known else 'Rules when they were last read'}: {shown(now)}",
            *([f"Somebody else wrote meanwhile: {self._others}"] if self._others else []),
            f"What failed: {_said(cause)}",
            *([f"Trouble in putting the rules back: {self._trouble[-1]}"] if self._trouble else []),
        ]
        again = state != "previous" or getattr(cause, "retryable", False)
        return DirectcallApplyError(". ".join(parts), state=state, unserved=gaps, retryable=again)

    def _what_stands(self, state: State, *, known: bool) -> str:
        if not known:
            return "What stands could not be read"
        besides = ", besides what somebody else wrote" if self._others and state != "mixed" else ""
        return f"{_STANDING[state]}{besides} (state: {state})"


def _said(cause: Exception) -> str:
    """The words of an error; those that are not ours may hold anything."""
    return str(cause) if isinstance(cause, DirectcallError) else redact(f"{type(cause).__name__}: {cause}")


def _coverage(gaps: Sequence[str] | None, now: Sequence[Rule]) -> str:
    if gaps is None:
        return "Whether every caller finds a rule is not known"
    if gaps:
        more = f" and {len(gaps) - _MOST_NAMED} more" if len(gaps) > _MOST_NAMED else ""
        return f"No rule holds for calls of {'; '.join(gaps[:_MOST_NAMED])}{more}"
    if not now:
        return "The number has no rule, before and now"
    return "Every caller finds a rule whom both the previous and the wanted rules serve"

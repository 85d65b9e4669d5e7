"""What triggers tell their tasks. Events are kept and logged in clear, so they hold ids, words and times only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from airflow_provider_directcall.delivery.reconciling import Verdict, VerdictKind
from airflow_provider_directcall.errors import DirectcallUnexpectedEvent, DirectcallWaitFailed

#: Payload of a trigger's event.
Event = dict[str, "str | int"]

DONE: Final = "done"
FOUND: Final = "found"
REFUSED: Final = "refused"
TIMEOUT: Final = "timeout"
ERROR: Final = "error"
SETTLED: Final = "settled"


def status_of(event: object, expected: Collection[str]) -> str:
    """The status of an event that a task was resumed with.

    :param event: the event's payload; anything, since another version of the package may have written it.
    :param expected: the words that the task knows.
    :raises DirectcallWaitFailed: the trigger reports that it could not go on.
    :raises DirectcallUnexpectedEvent: no such word is expected.
    """
    status = event.get("status") if isinstance(event, Mapping) else None
    if isinstance(event, Mapping) and status == ERROR:
        raise DirectcallWaitFailed(f"the trigger could not go on: {event.get('error') or 'it does not say why'}")
    if not isinstance(status, str) or status not in expected:
        raise DirectcallUnexpectedEvent(
            f"the trigger's event has the status {status!r}; known here are {', '.join(sorted(expected))}"
        )
    return status


def verdict_event(verdict: Verdict) -> Event:
    """What a trigger tells when it is known, or known to be unknowable, what became of a request."""
    told: Event = {"status": SETTLED, "verdict": verdict.kind.value, **verdict.ids}
    if verdict.kind is VerdictKind.UNKNOWN:
        told |= {"reason": verdict.reason, "may_pass": int(verdict.may_pass), "is_too_early": int(verdict.is_too_early)}
    return told


def verdict_in(event: object, ids: Collection[str]) -> Verdict:
    """The verdict of a trigger's event.

    :param ids: names that ids can have.
    :raises DirectcallWaitFailed: the trigger reports that it could not go on.
    :raises DirectcallUnexpectedEvent: it is no such event.
    """
    status_of(event, {SETTLED})
    told = event if isinstance(event, Mapping) else {}
    try:
        kind = VerdictKind(str(told.get("verdict")))
    except ValueError:
        raise DirectcallUnexpectedEvent("the trigger's event has a verdict that is not known here") from None
    return Verdict(
        kind,
        ids={name: str(told[name]) for name in ids if name in told},
        reason=str(told.get("reason") or ""),
        may_pass=bool(told.get("may_pass")),
        is_too_early=bool(told.get("is_too_early")),
    )

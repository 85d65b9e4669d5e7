"""Events of triggers. Airflow stores and logs them in clear, so they hold ids, states and times only."""

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
    """Return the status of an event.

    :param event: the event's payload; anything, since another version of the package may have written it.
    :param expected: the statuses that the task knows.
    :raises DirectcallWaitFailed: the trigger reports that it could not go on.
    :raises DirectcallUnexpectedEvent: the status is not expected.
    """
    status = event.get("status") if isinstance(event, Mapping) else None
    if isinstance(event, Mapping) and status == ERROR:
        raise DirectcallWaitFailed(f"the trigger could not go on: {event.get('error') or 'no reason given'}")
    if not isinstance(status, str) or status not in expected:
        raise DirectcallUnexpectedEvent(
            f"the trigger's event has the status {status!r}; known here are {', '.join(sorted(expected))}"
        )
    return status


def verdict_event(verdict: Verdict) -> Event:
    """Return the event of a finished reconciliation."""
    event: Event = {"status": SETTLED, "verdict": verdict.kind.value, **verdict.ids}
    if verdict.kind is VerdictKind.FOUND:
        event |= {"key": verdict.key} if verdict.key else {}
        event |= {"was_there": 1} if verdict.was_there else {}
    if verdict.kind is VerdictKind.UNKNOWN:
        # The names of 0.1.0, which may run on one of two machines during an upgrade.
        event |= {
            "reason": verdict.reason,
            "may_pass": int(verdict.retryable),
            "is_too_early": int(verdict.forbids_send or verdict.seen),
            "seen": int(verdict.seen),
        }
    return event


def verdict_in(event: object, ids: Collection[str]) -> Verdict:
    """Read the verdict of a trigger's event.

    :param ids: names of ids.
    :raises DirectcallWaitFailed: the trigger reports that it could not go on.
    :raises DirectcallUnexpectedEvent: it is no such event.
    """
    status_of(event, {SETTLED})
    fields = event if isinstance(event, Mapping) else {}
    try:
        kind = VerdictKind(str(fields.get("verdict")))
    except ValueError:
        raise DirectcallUnexpectedEvent("the trigger's event has a verdict that is not known here") from None
    return Verdict(
        kind,
        ids={name: str(fields[name]) for name in ids if name in fields},
        reason=str(fields.get("reason") or ""),
        retryable=bool(fields.get("may_pass")),
        forbids_send=bool(fields.get("is_too_early")),
        seen=bool(fields.get("seen")),
        key=str(fields.get("key") or ""),
        was_there=bool(fields.get("was_there")),
    )

"""What triggers tell their tasks. Events are kept and logged in clear, so they hold ids, words and times only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from airflow_provider_directcall.errors import DirectcallUnexpectedEvent, DirectcallWaitFailed

#: Payload of a trigger's event.
Event = dict[str, "str | int"]

DONE: Final = "done"
FOUND: Final = "found"
REFUSED: Final = "refused"
TIMEOUT: Final = "timeout"
ERROR: Final = "error"


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

"""The base of all triggers: arguments, one event, and a polling loop for those that do not share one."""

from __future__ import annotations

import asyncio
import inspect
from abc import abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.polling import (
    DEFAULT_MAX_CONSECUTIVE_FAILURES,
    DEFAULT_POLL_INTERVAL,
    PollPace,
)
from airflow_provider_directcall.runtime.task_states import ENDED, state_of
from airflow_provider_directcall.triggers.events import ERROR, TIMEOUT, Event

if TYPE_CHECKING:
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook
    from airflow_provider_directcall.triggers.feeds import SharedConnection


#: Pause before the first poll, at least. The task has just looked by itself; and Airflow (up to 3.3.2 at least) fails
#: a deferred task that is resumed before its scheduler has seen the deferral: apache/airflow#72716.
FIRST_PAUSE_SECONDS = 5.0


#: An event loop keeps no strong reference to its tasks.
_UNDER_WAY: set[asyncio.Future[None]] = set()


class PollingArguments(TypedDict, total=False):
    """Arguments of every :class:`WaitingTrigger`."""

    directcall_conn_id: str
    poll_interval: float
    deadline: str | None
    max_consecutive_failures: int


class WaitingTrigger(BaseTrigger):
    """Waits until there is an event: it has come, the deadline has, or too many polls failed.

    A subclass keeps every argument of its constructor as an attribute of the same name, holding JSON values only, and
    passes on those that it does not name: :meth:`serialize` reads them by the signatures, so that none is forgotten.

    :param directcall_conn_id: id of the connection; its credentials are looked up where the trigger runs, once.
    :param poll_interval: seconds between two polls, give or take a tenth.
    :param deadline: ISO text with a zone; after it the event is ``{"status": "timeout"}``. None waits without end.
    :param max_consecutive_failures: this many failed polls in a row end the wait with an event that says so.
    """

    #: Aware; there is no event before it. For subclasses that know such a time.
    due_at: datetime | None = None

    def __init__(
        self,
        *,
        directcall_conn_id: str = "directcall_default",
        poll_interval: float = DEFAULT_POLL_INTERVAL,
        deadline: str | None = None,
        max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow does not annotate it
        self.directcall_conn_id = directcall_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.max_consecutive_failures = max_consecutive_failures

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and every argument of the constructor."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {name: getattr(self, name) for name in argument_names(kind)}

    def __repr__(self) -> str:
        """Return the class and its ids; the arguments may hold numbers and tags."""
        ids = ", ".join(f"{name}={value!r}" for name, value in self.about().items())
        return f"<{type(self).__name__} {ids}>"

    @abstractmethod
    def about(self) -> Event:
        """Return the ids and times for every event and for ``repr``: no numbers, tags or texts."""

    @abstractmethod
    async def wait(self, shared: SharedConnection) -> Event:
        """Wait for the event's own part: ``status`` and its data.

        :param shared: shared by the triggers of this event loop.
        """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event, at the end of the wait."""
        event = await self._first_event()
        yield TriggerEvent({**event, **self.about()})  # type: ignore[no-untyped-call]  # Airflow does not annotate it

    async def finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Run to the end, although Airflow may cancel the trigger once more meanwhile."""
        task = asyncio.ensure_future(work)
        _UNDER_WAY.add(task)
        task.add_done_callback(_UNDER_WAY.discard)
        await asyncio.shield(task)

    async def was_cleared(self) -> bool:
        """Whether the user has cleared the task, so that its next try goes on waiting for the same delivery.

        When Airflow does not answer, the task counts as ended.
        """
        if self.task_instance is None:
            return False
        from asgiref.sync import sync_to_async

        try:
            state = await sync_to_async(state_of)(self.task_instance)
        except LookupError as error:
            self.log.warning("%r: whether the task was cleared is unknown: %s", self, error)
            return False
        return state not in ENDED

    def pace(self) -> PollPace:
        """Return a new pace of this trigger."""
        return PollPace(
            interval=self.poll_interval,
            max_consecutive_failures=self.max_consecutive_failures,
            deadline=datetime.fromisoformat(self.deadline) if self.deadline is not None else None,
            due_at=self.due_at,
        )

    def ready_at(self) -> datetime:
        """Return the moment before which there is no event: the task has just looked, see ``FIRST_PAUSE_SECONDS``."""
        ready_at = current_clock().now() + timedelta(seconds=FIRST_PAUSE_SECONDS)
        return min(ready_at, datetime.fromisoformat(self.deadline)) if self.deadline is not None else ready_at

    async def _first_event(self) -> Event:
        from airflow_provider_directcall.triggers.feeds import shared_connection

        try:
            async with shared_connection(self.directcall_conn_id) as shared:
                return await self.wait(shared)
        except (DirectcallError, ValueError) as error:
            return {"status": ERROR, "error": str(error)}
        except Exception as error:  # noqa: BLE001 - raised, it would be stored and logged with a traceback, uncleaned
            from airflow_provider_directcall.api.redaction import redact

            return {"status": ERROR, "error": redact(f"{type(error).__name__}: {error}")}


class PollingTrigger(WaitingTrigger):
    """Polls Directcall at its own pace."""

    @abstractmethod
    async def poll(self, hook: DirectcallAsyncHook) -> Event | None:
        """Ask once.

        :returns: the event's own part (``status`` and its data), or None when there is none yet.
        :raises DirectcallError: the request failed; the loop decides whether to ask again.
        """

    async def wait(self, shared: SharedConnection) -> Event:
        """Poll until there is an event."""
        clock, pace = current_clock(), self.pace()
        await clock.sleep_async(pace.pause(clock.now(), at_least=FIRST_PAUSE_SECONDS))
        while True:
            try:
                event = await self.poll(shared.hook)
            except DirectcallError as error:
                pace.failed(error)
                self.log.warning("%r: %s; it will be asked again", self, error)
            else:
                if event is not None:
                    return event
                pace.succeeded()
            now = clock.now()
            if pace.is_over(now):
                return {"status": TIMEOUT}
            await clock.sleep_async(pace.pause(now))


def argument_names(kind: type[BaseTrigger]) -> Iterator[str]:
    """Yield the arguments of a trigger's constructor, and of its parents' as long as each passes them on."""
    for base in kind.__mro__:
        if "__init__" not in vars(base):
            continue
        _, *parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
        yield from (each.name for each in parameters if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD})
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            return

"""The trigger of every delivery: finds out its outcome, or waits for its end, without a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Unpack

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.delivery.errand import End, Pending
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Reconciliation
from airflow_provider_directcall.delivery.record import Record
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.triggers.events import DONE, REFUSED, TIMEOUT, Event, verdict_event
from airflow_provider_directcall.triggers.polling import PollingArguments, PollingTrigger

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.delivery.calls import CallErrand
    from airflow_provider_directcall.delivery.messages import MessageErrand
    from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook
    from airflow_provider_directcall.triggers.feeds import SharedConnection


class Stage(StrEnum):
    """The part of a delivery that is waited for."""

    RECONCILE = "reconcile"
    END = "end"


class DeliveryTrigger(PollingTrigger):
    """Fires when the outcome of a request is known or stays unknown (``reconcile``), or when it has ended (``end``).

    The event of ``reconcile`` is ``{"status": "settled", "verdict": "found" | "absent" | "unknown"}`` with the ids of
    the request, or the reason. The event of ``end`` is ``{"status": "done"}``, or ``{"status": "refused"}`` for a
    scheduled call that was refused when it was due. The rows hold numbers, so the task reads them again.

    When a user ends the waiting task (Airflow 3.3 and later), a call is hung up and a scheduled message cancelled.

    :param errand: JSON of the errand: numbers and times.
    :param record: JSON of the delivery's record.
    :param stage: ``reconcile`` or ``end``.
    :param settle_seconds: how late a row of the statement may appear (``reconcile``).
    :param longest_seconds: how long to wait for the end of a call in progress (``reconcile``).

    Further parameters as in :class:`~.polling.PollingTrigger`.
    """

    def __init__(
        self,
        *,
        errand: Mapping[str, object],
        record: Mapping[str, object],
        stage: str,
        settle_seconds: float = 0.0,
        longest_seconds: float = 0.0,
        **polling: Unpack[PollingArguments],
    ) -> None:
        super().__init__(**polling)
        self.errand = dict(errand)
        self.record = dict(record)
        self.stage = stage
        self.settle_seconds = settle_seconds
        self.longest_seconds = longest_seconds
        self._stage = Stage(stage)
        self._record = Record.from_json(record)
        self._state = ""
        self._reconciliation: Reconciliation | None = None

    @property
    def due_at(self) -> datetime | None:  # type: ignore[override]  # read-only here
        """When a scheduled delivery is due: it cannot end before. A lost request may have left at once."""
        return self._errand.due_at if self._stage is Stage.END else None

    def about(self) -> Event:
        """Return the request's key and ids, the deadline, and the state seen last."""
        ids = {"airflow_key": self._record.key, **self._record.ids, "deadline": self.deadline, "state": self._state}
        return {name: value for name, value in ids.items() if value}

    async def wait(self, shared: SharedConnection) -> Event:
        """Wait in the feed of calls for one with an id; all else has questions of its own."""
        if self._stage is Stage.RECONCILE or self.errand.get("kind") != "call" or "callerid" not in self._record.ids:
            return await super().wait(shared)
        from airflow_provider_directcall.statement.feed_sources import calls
        from airflow_provider_directcall.triggers.call_ends import CallEnd
        from airflow_provider_directcall.triggers.feeds import wait_in_feed

        end = CallEnd(self._errand, self._record)
        found = await wait_in_feed(shared, calls(), end, self.pace(), self.ready_at())
        return self._ended(found) if found is not None else {"status": TIMEOUT}

    async def poll(self, hook: DirectcallAsyncHook) -> Event | None:
        """Look once."""
        client = await hook.client()
        return await (self._poll_end(client) if self._stage is Stage.END else self._reconcile(client))

    async def on_kill(self) -> None:
        """Stop it, unless the task was cleared and will go on with it; that it is over already is fine."""
        await self.finish(self._stop())

    async def _reconcile(self, client: AsyncClient) -> Event | None:
        if self._reconciliation is None:
            timeouts = ReconcileTimeouts(
                settle_seconds=self.settle_seconds,
                longest_seconds=self.longest_seconds,
                poll_interval=self.poll_interval,
            )
            self._reconciliation = Reconciliation(current_clock().now(), timeouts, self._errand.due_at)
        verdict = await client.run(self._reconciliation.look(self._errand, self._record, current_clock()))
        return verdict_event(verdict) if verdict is not None else None

    async def _poll_end(self, client: AsyncClient) -> Event | None:
        end = await client.run(self._errand.end(self._record, current_clock().now()))
        if isinstance(end, Pending):
            self._record = self._record.with_ids(end.ids)
            self._state = end.state or self._state
            return None
        return self._ended(end)

    def _ended(self, end: End) -> Event:
        self._state = end.outcome or ""
        return {"status": DONE if end.refusal is None else REFUSED}

    async def _stop(self) -> None:
        request = self._errand.stop(self._record.ids)
        if request is None:
            self.log.warning("%r: Directcall has no way to stop it now", self)
            return
        if await self.was_cleared():
            self.log.info("%r goes on: the cleared task will wait for it", self)
            return
        from airflow_provider_directcall.triggers.feeds import shared_connection

        try:
            async with shared_connection(self.directcall_conn_id) as shared:
                await (await shared.hook.client()).send(request)
        except (DirectcallError, ValueError) as error:
            self.log.warning("%r was not stopped: %s", self, error)
        else:
            self.log.info("%r was stopped by %s", self, request.endpoint_name)

    @property
    def _errand(self) -> CallErrand | MessageErrand:
        from airflow_provider_directcall.delivery.calls import CallErrand
        from airflow_provider_directcall.delivery.messages import MessageErrand

        kind = CallErrand if self.errand.get("kind") == CallErrand.kind else MessageErrand
        return kind.from_json(self.errand)

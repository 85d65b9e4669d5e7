"""Kills: when they may act, and how they stop a delivery."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.runtime.task_states import ENDED, RUNNING

if TYPE_CHECKING:
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.delivery.errand import Errand
    from airflow_provider_directcall.runtime.delivery_log import DeliveryLog

log = logging.getLogger(__name__)

#: Airflow kills a task for good 5 seconds after it has asked it to stop, or 60 seconds after (3.4).
_SECONDS_TO_STOP: Final = 4


class KillGuard:
    """Stops a delivery when a user ends its task, and only while the task rests, with no request under way.

    ``on_kill`` may run in a signal handler, at any line of the task. A task that Airflow will run again goes on with
    its delivery.
    """

    def __init__(self) -> None:
        self._delivery: tuple[Errand, DeliveryLog, Settings] | None = None
        self._resting = False
        self._asked = False
        self._live: Record | None = None
        self._stopped_key: str | None = None

    @contextmanager
    def guarding(self, errand: Errand, delivery_log: DeliveryLog, settings: Settings) -> Iterator[None]:
        """Guard the delivery of one try. A kill that came earlier counts."""
        self._delivery = (errand, delivery_log, settings)
        try:
            yield
        finally:
            self._delivery, self._asked, self._live, self._stopped_key = None, False, None, None

    def watch(self, record: Record | None) -> None:
        """Let a kill stop this delivery from now on, once; None for one that is over, or that is not waited for."""
        is_stopped = record is not None and record.key == self._stopped_key
        self._live = None if is_stopped else record

    def on_kill(self) -> None:
        """Stop the delivery, now or at the next rest."""
        if not self._resting:
            self._asked = True
        elif self._is_ended():
            self.stop()
        else:
            log.info("Nothing is stopped: Airflow has not ended the task, and its next try goes on from here.")
            self._restore()

    def rest(self, seconds: float) -> None:
        """Sleep; act on a kill that came earlier, or comes now."""
        self._resting = True
        try:
            if self._asked:
                self._asked = False
                self.on_kill()
            current_clock().sleep(seconds)
        finally:
            self._resting = False

    def check(self, record: Record) -> None:
        """Let nothing be sent for a task that was ended meanwhile.

        :raises AirflowFailException: the task was ended.
        """
        if self._asked and self._is_ended():
            raise AirflowFailException(
                f"The task was ended before this was sent (airflow_key {record.key}); it is not sent."
            )

    def stop(self) -> None:
        """Hang up or cancel the delivery that is waited for, if there is one; that it is over already is fine."""
        record, self._live = self._live, None
        if self._delivery is None or record is None:
            return
        self._stopped_key = record.key
        errand, delivery_log, settings = self._delivery
        request = errand.stop(record.ids)
        if request is None:
            return
        # A client of its own: this may run in a signal handler while the task's own client holds its locks.
        from airflow_provider_directcall.api.client import Client, RetryBudget

        try:
            with Client(settings, budget=RetryBudget(attempts=2, seconds=_SECONDS_TO_STOP)) as client:
                client.send(request)
        except (DirectcallError, ValueError) as error:
            log.warning("Nothing was stopped: %s", error)
        else:
            log.info("Stopped by %s.", request.endpoint_name)
            _record_stop(delivery_log, record)

    def _restore(self) -> None:
        """Write the record again if a user's Clear has emptied the task's state store, as on Airflow 3.4."""
        if self._delivery is None or self._live is None:
            return
        delivery_log = self._delivery[1]
        try:
            if delivery_log.read() is None:
                delivery_log.write(self._live)
        except Exception as error:  # noqa: BLE001 - Airflow may reject a task that is being killed, in its own ways
            log.warning("The record could not be restored: %s", type(error).__name__)

    def _is_ended(self) -> bool:
        """Whether the task will not go on with its delivery. It counts as ended when Airflow does not answer."""
        if self._delivery is None:
            return True
        _, delivery_log, _ = self._delivery
        try:
            state = delivery_log.state()
        except LookupError as error:
            log.warning("Whether the task has ended is unknown: %s", error)
            return True
        # Without a store, a cleared task begins again.
        return state in ENDED or (not delivery_log.remembers and state != RUNNING)


def _record_stop(delivery_log: DeliveryLog, record: Record) -> None:
    """Record the stop only after it succeeded: a process that is killed in between must not claim it."""
    try:
        delivery_log.write(record.at(Phase.STOPPED))
    except Exception as error:  # noqa: BLE001 - Airflow may reject a task that is being killed, in its own ways
        log.warning("The stop could not be recorded: %s", type(error).__name__)

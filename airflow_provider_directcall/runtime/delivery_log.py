"""What a task instance keeps of its delivery over its tries: in Airflow's task state store (3.3 and later)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.delivery.decisions import Attempt
from airflow_provider_directcall.delivery.keys import TaskIdentity
from airflow_provider_directcall.delivery.record import Record
from airflow_provider_directcall.runtime.polling import Waiter
from airflow_provider_directcall.runtime.task_states import state_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import BaseOperator, Context

#: Key under which the record stands in the task's state store, where people see it too.
STORE_KEY: Final = "directcall_delivery"

#: A state store takes 64 KiB a value; what is known of each recipient can be asked for again.
_LARGEST_RECORD: Final = 60_000
#: How far a run's first try is looked back for where Airflow does not tell when the run began.
_LONGEST_RUN: Final = timedelta(days=7)


class Journal:
    """Keeps one record for one task instance.

    Below Airflow 3.3 nothing is kept: the record of an earlier try is never there, and the statement has to tell.

    :param operator: the task.
    :param context: of this try.
    """

    def __init__(self, operator: BaseOperator, context: Context) -> None:
        self._store = context.get("task_state_store")
        self._retries = operator.retries or 0
        self._context = context

    @property
    def identity(self) -> TaskIdentity:
        """The task instance, over all its tries."""
        ti = self._context["ti"]
        return TaskIdentity(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            task_id=ti.task_id,
            map_index=ti.map_index if ti.map_index is not None else -1,
            deployment=conf.get("directcall", "deployment", fallback=""),
        )

    @property
    def attempt(self) -> Attempt:
        """The try that is running."""
        ti = self._context["ti"]
        return Attempt(
            number=ti.try_number,
            max_tries=ti.max_tries,
            retries=self._retries,
            remembers=self._store is not None,
            run_since=self._run_since(),
        )

    @property
    def remembers(self) -> bool:
        """Whether the next try will know what is written now."""
        return self._store is not None

    def state(self) -> str | None:
        """The task instance's state as Airflow has it now; None for one that was cleared.

        :raises LookupError: Airflow does not say.
        """
        return state_of(self._context["ti"])  # type: ignore[arg-type]  # that is what it is in a running task

    def read(self) -> Record | None:
        """What an earlier try left, or this one.

        :raises ValueError: it cannot be read.
        """
        stored = self._store.get(STORE_KEY) if self._store is not None else None
        return Record.from_json(stored) if stored is not None else None

    def write(self, record: Record) -> None:
        """Keep the record in place of the one before."""
        if self._store is None:
            return
        told = record.as_json()
        if len(json.dumps(told)) > _LARGEST_RECORD:
            told.pop("recipients", None)
        self._store.set(STORE_KEY, told)  # type: ignore[arg-type]  # JSON values only

    def _run_since(self) -> datetime:
        started_at = self._context["dag_run"].start_date
        return started_at if started_at is not None else Waiter.now() - _LONGEST_RUN

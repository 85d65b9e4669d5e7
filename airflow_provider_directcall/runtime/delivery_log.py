"""The record of a task's delivery in Airflow's task state store (3.3 and later), and the error texts made of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Final, cast

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.delivery.decisions import Attempt
from airflow_provider_directcall.delivery.keys import TaskIdentity
from airflow_provider_directcall.delivery.matching import CLOCKS_APART
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.runtime.run_starts import first_start
from airflow_provider_directcall.runtime.task_states import ENDED, RUNNING, state_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from pydantic import JsonValue

    from airflow_provider_directcall.delivery.errand import Errand

#: Key of the record in the task's state store, which users see too; a step's record has ``:<step>`` after it.
STORE_KEY: Final = "directcall_delivery"

#: The vendor's ids of an accepted request -> the word for it in texts. They are XComs too, before any waiting.
ID_NAMES: Final = {"callerid": "callerid", "schedule_id": "schedule"}

#: A state store takes 64 KiB a value; the word on each recipient can be looked up again.
_LARGEST_RECORD: Final = 60_000


def task_identity(context: Context, step: str) -> TaskIdentity:
    """Return the identity of a step of a task instance, over all its tries."""
    ti = context["ti"]
    return TaskIdentity(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=ti.map_index if ti.map_index is not None else -1,
        step=step,
        deployment=conf.get("directcall", "deployment", fallback=""),
        run_after=context["dag_run"].run_after.astimezone(UTC).isoformat(),
    )


class DeliveryLog:
    """Keeps one record for one step of a task instance.

    Below Airflow 3.3 nothing is kept: there is never a record of an earlier try, and the statement has to prove it.

    :param operator: the task.
    :param context: of this try.
    :param step: which request of the task, where one task makes several.
    """

    def __init__(self, operator: BaseOperator, context: Context, step: str = "") -> None:
        self._store = context.get("task_state_store")
        self._store_key = f"{STORE_KEY}:{step}" if step else STORE_KEY
        self._retries = operator.retries or 0
        self._context = context
        self._step = step

    @property
    def identity(self) -> TaskIdentity:
        """The task instance, over all its tries."""
        return task_identity(self._context, self._step)

    @property
    def attempt(self) -> Attempt:
        """The try that is running."""
        ti, dag_run = self._context["ti"], self._context["dag_run"]
        return Attempt(
            number=ti.try_number,
            max_tries=ti.max_tries,
            retries=self._retries,
            remembers=self._store is not None,
            run_since=first_start(dag_run, was_cleared=self.remembers and bool(dag_run.clear_number)),
            # Airflow 3.1 does not count the Clear in a run that is not over.
            run_was_cleared=not self.remembers or bool(dag_run.clear_number),
        )

    @property
    def remembers(self) -> bool:
        """Whether the next try can read the record of this one."""
        return self._store is not None

    def state(self) -> str | None:
        """Return the task instance's state as Airflow has it now; None for one that was cleared.

        :raises LookupError: Airflow does not answer.
        """
        return state_of(cast("RuntimeTaskInstance", self._context["ti"]))

    def read(self) -> Record | None:
        """Return the record of an earlier try, or of this one.

        Airflow's own store ends with the run; another backend may keep what a deleted run of the same id has left.

        :raises ValueError: it cannot be read.
        """
        stored = self._store.get(self._store_key) if self._store is not None else None
        record = Record.from_json(stored) if stored is not None else None
        return None if record is None or record.run not in {"", self.identity.run_after} else record

    def write(self, record: Record) -> None:
        """Replace the record; that of a task which was cleared while it ran says that its next try goes on."""
        if self._store is None:
            return
        if record.phase is Phase.DONE and self._was_cleared():
            record = record.at(Phase.SENT)
        fields = record.as_json()
        if len(json.dumps(fields)) > _LARGEST_RECORD:
            fields.pop("recipients", None)
        self._store.set(self._store_key, cast("JsonValue", fields))

    def _was_cleared(self) -> bool:
        """Whether a user has cleared the task while this try runs; its next try cannot know that afterwards."""
        try:
            state = self.state()
        except LookupError:
            return False
        return state != RUNNING and state not in ENDED


def unknown_text(record: Record, reason: str, *, errand: Errand, until: datetime, zone: tzinfo, remembers: bool) -> str:
    """Return the error text of an unknown outcome: where to look, in which window, and how to go on.

    :param reason: why it is unknown.
    :param until: the present; the window begins with the record's own time.
    :param zone: of the account, in which its statement's times are.
    :param remembers: whether a cleared task will look for the request.
    """
    window = (record.since - CLOCKS_APART, until + CLOCKS_APART)
    first, last = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S%z}" for moment in window)
    clear = "it looks again, and unless it finds it, it sends again" if remembers else "it sends again, without looking"
    is_first = record.sends == record.try_number == 1 and errand.due_at is None
    left = f", near {record.since.astimezone(zone):%H:%M:%S}, when it left" if is_first else ""
    keep = " (Airflow 3.4: keep the task's state then; without it, a match counts as an end)" if remembers else ""
    return (
        f"The outcome is unknown: the {errand.description} may be out (airflow_key {record.key}). Nothing is sent "
        f"again by itself. Look for it in {errand.where_to_look} between {first} and {last}{left}; a call appears "
        "there only after its end, a scheduled one only after its time. If it is there, mark the task as success. "
        f"If it is surely not, clear the task: {clear}{keep}. Reason: {reason}"
    )


def changed_target_text(record: Record, errand: Errand) -> str:
    """Return the error text of a try with other recipients, or another account, than an earlier one."""
    return (
        f"The recipients or the account are not those of an earlier try (airflow_key {record.key}, phase "
        f"{record.phase}), which may have reached its recipients; nothing is sent. A template, a mapped value or the "
        f"connection has changed since. See {errand.where_to_look}; then clear the task to send to these"
    )


def named(record: Record) -> str:
    """Return the ids of a request as a text; its key where it has none."""
    ids = ", ".join(f"{word} {record.ids[key]}" for key, word in ID_NAMES.items() if key in record.ids)
    return ids or f"airflow_key {record.key}"

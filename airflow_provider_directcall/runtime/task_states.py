"""The state of a task instance as Airflow has it now: ended by a user, or about to run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

#: States of a task that a user has ended; in any other one, Airflow goes on with it or runs it again.
ENDED: Final = frozenset({"success", "failed", "skipped", "removed", "upstream_failed"})
RUNNING: Final = "running"


def state_of(ti: RuntimeTaskInstance) -> str | None:
    """Return the state of a task instance as Airflow has it now; None for one that was cleared.

    :raises LookupError: Airflow does not answer.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    try:
        states = RuntimeTaskInstance.get_task_states(
            ti.dag_id, map_index=ti.map_index, task_ids=[ti.task_id], run_ids=[ti.run_id]
        )
    except Exception as error:  # whatever Airflow's own channel raises
        raise LookupError(f"{type(error).__name__} from Airflow") from error
    known = [state for of_run in states.values() for state in of_run.values()]
    if not known:
        raise LookupError("Airflow has no such task instance")
    return str(known[0]) if known[0] is not None else None

"""What Airflow says of a task that is being killed: somebody has ended it, or it will run again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

#: States of a task that somebody has ended; in any other one, Airflow runs it on or again.
ENDED: Final = frozenset({"success", "failed", "skipped", "removed", "upstream_failed"})
RUNNING: Final = "running"


def state_of(ti: RuntimeTaskInstance) -> str | None:
    """The state of a task instance as Airflow has it now; None for one that was cleared.

    :raises LookupError: Airflow does not say.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    try:
        states = RuntimeTaskInstance.get_task_states(
            ti.dag_id, map_index=ti.map_index, task_ids=[ti.task_id], run_ids=[ti.run_id]
        )
    except Exception as error:  # whatever Airflow's own channel raises, it has not told
        raise LookupError(f"{type(error).__name__} from Airflow") from error
    known = [state for of_run in states.values() for state in of_run.values()]
    if not known:
        raise LookupError("Airflow has no such task instance")
    return str(known[0]) if known[0] is not None else None

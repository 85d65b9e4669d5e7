"""The snapshot that a task is to put back, out of its arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.number_rules.snapshots import SNAPSHOT_XCOM

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_directcall.routing.writes.snapshots import Snapshot


def given_snapshot(
    operator: BaseOperator,
    context: Context,
    *,
    sealed: str | None,
    task_id: str | None,
    path: str | os.PathLike[str] | None,
    secret: str,
) -> Snapshot | None:
    """The snapshot in a sealed text, of another task of this run, or in a file; None where there is none.

    :param operator: the task that asks.
    :param context: of its try.
    :param secret: the client secret with which it was sealed.
    :raises ValueError: not exactly one of them is given, or the task cannot be the one that is meant.
    :raises DirectcallSnapshotError: it cannot be read.
    """
    from airflow_provider_directcall.routing.writes.snapshots import read, unseal

    if sum(each is not None for each in (sealed, task_id, path)) != 1:
        raise ValueError("snapshot, snapshot_task_id, snapshot_path: one of them is needed, and only one")
    file = path_or_none(path)
    if file is not None:
        return read(file)
    text = arguments.optional_text(sealed if task_id is None else _pulled(operator, context, str(task_id)))
    return None if text is None else unseal(text, secret)


def path_or_none(value: str | os.PathLike[str] | None) -> Path | None:
    """A path, or None where nothing was given."""
    text = arguments.optional_text(value)
    return None if text is None else Path(text)


def _pulled(operator: BaseOperator, context: Context, task_id: str) -> str | None:
    """The sealed snapshot that another task of this run pushed, or None where it pushed none.

    A mapped task gets that of its twin with the same map index, or of a task that is not mapped.

    :raises ValueError: there is no such task, or it is mapped and ``operator`` is not.
    """
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    ti, dag = context["ti"], operator.get_dag()
    own = -1 if ti.map_index is None else ti.map_index
    if dag is not None and not dag.has_task(task_id):
        raise ValueError(f"snapshot_task_id: the DAG has no task {task_id!r}")
    if dag is not None and own < 0 and isinstance(dag.get_task(task_id), MappedOperator):
        raise ValueError(f"snapshot_task_id: {task_id!r} is mapped, so it has many snapshots; give 'snapshot'")
    for map_index in (own, -1):
        pulled: str | None = ti.xcom_pull(task_ids=task_id, key=SNAPSHOT_XCOM, map_indexes=map_index)
        if pulled is not None:
            return pulled
    return None

"""Snapshots of a number's rules: taken before a task's first write, kept over its tries, found by a restore task.

A retry begins with the rules that a killed try left, so the snapshot to restore is the one from before the first write.
A try that wrote nothing, or whose writes were rolled back, leaves no snapshot: the next try takes its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.errors import DirectcallApplyError, DirectcallError
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.delivery_log import DeliveryLog

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.writes.snapshots import Snapshot

#: XCom of the sealed snapshot.
SNAPSHOT_XCOM: Final = "snapshot"
#: Its key in the task's state store (Airflow 3.3 and later).
STORE_KEY: Final = "directcall_snapshot"
#: A state store takes 64 KiB a value.
_LARGEST_KEPT: Final = 60_000

log = logging.getLogger(__name__)


class SnapshotKeeper:
    """Keeps the snapshot from before a task's first write in a run, until a user clears the task.

    :param operator: the task.
    :param context: of this try.
    :param secret: the connection's client secret, which seals the snapshot.
    :param path: a file to keep it in as well, phone numbers in full. Written before the first write only, so a run that
        changes nothing leaves an earlier run's file alone.
    """

    def __init__(self, operator: BaseOperator, context: Context, *, secret: str, path: Path | None) -> None:
        self._context = context
        self._attempt = DeliveryLog(operator, context).attempt
        self._store = context.get("task_state_store")
        self._secret = secret
        self._path = path
        self._is_kept = False

    def recall(self, did: str) -> Snapshot | None:
        """Return the number's snapshot from before the writes of an earlier try, and push it as XCom again.

        :raises DirectcallSnapshotError: there is one, and it cannot be read.
        """
        from airflow_provider_directcall.routing.writes.snapshots import read, unseal

        if sealed := self._from_store():
            # First of all: Airflow removes the XComs of a task before each try.
            self._context["ti"].xcom_push(key=SNAPSHOT_XCOM, value=sealed)
            snapshot = unseal(sealed, self._secret)
        elif self._path is not None and self._is_of_this_run(self._path):
            snapshot = read(self._path)
            self._context["ti"].xcom_push(key=SNAPSHOT_XCOM, value=snapshot.seal(self._secret))
        else:
            return None
        self._is_kept = snapshot.did == did
        return snapshot if self._is_kept else None

    def take(self, did: str, live: Sequence[Rule]) -> Snapshot:
        """Take a snapshot of the live rules and push it as XCom; :meth:`writing` keeps it for retries.

        :param live: the live rules, in which two reads agreed.
        """
        from airflow_provider_directcall.routing.writes.snapshots import take

        snapshot = take(did, live)
        self._push(snapshot)
        return snapshot

    @contextmanager
    def writing(self, snapshot: Snapshot) -> Iterator[None]:
        """Keep the snapshot for retries while writing, marked as followed by writes.

        It is discarded, and the XCom no longer marked, when all writes of this try were rolled back.

        :param snapshot: as :meth:`recall` or :meth:`take` returned it.
        :raises DirectcallSnapshotError: the file cannot be written, so no rule may be written either.
        """
        is_first = not self._is_kept
        if is_first:
            self._keep(snapshot)
        try:
            yield
        except DirectcallError as error:
            has_no_effect = not isinstance(error, DirectcallApplyError) or error.state == "previous"
            if is_first and has_no_effect:
                self._discard(snapshot)
            raise

    def _keep(self, snapshot: Snapshot) -> None:
        written = replace(snapshot, is_written=True)
        if self._path is not None:
            written.write(self._path)
        self._into_store(self._push(written))
        self._is_kept = True

    def _push(self, snapshot: Snapshot) -> str:
        sealed = snapshot.seal(self._secret)
        self._context["ti"].xcom_push(key=SNAPSHOT_XCOM, value=sealed)
        return sealed

    def _discard(self, snapshot: Snapshot) -> None:
        self._push(snapshot)
        if self._path is not None:
            # The failure of the write is the one to report.
            with suppress(OSError):
                self._path.unlink()
        if self._store is not None:
            self._store.delete(STORE_KEY)
        self._is_kept = False

    def _into_store(self, sealed: str) -> None:
        if self._store is None:
            return
        if len(sealed) > _LARGEST_KEPT:
            self._store.delete(STORE_KEY)
            log.warning("The snapshot is too large for the task's state store; a retry takes one of the rules then.")
            return
        attempt = self._attempt
        self._store.set(STORE_KEY, {"snapshot": sealed, "try_number": attempt.number, "max_tries": attempt.max_tries})

    def _from_store(self) -> str | None:
        kept = self._store.get(STORE_KEY) if self._store is not None else None
        if not isinstance(kept, Mapping) or self._was_cleared_since(kept):
            return None
        return str(kept["snapshot"])

    def _was_cleared_since(self, kept: Mapping[str, object]) -> bool:
        """Return whether a user has cleared the task since: Clear begins anew, with the rules of then."""
        attempt = self._attempt
        has_more_tries = attempt.max_tries != kept["max_tries"] or attempt.number > attempt.max_tries + 1
        return has_more_tries and attempt.number != kept["try_number"]

    def _is_of_this_run(self, path: Path) -> bool:
        """Return whether the file can be of an earlier try, where no store knows it: a retry, and a recent file."""
        if self._store is not None or self._attempt.number <= self._attempt.tries_before_clear + 1:
            return False
        try:
            return path.stat().st_mtime >= self._attempt.run_since.timestamp()
        except OSError:
            return False


def load_snapshot(
    operator: BaseOperator,
    context: Context,
    *,
    sealed: str | None,
    task_id: str | None,
    path: str | os.PathLike[str] | None,
    secret: str,
) -> Snapshot | None:
    """Load the snapshot from a sealed text, another task of this run, or a file; None where there is none.

    :param operator: the task that asks.
    :param context: of its try.
    :param secret: the client secret that sealed it.
    :raises ValueError: not exactly one source is given, or the task cannot be used as one.
    :raises DirectcallSnapshotError: it cannot be read.
    """
    from airflow_provider_directcall.routing.writes.snapshots import read, unseal

    if sum(each is not None for each in (sealed, task_id, path)) != 1:
        raise ValueError("snapshot, snapshot_task_id, snapshot_path: one of them is needed, and only one")
    file = arguments.optional_path(path)
    if file is not None:
        return read(file)
    text = arguments.optional_text(sealed if task_id is None else _pull(operator, context, str(task_id)))
    return None if text is None else unseal(text, secret)


def _pull(operator: BaseOperator, context: Context, task_id: str) -> str | None:
    """Return the sealed snapshot that another task of this run pushed, or None.

    A mapped task gets the one of the same map index, or of a task that is not mapped.

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

"""The snapshot that a task takes before its first write, kept over its tries and for the task that restores.

Retries begin with whatever a killed try has left. What is to be given back is what stood before the first of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.tasks.journal import Journal

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.writes.snapshots import Snapshot

#: XCom under which the sealed snapshot stands.
SNAPSHOT_XCOM: Final = "snapshot"
#: Key under which it stands in the task's state store (Airflow 3.3 and later).
STORE_KEY: Final = "directcall_snapshot"
#: A state store takes 64 KiB a value.
_LARGEST_KEPT: Final = 60_000

log = logging.getLogger(__name__)


class SnapshotKeeper:
    """Keeps the first snapshot of a run's task, until a user clears the task.

    :param operator: the task.
    :param context: of this try.
    :param secret: the connection's client secret, with which the snapshot is sealed.
    :param path: a file to keep it in as well, phone numbers in full; None for none.
    """

    def __init__(self, operator: BaseOperator, context: Context, *, secret: str, path: Path | None) -> None:
        self._context = context
        self._attempt = Journal(operator, context).attempt
        self._store = context.get("task_state_store")
        self._secret = secret
        self._path = path

    def recall(self, did: str) -> Snapshot | None:
        """The snapshot of the number that an earlier try of this task took; it is an XCom again from now on.

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
        return snapshot if snapshot.did == did else None

    def take(self, did: str, live: Sequence[Rule]) -> Snapshot:
        """A snapshot of what stands now, kept: as a file if one is wanted, for retries, and as an XCom.

        :raises DirectcallSnapshotError: the file cannot be written.
        """
        from airflow_provider_directcall.routing.writes.snapshots import take

        snapshot = take(did, live)
        if self._path is not None:
            snapshot.write(self._path)
        sealed = snapshot.seal(self._secret)
        self._into_store(sealed)
        self._context["ti"].xcom_push(key=SNAPSHOT_XCOM, value=sealed)
        return snapshot

    def _into_store(self, sealed: str) -> None:
        if self._store is None:
            return
        if len(sealed) > _LARGEST_KEPT:
            self._store.delete(STORE_KEY)
            log.warning("The snapshot is too large for the task's state store; a retry takes one of what stands then.")
            return
        attempt = self._attempt
        self._store.set(STORE_KEY, {"snapshot": sealed, "try_number": attempt.number, "max_tries": attempt.max_tries})

    def _from_store(self) -> str | None:
        kept = self._store.get(STORE_KEY) if self._store is not None else None
        if not isinstance(kept, Mapping) or self._was_cleared_since(kept):
            return None
        return str(kept["snapshot"])

    def _was_cleared_since(self, kept: Mapping[str, object]) -> bool:
        """Whether a user has cleared the task since: Clear means to begin anew, with what stands."""
        attempt = self._attempt
        has_more_tries = attempt.max_tries != kept["max_tries"] or attempt.number > attempt.max_tries + 1
        return has_more_tries and attempt.number != kept["try_number"]

    def _is_of_this_run(self, path: Path) -> bool:
        """Whether the file can be of an earlier try, where there is no store that tells: a retry, and a file as new."""
        if self._store is not None or self._attempt.number <= self._attempt.tries_before_clear + 1:
            return False
        try:
            return path.stat().st_mtime >= self._attempt.run_since.timestamp()
        except OSError:
            return False

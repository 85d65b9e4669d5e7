"""The snapshot that a task takes before its first write, kept over its tries and for the task that restores.

Retries begin with whatever a killed try has left. What is to be given back is what stood before the first write of all.
A try that wrote nothing, or whose writes were all taken back, leaves no snapshot behind: the next one takes its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.errors import DirectcallApplyError, DirectcallError
from airflow_provider_directcall.runtime.delivery_log import DeliveryLog

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
    """Keeps the snapshot from before the first write of a run's task, until a user clears the task.

    :param operator: the task.
    :param context: of this try.
    :param secret: the connection's client secret, with which the snapshot is sealed.
    :param path: a file to keep it in as well, phone numbers in full; None for none. Written before the first write
        only: a run that changes nothing leaves the file of an earlier one as it is.
    """

    def __init__(self, operator: BaseOperator, context: Context, *, secret: str, path: Path | None) -> None:
        self._context = context
        self._attempt = DeliveryLog(operator, context).attempt
        self._store = context.get("task_state_store")
        self._secret = secret
        self._path = path
        self._is_kept = False
        self._sealed = ""

    def recall(self, did: str) -> Snapshot | None:
        """The snapshot of the number from before an earlier try's writes; it is an XCom again from now on.

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
        """A snapshot of what stands now, as an XCom. For retries it is kept when the writing begins."""
        from airflow_provider_directcall.routing.writes.snapshots import take

        snapshot = take(did, live)
        self._sealed = snapshot.seal(self._secret)
        self._context["ti"].xcom_push(key=SNAPSHOT_XCOM, value=self._sealed)
        return snapshot

    @contextmanager
    def writing(self, snapshot: Snapshot) -> Iterator[None]:
        """Around the writes: keep the snapshot for retries, unless it ends with none of this try's writes standing.

        :param snapshot: as ``recall`` or ``take`` gave it.
        :raises DirectcallSnapshotError: the file cannot be written; nothing is to be written then.
        """
        is_first = not self._is_kept
        if is_first:
            self._keep(snapshot)
        try:
            yield
        except DirectcallError as error:
            nothing_stands = not isinstance(error, DirectcallApplyError) or error.state == "previous"
            if is_first and nothing_stands:
                self._forget()
            raise

    def _keep(self, snapshot: Snapshot) -> None:
        if self._path is not None:
            snapshot.write(self._path)
        self._into_store(self._sealed)
        self._is_kept = True

    def _forget(self) -> None:
        if self._path is not None:
            # What failed in the writing is what the task has to tell.
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

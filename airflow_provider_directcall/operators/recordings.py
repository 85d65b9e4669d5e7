"""The operator that archives recordings, which Directcall keeps for 90 days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallArchiveIncomplete
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_wrong_argument

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.runtime.recordings import RecordingArchive

_KEPT: Final = timedelta(days=90)


class DirectcallArchiveRecordingsOperator(BaseOperator):
    """Copy the recordings of a window into a folder or an object store, each once.

    ``<storage>/<year>/<month>/<day>/<call>.wav`` with a JSON file beside it: SHA-256, size, the call's id, its time and
    duration; no numbers. A run that is repeated, retried or killed fetches only those that are missing.

    :param since: aware datetime or ISO text; calls from this second on. Not more than 90 days ago. Templated.
    :param until: calls up to this second; later than ``since``, which ``data_interval_start`` and ``_end`` are only in
        a DAG with a timetable of intervals: by default, Airflow 3 gives both one value. Templated.
    :param storage: path, or URI such as ``s3://aws_default@bucket/recordings``. Templated.
    :param tags: only calls that carry all of these; where the rows show no tags, the vendor's filter is tested first,
        and what it finds is a failure unless it is proven to work. Templated.
    :param allowed_hosts: hosts from which recordings may be fetched, with their subdomains; None for the vendor's.
    :param late_seconds: how late a row may appear: the window begins earlier by this, so that the next run finds it.
    :param max_megabytes: of one recording.
    :param directcall_conn_id: id of the connection. Templated.

    Returns ``{"archived", "already", "bytes", "storage"}``. When some cannot be archived, the others are; then the
    task fails, and its retry tries them again.
    """

    template_fields: Sequence[str] = ("since", "until", "storage", "tags", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        since: str | datetime,
        until: str | datetime,
        storage: str,
        tags: Mapping[str, str] | None = None,
        allowed_hosts: Sequence[str] | None = None,
        late_seconds: float = 3600.0,
        max_megabytes: int = 100,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(allowed_hosts, str) or not all("/" not in host for host in allowed_hosts or ()):
            raise ValueError("allowed_hosts: a list of names of hosts is needed, without scheme and path")
        self.since = since
        self.until = until
        self.storage = storage
        self.tags = tags
        self.allowed_hosts = allowed_hosts
        self.late_seconds = late_seconds
        self.max_megabytes = max_megabytes
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> dict[str, object]:
        """Archive what is missing."""
        import httpx

        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.campaigns.files import folder_of
        from airflow_provider_directcall.runtime.recordings import DEFAULT_HOSTS, RecordingArchive

        with failing_without_retry(is_wrong_argument), DirectcallHook(self.directcall_conn_id) as hook:
            since, until = self._window()
            folder = folder_of(str(self.storage))
            with httpx.Client(timeout=hook.settings.timeout) as http:
                archive = RecordingArchive(
                    folder=folder,
                    http=http,
                    clock=current_clock(),
                    secret=hook.settings.client_secret,
                    hosts=tuple(host.lower() for host in self.allowed_hosts or DEFAULT_HOSTS),
                    most_megabytes=self.max_megabytes,
                )
                counts = self._archived(archive, *self._rows(hook, since, until))
            return {**counts, "storage": folder.uri}

    def _window(self) -> tuple[datetime, datetime]:
        since, until = arguments.moment("since", self.since), arguments.moment("until", self.until)
        now = current_clock().now()
        if since is None or until is None or since >= until:
            raise ValueError("since, until: two times are needed, since before until")
        if since < now - _KEPT:
            raise ValueError("since: Directcall keeps recordings for 90 days, and this is earlier")
        late = timedelta(seconds=arguments.seconds("late_seconds", self.late_seconds))
        return max(since - late, now - _KEPT), until

    def _rows(
        self, hook: DirectcallHook, since: datetime, until: datetime
    ) -> tuple[Sequence[StatementRow], Counter[str]]:
        """Return the rows, once for each recording, and failures: rows that may be of other calls.

        Those that show other tags are left out: a filter was ignored. Those without tags count if it is proven to work.
        """
        from airflow_provider_directcall.api.methods import list_recordings
        from airflow_provider_directcall.statement.tagged_calls import TagFilter, tested_filter

        wanted = arguments.tags("tags", self.tags) or {}
        listed = list(hook.list_recordings(since, until, tags=wanted or None))
        rows = [row for row in listed if not row.tags or wanted.items() <= row.tags.items()]
        if others := len(listed) - len(rows):
            self.log.warning("%d recordings that Directcall lists show other tags; they are left out.", others)
        failures: Counter[str] = Counter()
        untagged = sum(not row.tags for row in rows) if wanted else 0
        if untagged:
            test = tested_filter(lambda tags: list_recordings(since, until, tags=tags), wanted)
            if hook.client.run(test) is not TagFilter.WORKS:
                rows = [row for row in rows if row.tags]
                failures["its row shows no tags, and the filter by tags is not proven to work"] = untagged
        by_link = {row.recording_url or number: row for number, row in enumerate(rows)}
        return list(by_link.values()), failures

    def _archived(
        self, archive: RecordingArchive, rows: Sequence[StatementRow], failures: Counter[str]
    ) -> dict[str, int]:
        from airflow_provider_directcall.runtime.recordings import RecordingError

        archived = already = size = 0
        of = len(rows) + failures.total()
        for row in rows:
            try:
                added = archive.add(row)
            except RecordingError as error:
                failures[str(error)] += 1
                continue
            archived, already, size = archived + (added is not None), already + (added is None), size + (added or 0)
        self.log.info("%d recordings archived, %d were there, %d failed.", archived, already, failures.total())
        if failures:
            reasons = ", ".join(f"{reason} ({count})" for reason, count in failures.most_common())
            raise DirectcallArchiveIncomplete(f"{failures.total()} of {of} recordings are not archived: {reasons}")
        return {"archived": archived, "already": already, "bytes": size}

"""The operator that exports the statement, which Directcall keeps for 90 days."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_wrong_argument

if TYPE_CHECKING:
    from airflow.sdk import Context

_KEPT: Final = timedelta(days=90)
_NAME: Final = "%Y%m%dT%H%M%SZ"
_STATEMENTS: Final = ("calls", "messages")
_FORMATS: Final = ("csv", "jsonl", "parquet")


class DirectcallExportStatementOperator(BaseOperator):
    """Write the rows of a closed window of the statement into one file.

    The file's name is made of the window, so a run that is repeated writes the same file again; it appears whole or not
    at all. ``until`` is excluded, so windows side by side share no row. Before ``until`` and ``settle_seconds`` are
    over, rows may still appear: the task waits for that, without a worker.

    :param since: aware datetime or ISO text; rows from this second on. Not more than 90 days ago. Templated.
    :param until: rows before this second; later than ``since``, which ``data_interval_start`` and ``_end`` are only in
        a DAG with a timetable of intervals: by default, Airflow 3 gives both one value. Templated.
    :param storage: path, or URI such as ``s3://aws_default@bucket/statements``. Templated.
    :param statement: ``calls`` (placed and received), or ``messages`` (an assumed endpoint).
    :param file_format: ``csv``, ``jsonl``, or ``parquet`` (extra ``campaigns``).
    :param include_numbers: write whole numbers; else masked ones. Texts and links of recordings are never written.
    :param settle_seconds: how late a row may appear.
    :param directcall_conn_id: id of the connection. Templated.

    Returns ``{"file", "rows", "sha256"}``.
    """

    template_fields: Sequence[str] = ("since", "until", "storage", "directcall_conn_id")
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        since: str | datetime,
        until: str | datetime,
        storage: str,
        statement: str = "calls",
        file_format: str = "parquet",
        include_numbers: bool = False,
        settle_seconds: float = 3600.0,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        if statement not in _STATEMENTS:
            raise ValueError(f"statement: one of {', '.join(_STATEMENTS)} is needed, not {statement!r}")
        if file_format not in _FORMATS:
            raise ValueError(f"file_format: one of {', '.join(_FORMATS)} is needed, not {file_format!r}")
        self.since = since
        self.until = until
        self.storage = storage
        self.statement = statement
        self.file_format = file_format
        self.include_numbers = include_numbers
        self.settle_seconds = settle_seconds
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> dict[str, object]:
        """Wait until the window is closed, and export it."""
        with failing_without_retry(is_wrong_argument):
            _, until = self._window()
            closed_at = until + timedelta(seconds=arguments.seconds("settle_seconds", self.settle_seconds))
        if closed_at > current_clock().now():
            from airflow_provider_directcall.triggers.moments import MomentTrigger

            self.log.info("Waiting until %s, when the window is closed.", closed_at.isoformat(timespec="seconds"))
            self.defer(trigger=MomentTrigger(moment=closed_at.isoformat()), method_name="execute_complete")
        return self._export()

    def execute_complete(self, context: Context, event: object = None) -> dict[str, object]:
        """Export the window, which is closed now."""
        return self._export()

    def _export(self) -> dict[str, object]:
        from airflow_provider_directcall.api.lookups import drive
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.campaigns.files import folder_of
        from airflow_provider_directcall.runtime.exports import (
            FileFormat,
            StatementKind,
            closed_window,
            records_of,
            rendered,
        )

        with failing_without_retry(is_wrong_argument), DirectcallHook(self.directcall_conn_id) as hook:
            since, until = self._window()
            kind, form = StatementKind(self.statement), FileFormat(self.file_format)
            folder = folder_of(str(self.storage))
            rows = drive(closed_window(kind, since, until), hook.client.send)
            content = rendered(kind, records_of(rows, include_numbers=self.include_numbers), form)
            window = "-".join(moment.astimezone(UTC).strftime(_NAME) for moment in (since, until))
            name = f"{kind}-{window}.{form}"
            folder.write(name, content)
        self.log.info("%d rows were written to %s.", len(rows), name)
        return {"file": f"{folder.uri}/{name}", "rows": len(rows), "sha256": hashlib.sha256(content).hexdigest()}

    def _window(self) -> tuple[datetime, datetime]:
        since, until = arguments.moment("since", self.since), arguments.moment("until", self.until)
        # Rows have whole seconds: one of 12:00:00 would be in neither of two windows that meet at 12:00:00.5.
        since, until = since and since.replace(microsecond=0), until and until.replace(microsecond=0)
        if since is None or until is None or since >= until:
            raise ValueError("since, until: two times are needed, since before until")
        if since < current_clock().now() - _KEPT:
            raise ValueError("since: Directcall keeps the statement for 90 days, and this is earlier")
        return since, until

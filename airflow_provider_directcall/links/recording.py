"""The link from a task to the recording of its call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class RecordingLink(BaseOperatorLink):
    """Where the call's recording can be heard (``gravacao_link``); no link when there is none."""

    @property
    def name(self) -> str:
        """The button's text."""
        return "Recording"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that the task found, or nothing.

        Airflow asks on the worker, at every exit of the task, with the very operator that has just run, and keeps the
        answer. So the operator's attribute ``recording_url`` is enough; to ask for an XCom that is not there would log
        an error at every call without a recording.
        """
        url = getattr(operator, "recording_url", None)
        return url if isinstance(url, str) else ""

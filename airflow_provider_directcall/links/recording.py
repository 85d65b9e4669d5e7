"""Link from a task to the recording of its call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class RecordingLink(BaseOperatorLink):
    """Address of the call's recording (``gravacao_link``); no link when there is none."""

    @property
    def name(self) -> str:
        """Text of the button."""
        return "Recording"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address that the task found, or an empty text.

        Airflow calls this on the worker, at every exit of the task, with the operator that has just run, and stores the
        result. So the operator's attribute ``recording_url`` is enough; reading a missing XCom would log an error for
        every call without a recording.
        """
        url = getattr(operator, "recording_url", None)
        return url if isinstance(url, str) else ""

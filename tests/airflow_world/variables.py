"""Airflow's Variables in memory."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse


class Variables:
    """The Variables; ``is_down`` fails every read and write."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.history: list[str] = []
        self.is_down = False

    def get(self, key: str, default: object = None) -> object:
        self._check()
        return self.kept.get(key, default)

    def set(self, key: str, value: str, description: str | None = None) -> None:
        self._check()
        self.kept[key] = value
        self.history.append(f"{key} {value} {description}")

    def _check(self) -> None:
        if self.is_down:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))

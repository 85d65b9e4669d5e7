"""The slots of alerts in Airflow's Variables.

A failure callback runs in the process of its task, or in the DAG processor; a deadline's runs in the triggerer, or on
an executor. Variables are the only store that all but the last can read and write. The last can read them only, and
Airflow never answers a write from there: an alert from there has slots of its own process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from airflow_provider_directcall.delivery.alert_slots import AlertSlot
from airflow_provider_directcall.errors import DirectcallError

_DESCRIPTION: Final = "An alert of this hour to the operator on call; written by DirectcallNotifier"


class AlertStoreError(DirectcallError):
    """Airflow does not answer a read or a write of the slots."""

    @property
    def retryable(self) -> bool:
        """True: Airflow may answer a little later."""
        return True


class AlertStore(Protocol):
    """Where slots are kept."""

    def read(self, name: str) -> object:
        """Return the JSON of a value, or None."""
        ...

    def write(self, name: str, value: Mapping[str, object]) -> None:
        """Replace a value."""
        ...


class VariableStore:
    """Airflow's Variables, as its database has them now.

    Not ``Variable.get``, which takes a failed read for a missing Variable, may answer from a cache, and asks other
    secrets backends: a slot that only seems free is an alert too many.
    """

    def read(self, name: str) -> object:
        """Return the JSON of a Variable, or None where there is none."""
        from airflow.sdk.execution_time.comms import GetVariable

        return self.value_in(self._ask(lambda comms: comms.send(GetVariable(key=name))))

    def write(self, name: str, value: Mapping[str, object]) -> None:
        """Replace a Variable."""
        self._ask(lambda comms: comms.send(self.put(name, value)))

    @staticmethod
    def put(name: str, value: Mapping[str, object]) -> Any:  # noqa: ANN401 - a message of Airflow's supervisor
        """Return the message that replaces a Variable."""
        from airflow.sdk.execution_time.comms import PutVariable

        return PutVariable(key=name, value=json.dumps(value), description=_DESCRIPTION)

    @staticmethod
    def value_in(answer: object) -> object:
        """Return the JSON of the supervisor's answer.

        :raises AlertStoreError: Airflow could not read it, or it is no JSON.
        """
        from airflow.sdk.execution_time.comms import ErrorResponse, VariableResult

        if isinstance(answer, ErrorResponse):
            if answer.error.name == "VARIABLE_NOT_FOUND":
                return None
            raise AlertStoreError(f"Airflow cannot read the slots of alerts: {answer.error.name}")
        text = answer.value if isinstance(answer, VariableResult) else None
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise AlertStoreError("the Variable of an alert holds no JSON; delete it") from None

    def _ask(self, send: Callable[[Any], object]) -> object:
        from airflow.sdk.execution_time import task_runner

        comms = getattr(task_runner, "SUPERVISOR_COMMS", None)
        if comms is None:
            raise AlertStoreError("the slots of alerts are in Airflow's Variables, which this process cannot reach")
        return answered(lambda: send(comms))


def answered(ask: Callable[[], object]) -> object:
    """Return the supervisor's answer; a Variable that is missing is None.

    :raises AlertStoreError: Airflow does not answer.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return ask()
    except AirflowRuntimeError as error:
        return VariableStore.value_in(error.error)
    except Exception as error:  # noqa: BLE001 - whatever Airflow's own channel raises
        raise AlertStoreError(f"Airflow does not answer for the slots of alerts: {type(error).__name__}") from None


class MemoryStore:
    """Slots of this process alone, where Airflow's Variables can only be read."""

    def __init__(self) -> None:
        self._kept: dict[str, object] = {}

    def read(self, name: str) -> object:
        """Return the value that this process has written."""
        return self._kept.get(name)

    def write(self, name: str, value: Mapping[str, object]) -> None:
        """Replace a value."""
        self._kept[name] = value


def slot_in(stored: object) -> AlertSlot | None:
    """Read a slot.

    :raises AlertStoreError: it cannot be read.
    """
    try:
        return AlertSlot.from_json(stored) if stored is not None else None
    except ValueError as error:
        raise AlertStoreError(f"{error}; delete its Variable") from None

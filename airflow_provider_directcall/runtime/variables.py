"""What a task remembers for all DAGs of this Airflow: JSON in an Airflow Variable.

XComs cannot carry that: they belong to one task, are gone when it is retried, and among scheduled runs and such without
a logical date Airflow does not order them by time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies.envelope import JsonObject

_NAME_DIGITS: Final = 16

log = logging.getLogger(__name__)


class SharedMemory:
    """One remembered value. Where Airflow does not give or keep it, a warning says so, and the task goes on.

    :param prefix: begins the name of the Variable.
    :param subject: what is remembered of; the name shows no more of it than a keyed digest.
    :param key: the key of that digest.
    """

    def __init__(self, prefix: str, subject: str, key: bytes) -> None:
        digest = hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()
        self.variable: Final = prefix + digest[:_NAME_DIGITS]
        """Name of the Variable."""

    def read(self, otherwise: str) -> object:
        """What is remembered; None when nothing is, or nothing that can be read.

        :param otherwise: what follows when it cannot be read, for the warning.
        """
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowRuntimeError

        try:
            text = Variable.get(self.variable, default=None)
            value: object = None if text is None else json.loads(text)
        except (AirflowRuntimeError, ValueError) as error:
            self.warn_unreadable(error, otherwise)
            return None
        return value

    def write(self, value: JsonObject, *, description: str, otherwise: str) -> bool:
        """Remember; tells whether that was possible.

        :param description: what people read beside the Variable.
        :param otherwise: what follows when it cannot be written, for the warning.
        """
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowRuntimeError

        try:
            Variable.set(self.variable, json.dumps(value), description=description)
        except AirflowRuntimeError as error:
            log.warning(
                "The Variable %s could not be written (%s); %s.", self.variable, type(error).__name__, otherwise
            )
            return False
        return True

    def warn_unreadable(self, error: Exception, otherwise: str) -> None:
        """Say that what stands in the Variable cannot be used."""
        log.warning("The Variable %s could not be read (%s); %s.", self.variable, type(error).__name__, otherwise)

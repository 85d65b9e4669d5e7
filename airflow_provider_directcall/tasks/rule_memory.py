"""What was left of a number's rules, remembered from one run to the next, over all DAGs that write them.

It stands in an Airflow Variable of its own for each number, because what one DAG wrote is no drift for another one.
XComs cannot carry that: they belong to one task, are gone when it is retried, and among scheduled runs and such without
a logical date Airflow does not order them by time. A Variable that somebody deletes means that no drift is known once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.writes.drift import Memory

VARIABLE_PREFIX: Final = "directcall_rules_"
_PURPOSE: Final = b"directcall rule memory 1"
_NAME_DIGITS: Final = 16

log = logging.getLogger(__name__)


class RuleMemory:
    """Remembers the rules of one number.

    :param did: the number, without 55.
    :param secret: the connection's client secret.
    """

    def __init__(self, did: str, secret: str) -> None:
        self._did = did
        key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
        self.variable: Final = VARIABLE_PREFIX + hmac.new(key, did.encode(), hashlib.sha256).hexdigest()[:_NAME_DIGITS]
        """Name of the Variable, which does not tell the number."""
        self._known: Memory | None = None

    def read(self) -> Memory | None:
        """What is remembered, or None when nothing is, or nothing that can be read."""
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowRuntimeError

        from airflow_provider_directcall.routing.writes.drift import Memory

        try:
            text = Variable.get(self.variable, default=None)
            self._known = None if text is None else Memory.from_json(json.loads(text))
        except (AirflowRuntimeError, ValueError) as error:
            log.warning(
                "The Variable %s, which tells what was left of the number's rules, could not be read (%s); "
                "changes made elsewhere are not noticed this time.",
                self.variable,
                type(error).__name__,
            )
        return self._known

    def write(self, memory: Memory) -> None:
        """Remember, unless it is known already. Where that is impossible, a warning says so, and the rules go first."""
        from airflow.sdk import Variable
        from airflow.sdk.exceptions import AirflowRuntimeError

        from airflow_provider_directcall.telephony.numbers import mask_number

        if memory == self._known:
            return
        about = f"What was left of the rules of number {mask_number(self._did)}; tells changes made elsewhere"
        try:
            Variable.set(self.variable, json.dumps(memory.as_json()), description=about)
        except AirflowRuntimeError as error:
            log.warning(
                "The Variable %s could not be written (%s); the next run may take changes of this one for somebody "
                "else's.",
                self.variable,
                type(error).__name__,
            )
        else:
            self._known = memory

"""What was left of a number's rules, remembered from one run to the next, over all DAGs that write them.

Each number has a memory of its own, because what one DAG wrote is no drift for another one. When somebody deletes it,
no drift is known once.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.runtime.variables import SharedMemory

if TYPE_CHECKING:
    from airflow_provider_directcall.routing.writes.drift import Memory

VARIABLE_PREFIX: Final = "directcall_rules_"
_PURPOSE: Final = b"directcall rule memory 1"
_UNREAD: Final = "changes made elsewhere are not noticed this time"
_UNWRITTEN: Final = "the next run may take changes of this one for somebody else's"


class RuleMemory:
    """Remembers the rules of one number.

    :param did: the number, without 55.
    :param secret: the connection's client secret.
    """

    def __init__(self, did: str, secret: str) -> None:
        self._did = did
        self._shared = SharedMemory(VARIABLE_PREFIX, did, hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256))
        self._known: Memory | None = None

    def read(self) -> Memory | None:
        """What is remembered, or None when nothing is, or nothing that can be read."""
        from airflow_provider_directcall.routing.writes.drift import Memory

        value = self._shared.read(_UNREAD)
        try:
            self._known = None if value is None else Memory.from_json(value)
        except ValueError as error:
            self._shared.warn_unreadable(error, _UNREAD)
        return self._known

    def write(self, memory: Memory) -> None:
        """Remember, unless it is known already. Where that is impossible, a warning says so, and the rules go first."""
        from airflow_provider_directcall.telephony.numbers import mask_number

        if memory == self._known:
            return
        about = f"What was left of the rules of number {mask_number(self._did)}; tells changes made elsewhere"
        if self._shared.write(memory.as_json(), description=about, otherwise=_UNWRITTEN):
            self._known = memory

"""Assets of Directcall: the doorbells that its webhooks ring."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from airflow.sdk import Asset

SCHEME: Final = "directcall"


class Doorbell(StrEnum):
    """Events for which Directcall calls an address: each has a path of the receiver, and an asset."""

    CALL = "call"
    MESSAGE = "message"
    RECEIVED = "received"

    @property
    def uri(self) -> str:
        """The URI of its asset."""
        return f"{SCHEME}://doorbell/{self.value}"


def doorbell(kind: Doorbell | str) -> Asset:
    """Return the asset that gets an event when Directcall calls the receiver, for ``schedule=[doorbell("call")]``.

    The event says that something may have happened, not what: the run reads the statement. Its extra is
    ``{"kind", "rung_at", "from_webhook"}``.

    :param kind: ``call`` (states of calls), ``message`` (states of sent SMS) or ``received`` (received SMS).
    :raises ValueError: the kind is another word.
    """
    from airflow.sdk import Asset

    if kind not in list(Doorbell):
        raise ValueError(f"kind: one of {', '.join(Doorbell)} is needed, not {kind!r}")
    return Asset(name=f"directcall_doorbell_{Doorbell(kind)}", uri=Doorbell(kind).uri)

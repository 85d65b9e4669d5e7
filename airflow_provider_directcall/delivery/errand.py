"""The protocol of an errand: one thing to send, how it is found again, how it ends, and how it is stopped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import Acknowledgement
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.matching import Match
    from airflow_provider_directcall.delivery.record import RecipientNote, Record
    from airflow_provider_directcall.statement.calls import Call

#: Outcome of a call that was hung up and of a message that was cancelled.
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Directcall's positive answer to a request.

    :ivar ids: ``callerid`` or ``schedule_id``, by which it is followed from now on.
    :ivar recipients: the vendor's word on each recipient of a message.
    """

    ids: Mapping[str, str]
    recipients: tuple[RecipientNote, ...] | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """It has not ended yet.

    :ivar ids: ids that were learned meanwhile: a scheduled call gets its ``callerid`` when it is dialled.
    :ivar state: the state seen now, where the vendor reports one.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    state: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """It has ended.

    :ivar outcome: in the words of ``fail_on``: ``answered``, ``delivered``, ...
    :ivar repeatable: whether sending again reaches only people who were not reached.
    :ivar call: the call in the statement.
    :ivar refusal: the vendor's text for a scheduled call that was refused when it was due, redacted.
    """

    outcome: str | None
    repeatable: bool = True
    call: Call | None = field(default=None, repr=False)
    refusal: str | None = field(default=None, repr=False)


class Errand(Protocol):
    """One call or message, as frozen data.

    Look-ups are generators of API requests, so that a worker (``Client.run``) and the triggerer (``AsyncClient.run``)
    share them. Many requests of one lot take their keys from :func:`~.keys.member_key`, and are looked for all at once
    with :class:`~.lots.LotLookup`.
    """

    @property
    def kind(self) -> str:
        """``call``, ``SMS`` or ``voice message``."""
        ...

    @property
    def target(self) -> Sequence[str]:
        """Digits of the parties; with the account they make the fingerprint in the record."""
        ...

    @property
    def due_at(self) -> datetime | None:
        """Aware time of a scheduled errand; None sends at once."""
        ...

    @property
    def due_argument(self) -> str:
        """The operators' name of ``due_at``."""
        ...

    @property
    def outcomes(self) -> Collection[str]:
        """Outcomes that ``fail_on`` may name."""
        ...

    @property
    def description(self) -> str:
        """Kind and recipients for the user, numbers masked."""
        ...

    @property
    def where_to_look(self) -> str:
        """The place where the user can look for it."""
        ...

    def request(self, key: str) -> Request[Any]:
        """Build the request with the key among its tags.

        :raises ValueError: an argument is wrong.
        """
        ...

    def accepted(self, reply: Any) -> Accepted:  # noqa: ANN401 - the reply type of the errand's own request
        """Read the answer to the request.

        :raises DirectcallRefused: nothing was done.
        """
        ...

    def find(self, record: Record, now: datetime) -> Lookup[Match]:
        """Look once for the request in the statement, by its key."""
        ...

    def control(self, record: Record, now: datetime) -> Lookup[Match]:
        """Look once for the request among all rows of the statement: only that proves that it is absent."""
        ...

    def end(self, record: Record, now: datetime) -> Lookup[End | Pending]:
        """Ask once whether it has ended."""
        ...

    def stop(self, ids: Mapping[str, str]) -> Request[Acknowledgement] | None:
        """Return the request that hangs up or cancels, or None where the vendor has none."""
        ...

    def as_json(self) -> dict[str, object]:
        """Return JSON to look it up and stop it elsewhere: numbers and times, no texts, no tags."""
        ...

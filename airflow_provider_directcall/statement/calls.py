"""Rows of the statement -> calls: which rows are one call's, and what they say together.

Directcall may list a call in one row, or in a row for each leg: the one to its origin, the one to its destination, a
further one for each attempt. One call has one id, and one idempotency key where a task placed it. Out of several rows,
a rule chooses the outcome, whatever their order:

1. The legs to the destination decide. Without one, an origin that was not reached decides; while the origin has
   answered, the leg to the destination is still to come, and there is no outcome yet.
2. One answered leg makes the call answered. Otherwise the latest attempt decides.

The price is the sum of those that the rows show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self

from airflow_provider_directcall.api.lookups import readable_rows
from airflow_provider_directcall.api.methods import list_statement
from airflow_provider_directcall.api.replies import CallOutcome, MessageRow
from airflow_provider_directcall.statement.likeness import same_number
from airflow_provider_directcall.statement.ownership import KEY_TAG, Owner, owner_of, whole_key

if TYPE_CHECKING:
    from airflow_provider_directcall.api.lookups import Lookup
    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.api.requests import Listing

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
#: Fields of a leg in a result.
_LEG_FIELDS: Final = (
    "callerid",
    "origin",
    "destination",
    "started_at",
    "duration_seconds",
    "outcome",
    "price_brl",
    "recording_url",
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the statement.

    :ivar row: the leg that decides its outcome.
    :ivar legs: all its rows, by their time.
    """

    row: StatementRow
    legs: tuple[StatementRow, ...]

    @classmethod
    def of(cls, rows: Iterable[StatementRow], destination: str | None = None, origin: str | None = None) -> Self | None:
        """Join the rows of one call; None where they do not show its outcome yet.

        :param destination: digits of who was called, where it is known.
        :param origin: digits of who asked for the call, where it is known.
        """
        legs = sorted(_without_repeats(rows), key=_order)
        deciding = [leg for leg in legs if destination is not None and same_number(leg.destination, destination)]
        if not deciding:
            deciding = [leg for leg in legs if not _goes_to_origin(leg, destination, origin)]
        if not deciding and not any(leg.outcome == CallOutcome.ANSWERED for leg in legs):
            deciding = legs
        return cls(max(deciding, key=_weight), tuple(legs)) if deciding else None

    @property
    def callerid(self) -> str | None:
        """The call's id, of the deciding leg first."""
        return next((leg.callerid for leg in self._deciding_first if leg.callerid is not None), None)

    @property
    def outcome(self) -> str | None:
        """A :class:`~.CallOutcome`, or the vendor's word."""
        return str(self.row.outcome) if self.row.outcome is not None else None

    @property
    def price_brl(self) -> Decimal | None:
        """The sum of the prices that the legs show, in BRL."""
        prices = [leg.price_brl for leg in self.legs if leg.price_brl is not None]
        return sum(prices, Decimal(0)) if prices else None

    @property
    def recording_url(self) -> str | None:
        """The recording, of the deciding leg first."""
        return next((leg.recording_url for leg in self._deciding_first if leg.recording_url is not None), None)

    @property
    def tags(self) -> Mapping[str, str]:
        """The custom data, of the deciding leg first."""
        return next((leg.tags for leg in self._deciding_first if leg.tags), {})

    @property
    def _deciding_first(self) -> tuple[StatementRow, ...]:
        return (self.row, *self.legs)

    def as_xcom(self, *, include_numbers: bool = False) -> dict[str, object]:
        """Return the call as JSON for an XCom: the deciding leg's fields, the sum of the prices, all legs."""
        legs = [leg.as_xcom(include_numbers=include_numbers) for leg in self.legs]
        return {
            **self.row.as_xcom(include_numbers=include_numbers),
            "callerid": self.callerid,
            "started_at": min((str(leg["started_at"]) for leg in legs if leg["started_at"]), default=None),
            "price_brl": str(self.price_brl) if self.price_brl is not None else None,
            "recording_url": self.recording_url,
            "tags": dict(self.tags),
            "legs": [{name: leg[name] for name in _LEG_FIELDS} for leg in legs],
        }


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """How the rows of one call, or message, are recognised: by its id, or by its idempotency key.

    A row under another id that shows our key is ours; one under our id that shows another key is not.

    :ivar callerid: the id that ``/voz/call`` answered with.
    :ivar key: the key among its tags.
    :ivar not_before: aware; an older row that shows the key is one of a deleted run of the same name.
    """

    callerid: str | None = None
    key: str | None = None
    not_before: datetime | None = field(default=None, kw_only=True)

    def listings(self, window: tuple[datetime, datetime], calls: str | None = None) -> Iterator[Listing[StatementRow]]:
        """Yield the questions to the statement: the surer one first."""
        if self.callerid:
            yield list_statement(*window, callerid=self.callerid, calls=calls)
        if self.key:
            yield list_statement(*window, tags={KEY_TAG: self.key}, calls=calls)

    def matches(self, row: StatementRow | MessageRow) -> bool:
        """Whether a row shows the key, or has the id and shows no other key."""
        return self._shows_key(row) or (self._has_id(row) and self._owner(row) is not Owner.ANOTHER)

    def own(self, rows: Iterable[StatementRow]) -> list[StatementRow]:
        """Return the rows of the call.

        Where rows show its id, one under another id is a further leg only if it goes to another party: a request that
        was repeated (``resend``) makes two calls with the same key.
        """
        rows = [row for row in rows if self.matches(row)]
        by_id = [row for row in rows if self._has_id(row)]
        parties = {row.destination for row in by_id}
        return [row for row in rows if not by_id or self._has_id(row) or row.destination not in parties]

    def _has_id(self, row: StatementRow | MessageRow) -> bool:
        return bool(self.callerid) and _folded(row.callerid) == _folded(self.callerid)

    def _shows_key(self, row: StatementRow | MessageRow) -> bool:
        moment = row.sent_at if isinstance(row, MessageRow) else row.started_at
        is_in_time = self.not_before is None or moment is None or moment >= self.not_before
        return self._owner(row) is Owner.OURS and (is_in_time or self._has_id(row))

    def _owner(self, row: StatementRow | MessageRow) -> Owner:
        return owner_of(row, self.key) if self.key else Owner.UNCLEAR


def find_call(
    identity: CallIdentity,
    window: tuple[datetime, datetime],
    *,
    destination: str | None = None,
    origin: str | None = None,
    calls: str | None = None,
) -> Lookup[Call | None]:
    """Look for one call, by its id and then by its key; None while its outcome is not in the statement.

    What one page shows counts, although the next cannot be read.

    :param destination: digits of who was called, where it is known.
    :param origin: digits of who asked for it, where it is known.
    """
    rows: list[StatementRow] = []
    for listing in identity.listings(window, calls):
        listed = yield from readable_rows(listing)
        rows += listed.rows
        call = Call.of(identity.own(rows), destination, origin)
        if call is not None:
            return call
        if listed.error is not None:
            raise listed.error
    return None


def calls_of(rows: Sequence[StatementRow], destination: str | None = None) -> list[Call]:
    """Join the rows of each call.

    :param destination: digits of who was called, where only such calls are listed.
    """
    joined = (Call.of(legs, destination) for legs in rows_by_call(rows))
    return [call for call in joined if call is not None]


def rows_by_call(rows: Sequence[StatementRow]) -> list[list[StatementRow]]:
    """Group rows by call: those with one key, or one id. A row with neither is a call of its own."""
    shown = [whole_key(row) for row in rows]
    keys = {_folded(row.callerid): key for row, key in zip(rows, shown, strict=True) if row.callerid and key}
    grouped: dict[object, list[StatementRow]] = {}
    for place, row in enumerate(rows):
        key = shown[place] or keys.get(_folded(row.callerid))
        grouped.setdefault(("key", key) if key else _folded(row.callerid) or place, []).append(row)
    return list(grouped.values())


def _goes_to_origin(leg: StatementRow, destination: str | None, origin: str | None) -> bool:
    """Whether it is the leg to the origin's telephone, which is called first."""
    if destination is not None and same_number(leg.origin, destination):
        return False
    return same_number(leg.destination, leg.origin) or same_number(leg.destination, origin)


def _weight(leg: StatementRow) -> tuple[bool, bool, datetime, int, str]:
    """Return what decides between attempts: the answered one, else the latest; then fixed."""
    return (
        leg.outcome == CallOutcome.ANSWERED,
        leg.outcome is not None,
        leg.started_at or _NEVER,
        leg.duration_seconds or 0,
        str(leg.outcome),
    )


def _order(leg: StatementRow) -> tuple[datetime, bool, str, str]:
    is_to_destination = not same_number(leg.destination, leg.origin)
    return leg.started_at or _NEVER, is_to_destination, leg.destination or "", str(leg.outcome)


def _without_repeats(rows: Iterable[StatementRow]) -> list[StatementRow]:
    kept: list[StatementRow] = []
    for row in rows:
        if row not in kept:
            kept.append(row)
    return kept


def _folded(text: str | None) -> str:
    return (text or "").strip().casefold()

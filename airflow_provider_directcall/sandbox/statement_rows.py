"""Rows of the statement of calls: matching, order and pages."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.lifecycle import call_times
from airflow_provider_directcall.sandbox.replies import Json
from airflow_provider_directcall.sandbox.tariff import FREE, call_price, format_price
from airflow_provider_directcall.sandbox.wire_dates import write_duration

if TYPE_CHECKING:
    from airflow_provider_directcall.sandbox.account import Account
    from airflow_provider_directcall.sandbox.records import CallRecord, MessageRecord
    from airflow_provider_directcall.sandbox.seeded_rows import SeededRows

PLACED: Final = "realizadas"
KINDS: Final = (PLACED, "recebidas", "perdidas", "todas")
"""The values of ``tipoFiltro`` (assumed); the first is the default."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """The filters of a statement query. Times are seconds since the epoch, inclusive to the second."""

    since: float
    until: float
    origin: str | None = None
    destination: str | None = None
    callerid: str | None = None
    recorded_only: bool = False
    tags: tuple[tuple[str, str], ...] = ()
    search: str | None = None
    """The text of ``campos[search]``, which is no filter."""
    with_tags: bool = False
    """Whether rows show their tags."""
    page: int = 1
    any_tag: bool = False
    """Whether one tag that matches is enough."""
    tag_prefix: bool = False
    """Whether a tag's value needs to begin with the wanted text only."""

    def matches(self, record: CallRecord | MessageRecord | CallRow, tags: Mapping[str, str]) -> bool:
        """Return whether a record with these tags matches; ``recorded_only`` is up to the caller."""
        return (
            self.since <= int(record.starts_at) <= self.until
            and self.origin in {None, record.origin}
            and self.destination in {None, record.destination}
            and self.callerid in {None, record.callerid}
            and (not self.tags or self._match_tags(tags))
        )

    def _match_tags(self, tags: Mapping[str, str]) -> bool:
        found = (
            key in tags and (tags[key].startswith(value) if self.tag_prefix else tags[key] == value)
            for key, value in self.tags
        )
        return any(found) if self.any_tag else all(found)


@dataclass(frozen=True, slots=True)
class CallRow:
    """A row of the statement of calls, of a real call or made up."""

    callerid: str
    origin: str
    destination: str
    starts_at: float
    outcome: str
    talk_seconds: float
    received: bool
    recorded: bool
    tags: dict[str, str]
    age: float = math.inf
    """Seconds since the row is due in the statement."""

    def price(self) -> str:
        """Return the price as the statement shows it; received calls are free."""
        free = self.received
        return format_price(FREE if free else call_price(self.destination, self.talk_seconds, recorded=self.recorded))

    def origin_leg_price(self) -> str:
        """Return the price of the leg to the origin's telephone, which the sandbox shows with a quirk only."""
        return format_price(call_price(self.origin, self.talk_seconds, recorded=False))


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The rows that match a query: made-up ones by number, then those of calls. Computed when read."""

    account: Account
    blocks: tuple[tuple[SeededRows, Sequence[int]], ...]
    calls: tuple[CallRecord, ...]

    def __len__(self) -> int:
        return sum(len(numbers) for _, numbers in self.blocks) + len(self.calls)

    def row(self, position: int) -> CallRow:
        """Return the row at a position, 0 first."""
        ends = list(accumulate(len(numbers) for _, numbers in self.blocks))
        start = 0
        for (block, numbers), end in zip(self.blocks, ends, strict=True):
            if position < end:
                return block.row(numbers[position - start])
            start = end
        return _call_row(self.account, self.calls[position - start])


def find(account: Account, query: RowFilter, kind: str) -> FoundRows:
    """Return the rows that match a query and have reached the statement."""
    blocks = seeded(account, "calls") if kind in {PLACED, "todas"} else ()
    calls = [
        call
        for call in account.store.calls.values()
        if _of_kind(call, kind)
        and query.matches(call, account.kept_tags(call.tags))
        and (not query.recorded_only or _is_recorded(call))
        and account.in_statement(call.callerid, call.starts_at, call_times(call).ended_at)
    ]
    return FoundRows(
        account,
        tuple((block, _seeded(account, block, query)) for block in blocks),
        tuple(sorted(calls, key=lambda call: call.starts_at)),
    )


def seeded(account: Account, kind: str) -> tuple[SeededRows, ...]:
    """Return the blocks of made-up rows of one statement, ``calls`` or ``messages``."""
    return tuple(block for block in account.store.seeded.values() if block.kind == kind)


def _seeded(account: Account, block: SeededRows, query: RowFilter) -> Sequence[int]:
    """Return the made-up rows that match: by arithmetic, or one by one where a quirk changes tags or their filter."""
    if not (query.any_tag or query.tag_prefix or account.changes_tags):
        return block.matching(query)
    rows = ((number, block.row(number)) for number in range(block.count))
    return tuple(
        number
        for number, row in rows
        if query.matches(row, account.kept_tags(row.tags)) and (row.recorded or not query.recorded_only)
    )


def page_positions(count: int, page: int, size: int, shuffle: int | None) -> Sequence[int]:
    """Return the positions of the rows on a page, 1 first."""
    order: Sequence[int] = range(count) if shuffle is None else shuffled(count, shuffle)
    return order[(page - 1) * size : page * size]


@lru_cache(maxsize=4)
def shuffled(count: int, seed: int) -> tuple[int, ...]:
    """Return the numbers below ``count`` in an order decided by the seed."""
    positions = list(range(count))
    random.Random(seed).shuffle(positions)  # noqa: S311 - an order of rows is no secret
    return tuple(positions)


def format_row(account: Account, row: CallRow, base_url: str, *, with_tags: bool) -> dict[str, Json]:
    """Format a row as the statement shows it."""
    fields: dict[str, Json] = {
        "origem": row.origin,
        "destino": row.destination,
        "inicio": account.format_moment(row.starts_at),
        "callerid": row.callerid,
        "duracao": write_duration(row.talk_seconds),
        "status": row.outcome,
        "tipo": "recebida" if row.received else "realizada",
        "valor": row.price(),
    }
    if row.recorded:
        host = account.settings.recording_host or base_url
        fields["gravacao_link"] = f"{host}/recordings/{recording_id(row.callerid)}"
    if with_tags:
        fields["campos"] = {**account.kept_tags(row.tags)}
    return fields


def recording_id(callerid: str) -> str:
    """Return the 40 hex digits of a call's recording: its UUID and a checksum."""
    digits = callerid.replace("-", "")
    return f"{digits}{zlib.crc32(digits.encode()):08x}"


def recorded_row(account: Account, wanted: str) -> CallRow | None:
    """Return the call with a recording id, None if no recorded call has it."""
    callerid = "-".join((wanted[:8], wanted[8:12], wanted[12:16], wanted[16:20], wanted[20:32]))
    if recording_id(callerid) != wanted:
        return None
    call = account.store.calls.get(callerid)
    numbers = ((block, block.number_of(callerid)) for block in seeded(account, "calls"))
    rows = [block.row(number) for block, number in numbers if number is not None]
    rows += [_call_row(account, call)] if call is not None else []
    return next((row for row in rows if row.recorded), None)


def _of_kind(call: CallRecord, kind: str) -> bool:
    if kind == "todas":
        return True
    if kind == PLACED:
        return call.direction == "realizada"
    answered = call_times(call).answered_at is not None
    return call.direction == "recebida" and answered == (kind == "recebidas")


def _is_recorded(call: CallRecord) -> bool:
    return call.recorded and call_times(call).talk_seconds > 0


def _call_row(account: Account, call: CallRecord) -> CallRow:
    times = call_times(call)
    return CallRow(
        callerid=call.callerid,
        origin=call.origin,
        destination=call.destination,
        starts_at=call.starts_at,
        outcome=times.outcome,
        talk_seconds=times.talk_seconds,
        received=call.direction == "recebida",
        recorded=_is_recorded(call),
        tags=call.tags,
        age=account.statement_age(call.callerid, call.starts_at, times.ended_at),
    )

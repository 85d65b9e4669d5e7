"""Follow a chunk's requests in the statement: one look for all contacts of a wave, not one for each contact."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.chunks import chunk_stem
from airflow_provider_directcall.campaigns.columns import FURTHER
from airflow_provider_directcall.campaigns.looks import Followed, LookOptions, look
from airflow_provider_directcall.campaigns.track_lines import TrackLine, track_states, write_track_lines
from airflow_provider_directcall.campaigns.voice import attempt_key, attempt_name, attempts_made
from airflow_provider_directcall.campaigns.wave_log import Progress, WaveLog

if TYPE_CHECKING:
    from airflow_provider_directcall.api.client import AsyncClient
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.campaigns.storage import Folder

_FOLLOWED: Final = frozenset({Progress.SENT, Progress.DOUBTFUL, Progress.UNKNOWN})
#: So many looks, at most, in the time that passes until the age of a chunk has doubled.
_LOOKS_PER_AGE: Final = 10


@dataclass(frozen=True, kw_only=True)
class TrackOptions:
    """How a chunk is followed.

    :param channel: how its contacts are reached.
    :param until: aware; no look is due after it.
    :param poll_interval: between two looks, at least.
    :param attempt: which attempt of its calls, from 1.
    :param origin: digits of who asks for the calls, where they are known.
    """

    channel: Channel
    until: datetime
    poll_interval: timedelta = timedelta(minutes=1)
    attempt: int = 1
    origin: str | None = field(default=None, repr=False)

    def look(self, now: datetime) -> LookOptions:
        """Return the options of a look."""
        return LookOptions(channel=self.channel, attempt=self.attempt, origin=self.origin, is_last=now >= self.until)


@dataclass(frozen=True, slots=True)
class Tracked:
    """One look.

    :ivar states: contact -> state, of the chunk's contacts whose requests left, or may have left.
    :ivar pending: those among them whose state is not final.
    :ivar look_again_at: aware; when the next look is due. None: nothing is pending, or the time is over.
    :ivar problem: why the statement could not be read to its end, or None; the next look reads it again.
    """

    states: Mapping[str, str]
    pending: int
    look_again_at: datetime | None
    problem: str | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """State -> contacts."""
        return Counter(self.states.values())


async def track_chunk(
    folder: Folder, chunk_name: str, *, key: str, client: AsyncClient, clock: Clock, options: TrackOptions
) -> Tracked:
    """Look once for all contacts of a chunk whose end is not known, write down what changed, and return the counts.

    It does not wait: the caller looks again at :attr:`Tracked.look_again_at`, in this process or in another.

    :param chunk_name: such as ``chunks/00000.parquet``.
    :param key: of the chunk.
    :raises OSError: a file cannot be read or written.
    """
    name = attempt_name(chunk_name, options.attempt)
    lot = attempt_key(key, options.attempt)
    known = track_states(folder, name)
    followed = _followed(folder, chunk_name, lot, options)
    pending = [each for each in followed if not _is_final(known.get(each.id))]
    now = clock.now()
    looked = await look(pending, lot, client, now, options.look(now))
    changed = [line for line in looked.lines.values() if known.get(line.contact) != line]
    if changed:
        write_track_lines(folder, name, changed)
        known = {**known, **looked.lines}
    left = sum(not _is_final(known.get(each.id)) for each in followed)
    is_over = not left or now >= options.until
    return Tracked(
        states={each.id: known[each.id].state if each.id in known else each.state for each in followed},
        pending=left,
        look_again_at=None if is_over else min(now + _pause(followed, now, options), options.until),
        problem=looked.problem,
    )


async def track_attempts(
    folder: Folder, chunk_name: str, *, key: str, client: AsyncClient, clock: Clock, options: TrackOptions
) -> Tracked:
    """Look once for all attempts of a chunk, as :func:`track_chunk` does for one; each contact's last one counts."""
    looks = [
        await track_chunk(
            folder, chunk_name, key=key, client=client, clock=clock, options=replace(options, attempt=attempt)
        )
        for attempt in attempts_made(folder, chunk_name)
    ]
    return Tracked(
        states={contact: state for look in looks for contact, state in look.states.items()},
        pending=sum(look.pending for look in looks),
        look_again_at=min((look.look_again_at for look in looks if look.look_again_at is not None), default=None),
        problem=next((look.problem for look in looks if look.problem is not None), None),
    )


def _pause(followed: Sequence[Followed], now: datetime, options: TrackOptions) -> timedelta:
    """Return the time to the next look: it grows with the age of the requests, as each look reads the whole chunk."""
    age = now - max(each.since for each in followed)
    return max(options.poll_interval, age / _LOOKS_PER_AGE)


def _followed(folder: Folder, chunk_name: str, lot: str, options: TrackOptions) -> list[Followed]:
    results = WaveLog(folder, attempt_name(chunk_name, options.attempt)).state().latest
    followed = []
    for contact, numbers, parts in _contacts(folder, chunk_name):
        result = results.get(contact)
        if result is None or result.progress not in _FOLLOWED:
            continue
        followed.append(Followed.of(result, numbers[result.place], parts, lot))
    return followed


def _contacts(folder: Folder, chunk_name: str) -> Iterator[tuple[str, list[str], int]]:
    """Yield id, numbers in their order, and parts of a chunk's contacts, without those that were erased."""
    rows = pl.read_parquet(io.BytesIO(folder.read(f"chunks/{chunk_stem(chunk_name)}.parquet"))).drop_nulls("number")
    further = rows.get_column(FURTHER).to_list() if FURTHER in rows.columns else [[]] * len(rows)
    for (contact, number, parts), others in zip(rows.select("id", "number", "parts").iter_rows(), further, strict=True):
        yield contact, [number, *(others or ())], parts


def _is_final(line: TrackLine | None) -> bool:
    return line is not None and line.is_final

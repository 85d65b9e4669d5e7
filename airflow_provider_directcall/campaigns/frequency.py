"""How often a number may be reached by all campaigns of one storage, and how often it was."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

import polars as pl

from airflow_provider_directcall.campaigns.columns import MOMENT
from airflow_provider_directcall.campaigns.digests import digest
from airflow_provider_directcall.campaigns.errors import CampaignError

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.channels import Channel
    from airflow_provider_directcall.campaigns.storage import Folder

#: Below the storage; the campaigns' folders have three levels more.
LEDGER_FOLDER: Final = "frequency-ledger"
_KEYS: Final = f"{LEDGER_FOLDER}/keys/"
_REACHED: Final = f"{LEDGER_FOLDER}/reached/"
_KEY_BYTES: Final = 32
#: Among ten million numbers, two share a hash with a probability of 1 in 400,000.
_HASH_BYTES: Final = 8
#: Days and months are those of this clock.
_ZONE: Final = ZoneInfo("America/Sao_Paulo")
#: The longest month, and a day for the zones.
_KEPT: Final = timedelta(days=32)
_TRIES: Final = 5
_SCHEMA: Final = {"number": pl.Int64, "at": MOMENT, "source": pl.String, "channel": pl.String}


@dataclass(frozen=True, slots=True)
class FrequencyCap:
    """How many times all campaigns together may reach a number.

    :param day: in a day of Brasília; None for no limit.
    :param month: in a calendar month.
    :raises CampaignError: a limit is below 1, or there is none.
    """

    day: int | None = None
    month: int | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        limits = [limit for limit in (self.day, self.month) if limit is not None]
        if not limits or min(limits) < 1:
            raise CampaignError("frequency_cap: whole numbers above 0 are needed for day, month or both")

    @classmethod
    def of(cls, value: Mapping[str, object]) -> Self:
        """Read ``{"day": 1, "month": 4}``.

        :raises CampaignError: it has another key, or a limit that is no integer.
        """
        unknown = sorted(set(value) - {"day", "month"})
        if unknown:
            raise CampaignError(f"frequency_cap: {unknown[0]!r} is neither day nor month")
        try:
            return cls(**{name: int(str(limit)) for name, limit in value.items()})
        except ValueError:
            raise CampaignError("frequency_cap: whole numbers above 0 are needed for day, month or both") from None

    def as_json(self) -> dict[str, int]:
        """Return it as :meth:`of` reads it."""
        return {name: limit for name, limit in (("day", self.day), ("month", self.month)) if limit is not None}


class FrequencyLedger:
    """Which numbers were reached, when and by which campaign: one file a wave, and numbers as keyed hashes.

    The key is a random file beside the hashes. It protects the numbers from those who get the hashes alone; whoever can
    read both finds a number by trial, as there are few of them.

    :param base: the storage of the campaigns.
    """

    def __init__(self, base: Folder) -> None:
        self._base = base
        self._key: bytes | None = None

    @property
    def storage(self) -> str:
        """Where it is."""
        return self._base.uri

    def exists(self) -> bool:
        """Whether any campaign of the storage has had a cap: before, nothing is recorded."""
        return bool(self._base.names(_KEYS))

    def begin(self) -> None:
        """Make the key, if there is none."""
        if not self.exists():
            self._base.write(f"{_KEYS}{secrets.token_hex(4)}", secrets.token_bytes(_KEY_BYTES))

    def hashes(self, numbers: Sequence[str]) -> list[list[int]]:
        """Return the hashes of numbers with each key: usually one, and two where two tasks have made one at once."""
        keys = [self._base.read(name) for name in self._base.names(_KEYS)]
        return [[_hashed(number, key) for number in numbers] for key in keys]

    def write(
        self, name: str, numbers: Sequence[str], at: datetime, source: str | Sequence[str], channel: Channel
    ) -> None:
        """Write numbers that were, or are about to be, reached; the same name replaces the file.

        :param name: unique to the wave and the process.
        :param at: aware.
        :param source: of :func:`source_of`; one of all numbers, or one of each.
        :raises OSError: the storage is read-only, full, ...
        """
        if self._key is None:
            self._key = self._base.read(self._base.names(_KEYS)[0])
        sources = [source] * len(numbers) if isinstance(source, str) else source
        rows = pl.DataFrame(
            {"number": [_hashed(number, self._key) for number in numbers], "source": sources},
            schema={"number": pl.Int64, "source": pl.String},
        ).with_columns(at=pl.lit(at, MOMENT), channel=pl.lit(channel.value))
        self._base.write(f"{_REACHED}{_day(at)}/{name}.parquet", _parquet(rows.select(*_SCHEMA)))

    def names(self, now: datetime, *, of_today: bool = False) -> list[str]:
        """Return the files of this month, or those of today."""
        first = _day(now if of_today else now.astimezone(_ZONE).replace(day=1))
        return [name for name in self._base.names(_REACHED) if _day_of(name) >= first]

    def rows(self, name: str) -> pl.DataFrame:
        """Return the rows of a file.

        :raises FileNotFoundError: it was merged or removed since.
        """
        return self.scan(name).collect()

    def scan(self, name: str) -> pl.LazyFrame:
        """Return the rows of a file, of which only those that are asked for are unpacked.

        :raises FileNotFoundError: it was merged or removed since.
        """
        return pl.scan_parquet(io.BytesIO(self._base.read(name)))

    def tidy(self, now: datetime) -> None:
        """Merge the files of days that are over, and remove those that no cap needs any more.

        Safe beside other tasks: a merged file has a name of its own, and rows that are there twice count once.
        """
        days: dict[str, list[str]] = {}
        for name in self._base.names(_REACHED):
            days.setdefault(_day_of(name), []).append(name)
        for day, names in days.items():
            if day < _day(now - _KEPT):
                self._remove(names)
            elif day < _day(now - timedelta(days=1)) and len(names) > 1:
                with suppress(FileNotFoundError):  # another task merges the same day
                    rows = pl.concat([self.rows(name) for name in names]).unique(maintain_order=True)
                    self._base.write(f"{_REACHED}{day}/merged-{secrets.token_hex(8)}.parquet", _parquet(rows))
                    self._remove(names)

    def erase(self, number: str) -> int:
        """Remove a number, and return how many rows had it.

        :param number: digits on the wire.
        """
        wanted = [each for hashes in self.hashes([number]) for each in hashes]
        count = 0
        for name in self._base.names(_REACHED) if wanted else ():
            rows = self.rows(name)
            left = rows.filter(~pl.col("number").is_in(wanted))
            if len(left) < len(rows):
                self._base.write(name, _parquet(left))
                count += len(rows) - len(left)
        return count

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._base.remove(name)


def source_of(campaign: Folder, log: str = "1") -> str:
    """Return a name for the requests of a campaign, the same in all its tries.

    :param log: of a chunk's further attempt, which has a source of its own: several chunks may have its numbers.
    """
    return f"{digest(campaign.uri.encode())}.{log}"


class ReachedNumbers:
    """How often numbers were reached in this month, by other campaigns or attempts.

    :param own: of :func:`source_of`: a campaign does not count itself, however often it is planned or cleared.
    :param only: digits; of all other numbers, nothing is kept. None keeps all.
    """

    def __init__(
        self, ledger: FrequencyLedger, cap: FrequencyCap, own: str, only: Collection[str] | None = None
    ) -> None:
        self._ledger = ledger
        self._cap = cap
        self._own = own
        self._only = None if only is None else list(only)
        self._read: set[str] = set()
        self._days = pl.DataFrame(schema={"number": pl.Int64, "source": pl.UInt64, "day": pl.Date})

    def refresh(self, now: datetime) -> None:
        """Read the files that are new; without a limit for the month, only those of today.

        :param now: aware.
        :raises OSError: the storage fails.
        """
        for _ in range(_TRIES):
            try:
                names = self._ledger.names(now, of_today=self._cap.month is None)
                self._read_files([name for name in names if name not in self._read])
            except FileNotFoundError:
                continue  # merged since: the merged file is in the next list
            return
        raise CampaignError("frequency_cap: the ledger changes while it is read; try again")

    def _read_files(self, names: Sequence[str]) -> None:
        if not names:
            return
        wanted = self._wanted()
        rows = [self._shaped(self._ledger.scan(name), wanted) for name in names]
        # A row may be there twice: of a wave and of its results, or in a merged file and the one that it came from.
        self._days = pl.concat([self._days, *rows]).sort("day").unique(["number", "source"], keep="last")
        self._read.update(names)

    def _wanted(self) -> pl.LazyFrame | None:
        if self._only is None:
            return None
        # With the keys of now: rows that another key has made are in files that were written after it.
        hashes = [each for own in self._ledger.hashes(self._only) for each in own]
        return pl.LazyFrame({"number": hashes}, schema={"number": pl.Int64})

    def _shaped(self, rows: pl.LazyFrame, wanted: pl.LazyFrame | None) -> pl.DataFrame:
        day = pl.col("at").dt.convert_time_zone(_ZONE.key).dt.date()
        others = rows.filter(pl.col("source") != self._own)
        asked = others if wanted is None else others.join(wanted, on="number", how="semi")
        return asked.select("number", pl.col("source").hash(), day.alias("day")).collect(engine="streaming")

    def __len__(self) -> int:
        return len(self._days)

    def reasons(self, numbers: pl.Series, at: pl.Series, *, more: int = 0) -> pl.Series:
        """Return for each number why it must not be reached at a time, or null.

        :param numbers: digits.
        :param at: of :data:`~.columns.MOMENT`.
        :param more: requests to each of them that no file has yet.
        """
        limits = self._cap.as_json().items()
        spent = [_over_cap(limit, name) for name, limit in limits if more >= limit]
        reason = pl.repeat(spent[-1] if spent else None, len(numbers), dtype=pl.String, eager=True)
        if not len(self._days):
            return reason
        own = pl.DataFrame({"at": at.dt.convert_time_zone(_ZONE.key).dt.date()}).with_row_index("place")
        for hashes in self._ledger.hashes(numbers.to_list()):
            asked = own.with_columns(number=pl.Series(hashes, dtype=pl.Int64))
            counts = (
                asked.join(self._days, on="number")
                .group_by("place")
                .agg(
                    day=(pl.col("day") == pl.col("at")).sum(),
                    month=(pl.col("day").dt.truncate("1mo") == pl.col("at").dt.truncate("1mo")).sum(),
                )
            )
            for name, limit in limits:
                over = counts.filter(pl.col(name) + more >= limit).get_column("place")
                reason = reason.scatter(over, _over_cap(limit, name))
        return reason


def _over_cap(limit: int, period: str) -> str:
    return f"frequency cap: {limit} a {period}"


def _hashed(number: str, key: bytes) -> int:
    hashed = hashlib.blake2b(number.encode(), key=key, digest_size=_HASH_BYTES).digest()
    return int.from_bytes(hashed, "big", signed=True)


def _day(moment: datetime) -> str:
    return moment.astimezone(_ZONE).date().isoformat()


def _day_of(name: str) -> str:
    return name.removeprefix(_REACHED).partition("/")[0]


def _parquet(rows: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    rows.write_parquet(content)
    return content.getvalue()

"""Chunks of a plan: the contacts that one task sends to."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.columns import FURTHER
from airflow_provider_directcall.campaigns.errors import CampaignError

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

_PLAN: Final = "plan.json"
#: Columns of a contact's tags begin with it.
_TAG: Final = "tag "
_COLUMNS: Final = ("id", "number", "text", "parts", "opens_at")
#: Columns that not every plan has.
_OPTIONAL: Final = ("not_after", "zone", FURTHER)


@dataclass(frozen=True, slots=True)
class Contact:
    """One accepted contact of a plan.

    :ivar id: unique in the plan.
    :ivar number: digits, unique in the plan.
    :ivar parts: in which the text is sent and charged.
    :ivar opens_at: aware; not to be reached earlier.
    :ivar not_after: aware; not to be reached from then on.
    :ivar zone: its own, see :func:`~.places.parse_zone`; None for that of the number.
    :ivar further: digits of the contact's other numbers, in order of preference.
    :ivar place: of the number among all of the contact's, from 0.
    """

    id: str
    number: str = field(repr=False)
    text: str | None = field(default=None, repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    parts: int = 1
    opens_at: datetime | None = None
    not_after: datetime | None = None
    zone: str | None = None
    further: tuple[str, ...] = field(default=(), repr=False)
    place: int = 0

    @property
    def numbers(self) -> tuple[str, ...]:
        """All numbers of a contact whose place is 0."""
        return (self.number, *self.further)

    def at(self, place: int) -> Contact:
        """Return the contact with the number at a place among its own."""
        return replace(self, number=self.numbers[place], place=place)


def read_chunk(folder: Folder, name: str) -> list[Contact]:
    """Read the contacts of a chunk, in the order of the plan, without those that were erased.

    :param name: as in the plan.
    :raises CampaignError: the plan has no such chunk, or its file has changed since.
    :raises OSError: a file cannot be read.
    """
    import polars as pl

    planned = _digest_in_plan(folder, name)
    try:
        content = folder.read(name)
    except FileNotFoundError:
        raise CampaignError(
            f"{name} is not there: the campaign was purged, or its storage is on another machine only. Nothing was sent"
        ) from None
    if hashlib.blake2b(content, digest_size=len(planned) // 2).hexdigest() != planned:
        raise CampaignError(f"{name} is not the file that was planned: it has changed. Nothing was sent; plan again")
    # A contact that was erased has no number.
    rows = pl.read_parquet(io.BytesIO(content)).drop_nulls("number")
    tag_names = [column.removeprefix(_TAG) for column in rows.columns if column.startswith(_TAG)]
    rows = rows.with_columns(pl.lit(None).alias(name) for name in _OPTIONAL if name not in rows.columns)
    columns = (*_COLUMNS, *_OPTIONAL, *(_TAG + tag for tag in tag_names))
    return list(_contacts(rows.select(columns).iter_rows(), tag_names))


def chunk_numbers(folder: Folder, name: str) -> frozenset[str]:
    """Return the digits of all numbers of a chunk's contacts, those that only a further call would reach too."""
    return frozenset(number for contact in read_chunk(folder, name) for number in contact.numbers)


def chunk_stem(name: str) -> str:
    """Return the name of the folder of a chunk's waves, such as ``00000`` of ``chunks/00000.parquet``."""
    return PurePosixPath(name).stem


def _digest_in_plan(folder: Folder, name: str) -> str:
    plan = json.loads(folder.read(_PLAN))
    digests = {str(chunk["name"]): str(chunk["digest"]) for chunk in plan["chunks"]}
    if name not in digests:
        raise CampaignError(f"the plan in {folder.uri} has no chunk {name!r}")
    return digests[name]


def _contacts(rows: Iterator[tuple[object, ...]], tag_names: list[str]) -> Iterator[Contact]:
    for own, number, text, parts, opens_at, not_after, zone, further, *tags in rows:
        yield Contact(
            id=str(own),
            number=str(number),
            text=None if text is None else str(text),
            tags={name: str(value) for name, value in zip(tag_names, tags, strict=True) if value is not None},
            parts=int(str(parts)),
            opens_at=opens_at if isinstance(opens_at, datetime) else None,
            not_after=not_after if isinstance(not_after, datetime) else None,
            zone=None if zone is None else str(zone),
            further=tuple(map(str, further)) if isinstance(further, list) else (),
        )

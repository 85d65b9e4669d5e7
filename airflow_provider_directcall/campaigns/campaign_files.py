"""Which files below a folder are campaigns': a storage may have files of the user's own, and campaigns in others'."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import polars as pl

from airflow_provider_directcall.campaigns.contacts.rows import FILE, ROW
from airflow_provider_directcall.campaigns.frequency import LEDGER_FOLDER
from airflow_provider_directcall.campaigns.guards import STOP_FILE
from airflow_provider_directcall.campaigns.plan_summary import PLAN_FILE
from airflow_provider_directcall.campaigns.planning import OTHERS_FILE, PREVIEW_FILE
from airflow_provider_directcall.campaigns.report import PURGED_FILE

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

log = logging.getLogger(__name__)

Json: TypeAlias = "dict[str, object]"

#: Files of a plan that are written before its summary.
_BEFORE_PLAN: Final = rf"chunks/[0-9]{{5,}}\.parquet|{re.escape(OTHERS_FILE)}|{re.escape(PREVIEW_FILE)}"
_OF_PLAN: Final = re.compile(rf"(?P<folder>(?:.*/)?)(?:{_BEFORE_PLAN})")
#: All files of a campaign, by their place below its folder. No file of a campaign in a folder below is among them.
_OWN: Final = re.compile(
    rf"{_BEFORE_PLAN}|{re.escape(PLAN_FILE)}|{STOP_FILE}|{PURGED_FILE}"
    r"|(?:waves|track)/[0-9]{5,}(?:\.[0-9]+)?/[^/]+|(?:owners|keys)/[0-9]{5,}(?:\.[0-9]+)?"
    r"|report/(?:report|results|again)\.[a-z]+"
)
_HALF_WRITTEN: Final = re.compile(r"\.[0-9]+\.part$")
_FIELDS: Final = frozenset({"planned_at", "digest", "chunks"})


@dataclass(frozen=True)
class CampaignFiles:
    """The files of one campaign below the base: names are relative to its folder."""

    base: Folder
    prefix: str
    plan: Json

    @property
    def planned_at(self) -> datetime:
        """When it was planned."""
        return datetime.fromisoformat(str(self.plan["planned_at"]))

    def names(self, prefix: str = "") -> list[str]:
        """Return its files that begin so."""
        return self._own(self.base.names(self.prefix + prefix))

    def leftovers(self) -> list[str]:
        """Return its files that were half written."""
        return self._own(self.base.leftovers(self.prefix))

    def _own(self, names: Iterable[str]) -> list[str]:
        own = (name.removeprefix(self.prefix) for name in names)
        return [name for name in own if _OWN.fullmatch(_HALF_WRITTEN.sub("", name))]

    def has_begun(self) -> bool:
        """Whether something of it may have been sent."""
        return bool(self.base.names(f"{self.prefix}waves/"))

    def read(self, name: str) -> bytes:
        """Read a file."""
        return self.base.read(self.prefix + name)

    def write(self, name: str, content: bytes) -> None:
        """Replace a file as a whole."""
        self.base.write(self.prefix + name, content)

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.base.remove(self.prefix + name)


def campaigns_below(base: Folder) -> Iterator[CampaignFiles]:
    """Yield the campaigns of a folder and of those below it; another program's ``plan.json`` is none."""
    for name in base.names():
        if _is_plan(name):
            plan = _plan(base.read(name))
            if plan is None:
                log.warning("%s/%s is skipped: it is no plan of a campaign.", base.uri, name)
            else:
                yield CampaignFiles(base, name.removesuffix(PLAN_FILE), plan)


def remains_below(base: Folder) -> list[str]:
    """Return what killed processes have left: files that were half written, and those of plans without a summary."""
    return [*filter(_is_remain, base.leftovers()), *_unplanned(base)]


def _is_plan(name: str) -> bool:
    return name == PLAN_FILE or name.endswith(f"/{PLAN_FILE}")


def _plan(content: bytes) -> Json | None:
    """Return the fields of a campaign's plan, or None."""
    try:
        fields = json.loads(content)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and fields.keys() >= _FIELDS else None


def _is_remain(name: str) -> bool:
    """Whether a half-written file is a campaign's, whichever folders it is in, or the ledger's."""
    whole = _HALF_WRITTEN.sub("", name)
    parts = whole.split("/")
    tails = ("/".join(parts[place:]) for place in range(len(parts)))
    return whole.startswith(f"{LEDGER_FOLDER}/") or any(_OWN.fullmatch(tail) for tail in tails)


def _unplanned(base: Folder) -> list[str]:
    """Return the files of plans that never came to their end.

    By their columns, as a storage may have files of the user's own.
    """
    names = base.names()
    plans = {name.removesuffix(PLAN_FILE) for name in names if _is_plan(name)}
    found: dict[str, list[str]] = {}
    for name in names:
        of_plan = _OF_PLAN.fullmatch(name)
        if of_plan is not None and of_plan["folder"] not in plans:
            found.setdefault(of_plan["folder"], []).append(name)
    return [name for files in found.values() if any(_has_places(base, each) for each in files) for name in files]


def _has_places(base: Folder, name: str) -> bool:
    """Whether a file has the columns of a plan's rows."""
    if not name.endswith(".parquet"):
        return False
    try:
        return {FILE, ROW} <= set(pl.read_parquet_schema(io.BytesIO(base.read(name))))
    except (FileNotFoundError, pl.exceptions.PolarsError):
        return False

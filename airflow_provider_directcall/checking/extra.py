"""Findings -> the part of the connection's extra that makes the client fit the account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.settings import NO_TAG_SEARCH

if TYPE_CHECKING:
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.checking.assumptions import Finding

_SEARCH: Final = "s"
#: Forms of an account that has to be asked without ``campos[search]``.
_WITHOUT_SEARCH: Final = frozenset({"search_filters", "search_refused", "tags_always"})
#: Minutes east of UTC -> Brazil's zone of that offset.
_ZONES: Final[Mapping[int, str]] = {
    -120: "America/Noronha",
    -180: "America/Sao_Paulo",
    -240: "America/Manaus",
    -300: "America/Rio_Branco",
    0: "UTC",
}


def extra_of(findings: Iterable[Finding], settings: Settings, now: datetime) -> dict[str, object]:
    """Return the settings to add to the connection's extra; empty where none has to change."""
    listed = list(findings)
    return {**_timezone(listed, settings, now), **_tag_search(listed, settings), **_fields(listed, settings)}


def _timezone(findings: list[Finding], settings: Settings, now: datetime) -> dict[str, object]:
    """Name the zone that the rows of our own sending are in; findings that differ from each other name none."""
    differences = {
        int(finding.details["minutes"]) * (1 if finding.details["way"] == "ahead" else -1)
        for finding in findings
        if finding.form == "zone_differs"
    }
    if len(differences) != 1 or any(finding.form == "zone" for finding in findings):
        return {}
    present = now.astimezone(settings.zone).utcoffset() or timedelta()
    minutes = round(present.total_seconds() / 60) + differences.pop()
    return {"timezone": _ZONES[minutes]} if minutes in _ZONES else _fixed_zone(minutes)


def _fixed_zone(minutes: int) -> dict[str, object]:
    hours, rest = divmod(minutes, 60)
    # The sign of these names is that of POSIX, west being positive.
    return {"timezone": f"Etc/GMT{-hours:+d}"} if rest == 0 and -14 <= hours <= 12 else {}


def _tag_search(findings: list[Finding], settings: Settings) -> dict[str, object]:
    forms = {finding.form for finding in findings}
    if forms & _WITHOUT_SEARCH and not ("tags_shown" in forms and not forms & {"search_filters", "search_refused"}):
        wanted = NO_TAG_SEARCH
    elif "tags_shown" in forms:
        wanted = _SEARCH
    else:
        return {}
    # Unset means the same as the word that shows them.
    return {"tag_search": wanted} if (settings.tag_search or _SEARCH) != wanted else {}


def _fields(findings: list[Finding], settings: Settings) -> dict[str, object]:
    """Add the renamed fields to those that the connection replaces already."""
    fields: dict[str, dict[str, str]] = {}
    for finding in findings:
        if finding.form == "field_renamed":
            known = fields.setdefault(finding.place, dict(settings.field_names(finding.place)))
            known[str(finding.details["assumed"])] = str(finding.details["shown"])
    return {"fields": {**{name: dict(names) for name, names in settings.fields.items()}, **fields}} if fields else {}

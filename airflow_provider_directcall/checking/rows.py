"""Probes of rows: their fields, times, ids, legs, order and states. Most need no further question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.paging import MAX_PAGES
from airflow_provider_directcall.api.replies import CallOutcome, MessageState, call_outcome, message_state
from airflow_provider_directcall.api.replies.values import integer_or_none, link_or_none, text_or_none
from airflow_provider_directcall.api.words import folded
from airflow_provider_directcall.checking.looks import (
    Statement,
    plain_names,
    time_in,
)

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies.envelope import Json, JsonObject
    from airflow_provider_directcall.checking.assumptions import Finding
    from airflow_provider_directcall.checking.evidence import Evidence
    from airflow_provider_directcall.checking.looks import Steps

_RECENT: Final = timedelta(hours=3)
_FRESH: Final = timedelta(minutes=55)
_AHEAD: Final = timedelta(minutes=5)
_ZONE_STEP: Final = 15
_ORDERED_ROWS: Final = 3
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "list_statement": frozenset({"origem", "destino", "inicio", "duracao", "status", "tipo", "valor"}),
    "list_messages": frozenset({"origem", "destino", "inicio", "tipo", "texto", "status", "id_mensagem", "valor"}),
    "list_recordings": frozenset({"origem", "destino", "inicio"}),
}
_OPTIONAL_FIELDS: Final = frozenset({"callerid", "campos", "gravacao_link"})
_FORMS_OF_FIELDS: Final[Mapping[str, re.Pattern[str]]] = {
    "callerid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    "duracao": re.compile(r"\d{1,3}:\d{2}:\d{2}"),
    "valor": re.compile(r"\d{1,6}[.,]\d{2,6}"),
}
_TIMES: Final = (
    (re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}"), "time"),
    (re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}"), "time_without_seconds"),
    (re.compile(r"\d{2}/\d{2}/\d{4} \d{2}:\d{2}:\d{2}"), "time_day_first"),
    (re.compile(r"\d{2}/\d{2}/\d{4} \d{2}:\d{2}"), "time_day_first_without_seconds"),
)
_IDS: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{10,20}")


def fields(evidence: Evidence) -> list[Finding]:
    """Compare the names of the fields with the assumed ones."""
    shown = frozenset(name for row in evidence.rows for name in row)
    missing = _FIELDS[evidence.place] - shown
    more = shown - _FIELDS[evidence.place] - _OPTIONAL_FIELDS
    others = ", ".join(plain_names(more))
    if missing:
        return evidence.found("fields_missing", names=", ".join(sorted(missing)), others=others or "none")
    if more:
        return evidence.found("fields_more", others=others or f"{len(more)} without a plain name")
    return evidence.found("fields", count=len(_FIELDS[evidence.place]))


def renamed(evidence: Evidence) -> list[Finding]:
    """Find assumed fields that have another name."""
    renamed = renamed_fields(evidence.rows, evidence.place)
    return [
        finding
        for assumed, shown in renamed.items()
        for finding in evidence.found("field_renamed", assumed=assumed, shown=shown)
    ]


def renamed_fields(rows: tuple[JsonObject, ...], place: str) -> dict[str, str]:
    """Return assumed field -> the one unknown field whose values all have its form."""
    shown = {name for row in rows for name in row}
    unknown = plain_names(shown - _FIELDS[place] - _OPTIONAL_FIELDS)
    renamed = {}
    for assumed, form in _FORMS_OF_FIELDS.items():
        alike = [name for name in unknown if all(form.fullmatch(str(row.get(name))) for row in rows)]
        if assumed not in shown and len(alike) == 1:
            renamed[assumed] = alike[0]
    return renamed


def times(evidence: Evidence) -> list[Finding]:
    """Return the forms of the times."""
    texts = [str(row["inicio"]) for row in evidence.rows if "inicio" in row]
    if not texts:
        return []
    forms = {_time_form(text) for text in texts}
    return [finding for form in sorted(forms) for finding in evidence.found(form)]


def _time_form(text: str) -> str:
    return next((form for pattern, form in _TIMES if pattern.fullmatch(text.strip())), "time_unknown")


def zone(evidence: Evidence) -> Steps[list[Finding]]:
    """Compare a row's time with the time of its sending, or with now."""
    zone = evidence.settings.zone
    if evidence.own is not None:
        started_at = time_in(evidence.own_row, zone) if evidence.own_row is not None else None
        return _zone_of(evidence, started_at, evidence.own.sent_at) if started_at is not None else []
    now = evidence.clock.now()
    recent = Statement(evidence.place, now - _RECENT, now + _RECENT)
    looks = [(yield from recent.look())]
    pages = integer_or_none(looks[0].pages)
    if pages is not None and 1 < pages <= MAX_PAGES:
        looks.append((yield from recent.look(page=pages)))
    times = [moment for look in looks for row in look.rows if (moment := time_in(row, zone)) is not None]
    if not times:
        return evidence.found("zone_open")
    age = now - max(times)
    minutes = round(abs(age).total_seconds() / 60)
    if -age > _AHEAD:
        return evidence.found("zone_ahead", minutes=minutes)
    return evidence.found("zone_likely", minutes=minutes) if age < _FRESH else evidence.found("zone_open")


def _zone_of(evidence: Evidence, shown_at: datetime, sent_at: datetime) -> list[Finding]:
    apart = (shown_at - sent_at).total_seconds()
    minutes = round(apart / 60 / _ZONE_STEP) * _ZONE_STEP
    if minutes == 0:
        return evidence.found("zone", seconds=abs(round(apart)))
    return evidence.found("zone_differs", minutes=abs(minutes), way="ahead" if minutes > 0 else "behind")


def ids(evidence: Evidence) -> list[Finding]:
    """Compare our row's id with that of the answer; of other rows, only the form can be known."""
    ids = [text for row in evidence.rows if (text := text_or_none(row.get("callerid")))]
    if not ids:
        return evidence.found("id_missing")
    own, row = evidence.own, evidence.own_row
    shown = text_or_none(row.get("callerid")) if row is not None else None
    if own is not None and own.answer_id is not None and shown is not None:
        return evidence.found(_id_form(own.answer_id, shown))
    if any(text != text.lower() for text in ids):
        return evidence.found("id_upper")
    return evidence.found("id_present" if all(_IDS.fullmatch(text) for text in ids) else "id_form")


def _id_form(answered: str, shown: str) -> str:
    if shown == answered:
        return "id"
    return "id_upper" if shown.casefold() == answered.casefold() else "id_other"


def legs(evidence: Evidence) -> list[Finding]:
    """Count the rows that share one id."""
    ids = Counter(text for row in evidence.rows if (text := text_or_none(row.get("callerid"))))
    if not ids or evidence.place != "list_statement":
        return []
    most = max(ids.values())
    return evidence.found("leg_rows", count=most) if most > 1 else evidence.found("one_row")


def order(evidence: Evidence) -> list[Finding]:
    """Return the order of the rows, where there are enough."""
    times = [time for row in evidence.rows if (time := time_in(row, evidence.settings.zone)) is not None]
    if len(set(times)) < _ORDERED_ROWS:
        return []
    directions = {"ascending": times == sorted(times), "descending": times == sorted(times, reverse=True)}
    return evidence.found("order", direction=next((name for name, fits in directions.items() if fits), "not ordered"))


def states(evidence: Evidence) -> list[Finding]:
    """Count the words that are known, or those that are not."""
    words = {folded(text) for row in evidence.rows if (text := text_or_none(row.get("status")))}
    is_known = _is_known_outcome if evidence.place == "list_statement" else _is_known_state
    unknown = [word for word in words if not is_known(word)]
    if unknown:
        return evidence.found("states_unknown", count=len(unknown))
    return evidence.found("states", count=len(words)) if words else []


def _is_known_outcome(word: str) -> bool:
    return isinstance(call_outcome(word), CallOutcome)


def _is_known_state(word: str) -> bool:
    return message_state(word) is not MessageState.UNKNOWN


def recordings(evidence: Evidence) -> list[Finding]:
    """Count the addresses of recordings."""
    links: list[Json] = [row.get("gravacao_link") for row in evidence.rows]
    good = sum(link_or_none(link) is not None for link in links)
    return evidence.found("recording", count=good) if good else evidence.found("recording_other", count=len(links))

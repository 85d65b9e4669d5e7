"""Quirks of the statement: its tags, its queries, its rows and their times, its replies."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.faults import Fault
from airflow_provider_directcall.sandbox.quirks.kinds import STATEMENTS, Quirk, change_body, change_field
from airflow_provider_directcall.sandbox.replies import php_json
from airflow_provider_directcall.sandbox.requests import invalid
from airflow_provider_directcall.sandbox.wire_dates import READABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_directcall.sandbox.quirks.kinds import Row
    from airflow_provider_directcall.sandbox.replies import ApiReply, Json
    from airflow_provider_directcall.sandbox.statement_rows import RowFilter

_LATE_SECONDS: Final = 300
_PIECE_SECONDS: Final = 60
_VANISHED: Final = (20, 80)
_MAINTENANCE_ANSWERS: Final = 2
_ENDLESS: Final = 10**9
_EMPTY: Final = "Nenhum registro encontrado"
_FIRST_PIECE: Final = ("origem", "destino", "inicio", "tipo")
_COUNTRY: Final = "55"
_MIRRORED: Final = str.maketrans("0123456789abcdef", "9876543210fedcba")


def _kept(change: Callable[[str, int], str], description: str, name: str) -> dict[str, Quirk]:
    """Return the quirks that change the values and the names of tags as the account keeps them."""
    return {
        f"tag_values_{name}": Quirk(
            f"tag values are kept {description}",
            tags=lambda tags, limit: {key: change(value, limit) for key, value in tags.items()},
        ),
        f"tag_names_{name}": Quirk(
            f"tag names are kept {description}",
            tags=lambda tags, limit: {change(key, limit): value for key, value in tags.items()},
        ),
    }


def _without_accents(text: str, limit: int) -> str:
    return "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))


def _shown_as(form: Callable[[dict[str, Json]], Json]) -> Callable[[Row, float], Row]:
    """Return a function that shows the tags of a row in a form; the first of several such quirks wins."""

    def change(row: Row, age: float) -> Row:
        tags = row.get("campos")
        return {**row, "campos": form(tags)} if isinstance(tags, dict) else row

    return change


def _listed_as(name: str) -> Callable[[Row, float], Row]:
    return _shown_as(lambda tags: [{name: key, "valor": value} for key, value in tags.items()])


def _search_as_filter(query: RowFilter) -> RowFilter:
    return query if query.search is None else replace(query, tags=(*query.tags, ("search", query.search)))


def _destination_with_country_only(query: RowFilter) -> RowFilter:
    return query if (query.destination or "").startswith(_COUNTRY) else replace(query, destination=None)


def _destination_without_country(query: RowFilter) -> RowFilter:
    known = query.destination is None or query.destination.startswith(_COUNTRY)
    return query if known else replace(query, destination=f"{_COUNTRY}{query.destination}")


def _refuse_later_pages(query: RowFilter) -> RowFilter:
    if query.page > 1:
        raise invalid("pagina")
    return query


def _other_callerid(query: RowFilter) -> RowFilter:
    return query if query.callerid is None else replace(query, callerid=query.callerid.translate(_MIRRORED))


def _changed(name: str, change: Callable[[str], str]) -> Callable[[Row, float], Row]:
    """Return a function that changes one text of a row."""

    def changed(row: Row, age: float) -> Row:
        return {**row, name: change(str(row[name]))} if name in row else row

    return changed


def _without(name: str) -> Callable[[Row, float], Row]:
    return lambda row, age: {key: value for key, value in row.items() if key != name}


def _in_pieces(row: Row, age: float) -> Row:
    return row if age >= _PIECE_SECONDS else {name: row[name] for name in _FIRST_PIECE if name in row}


def _off_by(hours: int) -> Quirk:
    """Return the quirk of an account in a zone that many hours ahead: its times and its window."""

    def shift(text: str) -> str:
        return (datetime.fromisoformat(text) + timedelta(hours=hours)).strftime(READABLE.python)

    def shift_window(query: RowFilter) -> RowFilter:
        return replace(query, since=query.since - 3600 * hours, until=query.until - 3600 * hours)

    far = "one hour" if abs(hours) == 1 else "two hours"
    description = f"times of rows, and the window of a query, are {far} {'ahead' if hours > 0 else 'behind'}"
    return Quirk(description, query=shift_window, row=_changed("inicio", shift))


def _without_seconds(text: str) -> str:
    return text.rpartition(":")[0]


def _day_first(text: str) -> str:
    date, _, time = text.partition(" ")
    return f"{'/'.join(reversed(date.split('-')))} {time}"


def _when_empty(change: Callable[[ApiReply, Row], ApiReply]) -> Callable[[ApiReply], ApiReply]:
    """Return a change of a statement's reply without rows."""

    def changed(reply: ApiReply) -> ApiReply:
        return change(reply, reply.body) if isinstance(reply.body, dict) and reply.body.get("msg") == [] else reply

    return changed


def _refused(reply: ApiReply, body: Row, http_status: int) -> ApiReply:
    envelope = {"api": body["api"], "modulo": body["modulo"], "status": "erro", "codigo": "009", "msg": _EMPTY}
    return replace(reply, body=envelope, http_status=http_status)


def _dropped(name: str) -> Callable[[Json], Json]:
    return lambda body: {key: item for key, item in body.items() if key != name} if isinstance(body, dict) else body


STATEMENT: Final[dict[str, Quirk]] = {
    **_kept(lambda text, limit: text[:limit], "cut to `tag_characters` (16) characters", "cut"),
    **_kept(lambda text, limit: text.upper(), "in upper case", "upper"),
    **_kept(lambda text, limit: text.strip(), "without blanks around them", "trimmed"),
    **_kept(_without_accents, "without accents", "unaccented"),
    "tags_lost": Quirk("tags are not kept at all", tags=lambda tags, limit: {}),
    "campos_json": Quirk("campos of a statement row as JSON text", row=_shown_as(php_json)),
    "campos_list": Quirk("campos of a statement row as a list of {campo, valor}", row=_listed_as("campo")),
    "campos_list_chave": Quirk("campos of a statement row as a list of {chave, valor}", row=_listed_as("chave")),
    "campos_list_nome": Quirk("campos of a statement row as a list of {nome, valor}", row=_listed_as("nome")),
    "campos_pairs": Quirk(
        "campos of a statement row as a list of pairs", row=_shown_as(lambda tags: [[*pair] for pair in tags.items()])
    ),
    "campos_hidden": Quirk("campos is never shown", query=lambda query: replace(query, with_tags=False)),
    "campos_always": Quirk(
        "campos is shown without campos[search] too", query=lambda query: replace(query, with_tags=True)
    ),
    "search_filters": Quirk(
        "campos[search] is a filter: rows need a tag of that name and value", query=_search_as_filter
    ),
    "tag_filter_ignored": Quirk("the filter by tags is ignored", query=lambda query: replace(query, tags=())),
    "tag_filter_or": Quirk(
        "the filter by tags finds rows with any of them", query=lambda query: replace(query, any_tag=True)
    ),
    "tag_filter_prefix": Quirk(
        "the filter by tags finds values that begin with the wanted one",
        query=lambda query: replace(query, tag_prefix=True),
    ),
    "short_destination_ignored": Quirk(
        "the filter numeroDestino is ignored when it does not begin with 55", query=_destination_with_country_only
    ),
    "destinations_without_55": Quirk(
        "rows show destino without 55; numeroDestino is read with and without",
        query=_destination_without_country,
        row=_changed("destino", lambda number: number.removeprefix(_COUNTRY)),
    ),
    "callerid_missing": Quirk("rows have no callerid", row=_without("callerid")),
    "callerid_other": Quirk(
        "rows have another callerid than the answer to the send had",
        query=_other_callerid,
        row=_changed("callerid", lambda text: text.translate(_MIRRORED)),
    ),
    "callerid_upper": Quirk("callerid of a row in upper case", row=_changed("callerid", str.upper)),
    "leg_rows": Quirk("a call has two rows under one callerid: the leg to its origin, and the leg to its destination"),
    "page_2_refused": Quirk("pages after the first are refused with codigo 001", query=_refuse_later_pages),
    "page_2_repeats": Quirk("pages after the first are the first again", query=lambda query: replace(query, page=1)),
    "paginas_missing": Quirk("no paginas", change_body(_dropped("paginas")), STATEMENTS),
    "paginas_endless": Quirk(
        "paginas is 1000000000", change_body(change_field("paginas", lambda pages: _ENDLESS)), STATEMENTS
    ),
    "empty_text": Quirk(
        f"msg of a statement without rows is the text {_EMPTY}",
        _when_empty(lambda reply, body: replace(reply, body={**body, "msg": _EMPTY})),
        STATEMENTS,
    ),
    "empty_009": Quirk(
        f"a statement without rows is the refusal 009, {_EMPTY}",
        _when_empty(partial(_refused, http_status=200)),
        STATEMENTS,
    ),
    "empty_404": Quirk(
        f"a statement without rows is HTTP 404 with the refusal 009, {_EMPTY}",
        _when_empty(partial(_refused, http_status=404)),
        STATEMENTS,
    ),
    "times_1_ahead": _off_by(1),
    "times_2_ahead": _off_by(2),
    "times_1_behind": _off_by(-1),
    "times_2_behind": _off_by(-2),
    "times_without_seconds": Quirk("inicio of a row without seconds", row=_changed("inicio", _without_seconds)),
    "times_day_first": Quirk("inicio of a row as d/m/Y", row=_changed("inicio", _day_first)),
    "rows_late": Quirk("rows come 300 s later", listed=lambda age: age >= _LATE_SECONDS),
    "rows_in_pieces": Quirk("rows have only origem, destino, inicio and tipo for the first 60 s", row=_in_pieces),
    "rows_vanish": Quirk(
        "rows vanish after 20 s, for a minute", listed=lambda age: not _VANISHED[0] <= age < _VANISHED[1]
    ),
    "maintenance_first": Quirk(
        "the first two answers of each statement are a page about maintenance",
        faults=tuple(
            Fault(kind="maintenance_before", endpoint=name, times=_MAINTENANCE_ANSWERS) for name in STATEMENTS
        ),
    ),
}

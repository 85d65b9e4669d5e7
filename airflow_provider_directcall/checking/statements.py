"""All probes of a statement, in turn.

Each probe asks about one window of time, and returns the forms that it found.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.checking import filters, rows
from airflow_provider_directcall.checking.evidence import Evidence
from airflow_provider_directcall.checking.looks import Statement
from airflow_provider_directcall.checking.sending import AROUND

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.checking.assumptions import Finding
    from airflow_provider_directcall.checking.looks import Steps
    from airflow_provider_directcall.checking.sending import Own

#: How far back rows are looked for, where nothing was sent.
DAYS: Final = 30


def statement_findings(endpoint: str, settings: Settings, clock: Clock, own: Own | None = None) -> Steps[list[Finding]]:
    """Ask a statement; with our own row, the questions are about its window and its tags."""
    now = clock.now()
    since = now - timedelta(days=DAYS) if own is None else own.sent_at - AROUND
    option = "--call" if endpoint != "list_messages" else "--send"
    evidence = Evidence(Statement(endpoint, since, now + AROUND), settings, clock, option, own)
    evidence.first, findings = yield from evidence.statement.first_look()
    if evidence.first.error is not None and evidence.first.empty_as is None:
        return findings
    if own is not None:
        looks = yield from evidence.statement.pages(evidence.first)
        places = [place for place, look in enumerate(looks, 1) if own.row_in(look.rows) is not None]
        evidence.page = places[0] if places else 1
        evidence.first = looks[evidence.page - 1]
    if not evidence.rows:
        none = "recording_none" if endpoint == "list_recordings" else "no_rows"
        return [*findings, *evidence.found(none, days=DAYS), *filters.empty(evidence, evidence.first)]
    if endpoint == "list_recordings":
        return [*findings, *rows.recordings(evidence), *(yield from filters.pages(evidence))]
    for examine in _OF_ROWS:
        findings += examine(evidence)
    for ask in (rows.zone, filters.search):
        findings += yield from ask(evidence)
    # The search brought rows with tags, by which the filters are tried.
    findings += filters.shown_tags(evidence)
    for ask in (filters.tag_filter, filters.destinations, filters.id_filter, filters.pages):
        findings += yield from ask(evidence)
    return findings


_OF_ROWS: Final = (rows.fields, rows.renamed, rows.times, rows.ids, rows.legs, rows.order, rows.states)

"""Probes of questions: tags and their search, filters, pages, and answers without rows."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.errors import DirectcallRefused
from airflow_provider_directcall.api.paging import MAX_PAGES
from airflow_provider_directcall.api.replies.values import integer_or_none, text_or_none
from airflow_provider_directcall.api.words import folded
from airflow_provider_directcall.checking.looks import (
    Look,
    digits_of,
    tags_in,
)
from airflow_provider_directcall.checking.tags import form_of, kept_findings
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.statement.likeness import same_end

if TYPE_CHECKING:
    from airflow_provider_directcall.checking.assumptions import Finding
    from airflow_provider_directcall.checking.evidence import Evidence
    from airflow_provider_directcall.checking.looks import Steps

_SEARCH: Final = "s"
_COUNTRY: Final = "55"
_NATIONAL_LENGTHS: Final = (10, 11)
_NUMBERS_TRIED: Final = 3
_SHORTEST_VALUE: Final = 4


def search(evidence: Evidence) -> Steps[list[Finding]]:
    """Compare the same window with and without ``campos[search]``."""
    evidence.searched = yield from evidence.statement.look(page=evidence.page, search=_SEARCH)
    if evidence.searched.rows:
        return evidence.found("search_harmless")
    is_refused = isinstance(evidence.searched.error, DirectcallRefused) and evidence.searched.empty_as is None
    if evidence.searched.empty_as is not None:
        return evidence.found("search_filters")
    return evidence.found("search_refused") if is_refused else evidence.found("search_open")


def shown_tags(evidence: Evidence) -> list[Finding]:
    """Return whether, and in which form, rows show tags, and how ours were kept."""
    shown = next((row for row in evidence.tagged if tags_in(row)), None)
    if shown is None:
        return _no_tags(evidence)
    form, details = form_of(shown.get("campos"))
    is_always = any(tags_in(row) for row in evidence.rows)
    found = [*evidence.found("tags_always" if is_always else "tags_shown"), *evidence.found(form, **details)]
    if evidence.own is None:
        return [*found, *evidence.found("kept_open")]
    own_row = evidence.own.row_in(evidence.tagged)
    kept = kept_findings(evidence.own.probe.tags, tags_in(own_row), evidence.place) if own_row is not None else []
    return [*found, *kept]


def _no_tags(evidence: Evidence) -> list[Finding]:
    """Distinguish tags that are never shown, lost and unreadable ones: the filter may still know them."""
    own_row = evidence.own.row_in(evidence.tagged) if evidence.own is not None else None
    campos = [row["campos"] for row in evidence.tagged if row.get("campos") not in (None, "", [], {})]
    if campos:
        return evidence.found("tags_unreadable")
    if own_row is None:
        return [*evidence.found("tags_open"), *evidence.found("kept_open")]
    return evidence.found("tags_lost" if "campos" in own_row else "tags_hidden")


def tag_filter(evidence: Evidence) -> Steps[list[Finding]]:
    """Ask for a tag that was never used, then for known ones: exactly, with another, and by their beginning."""
    never = {f"check_{secrets.token_hex(4)}": secrets.token_hex(8)}
    look = yield from evidence.statement.look(tags=never)
    found = empty(evidence, look)
    if look.rows:
        return evidence.found("tag_filter_ignored")
    known = _known_tag(evidence)
    if known is None:
        return [*evidence.found("tag_filter_likely"), *found]
    name, value = known
    exact = yield from evidence.statement.look(tags={name: value})
    if not exact.rows:
        return [*evidence.found("tag_filter_loses"), *found]
    either = yield from evidence.statement.look(tags={name: value, **never})
    forms = ["tag_filter_or"] if either.rows else []
    if len(value) >= _SHORTEST_VALUE:
        begun = yield from evidence.statement.look(tags={name: value[: len(value) // 2]})
        forms += ["tag_filter_prefix"] if begun.rows else []
    if evidence.own is not None and not (yield from evidence.statement.look(tags=evidence.own.key_tag)).rows:
        forms.append("tag_filter_loses")
    return [finding for form in forms or ["tag_filter"] for finding in evidence.found(form)] + found


def _known_tag(evidence: Evidence) -> tuple[str, str] | None:
    """Return a tag of one row that no other row begins alike; our own key as it was sent where tags are hidden."""
    if evidence.own is not None:
        own_row = evidence.own.row_in(evidence.tagged)
        shown = tags_in(own_row) if own_row is not None else {}
        key = next(((name, value) for name, value in shown.items() if folded(name) == KEY_TAG), None)
        return key or next(iter(shown.items()), (KEY_TAG, evidence.own.probe.tags[KEY_TAG]))
    tags = [(name, value) for row in evidence.tagged for name, value in tags_in(row).items() if value.strip()]
    return max(tags, key=lambda tag: (tag[0] == KEY_TAG, len(tag[1])), default=None)


def empty(evidence: Evidence, unused: Look) -> list[Finding]:
    """Return the form of an answer without rows."""
    if unused.empty_as is None:
        return []
    error = unused.error
    code = error.code if isinstance(error, DirectcallRefused) else None
    status = error.http_status if error is not None else None
    return evidence.found(unused.empty_as, code=code or "-", status=status or "-")


def destinations(evidence: Evidence) -> Steps[list[Finding]]:
    """Filter by a row's number with and without 55, and by a number that no row has."""
    numbers = [digits for row in evidence.rows if (digits := digits_of(row))]
    if evidence.own is not None:
        numbers = [digits for digits in numbers if same_end(digits, evidence.own.probe.destination)]
    if not numbers:
        return []
    shown = numbers[0]
    is_national = len(shown) in _NATIONAL_LENGTHS
    form = evidence.found("destination_without_55" if is_national else "destination_with_55")
    for number in [*dict.fromkeys(reversed(numbers))][:_NUMBERS_TRIED]:
        look = yield from evidence.statement.look(numeroDestino=_with_country(number))
        if any(same_end(digits_of(row), number) for row in look.rows):
            break
    else:
        return [*form, *evidence.found("destination_filter_loses")]
    stranger = _stranger(shown, numbers)
    if (yield from evidence.statement.look(numeroDestino=stranger)).rows:
        return [*form, *evidence.found("destination_filter_ignored")]
    if (yield from evidence.statement.look(numeroDestino=stranger.removeprefix(_COUNTRY))).rows:
        return [*form, *evidence.found("short_destination_ignored")]
    return [*form, *evidence.found("destination_filter")]


def _with_country(number: str) -> str:
    return f"{_COUNTRY}{number}" if len(number) in _NATIONAL_LENGTHS else number


def _stranger(number: str, taken: list[str]) -> str:
    """Return a number like this one that no row has."""
    ends = {digits[-4:] for digits in taken}
    free = next(end for end in map("{:04}".format, range(10_000)) if end not in ends)
    return _with_country(number)[:-4] + free


def id_filter(evidence: Evidence) -> Steps[list[Finding]]:
    """Filter by the id of a row."""
    ids = [text for row in evidence.rows if (text := text_or_none(row.get("callerid")))]
    if not ids:
        return []
    for callerid in dict.fromkeys((ids[0], ids[0].lower())):
        look = yield from evidence.statement.look(callerid=callerid)
        if any(row.get("callerid") == ids[0] for row in look.rows):
            is_ignored = any(row.get("callerid") != ids[0] for row in look.rows)
            return evidence.found("id_filter_ignored" if is_ignored else "id_filter")
    return evidence.found("id_filter_loses")


def pages(evidence: Evidence) -> Steps[list[Finding]]:
    """Compare the number of pages with the pages there are."""
    pages, size = evidence.first.pages, len(evidence.rows)
    count = integer_or_none(pages)
    found = evidence.found("pages_missing") if count is None else []
    found += evidence.found("pages_text") if isinstance(pages, str) and count is not None else []
    if count is not None and count > MAX_PAGES:
        found, count = evidence.found("pages_endless"), None
    if evidence.page > 1:
        return [*found, *evidence.found("pages", size=size, count=count or "more")]
    second = yield from evidence.statement.look(page=2)
    if second.rows:
        repeats = second.rows == evidence.rows and count != 1
        form = "page_2_repeats" if repeats else "pages"
        return [*found, *evidence.found(form, size=size, count=count or "more")]
    if isinstance(second.error, DirectcallRefused) and second.empty_as is None and count != 1:
        return [*found, *evidence.found("page_2_refused", size=size)]
    if count is not None and count > 1:
        return [*found, *evidence.found("page_2_empty", size=size, count=count)]
    return found or evidence.found("one_page", size=size)

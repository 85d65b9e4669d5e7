"""Read a listing page by page and return each row once. No I/O: the clients fetch the pages.

Rows can move between pages while they are read: new ones appear, and the order is not guaranteed. A row that moves
forward appears twice and is returned once. A row that moves back would be missed; but as pages are full, another row
takes its place and appears on two pages, or the number of pages changes. So a pass with either sign is followed by
another one, which returns only new rows, and a pass with neither was complete: **each row that exists from the first
request to the last is returned, once**. That holds while rows are added and moved, not while some are removed, and for
up to four passes; if rows still move then, a warning is logged. A pass that is longer than :data:`MAX_PAGES` is an
error. Where the vendor does not give the number of pages, a pass ends with the first page without a new row.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from airflow_provider_directcall.api.errors import DirectcallReplyError

if TYPE_CHECKING:
    from airflow_provider_directcall.api.requests import Listing, Page, Request

Row = TypeVar("Row")

log = logging.getLogger(__name__)

_MAX_PASSES: Final = 4
#: Pages of one pass; the vendor's number of pages (``paginas``) may be wrong or endless.
MAX_PAGES: Final = 10_000


class PageReader(Generic[Row]):
    """Reader of one listing: send :meth:`next_request`, pass the page to :meth:`feed`, until it is None.

    Keeps a digest of 16 bytes for each row it returned (about 130 with Python's overhead), and the rows of one page.
    """

    def __init__(self, listing: Listing[Row]) -> None:
        self._listing = listing
        self._given: set[bytes] = set()
        self._in_this_pass: set[bytes] = set()
        self._number = 1
        self._pass = 1
        self._moved = False
        self._total_pages: int | None = None
        self._previous_rows: tuple[Row, ...] = ()
        self._done = False
        self._repeats = False

    @property
    def is_complete(self) -> bool:
        """Whether the listing was read to its end, and no sign shows that a row is missing."""
        return self._done and not self._moved and not self._repeats

    def next_request(self) -> Request[Page[Row]] | None:
        """Return the request for the next page, or None after the last one.

        :raises DirectcallReplyError: there are more than :data:`MAX_PAGES`.
        """
        if self._done:
            return None
        request = self._listing.page(self._number)
        if self._number > MAX_PAGES:
            name = request.endpoint_name
            raise DirectcallReplyError(f"{name}: more than {MAX_PAGES} pages; ask for a shorter window", endpoint=name)
        return request

    def feed(self, page: Page[Row]) -> Iterator[Row]:
        """Return the page's rows that were not returned before."""
        keys = [self._listing.key(row) for row in page.rows]
        digests = [None if key is None else _digest(key) for key in keys]
        on_page = {digest for digest in digests if digest is not None}
        repeated = on_page & self._in_this_pass
        nothing_new = page.rows == self._previous_rows or (None not in digests and on_page == repeated)
        fresh = [] if nothing_new else self._fresh(page.rows, digests)
        self._note_movement(page, saw_again=bool(repeated), nothing_new=nothing_new)
        self._in_this_pass |= on_page
        if nothing_new or (page.total_pages is not None and self._number >= page.total_pages):
            self._end_pass()
        else:
            self._number, self._previous_rows = self._number + 1, page.rows
        return iter(fresh)

    def _fresh(self, rows: tuple[Row, ...], digests: list[bytes | None]) -> list[Row]:
        """Return new rows. Rows without a key cannot be distinguished, so only the first pass returns them."""
        fresh = []
        for row, digest in zip(rows, digests, strict=True):
            if (self._pass == 1) if digest is None else (digest not in self._given):
                fresh.append(row)
            if digest is not None:
                self._given.add(digest)
        return fresh

    def _note_movement(self, page: Page[Row], *, saw_again: bool, nothing_new: bool) -> None:
        """Record that a row was on an earlier page of this pass, or that the number of pages changed or is wrong."""
        if page.total_pages is None:
            # Without a number of pages, a page of repeated rows is the last: a server may ignore the page number.
            self._repeats |= nothing_new and bool(page.rows)
            self._moved |= saw_again and not nothing_new
            return
        changed = self._number > 1 and page.total_pages != self._total_pages
        ended_early = nothing_new and max(self._number, page.total_pages) > 1
        self._moved |= saw_again or changed or ended_early
        self._total_pages = page.total_pages

    def _end_pass(self) -> None:
        self._done = not self._moved or self._pass == _MAX_PASSES or not self._given
        if self._done:
            if self._moved:
                log.warning(
                    "Rows moved between pages in each of %d passes over a listing; one may be missing", self._pass
                )
            return
        self._number, self._pass, self._moved = 1, self._pass + 1, False
        self._in_this_pass, self._previous_rows = set(), ()


def _digest(key: Hashable) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=16).digest()

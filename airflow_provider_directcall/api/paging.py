"""Reads a listing page by page and gives each row once. No I/O: the clients fetch the pages it asks for.

Rows can move between pages while they are read (new ones appear, the order is not promised). A row that moved forward
is seen twice and given once; one that moved back would be missed, so a pass that saw any sign of movement is followed
by another one, which gives only what is new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from airflow_provider_directcall.api.requests import Listing, Page, Request

Row = TypeVar("Row")

_MAX_PASSES: Final = 4


class PageReader(Generic[Row]):
    """Reads one listing: ask :meth:`next_request`, fetch it, hand the page to :meth:`feed`, until there is none.

    Keeps 16 bytes for each row it gave, and no row.
    """

    def __init__(self, listing: Listing[Row]) -> None:
        self._listing = listing
        self._seen: set[bytes] = set()
        self._number = 1
        self._pass = 1
        self._moved = False
        self._total_pages: int | None = None
        self._previous_rows: tuple[Row, ...] | None = None
        self._done = False

    def next_request(self) -> Request[Page[Row]] | None:
        """The request for the next page, or None when everything was read."""
        return None if self._done else self._listing.page(self._number)

    def feed(self, page: Page[Row]) -> Iterator[Row]:
        """The page's rows that were not given before."""
        fresh = [row for row in page.rows if self._is_fresh(row)]
        self._note_movement(page, fresh)
        if self._is_last(page, fresh):
            self._end_pass()
        else:
            self._number += 1
        self._previous_rows = page.rows
        return iter(fresh)

    def _is_fresh(self, row: Row) -> bool:
        key = self._listing.key(row)
        if key is None:
            return self._pass == 1
        digest = _digest(key)
        if digest in self._seen:
            return False
        self._seen.add(digest)
        return True

    def _note_movement(self, page: Page[Row], fresh: list[Row]) -> None:
        """A first pass that sees a row twice, a later one that sees a new row, or a changed number of pages."""
        sees_known, sees_new = len(fresh) < len(page.rows), bool(fresh)
        changed_total = self._number > 1 and page.total_pages != self._total_pages
        self._moved |= changed_total or (sees_known if self._pass == 1 else sees_new)
        self._total_pages = page.total_pages

    def _is_last(self, page: Page[Row], fresh: list[Row]) -> bool:
        if not page.rows or page.rows == self._previous_rows:
            return True
        if page.total_pages is not None:
            return self._number >= page.total_pages
        return not fresh

    def _end_pass(self) -> None:
        self._done = not self._moved or self._pass == _MAX_PASSES
        self._number, self._pass, self._moved = 1, self._pass + 1, False
        self._previous_rows = None


def _digest(key: Hashable) -> bytes:
    return hashlib.blake2b(repr(key).encode(), digest_size=16).digest()

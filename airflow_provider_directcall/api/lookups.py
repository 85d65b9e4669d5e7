"""Look-ups: generators that yield requests and listings and get the results sent back, run by either client.

::

    def answered(origin: str, destination: str) -> Lookup[bool]:
        legs = yield from ask(methods.call_status(origin, destination))
        return all(leg.state == "answered" for leg in legs)
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from airflow_provider_directcall.api.requests import Listing, Request

T = TypeVar("T")
Row = TypeVar("Row")

#: Run by ``Client.run`` and ``AsyncClient.run``; a request's error is raised at its ``yield``.
Lookup = Generator["Request[Any] | Listing[Any]", Any, T]


def ask(request: Request[T]) -> Lookup[T]:
    """Send a request and return its result."""
    answer: T = yield request
    return answer


def rows(listing: Listing[Row]) -> Lookup[list[Row]]:
    """Read a listing and return all its rows."""
    read: list[Row] = yield listing
    return read

"""Look-ups: generators that yield requests and get the results sent back, run by either client.

::

    def answered(origin: str, destination: str) -> Lookup[bool]:
        legs = yield from ask(methods.call_status(origin, destination))
        return all(leg.state == "answered" for leg in legs)

One text serves a worker (``Client.run``) and an event loop (``AsyncClient.run``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_directcall.api.paging import PageReader

if TYPE_CHECKING:
    from airflow_provider_directcall.api.requests import Listing, Request

T = TypeVar("T")
Row = TypeVar("Row")
Effect = TypeVar("Effect")

#: A request's error is raised at its ``yield``.
Lookup = Generator["Request[Any]", Any, T]


def ask(request: Request[T]) -> Lookup[T]:
    """Send a request and return its result."""
    answer: T = yield request
    return answer


def rows(listing: Listing[Row]) -> Lookup[list[Row]]:
    """Read a listing and return all its rows."""
    reader = PageReader(listing)
    read: list[Row] = []
    while (request := reader.next_request()) is not None:
        read.extend(reader.feed((yield request)))
    return read


def first(listing: Listing[Row], accept: Callable[[Row], bool]) -> Lookup[Row | None]:
    """Read a listing up to the first row that is accepted, and return that row."""
    reader = PageReader(listing)
    while (request := reader.next_request()) is not None:
        for row in reader.feed((yield request)):
            if accept(row):
                return row
    return None


def drive(steps: Generator[Effect, Any, T], perform: Callable[[Effect], object]) -> T:
    """Run a generator: perform each effect that it yields, and return the result, or raise the error, there."""
    with closing(steps):
        resume: Callable[[], Effect] = partial(next, steps)
        while True:
            try:
                effect = resume()
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                answer = perform(effect)
            except BaseException as error:  # noqa: BLE001 - the generator decides
                resume = partial(steps.throw, error)
            else:
                resume = partial(steps.send, answer)


async def drive_async(steps: Generator[Effect, Any, T], perform: Callable[[Effect], Awaitable[object]]) -> T:
    """Run a generator on an event loop, as :func:`drive`."""
    with closing(steps):
        resume: Callable[[], Effect] = partial(next, steps)
        while True:
            try:
                effect = resume()
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                answer = await perform(effect)
            except Exception as error:  # noqa: BLE001 - the generator decides
                resume = partial(steps.throw, error)
            else:
                resume = partial(steps.send, answer)

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
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_directcall.api.bounds import LOOKUP_ROWS, LOOKUP_SECONDS
from airflow_provider_directcall.api.errors import DirectcallError, DirectcallLookupTooLong, DirectcallReplyError
from airflow_provider_directcall.api.paging import PageReader

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.requests import Listing, Request

T = TypeVar("T")
Row = TypeVar("Row")
Effect = TypeVar("Effect")
Other = TypeVar("Other")

#: A request's error is raised at its ``yield``.
Lookup = Generator["Request[Any]", Any, T]


def ask(request: Request[T]) -> Lookup[T]:
    """Send a request and return its result."""
    answer: T = yield request
    return answer


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of a listing, as far as it could be read.

    :ivar error: why it ends early, or None. The rows that were read count; others may be on a later page.
    :ivar is_complete: whether it was read to its end without a sign that a row is missing: rows that moved between
        pages, a page that repeats the one before, fewer pages than announced.
    """

    rows: list[Row] = field(repr=False)
    error: DirectcallError | None = None
    is_complete: bool = False


def readable_rows(listing: Listing[Row], *, at_most: int | None = None) -> Lookup[Listed[Row]]:
    """Read a listing up to its end, or up to the first page that cannot be read.

    :param at_most: rows after which no further page is asked for.
    """
    reader = PageReader(listing)
    read: list[Row] = []
    try:
        while (request := reader.next_request()) is not None:
            if at_most is not None and len(read) >= at_most:
                name = request.endpoint_name
                raise DirectcallReplyError(f"{name}: more than {at_most} rows; the others are not read", endpoint=name)
            read.extend(reader.feed((yield request)))
    except DirectcallError as error:
        return Listed(read, error)
    return Listed(read, is_complete=reader.is_complete)


def rows(listing: Listing[Row]) -> Lookup[list[Row]]:
    """Read a listing and return all its rows; raise the error of a page that cannot be read."""
    listed = yield from readable_rows(listing)
    if listed.error is not None:
        raise listed.error
    return listed.rows


def first(listing: Listing[Row], accept: Callable[[Row], bool]) -> Lookup[Row | None]:
    """Read a listing up to the first row that is accepted, and return that row."""
    reader = PageReader(listing)
    while (request := reader.next_request()) is not None:
        for row in reader.feed((yield request)):
            if accept(row):
                return row
    return None


def bounded(lookup: Lookup[T], clock: Clock, most_rows: int | None = None) -> Lookup[T]:
    """Run a look-up within its bounds of rows and time: a listing may be endless.

    A request beyond them is not sent; it raises :class:`DirectcallLookupTooLong`. What was read before counts.
    """
    from airflow_provider_directcall.api.requests import Page

    ends_at, most_rows, read = clock.monotonic() + LOOKUP_SECONDS, most_rows or LOOKUP_ROWS, 0

    def ask_within_bounds(request: Request[Any]) -> Lookup[Any]:
        nonlocal read
        if read >= most_rows or clock.monotonic() >= ends_at:
            raise DirectcallLookupTooLong(
                f"the look-up has no end after {read} rows: it is given up at {most_rows} rows or "
                f"{LOOKUP_SECONDS:.0f} seconds",
                endpoint=request.endpoint_name,
            )
        answer = yield request
        read += len(answer.rows) if isinstance(answer, Page) else 0
        return answer

    return (yield from relay(lookup, ask_within_bounds, DirectcallError))


def relay(
    steps: Generator[Effect, Any, T],
    perform: Callable[[Effect], Generator[Other, Any, object]],
    *errors: type[Exception],
) -> Generator[Other, Any, T]:
    """Run a generator inside another one, which performs each effect by steps of its own.

    :param errors: are raised at the effect's ``yield``; others end both.
    """
    with closing(steps):
        resume: Callable[[], Effect] = partial(next, steps)
        while True:
            try:
                effect = resume()
            except StopIteration as end:
                result: T = end.value
                return result
            try:
                answer = yield from perform(effect)
            except errors as error:
                resume = partial(steps.throw, error)
            else:
                resume = partial(steps.send, answer)


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

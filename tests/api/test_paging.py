"""Reading a listing page by page: each row once, lazily, even if rows move meanwhile."""

from __future__ import annotations

import logging
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallReplyError
from airflow_provider_directcall.api.paging import MAX_PAGES, PageReader
from airflow_provider_directcall.api.requests import Listing, Page, Request
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .drivers import Driver
from .replying import SETTINGS, answer, ok

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
Server = Callable[[int], Page[object]]


def listing(key: Callable[[object], object] = lambda row: row) -> Listing[object]:
    """Make a listing whose requests carry the page number only; each test's server makes the pages."""
    return Listing(lambda number: Request("list_statement", {"pagina": str(number)}, lambda reply: number), key)


def read(
    server: Server, key: Callable[[object], object] = lambda row: row, limit: int = 200
) -> tuple[list[object], list[int]]:
    """Return all rows of a reader, and the pages it requested."""
    reader = PageReader(listing(key))
    rows: list[object] = []
    asked: list[int] = []
    while (request := reader.next_request()) is not None:
        asked.append(int(request.params["pagina"]))
        assert len(asked) < limit, "it never ends"
        rows += reader.feed(server(asked[-1]))
    return rows, asked


def pages_of(rows: Sequence[object], size: int = 2, *, total: bool = True) -> Server:
    def page(number: int) -> Page[object]:
        return Page(tuple(rows[(number - 1) * size : number * size]), -(-len(rows) // size) if total else None)

    return page


@pytest.mark.parametrize("total", [10**9, None])
def test_an_endless_listing_is_an_error_after_what_its_pages_showed(total: int | None) -> None:
    reader = PageReader(listing())
    for number in range(1, MAX_PAGES + 1):
        assert reader.next_request() is not None
        assert list(reader.feed(Page((number,), total))) == [number]
    with pytest.raises(DirectcallReplyError, match=f"more than {MAX_PAGES} pages"):
        reader.next_request()


@pytest.mark.parametrize("total", [10**9, None])
def test_a_server_that_shows_one_page_for_ever_comes_to_an_end(total: int | None) -> None:
    rows, asked = read(lambda number: Page(("a", "b"), total))
    assert (rows, len(asked) <= 8) == (["a", "b"], True)


@pytest.mark.parametrize("total", [True, False], ids=["with paginas", "without"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_rows_that_stand_still(count: int, total: bool) -> None:
    rows, asked = read(pages_of(range(count), total=total))
    assert rows == list(range(count))
    last = max(1, -(-count // 2)) if total else count // 2 + 1 + (count % 2)
    assert asked == list(range(1, last + 1))


@pytest.mark.parametrize("total", [None, 1], ids=["without paginas", "one page"])
@pytest.mark.parametrize("key", [lambda row: row, lambda row: None], ids=["with ids", "without ids"])
def test_a_server_that_ignores_the_page(total: int | None, key: Callable[[object], object]) -> None:
    rows, asked = read(lambda number: Page(("a", "b"), total), key)
    assert rows == ["a", "b"]
    assert asked == ([1, 2] if total is None else [1])


def test_a_server_that_ignores_the_page_and_the_order() -> None:
    rows, asked = read(lambda number: Page(("a", "b") if number % 2 else ("b", "a"), None))
    assert (rows, asked) == (["a", "b"], [1, 2])


def test_a_server_that_promises_pages_it_does_not_give(caplog: pytest.LogCaptureFixture) -> None:
    rows, asked = read(lambda number: Page(("a", "b"), 9))
    assert rows == ["a", "b"]
    assert asked == [1, 2] * 4
    assert "one may be missing" in caplog.text


def test_an_empty_page_before_the_last_is_looked_at_again() -> None:
    hidden = iter([True])

    def server(number: int) -> Page[object]:
        return Page((), 2) if number == 2 and next(hidden, False) else pages_of("abc")(number)

    assert read(server) == (["a", "b", "c"], [1, 2, 1, 2])


def test_rows_twice_on_one_page_are_no_movement() -> None:
    assert read(lambda number: Page(("a", "b", "a"), 1)) == (["a", "b"], [1])


def test_rows_without_ids_are_all_given() -> None:
    rows, asked = read(pages_of(["x", "x", "y"]), key=lambda row: None)
    assert (rows, asked) == (["x", "x", "y"], [1, 2])


def test_rows_without_ids_are_not_read_again_when_pages_are_added(caplog: pytest.LogCaptureFixture) -> None:
    totals = iter([2, 3, 3])
    rows, asked = read(lambda number: Page((f"x{number}",), next(totals)), key=lambda row: None)
    assert (rows, asked) == (["x1", "x2", "x3"], [1, 2, 3])
    assert "one may be missing" in caplog.text


def test_a_row_that_moves_back_is_found_by_another_reading() -> None:
    """After the first page was read, ``c`` moves to it and ``b`` to the second."""
    orders = iter(["abcd"])

    def server(number: int) -> Page[object]:
        return pages_of(next(orders, "acbd"))(number)

    rows, asked = read(server)
    assert sorted(rows) == ["a", "b", "c", "d"]
    assert asked == [1, 2, 1, 2]


def test_rows_that_never_rest_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    turns = iter(range(100))

    def server(number: int) -> Page[object]:
        turn = next(turns) % 4
        return pages_of("abcd"[turn:] + "abcd"[:turn])(number)

    with caplog.at_level(logging.WARNING):
        rows, asked = read(server)
    assert len(rows) == len(set(rows))
    assert asked == [1, 2] * 4
    assert "one may be missing" in caplog.text


#: Changes between two requests: a row is added, or moves.
moves = st.lists(
    st.lists(st.tuples(st.sampled_from(["add", "move"]), st.integers(0, 30), st.integers(0, 30)), max_size=3),
    max_size=12,
)


@settings(max_examples=400, deadline=None)
@given(count=st.integers(0, 12), size=st.integers(1, 4), schedule=moves, total=st.booleans())
def test_whatever_is_added_or_moved(
    count: int, size: int, schedule: list[list[tuple[str, int, int]]], total: bool
) -> None:
    """Each row that exists from the first request to the last is returned once, and none twice.

    Not covered, as documented: rows that move in each of the four passes (the reader warns then), and without
    ``paginas``, a page that repeats rows of earlier pages only.
    """
    rows: list[object] = list(range(count))
    standing = set(rows)
    turns = iter(schedule)
    only_repeats = False
    seen: set[object] = set()

    def server(number: int) -> Page[object]:
        nonlocal only_repeats
        seen.clear() if number == 1 else None
        page = pages_of(list(rows), size, total=total)(number)
        only_repeats |= not total and bool(page.rows) and seen.issuperset(page.rows)
        seen.update(page.rows)
        for kind, start, end in next(turns, []):
            if kind == "add":
                rows.insert(min(start, len(rows)), f"new{len(rows)}")
            elif rows:
                rows.insert(end % len(rows), rows.pop(start % len(rows)))
        return page

    with Warnings() as warnings:
        given_rows, _ = read(server)
    assert len(given_rows) == len(set(given_rows))
    if not warnings.seen and not only_repeats:
        assert standing <= set(given_rows)


class Warnings(logging.Handler):
    """Records whether the reader warned."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen = False
        self._logger = logging.getLogger("airflow_provider_directcall.api.paging")

    def emit(self, record: logging.LogRecord) -> None:
        self.seen = True

    def __enter__(self) -> Warnings:
        self._logger.addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        self._logger.removeHandler(self)


# --- over the wire


@pytest.fixture
def window(sandbox: SandboxServer) -> tuple[datetime, datetime]:
    now = datetime.fromtimestamp(sandbox.now(), UTC)
    return now - timedelta(days=2), now


@pytest.fixture
def seeded(sandbox: SandboxServer, window: tuple[datetime, datetime]) -> int:
    sandbox.seed(250, first_at=window[0] + timedelta(hours=1), tags={"campaign": "a"})
    return 250


def pages_asked(sandbox: SandboxServer) -> int:
    return sandbox.state()["requests"].get("extrato/list", 0)


def test_a_statement_of_several_pages(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime], seeded: int
) -> None:
    rows = api.rows(m.list_statement(*window, tags={"campaign": "a"}))
    assert len({row.callerid for row in rows}) == len(rows) == seeded
    assert rows[0].tags["campaign"] == "a"
    assert pages_asked(sandbox) == 3


def test_pages_are_fetched_as_they_are_needed(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime], seeded: int
) -> None:
    listing = m.list_statement(*window)
    assert pages_asked(sandbox) == 0
    api.rows(listing, limit=100)
    assert pages_asked(sandbox) == 1
    api.rows(listing, limit=101)
    assert pages_asked(sandbox) == 3


@pytest.mark.parametrize("quirk", ["paginas_string", "campos_list", "bom", "latin1", "html_content_type", "pretty"])
def test_a_statement_in_other_clothes(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime], seeded: int, quirk: str
) -> None:
    sandbox.configure(quirks=frozenset({quirk}))
    rows = api.rows(m.list_statement(*window))
    assert len(rows) == seeded
    assert all(row.tags["campaign"] == "a" for row in rows)


def test_duplicated_rows_are_given_once(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime], seeded: int
) -> None:
    sandbox.inject(Fault(kind="duplicated_rows", endpoint="extrato/list"))
    rows = api.rows(m.list_statement(*window))
    assert len({row.callerid for row in rows}) == len(rows) == seeded


@pytest.mark.parametrize("after", [0, 1, 2])
def test_pages_that_change_places_while_they_are_read(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime], seeded: int, after: int
) -> None:
    for seed in (1, 2):
        sandbox.inject(Fault(kind="reordered_pages", endpoint="extrato/list", after=after, times=1, seed=seed))
    rows = api.rows(m.list_statement(*window))
    assert len({row.callerid for row in rows}) == len(rows) == seeded


def test_a_row_that_comes_late_is_not_lost(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime], seeded: int
) -> None:
    """A call of the window reaches the statement while it is read: all earlier rows are returned."""
    sandbox.configure(page_size=10)
    api.send(m.place_call("5511990000001", "5511990000002"))
    standing = {row.callerid for row in api.rows(m.list_statement(*window))}
    sandbox.advance(120)
    rows = api.rows(m.list_statement(window[0], window[1] + timedelta(hours=1)))
    assert standing < {row.callerid for row in rows}
    assert len(rows) == seeded + 1


def test_recordings_messages_and_received_messages(
    api: Driver, sandbox: SandboxServer, window: tuple[datetime, datetime]
) -> None:
    api.send(m.place_call("5511990000001", "5511990000002", record=True))
    api.send(m.place_call("5511990000001", "5511990000004", record=True, tags={"a": "ç"}))
    api.send(m.send_sms("5511990000003", "oi", tags={"a": "ç"}, origin="5511990000001"))
    sandbox.receive_message("5511990000003", "27000", "resposta")
    sandbox.advance(600)
    until = window[1] + timedelta(hours=1)
    (recording,) = api.rows(m.list_recordings(window[0], until, tags={"a": "ç"}))
    (message,) = api.rows(m.list_messages(window[0], until, tags={"a": "ç"}))
    (received,) = api.rows(m.received_messages(window[0], until))
    assert (recording.destination, recording.tags) == ("5511990000004", {})
    assert recording.recording_url
    assert len(api.rows(m.list_recordings(window[0], until))) == 2
    assert (message.destination, message.state, message.tags) == ("5511990000003", "delivered", {"a": "ç"})
    assert received.text == "resposta"


def test_memory_does_not_grow_with_the_rows() -> None:
    """Fifty times the pages: the reader keeps digests of the rows, and no row."""

    def peak(pages: int) -> int:
        text = "x" * 1000

        def server() -> Iterator[object]:
            reader = PageReader(m.list_statement(NOON, NOON))
            for number in range(1, pages + 1):
                body = ok(msg=[{"callerid": f"{number}-{row}", "x": text} for row in range(100)], paginas=pages)
                request = reader.next_request()
                assert request is not None
                yield from reader.feed(answer(request, body))

        tracemalloc.start()
        try:
            assert sum(1 for _ in server()) == pages * 100
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(2), peak(100)
    rows_held = 98 * 100 * 1000
    assert many - few < rows_held / 4


def test_two_readers_of_one_listing_do_not_share_notes() -> None:
    statement = m.list_statement(NOON, NOON)
    page = answer(statement.page(1), ok(msg=[{"callerid": "1"}]), settings=SETTINGS)
    assert len(list(PageReader(statement).feed(page))) == len(list(PageReader(statement).feed(page))) == 1

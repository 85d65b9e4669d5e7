"""The cost of one poll of a feed, for more and more waits and rows. No network: ``python -m bench.feed``."""

from __future__ import annotations

import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.api.replies.envelope import JsonObject
from airflow_provider_directcall.statement.feed import Feed
from airflow_provider_directcall.statement.pace import PollPace
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.statement.shared_read import SharedRead
from airflow_provider_directcall.statement.tagged_calls import TaggedCalls

_START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
_ZONE = ZoneInfo("UTC")


def _row(number: int, contact: str) -> StatementRow:
    started = (_START + timedelta(seconds=number % 600)).strftime("%Y-%m-%d %H:%M:%S")
    fields: JsonObject = {
        "callerid": f"c{number}-{contact}",
        "inicio": started,
        "status": "atendida",
        "campos": {"campaign": "bench", "contact": contact},
    }
    return StatementRow.from_fields(fields, _ZONE)


def _joined(waits: int) -> Feed:
    feed = Feed()
    for number in range(waits):
        search = StatementSearch(
            since=_START - timedelta(hours=1), tags={"campaign": "bench", "contact": f"C-{number}"}
        )
        pace = PollPace(interval=15.0, deadline=_START + timedelta(hours=6, seconds=number))
        feed.join(TaggedCalls(search, 1), pace, _START, _START)
    return feed


def _milliseconds(waits: int, rows: int, found: int) -> float:
    """Return the time of one poll that shows so many rows, some of which are waited for."""
    feed, now = _joined(waits), _START
    shown = [_row(number, f"C-{number}" if number < found else f"other-{number}") for number in range(rows)]
    best = float("inf")
    for _ in range(5):
        now += timedelta(minutes=1)
        question = feed.next_question(now)
        assert question is not None
        question.lookup.close()
        begun = time.perf_counter()
        verdicts = feed.answered(question, SharedRead(now, _START - timedelta(hours=1), shown, 1), now)
        spent = (time.perf_counter() - begun) * 1000
        # The first poll notes each wait's window as covered, and finds; the later ones are the rule.
        best = spent if found and verdicts else min(best, spent)
        if found:
            break
    return best


def main() -> None:
    """Print the table."""
    print("waits   rows a poll   found   ms a poll   us a row")
    for waits in (100, 1_000, 10_000):
        for rows, found in ((100, 0), (1_000, 0), (10_000, 0)):
            spent = _milliseconds(waits, rows, found)
            print(f"{waits:6d} {rows:12d} {found:7d} {spent:11.2f} {spent * 1000 / rows:10.1f}")
    spent = _milliseconds(10_000, 1_000, 1_000)
    print(f"{10_000:6d} {1_000:12d} {1_000:7d} {spent:11.2f} {spent * 1000 / 1_000:10.1f}   (the first poll)")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    feed = _joined(10_000)
    after, _ = tracemalloc.get_traced_memory()
    print(f"{len(feed)} waits take {(after - before) / len(feed) / 1024:.1f} KiB each")


if __name__ == "__main__":
    main()

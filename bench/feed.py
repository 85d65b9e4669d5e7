"""The cost of one poll of a feed, for more and more waits and rows. No network: ``python -m bench.feed``.

The time is that of the CPU, so that other work on the machine does not count. Between two steps the event loop, which
is the triggerer's, does other things: the longest step is how long a poll blocks it. Reading the rows from their pages
comes on top, page by page. Target: no step of 100 ms.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import pairwise
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
LONGEST_STEP_MS = 100.0


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


def _milliseconds(waits: int, rows: int, found: int) -> list[float]:
    """Return the times of the steps of one poll that shows so many rows, some of which are waited for."""
    feed, now = _joined(waits), _START
    shown = [_row(number, f"C-{number}" if number < found else f"other-{number}") for number in range(rows)]
    best: list[float] = []
    for _ in range(5):
        now += timedelta(minutes=1)
        question = feed.next_question(now)
        assert question is not None
        question.lookup.close()
        steps = feed.steps(question, SharedRead(now, _START - timedelta(hours=1), list(shown), 1), now)
        times = [time.thread_time(), *(time.thread_time() for _ in steps), time.thread_time()]
        spent = [(end - begin) * 1000 for begin, end in pairwise(times)]
        # The first poll notes each wait's window as covered, and finds; the later ones are the rule.
        best = min(best or spent, spent, key=sum)
        if found:
            break
    return best


def main() -> int:
    """Print the table; return 1 if a step is too long."""
    print("waits   rows a poll   found   ms a poll   us a row   ms of its longest step")
    longest = 0.0
    for waits in (100, 1_000, 10_000):
        for rows in (100, 1_000, 10_000):
            longest = max(longest, _printed(waits, rows, 0))
    longest = max(longest, _printed(10_000, 10_000, 1_000, "   (the first poll)"))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    feed = _joined(10_000)
    after, _ = tracemalloc.get_traced_memory()
    print(f"{len(feed)} waits take {(after - before) / len(feed) / 1024:.1f} KiB each")
    return 0 if longest < LONGEST_STEP_MS else 1


def _printed(waits: int, rows: int, found: int, remark: str = "") -> float:
    steps = _milliseconds(waits, rows, found)
    spent = sum(steps)
    print(f"{waits:6d} {rows:12d} {found:7d} {spent:11.2f} {spent * 1000 / rows:10.1f} {max(steps):24.1f}{remark}")
    return max(steps)


if __name__ == "__main__":
    sys.exit(main())

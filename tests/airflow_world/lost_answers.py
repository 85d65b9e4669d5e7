"""Requests whose answer is lost, and statements that show less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_directcall.api.paging import PageReader
from airflow_provider_directcall.sandbox import Fault

OTHER = "5511990000002"
#: Requests of one failed look.
REQUESTS_PER_LOOK = 4
each_policy = pytest.mark.parametrize("policy", ["fail", "resend", "hold"])


def lose_answer(world, kind, fault="cut_after", times=1):
    world.sandbox.inject(Fault(kind=fault, endpoint=kind.path, times=times))


def remove_statement(world, kind):
    """Make it an account without such a statement."""
    world.sandbox.inject(Fault(kind="unavailable", endpoint=kind.statement))


def time_out_while_waiting(world):
    """Raise Airflow's time-out once, while the task rests."""

    def time_out():
        world.while_waiting = lambda: None
        raise AirflowTaskTimeout("Timeout")

    world.while_waiting = time_out


def time_out_after_sending(world, kind):
    """Raise Airflow's time-out once the request has taken effect, before its answer."""

    def time_out():
        raise AirflowTaskTimeout("Timeout")

    world.meets[f"after {kind.path}"] = time_out


def hide_tags(monkeypatch, *, key=None, callerid=True):
    """Make rows of the statement show no tags, or another key, or no id."""

    def changed(row):
        tags = {} if key is None else {"airflow_key": key}
        return replace(row, tags=tags, raw={}, callerid=row.callerid if callerid else None)

    plain = PageReader.feed
    monkeypatch.setattr(PageReader, "feed", lambda self, page: map(changed, plain(self, page)))


def hide_ids(monkeypatch):
    """Rows of the statement that show their tags, and no id."""
    plain = PageReader.feed

    def feed(reader, page):
        return [replace(row, callerid=None) for row in plain(reader, page)]

    monkeypatch.setattr(PageReader, "feed", feed)

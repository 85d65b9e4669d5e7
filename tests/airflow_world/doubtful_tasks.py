"""What the tests of unknown outcomes share: tasks whose answer is lost, and statements that show less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_directcall.api.client import AsyncClient, Client
from airflow_provider_directcall.sandbox import Fault

from .kinds import KINDS

CALL, SMS, VOICE = KINDS
OTHER = "5511990000002"
#: How often the client asks before a look has failed.
ASKED_IN_ONE_LOOK = 4
each_policy = pytest.mark.parametrize("policy", ["fail", "resend", "hold"])


def lose(world, kind, fault="cut_after", times=1):
    world.sandbox.inject(Fault(kind=fault, endpoint=kind.path, times=times))


def blind(world, kind):
    """An account that has no such statement."""
    world.sandbox.inject(Fault(kind="unavailable", endpoint=kind.statement))


def strike_once(world):
    """Airflow's alarm, while the task rests."""

    def strike():
        world.while_waiting = lambda: None
        raise AirflowTaskTimeout("Timeout")

    world.while_waiting = strike


def strike_after_sending(world, kind):
    """Airflow's alarm, when the request has taken effect and its answer is on its way."""

    def strike():
        raise AirflowTaskTimeout("Timeout")

    world.meets[f"after {kind.path}"] = strike


def without_tags(monkeypatch, *, key=None, callerid=True):
    """Rows of the statement that show no tags, or another key, or no id."""

    def changed(row):
        tags = {} if key is None else {"airflow_key": key}
        return replace(row, tags=tags, callerid=row.callerid if callerid else None)

    plain, plain_async = Client.rows, AsyncClient.rows

    def rows(self, listing):
        return (changed(row) for row in plain(self, listing))

    async def rows_async(self, listing):
        async for row in plain_async(self, listing):
            yield changed(row)

    monkeypatch.setattr(Client, "rows", rows)
    monkeypatch.setattr(AsyncClient, "rows", rows_async)

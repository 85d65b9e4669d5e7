"""The rate of the account, as the send task takes it from its arguments and from the deployment."""

from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.campaigns.pacing import AccountPace
from airflow_provider_directcall.runtime.campaigns import chunk_tasks, rates
from tools.cluster.services import MissingServicesError, redis

from .test_send_campaign import plan, send

__all__ = ["plan"]
SHARED = "AIRFLOW__DIRECTCALL__RATE_CONN_ID"
CONNECTION = "AIRFLOW_CONN_RATES"


@pytest.fixture
def pacers(monkeypatch):
    """Pacers of the tasks that ran."""
    made = []

    def record(*given):
        made.append(rates.account_pacer(*given))
        return made[-1]

    monkeypatch.setattr(chunk_tasks, "account_pacer", record)
    return made


def test_without_redis_a_task_keeps_its_part_of_the_rate(run, plan, pacers):
    run.start(send(plan(), rate="10", chunks_at_once="4"))
    assert pacers == [None]
    assert rates.share_of_task(rates.rate_of("10"), "4") == 2.5


def test_no_request_has_more_than_a_second_may_have(run, world, plan):
    numbers = [f"119900000{place:02}" for place in range(20, 30)]
    planned = plan(*numbers, text="Ola", id_column="id")
    run.start(send(planned, text="Ola", rate=12, chunks_at_once=4, wave_size=10))
    sent = [each for each in world.sandbox.state()["messages"] if each["destination"].startswith("55119900000")]
    requests = [each["callerid"] for each in sent]
    assert len(sent) == 10
    assert max(requests.count(each) for each in requests) == 3


def test_the_rate_is_shared_through_the_redis_of_the_deployment(run, world, plan, pacers, monkeypatch, logged):
    try:
        with redis() as server:
            monkeypatch.setenv(SHARED, "rates")
            monkeypatch.setenv(CONNECTION, server.url(3))
            assert run.start(send(plan(), rate=50, chunks_at_once=4))["states"] == {"sent": 2}
    except MissingServicesError as error:
        pytest.skip(str(error))
    assert [type(each) for each in pacers] == [AccountPace]
    assert "50.0 parts a second, shared through the connection rates" in logged()
    assert "not shared" not in logged()


def test_a_redis_that_is_away_does_not_stop_a_campaign(run, plan, monkeypatch, logged):
    monkeypatch.setenv(SHARED, "rates")
    monkeypatch.setenv(CONNECTION, "redis://:hush@127.0.0.1:1/0")
    assert run.start(send(plan(), rate=50))["states"] == {"sent": 2}
    assert "The account's rate is not shared: Redis: ConnectionError" in logged()
    assert "hush" not in logged()


@pytest.mark.parametrize(
    ("connection", "says"),
    [
        ("http://127.0.0.1", "the connection rates is not of type redis"),
        ("redis://127.0.0.1:1/zero", "the db of the connection rates is no number"),
    ],
)
def test_a_connection_that_cannot_be_used_is_named(run, world, plan, monkeypatch, connection, says):
    monkeypatch.setenv(SHARED, "rates")
    monkeypatch.setenv(CONNECTION, connection)
    with pytest.raises(AirflowFailException, match=says):
        run.start(send(plan(), rate=50))
    assert world.sandbox.state()["effects"].get("messages_accepted", 0) == 0


def test_a_missing_extra_is_named(run, plan, monkeypatch):
    monkeypatch.setenv(SHARED, "rates")
    monkeypatch.setattr(rates, "find_spec", lambda name: None)
    with pytest.raises(AirflowFailException, match=r"pip install 'airflow-provider-directcall\[redis\]'"):
        run.start(send(plan(), rate=50))


def test_a_connection_is_read_as_the_redis_provider_reads_it(monkeypatch):
    fields = {
        "conn_type": "redis",
        "host": "cache",
        "password": "hush",
        "login": "me",
        "extra": {"db": 4, "ssl": True, "ssl_ca_certs": "/ca.pem", "other": 1},
    }
    monkeypatch.setenv(CONNECTION, json.dumps(fields))
    address = rates.redis_address("rates")
    assert address.tls
    assert address.options == {
        "host": "cache",
        "port": 6379,
        "db": 4,
        "username": "me",
        "password": "hush",
        "ssl_ca_certs": "/ca.pem",
    }
    assert "hush" not in repr(address)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate": 0}, "rate: a number"),
        ({"chunks_at_once": 0}, "chunks_at_once: 1"),
        ({"calls_at_once": 3, "chunks_at_once": 4}, "calls_at_once: 1 or more is needed for each"),
    ],
)
def test_a_wrong_rate_is_named(run, plan, given, says):
    with pytest.raises(AirflowFailException, match=says):
        run.start(send(plan(), **given))


@pytest.mark.parametrize(
    ("calls", "chunks", "each"), [(None, None, 10), (None, 4, 2), (None, 20, 1), ("9", "4", 2), (4, 4, 1)]
)
def test_tasks_share_the_calls_in_progress(calls, chunks, each):
    assert rates.lines_of_task(calls, chunks) == each

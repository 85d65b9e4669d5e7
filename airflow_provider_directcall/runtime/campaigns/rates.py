"""The rate of an account: shared through Redis where the deployment names one, else divided among the tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.pacing import AccountPace, Pace
from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.campaigns.pacing import Pacer
    from airflow_provider_directcall.campaigns.redis_bucket import RedisAddress

log = logging.getLogger(__name__)

_SETTING: Final = "rate_conn_id"
_TYPES: Final = frozenset({"redis", "rediss"})
_PORT: Final = 6379
_CALLS_AT_ONCE: Final = 10
#: Extra of a Redis connection that redis-py takes under the same name, as Airflow's Redis provider passes it on.
_TLS_OPTIONS: Final = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_keyfile", "ssl_certfile", "ssl_check_hostname")
_EXTRA: Final = "pip install 'airflow-provider-directcall[redis]'"


class RateSettingError(CampaignError):
    """``[directcall] rate_conn_id`` cannot be used."""


def rate_of(rate: object) -> float | None:
    """Parse a rate of the account.

    :raises ValueError: it is not above 0.
    """
    text = arguments.optional_text(rate)
    if text is None:
        return None
    per_second = arguments.seconds("rate", text)
    if per_second <= 0:
        raise ValueError("rate: a number of parts, or calls, a second above 0 is needed")
    return per_second


def share_of_task(rate: float | None, chunks_at_once: object) -> float | None:
    """Return a task's own part of the account's rate.

    :raises ValueError: ``chunks_at_once`` is not 1 or more.
    """
    return None if rate is None else rate / _tasks_of(chunks_at_once)


def lines_of_task(calls_at_once: object, chunks_at_once: object) -> int:
    """Return a task's own part of the account's calls in progress.

    :raises ValueError: there is not one for each task.
    """
    tasks = _tasks_of(chunks_at_once)
    calls = arguments.integer("calls_at_once", calls_at_once)
    if calls is not None and calls < tasks:
        raise ValueError("calls_at_once: 1 or more is needed for each of the tasks of chunks_at_once")
    return max(1, (calls or _CALLS_AT_ONCE) // tasks)


def _tasks_of(chunks_at_once: object) -> int:
    tasks = arguments.integer("chunks_at_once", chunks_at_once)
    if tasks is not None and tasks < 1:
        raise ValueError("chunks_at_once: 1 or more is needed")
    return tasks or 1


def account_pacer(
    rate: float | None, share: float | None, channel: Channel, settings: Settings, clock: Clock
) -> Pacer | None:
    """Return the pacer of all tasks on an account, or None where each keeps to its share.

    :param share: of this task while Redis is away.
    :raises RateSettingError: the deployment names a Redis that cannot be used.
    """
    conn_id = conf.get("directcall", _SETTING, fallback="").strip()
    if rate is None or not conn_id:
        return None
    if find_spec("throttled") is None or find_spec("redis") is None:
        raise RateSettingError(f"[directcall] {_SETTING} needs an extra: {_EXTRA}")
    from airflow_provider_directcall.campaigns.redis_bucket import RedisBucket, bucket_name

    unit = "calls" if channel is Channel.CALL else "parts"
    bucket = RedisBucket(redis_address(conn_id), bucket_name(settings, unit), rate)
    log.info("Rate: %s %s a second, shared through the connection %s.", rate, unit, conn_id)
    return AccountPace(bucket, rate, Pace(share, clock), clock)


def redis_address(conn_id: str) -> RedisAddress:
    """Return how the Redis of a connection is reached.

    :raises RateSettingError: the connection is none of a Redis.
    """
    from airflow.sdk import BaseHook

    from airflow_provider_directcall.campaigns.redis_bucket import RedisAddress

    connection: Connection = BaseHook.get_connection(conn_id)
    if connection.conn_type not in _TYPES:
        raise RateSettingError(f"[directcall] {_SETTING}: the connection {conn_id} is not of type redis")
    extra: Mapping[str, Any] = connection.extra_dejson
    database = extra.get("db") or connection.schema or 0
    try:
        options: dict[str, Any] = {
            "host": connection.host or "localhost",
            "port": connection.port or _PORT,
            "db": int(database),
            "username": connection.login or None,
            "password": connection.password or None,
        }
    except ValueError:
        raise RateSettingError(f"[directcall] {_SETTING}: the db of the connection {conn_id} is no number") from None
    tls = connection.conn_type == "rediss" or arguments.boolean("ssl", extra.get("ssl"))
    return RedisAddress(options | {name: extra[name] for name in _TLS_OPTIONS if tls and name in extra}, tls)

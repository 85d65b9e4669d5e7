"""Options of a chunk's sending, as templates render them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.sending import SendOptions
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.arguments import CampaignTask, channel_named, one_of
from airflow_provider_directcall.runtime.campaigns.rates import lines_of_task, rate_of, share_of_task

if TYPE_CHECKING:
    from airflow_provider_directcall.api.settings import Settings

_DEFAULT_CONCURRENCY: Final = 20
_DEFAULT_TOGETHER: Final = 100


class SendTask(CampaignTask, Protocol):
    """A task that sends a chunk."""

    plan: Mapping[str, object] | str
    chunk: str
    outside_window: str
    stop_when_failed_share: float | str | None
    rate: float | str | None
    chunks_at_once: int | str
    wave_size: int | str | None
    concurrency: int | str | None
    calls_at_once: int | str | None
    recipients_per_request: int | str | None
    by_lots: bool | str
    record: bool | str
    audio_id: str | None
    short_number: bool | str
    on_unknown_outcome: str
    settle_seconds: float | timedelta | str
    completion_timeout: float | timedelta | str
    poll_interval: float | str


def send_options(task: SendTask, settings: Settings) -> SendOptions:
    """Parse the arguments of a send task.

    :param settings: of the connection, with the default origin.
    :raises ValueError: an argument is wrong.
    :raises CampaignError: arguments contradict each other.
    """
    channel = channel_named(task.channel)
    is_lots = arguments.boolean("by_lots", task.by_lots)
    together = arguments.integer("recipients_per_request", task.recipients_per_request)
    poll_interval = arguments.seconds("poll_interval", task.poll_interval)
    share = share_of_task(rate_of(task.rate), task.chunks_at_once)
    return SendOptions(
        requests=RequestOptions(
            channel=channel,
            origin=arguments.optional_number("origin", task.origin) or settings.default_origin,
            by_lots=is_lots,
            record=arguments.boolean("record", task.record),
            audio_id=arguments.optional_text(task.audio_id),
            short_number=arguments.boolean("short_number", task.short_number),
            recipients_per_request=_DEFAULT_TOGETHER if together is None else together,
            # No more than a second's worth leaves at once.
            parts_per_request=None if share is None else max(1, int(share)),
        ),
        wave_size=arguments.integer("wave_size", task.wave_size),
        concurrency=arguments.integer("concurrency", task.concurrency) or _DEFAULT_CONCURRENCY,
        parts_per_second=share,
        calls_at_once=lines_of_task(task.calls_at_once, task.chunks_at_once),
        timeouts=ReconcileTimeouts(
            settle_seconds=arguments.seconds("settle_seconds", task.settle_seconds),
            longest_seconds=arguments.seconds("completion_timeout", task.completion_timeout),
            poll_interval=poll_interval,
        ),
        on_unknown_outcome=one_of("on_unknown_outcome", task.on_unknown_outcome, OnUnknownOutcome),
    )


def share_of(value: object) -> float | None:
    """Parse a share from 0 to 1; None for an empty one.

    :raises ValueError: it is no number.
    """
    text = arguments.optional_text(value)
    return None if text is None else arguments.seconds("stop_when_failed_share", text)

"""Carry out the send, track and report tasks of a campaign."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from airflow.sdk.log import mask_secret

from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.chunks import chunk_numbers, chunk_stem
from airflow_provider_directcall.campaigns.guards import Guards, OutsideWindow
from airflow_provider_directcall.campaigns.report import make_report
from airflow_provider_directcall.campaigns.sending import ChunkOutcome, send_chunk
from airflow_provider_directcall.campaigns.tracking import Tracked, TrackOptions, track_attempts
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.arguments import (
    describes_plan,
    money,
    one_of,
    settings_of,
    window_of,
)
from airflow_provider_directcall.runtime.campaigns.files import folder_of
from airflow_provider_directcall.runtime.campaigns.options import attempt_rules, send_options, share_of
from airflow_provider_directcall.runtime.campaigns.planning import ExclusionRules, check_fresh
from airflow_provider_directcall.runtime.campaigns.rates import account_pacer, rate_of
from airflow_provider_directcall.runtime.campaigns.sending import (
    FreshExclusions,
    chunk_budget,
    chunk_key,
    frequency_rules,
    open_plan,
    stopped_by_variable,
)
from airflow_provider_directcall.runtime.delivery_log import task_identity
from airflow_provider_directcall.translations.languages import language_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.campaigns.progress import ChunkProgress
    from airflow_provider_directcall.campaigns.send_options import SendOptions
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.runtime.campaigns.options import SendTask


class TrackTask(Protocol):
    """A task that follows a chunk."""

    plan: Mapping[str, object] | str
    chunk: str
    origin: str | None
    poll_interval: float | str


class ReportTask(Protocol):
    """A task that reports on a campaign."""

    plan: Mapping[str, object] | str
    results: str | None
    html: bool | str
    timezone: str | None
    language: str


def send_chunk_of(
    task: SendTask, hook: DirectcallHook, context: Context, on_progress: Callable[[ChunkProgress], None]
) -> ChunkOutcome:
    """Send a task's chunk, or go on with it.

    :raises ValueError: an argument is wrong.
    :raises CampaignError: the plan is stale, or cannot be used.
    """
    folder, made = open_plan(task.plan)
    clock = current_clock()
    options = send_options(task, hook.settings)
    if not folder.names("waves/"):
        # Once something is sent, the plan alone decides on the rest.
        check_fresh(made, settings_of(task, hook.settings) if describes_plan(task) else None)
    guards = _guards(task, folder, made, hook, options)
    rules = attempt_rules(task, options, guards)
    stem = chunk_stem(task.chunk)
    key = chunk_key(folder, stem, task_identity(context, stem))

    async def send() -> ChunkOutcome:
        async with AsyncExitStack() as stack:
            # A line for each message would cost more than the message, and say less than the progress.
            opened = AsyncClient(hook.settings, on_token=_mask, send_log_level=logging.DEBUG)
            client = await stack.enter_async_context(opened)
            if guards.pacer is not None:
                stack.push_async_callback(guards.pacer.aclose)
            return await send_chunk(
                folder,
                task.chunk,
                key=key,
                client=client,
                clock=clock,
                options=options,
                guards=guards,
                on_progress=on_progress,
                rules=rules,
            )

    return asyncio.run(send())


def _guards(task: SendTask, folder: Folder, made: CampaignPlan, hook: DirectcallHook, options: SendOptions) -> Guards:
    price, budget = money("price_brl", task.price_brl), money("budget_brl", task.budget_brl)
    rate, share, channel = rate_of(task.rate), options.parts_per_second, options.requests.channel
    may_cost_more = bool(task.attempts) or channel is Channel.CALL
    return Guards(
        window=window_of(task.window),
        outside_window=one_of("outside_window", task.outside_window, OutsideWindow),
        excluded=FreshExclusions(
            ExclusionRules.of(task), hook, current_clock().now, lambda: chunk_numbers(folder, task.chunk)
        ),
        may_go_on=stopped_by_variable,
        price_brl=price,
        budget_brl=chunk_budget(made, task.chunk, budget, price, may_cost_more=may_cost_more),
        stop_when_failed_share=share_of(task.stop_when_failed_share),
        frequency=None if made.ledger is None else frequency_rules(made.ledger, made.frequency_cap),
        pacer=account_pacer(rate, share, channel, hook.settings, current_clock()),
    )


def track_chunk_of(task: TrackTask, hook: DirectcallHook, until: datetime) -> Tracked:
    """Look once for all contacts of a task's chunk, in all their attempts."""
    folder, made = open_plan(task.plan)
    options = TrackOptions(
        channel=made.channel,
        until=until,
        poll_interval=timedelta(seconds=arguments.seconds("poll_interval", task.poll_interval)),
        origin=arguments.optional_number("origin", task.origin) or hook.settings.default_origin,
    )
    try:
        key = folder.read(f"keys/{chunk_stem(task.chunk)}").decode("ascii")
    except FileNotFoundError:
        # Nothing of it was sent.
        return Tracked({}, 0, None)

    async def look() -> Tracked:
        async with AsyncClient(hook.settings, on_token=_mask) as client:
            return await track_attempts(
                folder, task.chunk, key=key, client=client, clock=current_clock(), options=options
            )

    return asyncio.run(look())


def report_on(task: ReportTask) -> dict[str, object]:
    """Write the report of a campaign."""
    folder, plan = open_plan(task.plan)
    now = current_clock().now().astimezone(ZoneInfo(arguments.optional_text(task.timezone) or plan.times.zone))
    result = make_report(
        folder,
        results_uri=arguments.optional_text(task.results),
        html=arguments.boolean("html", task.html),
        now=now,
        folder_at=folder_of,
        language=language_of(task.language),
    )
    cost = result["cost_brl"]
    return {**result, "cost_brl": float(str(cost)) if cost is not None else None}


async def _mask(token: str) -> None:
    # Not Airflow's asynchronous call: this loop reports its progress with blocking ones, and both share one channel.
    mask_secret(token)

"""Carry out the send, track and report tasks of a campaign."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk.log import mask_secret

from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.campaigns.chunks import chunk_stem
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.campaigns.report import make_report
from airflow_provider_directcall.campaigns.sending import ChunkOutcome, run_chunk
from airflow_provider_directcall.campaigns.tracking import Tracked, TrackOptions, track_chunk
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.arguments import CampaignArguments, money, window_of
from airflow_provider_directcall.runtime.campaigns.files import folder_of
from airflow_provider_directcall.runtime.campaigns.options import outside_window_named, send_options, share_of
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
from airflow_provider_directcall.runtime.delivery_log import DeliveryLog

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.campaigns.progress import ChunkProgress
    from airflow_provider_directcall.hooks.directcall import DirectcallHook


def send_chunk_of(
    task: Any,  # noqa: ANN401 - its class is above this layer
    hook: DirectcallHook,
    context: Context,
    on_progress: Callable[[ChunkProgress], None],
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
        own = CampaignArguments.of(task)
        check_fresh(made, own.settings(hook.settings) if own.are_given else None)
    rules = ExclusionRules(
        task.suppress, arguments.texts("opt_out_words", task.opt_out_words) or (), float(task.opt_out_days)
    )
    price = money("price_brl", task.price_brl)
    guards = Guards(
        window=window_of(task.window),
        outside_window=outside_window_named(task.outside_window),
        excluded=FreshExclusions(rules, hook, clock.now),
        may_go_on=stopped_by_variable,
        price_brl=price,
        budget_brl=chunk_budget(made, task.chunk, money("budget_brl", task.budget_brl), price),
        stop_when_failed_share=share_of(task.stop_when_failed_share),
        frequency=None if made.ledger is None else frequency_rules(made.ledger, made.frequency_cap),
        pacer=account_pacer(
            rate_of(task.rate), options.parts_per_second, options.requests.channel, hook.settings, clock
        ),
    )
    stem = chunk_stem(task.chunk)
    return run_chunk(
        folder,
        task.chunk,
        key=chunk_key(folder, stem, DeliveryLog(task, context, step=stem).identity),
        # A line for each message would cost more than the message, and say less than the progress.
        make_client=lambda: AsyncClient(hook.settings, on_token=_mask, send_log_level=logging.DEBUG),
        clock=clock,
        options=options,
        guards=guards,
        on_progress=on_progress,
    )


def track_chunk_of(task: Any, hook: DirectcallHook, until: datetime) -> Tracked:  # noqa: ANN401 - its class is above this layer
    """Look once for all contacts of a task's chunk."""
    folder, made = open_plan(task.plan)
    stem = chunk_stem(task.chunk)
    options = TrackOptions(
        channel=made.channel,
        until=until,
        poll_interval=timedelta(seconds=arguments.seconds("poll_interval", task.poll_interval)),
        origin=arguments.optional_number("origin", task.origin) or hook.settings.default_origin,
    )

    async def look(key: str) -> Tracked:
        async with AsyncClient(hook.settings, on_token=_mask) as client:
            return await track_chunk(folder, task.chunk, key=key, client=client, clock=current_clock(), options=options)

    try:
        key = folder.read(f"keys/{stem}").decode("ascii")
    except FileNotFoundError:
        # Nothing of it was sent.
        return Tracked({}, 0, None)
    return asyncio.run(look(key))


def report_on(task: Any) -> dict[str, object]:  # noqa: ANN401 - its class is above this layer
    """Write the report of a campaign."""
    folder, _ = open_plan(task.plan)
    now = current_clock().now().astimezone(ZoneInfo(task.timezone))
    result = make_report(
        folder,
        results_uri=arguments.optional_text(task.results),
        html=arguments.boolean("html", task.html),
        now=now,
        folder_at=folder_of,
    )
    cost = result["cost_brl"]
    return {**result, "cost_brl": float(str(cost)) if cost is not None else None}


async def _mask(token: str) -> None:
    # Not Airflow's asynchronous call: this loop reports its progress with blocking ones, and both share one channel.
    mask_secret(token)

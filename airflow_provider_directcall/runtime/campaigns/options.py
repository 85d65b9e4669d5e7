"""Options of a chunk's sending, as templates render them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.campaigns.again import Again
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.guards import OutsideWindow
from airflow_provider_directcall.campaigns.sending import SendOptions
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.voice import VOICEMAIL, AttemptRules
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.arguments import CampaignTask, channel_named, one_of
from airflow_provider_directcall.runtime.campaigns.rates import lines_of_task, rate_of, share_of_task

if TYPE_CHECKING:
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.campaigns.guards import Guards

#: Of a voice message, where its request does not say how many.
DEFAULT_VOICE_ATTEMPTS: Final = 3
_CALL_OUTCOMES: Final = (*(outcome.value for outcome in CallOutcome), VOICEMAIL)
_MESSAGE_OUTCOMES: Final = (ContactState.FAILED.value,)
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
    voice_attempts: int | str | None
    attempts: Mapping[str, Again | Mapping[str, object]] | str | None
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
            voice_attempts=arguments.integer("voice_attempts", task.voice_attempts),
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


def attempt_rules(task: SendTask, options: SendOptions, guards: Guards) -> AttemptRules | None:
    """Parse which contacts are called again; None where nobody is, and no budget counts what calls cost.

    :raises ValueError: an argument is wrong.
    :raises CampaignError: an outcome, or a number, cannot be used.
    """
    by_outcome = _attempts(task.attempts)
    channel = options.requests.channel
    if not by_outcome and (channel is not Channel.CALL or guards.budget_brl is None):
        return None
    if channel is Channel.SMS:
        raise ValueError("attempts: they are for calls and voice messages; an SMS is sent once")
    known = _MESSAGE_OUTCOMES if channel is Channel.VOICE_MESSAGE else _CALL_OUTCOMES
    for outcome in by_outcome:
        hint = arguments.suggestion(outcome, known)
        # A word of the vendor's own may be an outcome of a call.
        if outcome not in known and (hint or channel is Channel.VOICE_MESSAGE):
            raise ValueError(f"attempts: there is no outcome {outcome!r}; there are {', '.join(known)}{hint}")
    return AttemptRules(
        by_outcome=by_outcome,
        window=guards.window,
        waits=guards.outside_window is OutsideWindow.WAIT,
        calls_per_request=(options.requests.voice_attempts or DEFAULT_VOICE_ATTEMPTS)
        if channel is Channel.VOICE_MESSAGE
        else 1,
    )


def _attempts(value: object) -> dict[str, Again]:
    """Parse rules by outcome: ``Again`` each, or ``{"after": minutes, "at_most": calls}``, or the text of both."""
    text = value if not isinstance(value, str) else arguments.optional_text(value)
    given = arguments.literal("attempts", text) if isinstance(text, str) else text
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f"attempts: a mapping of outcomes is needed, not {type(given).__name__}")
    return {str(outcome).strip().casefold(): _again(str(outcome), each) for outcome, each in given.items()}


def _again(outcome: str, value: object) -> Again:
    if isinstance(value, Again):
        return value
    if not isinstance(value, Mapping) or not {"after"} <= set(value) <= {"after", "at_most"}:
        raise ValueError(f"attempts: {outcome}: Again(after=minutes, at_most=calls) is needed")
    after = value["after"]
    minutes = after if isinstance(after, timedelta) else arguments.seconds("attempts: after", after)
    at_most = arguments.integer("attempts: at_most", value.get("at_most"))
    return Again(after=minutes) if at_most is None else Again(after=minutes, at_most=at_most)


def share_of(value: object) -> float | None:
    """Parse a share from 0 to 1; None for an empty one.

    :raises ValueError: it is no number.
    """
    text = arguments.optional_text(value)
    return None if text is None else arguments.seconds("stop_when_failed_share", text)

"""The operator that sends one chunk of a campaign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.operators.campaign_operator import (
    CampaignOperator,
    Result,
    also_takes,
    campaign_hook,
    keywords_of,
    wait_until,
)
from airflow_provider_directcall.operators.once_only import DEFAULT_COMPLETION_TIMEOUT, DEFAULT_SETTLE_SECONDS
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.polling import DEFAULT_POLL_INTERVAL

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.campaigns.again import Again
    from airflow_provider_directcall.campaigns.progress import ChunkProgress
    from airflow_provider_directcall.campaigns.sending import ChunkOutcome


class CampaignInterruptedError(DirectcallError):
    """A chunk was not sent to its end, and the next try goes on."""


class DirectcallSendCampaignOperator(CampaignOperator):
    """Send one chunk of a plan: once to each contact, whatever happens.

    Contacts leave in waves. A wave is recorded before its first request leaves, and its results before the next one
    begins; so a retry, a Clear or another task goes on where this one was, and looks for the requests that were on
    their way when a worker was lost. Nobody is sent to again. Suppression lists, replies and the window are looked at
    again; outside the window the task waits, without a worker, until it opens.

    The task stops before the budget is passed, without balance, when too many contacts fail, and by hand: mark it as
    failed, put a file ``stop`` into the campaign's folder, or set the Variable ``directcall_campaign_stop``. A Clear
    goes on.

    :param plan: the result of a plan task, or the path or URI of its file. Templated, like all arguments.
    :param chunk: name of a chunk, from the plan's ``chunks``.
    :param outside_window: ``wait`` until it opens, or ``skip`` contacts whose window is closed.
    :param stop_when_failed_share: stop when a larger share, such as 0.1, of this try's contacts fails.
    :param rate: parts, or calls, a second of the account; None for no bound. Tasks on all workers share it through the
        Redis of ``[directcall] rate_conn_id``; without one, each takes its part of it.
    :param chunks_at_once: tasks that share the rate and the calls in progress.
    :param wave_size: contacts in a wave; None for 20 times ``recipients_per_request``, and 500 at least.
    :param concurrency: requests on their way at once.
    :param calls_at_once: calls in progress at once, of all these tasks; None for 10. The task takes its lines until its
        calls have ended.
    :param recipients_per_request: contacts with the same text in one request; 1 sends to each alone. None for 100.
    :param by_lots: send personal texts with ``/sms/lot-send``, whose body is assumed: try it on a few contacts first.
    :param record: record calls.
    :param audio_id: stored audio of voice messages, in place of the text.
    :param voice_attempts: calls that Directcall makes by itself to deliver a voice message (``num_tentativas``); None
        for its default of 3.
    :param attempts: outcome -> :class:`Again`: contacts whose call ended so are called again, each within the window of
        the called number, and after the calls to one of several numbers at the next one. Outcomes are ``busy``,
        ``no_answer``, ``failed``, ``cancelled`` and ``voicemail``; of a voice message, ``failed``, and the calls that
        Directcall makes count. The task defers between them. For templates, ``{"after": minutes, "at_most": calls}``
        can be in place of :class:`Again`.
    :param short_number: send SMS from a short number; only then there are replies and states.
    :param on_unknown_outcome: policy for contacts whose outcome stays unknown: ``hold`` counts them as ``unknown``,
        ``fail`` fails the task at its end, ``resend`` risks a second message.
    :param settle_seconds: seconds (or a timedelta) without a row in the statement that prove absence.
    :param completion_timeout: so long a call in progress is waited for when the outcome of its request is unknown; with
        ``attempts``, so long the end of a call is looked for.
    :param poll_interval: seconds between two looks.

    Further parameters as in :class:`~.campaign_operator.CampaignOperator`; with a text, those that decide on texts are
    compared with the plan before anything is sent.

    Returns ``{"chunk", "states", "waiting", "parts", "cost_brl", "stopped"}``; the XCom ``progress`` has ``{"sent",
    "total", "per_second", "seconds_left", "failures"}`` while the task runs.
    """

    @also_takes(CampaignOperator)
    def __init__(
        self,
        *,
        plan: Mapping[str, object] | str,
        chunk: str,
        outside_window: str = "wait",
        stop_when_failed_share: float | str | None = None,
        rate: float | str | None = None,
        chunks_at_once: int | str = 1,
        wave_size: int | str | None = None,
        concurrency: int | str | None = None,
        calls_at_once: int | str | None = None,
        recipients_per_request: int | str | None = None,
        by_lots: bool | str = False,
        record: bool | str = False,
        audio_id: str | None = None,
        voice_attempts: int | str | None = None,
        attempts: Mapping[str, Again | Mapping[str, object]] | str | None = None,
        short_number: bool | str = True,
        on_unknown_outcome: str = "hold",
        settle_seconds: float | timedelta | str = DEFAULT_SETTLE_SECONDS,
        completion_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        poll_interval: float | str = DEFAULT_POLL_INTERVAL,
        **kwargs: Any,  # noqa: ANN401 - the arguments of CampaignOperator and BaseOperator
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.chunk = chunk
        self.outside_window = outside_window
        self.stop_when_failed_share = stop_when_failed_share
        self.rate = rate
        self.chunks_at_once = chunks_at_once
        self.wave_size = wave_size
        self.concurrency = concurrency
        self.calls_at_once = calls_at_once
        self.recipients_per_request = recipients_per_request
        self.by_lots = by_lots
        self.record = record
        self.audio_id = audio_id
        self.voice_attempts = voice_attempts
        self.attempts = attempts
        self.short_number = short_number
        self.on_unknown_outcome = on_unknown_outcome
        self.settle_seconds = settle_seconds
        self.completion_timeout = completion_timeout
        self.poll_interval = poll_interval

    template_fields: Sequence[str] = keywords_of(__init__)

    def execute(self, context: Context) -> Result:
        """Send, or go on; wait where the window is closed, or calls are in progress."""
        with campaign_hook(self.directcall_conn_id) as hook:
            from airflow_provider_directcall.runtime.campaigns.chunk_tasks import send_chunk_of

            outcome = send_chunk_of(self, hook, context, self._log_progress(context))
        result = _outcome_result(self.chunk, outcome)
        if outcome.stopped is not None or outcome.waits_until is not None:
            # A return value is not kept of a task that fails or defers.
            context["ti"].xcom_push(key="outcome", value=result)
        if outcome.stopped is not None:
            raise stopped_error(f"{self.chunk}: stopped: {outcome.stopped}", outcome)
        if outcome.waits_until is not None:
            self.log.info(
                "%s contacts wait, and %s calls may be in progress; the task goes on at %s.",
                *(outcome.waiting, outcome.calls_in_progress, outcome.waits_until),
            )
            wait_until(self, outcome.waits_until, keeps_place=outcome.calls_in_progress > 0)
        if outcome.states.get("unknown") and arguments.optional_text(self.on_unknown_outcome) == "fail":
            raise AirflowFailException(
                f"{self.chunk}: the outcome of {outcome.states['unknown']} contacts is unknown; see docs/campaigns.md"
            )
        return result

    def execute_complete(self, context: Context, event: object = None) -> Result:
        """Go on: the window has opened, a call may have ended, or a further one is due."""
        return self.execute(context)

    def _log_progress(self, context: Context) -> Callable[[ChunkProgress], None]:
        def report(progress: ChunkProgress) -> None:
            fields = progress.as_json()
            self.log.info(
                "%s of %s sent, %s a second, %s s left; failures: %s",
                *(fields[name] for name in ("sent", "total", "per_second", "seconds_left")),
                fields["failures"] or "none",
            )
            context["ti"].xcom_push(key="progress", value=fields)

        return report


def _outcome_result(chunk: str, outcome: ChunkOutcome) -> Result:
    return {
        "chunk": chunk,
        "states": dict(outcome.states),
        "waiting": outcome.waiting,
        "parts": outcome.parts,
        "cost_brl": float(outcome.cost_brl) if outcome.cost_brl is not None else None,
        "stopped": outcome.stopped,
    }


def stopped_error(text: str, outcome: ChunkOutcome) -> Exception:
    """Return the error of a chunk that was not sent to its end."""
    if outcome.retryable:
        return CampaignInterruptedError(f"{text}; {outcome.waiting} contacts wait for the next try")
    return AirflowFailException(f"{text}; {outcome.waiting} contacts had no turn. Clear the task to go on")

"""The operators of campaigns: plan, send, track, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.operators.once_only import DEFAULT_COMPLETION_TIMEOUT, DEFAULT_SETTLE_SECONDS
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.campaigns.arguments import (
    DEFAULT_CHUNK_SIZE,
    CampaignArguments,
    Contacts,
    money,
)
from airflow_provider_directcall.runtime.campaigns.files import campaign_base, plan_uri
from airflow_provider_directcall.runtime.campaigns.queries import SqlContacts
from airflow_provider_directcall.runtime.failures import failing_without_retry
from airflow_provider_directcall.runtime.polling import DEFAULT_POLL_INTERVAL

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
    from airflow_provider_directcall.campaigns.progress import ChunkProgress
    from airflow_provider_directcall.campaigns.sending import ChunkOutcome
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.telephony.windows import Window

__all__ = [
    "DirectcallPlanCampaignOperator",
    "DirectcallReportCampaignOperator",
    "DirectcallSendCampaignOperator",
    "DirectcallTrackCampaignOperator",
    "SqlContacts",
]

Result = dict[str, object]

DEFAULT_OPT_OUT_WORDS: Final = ("PARE", "SAIR")
DEFAULT_OPT_OUT_DAYS: Final = 365.0
#: Seconds between two looks at the statement, which read all rows of the campaign's time.
DEFAULT_TRACK_INTERVAL: Final = 60.0
#: Airflow (up to 3.3.2 at least) fails a task that is resumed before its scheduler has seen the deferral.
_SHORTEST_DEFERRAL: Final = timedelta(seconds=5)

#: Template fields of the arguments that decide on texts and contacts.
_CAMPAIGN_FIELDS: Final = (
    "channel",
    "number_column",
    "id_column",
    "text",
    "text_column",
    "origin",
    "tags",
    "window",
    "keep_accents",
    "price_brl",
)
_EXTRA: Final = "Campaigns need Polars: pip install 'airflow-provider-directcall[campaigns]'"


class MissingExtraError(DirectcallError):
    """A library of an extra is not installed."""


class CampaignInterruptedError(DirectcallError):
    """A chunk was not sent to its end, and the next try goes on."""


class DirectcallPlanCampaignOperator(BaseOperator):
    """Plan a campaign: who gets which text when, at what cost, and who does not and why. Sends nothing.

    Contacts are streamed into files of accepted ones, all others are kept with a reason and the number of their row,
    and a page shows the first, the longest and the dearest texts. The files are below ``storage``, closed to others;
    XCom and log have counts and reasons only.

    A retry plans again; once something was sent, a retry or a Clear returns the plan by which it was sent, and fails
    where the contacts or the arguments are others now.

    :param contacts: CSV, JSON lines or Parquet: a path, a URI, a pattern such as ``s3://bucket/day/*.csv``, a
        :class:`SqlContacts`, or a list of them; also the result of an upstream task. Templated, like all arguments.
    :param number_column: column of the number, or several in order of preference.
    :param id_column: column of the contact's id; without it, the file's name and the row's number.
    :param channel: ``sms``, ``voice_message`` or ``call``.
    :param text: with ``{column}`` for the values of a row; ``{{`` and ``}}`` are braces. Nothing else is filled in.
    :param text_column: column with texts made upstream, in place of ``text``.
    :param origin: sender (``origem``); None for the connection's default.
    :param tags: custom data (``campos``); values may hold ``{column}``.
    :param window: when numbers may be reached, on their own clock: a preset's name, a ``Window``, or None for any time.
    :param keep_accents: send accented letters, with which a part holds fewer characters.
    :param price_brl: of one part, or one voice message; without it, no cost is known.
    :param budget_brl: what the campaign may cost; needs ``price_brl``.
    :param suppress: lists of numbers that must not be reached, given as ``contacts``; see ``docs/campaigns.md``.
    :param opt_out_words: words that, first in a reply, ask for no more messages; none reads no replies.
    :param opt_out_days: so many days back replies are read.
    :param chunk_size: contacts a task sends; it grows where there would be more tasks than Airflow maps.
    :param storage: path or URI of a folder that all workers reach; None for ``[directcall] campaign_storage``, or else
        a folder in ``AIRFLOW_HOME``.
    :param again: let a Clear after the report plan, and send, to the same contacts once more.
    :param dry_run: return no chunks, so that nothing is sent.
    :param directcall_conn_id: id of the connection.

    Returns ``{"plan": uri, "digest", "accepted", "rejected", "parts", "cost_brl", "chunks": [names], "states",
    "reasons", "preview": uri}``; ``rejected`` counts all that are not accepted, ``states`` says which they are.
    """

    template_fields: Sequence[str] = (
        "contacts",
        *_CAMPAIGN_FIELDS,
        "budget_brl",
        "suppress",
        "opt_out_words",
        "opt_out_days",
        "chunk_size",
        "storage",
        "again",
        "dry_run",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        contacts: Contacts,
        number_column: str | Sequence[str] = "phone",
        id_column: str | None = None,
        channel: str = "sms",
        text: str | None = None,
        text_column: str | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        window: str | Window | None = "strict",
        keep_accents: bool | str = False,
        price_brl: float | str | Decimal | None = None,
        budget_brl: float | str | Decimal | None = None,
        suppress: Contacts | None = None,
        opt_out_words: Sequence[str] | str = DEFAULT_OPT_OUT_WORDS,
        opt_out_days: float | str = DEFAULT_OPT_OUT_DAYS,
        chunk_size: int | str | None = None,
        storage: str | None = None,
        again: bool | str = False,
        dry_run: bool | str = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.contacts = contacts
        self.number_column = number_column
        self.id_column = id_column
        self.channel = channel
        self.text = text
        self.text_column = text_column
        self.origin = origin
        self.tags = tags
        self.window = window
        self.keep_accents = keep_accents
        self.price_brl = price_brl
        self.budget_brl = budget_brl
        self.suppress = suppress
        self.opt_out_words = opt_out_words
        self.opt_out_days = opt_out_days
        self.chunk_size = chunk_size
        self.storage = storage
        self.again = again
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]  # it hides a method of Airflow's that only prints
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> Result:
        """Plan, log the summary and return it."""
        require_polars()
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.campaigns.planning import ExclusionRules, PlanRequest

        with DirectcallHook(self.directcall_conn_id) as hook, failing_without_retry(is_final):
            request = PlanRequest(
                CampaignArguments.of(self).settings(
                    hook.settings,
                    budget_brl=money("budget_brl", self.budget_brl),
                    chunk_size=arguments.integer("chunk_size", self.chunk_size) or DEFAULT_CHUNK_SIZE,
                ),
                self.contacts,
                ExclusionRules(
                    self.suppress,
                    arguments.texts("opt_out_words", self.opt_out_words) or (),
                    float(self.opt_out_days),
                ),
                again=arguments.boolean("again", self.again),
            )
            dry_run = arguments.boolean("dry_run", self.dry_run)
            folder, plan = request.make(campaign_base(self.storage, context), hook, current_clock().now())
        for line in plan.summary_lines():
            self.log.info("%s", line)
        return _plan_result(folder, plan, dry_run=dry_run)


class DirectcallSendCampaignOperator(BaseOperator):
    """Send one chunk of a plan: once to each contact, whatever happens.

    Contacts leave in waves. A wave is recorded before its first request leaves, and its results before the next one
    begins; so a retry, a Clear or another task goes on where this one was, and looks for the requests that were on
    their way when a worker was lost. Nobody is sent to again. Suppression lists, replies and the window are looked at
    again; outside the window the task defers until it opens.

    The task stops before the budget is passed, without balance, when too many contacts fail, and by hand: mark it as
    failed, put a file ``stop`` into the campaign's folder, or set the Variable ``directcall_campaign_stop``. A Clear
    goes on.

    :param plan: the result of a plan task, or the path or URI of its file. Templated, like all arguments.
    :param chunk: name of a chunk, from the plan's ``chunks``.
    :param channel: as in :class:`DirectcallPlanCampaignOperator`, like ``number_column``, ``id_column``, ``text``,
        ``text_column``, ``origin``, ``tags``, ``window``, ``keep_accents`` and ``price_brl``. With a text, all of them
        are compared with the plan before anything is sent.
    :param outside_window: ``wait`` until it opens, or ``skip`` contacts whose window is closed.
    :param suppress: as there, like ``opt_out_words`` and ``opt_out_days``.
    :param budget_brl: what the whole campaign may cost; each chunk gets what those before it leave.
    :param stop_when_failed_share: stop when a larger share, such as 0.1, of this try's contacts fails.
    :param rate: parts, or calls, a second of the account; None for no bound. Tasks on all workers share it through the
        Redis of ``[directcall] rate_conn_id``; without one, each takes its part of it.
    :param chunks_at_once: tasks that share the rate and the calls in progress.
    :param wave_size: contacts in a wave; None for 500, and more where one request reaches several.
    :param concurrency: requests on their way at once.
    :param calls_at_once: calls in progress at once, of all these tasks; None for 10.
    :param recipients_per_request: contacts with the same text in one request; 1 sends to each alone. None for 100.
    :param by_lots: send personal texts with ``/sms/lot-send``, whose body is assumed: try it on a few contacts first.
    :param record: record calls.
    :param audio_id: stored audio of voice messages, in place of the text.
    :param short_number: send SMS from a short number; only then there are replies and states.
    :param on_unknown_outcome: policy for contacts whose outcome stays unknown: ``hold`` counts them as ``unknown``,
        ``fail`` fails the task at its end, ``resend`` risks a second message.
    :param settle_seconds: seconds (or a timedelta) without a row in the statement that prove absence.
    :param completion_timeout: so long a call in progress is waited for when the outcome of its request is unknown.
    :param poll_interval: seconds between two looks.
    :param directcall_conn_id: id of the connection.

    Returns ``{"chunk", "states", "waiting", "parts", "cost_brl", "stopped"}``; the XCom ``progress`` has ``{"sent",
    "total", "per_second", "seconds_left", "failures"}`` while the task runs.
    """

    template_fields: Sequence[str] = (
        "plan",
        "chunk",
        *_CAMPAIGN_FIELDS,
        "outside_window",
        "suppress",
        "opt_out_words",
        "opt_out_days",
        "budget_brl",
        "stop_when_failed_share",
        "rate",
        "chunks_at_once",
        "wave_size",
        "concurrency",
        "calls_at_once",
        "recipients_per_request",
        "by_lots",
        "record",
        "audio_id",
        "short_number",
        "on_unknown_outcome",
        "settle_seconds",
        "completion_timeout",
        "poll_interval",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json", "tags": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        plan: Mapping[str, object] | str,
        chunk: str,
        channel: str = "sms",
        number_column: str | Sequence[str] = "phone",
        id_column: str | None = None,
        text: str | None = None,
        text_column: str | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        window: str | Window | None = "strict",
        keep_accents: bool | str = False,
        price_brl: float | str | Decimal | None = None,
        outside_window: str = "wait",
        suppress: Contacts | None = None,
        opt_out_words: Sequence[str] | str = DEFAULT_OPT_OUT_WORDS,
        opt_out_days: float | str = DEFAULT_OPT_OUT_DAYS,
        budget_brl: float | str | Decimal | None = None,
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
        short_number: bool | str = True,
        on_unknown_outcome: str = "hold",
        settle_seconds: float | timedelta | str = DEFAULT_SETTLE_SECONDS,
        completion_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        poll_interval: float | str = DEFAULT_POLL_INTERVAL,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.chunk = chunk
        self.channel = channel
        self.number_column = number_column
        self.id_column = id_column
        self.text = text
        self.text_column = text_column
        self.origin = origin
        self.tags = tags
        self.window = window
        self.keep_accents = keep_accents
        self.price_brl = price_brl
        self.outside_window = outside_window
        self.suppress = suppress
        self.opt_out_words = opt_out_words
        self.opt_out_days = opt_out_days
        self.budget_brl = budget_brl
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
        self.short_number = short_number
        self.on_unknown_outcome = on_unknown_outcome
        self.settle_seconds = settle_seconds
        self.completion_timeout = completion_timeout
        self.poll_interval = poll_interval
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> Result:
        """Send, or go on; defer where the window is closed."""
        require_polars()
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.campaigns.chunk_tasks import send_chunk_of

        with DirectcallHook(self.directcall_conn_id) as hook, failing_without_retry(is_final):
            outcome = send_chunk_of(self, hook, context, self._log_progress(context))
        result = _outcome_result(self.chunk, outcome)
        if outcome.stopped is not None or outcome.waits_until is not None:
            # A return value is not kept of a task that fails or defers.
            context["ti"].xcom_push(key="outcome", value=result)
        if outcome.stopped is not None:
            raise stopped_error(f"{self.chunk}: stopped: {outcome.stopped}", outcome)
        if outcome.waits_until is not None:
            self.log.info("%s contacts wait for their window.", outcome.waiting)
            defer_until(self, outcome.waits_until)
        if outcome.states.get("unknown") and arguments.optional_text(self.on_unknown_outcome) == "fail":
            raise AirflowFailException(
                f"{self.chunk}: the outcome of {outcome.states['unknown']} contacts is unknown; see docs/campaigns.md"
            )
        return result

    def execute_complete(self, context: Context, event: object = None) -> Result:
        """Go on after the window has opened."""
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


class DirectcallTrackCampaignOperator(BaseOperator):
    """Follow a chunk's messages or calls in the statement until each has ended, with one look for all of them.

    :param plan: the result of a plan task, or the path or URI of its file. Templated, like all arguments.
    :param chunk: name of a chunk.
    :param origin: who asks for the calls; None for the connection's default.
    :param completion_timeout: seconds (or a timedelta) to follow, from the end of the sending on; what has not ended
        then keeps the state ``sent``.
    :param poll_interval: seconds between two looks; the task defers between them.
    :param directcall_conn_id: id of the connection.

    Returns ``{"chunk", "states", "pending"}``.
    """

    template_fields: Sequence[str] = (
        "plan",
        "chunk",
        "origin",
        "completion_timeout",
        "poll_interval",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        plan: Mapping[str, object] | str,
        chunk: str,
        origin: str | None = None,
        completion_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        poll_interval: float | str = DEFAULT_TRACK_INTERVAL,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.chunk = chunk
        self.origin = origin
        self.completion_timeout = completion_timeout
        self.poll_interval = poll_interval
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> Result:
        """Look, and defer until the next look."""
        timeout = timedelta(seconds=arguments.seconds("completion_timeout", self.completion_timeout))
        return self._look(current_clock().now() + timeout)

    def execute_complete(self, context: Context, event: object = None, until: str = "") -> Result:
        """Look again."""
        return self._look(datetime.fromisoformat(until))

    def _look(self, until: datetime) -> Result:
        require_polars()
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.runtime.campaigns.chunk_tasks import track_chunk_of

        with DirectcallHook(self.directcall_conn_id) as hook, failing_without_retry(is_final):
            tracked = track_chunk_of(self, hook, until)
        self.log.info("%s: %s; %s have not ended.", self.chunk, dict(tracked.counts), tracked.pending)
        if tracked.look_again_at is not None:
            defer_until(self, tracked.look_again_at, until=until.isoformat())
        return {"chunk": self.chunk, "states": dict(tracked.counts), "pending": tracked.pending}


class DirectcallReportCampaignOperator(BaseOperator):
    """Report on a campaign: one final state of each contact, totals, and the list of those who were not reached.

    :param plan: the result of a plan task, or the path or URI of its file. Templated, like all arguments.
    :param results: path or URI of the results, ending in ``.parquet`` or ``.csv``; None for the campaign's folder.
    :param html: write a page, which opens without a network and prints.
    :param fail_on: states that fail the task after the report is written. Contacts are ``stopped`` if they had no turn
        because a send task failed; without this, such a run would end as a success.
    :param timezone: of the hours in the page.

    Returns ``{"report": uri, "html": uri, "results": uri, "again": uri, "contacts", "states", "parts", "cost_brl"}``,
    which is the XCom ``report`` too. ``again`` can be the ``contacts`` of another plan.
    """

    template_fields: Sequence[str] = ("plan", "results", "html", "fail_on", "timezone")
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json"}
    ui_color = "#eee8f4"

    def __init__(
        self,
        *,
        plan: Mapping[str, object] | str,
        results: str | None = None,
        html: bool | str = True,
        fail_on: Iterable[str] | str = ("stopped",),
        timezone: str = "America/Sao_Paulo",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.results = results
        self.html = html
        self.fail_on = fail_on
        self.timezone = timezone

    def execute(self, context: Context) -> Result:
        """Write the report, add the counts to the task's asset events, and return it."""
        require_polars()
        from airflow_provider_directcall.runtime.campaigns.chunk_tasks import report_on

        with failing_without_retry(is_final):
            result = report_on(self)
        context["ti"].xcom_push(key="report", value=result)
        counts = {name: result[name] for name in ("contacts", "states", "parts", "cost_brl")}
        self.log.info("Report: %s", counts)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = counts  # type: ignore[assignment]  # JSON values
        states = _counts(result["states"])
        unwanted = [
            f"{states[state]} {state}" for state in arguments.texts("fail_on", self.fail_on) or () if states.get(state)
        ]
        if unwanted:
            raise AirflowFailException(
                f"The report is written, and {', '.join(unwanted)} contacts are in fail_on. Clear the send tasks that "
                "failed to go on with those who had no turn, or plan again with the list 'again'"
            )
        return result


def is_final(error: BaseException) -> bool:
    """Whether a retry is useless: an argument, a file or a plan is wrong. Storage that fails may work again."""
    from airflow_provider_directcall.campaigns.errors import CampaignError

    return isinstance(error, (CampaignError, MissingExtraError, ValueError))


def require_polars() -> None:
    """Check that the extra is installed.

    :raises MissingExtraError: it is not.
    """
    from importlib.util import find_spec

    if find_spec("polars") is None:
        raise MissingExtraError(_EXTRA)


def _plan_result(folder: Folder, plan: CampaignPlan, *, dry_run: bool) -> Result:
    return {
        "plan": plan_uri(folder),
        "digest": plan.digest,
        "accepted": plan.accepted,
        "rejected": plan.contacts - plan.accepted,
        "parts": plan.parts,
        "cost_brl": float(plan.cost_brl) if plan.cost_brl is not None else None,
        "chunks": [] if dry_run else [chunk.name for chunk in plan.chunks],
        "states": dict(plan.states),
        "reasons": dict(plan.reasons),
        "preview": f"{folder.uri}/preview.html",
    }


def _counts(states: object) -> Mapping[str, object]:
    return states if isinstance(states, Mapping) else {}


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


def defer_until(task: BaseOperator, moment: datetime, **kwargs: object) -> NoReturn:
    """Defer a task, without a worker, until a moment."""
    from airflow_provider_directcall.triggers.moments import MomentTrigger

    earliest = max(moment, current_clock().now() + _SHORTEST_DEFERRAL)
    task.defer(trigger=MomentTrigger(moment=earliest.isoformat()), method_name="execute_complete", kwargs=kwargs)

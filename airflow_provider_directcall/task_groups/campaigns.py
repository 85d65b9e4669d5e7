"""A campaign as a group of tasks: plan, approve, send, track, report, done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TaskGroup

from airflow_provider_directcall.operators.campaign_operator import (
    DEFAULT_OPT_OUT_DAYS,
    DEFAULT_OPT_OUT_WORDS,
    Result,
    also_takes,
    arguments_of,
)
from airflow_provider_directcall.operators.campaign_track import DEFAULT_TRACK_INTERVAL
from airflow_provider_directcall.operators.campaigns import (
    Again,
    DirectcallPlanCampaignOperator,
    DirectcallReportCampaignOperator,
    DirectcallSendCampaignOperator,
    DirectcallTrackCampaignOperator,
    SqlContacts,
)
from airflow_provider_directcall.operators.once_only import DEFAULT_COMPLETION_TIMEOUT, DEFAULT_SETTLE_SECONDS
from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from airflow_provider_directcall.runtime.campaigns.arguments import Contacts
    from airflow_provider_directcall.telephony.windows import Window

__all__ = ["Again", "CampaignChunksOperator", "CampaignReportOperator", "DirectcallCampaignTaskGroup", "SqlContacts"]


class CampaignChunksOperator(BaseOperator):
    """Return the names of a plan's chunks, over which the send task is mapped; skipped in a dry run.

    Airflow maps a task over a result as a whole, and the plan's result holds more than that.
    """

    template_fields: Sequence[str] = ("plan", "dry_run")
    template_fields_renderers: ClassVar[dict[str, str]] = {"plan": "json"}

    def __init__(self, *, plan: Mapping[str, Any], dry_run: bool | str = False, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.plan = plan
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]  # it hides a method of Airflow's that only prints

    def execute(self, context: Context) -> list[str]:
        """Return them."""
        if arguments.boolean("dry_run", self.dry_run):
            raise AirflowSkipException("dry_run: nothing is sent")
        return list(self.plan["chunks"])


class CampaignReportOperator(DirectcallReportCampaignOperator):
    """Report on a campaign, whatever became of its tasks; skipped where it has no plan that was to be sent.

    :param chunks: the result of the chunks task; None where a dry run, a user who did not approve, or a plan that
        failed has kept it from running.

    Further parameters as in :class:`~.operators.campaigns.DirectcallReportCampaignOperator`.
    """

    @also_takes(DirectcallReportCampaignOperator)
    def __init__(self, *, chunks: Sequence[str] | None, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(**kwargs)
        self.chunks = chunks

    template_fields: Sequence[str] = (*DirectcallReportCampaignOperator.template_fields, "chunks")

    def execute(self, context: Context) -> Result:
        """Report, or skip."""
        if self.chunks is None:
            raise AirflowSkipException(
                "There are no chunks to report on: the campaign was not to be sent, or its plan failed"
            )
        return super().execute(context)


class DirectcallCampaignTaskGroup(TaskGroup):
    """Plan a campaign, have it approved, send it in chunks, follow it, and report on it.

    Create it inside a DAG. The tasks are ``plan``, ``approve`` (with ``approve_over``), ``chunks``, ``send`` and
    ``track`` (mapped over the plan's chunks), ``report``, and ``done``, without which a run would be a success although
    a task before the report has failed. The arguments are those of
    :class:`~.operators.campaigns.DirectcallPlanCampaignOperator`,
    :class:`~.operators.campaigns.DirectcallSendCampaignOperator` and
    :class:`~.operators.campaigns.DirectcallReportCampaignOperator`; all but those here can be templates.

    :param group_id: id of the group.
    :param approve_over: contacts above which a user has to approve the plan; None for no approval.
    :param chunks_at_once: send tasks that run at the same time; they share ``rate`` and ``calls_at_once``. None for as
        many as the deployment runs, and for one where there is a rate, or calls, or ``channel`` is a template.
    :param track: follow the messages, or calls, until they have ended.
    :param track_timeout: seconds (or a timedelta) to follow them.
    :param track_interval: seconds between two looks at the statement.
    :param outlets: assets to which the report adds an event with its counts.
    :ivar plan: the task; ``plan.output`` is its result.
    :ivar report: the task; ``report.output`` is its result.
    """

    def __init__(
        self,
        *,
        contacts: Contacts,
        group_id: str = "campaign",
        number_column: str | Sequence[str] = "phone",
        id_column: str | None = None,
        zone_column: str | None = None,
        not_before_column: str | None = None,
        not_after_column: str | None = None,
        priority_column: str | None = None,
        frequency_cap: Mapping[str, int] | str | None = None,
        channel: str = "sms",
        text: str | None = None,
        text_column: str | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | str | None = None,
        window: str | Window | None = "strict",
        outside_window: str = "wait",
        keep_accents: bool | str = False,
        profile: str = "directcall",
        suppress: Contacts | None = None,
        opt_out_words: Sequence[str] | str = DEFAULT_OPT_OUT_WORDS,
        opt_out_days: float | str = DEFAULT_OPT_OUT_DAYS,
        rate: float | str | None = None,
        price_brl: float | str | Decimal | None = None,
        budget_brl: float | str | Decimal | None = None,
        stop_when_failed_share: float | str | None = None,
        chunk_size: int | str | None = None,
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
        storage: str | None = None,
        again: bool | str = False,
        dry_run: bool | str = False,
        approve_over: int | str | None = None,
        on_unknown_outcome: str = "hold",
        settle_seconds: float | timedelta | str = DEFAULT_SETTLE_SECONDS,
        completion_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        results: str | None = None,
        language: str = "en",
        track: bool = True,
        track_timeout: float | timedelta | str = DEFAULT_COMPLETION_TIMEOUT,
        track_interval: float | str = DEFAULT_TRACK_INTERVAL,
        chunks_at_once: int | None = None,
        outlets: Sequence[Asset] = (),
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - the arguments of TaskGroup
    ) -> None:
        given = dict(locals())
        super().__init__(group_id=group_id, **kwargs)
        with self:
            self.plan = DirectcallPlanCampaignOperator(
                task_id="plan",
                # Not dry_run: the chunks of a dry run are in the plan, and the task "chunks" leaves them out.
                **arguments_of(DirectcallPlanCampaignOperator, given, without={"dry_run"}),
            )
            plan: Any = self.plan.output  # a result by the time that the tasks run
            chunks = CampaignChunksOperator(task_id="chunks", plan=plan, dry_run=dry_run)
            if approve_over is not None:
                from airflow_provider_directcall.operators.campaign_approval import DirectcallApproveCampaignOperator

                approve = DirectcallApproveCampaignOperator(
                    task_id="approve", plan=plan, approve_over=approve_over, language=language
                )
                self.plan >> approve >> chunks
            names: Any = chunks.output
            given["chunks_at_once"] = chunks_at_once or 1
            # A template may render to "call".
            is_limited = rate is not None or calls_at_once is not None or channel not in ("sms", "voice_message")
            send = DirectcallSendCampaignOperator.partial(
                task_id="send",
                plan=plan,
                # Tasks that share a rate, or lines for calls, must not be more than they are told.
                max_active_tis_per_dagrun=chunks_at_once or (1 if is_limited else None),
                **arguments_of(DirectcallSendCampaignOperator, given),
            ).expand(chunk=names)
            sent = [send]
            if track:
                followed = DirectcallTrackCampaignOperator.partial(
                    task_id="track",
                    plan=plan,
                    origin=origin,
                    completion_timeout=track_timeout,
                    poll_interval=track_interval,
                    directcall_conn_id=directcall_conn_id,
                    # Also after a chunk that failed; not where nothing is sent.
                    trigger_rule="none_skipped",
                ).expand(chunk=names)
                send >> followed
                sent.append(followed)
            self.report = CampaignReportOperator(
                task_id="report",
                plan=plan,
                chunks=names,
                results=results,
                language=language,
                fail_on=("stopped", "unknown") if on_unknown_outcome == "fail" else ("stopped",),
                outlets=list(outlets),
                # Also after a failure, and of a plan without chunks, whose send task is skipped.
                trigger_rule="all_done",
            )
            sent[-1] >> self.report
            # Skipped, like the report, where nothing was to be sent.
            [*sent, self.report] >> EmptyOperator(task_id="done", trigger_rule="none_failed_min_one_success")

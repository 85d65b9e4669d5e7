"""The sensor of calls with certain tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowSensorTimeout
from airflow.sdk import BaseSensorOperator, PokeReturnValue

from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry, is_wrong_argument
from airflow_provider_directcall.runtime.polling import (
    DEFAULT_DEFERRABLE,
    DEFAULT_MAX_CONSECUTIVE_FAILURES,
    READ_GRACE,
    PollPace,
    poll,
)
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, status_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import StatementRow
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

Rows = list[dict[str, object]]


class DirectcallTaggedCallSensor(BaseSensorOperator):
    """Wait until calls with certain tags are in the statement (``extrato``), some seconds after they end.

    The result is the list of their rows: ``callerid``, ``origin``, ``destination``, ``started_at``,
    ``duration_seconds``, ``outcome``, ``price_brl``, ``recording_url``, ``tags``.

    The window begins with ``since``, by default ``look_back`` before the start of the DAG run, and ends with ``until``;
    without it, it stays open. Works in the modes poke and reschedule, and deferred, with the ``timeout`` and
    ``soft_fail`` of every sensor.

    :param tags: custom data of the calls (``campos``), all of which have to match. Templated, like all arguments but
        ``include_numbers``, ``max_consecutive_failures`` and ``deferrable``.
    :param origin: only calls from this number (``numeroOrigem``).
    :param destination: only calls to this number (``numeroDestino``).
    :param outcomes: only calls with one of these outcomes: ``answered``, ``busy``, ``no_answer``, ``cancelled``,
        ``failed``, or the vendor's own word (``status``); None for all.
    :param min_duration: only calls with at least this talk time, seconds or a timedelta.
    :param since: an aware datetime or an ISO text with a zone: calls from this second on.
    :param until: an aware datetime or an ISO text with a zone: calls up to this second.
    :param look_back: how long before the start of the DAG run the window begins, without ``since``.
    :param calls: which calls (``tipoFiltro``): ``realizadas``, ``recebidas``, ``perdidas``, ``todas`` (assumed words);
        None lists placed ones.
    :param min_calls: number of calls that is enough.
    :param include_numbers: show phone numbers in the result in full instead of masked.
    :param poll_interval: seconds between two polls; replaces ``poke_interval`` when given.
    :param max_consecutive_failures: this many failed polls in a row fail the task; in the mode ``reschedule`` each poll
        is a process of its own, and failures are not counted.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    template_fields: Sequence[str] = (
        "tags",
        "origin",
        "destination",
        "outcomes",
        "min_duration",
        "since",
        "until",
        "look_back",
        "calls",
        "min_calls",
        "poll_interval",
        "directcall_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    operator_extra_links = (RecordingLink(),)
    ui_color = "#f2ece3"

    def __init__(
        self,
        *,
        tags: Mapping[str, str] | str,
        origin: str | None = None,
        destination: str | None = None,
        outcomes: Iterable[str] | str | None = None,
        min_duration: float | timedelta | str = 0.0,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        look_back: timedelta | float | str = timedelta(hours=1),
        calls: str | None = None,
        min_calls: int | str = 1,
        include_numbers: bool = False,
        poll_interval: float | str | None = None,
        max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES,
        directcall_conn_id: str = "directcall_default",
        deferrable: bool = DEFAULT_DEFERRABLE,
        **kwargs: Any,  # noqa: ANN401 - BaseSensorOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.tags = tags
        self.origin = origin
        self.destination = destination
        self.outcomes = outcomes
        self.min_duration = min_duration
        self.since = since
        self.until = until
        self.look_back = look_back
        self.calls = calls
        self.min_calls = min_calls
        self.poll_interval = poll_interval
        self.include_numbers = include_numbers
        self.max_consecutive_failures = max_consecutive_failures
        self.directcall_conn_id = directcall_conn_id
        self.deferrable = deferrable
        self.recording_url: str | None = None
        self._pace: PollPace | None = None
        self._used_hook: DirectcallHook | None = None

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - as in BaseSensorOperator
        """Poke as every sensor does; when deferrable, poke once and leave the rest to the trigger."""
        with failing_without_retry(is_wrong_argument), self._hook:
            self.poke_interval = self._poll_interval
            if not self.deferrable:
                return super().execute(context)
            poked = self.poke(context)
            if not poked:
                self._defer(context)
            return poked.xcom_value

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once; a transient failure is "not yet", until there are too many in a row."""
        search = self._search(context)
        if self._pace is None:
            self._pace = PollPace(interval=self._poll_interval, max_consecutive_failures=self.max_consecutive_failures)
        try:
            rows = self._rows(search, current_clock().now())
        except DirectcallError as error:
            self._pace.failed(error)
            self.log.warning("%s; it will be asked again", error)
            return PokeReturnValue(is_done=False)
        self._pace.succeeded()
        if self._enough(rows) is None:
            self.log.info("%d calls are in the statement so far.", len(rows))
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self._result(rows))

    def execute_complete(self, context: Context, event: object = None) -> Rows:
        """Go on after the trigger: read the rows it counted."""
        if status_of(event, {FOUND, TIMEOUT}) == TIMEOUT:
            raise AirflowSensorTimeout(f"the calls were not in the statement within {self.timeout:.0f} seconds")
        search = self._search(context)
        pace = PollPace(interval=self._poll_interval, deadline=current_clock().now() + READ_GRACE)
        with self._hook:
            rows = poll(lambda now: self._enough(self._rows(search, now)), pace, current_clock())
        return self._result(rows)

    def _enough(self, rows: list[StatementRow]) -> list[StatementRow] | None:
        return rows if len(rows) >= self._min_calls else None

    @property
    def _min_calls(self) -> int:
        number = arguments.integer("min_calls", self.min_calls)
        if number is not None and number < 1:
            raise ValueError("min_calls: 1 or more is needed")
        return number or 1

    @property
    def _poll_interval(self) -> float:
        """``poll_interval``, else ``poke_interval``; a second at least, to spare the vendor."""
        given = self.poke_interval if self.poll_interval is None else self.poll_interval
        return max(arguments.seconds("poll_interval", given), 1.0)

    def _search(self, context: Context) -> StatementSearch:
        return StatementSearch(
            since=arguments.moment("since", self.since) or self._default_since(context),
            until=arguments.moment("until", self.until),
            tags=self._tags,
            origin=arguments.optional_text(self.origin),
            destination=arguments.optional_text(self.destination),
            outcomes=self._outcomes,
            min_duration=arguments.seconds("min_duration", self.min_duration),
            calls=arguments.optional_text(self.calls),
        )

    @property
    def _tags(self) -> dict[str, str]:
        """At least one tag with a value."""
        tags = arguments.tags("tags", self.tags)
        if not tags:
            raise ValueError("tags: at least one is needed; without any, every call of the account would match")
        empty = sorted(name for name, value in tags.items() if not value.strip())
        if empty:
            raise ValueError(f"tags: {', '.join(empty)} is empty, and no call would ever match")
        return tags

    @property
    def _outcomes(self) -> list[str] | None:
        """The outcomes; unknown words, which may be the vendor's own, are logged, misspelt ones rejected."""
        from airflow_provider_directcall.api.replies import CallOutcome, call_outcome

        outcomes = arguments.texts("outcomes", self.outcomes)
        known = {outcome.value for outcome in CallOutcome}
        unknown = [word for word in outcomes or [] if call_outcome(word) not in known]
        for word in unknown:
            if hint := arguments.suggestion(word, known):
                raise ValueError(f"outcomes: there is no {word}{hint}")
        if unknown:
            self.log.warning("outcomes: %s is not among %s", ", ".join(unknown), ", ".join(sorted(known)))
        return outcomes

    def _default_since(self, context: Context) -> datetime:
        """Return ``look_back`` before the start of the DAG run, the same over pokes and retries."""
        run, ti = context["dag_run"], context["ti"]
        begin: datetime | None = run.start_date or run.logical_date or ti.start_date
        return (begin or current_clock().now()) - timedelta(seconds=arguments.seconds("look_back", self.look_back))

    def _rows(self, search: StatementSearch, now: datetime) -> list[StatementRow]:
        window = search.window(now)
        if window is None:
            return []
        return [row for row in self._hook.list_statement(*window, **search.filters) if search.accepts(row)]

    @property
    def _hook(self) -> DirectcallHook:
        """One hook for all pokes of a process, so that they share one access token."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook

        if self._used_hook is None:
            self._used_hook = DirectcallHook(self.directcall_conn_id)
        return self._used_hook

    def _result(self, rows: list[StatementRow]) -> Rows:
        self.recording_url = next((row.recording_url for row in rows if row.recording_url is not None), None)
        self.log.info("%d calls are in the statement.", len(rows))
        return [{**row.as_xcom(include_numbers=self.include_numbers)} for row in rows]

    def _defer(self, context: Context) -> NoReturn:
        self.defer(
            trigger=self._trigger(self._search(context)),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout),
        )

    def _trigger(self, search: StatementSearch) -> TaggedCallTrigger:
        from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

        return TaggedCallTrigger(
            since=search.since.isoformat(),
            until=search.until.isoformat() if search.until is not None else None,
            tags=dict(search.tags or {}),
            origin=search.origin,
            destination=search.destination,
            outcomes=list(search.outcomes) if search.outcomes is not None else None,
            min_duration=search.min_duration,
            calls=search.calls,
            min_calls=self._min_calls,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=self._poll_interval,
            deadline=(current_clock().now() + timedelta(seconds=self.timeout)).isoformat(),
            max_consecutive_failures=self.max_consecutive_failures,
        )

"""The sensor of calls in the statement: those with certain tags, or one that a task placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowSensorTimeout

from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.polling import DEFAULT_DEFERRABLE, DEFAULT_MAX_CONSECUTIVE_FAILURES
from airflow_provider_directcall.sensors.waiting import COMMON_TEMPLATE_FIELDS, WaitingSensor
from airflow_provider_directcall.statement.ownership import KEY_TAG
from airflow_provider_directcall.statement.search import StatementSearch
from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, status_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.statement.calls import Call
    from airflow_provider_directcall.statement.tagged_calls import TaggedCalls
    from airflow_provider_directcall.statement.waits import Look
    from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

Calls = list[dict[str, object]]


class DirectcallTaggedCallSensor(WaitingSensor["list[Call]"]):
    """Wait until certain calls are in the statement (``extrato``), some seconds after they end.

    They are calls with certain tags, or the one that a task placed. The result is a list of calls: ``callerid``,
    ``origin``, ``destination``, ``started_at``, ``duration_seconds``, ``outcome``, ``price_brl``, ``recording_url``,
    ``tags``, ``legs``. A call of several rows is one call, see :class:`~..operators.calls.DirectcallPlaceCallOperator`.

    A call counts if its row shows every wanted tag, letter by letter. Where the rows show no tags at all, the sensor
    tests the vendor's filter by tags once, and takes the rows that it finds only if it works.

    The window begins with ``since``, by default ``look_back`` before the first start of the DAG run, and ends with
    ``until``; without it, it stays open. For a run that was cleared, Airflow no longer knows its first start: then the
    window begins before ``run_after``, which is not later, but at most seven days before the present start. Works in
    the modes poke and reschedule, and deferred, with the ``timeout`` and ``soft_fail`` of every sensor.

    :param tags: custom data of the calls (``campos``), all of which have to match; optional with ``callerid``.
        Templated, like all arguments but ``include_numbers``, ``max_consecutive_failures`` and ``deferrable``.
    :param callerid: only this call: the output of the task that placed it, or the id of the call. A task's output also
        finds a call that the statement shows under another id or without one.
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
        "callerid",
        "origin",
        "destination",
        "outcomes",
        "min_duration",
        "until",
        "calls",
        "min_calls",
        *COMMON_TEMPLATE_FIELDS,
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    operator_extra_links = (RecordingLink(),)
    ui_color = "#f2ece3"

    _waits_for_recordings: ClassVar[bool] = False

    def __init__(
        self,
        *,
        tags: Mapping[str, str] | str | None = None,
        callerid: Mapping[str, object] | str | None = None,
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
        super().__init__(
            since=since,
            look_back=look_back,
            poll_interval=poll_interval,
            max_consecutive_failures=max_consecutive_failures,
            directcall_conn_id=directcall_conn_id,
            deferrable=deferrable,
            **kwargs,
        )
        self.tags = tags
        self.callerid = callerid
        self.origin = origin
        self.destination = destination
        self.outcomes = outcomes
        self.min_duration = min_duration
        self.until = until
        self.calls = calls
        self.min_calls = min_calls
        self.include_numbers = include_numbers
        self.recording_url: str | None = None
        # A template that renders an empty text would otherwise wait for any call.
        self._waits_for_one = callerid is not None

    def execute_complete(self, context: Context, event: object = None) -> Calls:
        """Go on after the trigger: read the calls it counted."""
        from airflow_provider_directcall.statement.tagged_calls import OtherRows

        wait = self._new_wait(context, event)
        if status_of(event, {FOUND, TIMEOUT}) == TIMEOUT:
            seen = event if isinstance(event, Mapping) else {}
            counts = (int(seen.get(name) or 0) for name in ("other_tags", "no_tags", "unmet"))
            wait.others = OtherRows(*counts)
            raise AirflowSensorTimeout(self._not_found(context, wait))
        return self._result(self._read_again(wait))

    def _not_found(self, context: Context, wait: Look[list[Call]] | None) -> str:
        """Return the text of a time-out: names of tags, no values."""
        from airflow_provider_directcall.statement.tagged_calls import OtherRows, TaggedCalls
        from airflow_provider_directcall.telephony.masking import mask_numbers_in

        others = wait.others if isinstance(wait, TaggedCalls) else OtherRows()
        search = self._search(context)
        names = ", ".join(mask_numbers_in(name) for name in sorted(search.tags or {}))
        wanted = f"{self._min_calls} with the tags {names}" if search.identity is None else "the task's call"
        outcome = f" and the outcome {' or '.join(self._outcomes or ())}" if self._outcomes else ""
        until = search.until.isoformat() if search.until is not None else "now"
        subject = "recordings" if search.recorded else "calls"
        return (
            f"the {subject} were not in the statement within {self.timeout:.0f} seconds: {wanted}{outcome}, from "
            f"{search.since.isoformat()} until {until}. Of {others.total} other rows seen, {others.tagged} show other "
            f"tags, {others.untagged} show none, and {others.unmet} do not meet the other conditions"
        )

    def _new_wait(self, context: Context, event: object = None) -> TaggedCalls:
        """Begin a wait, or go on with that of the trigger."""
        from airflow_provider_directcall.statement.tagged_calls import TagFilter, TaggedCalls

        known = event.get("tag_filter") if isinstance(event, Mapping) else None
        tag_filter = TagFilter(known) if known in set(TagFilter) else TagFilter.UNTESTED
        return TaggedCalls(self._search(context), self._min_calls, tag_filter)

    @property
    def _min_calls(self) -> int:
        number = arguments.integer("min_calls", self.min_calls)
        if number is not None and number < 1:
            raise ValueError("min_calls: 1 or more is needed")
        if number is not None and number > 1 and self._waits_for_one:
            raise ValueError("min_calls: callerid names one call, so 1 is enough")
        return number or 1

    def _search(self, context: Context) -> StatementSearch:
        callerid, key = self._identity
        return StatementSearch(
            callerid=callerid,
            airflow_key=key,
            since=self._window_begin(context),
            until=arguments.moment("until", self.until),
            tags=self._tags,
            origin=arguments.optional_number("origin", self.origin),
            destination=arguments.optional_number("destination", self.destination),
            outcomes=self._outcomes,
            min_duration=arguments.seconds("min_duration", self.min_duration),
            calls=arguments.optional_text(self.calls),
            recorded=self._waits_for_recordings,
        )

    @property
    def _tags(self) -> dict[str, str] | None:
        """The wanted tags; without ``callerid`` at least one with a value."""
        tags = arguments.wanted_tags("tags", self.tags)
        if tags is None and not self._waits_for_one:
            raise ValueError("tags: at least one is needed, or callerid; without any, every call would match")
        return tags

    @property
    def _identity(self) -> tuple[str | None, str | None]:
        """Id and key of the one call to wait for, from its id or from the output of the task that placed it."""
        given: object = self.callerid
        if isinstance(given, str) and given.lstrip().startswith("{"):
            given = arguments.literal("callerid", given)
        if isinstance(given, Mapping):
            shown = given.get("tags")
            kept = {**(shown if isinstance(shown, Mapping) else {}), **given}
            callerid, key = (arguments.optional_text(kept.get(name)) for name in ("callerid", KEY_TAG))
        elif given is None or isinstance(given, str):
            callerid, key = arguments.optional_text(given), None
        else:
            raise ValueError(f"callerid: an id or the output of one task is needed, not {type(given).__name__}")
        if self._waits_for_one and callerid is None and key is None:
            raise ValueError("callerid: it has neither the id nor the airflow_key of a call")
        return callerid, key

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

    def _result(self, calls: list[Call]) -> Calls:
        self.recording_url = next((call.recording_url for call in calls if call.recording_url is not None), None)
        self.log.info("In the statement: %d call%s.", len(calls), "" if len(calls) == 1 else "s")
        return [self._shown(call) for call in calls]

    def _shown(self, call: Call) -> dict[str, object]:
        return call.as_xcom(include_numbers=self.include_numbers)

    def _trigger(self, context: Context) -> TaggedCallTrigger:
        from airflow_provider_directcall.triggers.statement import TaggedCallTrigger

        search = self._search(context)
        return TaggedCallTrigger(
            since=search.since.isoformat(),
            until=search.until.isoformat() if search.until is not None else None,
            tags=dict(search.tags) if search.tags is not None else None,
            callerid=search.callerid,
            airflow_key=search.airflow_key,
            origin=search.origin,
            destination=search.destination,
            outcomes=list(search.outcomes) if search.outcomes is not None else None,
            min_duration=search.min_duration,
            calls=search.calls,
            min_calls=self._min_calls,
            recorded=search.recorded,
            **self._polling,
        )

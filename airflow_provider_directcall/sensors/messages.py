"""The sensors of messages: those that were sent, and the replies to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.polling import DEFAULT_DEFERRABLE, DEFAULT_MAX_CONSECUTIVE_FAILURES
from airflow_provider_directcall.runtime.sent_messages import messages_in
from airflow_provider_directcall.sensors.waiting import COMMON_TEMPLATE_FIELDS, WaitingSensor
from airflow_provider_directcall.statement.message_search import DeliveryCounts, DeliverySearch
from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, status_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.statement.message_delivery import MessageDelivery
    from airflow_provider_directcall.statement.waits import Wait
    from airflow_provider_directcall.triggers.message_delivery import MessageDeliveryTrigger


class DirectcallMessageDeliverySensor(WaitingSensor[DeliveryCounts]):
    """Wait until messages are delivered: SMS or voice messages that tasks have sent, or all with certain tags.

    The result are counts of recipients: ``recipients``, ``delivered``, ``failed``, ``cancelled``, ``refused``,
    ``pending``, and ``share``, the delivered ones among all. It ends as soon as enough are delivered. When so many have
    failed that the share cannot be reached any more, the task fails without a retry, or is skipped with ``soft_fail``.

    The states are those of the statement of messages, which is an assumed endpoint (``/extrato/list-sms``). A row
    counts if it shows the message's id or key, or every wanted tag. Works in the modes poke and reschedule, and
    deferred, with the ``timeout`` and ``soft_fail`` of every sensor. Deferred sensors of one connection share one poll.

    :param message: the output of a task that sent messages, of all tasks of a mapped one, an id (``callerid``) or
        several. Templated, like all arguments but ``max_consecutive_failures`` and ``deferrable``.
    :param tags: custom data of the messages (``campos``), all of which have to match, in place of ``message``.
    :param recipients: how many recipients the messages have: needed with ``tags``, and for an id of a message to
        several; the output of a task names its own.
    :param min_share: the share of recipients, from 0 to 1, that is enough; 0 waits for the end of each.
    :param since: an aware datetime or an ISO text with a zone: messages from this second on; by default ``look_back``
        before the first start of the DAG run. A message that is known by its id or key is looked for a day earlier.
    :param look_back: how long before the start of the DAG run the window begins, without ``since``.
    :param poll_interval: seconds between two polls; replaces ``poke_interval`` when given.
    :param max_consecutive_failures: this many failed polls in a row fail the task, but in the mode ``reschedule``.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    template_fields: Sequence[str] = ("message", "tags", "recipients", "min_share", *COMMON_TEMPLATE_FIELDS)
    template_fields_renderers: ClassVar[dict[str, str]] = {"tags": "json"}
    ui_color = "#eaf2e3"

    def __init__(
        self,
        *,
        message: Mapping[str, object] | Iterable[object] | str | None = None,
        tags: Mapping[str, str] | str | None = None,
        recipients: int | str | None = None,
        min_share: float | str = 1.0,
        since: datetime | str | None = None,
        look_back: timedelta | float | str = timedelta(hours=1),
        poll_interval: float | str | None = None,
        max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES,
        directcall_conn_id: str = "directcall_default",
        deferrable: bool = DEFAULT_DEFERRABLE,
        **kwargs: Any,  # noqa: ANN401 - BaseSensorOperator's own arguments
    ) -> None:
        if (message is None) == (tags is None):
            raise ValueError("message, tags: exactly one of them is needed")
        super().__init__(
            since=since,
            look_back=look_back,
            poll_interval=poll_interval,
            max_consecutive_failures=max_consecutive_failures,
            directcall_conn_id=directcall_conn_id,
            deferrable=deferrable,
            **kwargs,
        )
        self.message = message
        self.tags = tags
        self.recipients = recipients
        self.min_share = min_share
        # A template that renders nothing would otherwise wait for any message.
        self._waits_for_tags = message is None

    def execute_complete(self, context: Context, event: object = None) -> object:
        """Go on after the trigger, which has counted the recipients."""
        counts = DeliveryCounts.from_json(event if isinstance(event, Mapping) else {})
        if status_of(event, {FOUND, TIMEOUT}) == TIMEOUT:
            raise AirflowSensorTimeout(self._timeout_text(counts))
        return self._result(counts)

    def _new_wait(self, context: Context) -> MessageDelivery:
        from airflow_provider_directcall.statement.message_delivery import MessageDelivery

        return MessageDelivery(self._search(context))

    def _search(self, context: Context) -> DeliverySearch:
        recipients = arguments.integer("recipients", self.recipients)
        if recipients is not None and recipients < 1:
            raise ValueError("recipients: 1 or more is needed")
        if self._waits_for_tags and recipients is None:
            raise ValueError("recipients: with tags, the number of recipients is needed; rows may still be missing")
        tags = arguments.wanted_tags("tags", self.tags) if self._waits_for_tags else None
        if self._waits_for_tags and tags is None:
            raise ValueError("tags: at least one is needed; without any, every message would match")
        return DeliverySearch(
            since=self._window_begin(context),
            messages=() if self._waits_for_tags else messages_in("message", self.message, recipients),
            tags=tags,
            recipients=recipients or 1,
            min_share=arguments.share("min_share", self.min_share),
        )

    def _result(self, found: DeliveryCounts) -> object:
        """Return the counts.

        :raises AirflowFailException: the share cannot be reached.
        """
        min_share = arguments.share("min_share", self.min_share)
        share = found.delivered / found.recipients if found.recipients else 0.0
        if not found.has(min_share):
            text = f"{self._counted(found)}: a share of {min_share:g} cannot be reached any more"
            if self.soft_fail:
                self.log.warning("%s.", text)  # Airflow replaces the text of the skip
                raise AirflowSkipException(text)
            raise AirflowFailException(text)
        self.log.info("%s.", self._counted(found))
        return {**found.as_json(), "share": round(share, 6)}

    def _not_found(self, context: Context, wait: Wait[DeliveryCounts] | None) -> str:
        from airflow_provider_directcall.statement.message_delivery import MessageDelivery

        return self._timeout_text(wait.counts if isinstance(wait, MessageDelivery) else DeliveryCounts())

    def _timeout_text(self, counts: DeliveryCounts) -> str:
        return (
            f"the messages were not delivered within {self.timeout:.0f} seconds: {self._counted(counts)}, and a share "
            f"of {arguments.share('min_share', self.min_share):g} is needed"
        )

    def _counted(self, counts: DeliveryCounts) -> str:
        return (
            f"of {counts.recipients} recipients, {counts.delivered} have got their message, {counts.failed} failed, "
            f"{counts.cancelled} were cancelled, {counts.refused} were refused, and {counts.pending} have no end yet"
        )

    def _trigger(self, context: Context) -> MessageDeliveryTrigger:
        from airflow_provider_directcall.triggers.message_delivery import MessageDeliveryTrigger

        search = self._search(context)
        return MessageDeliveryTrigger(
            since=search.since.isoformat(),
            messages=[message.as_json() for message in search.messages],
            tags=dict(search.tags) if search.tags is not None else None,
            recipients=search.recipients,
            min_share=search.min_share,
            **self._polling,
        )

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
from airflow_provider_directcall.statement.answer_words import OTHER, Answers, words_by_answer
from airflow_provider_directcall.statement.message_search import DeliveryCounts, DeliverySearch
from airflow_provider_directcall.triggers.events import FOUND, TIMEOUT, status_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.statement.message_delivery import MessageDelivery
    from airflow_provider_directcall.statement.message_search import SentMessageId
    from airflow_provider_directcall.statement.replies import Reply
    from airflow_provider_directcall.statement.waits import Look
    from airflow_provider_directcall.triggers.message_delivery import MessageDeliveryTrigger
    from airflow_provider_directcall.triggers.replies import ReplyTrigger


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
        before the first start of the DAG run. A message that is known by its id or key may be three hours older.
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
        if isinstance(min_share, float | int):
            arguments.share("min_share", min_share)
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

    def _not_found(self, context: Context, wait: Look[DeliveryCounts] | None) -> str:
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


class DirectcallReplySensor(WaitingSensor["Reply"]):
    """Wait until a person answers by SMS, such as "1" to "Reply 1 to confirm"; the result is the answer.

    With ``answers={"yes": ["1", "sim"], "no": ["2", "nao"]}`` it is the name of the answer; with ``pattern`` the part
    of the reply that the pattern finds. It is never the number. Replies are compared without case, accents, punctuation
    and variants of signs: "1", " Sim ", "1.", "1️⃣" and "👍🏽" beside a word. The first reply with an answer counts;
    other replies are ignored, and counted in the text of a time-out.

    Directcall does not link a reply to a message. A reply comes from the number, and not before ``since``; with
    ``message``, from a number to which a row of the message went in the statement of messages, which is an assumed
    endpoint (``/extrato/list-sms``), and not before it left: no reply counts from a recipient without a row. So of two
    questions to one number at the same time, an answer counts for both, unless they have a ``destination`` of their
    own. An account needs a contracted keyword or an exclusive short number to receive SMS (``/sms/recebimento``).

    Works in the modes poke and reschedule, and deferred, with the ``timeout`` and ``soft_fail`` of every sensor.
    Deferred sensors of one connection share one poll, however many wait.

    :param origin: the number that answers. Templated, like all arguments but ``answers``, ``pattern``,
        ``takes_other``, ``max_consecutive_failures`` and ``deferrable``.
    :param message: in place of ``origin``, the message that it answers: the output of the task that sent it, or its id.
    :param answers: name of an answer -> its words.
    :param pattern: in place of ``answers``, a regular expression for the whole text, which has lower case, no accents
        and no punctuation, and is cut after 160 characters; the answer is its first group, if it has one. No group with
        repeats or choices may be repeated.
    :param takes_other: return ``other`` for a reply that gives no known answer, instead of ignoring it.
    :param destination: only replies to this short number or keyword (``destino``).
    :param since: an aware datetime or an ISO text with a zone: replies from this second of the vendor's clock on; by
        default ``look_back`` before the first start of the DAG run.
    :param look_back: how long before the start of the DAG run the window begins, without ``since``. The five minutes
        are for a vendor's clock that is slow; an earlier reply may answer another question.
    :param poll_interval: seconds between two polls; replaces ``poke_interval`` when given.
    :param max_consecutive_failures: this many failed polls in a row fail the task, but in the mode ``reschedule``.
    :param directcall_conn_id: id of the connection.
    :param deferrable: wait in the triggerer instead of on a worker; by default Airflow's ``default_deferrable``.
    """

    template_fields: Sequence[str] = ("origin", "message", "destination", *COMMON_TEMPLATE_FIELDS)
    ui_color = "#eaf2e3"

    def __init__(
        self,
        *,
        origin: str | None = None,
        message: Mapping[str, object] | str | None = None,
        answers: Mapping[str, Iterable[object] | str] | None = None,
        pattern: str | None = None,
        takes_other: bool = False,
        destination: str | None = None,
        since: datetime | str | None = None,
        look_back: timedelta | float | str = timedelta(minutes=5),
        poll_interval: float | str | None = None,
        max_consecutive_failures: int = DEFAULT_MAX_CONSECUTIVE_FAILURES,
        directcall_conn_id: str = "directcall_default",
        deferrable: bool = DEFAULT_DEFERRABLE,
        **kwargs: Any,  # noqa: ANN401 - BaseSensorOperator's own arguments
    ) -> None:
        if (origin is None) == (message is None):
            raise ValueError("origin, message: exactly one of them is needed")
        self.answers = words_by_answer(answers) if answers is not None else None
        known = Answers(self.answers, pattern)
        if takes_other and OTHER in known.names:
            raise ValueError(f"answers: with takes_other, the name {OTHER!r} is that of all other replies")
        super().__init__(
            since=since,
            look_back=look_back,
            poll_interval=poll_interval,
            max_consecutive_failures=max_consecutive_failures,
            directcall_conn_id=directcall_conn_id,
            deferrable=deferrable,
            **kwargs,
        )
        self.origin = origin
        self.message = message
        self.pattern = pattern
        self.takes_other = takes_other
        self.destination = destination
        # A template that renders nothing would otherwise change what is waited for.
        self._answers_message = message is not None

    def execute_complete(self, context: Context, event: object = None) -> object:
        """Go on after the trigger; an answer that a pattern has found is read again."""
        fields = event if isinstance(event, Mapping) else {}
        if status_of(event, {FOUND, TIMEOUT}) == TIMEOUT:
            is_shown = fields.get("is_shown") is not False
            raise AirflowSensorTimeout(self._timeout_text(int(fields.get("others") or 0), is_shown=is_shown))
        received_at = arguments.moment("received_at", fields.get("received_at"))
        if self.pattern is None and "answer" in fields:
            return str(fields["answer"])
        return self._result(self._read_again(self._new_wait(context, received_at)))

    def _new_wait(self, context: Context, received_at: datetime | None = None) -> Look[Reply]:
        from airflow_provider_directcall.statement.likeness import national
        from airflow_provider_directcall.statement.message_search import DeliverySearch
        from airflow_provider_directcall.statement.replies import ReplySearch, ReplyToMessage, ReplyWait
        from airflow_provider_directcall.statement.search import CLOCK_SKEW

        since = self._window_begin(context)
        earliest = since - CLOCK_SKEW if self._answers_message else since
        search = ReplySearch(
            answers=Answers(self.answers, self.pattern),
            since=received_at or earliest,
            destination=arguments.optional_text(self.destination),
            takes_other=self.takes_other,
        )
        if self._answers_message:
            return ReplyToMessage(search, DeliverySearch(since=since, messages=[self._answered]))
        return ReplyWait(search, {national(self._number): since})

    @property
    def _answered(self) -> SentMessageId:
        """The message that is answered."""
        answered, *others = messages_in("message", self.message)
        if others:
            raise ValueError(f"message: one is needed, not {len(others) + 1}; map the sensor over them")
        return answered

    @property
    def _number(self) -> str:
        from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

        number = arguments.optional_number("origin", self.origin)
        if number is None:
            raise ValueError("origin: it is empty, or None where a template or a mapped value is empty")
        return parse_number(number, argument="origin", allow=ALL_KINDS).digits

    def _result(self, found: Reply) -> object:
        return found.answer

    def _not_found(self, context: Context, wait: Look[Reply] | None) -> str:
        from airflow_provider_directcall.statement.replies import ReplyToMessage, ReplyWait

        is_shown = not isinstance(wait, ReplyToMessage) or wait.is_shown
        others = wait.other_replies if isinstance(wait, ReplyWait | ReplyToMessage) else 0
        return self._timeout_text(others, is_shown=is_shown)

    def _timeout_text(self, others: int, *, is_shown: bool) -> str:
        none = f"there was no reply with an answer within {self.timeout:.0f} seconds"
        if not is_shown:
            return f"{none}; the statement of messages has not shown to whom the message went"
        return f"{none}; {others} other {'reply' if others == 1 else 'replies'} gave none"

    def _trigger(self, context: Context) -> ReplyTrigger:
        from airflow_provider_directcall.triggers.replies import ReplyTrigger

        message = self._answered.as_json() if self._answers_message else None
        return ReplyTrigger(
            since=self._window_begin(context).isoformat(),
            origin=self._number if message is None else None,
            message=message,
            answers=self.answers,
            pattern=self.pattern,
            destination=arguments.optional_text(self.destination),
            takes_other=self.takes_other,
            **self._polling,
        )

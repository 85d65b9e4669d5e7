"""What SMS and voice messages share: recipients, partial refusals, the wait for delivery."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_directcall.delivery.keys import KEY_TAG, with_key
from airflow_provider_directcall.delivery.matching import Sought, message_sighting, own_rows
from airflow_provider_directcall.delivery.reconciling import Patience, Sighting
from airflow_provider_directcall.delivery.record import RecipientNote
from airflow_provider_directcall.errors import DirectcallError, DirectcallRefused
from airflow_provider_directcall.operators.delivering import Accepted, Result
from airflow_provider_directcall.operators.sending import SendingOperator
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.polling import Waiter
from airflow_provider_directcall.statement.search import window_of_call

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import (
        Acknowledgement,
        MessageRow,
        MessageState,
        Recipient,
        SentMessage,
    )
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.delivery.record import Record
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.messages import MessageDeliveredTrigger
    from airflow_provider_directcall.triggers.settling import MessageSettlingTrigger


class SendMessageOperator(SendingOperator["SentMessage", "MessageState"]):
    """Sends a message to one or several recipients.

    :param destination: one number or several, as a list or as a text (see :func:`.arguments.texts`).
    :param origin: the sender; None for the connection's default.
    :param tags: custom data.
    :param send_at: aware datetime or ISO text with a zone; None sends at once.
    :param as_csv: send the recipients as a file.
    :param wait_for_delivery: wait until the message is delivered, failed or cancelled.

    Further parameters as in :class:`~.sending.SendingOperator`.
    """

    ui_color = "#eaf2e3"

    #: What a person calls such a message.
    _kind: ClassVar[str]

    def __init__(
        self,
        *,
        destination: str | Sequence[str],
        origin: str | None,
        tags: Mapping[str, str] | str | None,
        send_at: datetime | str | None,
        as_csv: bool | str,
        wait_for_delivery: bool,
        **kwargs: Any,  # noqa: ANN401 - the arguments of SendingOperator and BaseOperator
    ) -> None:
        super().__init__(waits=wait_for_delivery, **kwargs)
        self.destination = destination
        self.origin = origin
        self.tags = tags
        self.send_at = send_at
        self.as_csv = as_csv
        self.wait_for_delivery = wait_for_delivery

    @abstractmethod
    def _message(self, destinations: list[str], tags: Mapping[str, str]) -> Request[SentMessage]:
        """The request.

        :raises ValueError: an argument is wrong.
        """

    def _known_outcomes(self) -> Collection[str]:
        from airflow_provider_directcall.api.replies import MessageState

        return [state.value for state in MessageState if state.is_terminal]

    def _due_at(self) -> datetime | None:
        return arguments.moment("send_at", self.send_at)

    def _request(self, key: str) -> Request[SentMessage]:
        return self._message(self._destinations, with_key(arguments.tags("tags", self.tags), key))

    def _accepted(self, reply: SentMessage) -> Accepted:
        self._judge_refusals(reply.recipients)
        return Accepted({"callerid": reply.callerid}, notes_of(reply.recipients, self._digits))

    def _judge_refusals(self, recipients: Sequence[Recipient]) -> None:
        """All refused is an error, since nothing was sent; some refused is part of the result."""
        refused = [recipient for recipient in recipients if not recipient.accepted]
        if not refused:
            return
        if len(refused) < len(recipients):
            self.log.warning("%d of %d recipients were refused; the result says which.", len(refused), len(recipients))
            return
        first = refused[0]
        raise DirectcallRefused(
            f"all {len(refused)} recipients were refused, the first with code {first.refusal_code}: {first.refusal}",
            code=first.refusal_code,
            text=first.refusal or "",
        )

    def _sight(self, hook: DirectcallHook, record: Record, now: datetime) -> Sighting:
        rows = hook.list_messages(*window_of_call(record.since, now), tags={KEY_TAG: record.key})
        return message_sighting(rows, self._sought(record))

    def _settling_trigger(self, record: Record, patience: Patience) -> MessageSettlingTrigger:
        from airflow_provider_directcall.triggers.settling import MessageSettlingTrigger

        return MessageSettlingTrigger(
            key=record.key,
            since=record.since.isoformat(),
            settle_seconds=patience.settle_seconds,
            longest_seconds=patience.longest_seconds,
            destinations=self._digits,
            scheduled_for=self._due_text,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=patience.pause(self._poll_interval),
        )

    def _what(self) -> str:
        from airflow_provider_directcall.telephony.masking import mask_number

        recipients = mask_number(self._digits[0]) if len(self._digits) == 1 else f"{len(self._digits)} recipients"
        return f"{self._kind} to {recipients}"

    def _whereabouts(self) -> str:
        return "Directcall's statement of messages (if your account has none, ask who should have got it)"

    def _held(self, record: Record) -> Result:
        recipients = [self._shown(number, None, None, accepted=None) for number in self._digits]
        return {"callerid": None, "recipients": recipients, "state": "unknown", "airflow_key": record.key}

    def _undo_of(self, ids: Mapping[str, str]) -> Request[Acknowledgement] | None:
        from airflow_provider_directcall.api.methods import cancel_message

        return cancel_message(ids["callerid"]) if "callerid" in ids else None

    def _trigger(self, record: Record, deadline: str) -> MessageDeliveredTrigger:
        from airflow_provider_directcall.triggers.messages import MessageDeliveredTrigger

        return MessageDeliveredTrigger(
            callerid=record.ids["callerid"],
            due_at=self._due_text,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=self._poll_interval,
            deadline=deadline,
        )

    def _look(self, hook: DirectcallHook, record: Record, now: datetime) -> MessageState | None:
        state = hook.message_status(record.ids["callerid"]).state
        return state if state.is_terminal else None

    def _outcome_word(self, outcome: MessageState) -> str | None:
        return outcome.value

    def _result(self, hook: DirectcallHook, context: Context, record: Record, outcome: MessageState | None) -> Result:
        return {
            "callerid": record.ids["callerid"],
            "recipients": self._recipients(hook, record),
            "state": outcome.value if outcome is not None else "sent",
            "airflow_key": record.key,
        }

    def _recipients(self, hook: DirectcallHook, record: Record) -> list[dict[str, object]]:
        """What became of each recipient; of a message that was found again, what its rows in the statement tell."""
        if record.recipients is not None:
            return [
                self._shown(self._number_at(place), message_id, code, accepted=code is None)
                for place, message_id, code in record.recipients
            ]
        rows = self._rows(hook, record)
        found = {row.destination: row.message_id for row in rows if row.destination is not None}
        return [
            self._shown(number, found.get(number), None, accepted=True if number in found else None)
            for number in self._digits
        ]

    def _rows(self, hook: DirectcallHook, record: Record) -> list[MessageRow]:
        """The message's rows in the statement; none where it cannot be read, for the message itself is known."""
        try:
            rows = list(
                hook.list_messages(*window_of_call(record.since, Waiter.now()), callerid=record.ids["callerid"])
            )
        except DirectcallError as error:
            self.log.warning("The statement does not tell what became of each recipient: %s", error)
            return []
        return own_rows(rows, self._sought(record))

    def _sought(self, record: Record) -> Sought:
        return Sought(record.key, self._digits, record.since)

    def _may_repeat(self, result: Result) -> bool:
        """Only when there was one recipient, whom the message did not reach."""
        recipients = result["recipients"]
        return isinstance(recipients, list) and len(recipients) == 1 and result["state"] != "delivered"

    def _target(self) -> Sequence[str]:
        return sorted(self._digits)

    def _number_at(self, place: int | None) -> str:
        """A recipient's number; empty when a retry's template gave fewer recipients than it was sent to."""
        return self._digits[place] if place is not None and 0 <= place < len(self._digits) else ""

    @property
    def _destinations(self) -> list[str]:
        return arguments.texts("destination", self.destination) or []

    @cached_property
    def _digits(self) -> list[str]:
        from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

        return [parse_number(number, argument="destination", allow=ALL_KINDS).digits for number in self._destinations]

    def _shown(
        self, number: str, message_id: str | None, refusal_code: str | None, *, accepted: bool | None
    ) -> dict[str, object]:
        from airflow_provider_directcall.telephony.masking import mask_number

        return {
            "destination": number if self.include_numbers else mask_number(number),
            "message_id": message_id,
            "accepted": accepted,
            "refusal_code": refusal_code,
        }


def notes_of(recipients: Sequence[Recipient], digits: Sequence[str]) -> tuple[RecipientNote, ...]:
    """What the vendor said of each recipient, without numbers: by its place among the task's own."""
    places = {number: place for place, number in enumerate(digits)}
    return tuple(
        (places.get(recipient.number), recipient.message_id, recipient.refusal_code) for recipient in recipients
    )

"""What SMS and voice messages share: recipients, partial refusals, the wait for delivery."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_directcall.errors import DirectcallRefused
from airflow_provider_directcall.operators.sending import Result, SendingOperator, Sent, kept
from airflow_provider_directcall.tasks import rendered

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import MessageState, Recipient, SentMessage
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.triggers.messages import MessageDeliveredTrigger

#: XCom under which the recipients are kept over the wait.
RECIPIENTS_KEY: Final = "recipients"


class SendMessageOperator(SendingOperator["MessageState"]):
    """Sends a message to one or several recipients.

    :param destination: one number or several, as a list or as a text (see :func:`.rendered.texts`).
    :param origin: the sender; None for the connection's default.
    :param tags: custom data.
    :param send_at: aware datetime or ISO text with a zone; None sends at once.
    :param as_csv: send the recipients as a file.
    :param wait_for_delivery: wait until the message is delivered, failed or cancelled.

    Further parameters as in :class:`~.sending.SendingOperator`.
    """

    ui_color = "#eaf2e3"

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

        self._recipients: list[dict[str, object]] | None = None

    @abstractmethod
    def _send_message(self, hook: DirectcallHook, destinations: list[str]) -> SentMessage:
        """Send it."""

    def _known_outcomes(self) -> Collection[str]:
        from airflow_provider_directcall.api.replies import MessageState

        return [state.value for state in MessageState if state.is_terminal]

    def _due_at(self) -> datetime | None:
        return rendered.moment("send_at", self.send_at)

    def _send(self, hook: DirectcallHook) -> Sent:
        from airflow_provider_directcall.api.methods import cancel_message

        message = self._send_message(hook, rendered.texts("destination", self.destination) or [])
        self._judge_refusals(message.recipients)
        self._undo = cancel_message(message.callerid)
        self._recipients = [_shown(recipient, self.include_numbers) for recipient in message.recipients]
        return {"callerid": message.callerid}

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

    def _announce(self, context: Context, sent: Sent) -> None:
        super()._announce(context, sent)
        if self._waits and self.deferrable:
            context["ti"].xcom_push(key=RECIPIENTS_KEY, value=self._recipients)

    def _trigger(self, sent: Sent, deadline: str) -> MessageDeliveredTrigger:
        from airflow_provider_directcall.triggers.messages import MessageDeliveredTrigger

        return MessageDeliveredTrigger(
            callerid=sent["callerid"],
            due_at=self._due_text,
            directcall_conn_id=self.directcall_conn_id,
            poll_interval=self._poll_interval,
            deadline=deadline,
        )

    def _look(self, hook: DirectcallHook, sent: Sent, now: datetime) -> MessageState | None:
        state = hook.message_status(sent["callerid"]).state
        sent["state"] = state.value
        return state if state.is_terminal else None

    def _outcome_word(self, outcome: MessageState) -> str | None:
        return outcome.value

    def _result(self, context: Context, sent: Sent, outcome: MessageState | None) -> Result:
        recipients: object = self._recipients
        if recipients is None:
            recipients = kept(context, RECIPIENTS_KEY) or []
        result: Result = {"callerid": sent["callerid"], "recipients": recipients}
        return result if outcome is None else {**result, "state": outcome.value}

    def _may_repeat(self, result: Result) -> bool:
        """Only when there was one recipient, whom the message did not reach."""
        recipients = result["recipients"]
        return isinstance(recipients, list) and len(recipients) == 1 and result["state"] != "delivered"


def _shown(recipient: Recipient, include_numbers: bool) -> dict[str, object]:
    from airflow_provider_directcall.telephony.masking import mask_number

    return {
        "destination": recipient.number if include_numbers else mask_number(recipient.number),
        "message_id": recipient.message_id,
        "accepted": recipient.accepted,
        "refusal_code": recipient.refusal_code,
    }

"""The arguments of a notifier, and the message that it makes of an event."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.alerts.subjects import default_text, is_summary

if TYPE_CHECKING:
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.delivery.alert_slots import AlertSlot, AlertSubject
    from airflow_provider_directcall.delivery.messages import MessageErrand

CHANNELS: Final = ("sms", "voice_message")
HOUR: Final = 3600.0
#: A slot is taken so long: no hour has more alerts than there are slots.
LIFETIME: Final = timedelta(seconds=HOUR + 60)
#: An escalation has to be over before its slot is free again.
_LONGEST_ESCALATION: Final = 3000.0

_NAME_DIGITS: Final = 16
_PURPOSE: Final = "directcall alert 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertOptions:
    """The arguments of a notifier; see :class:`~.notifications.directcall.DirectcallNotifier`.

    :raises ValueError: an argument is missing or wrong. Templates are checked once they are rendered.
    """

    origin: str = field(repr=False)
    destination: str = field(repr=False)
    then: tuple[str, ...] = field(default=(), repr=False)
    text: str | None = field(default=None, repr=False)
    channel: str = "sms"
    shorten: bool = True
    answer_within: float = 300.0
    at_most_per_hour: int = 6
    summary_every: float | None = 1800.0
    directcall_conn_id: str = "directcall_default"

    def __post_init__(self) -> None:
        """Validate all that is known before a template is rendered."""
        if self.channel not in CHANNELS:
            hint = arguments.suggestion(self.channel, CHANNELS)
            raise ValueError(f"channel: one of {', '.join(CHANNELS)} is needed{hint}")
        for name, number in (("origin", self.origin), ("destination", self.destination)):
            if arguments.optional_text(number) is None:
                raise ValueError(f"{name}: a notifier needs one; an alert is no time to find out that it is missing")
        self._check_numbers()
        if self.at_most_per_hour < 1:
            raise ValueError("at_most_per_hour: 1 or more is needed")
        if self.summary_every is not None and self.summary_every <= 0:
            raise ValueError("summary_every: seconds above 0, or None, are needed")
        if self.answer_within <= 0 or self.answer_within * len(self.then) > _LONGEST_ESCALATION:
            raise ValueError(
                f"answer_within: with {len(self.numbers)} numbers, the escalation has to end within "
                f"{_LONGEST_ESCALATION / 60:.0f} minutes"
            )

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Restore the options of :meth:`as_json`."""
        return cls(**{**fields, "then": tuple(fields["then"])})

    def as_json(self) -> dict[str, Any]:
        """Return JSON values. They hold the numbers as given: templates, or numbers in clear."""
        return {**asdict(self), "then": list(self.then)}

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers in the order in which they are alerted, as given."""
        return (self.destination, *self.then)

    @property
    def summaries(self) -> int:
        """How many of an hour's alerts are kept for lines that say how many were held back."""
        if self.summary_every is None:
            return 0
        return min(self.at_most_per_hour // 2, math.ceil(HOUR / self.summary_every))

    @property
    def summary_lifetime(self) -> timedelta:
        """How long no further line goes out after one."""
        return timedelta(seconds=max(self.summary_every or HOUR, HOUR / max(self.summaries, 1)) + 60)

    def digits(self, place: int) -> str:
        """Return the digits of a number of the chain.

        :raises ValueError: it is no number, or not one that the channel reaches.
        """
        from airflow_provider_directcall.telephony.numbers import TEXTABLE, VOICE_MESSAGEABLE, parse_number

        argument = "destination" if place == 0 else f"then[{place - 1}]"
        if place >= len(self.numbers):
            raise ValueError(f"{argument}: the notifier has no such number any more")
        allow = TEXTABLE if self.channel == "sms" else VOICE_MESSAGEABLE
        return parse_number(self.numbers[place], argument=argument, allow=allow).digits

    def rendered(self, render: Callable[[str], object], render_text: Callable[[str], object]) -> Self:
        """Return the options with rendered templates; the text of one that cannot be rendered is the default."""
        text = None if self.text is None else arguments.optional_text(render_text(self.text))
        return replace(
            self,
            origin=str(render(self.origin)),
            destination=str(render(self.destination)),
            then=tuple(str(render(number)) for number in self.then),
            text=text,
            directcall_conn_id=str(render(self.directcall_conn_id)),
        )

    def slot_names(self, settings: Settings) -> AlertSlots:
        """Return the names of the Variables of these numbers on this account, which do not disclose them."""
        from airflow_provider_directcall.api.digests import keyed_digest

        who = "\n".join((settings.client_id, *(self._sign(place) for place in range(len(self.numbers)))))
        prefix = f"directcall_alert_{keyed_digest(settings.client_secret, _PURPOSE, who)[:_NAME_DIGITS]}"
        alerts = [f"{prefix}_{number}" for number in range(1, self.at_most_per_hour - self.summaries + 1)]
        return AlertSlots(alerts, f"{prefix}_summary", f"{prefix}_watcher")

    def errand(self, slot: AlertSlot, held_back: int | None = None) -> MessageErrand:
        """Return the message to the number whose turn it is.

        :raises ValueError: the number or the text is wrong.
        """
        from airflow_provider_directcall.api.methods import send_sms, send_voice_message
        from airflow_provider_directcall.delivery.keys import with_key
        from airflow_provider_directcall.delivery.messages import MessageErrand

        digits = self.digits(slot.place)
        text = self.message(slot.subject, held_back)
        if self.channel == "sms":
            return MessageErrand(
                kind="SMS",
                destinations=[digits],
                build=lambda key: send_sms(digits, text, origin=self.origin, tags=with_key(None, key)),
            )
        return MessageErrand(
            kind="voice message",
            destinations=[digits],
            build=lambda key: send_voice_message(digits, text=text, origin=self.origin, tags=with_key(None, key)),
        )

    def message(self, subject: AlertSubject, held_back: int | None = None) -> str:
        """Return the text: that of the user, or a default; an SMS with plain letters, and in one part."""
        from airflow_provider_directcall.telephony.segments import PROFILES, parts, plain

        text = self.text if self.text is not None and not is_summary(subject) else default_text(subject, held_back)
        if self.channel != "sms" or not self.shorten:
            return text
        text = plain(text)
        while parts(text, PROFILES["directcall"], origin_length=len(self.origin)) > 1:
            text = text.removesuffix("...")[:-1].rstrip() + "..."
        return text

    def _sign(self, place: int) -> str:
        """Return the digits of a number, or its text where it is none."""
        try:
            return self.digits(place)
        except ValueError:
            return self.numbers[place].strip()

    def _check_numbers(self) -> None:
        from airflow_provider_directcall.telephony.numbers import SENDERS, VOICE_MESSAGEABLE, parse_number

        for place, number in enumerate(self.numbers):
            if "{{" not in number:
                self.digits(place)
        if "{{" in self.origin or (self.channel == "sms" and any(letter.isalpha() for letter in self.origin)):
            return
        parse_number(self.origin, argument="origin", allow=SENDERS if self.channel == "sms" else VOICE_MESSAGEABLE)


@dataclass(frozen=True, slots=True)
class AlertSlots:
    """Names of Variables.

    :ivar alerts: of the slots of alerts.
    :ivar summary: of the slot of the line that says how many were held back.
    :ivar watcher: of the time at which a watcher has looked last.
    """

    alerts: Sequence[str]
    summary: str
    watcher: str

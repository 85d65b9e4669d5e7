"""The drawn part of a world, as data, and what it sends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from airflow_provider_directcall.api.methods import place_call, send_sms, send_voice_message
from airflow_provider_directcall.api.requests import Request
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.errand import Errand
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.messages import MessageErrand

BEGIN: Final = datetime(2026, 3, 4, 10, tzinfo=UTC)
ORIGIN: Final = "551130000001"
#: More than any row is late: 300 s by the quirk ``rows_late``, and the delay of the world.
SETTLE_SECONDS: Final = 480.0

Kind = Literal["call", "SMS", "voice message"]


@dataclass(frozen=True)
class Other:
    """A call or message of another system of the account.

    :ivar seconds: before our first request; negative means right after it.
    :ivar to_ours: whether it goes to our recipient.
    :ivar tags: its tags.
    """

    seconds: int
    to_ours: bool
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything that is drawn."""

    kind: Kind = "call"
    number: str = "5511990000001"
    more_numbers: tuple[str, ...] = ()
    """Further recipients of a message."""
    hours_ahead: float = 0
    """When it is due: ``schedule_at``, ``send_at``; 0 sends at once."""
    quirks: frozenset[str] = frozenset()
    fates: tuple[str, ...] = ()
    """Of the requests to send, in turn: ``answered``, ``lost before``, ``lost after``; then ``answered``."""
    kills: tuple[tuple[int, str], ...] = ()
    """Try and point: ``before write``, ``after write``, ``after request``, ``pause``."""
    time_limits: tuple[tuple[int, int], ...] = ()
    """Try, and the pause at which its ``execution_timeout`` comes, from 1; 0: while the request is on its way."""
    dead_triggers: tuple[tuple[int, int], ...] = ()
    """Try, and the number of looks after which its trigger ends without a word."""
    policy: OnUnknownOutcome = OnUnknownOutcome.FAIL
    retries: int = 2
    clears: int = 0
    clear_after: float = SETTLE_SECONDS
    """Seconds from the end of a round to the user's Clear."""
    waits: bool = True
    remembers: bool = True
    forgets_on_clear: bool = False
    """A Clear empties the task's state store, as Airflow 3.4 does unless it is told not to."""
    has_history: bool = True
    others: tuple[Other, ...] = ()
    statement_delay: float = 5.0
    has_statement: bool = True
    """False cuts every read of the statement."""
    outage_seconds: int = 0

    @property
    def numbers(self) -> list[str]:
        """All recipients."""
        return [self.number] if self.kind == "call" else list(dict.fromkeys([self.number, *self.more_numbers]))

    @property
    def due_at(self) -> datetime | None:
        """When a scheduled call or message is due."""
        return BEGIN + timedelta(hours=self.hours_ahead) if self.hours_ahead else None

    @property
    def errand(self) -> Errand:
        """The content that the task sends."""
        numbers, due_at = self.numbers, self.due_at

        def build(key: str) -> Request:
            return self.request(numbers, {KEY_TAG: key, "customer": "7"}, due_at)

        if self.kind == "call":
            return CallErrand(origin=ORIGIN, destination=self.number, due_at=due_at, build=build)
        return MessageErrand(kind=self.kind, destinations=numbers, due_at=due_at, build=build)

    def request(self, numbers: list[str], tags: dict[str, str], due_at: datetime | None = None) -> Request:
        """Build a request of this world's kind."""
        if self.kind == "call":
            return place_call(ORIGIN, numbers[0], tags=tags, schedule_at=due_at)
        if self.kind == "SMS":
            return send_sms(numbers, "Olá", origin=ORIGIN, tags=tags, send_at=due_at)
        return send_voice_message(numbers, text="Olá", origin=ORIGIN, tags=tags, send_at=due_at)

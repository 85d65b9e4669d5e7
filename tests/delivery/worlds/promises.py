"""The promises, as checks of what the task does and reports against what Directcall has done."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from airflow_provider_directcall.api.replies import MessageState
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.errand import End
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.errors import DirectcallError
from airflow_provider_directcall.statement.likeness import same_number

from .vendor import Vendor
from .world import SETTLE_SECONDS, World

#: The sandbox's words for ends -> ours; other words are kept as they are.
_OUTCOMES: Final = {
    "atendida": "answered",
    "ocupado": "busy",
    "nao atendida": "no_answer",
    "cancelada": "cancelled",
    "falha": "failed",
    "entregue": "delivered",
    "nao entregue": "failed",
}
_MIRRORED: Final = str.maketrans("0123456789abcdef", "9876543210fedcba")


class Violation(AssertionError):
    """One of the promises is broken."""


@dataclass
class Promises:
    """Checks the life of one task instance.

    :ivar resends: second effects that the policy asked for.
    """

    world: World
    vendor: Vendor
    resends: int = 0
    effects_before: int = 0
    """Effects of earlier rounds."""
    unknown: Record | None = None
    """The delivery that the last round left unknown."""

    def check_resend(self, record: Record) -> None:
        """Check a request that leaves: another may have had its effect, under its key or that of an unknown one."""
        self._check_generation(record)
        if not self.vendor.effects.get(record.key):
            return
        if self.world.policy is not OnUnknownOutcome.RESEND:
            raise Violation("it is sent twice")
        if record.key in self.vendor.shown:
            raise Violation("it is sent twice, although the statement has shown its key")
        due_at, now = self.world.due_at, self.vendor.clock.now()
        if due_at is not None and now < due_at + timedelta(seconds=SETTLE_SECONDS):
            raise Violation("it is sent twice, before the statement could show the first")
        if self.vendor.is_in_progress(record.key):
            raise Violation("it is sent twice, while the first call is in progress")
        self.resends += 1

    def _check_generation(self, record: Record) -> None:
        """Check that a Clear sends nothing in place of an unknown delivery that the statement has shown."""
        unknown = self.unknown
        if unknown is None or not self.world.remembers or self.world.forgets_on_clear or record.key == unknown.key:
            return
        if self.vendor.effects.get(unknown.key) and unknown.key in self.vendor.shown:
            raise Violation("a Clear sends it once more, although the statement has shown the unknown one's key")

    def check_not_sent(self, record: Record) -> None:
        """Check what is reported as surely not sent."""
        if self.vendor.effects.get(record.key) and not self.resends:
            raise Violation("it is reported as not sent, and was sent")

    def check_nothing_since_clear(self) -> None:
        """Check what is reported as not sent in this round."""
        if self._effects() > self.effects_before:
            raise Violation("it is reported as not sent since the Clear, and was sent")

    def check_sent(self, record: Record) -> None:
        """Check what is reported as sent."""
        if not self.vendor.effects.get(record.key):
            raise Violation("it reports a send that never was")
        for place, message_id, _ in record.recipients or ():
            message = self.vendor.sandbox.account.store.messages.get(str(message_id))
            if place is None or message is None:
                continue
            if not same_number(message.destination, self.world.numbers[place]):
                raise Violation("it reports the id of one recipient's message for another")

    def check_end(self, record: Record, end: End) -> None:
        """Check that a result is that of the task's own effect."""
        shown = {leg.callerid.casefold() for leg in end.call.legs if leg.callerid} if end.call is not None else set()
        own = {name.casefold() for name in self.vendor.effects[record.key]}
        if not shown <= own | {name.translate(_MIRRORED) for name in own}:
            raise Violation("it reports the result of another call")
        words = {_OUTCOMES.get(word, word) for _, word in self.vendor.ends(record.key)}
        if end.outcome is not None and words and end.outcome not in words:
            raise Violation(f"it reports {end.outcome!r}, and its own effect ended as {sorted(words)}")
        if isinstance(errand := self.world.errand, MessageErrand):
            self._check_recipients(errand, record)

    def _check_recipients(self, errand: MessageErrand, record: Record) -> None:
        """Check the row of each recipient, by its state where it has no id."""
        own = {name.casefold() for name in self.vendor.effects[record.key]}
        ends = [(number, _OUTCOMES.get(word, word)) for number, word in self.vendor.ends(record.key)]
        rows, shown = [], set(self.vendor.shown)
        with suppress(DirectcallError):
            rows = self.vendor.client().run(errand.recipient_rows(record, self.vendor.clock.now()))
        self.vendor.shown = shown  # the task has not read them
        for row in rows:
            if row.callerid and row.callerid.casefold() not in own | {name.translate(_MIRRORED) for name in own}:
                raise Violation("it reports the row of another message")
            words = {word for number, word in ends if same_number(row.destination, number)}
            is_over = row.state in {MessageState.DELIVERED, MessageState.FAILED}
            if is_over and row.state.value not in words:
                raise Violation(
                    f"it reports {row.state.value!r} for a recipient whose message ended as {sorted(words)}"
                )

    def end_round(self, stored: Record | None, clears: int) -> None:
        """Count the effects, and remember what is unknown."""
        self.unknown = stored if stored is not None and stored.phase is Phase.SENDING and stored.reported else None
        self.effects_before = effects = self._effects()
        if effects > 1 + clears + self.resends:
            raise Violation(f"{effects} effects after {clears} Clears and {self.resends} resends")

    def _effects(self) -> int:
        return sum(len(ids) for ids in self.vendor.effects.values())

"""Slots: the bounded places of a shared store in which alerts are recorded, and how one process wins one.

The stores that a callback can reach read and write single values, and compare nothing: two processes may both read
that a slot is free, and both write to it. :func:`swap` is the timed algorithm of Fischer: write one's own claim, wait,
read again; who reads the own claim has won. Two cannot win: a process goes to the next slot when more than
:data:`LONGEST_WRITE_SECONDS` of its own clock passed between the read and the end of the write, and waits twice as
long before it reads again. So whoever writes over its claim had read the slot before the claim was there, and has
written before the claim is read again. A process that is slower than that gives up, since it may have written over a
claim that has won. This needs a store in which a read shows the last write, and no two clocks that agree.

All processes take the slots in the same order, so that two with the same event meet.

Slots are few: as many as alerts an hour. A claim is free again after its lifetime, so the number of alerts in any hour
is bounded by the number of slots.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, TypeVar

from airflow_provider_directcall.delivery.keys import TaskIdentity
from airflow_provider_directcall.delivery.record import Record

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock

T = TypeVar("T")

#: The longest time between the read of a free slot and the end of the write to it.
LONGEST_WRITE_SECONDS: Final = 2.0
#: How long a claim has to last before it counts.
SETTLE_SECONDS: Final = 2 * LONGEST_WRITE_SECONDS
#: A won claim is used within this time, or is made again.
_FRESH_SECONDS: Final = 15.0
#: A claim without a record is free after this time: its process died, or gave up.
_ABANDONED: Final = timedelta(minutes=1)


class OutOfTimeError(Exception):
    """Airflow answers too slowly, or the time of the callback is over."""


@dataclass(frozen=True, slots=True)
class AlertSubject:
    """The event of which an alert informs, in Airflow's ids.

    :ivar task_id: empty for an event of a whole run.
    :ivar state: ``failed`` also for a try that is retried: Airflow does not show the difference to all callbacks.
    """

    dag_id: str
    run_id: str
    task_id: str = ""
    map_index: int = -1
    try_number: int = 0
    state: str = "failed"

    def identity(self, place: int = 0, *, deployment: str = "") -> TaskIdentity:
        """Return the identity of the message to the number at a place of the chain, of which its key is made.

        Without the run's ``run_after``, which some callbacks do not get.
        """
        step = f"alert/{self.try_number}/{self.state}/{place}"
        return TaskIdentity(self.dag_id, self.run_id, self.task_id, self.map_index, step, deployment)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSlot:
    """The content of a slot. No numbers, no texts.

    :ivar key: of the event: the idempotency key of its first message.
    :ivar claim: of the process that wrote last before a request.
    :ivar claimed_at: aware; when the slot was taken for this event.
    :ivar place: which number of the chain is alerted.
    :ivar rung_at: aware; when that number's turn came.
    :ivar record: of the message to it; None before the request.
    :ivar end: how it ended; empty while someone has to follow it.
    """

    subject: AlertSubject
    key: str
    claim: str
    claimed_at: datetime
    rung_at: datetime
    place: int = 0
    record: Record | None = None
    end: str = ""

    def is_free(self, now: datetime, lifetime: timedelta) -> bool:
        """Whether another event may take the slot."""
        return now - self.claimed_at >= lifetime or (self.place == 0 and self.is_abandoned(now))

    def is_abandoned(self, now: datetime) -> bool:
        """Whether the process whose turn it was has sent nothing, and will not."""
        return self.record is None and not self.end and now - self.rung_at >= _ABANDONED

    def is_being_sent(self, now: datetime) -> bool:
        """Whether the process whose turn it is may be about to send."""
        return self.record is None and not self.end and not self.is_abandoned(now)

    def claimed_again(self) -> Self:
        """Return the same content with a claim of its own."""
        return replace(self, claim=new_claim())

    def as_json(self) -> dict[str, object]:
        """Return JSON values for a store."""
        subject = self.subject
        return {
            "dag_id": subject.dag_id,
            "run_id": subject.run_id,
            "task_id": subject.task_id,
            "map_index": subject.map_index,
            "try_number": subject.try_number,
            "state": subject.state,
            "airflow_key": self.key,
            "claim": self.claim,
            "claimed_at": self.claimed_at.isoformat(),
            "rung_at": self.rung_at.isoformat(),
            "place": self.place,
            "record": self.record.as_json() if self.record is not None else None,
            "end": self.end,
        }

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """Read the JSON that :meth:`as_json` returned.

        :raises ValueError: it is no such slot.
        """
        try:
            if not isinstance(stored, Mapping):
                raise TypeError
            record = stored["record"]
            return cls(
                subject=AlertSubject(
                    str(stored["dag_id"]),
                    str(stored["run_id"]),
                    str(stored["task_id"]),
                    int(stored["map_index"]),
                    int(stored["try_number"]),
                    str(stored["state"]),
                ),
                key=str(stored["airflow_key"]),
                claim=str(stored["claim"]),
                claimed_at=_aware(stored["claimed_at"]),
                rung_at=_aware(stored["rung_at"]),
                place=int(stored["place"]),
                record=Record.from_json(record) if record is not None else None,
                end=str(stored["end"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the slot of an alert cannot be read ({type(error).__name__})") from None


@dataclass(frozen=True, slots=True)
class ReadSlot:
    """Read a slot; the answer is its content, or None for an empty one."""

    name: str


@dataclass(frozen=True, slots=True)
class WriteSlot:
    """Replace the content of a slot, durably."""

    name: str
    slot: AlertSlot


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait for some seconds."""

    seconds: float


SlotEffect: TypeAlias = ReadSlot | WriteSlot | Delay
#: Steps with slots, carried out by the process that has the store.
Slots: TypeAlias = Generator[SlotEffect, Any, T]


@dataclass(frozen=True, slots=True)
class Known:
    """The slot that the same event has already."""

    name: str
    slot: AlertSlot


@dataclass(slots=True)
class Post:
    """A slot that this process may write to.

    :ivar fresh_until: until when the claim was won just now, by the monotonic clock.
    """

    name: str
    slot: AlertSlot
    fresh_until: float = field(default=0.0)

    def take_fresh_claim(self, clock: Clock) -> bool:
        """Return whether a request may leave under the present claim; once."""
        is_fresh = clock.monotonic() < self.fresh_until
        self.fresh_until = 0.0
        return is_fresh


def claim(
    subject: AlertSubject, key: str, names: Sequence[str], *, lifetime: timedelta, clock: Clock
) -> Slots[Post | Known | None]:
    """Take a slot for an event.

    :param names: of the slots, the same order in every process.
    :returns: the slot that was won; that which the event has already; or None where all are taken.
    """
    free = yield from _free(key, names, lifetime, clock)
    if isinstance(free, Known):
        return free
    for name in free:
        now = clock.now()
        wanted = AlertSlot(subject=subject, key=key, claim=new_claim(), claimed_at=now, rung_at=now)
        began = clock.monotonic()
        slot = yield ReadSlot(name)
        if slot is not None and not slot.is_free(now, lifetime):
            if slot.key == key:
                return Known(name, slot)
            continue
        written = yield from _write_claim(name, wanted, began, clock)
        if written.has_won:
            # A claim that had not won yet may have hidden one of the same event, which won then.
            known = yield from _lasting(key, names[: names.index(name)])
            return known or Post(name, wanted, fresh_until=clock.monotonic() + _FRESH_SECONDS)
        if written.slot is not None and written.slot.key == key and written.slot.claim != wanted.claim:
            return Known(name, written.slot)
    return None


def swap(post: Post, wanted: AlertSlot, clock: Clock) -> Slots[bool]:
    """Replace the content of a slot if nothing else has changed it, under a new claim; return whether that is so."""
    began = clock.monotonic()
    slot = yield ReadSlot(post.name)
    if slot is None or slot.claim != post.slot.claim:
        return False
    wanted = wanted.claimed_again()
    if not (yield from _write_claim(post.name, wanted, began, clock)).has_won:
        return False
    post.slot, post.fresh_until = wanted, clock.monotonic() + _FRESH_SECONDS
    return True


def new_claim() -> str:
    """Return a text that no other claim has."""
    return secrets.token_hex(8)


def _free(key: str, names: Sequence[str], lifetime: timedelta, clock: Clock) -> Slots[list[str] | Known]:
    """Return the names of the free slots, or the slot that the event has already."""
    free: list[str] = []
    for name in names:
        slot = yield ReadSlot(name)
        if slot is None or slot.is_free(clock.now(), lifetime):
            free.append(name)
        elif slot.key == key:
            return Known(name, slot)
    return free


def _lasting(key: str, names: Sequence[str]) -> Slots[Known | None]:
    """Return the slot that has an event, now and a little later."""
    for name in names:
        slot = yield ReadSlot(name)
        if slot is not None and slot.key == key:
            yield Delay(SETTLE_SECONDS)
            slot = yield ReadSlot(name)
        if slot is not None and slot.key == key:
            return Known(name, slot)
    return None


@dataclass(frozen=True, slots=True)
class _Written:
    """The outcome of a claim: ``slot`` is the content that was read at last."""

    has_won: bool
    slot: AlertSlot | None


def _write_claim(name: str, wanted: AlertSlot, began: float, clock: Clock) -> Slots[_Written]:
    """Write a claim, and read whether it lasts.

    :param began: when the read began that showed the slot to be free, by the monotonic clock.
    """
    yield WriteSlot(name, wanted)
    took = clock.monotonic() - began
    if took > SETTLE_SECONDS:
        raise OutOfTimeError
    yield Delay(SETTLE_SECONDS)
    slot = yield ReadSlot(name)
    is_own = slot is not None and slot.claim == wanted.claim
    return _Written(is_own and took <= LONGEST_WRITE_SECONDS, slot)


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError
    return moment

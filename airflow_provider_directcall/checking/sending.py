"""Send one SMS or place one call to the user's own telephone, and follow it. It is sent once, whatever is answered."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_directcall.api.errors import (
    DirectcallError,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
)
from airflow_provider_directcall.api.methods import call_status, place_call, send_sms
from airflow_provider_directcall.checking.assumptions import Finding
from airflow_provider_directcall.checking.looks import PAUSE_SECONDS, Pause, Statement, digits_of, plain_names
from airflow_provider_directcall.checking.tags import REVEALING_TAGS
from airflow_provider_directcall.delivery.keys import KEY_TAG, TaskIdentity, delivery_key
from airflow_provider_directcall.statement.likeness import same_end
from airflow_provider_directcall.telephony.numbers import CALLABLE, TEXTABLE, parse_number

if TYPE_CHECKING:
    from airflow_provider_directcall.api.clock import Clock
    from airflow_provider_directcall.api.replies import CallLeg
    from airflow_provider_directcall.api.replies.envelope import JsonObject
    from airflow_provider_directcall.api.requests import Request
    from airflow_provider_directcall.checking.looks import Steps

TEXT: Final = "Teste do directcall-check"
#: How long a row is waited for, and how long it is watched once it is there.
FOLLOW_SECONDS: Final = 600.0
WATCH_SECONDS: Final = 100.0
#: The window around a sending: the account's zone is not known yet.
AROUND: Final = timedelta(hours=4)
#: Default of settle_seconds; a row should be there within half of it.
_SETTLE_SECONDS: Final = 300


class ProbeStage(Enum):
    """How far a sending came, for a user who interrupts it."""

    NOTHING_SENT = "nothing was sent"
    MAYBE_SENT = "it may have been sent; it is not sent again"
    SENT = "it was sent"


@dataclass(slots=True)
class Probe:
    """One message or call to look at.

    :param destination: the user's own number.
    :param origin: None for the connection's default origin.
    :param is_call: a call in place of an SMS.
    :param report: called with each step in words.
    """

    destination: str = field(repr=False)
    origin: str | None = field(default=None, repr=False)
    is_call: bool = False
    report: Callable[[str], object] = field(default=lambda text: None, repr=False)
    progress: ProbeStage = ProbeStage.NOTHING_SENT
    tags: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Validate the number; choose a key that was never used."""
        self.destination = parse_number(self.destination, allow=CALLABLE if self.is_call else TEXTABLE).digits
        key = delivery_key(TaskIdentity("directcall-check", secrets.token_hex(16), self.word), 1)
        self.tags = {KEY_TAG: key, **REVEALING_TAGS}

    @property
    def word(self) -> str:
        """``call`` or ``SMS``."""
        return "call" if self.is_call else "SMS"

    @property
    def place(self) -> str:
        """The statement that shows it."""
        return "list_statement" if self.is_call else "list_messages"

    @property
    def request(self) -> Request[Any]:
        """The request, once-only."""
        if self.is_call:
            return place_call(self.origin, self.destination, tags=self.tags)
        return send_sms(self.destination, TEXT, origin=self.origin, tags=self.tags)


@dataclass(slots=True)
class Own:
    """The row of our own message or call, over time.

    :ivar before: identities of the rows that were there before it.
    :ivar sent_at: aware.
    :ivar answer_id: id of the answer, None without one.
    :ivar looks: seconds after the sending -> the row, None where it was not there.
    """

    probe: Probe = field(repr=False)
    before: frozenset[tuple[str, str]] = field(repr=False)
    sent_at: datetime
    answer_id: str | None = field(default=None, repr=False)
    over_after: float | None = None
    looks: list[tuple[float, JsonObject | None]] = field(default_factory=list, repr=False)

    def row_in(self, rows: Iterable[JsonObject]) -> JsonObject | None:
        """Return our row among others: to our number, and new."""
        new = (row for row in rows if _identity(row) not in self.before)
        return next((row for row in new if same_end(digits_of(row), self.probe.destination)), None)

    @property
    def key_tag(self) -> dict[str, str]:
        """The tag by which every look-up of this package asks."""
        return {KEY_TAG: self.probe.tags[KEY_TAG]}

    @property
    def row(self) -> JsonObject | None:
        """The row as it was last seen."""
        return next((row for _, row in reversed(self.looks) if row is not None), None)

    @property
    def seen_after(self) -> float | None:
        """Seconds until it was first seen."""
        return next((after for after, row in self.looks if row is not None), None)


def _identity(row: JsonObject) -> tuple[str, str]:
    return str(row.get("inicio")), str(row.get("destino"))


def send_and_follow(probe: Probe, clock: Clock) -> Steps[tuple[Own | None, list[Finding]]]:
    """Send once, and watch the statement; return our row over time, None when nothing was sent."""
    now, path = clock.now(), "place_call" if probe.is_call else "send_message"
    statement = Statement(probe.place, now - AROUND, now + AROUND)
    first, findings = yield from statement.first_look()
    if first.error is not None and first.empty_as is None:
        reason = "nothing was sent, because the statement that would show it does not answer"
        return None, [*findings, Finding("not_asked", path, {"reason": reason})]
    earlier = yield from statement.pages(first)
    own = Own(probe, frozenset(_identity(row) for look in earlier for row in look.rows), clock.now())
    probe.progress = ProbeStage.MAYBE_SENT
    try:
        reply = yield probe.request
    except DirectcallOutcomeUnknown as error:
        findings.append(Finding("maybe_sent", path, {"kind": type(error).__name__}))
        probe.report(f"The {probe.word} has no usable answer. It is not sent again; looking for its row.")
    except DirectcallError as error:
        probe.progress = ProbeStage.NOTHING_SENT
        code = error.code if isinstance(error, DirectcallRefused) else None
        return None, [*findings, Finding("not_sent", path, {"kind": type(error).__name__, "code": code or "-"})]
    else:
        probe.progress, own.answer_id = ProbeStage.SENT, reply.callerid
        findings.append(Finding("sent", path))
        probe.report(f"The {probe.word} was accepted; waiting for its row, {FOLLOW_SECONDS / 60:.0f} minutes at most.")
    yield from _follow(own, clock)
    return own, [*findings, *_delay_findings(own), *_steadiness(own)]


def _follow(own: Own, clock: Clock) -> Steps[None]:
    probe = own.probe
    statement = Statement(probe.place, own.sent_at - AROUND, own.sent_at + AROUND)
    while True:
        if probe.is_call and own.over_after is None and (yield from _is_over(probe)):
            own.over_after = _since(own, clock)
        answer = yield from statement.look()
        after = _since(own, clock)
        if answer.error is None or answer.empty_as is not None:
            looks = yield from statement.pages(answer)
            own.looks.append((after, own.row_in(row for look in looks for row in look.rows)))
        seen = own.seen_after
        is_there = bool(own.looks) and own.looks[-1][1] is not None
        if (seen is not None and is_there and after >= seen + WATCH_SECONDS) or after >= FOLLOW_SECONDS:
            return
        yield Pause(PAUSE_SECONDS)


def _since(own: Own, clock: Clock) -> float:
    return (clock.now() - own.sent_at).total_seconds()


def _is_over(probe: Probe) -> Steps[bool]:
    """Ask whether no call is in progress between the two; a refusal of any code counts as none."""
    try:
        legs: tuple[CallLeg, ...] = yield call_status(probe.origin, probe.destination)
    except DirectcallRefused:
        return True
    except DirectcallError:
        return False
    return not legs


def _delay_findings(own: Own) -> list[Finding]:
    place, seen = own.probe.place, own.seen_after
    if seen is None:
        return [Finding("row_missing", place, {"seconds": round(FOLLOW_SECONDS)})]
    over = own.over_after if own.over_after is not None and own.over_after <= seen else None
    delay = round(seen - (over or 0.0))
    event = "the call's end" if over is not None else "the sending"
    wanted = -(-2 * delay // 60) * 60
    form = "row_delay" if 2 * delay <= _SETTLE_SECONDS else "row_late"
    return [Finding(form, place, {"seconds": delay, "event": event, "wanted": wanted})]


def _steadiness(own: Own) -> list[Finding]:
    """Compare the looks: a row that lacked fields at first, or that was gone for a while."""
    seen, last = own.seen_after, own.row
    if seen is None or last is None:
        return []
    since = [(after - seen, row) for after, row in own.looks if after >= seen]
    place, found = own.probe.place, list[Finding]()
    lacking = [(after, set(last) - set(row)) for after, row in since if row is not None and set(last) - set(row)]
    if lacking:
        whole_after = next(after for after, row in since if row is not None and set(row) >= set(last))
        names = ", ".join(plain_names(lacking[0][1]))
        found.append(Finding("row_in_pieces", place, {"seconds": round(whole_after), "names": names}))
    gone = [after for after, row in since if row is None]
    if gone:
        wanted = -(-2 * round(gone[-1] + PAUSE_SECONDS) // 60) * 60
        details: dict[str, str | int] = {"first": round(gone[0]), "last": round(gone[-1]), "wanted": wanted}
        found.append(Finding("row_vanished", place, details))
    return found or [Finding("row_steady", place)]

"""A watch over incoming events: which window to read, and which events are new. No I/O and no clock.

Rows appear late, so each read goes back ``late`` before the last one, and the events of that time are remembered by
digests. The state that is stored lags behind: an event belongs to it a minute after it was handed to Airflow, which
says nowhere when it has stored one. So a process that dies repeats the events of its last minute, and loses none.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from airflow_provider_directcall.statement.search import CLOCK_SKEW

if TYPE_CHECKING:
    from airflow_provider_directcall.statement.incoming import Incoming

log = logging.getLogger(__name__)

#: How long Airflow may take to store an event that it was given.
_CONFIRMED_AFTER: Final = timedelta(minutes=1)
#: One read covers so much at most, when the watch comes back after a pause; less after reads that failed.
_SLICE: Final = timedelta(days=1)
_SHORTEST_SLICE: Final = timedelta(minutes=1)
#: The vendor keeps 90 days.
_LONGEST_PAUSE: Final = timedelta(days=89)
#: Without news, the state is stored so often.
_STORED_EVERY: Final = timedelta(minutes=10)
_BYTES: Final = 6
_CHARACTERS: Final = 8
#: Airflow takes values of 64 KiB.
_MOST_KNOWN: Final = 7_500


@dataclass
class Watch:
    """The state of a watch.

    :ivar until: what began before it, less ``late``, was read.
    :ivar late: how late a row may appear.
    :ivar known: digest of an event -> the time of its row.
    """

    until: datetime
    late: timedelta
    begins_at: datetime
    known: dict[str, datetime] = field(default_factory=dict, repr=False)
    _given: dict[str, tuple[datetime, datetime]] = field(default_factory=dict, repr=False)
    """Digest of an event that Airflow may not have stored yet -> when it was given to Airflow, and its row's time."""
    _stored: Mapping[str, object] = field(default_factory=dict, repr=False)
    _slice: timedelta = _SLICE

    @classmethod
    def begun(cls, now: datetime, late: timedelta) -> Self:
        """Begin a watch: what happened before is not looked for."""
        return cls(now, late, now)

    @classmethod
    def from_json(cls, value: object, now: datetime, late: timedelta) -> Self:
        """Go on with a stored watch.

        :raises ValueError: it cannot be read.
        """
        try:
            assert isinstance(value, Mapping)  # noqa: S101 - one error for each form
            until, begins_at = (datetime.fromisoformat(str(value[name])) for name in ("until", "begins_at"))
            text = str(value["known"])
        except (AssertionError, KeyError, ValueError):
            raise ValueError("the stored state of the watch cannot be read; delete it to begin anew") from None
        if (oldest := now - _LONGEST_PAUSE) > until:
            log.warning("The watch paused for longer than Directcall keeps rows; what is older is not looked for")
            until = oldest
        known = {text[at : at + _CHARACTERS]: until for at in range(0, len(text), _CHARACTERS)}
        return cls(until, late, begins_at, known, _stored=value)

    def next_window(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the window to read; it reaches into the future, for a clock or a zone that differs."""
        since = max(self.until - self.late, self.begins_at)
        ends = max(since, self.until) + self._slice
        return since, now + CLOCK_SKEW if ends >= now else ends

    def take(self, events: Iterable[Incoming], now: datetime) -> list[Incoming]:
        """Return the events that are new, the oldest first; they count as given to Airflow now."""
        new = []
        for event in sorted(events, key=lambda each: each.at or now):
            digest = _digest(event.event_id)
            if digest not in self.known:
                new.append(event)
                self._given[digest] = (now, event.at or now)
            self.known[digest] = event.at or now
        return new

    def has_failed(self) -> None:
        """Note that a window could not be read: it may have more rows than one read takes, so the next is shorter."""
        self._slice = max(self._slice / 2, _SHORTEST_SLICE)

    def has_read(self, window: tuple[datetime, datetime], now: datetime) -> None:
        """Note that a window was read to its end; forget the events that no later read shows."""
        self.until = max(self.until, min(window[1], now))
        self._slice = min(self._slice * 2, _SLICE)
        # The stored state may go back to the oldest event that Airflow may not have.
        kept = min([max(self.until - self.late, self.begins_at), *(at for _, at in self._given.values())])
        self.known = {digest: at for digest, at in self.known.items() if at >= kept}
        if len(self.known) > _MOST_KNOWN:
            log.warning(
                "More than %d events in %s; later rows of their time are not looked for", _MOST_KNOWN, self.late
            )
            times = sorted(self.known.values())
            self.begins_at = times[-_MOST_KNOWN] + timedelta(seconds=1)
            self.known = {digest: at for digest, at in self.known.items() if at >= self.begins_at}

    def state(self, now: datetime) -> dict[str, str]:
        """Return the state to store: without the events that Airflow may not have stored yet."""
        self._given = {digest: given for digest, given in self._given.items() if now - given[0] < _CONFIRMED_AFTER}
        until = min([self.until, *(at + self.late for _, at in self._given.values())])
        known = "".join(sorted(digest for digest in self.known if digest not in self._given))
        return {"until": until.isoformat(), "begins_at": self.begins_at.isoformat(), "known": known}

    def is_due(self, state: Mapping[str, str]) -> bool:
        """Whether a state differs enough from the one that was stored last."""
        if state["known"] != self._stored.get("known"):
            return True
        try:
            stored = datetime.fromisoformat(str(self._stored.get("until")))
        except ValueError:
            return True
        return datetime.fromisoformat(state["until"]) - stored >= _STORED_EVERY

    def was_stored(self, state: Mapping[str, str]) -> None:
        """Note that a state was stored."""
        self._stored = state


def _digest(event_id: str) -> str:
    digest = hashlib.blake2b(event_id.encode(), digest_size=_BYTES).digest()
    return base64.urlsafe_b64encode(digest).decode()

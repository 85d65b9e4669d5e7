"""How far one delivery has come, as it is kept over the tries of a task. Holds ids and times; no numbers, no texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

#: What the vendor said of each recipient: its place among the task's own, its message's id, the code of its refusal.
RecipientNote = tuple[int | None, str | None, str | None]
#: A record as JSON.
RecordJson = dict[str, object]


class Phase(StrEnum):
    """How far a delivery has come."""

    SENDING = "sending"
    """The request may have left: nobody knows until the statement has been looked at."""
    SENT = "sent"
    """Directcall accepted it; its end is waited for."""
    DONE = "done"
    """Nothing is left to do."""
    NOT_SENT = "not_sent"
    """It surely did not take effect: refused, or it never left."""
    STOPPED = "stopped"
    """The task was killed, and the call hung up or the message cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One delivery: at most one call or message.

    :ivar generation: which doing of the task instance it is, from 0.
    :ivar key: the key that the request carries.
    :ivar since: aware; when the request was about to leave for the first time.
    :ivar max_tries: the task instance's ``max_tries`` when a try last took it up: a user's Clear changes it, a retry
        does not.
    :ivar try_number: the try that sent it last.
    :ivar sends: how often that try has sent it, each time after it was known that nothing was there.
    :ivar ids: what Directcall called it: ``callerid``, ``schedule_id``.
    :ivar recipients: what became of each recipient of a message, where that is known.
    :ivar repeat: a retry shall do it anew: it ended, but in a way that the task does not want.
    :ivar reported: the task ended with the outcome unknown, and said so.
    :ivar target: tells whether it went to the same recipients with the same account; says nothing of them.
    """

    phase: Phase
    generation: int
    key: str
    since: datetime
    max_tries: int
    try_number: int
    sends: int = 0
    ids: Mapping[str, str] = field(default_factory=dict)
    recipients: tuple[RecipientNote, ...] | None = None
    repeat: bool = False
    reported: bool = False
    target: str = ""

    def accepted(self, phase: Phase, ids: Mapping[str, str], recipients: tuple[RecipientNote, ...] | None) -> Self:
        """The same delivery, which Directcall is known to have accepted."""
        return replace(self, phase=phase, ids=dict(ids), recipients=recipients, reported=False)

    def at(self, phase: Phase, *, repeat: bool = False, reported: bool = False) -> Self:
        """The same delivery in another phase."""
        return replace(self, phase=phase, repeat=repeat, reported=reported)

    def as_json(self) -> RecordJson:
        """For a store: JSON values only; what is empty is left out."""
        told: RecordJson = {
            "phase": self.phase.value,
            "generation": self.generation,
            "key": self.key,
            "since": self.since.isoformat(),
            "max_tries": self.max_tries,
            "try_number": self.try_number,
            "sends": self.sends,
            "ids": dict(self.ids),
            "recipients": [list(note) for note in self.recipients] if self.recipients is not None else None,
            "repeat": self.repeat,
            "reported": self.reported,
            "target": self.target or None,
        }
        return {name: value for name, value in told.items() if value is not None and value is not False and value != {}}

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """The record that :meth:`as_json` wrote.

        :raises ValueError: it is none, for example because a later version of this package wrote it.
        """
        try:
            return cls._read(stored)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(
                f"what was kept of an earlier try cannot be read ({type(error).__name__}); whether it sent anything is "
                "not known, so nothing is sent: look at the task's state store"
            ) from None

    @classmethod
    def _read(cls, stored: object) -> Self:
        if not isinstance(stored, Mapping):
            raise TypeError
        since = datetime.fromisoformat(stored["since"])
        if since.utcoffset() is None:
            raise ValueError
        notes = stored.get("recipients")
        return cls(
            phase=Phase(stored["phase"]),
            generation=int(stored["generation"]),
            key=str(stored["key"]),
            since=since,
            max_tries=int(stored["max_tries"]),
            try_number=int(stored["try_number"]),
            sends=int(stored["sends"]),
            ids={str(name): str(value) for name, value in stored.get("ids", {}).items()},
            recipients=tuple(_read_note(*note) for note in notes) if notes is not None else None,
            repeat=bool(stored.get("repeat", False)),
            reported=bool(stored.get("reported", False)),
            target=str(stored.get("target", "")),
        )


def _read_note(place: object, message_id: object, code: object) -> RecipientNote:
    return (
        int(str(place)) if place is not None else None,
        str(message_id) if message_id is not None else None,
        str(code) if code is not None else None,
    )

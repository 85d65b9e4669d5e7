"""The record of one delivery, kept over the tries of a task. Holds ids and times; no numbers, no texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Self

#: The vendor's word on one recipient: its place among the task's recipients, its message's id, its refusal's code.
RecipientNote = tuple[int | None, str | None, str | None]
#: A record as JSON.
RecordJson = dict[str, object]


class Phase(StrEnum):
    """The progress of a delivery."""

    SENDING = "sending"
    """The request may have left: its outcome is unknown until it is reconciled."""
    SENT = "sent"
    """Directcall accepted it; the task waits for its end."""
    DONE = "done"
    """Nothing is left to do."""
    NOT_SENT = "not_sent"
    """It surely had no effect: it was refused, or never left."""
    STOPPED = "stopped"
    """The task was killed, and the call hung up or the message cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One delivery: at most one call or message.

    :ivar generation: counts the deliveries of the task instance, from 0.
    :ivar key: idempotency key of the request. The requests of a lot derive theirs from it: :func:`~.keys.member_key`.
    :ivar since: aware; when the request was about to leave for the first time.
    :ivar max_tries: the task instance's ``max_tries`` when a try last took it up: a user's Clear changes it, a retry
        does not.
    :ivar try_number: the try that sent it last.
    :ivar sends: how often that try has sent it, each time after proof of absence.
    :ivar ids: the vendor's ids: ``callerid``, ``schedule_id``.
    :ivar recipients: the vendor's word on each recipient of a message, where it is known.
    :ivar repeat: a retry sends again: it ended with an outcome in ``fail_on``.
    :ivar reported: the task has ended with the outcome unknown, and has reported it.
    :ivar seen: a row of the statement has shown its key: it is there, whatever a later look shows.
    :ivar target: fingerprint of account and recipients.
    :ivar run: ``run_after`` of the DAG run; a store may outlive a run that is deleted and made again.
    :ivar other_keys: further keys to look for, newest first, of earlier tries whose record is gone.
    :ivar superseded: a user's Clear came after those tries: what was over by then is sent once more.
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
    seen: bool = False
    target: str = ""
    run: str = ""
    other_keys: tuple[str, ...] = ()
    superseded: bool = False

    def accepted(self, phase: Phase, ids: Mapping[str, str], recipients: tuple[RecipientNote, ...] | None) -> Self:
        """Return the same delivery, accepted by Directcall."""
        return replace(self, phase=phase, ids=dict(ids), recipients=recipients, reported=False)

    @property
    def is_accepted(self) -> bool:
        """Whether the request is known to be there: by its ids, or by a row that showed its key and no id."""
        return bool(self.ids) or self.phase in {Phase.SENT, Phase.DONE}

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys under which it may have been sent, the newest generation first."""
        return (self.key, *self.other_keys)

    def found_under(self, key: str) -> Self:
        """Return the delivery that was found under one of its keys."""
        return replace(self, key=key or self.key, other_keys=(), superseded=False, seen=True)

    def with_ids(self, ids: Mapping[str, str]) -> Self:
        """Return the same delivery with further ids."""
        return replace(self, ids={**self.ids, **ids})

    def at(self, phase: Phase, *, repeat: bool = False, reported: bool = False) -> Self:
        """Return the same delivery in another phase."""
        return replace(self, phase=phase, repeat=repeat, reported=reported)

    def as_json(self) -> RecordJson:
        """Return JSON values for a store, without empty ones."""
        fields: RecordJson = {
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
            "seen": self.seen,
            "target": self.target or None,
            "run": self.run or None,
            "other_keys": list(self.other_keys) or None,
            "superseded": self.superseded,
        }
        return {
            name: value for name, value in fields.items() if value is not None and value is not False and value != {}
        }

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """Read the JSON that :meth:`as_json` returned.

        :raises ValueError: it is no record, for example because a later version of this package wrote it.
        """
        try:
            return cls._read(stored)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(
                f"the record of an earlier try cannot be read ({type(error).__name__}); whether that try sent anything "
                "is unknown, so nothing is sent: look at the task's state store"
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
            seen=bool(stored.get("seen", False)),
            target=str(stored.get("target", "")),
            run=str(stored.get("run", "")),
            other_keys=tuple(str(key) for key in _list(stored.get("other_keys", []))),
            superseded=bool(stored.get("superseded", False)),
        )


def _list(stored: object) -> list[object]:
    if not isinstance(stored, list):
        raise TypeError
    return stored


def _read_note(place: object, message_id: object, code: object) -> RecipientNote:
    return (
        int(str(place)) if place is not None else None,
        str(message_id) if message_id is not None else None,
        str(code) if code is not None else None,
    )

"""The log of a chunk's waves: an intent before the first request of a wave leaves, results after its last answer.

Files are written once, whole, and in this order, so that a killed process leaves at most one wave in doubt.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.states import ContactState

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder

INTENT: Final = "intent.json"
RESULTS: Final = "results.jsonl"
_KILLED: Final = "the process ended before the outcome of its request was known"


class Progress(StrEnum):
    """How far one contact has come."""

    SENT = "sent"
    REFUSED = "refused"
    """Surely not sent, for good."""
    NOT_SENT = "not_sent"
    """Surely not sent; it may be sent again."""
    DOUBTFUL = "doubtful"
    """It may have been sent, and is to be looked for."""
    UNKNOWN = "unknown"
    """It may have been sent, and it could not be found out."""
    SUPPRESSED = "suppressed"
    OPTED_OUT = "opted_out"
    OUT_OF_WINDOW = "out_of_window"


#: Final states by progress; a contact whose request surely was not sent has none.
STATE_OF: Final[Mapping[Progress, ContactState]] = {
    Progress.SENT: ContactState.SENT,
    Progress.REFUSED: ContactState.REFUSED,
    Progress.DOUBTFUL: ContactState.UNKNOWN,
    Progress.UNKNOWN: ContactState.UNKNOWN,
    Progress.SUPPRESSED: ContactState.SUPPRESSED,
    Progress.OPTED_OUT: ContactState.OPTED_OUT,
    Progress.OUT_OF_WINDOW: ContactState.OUT_OF_WINDOW,
}


@dataclass(frozen=True, slots=True)
class ContactResult:
    """One contact after one wave, without its number or text.

    :ivar contact: its id.
    :ivar since: aware; when its first request was about to leave.
    :ivar sends: how often it has left by now, each time after proof of absence, or by the policy.
    :ivar parts: that may be charged for it by now.
    :ivar ids: the vendor's.
    :ivar code: the vendor's return code of a refusal.
    :ivar reason: why it was refused, or is in doubt.
    :ivar place: of the number that was reached among the contact's numbers, from 0.
    """

    contact: str
    progress: Progress
    since: datetime
    sends: int = 1
    parts: int = 0
    ids: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    reason: str = ""
    place: int = 0

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "contact": self.contact,
            "progress": self.progress.value,
            "since": self.since.isoformat(),
            "sends": self.sends,
            "parts": self.parts,
            "ids": dict(self.ids),
            "code": self.code,
            "reason": self.reason,
            "place": self.place,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> ContactResult:
        """Read what :meth:`as_json` returned."""
        ids = fields["ids"]
        return cls(
            contact=str(fields["contact"]),
            progress=Progress(str(fields["progress"])),
            since=datetime.fromisoformat(str(fields["since"])),
            sends=int(str(fields["sends"])),
            parts=int(str(fields["parts"])),
            ids={str(name): str(value) for name, value in ids.items()} if isinstance(ids, dict) else {},
            code=str(fields["code"]) if fields["code"] is not None else None,
            reason=str(fields["reason"]),
            place=int(str(fields.get("place", 0))),
        )


@dataclass(frozen=True, slots=True)
class Wave:
    """Contacts whose requests leave together.

    :ivar number: from 0.
    :ivar since: aware; before the first request leaves.
    :ivar sends: contact's id -> how often it will have left with this wave.
    :ivar parts: contact's id -> parts that may be charged for it by then.
    :ivar places: contact's id -> place of the number among its numbers, where it is not the first.
    """

    number: int
    since: datetime
    sends: Mapping[str, int]
    parts: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WaveState:
    """What the log says.

    :ivar latest: contact's id -> its last result.
    :ivar next_wave: number of the next wave.
    :ivar unfinished_since: aware; when the last wave without results began: its process may be alive. None without one.
    """

    latest: Mapping[str, ContactResult]
    next_wave: int
    unfinished_since: datetime | None = None


def in_doubt(contact: str, wave: Wave, last: ContactResult | None, *, reason: str = "") -> ContactResult:
    """Return a contact of a wave while the outcome of its request is unknown.

    :param last: its result before.
    """
    since = last.since if last is not None else wave.since
    sends, parts = wave.sends[contact], wave.parts.get(contact, 0)
    place = wave.places.get(contact, 0)
    return ContactResult(contact, Progress.DOUBTFUL, since, sends, parts, reason=reason, place=place)


class WaveLog:
    """The waves of one chunk. Each process that sends it has files of its own, so that none overwrites another's.

    :param folder: of the campaign.
    :param chunk: its name.
    """

    def __init__(self, folder: Folder, chunk: str) -> None:
        self._folder = folder
        self._prefix = f"waves/{chunk}/"
        self._owner = f"owners/{chunk}"
        self._process = secrets.token_hex(4)

    def claim(self) -> None:
        """Take the chunk over: another process that sends it stops before its next wave.

        :raises OSError: the storage is read-only, full, ...; nothing is to be sent.
        """
        self._folder.write(self._owner, self._process.encode())

    def is_claimed(self) -> bool:
        """Whether the chunk is still this process's. Ask after :meth:`begin`: who claims later sees the intent."""
        return self._folder.read(self._owner) == self._process.encode()

    def begin(self, wave: Wave) -> None:
        """Write a wave's intent, durably, before anything of it leaves.

        :raises OSError: the storage is read-only, full, ...; nothing is to be sent.
        """
        counts = {"sends": dict(wave.sends), "parts": dict(wave.parts), "places": dict(wave.places)}
        content = json.dumps({"since": wave.since.isoformat(), **counts})
        self._folder.write(f"{self._stem(wave.number)}.{INTENT}", content.encode())

    def finish(self, number: int, results: Sequence[ContactResult]) -> None:
        """Write results: of a wave that began, of contacts that were left out, of those that were looked for."""
        lines = "".join(json.dumps(result.as_json()) + "\n" for result in results)
        self._folder.write(f"{self._stem(number)}.{RESULTS}", lines.encode())

    def state(self) -> WaveState:
        """Read the log: the last result of each contact; contacts of an unfinished wave are in doubt.

        :raises CampaignError: it cannot be read, as if a later version of this package wrote it; nothing is to be sent.
        """
        latest: dict[str, ContactResult] = {}
        next_wave, unfinished = 0, []
        for stem, is_finished in waves_in(self._folder.names(self._prefix)):
            number = stem.removeprefix(self._prefix).partition(".")[0]
            try:
                next_wave = int(number) + 1
                if is_finished:
                    results = list(self._results(stem))
                else:
                    wave = self._intent(stem)
                    unfinished.append(wave.since)
                    results = [in_doubt(own, wave, latest.get(own), reason=_KILLED) for own in wave.sends]
                latest.update((result.contact, result) for result in results)
            except (KeyError, TypeError, ValueError) as error:
                raise CampaignError(
                    f"wave {number} of {self._prefix} cannot be read ({type(error).__name__}), so nothing is sent"
                ) from None
        return WaveState(latest, next_wave, max(unfinished, default=None))

    def _results(self, stem: str) -> Iterator[ContactResult]:
        for line in self._folder.read(f"{stem}.{RESULTS}").splitlines():
            yield ContactResult.from_json(json.loads(line))

    def _intent(self, stem: str) -> Wave:
        intent = json.loads(self._folder.read(f"{stem}.{INTENT}"))
        since = datetime.fromisoformat(intent["since"])
        return Wave(0, since, intent["sends"], intent["parts"], intent.get("places", {}))

    def _stem(self, number: int) -> str:
        return f"{self._prefix}{number:06}.{self._process}"


def waves_in(names: Iterable[str]) -> list[tuple[str, bool]]:
    """Return the waves among the names of a chunk's files, in their order: its files' stem, and whether it has results.

    Where two processes had a wave of the same number, the one without results comes last: its contacts are in doubt.
    """
    stems: dict[str, bool] = {}
    for name in names:
        for part in (INTENT, RESULTS):
            if name.endswith(f".{part}"):
                stem = name.removesuffix(f".{part}")
                stems[stem] = stems.get(stem, False) or part == RESULTS
    return sorted(stems.items(), key=lambda wave: (wave[0].rpartition("/")[2].partition(".")[0], not wave[1], wave[0]))

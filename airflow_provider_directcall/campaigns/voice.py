"""Further calls to contacts who were not reached: who is due for another one, and when. Pure; sends nothing.

Each attempt has a log and a key of its own, so that "never twice" holds for each attempt: a chunk's second attempts are
sent by a :class:`~.sending.ChunkSender` with :func:`attempt_key` and the log of :func:`attempt_name`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count, takewhile
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.campaigns.again import Again
from airflow_provider_directcall.campaigns.chunks import chunk_stem
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.openings import Openings
from airflow_provider_directcall.campaigns.places import area_code_of, place_of
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.delivery.keys import member_key

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.telephony.windows import Window

#: A voicemail that picked up. The vendor's word for it is assumed.
VOICEMAIL: Final = "voicemail"
VOICEMAIL_WORDS: Final = frozenset({"caixa postal", "secretaria eletronica", VOICEMAIL})
#: Outcomes after which no further call is right: the contact was reached, or may have been.
_NEVER_AGAIN: Final = frozenset({CallOutcome.ANSWERED, *ContactState} - {ContactState.FAILED})


@dataclass(frozen=True, slots=True)
class CallAttempt:
    """The last call to a contact.

    :ivar number: digits that were called.
    :ivar attempt: from 1.
    :ivar since: aware; when it was requested, by our clock.
    :ivar outcome: how it ended; None while that is not known.
    :ivar further: the contact's numbers that were not called yet, in their order.
    :ivar place: of the number among the contact's numbers, from 0.
    :ivar called: digits -> calls to the contact there; None where all of them were calls to ``number``.
    :ivar zone: the contact's own, as in :class:`~.chunks.Contact`, like ``not_after``.
    """

    contact: str
    number: str = field(repr=False)
    attempt: int
    since: datetime
    outcome: str | None
    further: Sequence[str] = field(default=(), repr=False)
    place: int = 0
    called: Mapping[str, int] | None = field(default=None, repr=False)
    zone: str | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class DueAttempt:
    """A further call.

    :ivar attempt: from 2.
    :ivar at: aware; not before, and within the window of the number.
    :ivar key: of this attempt, as the sender of :func:`attempt_key` derives it.
    :ivar place: of the number to call among the contact's numbers.
    """

    contact: str
    attempt: int
    at: datetime
    key: str = field(repr=False)
    place: int = 0


@dataclass(frozen=True, kw_only=True)
class AttemptRules:
    """Which outcomes are followed by another call; without any, requests are followed for what they cost.

    :param by_outcome: ``busy``, ``no_answer``, ``failed``, ``cancelled``, ``voicemail`` or a word of the vendor's.
    :param window: when numbers may be called; None at any time.
    :param waits: whether a call outside the window waits until it opens; otherwise it is not made.
    :param calls_per_request: which the vendor makes by itself, of a voice message.
    :raises CampaignError: an outcome is named after which nobody may be called again.
    """

    by_outcome: Mapping[str, Again]
    window: Window | None = None
    waits: bool = True
    calls_per_request: int = 1

    def __post_init__(self) -> None:
        """Reject outcomes of contacts who were, or may have been, reached."""
        for outcome in self.by_outcome:
            if outcome in _NEVER_AGAIN:
                raise CampaignError(f"attempts: {outcome}: such contacts were reached, or may have been")

    @property
    def shortest_pause(self) -> timedelta:
        """The shortest time between two calls to a contact; 0 where none is made."""
        return min((again.pause for again in self.by_outcome.values()), default=timedelta(0))


def due_attempts(last: Iterable[CallAttempt], rules: AttemptRules, *, key: str, now: datetime) -> list[DueAttempt]:
    """Return the further calls of a chunk, the earliest first.

    The same results give the same calls. A contact whose last call has no outcome yet gets none.

    :param last: each contact's last call.
    :param key: of the chunk.
    :param now: aware.
    """
    ordered = sorted(last, key=lambda each: (each.since, each.contact))
    calls: Counter[str] = Counter()
    for attempt in ordered:
        calls.update(attempt.called or {attempt.number: attempt.attempt})
    openings = Openings(rules.window)
    due = []
    for attempt in ordered:
        again = rules.by_outcome.get(attempt.outcome or "")
        place = None if again is None else _next_place(attempt, again, rules, calls)
        if again is None or place is None:
            continue
        number = attempt.number if place == attempt.place else attempt.further[place - attempt.place - 1]
        earliest = max(attempt.since + again.pause, now)
        at = openings.next_at(place_of(area_code_of(number), attempt.zone), earliest, attempt.not_after)
        if at is None or (at > earliest and not rules.waits):
            continue
        calls[number] += 1
        following = attempt.attempt + 1
        own_key = member_key(attempt_key(key, following), attempt.contact)
        due.append(DueAttempt(attempt.contact, following, at, own_key, place))
    return sorted(due, key=lambda each: each.at)


def _next_place(attempt: CallAttempt, again: Again, rules: AttemptRules, calls: Mapping[str, int]) -> int | None:
    """Return the place of the first number, from the last one called on, with calls left; None where there is none."""
    for place, number in enumerate([attempt.number, *attempt.further], start=attempt.place):
        made = calls.get(number, 0)
        if not made or (made + 1) * rules.calls_per_request <= again.at_most:
            return place
    return None


def attempt_key(key: str, attempt: int) -> str:
    """Return the key of a chunk's attempt, from which the contacts' keys are derived; the first has the chunk's own."""
    return key if attempt == 1 else member_key(key, f"attempt {attempt}")


def attempt_name(chunk: str, attempt: int) -> str:
    """Return the name of the logs of a chunk's attempt: ``00000``, then ``00000.2``."""
    stem = chunk_stem(chunk)
    return stem if attempt == 1 else f"{stem}.{attempt}"


def attempts_made(folder: Folder, chunk: str) -> list[int]:
    """Return the numbers of a chunk's attempts that have a log, in order: each follows one that has a log too."""
    return list(takewhile(lambda attempt: folder.names(f"waves/{attempt_name(chunk, attempt)}/"), count(1)))

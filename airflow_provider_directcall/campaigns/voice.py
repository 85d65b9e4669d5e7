"""Further calls to contacts who were not reached: who is due for another one, and when. Pure; sends nothing.

Each attempt has a log and a key of its own, so that "never twice" holds for each attempt: a chunk's second attempts are
sent by a :class:`~.sending.ChunkSender` with :func:`attempt_key` and the log of :func:`attempt_name`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.delivery.keys import member_key
from airflow_provider_directcall.telephony.numbers import ALL_KINDS, parse_number

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.telephony.windows import Window

#: A voicemail that picked up. The vendor's word for it is assumed.
VOICEMAIL: Final = "voicemail"
VOICEMAIL_WORDS: Final = frozenset({"caixa postal", "secretaria eletronica", VOICEMAIL})
#: Outcomes after which no further call is right: the contact was reached, or may have been.
_NEVER_AGAIN: Final = frozenset({CallOutcome.ANSWERED, *ContactState} - {ContactState.FAILED})


@dataclass(frozen=True, slots=True)
class Again:
    """When a contact gets another call.

    :param after: since the last call was requested: a timedelta, or minutes.
    :param at_most: calls to a contact in all, the first one included, for this outcome to be followed by another.
    :raises CampaignError: a value is out of range.
    """

    after: timedelta | float
    at_most: int = 3

    def __post_init__(self) -> None:
        """Check the bounds."""
        if self.pause <= timedelta(0):
            raise CampaignError("attempts: after: a time above 0 is needed")
        if self.at_most < 1:
            raise CampaignError("attempts: at_most: 1 or more is needed")

    @property
    def pause(self) -> timedelta:
        """``after`` as a timedelta."""
        return self.after if isinstance(self.after, timedelta) else timedelta(minutes=self.after)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last call to a contact.

    :ivar number: digits of the contact.
    :ivar attempt: from 1.
    :ivar since: aware; when it was requested, by our clock.
    :ivar outcome: how it ended; None while that is not known.
    """

    contact: str
    number: str = field(repr=False)
    attempt: int
    since: datetime
    outcome: str | None


@dataclass(frozen=True, slots=True)
class DueAttempt:
    """A further call.

    :ivar attempt: from 2.
    :ivar at: aware; not before, and within the window of the number.
    :ivar key: of this attempt, as the sender of :func:`attempt_key` derives it.
    """

    contact: str
    attempt: int
    at: datetime
    key: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AttemptRules:
    """Which outcomes are followed by another call.

    :param by_outcome: ``busy``, ``no_answer``, ``failed``, ``cancelled``, ``voicemail`` or a word of the vendor's.
    :param window: when numbers may be called; None at any time.
    :param most_per_number: calls to one number, those of ``earlier`` included; None for no bound.
    :param until: aware; no call after it.
    :raises CampaignError: an outcome is named after which nobody may be called again.
    """

    by_outcome: Mapping[str, Again]
    window: Window | None = None
    most_per_number: int | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Reject outcomes of contacts who were, or may have been, reached."""
        for outcome in self.by_outcome:
            if outcome in _NEVER_AGAIN:
                raise CampaignError(f"attempts: {outcome}: such contacts were reached, or may have been")


def due_attempts(
    last: Iterable[Attempt],
    rules: AttemptRules,
    *,
    key: str,
    now: datetime,
    earlier: Mapping[str, int] | None = None,
) -> list[DueAttempt]:
    """Return the further calls of a chunk, the earliest first.

    The same results give the same calls. A contact whose last call has no outcome yet gets none.

    :param last: each contact's last call.
    :param key: of the chunk.
    :param now: aware.
    :param earlier: digits -> calls to the number by other campaigns, which count for ``most_per_number``.
    """
    ordered = sorted(last, key=lambda each: (each.since, each.contact))
    calls = Counter(earlier or {})
    for attempt in ordered:
        calls[attempt.number] += attempt.attempt
    due = []
    for attempt in ordered:
        again = rules.by_outcome.get(attempt.outcome or "")
        is_spent = rules.most_per_number is not None and calls[attempt.number] >= rules.most_per_number
        if again is None or attempt.attempt >= again.at_most or is_spent:
            continue
        at = _opening(attempt.number, max(attempt.since + again.pause, now), rules.window)
        if at is None or (rules.until is not None and at > rules.until):
            continue
        calls[attempt.number] += 1
        following = attempt.attempt + 1
        due.append(DueAttempt(attempt.contact, following, at, member_key(attempt_key(key, following), attempt.contact)))
    return sorted(due, key=lambda each: each.at)


def attempt_key(key: str, attempt: int) -> str:
    """Return the key of a chunk's attempt, from which the contacts' keys are derived; the first has the chunk's own."""
    return key if attempt == 1 else member_key(key, f"attempt {attempt}")


def attempt_name(chunk: str, attempt: int) -> str:
    """Return the name of the logs of a chunk's attempt: ``00000``, then ``00000.2``."""
    stem = chunk_stem(chunk)
    return stem if attempt == 1 else f"{stem}.{attempt}"


def logs_of(folder: Folder) -> frozenset[str]:
    """Return the names of all chunks' logs, of all attempts."""
    return frozenset(name.split("/")[1] for name in folder.names("waves/"))


def attempts_made(logs: Iterable[str], chunk: str) -> list[int]:
    """Return the numbers of a chunk's attempts that have a log, in order.

    :param logs: of :func:`logs_of`.
    """
    stem = chunk_stem(chunk)
    numbers = (1 if log == stem else _number_of(log, stem) for log in logs)
    return sorted(number for number in numbers if number is not None)


def chunk_stem(chunk: str) -> str:
    """Return the name of a chunk's logs: ``00000`` for ``chunks/00000.parquet``."""
    return PurePosixPath(chunk).name.removesuffix(".parquet")


def _number_of(log: str, stem: str) -> int | None:
    number = log.removeprefix(f"{stem}.")
    return int(number) if number != log and number.isdigit() else None


def _opening(number: str, moment: datetime, window: Window | None) -> datetime | None:
    """Return the first moment at which a number may be called; None where it never opens, or its zone is unknown."""
    if window is None:
        return moment
    area = parse_number(number, allow=ALL_KINDS).area
    return None if area is None else window.next_opening(moment, area)

"""One chunk and the ledger of reached numbers: written by each wave, and read before it."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.columns import MOMENT
from airflow_provider_directcall.campaigns.frequency import FrequencyCap, FrequencyLedger, ReachedNumbers, source_of

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.channels import Channel
    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.campaigns.guards import Guards
    from airflow_provider_directcall.campaigns.send_options import SendOptions
    from airflow_provider_directcall.campaigns.storage import Folder

#: How often other campaigns' files are read while a chunk is sent.
_AGE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class FrequencyRules:
    """The ledger of a storage, and the cap of a campaign; None where it only counts for others."""

    ledger: FrequencyLedger
    cap: FrequencyCap | None = None


class ChunkReach:
    """The numbers that a chunk reaches.

    :param log: name of the chunk's waves.
    :param contacts: all that it may reach, with the numbers that only a further call would reach: of the ledger, their
        rows alone are kept.
    """

    def __init__(
        self, rules: FrequencyRules, campaign: Folder, log: str, contacts: Sequence[Contact], channel: Channel
    ) -> None:
        self._rules = rules
        # Of first numbers, which are unique in the plan, a campaign does not count itself.
        is_further = "." in log
        self._source = source_of(campaign, log) if is_further else source_of(campaign)
        # A process writes files of its own, as it does for waves.
        self._stem = f"{self._source}-{log}-{secrets.token_hex(4)}"
        self._channel = channel
        owners = Counter(number for contact in contacts for number in set(contact.numbers))
        self._numbers = dict.fromkeys(owners)
        self._shared = frozenset(number for number, count in owners.items() if is_further and count > 1)
        self._places = {contact.id: place for place, contact in enumerate(contacts)} if self._shared else {}
        self._allowed: Counter[str] = Counter()
        """Of shared numbers, those of the next wave, whose contacts are asked for at one moment."""
        self._allowed_at: datetime | None = None
        self._reached: ReachedNumbers | None = None
        self._capped: dict[str, str] = {}
        self._known_until: datetime | None = None

    def add(self, contact: Contact) -> None:
        """Take one more contact."""
        self._known_until = None
        if contact.number not in self._numbers:
            self._numbers[contact.number] = None
            self._reached = None

    def reason(self, number: str, now: datetime) -> str | None:
        """Return why a number must not be reached, or None."""
        cap = self._rules.cap
        if cap is None:
            return None
        if self._reached is None:
            self._reached = ReachedNumbers(self._rules.ledger, cap, self._source, only=self._numbers)
            self._known_until = None
        if self._known_until is None or now >= self._known_until:
            self._reached.refresh(now)
            reasons = _reasons(self._reached, list(self._numbers), now)
            self._capped = {own: why for own, why in zip(self._numbers, reasons, strict=True) if why is not None}
            self._known_until = now + _AGE
        why = self._capped.get(number)
        return self._reason_of_shared(self._reached, number, now) if why is None and number in self._shared else why

    def _reason_of_shared(self, reached: ReachedNumbers, number: str, now: datetime) -> str | None:
        """Return why a number must not be reached for one more contact of the next wave, or None."""
        if now != self._allowed_at:
            # Whoever was allowed before and is in no wave has to ask again.
            self._allowed.clear()
            self._allowed_at = now
        (why,) = _reasons(reached, [number], now, more=self._allowed[number])
        if why is None:
            self._allowed[number] += 1
        return why

    def write(self, wave: int, contacts: Collection[Contact], at: datetime) -> None:
        """Write those whose requests leave, or may have left, in a wave; again once its answers are known."""
        numbers = [contact.number for contact in contacts]
        sources = [self._source_for(contact) for contact in contacts]
        self._rules.ledger.write(f"{self._stem}-{wave:06}", numbers, at, sources, self._channel)
        if not self._shared.isdisjoint(numbers):
            self._allowed.clear()
            self._known_until = None

    def _source_for(self, contact: Contact) -> str:
        """Return the source of a request: this log's, or for a shared number the contact's own, which counts here too.

        Also against itself: one that may have left is not repeated on a day on which the number has had its share.
        """
        return f"{self._source}.{self._places[contact.id]}" if contact.number in self._shared else self._source


def _reasons(reached: ReachedNumbers, numbers: Sequence[str], now: datetime, *, more: int = 0) -> list[str | None]:
    at = pl.Series([now], dtype=MOMENT).new_from_index(0, len(numbers))
    return reached.reasons(pl.Series(list(numbers), dtype=pl.String), at, more=more).to_list()


def reach_of(
    guards: Guards, folder: Folder, log_name: str, contacts: Sequence[Contact], options: SendOptions
) -> ChunkReach | None:
    """Return what counts the numbers that a log's waves reach; None where they are not counted."""
    if guards.frequency is None:
        return None
    return ChunkReach(guards.frequency, folder, log_name, contacts, options.requests.channel)

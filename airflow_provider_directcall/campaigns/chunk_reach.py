"""One chunk and the ledger of reached numbers: written by each wave, and read before it."""

from __future__ import annotations

import secrets
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
        attempt = log.partition(".")[2]
        self._source = source_of(campaign, int(attempt) if attempt.isdigit() else 1)
        # A process writes files of its own, as it does for waves.
        self._stem = f"{self._source}-{log}-{secrets.token_hex(4)}"
        self._channel = channel
        self._numbers = dict.fromkeys(number for contact in contacts for number in contact.numbers)
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
        if cap is not None and (self._known_until is None or now >= self._known_until):
            if self._reached is None:
                self._reached = ReachedNumbers(self._rules.ledger, cap, self._source, only=self._numbers)
            self._reached.refresh(now)
            at = pl.Series([now], dtype=MOMENT).new_from_index(0, len(self._numbers))
            reasons = self._reached.reasons(pl.Series(list(self._numbers), dtype=pl.String), at)
            self._capped = {own: why for own, why in zip(self._numbers, reasons, strict=True) if why is not None}
            self._known_until = now + _AGE
        return self._capped.get(number)

    def write(self, wave: int, contacts: Collection[Contact], at: datetime) -> None:
        """Write those whose requests leave, or may have left, in a wave; again once its answers are known."""
        numbers = [contact.number for contact in contacts]
        self._rules.ledger.write(f"{self._stem}-{wave:06}", numbers, at, self._source, self._channel)


def reach_of(
    guards: Guards, folder: Folder, log_name: str, contacts: Sequence[Contact], options: SendOptions
) -> ChunkReach | None:
    """Return what counts the numbers that a log's waves reach; None where they are not counted."""
    if guards.frequency is None:
        return None
    return ChunkReach(guards.frequency, folder, log_name, contacts, options.requests.channel)

"""The settings of a campaign: its texts, columns and limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.digests import digest
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.telephony.segments import PROFILES, Profile

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.frequency import FrequencyCap
    from airflow_provider_directcall.telephony.windows import Window


@dataclass(frozen=True, kw_only=True)
class CampaignSettings:
    """The texts, columns and limits of a campaign.

    :param number_columns: columns of the number, in order of preference.
    :param id_column: column of the contact's id; None takes the file's name and the number of the row.
    :param zone_column: column of the contact's own zone, see :func:`~.places.parse_zone`; an empty one is the number's.
    :param not_before_column: column of the earliest time of a send, see :func:`~.moments.parse_moment`.
    :param not_after_column: column of the time from which on nothing is sent to the contact.
    :param priority_column: column of an integer, 0 where it is empty: contacts with a higher one are sent to first.
    :param frequency_cap: how often all campaigns of the storage may reach a number.
    :param text: ``{column}`` for values of the row.
    :param text_column: column with texts made upstream, instead of ``text``.
    :param origin: sender as it is sent; its length counts in an SMS of Directcall.
    :param tags: name -> value, with ``{column}``.
    :param window: when numbers may be reached; None at any time.
    :param keeps_accents: leave accented letters in texts.
    :param profile: how parts are counted.
    :param price_brl: of one part, one voice message; None where it is not known.
    :param budget_brl: limit of the cost; None for none.
    :param chunk_size: contacts in one file, which one task sends; doubled where there would be too many files.
    :param most_chunks: files at most.
    :raises CampaignError: an argument is missing or contradicts another.
    """

    channel: Channel = Channel.SMS
    number_columns: tuple[str, ...] = ("phone",)
    id_column: str | None = None
    zone_column: str | None = None
    not_before_column: str | None = None
    not_after_column: str | None = None
    priority_column: str | None = None
    frequency_cap: FrequencyCap | None = None
    text: str | None = field(default=None, repr=False)
    text_column: str | None = None
    origin: str = field(default="", repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    window: Window | None = None
    keeps_accents: bool = False
    profile: Profile = PROFILES["directcall"]
    price_brl: Decimal | None = None
    budget_brl: Decimal | None = None
    chunk_size: int = 10_000
    most_chunks: int = 1024

    def __post_init__(self) -> None:
        """Reject contradictions before a contact is read."""
        if (self.text is None) == (self.text_column is None) and self.channel is not Channel.CALL:
            raise CampaignError("text: give either text or text_column")
        if self.text is not None and not self.text.strip():
            raise CampaignError("text: it is empty")
        if not self.number_columns:
            raise CampaignError("number_column: at least one is needed")
        if self.chunk_size < 1:
            raise CampaignError("chunk_size: 1 or more is needed")
        self._check_budget()

    def _check_budget(self) -> None:
        if self.budget_brl is None:
            return
        if self.price_brl is None:
            raise CampaignError("budget_brl: without price_brl, the price of a part, no cost can be counted")
        if self.budget_brl < self.price_brl:
            raise CampaignError(f"budget_brl: {self.budget_brl} is below the price of one part, {self.price_brl}")

    @property
    def contact_columns(self) -> Mapping[str, str | None]:
        """Argument -> the column of the contacts that it names."""
        names = ("id_column", "zone_column", "not_before_column", "not_after_column", "priority_column", "text_column")
        return {name: getattr(self, name) for name in names}

    @property
    def fingerprint(self) -> str:
        """Digest of all that changes a request; without a text or a number in it."""
        parts = [self.channel, self.number_columns, *self.contact_columns.values(), self.text, self.origin]
        window = self.window and _described(self.window)
        cap = self.frequency_cap and self.frequency_cap.as_json()
        rest = [cap, sorted(self.tags.items()), window, self.keeps_accents, self.profile.name, str(self.price_brl)]
        return digest(json.dumps([*parts, *rest]).encode())


def _described(window: Window) -> list[object]:
    """Return the parts of a window, the same in every process."""
    return [
        window.name,
        window.keeps_holidays,
        sorted(window.optional_days),
        sorted((day, repr(spans)) for day, spans in window.hours.items()),
        sorted((str(day), repr(span)) for day, span in window.part_days.items()),
        sorted((str(day), name) for day, name in window.own_dates.items()),
    ]

"""When a contact who was not reached gets another call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from airflow_provider_directcall.campaigns.errors import CampaignError


@dataclass(frozen=True, slots=True)
class Again:
    """When a contact gets another call.

    :param after: since the last call was requested: a timedelta, or minutes.
    :param at_most: calls to one number in all, the first one included, for this outcome to be followed by another. A
        contact with several numbers is called at the next one then.
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

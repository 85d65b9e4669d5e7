"""What is asked before a request leaves: the window, the exclusions, the budget, the share of failures, a stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from airflow_provider_directcall.campaigns.errors import CampaignError

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.chunk_reach import FrequencyRules
    from airflow_provider_directcall.campaigns.pacing import Pacer
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.telephony.windows import Window

#: A file of this name in the campaign's folder stops all its chunks before their next wave.
STOP_FILE: Final = "stop"


class OutsideWindow(StrEnum):
    """What becomes of a contact whose window is closed."""

    WAIT = "wait"
    SKIP = "skip"


class ExcludedNumbers(Protocol):
    """Digits that must not be reached, and why."""

    @property
    def suppressed(self) -> Mapping[str, str]:
        """From lists, with the reasons."""
        ...

    @property
    def opted_out(self) -> AbstractSet[str]:
        """From replies."""
        ...


@dataclass(frozen=True, kw_only=True)
class Guards:
    """Limits of one chunk.

    :param window: when numbers may be reached; None at any time.
    :param outside_window: what becomes of contacts whose window is closed.
    :param excluded: asked before each wave for numbers that were excluded since the plan.
    :param may_go_on: asked before each wave; returns why to stop, or None.
    :param price_brl: of one part.
    :param budget_brl: of this chunk; it stops before a request that would pass it.
    :param stop_when_failed_share: stop when a larger share of this try's contacts was refused or is unknown.
    :param least_sample: contacts before that share counts.
    :param frequency: counts the numbers that are reached, over campaigns; None counts none.
    :param pacer: paces requests over all workers; instead of ``parts_per_second``.
    :raises CampaignError: limits contradict each other.
    """

    window: Window | None = None
    outside_window: OutsideWindow = OutsideWindow.WAIT
    excluded: Callable[[], ExcludedNumbers] | None = field(default=None, repr=False)
    may_go_on: Callable[[], str | None] | None = None
    price_brl: Decimal | None = None
    budget_brl: Decimal | None = None
    stop_when_failed_share: float | None = None
    least_sample: int = 50
    frequency: FrequencyRules | None = None
    pacer: Pacer | None = None

    def __post_init__(self) -> None:
        """Reject what contradicts itself."""
        if self.budget_brl is not None and self.price_brl is None:
            raise CampaignError("budget_brl: it needs price_brl, the price of one part")
        if self.stop_when_failed_share is not None and not 0 <= self.stop_when_failed_share <= 1:
            raise CampaignError("stop_when_failed_share: a share from 0 to 1 is needed")

    def stop(self, folder: Folder) -> str | None:
        """Return why to stop before the next wave, or None."""
        if is_stopped_by_hand(folder):
            return f"stopped by hand: {folder.uri} has the file {STOP_FILE!r}; remove it to go on"
        return self.may_go_on() if self.may_go_on is not None else None

    def failed_share(self, failed: int, sample: int) -> str | None:
        """Return why to stop when too many contacts failed, or None."""
        limit = self.stop_when_failed_share
        if limit is None or sample < self.least_sample or failed <= limit * sample:
            return None
        return f"{failed} of {sample} contacts were refused or are unknown, more than stop_when_failed_share allows"

    def parts_left(self, parts: int) -> int | None:
        """Return how many more parts the budget pays for, None without a limit.

        :param parts: that may be charged already.
        """
        if self.budget_brl is None or not self.price_brl:
            return None
        return int(self.budget_brl // self.price_brl) - parts


def is_stopped_by_hand(folder: Folder) -> bool:
    """Whether the campaign's folder has the stop file."""
    try:
        folder.read(STOP_FILE)
    except FileNotFoundError:
        return False
    return True

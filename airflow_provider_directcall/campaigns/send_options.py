"""How a chunk of a campaign is sent, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.delivery.decisions import OnUnknownOutcome
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts

_PERSONAL_WAVE: Final = 500
#: Requests in a wave of requests to many.
_REQUESTS_IN_WAVE: Final = 20


@dataclass(frozen=True, kw_only=True)
class SendOptions:
    """How a chunk is sent.

    :param requests: what is sent.
    :param wave_size: contacts in a wave; None for the default of the kind of requests.
    :param concurrency: requests on their way at once.
    :param parts_per_second: pace, of calls: calls per second; None for none.
    :param calls_at_once: calls in progress at once.
    :param timeouts: how long to look for requests whose outcome is unknown.
    :param on_unknown_outcome: the policy for those that stay unknown.
    :param progress_seconds: between two reports of the progress.
    """

    requests: RequestOptions = field(default_factory=RequestOptions)
    wave_size: int | None = None
    concurrency: int = 20
    parts_per_second: float | None = None
    calls_at_once: int = 10
    timeouts: ReconcileTimeouts
    on_unknown_outcome: OnUnknownOutcome = OnUnknownOutcome.HOLD
    progress_seconds: float = 5.0

    def __post_init__(self) -> None:
        """Reject numbers out of range."""
        for name in ("wave_size", "concurrency", "calls_at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise CampaignError(f"{name}: 1 or more is needed")

    @property
    def contacts_in_wave(self) -> int:
        """The largest number of contacts in a wave."""
        if self.wave_size is not None:
            return self.wave_size
        return max(_PERSONAL_WAVE, _REQUESTS_IN_WAVE * self.requests.largest)


@dataclass(frozen=True, kw_only=True)
class ChunkOutcome:
    """What became of a chunk in one try. It is over if neither a stop nor a wait is given.

    :ivar states: state -> contacts; those in doubt count as unknown.
    :ivar waiting: contacts that had no turn yet; the next try goes on with them.
    :ivar parts: that may be charged, in earlier tries too.
    :ivar cost_brl: of these; None without a price.
    :ivar waits_until: aware; when the window of the first waiting contact opens, or to look whether calls have ended.
    :ivar calls_in_progress: that may be: the lines that the chunk takes while it waits.
    :ivar stopped: why it stopped.
    :ivar retryable: whether another try may get further without a change.
    :ivar over_budget: whether it stopped before the budget would be passed.
    """

    states: Mapping[str, int]
    waiting: int
    parts: int
    cost_brl: Decimal | None = None
    waits_until: datetime | None = None
    calls_in_progress: int = 0
    stopped: str | None = None
    retryable: bool = False
    over_budget: bool = False

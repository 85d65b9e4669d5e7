"""Every setting of the sandbox in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from airflow_provider_directcall.sandbox.faults import Fault
from airflow_provider_directcall.sandbox.quirks import QUIRKS


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """How a sandbox behaves.

    Durations are seconds of its clock; ``token_life`` is in real seconds unless ``tokens_by`` says otherwise.
    """

    client_id: str = "sandbox@example.com"
    client_secret: str = field(default="sandbox-secret", repr=False)
    speed: float = 1.0
    """Simulated seconds in a real one; 0 = the clock stands until it is moved. Dates run ahead of a client's clock."""
    pace: float = 1.0
    """How many times faster than the clock calls and messages live: at 10, a call that says it took 30 s is over after
    3, and all dates stay true. For clients that ask by their own clock, such as a whole Airflow."""
    start: datetime | None = None
    """The clock's first moment, aware; None = now."""
    timezone: str = "America/Sao_Paulo"
    """The zone of every date on the wire."""
    token_life: float = 3600.0
    tokens_by: Literal["real", "simulated"] = "real"
    """By which clock tokens expire. A client usually compares ``exp`` with real time."""
    statement_delay: float = 5.0
    """How long after its end a call, or after its leaving a message, reaches the statement."""
    statement_jitter: float = 0.0
    """Up to how much longer than that it takes, another while for each row."""
    statement_shuffle: int | None = None
    """A seed by which statement rows are put out of order; None = by time."""
    scheduled_in_statement: bool = False
    """Whether messages stand in their statement before they leave (``agendada``)."""
    page_size: int = 100
    """Rows of a statement page."""
    recording_host: str | None = None
    """Base URL of recording links; None = this server, which does serve them."""
    quirks: frozenset[str] = frozenset()
    """Names out of ``QUIRKS``."""
    faults: tuple[Fault, ...] = ()
    """Faults that are there from the start, and again after a reset."""
    numbers: tuple[str, ...] = ("1130000001", "1130000002", "4130000001")
    """The account's numbers (DIDs), without country code."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Other paths for endpoints, by their names: ``{"did/save": "/did/rule/save"}``."""
    db: Path | None = None
    """SQLite file that keeps the state over a restart; None = memory only."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, with a ``ValueError`` that names the argument."""
        unknown = self.quirks - QUIRKS.keys()
        if unknown:
            raise ValueError(f"quirks: unknown {', '.join(sorted(unknown))}; known: {', '.join(QUIRKS)}")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        if self.page_size < 1:
            raise ValueError(f"page_size must be at least 1, got {self.page_size}")
        for name in ("speed", "pace", "token_life", "statement_delay", "statement_jitter"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    @property
    def zone(self) -> ZoneInfo:
        """``timezone`` as a zone."""
        return ZoneInfo(self.timezone)

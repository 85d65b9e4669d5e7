"""The settings of the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from airflow_provider_directcall.sandbox.faults import Fault
from airflow_provider_directcall.sandbox.inbox.languages import LANGUAGES, language_of
from airflow_provider_directcall.sandbox.quirks import QUIRKS
from airflow_provider_directcall.sandbox.sms_parts import SmsCounting


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Settings of a sandbox.

    Durations are seconds of its clock, except ``token_life``: see ``tokens_by``.
    """

    client_id: str = "sandbox@example.com"
    client_secret: str = field(default="sandbox-secret", repr=False)
    speed: float = 1.0
    """Simulated seconds per real second; 0 stops the clock. With more than 1, dates run ahead of a client's clock."""
    pace: float = 1.0
    """Factor by which calls and messages are faster than the clock: at 10, a call of 30 s is over after 3, and all
    dates stay true. For clients with a clock of their own, such as a whole Airflow."""
    start: datetime | None = None
    """The clock's initial time, aware; None = now."""
    timezone: str = "America/Sao_Paulo"
    """The zone of all dates on the wire."""
    token_life: float = 3600.0
    tokens_by: Literal["real", "simulated"] = "real"
    """The clock by which tokens expire. A client usually compares ``exp`` with real time."""
    statement_delay: float = 5.0
    """Seconds until a finished call or sent message appears in the statement."""
    statement_jitter: float = 0.0
    """Upper bound of a further delay, different for each row."""
    statement_shuffle: int | None = None
    """Seed that shuffles statement rows; None = ordered by time."""
    scheduled_in_statement: bool = False
    """Whether scheduled messages appear in the statement (``agendada``)."""
    page_size: int = 100
    """Rows of a statement page."""
    tag_characters: int = 16
    """Characters that the quirks ``tag_values_cut`` and ``tag_names_cut`` keep."""
    sms_counting: SmsCounting = "characters"
    """How the parts of an SMS are counted: 140 characters of sender and text, or by the alphabets of phone networks."""
    recording_host: str | None = None
    """Base URL of recording links; None = this server, which serves them."""
    quirks: frozenset[str] = frozenset()
    """Names from ``QUIRKS``."""
    faults: tuple[Fault, ...] = ()
    """Faults in force at the start and after a reset."""
    numbers: tuple[str, ...] = ("1130000001", "1130000002", "4130000001")
    """The account's numbers (DIDs), without country code."""
    paths: Mapping[str, str] = field(default_factory=dict)
    """Other paths for endpoints, by name: ``{"did/save": "/did/rule/save"}``."""
    host_names: tuple[str, ...] = ()
    """Further names of this machine for the page and the control endpoints, besides ``localhost`` and IP addresses."""
    language: str | None = None
    """Language of the page: ``en`` or ``pt``; None = that of the browser."""
    db: Path | None = None
    """SQLite file that keeps the state over a restart; None = memory only."""

    def __post_init__(self) -> None:
        """Reject invalid settings with a ``ValueError`` that names the argument."""
        object.__setattr__(self, "quirks", frozenset(self.quirks))
        unknown = self.quirks - QUIRKS.keys()
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"quirks: unknown {names}; `directcall-sandbox --list-quirks` lists all")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        if self.page_size < 1:
            raise ValueError(f"page_size must be at least 1, got {self.page_size}")
        if self.language is not None and language_of(self.language) is None:
            raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, got {self.language!r}")
        for name in ("speed", "pace", "token_life", "statement_delay", "statement_jitter"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")

    @property
    def zone(self) -> ZoneInfo:
        """``timezone`` as a zone."""
        return ZoneInfo(self.timezone)

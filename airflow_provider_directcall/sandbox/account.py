"""The account of a sandbox: its clock, tokens, records, faults, settings and ids."""

from __future__ import annotations

import threading
import time
import zlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.sandbox.clock import SandboxClock
from airflow_provider_directcall.sandbox.config import SandboxConfig
from airflow_provider_directcall.sandbox.faults import FaultPlan
from airflow_provider_directcall.sandbox.quirks import active, faults_of
from airflow_provider_directcall.sandbox.records import NumberRecord, RuleRecord
from airflow_provider_directcall.sandbox.store import SandboxStore
from airflow_provider_directcall.sandbox.tokens import ACCOUNT, Tokens
from airflow_provider_directcall.sandbox.wire_dates import write_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_directcall.sandbox.faults import Fault
    from airflow_provider_directcall.sandbox.php_forms import PhpArray

FIRST_RULE_ID: Final = 18000
FIRST_SOUND_ID: Final = 150
_SIP_PASSWORD: Final = "SENHA"  # noqa: S105 - the vendor's own placeholder
_CALLERIDS_A_SECOND: Final = 10_000
_ANCHOR: Final = "anchor"


class Account:
    """The state of a sandbox. Hold ``lock`` while reading or changing it.

    :param endpoints: names of the endpoints that faults may name.
    """

    def __init__(self, config: SandboxConfig, endpoints: Iterable[str]) -> None:
        self.config = config
        self._endpoints = tuple(endpoints)
        self.settings = config
        self.lock = threading.RLock()
        self.clock = self._new_clock()
        self.tokens = self._new_tokens()
        self.faults = FaultPlan(self._endpoints, config.faults, faults_of(config.quirks))
        self.store = SandboxStore(config.db)
        self.rules_before_write: tuple[RuleRecord, ...] | None = None
        """The rules as they were before the last write; None: there was none."""
        if _ANCHOR in self.store.clock:
            self.clock.restore(*self.store.clock[_ANCHOR])
        else:
            self._load_defaults()

    def reset(self) -> None:
        """Return to the initial state: default rules and settings, no records, no tokens."""
        self.settings = self.config
        self.clock = self._new_clock()
        self.tokens = self._new_tokens()
        self.faults = FaultPlan(self._endpoints, self.config.faults, faults_of(self.config.quirks))
        self.store.clear()
        self.rules_before_write = None
        self._load_defaults()

    def close(self) -> None:
        """Close the database file."""
        self.store.close()

    def now(self) -> float:
        """Return the sandbox's time in seconds since the epoch."""
        return self.clock.now()

    def lifecycle_time(self, begins_at: float) -> float:
        """Return the time in the life of a call or message, which runs at ``pace`` from its beginning."""
        now = self.now()
        return now if now < begins_at else begins_at + (now - begins_at) * self.settings.pace

    def format_moment(self, moment: float) -> str:
        """Format a moment as replies show it."""
        return write_moment(moment, self.config.zone)

    def store_clock(self) -> None:
        """Store the clock for a restart."""
        self.store.clock[_ANCHOR] = list(self.clock.anchor())

    def change_settings(self, **changes: object) -> None:
        """Change settings while the sandbox runs, validated as at its start."""
        changed: Callable[..., SandboxConfig] = partial(replace, self.settings)
        self.settings = changed(**changes)
        self.faults.set_quirks(faults_of(self.settings.quirks))

    def draw_faults(self, endpoint: str, fields: PhpArray) -> list[Fault]:
        """Count a request and return the faults that apply to it."""
        with self.lock:
            self.store.requests.add(endpoint)
            return self.faults.draw(endpoint, fields)

    def in_statement(self, row_id: str, begins_at: float, since: float) -> bool:
        """Return whether the row of a call or message that ended at ``since`` has reached the statement."""
        age = self.statement_age(row_id, begins_at, since)
        shown = (quirk.listed for quirk in active(self.settings.quirks))
        return age >= 0 and all(listed is None or listed(age) for listed in shown)

    def statement_age(self, row_id: str, begins_at: float, since: float) -> float:
        """Return the seconds since the row of a call or message that ended at ``since`` is due in the statement."""
        lateness = zlib.crc32(row_id.encode()) / 2**32
        delay = self.settings.statement_delay + self.settings.statement_jitter * lateness
        return self.lifecycle_time(begins_at) - (since + delay)

    @property
    def changes_tags(self) -> bool:
        """Whether a quirk changes tags as the account keeps them."""
        return any(quirk.tags is not None for quirk in active(self.settings.quirks))

    def kept_tags(self, tags: dict[str, str]) -> dict[str, str]:
        """Return tags as the account keeps them."""
        for quirk in active(self.settings.quirks):
            if quirk.tags is not None:
                tags = quirk.tags(tags, self.settings.tag_characters)
        return tags

    def next_message_ids(self, count: int) -> tuple[str, list[int]]:
        """Return a ``callerid`` of 14 digits (tenths of a millisecond since the epoch) and the ids of its messages."""
        callerid = self._next_id("message", int(self.now() * _CALLERIDS_A_SECOND))
        return str(callerid), [self._next_id("message", 0) for _ in range(count)]

    def next_rule_id(self) -> str:
        """Return the id of a new rule; ids of removed rules are not reused."""
        return str(self._next_id("rule", FIRST_RULE_ID))

    def next_sound_id(self) -> int:
        """Return the id of a new sound."""
        return self._next_id("sound", FIRST_SOUND_ID)

    def _next_id(self, counter: str, least: int) -> int:
        number = max(least, self.store.last_ids.get(counter, 0) + 1)
        self.store.last_ids[counter] = number
        return number

    def _new_clock(self) -> SandboxClock:
        start = self.config.start
        return SandboxClock(start=None if start is None else start.timestamp(), speed=self.config.speed)

    def _new_tokens(self) -> Tokens:
        return Tokens(self.now if self.config.tokens_by == "simulated" else time.time)

    def _load_defaults(self) -> None:
        self.store_clock()
        for index, did in enumerate(self.config.numbers):
            self.store.numbers[did] = NumberRecord(
                did=did, client=ACCOUNT, login=f"LOGIN{index}", password=_SIP_PASSWORD
            )
            rule_id = self.next_rule_id()
            self.store.rules[rule_id] = RuleRecord(
                rule_id=rule_id,
                did=did,
                priority=1,
                action="fwd",
                data={"phone": f"55119900000{10 + index:02d}", "wait": 12},
            )

"""A campaign against the local Directcall on a simulated clock: planned, sent wave by wave, tracked."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from airflow_provider_directcall.api.client import AsyncClient
from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.methods import place_call, send_sms
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.chunks import read_chunk
from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
from airflow_provider_directcall.campaigns.errands import RequestOptions
from airflow_provider_directcall.campaigns.guards import Guards
from airflow_provider_directcall.campaigns.history import ChunkHistory
from airflow_provider_directcall.campaigns.plan_summary import CampaignPlan
from airflow_provider_directcall.campaigns.planning import plan
from airflow_provider_directcall.campaigns.sending import ChunkOutcome, SendOptions, send_chunk
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.campaigns.suppression import Exclusions
from airflow_provider_directcall.campaigns.tracking import Tracked, TrackOptions, track_chunk
from airflow_provider_directcall.campaigns.voice import AttemptRules, attempt_key, attempt_name
from airflow_provider_directcall.campaigns.wave_log import ContactResult, Progress, Wave, WaveLog
from airflow_provider_directcall.delivery.keys import LOT_TAG, member_key, with_key
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts
from airflow_provider_directcall.errors import DirectcallOutcomeUnknown, DirectcallRefused
from airflow_provider_directcall.sandbox import SandboxServer

from .planning_world import on_list

ORIGIN = "551130000001"
KEY = "abcdefghijklmnop"
TIMEOUTS = ReconcileTimeouts(settle_seconds=60, longest_seconds=3600, poll_interval=60)


class SandboxClock(Clock):
    """The sandbox's own clock."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._server.now(), UTC)

    async def sleep_async(self, seconds: float) -> None:
        self._server.advance(seconds)


@dataclass
class CampaignWorld:
    """One campaign of one account."""

    server: SandboxServer
    path: Path
    plan: CampaignPlan | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server.set_speed(0)
        self.clock = SandboxClock(self.server)
        self.folder = LocalFolder(self.path / "campaign")

    @property
    def channel(self) -> Channel:
        return self.options.get("channel", Channel.SMS)

    def planned(self, contacts: str, **options: object) -> CampaignPlan:
        """Plan a CSV text."""
        source = self.path / "contacts.csv"
        source.write_text(contacts)
        defaults = {"text": "Ola {name}", "id_column": "id", "origin": ORIGIN, "price_brl": Decimal("0.09")}
        self.options = {**defaults, **options}
        now = self.options.pop("now", self.clock.now())
        exclusions = Exclusions(on_list(self.options.pop("suppressed", ()), self.path))
        settings = CampaignSettings(**self.options)
        batches = ContactFiles([source], self.path).batches()
        self.plan = plan(settings, batches, self.folder, exclusions=exclusions, now=now)
        return self.plan

    def contacts(self, chunk: str) -> list[dict[str, Any]]:
        return pl.read_parquet(io.BytesIO(self.folder.read(chunk))).to_dicts()

    def run(self, use: Callable[[AsyncClient], Coroutine[Any, Any, Any]]) -> Any:
        config = self.server.sandbox.config
        settings = Settings(
            config.client_id, config.client_secret, base_url=self.server.url, default_origin=ORIGIN, timeout=10
        )

        async def opened() -> Any:
            async with AsyncClient(settings, clock=self.clock) as client:
                return await use(client)

        return asyncio.run(opened())

    def send(
        self,
        chunk: str,
        wave: int = 0,
        contacts: Iterable[str] | None = None,
        *,
        attempt: int = 1,
        changed: Mapping[str, Progress] | None = None,
    ) -> None:
        """Send one wave to some contacts, all by default; ``changed`` records another progress than the true one."""
        rows = [row for row in self.contacts(chunk) if contacts is None or row["id"] in contacts]
        log, since = WaveLog(self.folder, attempt_name(chunk, attempt)), self.clock.now()
        log.begin(Wave(wave, since, {row["id"]: 1 for row in rows}))

        async def send_all(client: AsyncClient) -> list[ContactResult]:
            return [await self._send(client, row, since, attempt) for row in rows]

        results = self.run(send_all)
        log.finish(wave, [self._changed(result, (changed or {}).get(result.contact)) for result in results])

    @staticmethod
    def _changed(result: ContactResult, progress: Progress | None) -> ContactResult:
        return result if progress is None else ContactResult(result.contact, progress, result.since)

    async def _send(self, client: AsyncClient, row: dict[str, Any], since: datetime, attempt: int) -> ContactResult:
        lot = attempt_key(KEY, attempt)
        tags = {**with_key({}, member_key(lot, row["id"])), LOT_TAG: lot}
        if self.channel is Channel.CALL:
            request: Any = place_call(ORIGIN, row["number"], tags=tags, record=True)
        else:
            request = send_sms(row["number"], row["text"], origin=ORIGIN, tags=tags)
        try:
            reply = await client.send(request)
        except DirectcallRefused as refused:
            return ContactResult(row["id"], Progress.REFUSED, since, code=refused.code, reason=str(refused))
        except DirectcallOutcomeUnknown as unknown:
            return ContactResult(row["id"], Progress.UNKNOWN, since, reason=str(unknown))
        return ContactResult(row["id"], Progress.SENT, since, ids={"callerid": reply.callerid})

    def send_in_full(self, chunk: str, *, folder: LocalFolder | None = None, **options: Any) -> ChunkOutcome:
        """Send as a campaign does; with ``rules``, what is due now of all attempts.

        :param options: of the sending; ``guards`` and ``rules`` too.
        """
        guards, rules = options.pop("guards", None) or Guards(), options.pop("rules", None)
        requests = RequestOptions(channel=self.channel, origin=ORIGIN)
        made = SendOptions(**{"requests": requests, "timeouts": TIMEOUTS, **options})

        return self.run(
            lambda client: send_chunk(
                folder or self.folder,
                chunk,
                key=KEY,
                client=client,
                clock=self.clock,
                options=made,
                guards=guards,
                rules=rules,
            )
        )

    def call_to_the_end(self, chunk: str, rules: AttemptRules, **options: Any) -> ChunkOutcome:
        """Send and wait, as a task does, until nothing is due any more or it is stopped."""
        for _ in range(200):
            outcome = self.send_in_full(chunk, rules=rules, **options)
            if outcome.waits_until is None:
                return outcome
            assert outcome.stopped is None
            self.server.set_time(max(outcome.waits_until, self.clock.now() + timedelta(seconds=5)))
        raise AssertionError("it does not end")

    def history(self, chunk: str) -> ChunkHistory:
        """Read what became of a chunk's contacts."""
        return ChunkHistory.read(self.folder, chunk, {each.id: each for each in read_chunk(self.folder, chunk)})

    def track(self, chunk: str, *, within: timedelta = timedelta(hours=1), **options: object) -> Tracked:
        """Look once."""
        made = TrackOptions(
            **{"channel": self.channel, "until": self.clock.now() + within, "origin": ORIGIN, **options}
        )
        return self.run(
            lambda client: track_chunk(self.folder, chunk, key=KEY, client=client, clock=self.clock, options=made)
        )


def csv_of(*numbers: str, name: str = "Ana") -> str:
    """Return contacts with the ids ``c1``, ``c2``, ..."""
    rows = [f"c{place};{number};{name}" for place, number in enumerate(numbers, start=1)]
    return "\n".join(["id;phone;name", *rows, ""])

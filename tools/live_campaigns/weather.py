"""Faults of Directcall and kills in a run of campaigns, chosen by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from airflow_provider_directcall.sandbox import Fault
from tools.faults.components import Component
from tools.faults.world import Directcall
from tools.live_campaigns.people import PERSONAL_TEXT, SAME_TEXT, People
from tools.live_campaigns.runs import CampaignRun, effects, kill_in_wave

#: Calls and messages are so much faster, so that a call of 30 s is over after 1.5.
PACE: Final = 20.0
#: Real seconds from the end of a call, or of the acceptance of a message, to its row, and at most so many more.
ROW_SECONDS: Final = 1.0
LATER_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 12.0
#: The sandbox goes through all rows for each page.
PAGE_SIZE: Final = 500

#: Share of the requests of a send that meet each fault.
_AT_SEND: Final = {
    "cut_before": 0.004,
    "cut_after": 0.006,
    "cut_in_body": 0.004,
    "hang_after": 0.002,
    "error_500_before": 0.003,
    "error_500_after": 0.004,
    "json_status_codigo_503_before": 0.003,
    "json_status_codigo_503_after": 0.006,
    "html_502_after": 0.003,
    "too_many_requests": 0.002,
    "garbage_after": 0.003,
    "truncated": 0.003,
    "two_documents": 0.002,
    "php_notice": 0.002,
    "expired_token": 0.001,
}
#: The same for the questions to the statement.
_AT_STATEMENT: Final = {"cut_before": 0.005, "error_500_before": 0.005, "duplicated_rows": 0.05}
#: Other forms of the statement, of which each seed has some; none hides a row for good.
_QUIRKS: Final = (
    "campos_json",
    "campos_list",
    "campos_pairs",
    "callerid_upper",
    "callerid_missing",
    "callerid_other",
    "destinations_without_55",
    "times_without_seconds",
    "times_day_first",
    "times_1_ahead",
    "tag_filter_ignored",
    "tag_filter_prefix",
    "tag_values_upper",
    "empty_text",
    "empty_009",
)
_QUIRKS_AT_ONCE: Final = 3
#: Ways to send: the text, contacts in a request, and whether as a lot.
WAYS: Final = {
    "personal": {"text": PERSONAL_TEXT, "recipients_per_request": 1, "by_lots": False},
    "together": {"text": SAME_TEXT, "recipients_per_request": 10, "by_lots": False},
    "lots": {"text": PERSONAL_TEXT, "recipients_per_request": 20, "by_lots": True},
}
_KILLS: Final = 3


@dataclass(frozen=True)
class Weather:
    """The faults and kills of one seed.

    :ivar kills: shares of the sends after which a task's process, or the scheduler, is killed, in order.
    """

    seed: int
    quirks: tuple[str, ...]
    kills: tuple[tuple[float, str], ...]

    @classmethod
    def of(cls, seed: int) -> Weather:
        """Choose."""
        dice = random.Random(f"weather {seed}")
        victims = ["sms task", "sms task and worker", "calls task", "scheduler" if seed % 2 else "machine"]
        shares = sorted(dice.uniform(0.05, 0.8) for _ in victims)
        return cls(
            seed,
            tuple(sorted(dice.sample(_QUIRKS, _QUIRKS_AT_ONCE))),
            tuple(zip(shares, dice.sample(victims, len(victims)), strict=True)),
        )

    def break_out(self, directcall: Directcall, *campaigns: People) -> None:
        """Begin with a new account, and let things go wrong there."""
        self.open_account(directcall, *campaigns)
        directcall.server.inject(*self._faults())

    def open_account(self, directcall: Directcall, *campaigns: People) -> None:
        """Begin with a new account, whose statement has the quirks of this weather."""
        server = directcall.server
        server.reset()
        directcall.witness.forget()
        # An account that was used before: its statement is known to answer.
        yesterday = datetime.now(server.sandbox.config.zone) - timedelta(days=1)
        for kind in ("calls", "messages"):
            server.seed(1, first_at=yesterday, kind=kind)
        for person in (each for people in campaigns for each in people.with_state("opted_out")):
            server.receive_message(person.number, server.sandbox.config.numbers[0], "sair, por favor")
        server.configure(
            pace=PACE,
            statement_delay=ROW_SECONDS * PACE,
            statement_jitter=LATER_SECONDS * PACE,
            page_size=PAGE_SIZE,
            quirks=frozenset(self.quirks),
        )

    def _faults(self) -> list[Fault]:
        shares = {
            **dict.fromkeys(("sms/send", "sms/lot-send", "voz/call"), _AT_SEND),
            **dict.fromkeys(("extrato/list", "extrato/list-sms"), _AT_STATEMENT),
            "request_token": {"cut_before": 0.1},
        }
        faults = [
            Fault(kind=kind, endpoint=endpoint, probability=share, seed=self.seed)
            for endpoint, of_endpoint in shares.items()
            for kind, share in of_endpoint.items()
        ]
        # A wave of calls is short: slow answers leave time to kill within one.
        return [*faults, Fault(kind="slow", endpoint="voz/call", probability=0.2, seconds=1, seed=self.seed)]

    def steps(self, run: CampaignRun, directcall: Directcall, sends: int) -> list[tuple[Callable[[], bool], str]]:
        """Return the kills of a run, for :meth:`~.runs.CampaignRun.attend`."""

        def step(share: float, victim: str) -> Callable[[], bool]:
            def take() -> bool:
                return effects(directcall) >= share * sends and _kill(run, victim)

            return take

        return [(step(share, victim), victim) for share, victim in self.kills]


def _kill(run: CampaignRun, victim: str) -> bool:
    if victim in {"scheduler", "machine"}:
        run.world.airflow.restart(Component.SCHEDULER, with_children=victim == "machine")
        return True
    return kill_in_wave(run, victim.split(maxsplit=1)[0], with_worker=victim.endswith("worker"))

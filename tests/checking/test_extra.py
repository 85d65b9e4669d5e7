"""The extra that a check prints, pasted into the connection: outcomes that were unknown are known again."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.api.methods import list_messages, list_statement, place_call, send_sms
from airflow_provider_directcall.api.protocol import build
from airflow_provider_directcall.api.requests import Request
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.checking import AccountReport, check_account
from airflow_provider_directcall.checking.sending import Probe
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.reconciling import ReconcileTimeouts, Reconciliation, VerdictKind
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.hooks.connection import Overrides, settings_of
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .conftest import MENDED, ORIGIN, OWN, SandboxClock

OTHER = "5511990000002"
KEY = "abcdefghijklmnop"

#: Without the extra, a lost answer ends as unknown; with the other quirks, its row has another time, or the looks carry
#: a parameter whose effect is not known.
UNSETTLED = {"times_1_behind", "times_2_behind"}
TIMEOUTS = ReconcileTimeouts(settle_seconds=300, longest_seconds=600, poll_interval=60)


@dataclass(frozen=True)
class Cost:
    """How a lost answer ends, and what is odd about it.

    :ivar unsettled: it is not found: unknown, or taken for absent.
    :ivar minutes_off: the time of its row.
    :ivar searching: questions with ``campos[search]``, whose effect may be any.
    """

    unsettled: bool
    minutes_off: int
    searching: int


def lose_an_answer(settings: Settings, server: SandboxServer, clock: SandboxClock, *, call: bool) -> Cost:
    """Send one request whose answer is lost, and look for it until there is a verdict."""
    server.inject(Fault(kind="cut_after", endpoint="voz/call" if call else "sms/send", times=1))
    record = Record(phase=Phase.SENDING, key=KEY, generation=1, since=clock.now(), max_tries=0, try_number=1)
    errand = CallErrand(origin=ORIGIN, destination=OTHER) if call else MessageErrand(kind="SMS", destinations=[OTHER])
    reconciliation = Reconciliation(clock.now(), TIMEOUTS)
    asked: list[Request[Any]] = []
    with Client(settings, clock=clock) as client:
        tags = {KEY_TAG: KEY}
        with pytest.raises(DirectcallOutcomeUnknown):
            client.send(place_call(ORIGIN, OTHER, tags=tags) if call else send_sms(OTHER, "oi", tags=tags))

        def send(request: Request[Any]) -> object:
            asked.append(request)
            return client.send(request)

        while (verdict := drive(reconciliation.look(errand, record, clock), send)) is None:
            server.advance(60)
        listed = (list_statement if call else list_messages)(
            record.since - timedelta(hours=5), record.since + timedelta(hours=5)
        )
        (row,) = [row for row in client.rows(listed) if row.destination == OTHER] or [None]
    moment = record.since if row is None else row.started_at if call else row.sent_at
    searching = sum(b"campos%5Bsearch%5D" in build(request, settings, "token").content for request in asked)
    return Cost(
        verdict.kind is not VerdictKind.FOUND, round(abs(moment - record.since).total_seconds() / 60), searching
    )


def pasted(report: AccountReport, settings: Settings) -> Settings:
    """Paste the extra from the printed report into a connection."""
    _, _, printed = report.as_text().partition("Add to the connection's extra:")
    return replace(settings, **json.loads(printed or "{}"))


@pytest.mark.parametrize("call", [True, False], ids=["call", "sms"])
@pytest.mark.parametrize("quirk", MENDED)
def test_the_extra_makes_outcomes_known_again(
    settings: Settings, server: SandboxServer, clock: SandboxClock, quirk: str, call: bool
) -> None:
    server.configure(quirks={quirk})
    report = check_account(settings, probes=[Probe(OWN, is_call=call)], clock=clock)
    assert report.extra == MENDED[quirk]
    mended = pasted(report, settings)
    before = lose_an_answer(settings, server, clock, call=call)
    server.reset()
    server.configure(quirks={quirk})
    assert check_account(mended, probes=[Probe(OWN, is_call=call)], clock=clock).extra == {}
    after = lose_an_answer(mended, server, clock, call=call)
    assert before.unsettled == (quirk in UNSETTLED)
    assert (after.unsettled, after.minutes_off) == (False, 0)
    assert after != before
    assert after.searching <= before.searching


def test_an_account_whose_search_is_proven_harmless_needs_no_extra(
    settings: Settings, server: SandboxServer, clock: SandboxClock
) -> None:
    unset = replace(settings, tag_search=None)
    assert check_account(unset, probes=[Probe(OWN)], clock=clock).extra == {}


@pytest.mark.parametrize(("value", "sent"), [("n", None), ("s", "s"), ("1", "1"), (None, "s")])
def test_the_extra_decides_about_the_search(
    settings: Settings, server: SandboxServer, clock: SandboxClock, value: str | None, sent: str | None
) -> None:
    request = list_statement(clock.now(), clock.now() + timedelta(hours=1)).page(1)
    body = build(request, replace(settings, tag_search=value), "token").content.decode()
    assert ("campos%5Bsearch%5D=" in body) == (sent is not None)
    assert sent is None or f"campos%5Bsearch%5D={sent}" in body


@pytest.mark.parametrize(("given", "read"), [({}, None), ({"tag_search": ""}, None), ({"tag_search": "n"}, "n")])
def test_the_extra_is_read_from_the_connection(given: dict[str, str], read: str | None) -> None:
    from airflow.sdk import Connection

    connection = Connection(conn_id="dc", conn_type="directcall", login="a", password="b", extra=json.dumps(given))
    assert settings_of(connection, given, Overrides()).tag_search == read


def test_a_search_that_is_no_word_is_rejected() -> None:
    with pytest.raises(ValueError, match="tag_search"):
        Settings("a", "b", tag_search="a&b")

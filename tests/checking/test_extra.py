"""The extra that a check prints, pasted into the connection: outcomes that were unknown are known again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown
from airflow_provider_directcall.api.methods import place_call, send_sms
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.checking import check_account
from airflow_provider_directcall.checking.sending import Probe
from airflow_provider_directcall.delivery.calls import CallErrand
from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.delivery.matching import Match, MatchKind
from airflow_provider_directcall.delivery.messages import MessageErrand
from airflow_provider_directcall.delivery.record import Phase, Record
from airflow_provider_directcall.hooks.connection import Overrides, settings_of
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .conftest import ORIGIN, OWN, SandboxClock

OTHER = "5511990000002"
KEY = "abcdefghijklmnop"

#: Quirk -> the extra that mends it.
MENDED = {
    "times_1_ahead": {"timezone": "America/Noronha"},
    "times_2_ahead": {"timezone": "Etc/GMT+1"},
    "times_1_behind": {"timezone": "America/Manaus"},
    "times_2_behind": {"timezone": "America/Rio_Branco"},
    "campos_always": {"tag_search": "n"},
}


def look_for_a_lost_request(settings: Settings, server: SandboxServer, clock: SandboxClock, *, call: bool) -> Match:
    """Send one request whose answer is lost, and look for it an hour later."""
    server.inject(Fault(kind="cut_after", endpoint="voz/call" if call else "sms/send", times=1))
    record = Record(phase=Phase.SENDING, key=KEY, generation=1, since=clock.now(), max_tries=0, try_number=1)
    with Client(settings, clock=clock) as client:
        tags = {KEY_TAG: KEY}
        with pytest.raises(DirectcallOutcomeUnknown):
            client.send(place_call(ORIGIN, OTHER, tags=tags) if call else send_sms(OTHER, "oi", tags=tags))
        server.advance(3600)
        errand = (
            CallErrand(origin=ORIGIN, destination=OTHER) if call else MessageErrand(kind="SMS", destinations=[OTHER])
        )
        return client.run(errand.find(record, clock.now()))


@pytest.mark.parametrize("call", [True, False], ids=["call", "sms"])
@pytest.mark.parametrize("quirk", MENDED)
def test_the_extra_makes_outcomes_known_again(
    settings: Settings, server: SandboxServer, clock: SandboxClock, quirk: str, call: bool
) -> None:
    server.configure(quirks={quirk})
    report = check_account(settings, probes=[Probe(OWN, is_call=call)], clock=clock)
    assert report.extra == MENDED[quirk]
    mended = replace(settings, **json.loads(json.dumps(report.extra)))
    assert check_account(mended, probes=[Probe(OWN, is_call=call)], clock=clock).extra == {}
    assert look_for_a_lost_request(mended, server, clock, call=call).kind is MatchKind.THERE


def test_without_the_extra_the_outcome_is_unknown(
    settings: Settings, server: SandboxServer, clock: SandboxClock
) -> None:
    server.configure(quirks={"times_2_behind"})
    assert look_for_a_lost_request(settings, server, clock, call=True).kind is MatchKind.UNPROVEN


@pytest.mark.parametrize("call", [True, False], ids=["call", "sms"])
def test_where_the_search_filters_a_request_is_not_taken_for_absent(
    settings: Settings, server: SandboxServer, clock: SandboxClock, call: bool
) -> None:
    server.configure(quirks={"search_filters"})
    report = check_account(settings, probes=[Probe(OWN, is_call=call)], clock=clock)
    assert report.extra == {"tag_search": "n"}
    mended = replace(settings, **report.extra)
    assert look_for_a_lost_request(mended, server, clock, call=call).kind is not MatchKind.NONE


def test_an_account_whose_search_is_proven_harmless_needs_no_extra(
    settings: Settings, server: SandboxServer, clock: SandboxClock
) -> None:
    unset = replace(settings, tag_search=None)
    assert check_account(unset, probes=[Probe(OWN)], clock=clock).extra == {}


@pytest.mark.parametrize(("value", "sent"), [("n", None), ("s", "s"), ("1", "1"), (None, "s")])
def test_the_extra_decides_about_the_search(
    settings: Settings, server: SandboxServer, clock: SandboxClock, value: str | None, sent: str | None
) -> None:
    from airflow_provider_directcall.api.methods import list_statement
    from airflow_provider_directcall.api.protocol import build

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

"""Checks that only read, and accounts that do not answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.api.clock import Clock
from airflow_provider_directcall.api.errors import (
    DirectcallAuthError,
    DirectcallNotSent,
    DirectcallRefused,
    DirectcallReplyError,
)
from airflow_provider_directcall.api.replies import Number, Rule
from airflow_provider_directcall.api.replies.envelope import Reply
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.checking import check_account
from airflow_provider_directcall.checking.account import number_findings
from airflow_provider_directcall.checking.assumptions import Status
from airflow_provider_directcall.checking.check import run
from airflow_provider_directcall.checking.extra import extra_of
from airflow_provider_directcall.checking.report import AccountReport, in_order
from airflow_provider_directcall.checking.statements import statement_findings
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .conftest import TEST_TAG, Check, SandboxClock, forms

CALLS = "list_statement"
STATEMENTS = ("list_statement", "list_messages", "list_recordings")


def test_it_sends_nothing_and_says_which_facts_need_a_row(check: Check, server: SandboxServer) -> None:
    report = check(sends=False)
    effects = server.state()["effects"]
    assert (effects["calls_placed"], effects["messages_accepted"]) == (0, 0)
    assert report.ok
    assert {finding.form for finding in report.of(Status.OPEN)} == {"no_rows", "recording_none"}
    assert "--send makes a row" in " ".join(report.as_text(200).split())


def test_rows_of_others_show_forms_filters_and_the_likely_zone(check: Check, seeded: SandboxServer) -> None:
    report = check(sends=False)
    assert {
        "fields",
        "time",
        "zone_likely",
        "id_present",
        "one_row",
        "tags_shown",
        "tags_object",
        "kept_open",
        "search_harmless",
        "tag_filter",
        "destination_filter",
        "id_filter",
        "one_page",
        "states",
        "empty_list",
    } <= forms(report, CALLS)
    assert "recording" in forms(report, "list_recordings")


@pytest.mark.parametrize(
    ("quirk", "form"),
    [
        ("tag_filter_or", "tag_filter_or"),
        ("tag_filter_prefix", "tag_filter_prefix"),
        ("tag_filter_ignored", "tag_filter_ignored"),
        ("search_filters", "search_filters"),
        ("leg_rows", "leg_rows"),
        ("times_2_ahead", "zone_ahead"),
        ("times_2_behind", "zone_open"),
        ("short_destination_ignored", "short_destination_ignored"),
    ],
)
def test_rows_of_others_show_quirks_too(check: Check, seeded: SandboxServer, quirk: str, form: str) -> None:
    seeded.configure(quirks={quirk})
    assert form in forms(check(sends=False), CALLS)


def test_a_large_account_shows_its_pages_and_its_order(
    check: Check, server: SandboxServer, clock: SandboxClock
) -> None:
    server.seed(250, first_at=clock.now() - timedelta(hours=1), tags={"pedido": TEST_TAG})
    report = check(sends=False)
    assert {"pages", "order"} <= forms(report, CALLS)
    server.configure(statement_shuffle=7)
    (order,) = [finding for finding in check(sends=False).findings if finding.form == "order"]
    assert order.details == {"direction": "not ordered", "option": "--call"}


@pytest.mark.parametrize(
    ("quirk", "form"),
    [
        ("route_other_numbers", "rules_of_others"),
        ("route_empty_first", "rules_change"),
    ],
)
def test_rules(check: Check, server: SandboxServer, quirk: str, form: str) -> None:
    server.configure(quirks={quirk})
    assert form in forms(check(sends=False), "list_rules")


@pytest.mark.parametrize("listed", ["1130000001", "551130000001"])
@pytest.mark.parametrize(("shown", "form"), [("+55 11 3000-0001", "rules"), ("1130000002", "rules_of_others")])
def test_rules_show_their_number_in_any_spelling(listed: str, shown: str, form: str) -> None:
    steps = number_findings()
    next(steps)
    steps.send((Number(listed, None, {}),))
    steps.send(rules := (Rule("hangup", {}, 1, "7", shown),))
    with pytest.raises(StopIteration) as end:
        steps.send(rules)
    assert end.value.value[1].form == form


def test_a_token_without_claims(check: Check, server: SandboxServer) -> None:
    server.configure(quirks={"hex_token"})
    assert forms(check(sends=False), "request_token") == {"token_other"}


def test_a_clock_that_is_wrong(settings: Settings, server: SandboxServer, clock: SandboxClock) -> None:
    class Late(SandboxClock):
        def now(self) -> datetime:
            return super().now() - timedelta(minutes=10)

    report = check_account(settings, clock=Late(server))
    assert "clock_differs" in forms(report, "request_token")
    assert not report.ok


def test_a_wrong_secret(settings: Settings, clock: Clock) -> None:
    with pytest.raises(DirectcallAuthError):
        check_account(replace(settings, client_secret="other"), clock=clock)


def test_a_dead_network(settings: Settings, clock: Clock) -> None:
    with pytest.raises(DirectcallNotSent):
        check_account(replace(settings, base_url="http://127.0.0.1:9"), clock=clock)


def test_the_address_of_another_server(settings: Settings, server: SandboxServer, clock: Clock) -> None:
    with pytest.raises(DirectcallReplyError):
        check_account(replace(settings, base_url=f"{server.url}/other"), clock=clock)


def test_an_account_without_a_statement_of_messages(check: Check, server: SandboxServer) -> None:
    server.inject(Fault(kind="unavailable", endpoint="extrato/list-sms"))
    report = check(sends=False)
    assert forms(report, "list_messages") == {"no_answer"}
    assert not report.ok
    assert "the extra: endpoints" in " ".join(report.as_text(200).split())


def test_nothing_is_sent_where_no_statement_would_show_it(check: Check, server: SandboxServer) -> None:
    server.inject(Fault(kind="unavailable", endpoint="extrato/list-sms"))
    report = check()
    assert forms(report, "send_message") == {"not_asked"}
    assert server.state()["effects"]["messages_accepted"] == 0


@pytest.mark.parametrize("kind", ["error_500_before", "garbage_after", "cut_before", "too_many_requests", "truncated"])
def test_every_read_fails(check: Check, server: SandboxServer, kind: str) -> None:
    for endpoint in ("extrato/list", "extrato/list-sms", "extrato/list-recordings", "extrato/saldo", "did/list"):
        server.inject(Fault(kind=kind, endpoint=endpoint))
    report = check(sends=False)
    failed = {finding.place for finding in report.of(Status.ATTENTION)}
    assert failed == {*STATEMENTS, "list_numbers"}
    assert forms(report, "balance") == {"balance_unread"}


def test_a_list_of_numbers_that_fails_leaves_the_rules_open(check: Check, server: SandboxServer) -> None:
    server.inject(Fault(kind="unavailable", endpoint="did/list"))
    assert forms(check(sends=False), "list_rules") == {"not_asked"}


STRANGE: list[object] = [
    None,
    7,
    "Nenhum registro encontrado",
    {},
    {"0": {"destino": "x"}},
    ["text", 3, None],
    [[]],
    [{}],
    [{"destino": ["5511990000001"], "inicio": {"a": 1}, "campos": 3, "callerid": [], "status": {}}],
    [{"destino": "\x1b[31m5511990000001", "inicio": "31/31/2026 99:99", "campos": [["a"], 3]}],
    [{"5511990000001": "x", "telefone_11990000001": "y", "\x1b]0;x\x07": "z", "duration": "00:00:30"}],
    [{"campos": {"a": {"b": "c"}}, "status": "ação \x1b[0m", "valor": 10**400}],
    [{"campos": "{" * 2000}],
]


@pytest.mark.parametrize("msg", STRANGE)
@pytest.mark.parametrize("pages", [None, "", -1, 10**20, "9" * 30, [], {}])
def test_no_answer_stops_the_check(settings: Settings, clock: Clock, msg: object, pages: object) -> None:
    def send(request):
        return request.read(Reply({"msg": msg, "paginas": pages}, settings.zone))

    for endpoint in STATEMENTS:
        findings = run(statement_findings(endpoint, settings, clock), send, clock)
        report = AccountReport(clock.now(), in_order(findings), extra_of(findings, settings, clock.now()))
        text = report.as_text(80) + json.dumps(report.as_json())
        assert "990000001" not in text
        assert "\x1b" not in text


def test_a_statement_is_refused(settings: Settings, clock: Clock) -> None:
    def send(request):
        raise DirectcallRefused("no", code="201", text="5511990000001", http_status=200)

    (finding,) = run(statement_findings(CALLS, settings, clock), send, clock)
    assert finding.form == "refused"
    assert finding.details["code"] == "201"


ROW = {"origem": "551130000001", "destino": "5511990000001", "inicio": "2026-03-04 10:00:00", "status": "atendida"}


def test_a_renamed_field_is_recognised_by_its_form(settings: Settings) -> None:
    class Now(Clock):
        def now(self) -> datetime:
            return datetime(2026, 3, 4, 13, 5, tzinfo=UTC)

    def send(request):
        row = {**ROW, "tipo": "realizada", "tempo": "00:00:30", "preco": "0.10", "uuid": "x"}
        return request.read(Reply({"msg": [row], "paginas": 1}, settings.zone))

    findings = run(statement_findings(CALLS, settings, Now()), send, Now())
    extra = extra_of(findings, settings, Now().now())
    assert extra["fields"] == {CALLS: {"duracao": "tempo", "valor": "preco"}}
    Settings("a", "b", **extra)

"""tools.faults: duplicates and silent losses are detected, and reported per row."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from rich.console import Console

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.delivery.keys import KEY_TAG, TaskIdentity, delivery_key
from airflow_provider_directcall.sandbox import Sandbox, SandboxConfig, SandboxServer
from airflow_provider_directcall.sandbox.quirks import QUIRKS
from tools.faults.cases import (
    DIDS,
    FORWARD_TO,
    RULE_PRIORITY,
    Case,
    arguments_of_baseline,
    arguments_of_ours,
    cases_of,
    destination_of,
)
from tools.faults.effects import Effect, Effects, effects_of
from tools.faults.harness import BASELINE, OURS, RowResult
from tools.faults.judge import Report, Verdict, ending_of, judge_effects
from tools.faults.logs import LoggedError, last_error, log_folder
from tools.faults.matrix import FAULTS, MATRIX, row_named
from tools.faults.report import Summary, read_summaries, show, total
from tools.faults.rows import ON_WORKER, POLICIES, SENDS, Ending, Kind, Row, Way, side_by_side
from tools.faults.world import Directcall

AGENT, PERSON, LONG_CALL = "551130000000", "5511990000001", "5511990000600"
ROW = Row(name="row", meaning="some fault")
SUCCESS = Report("success", 1, result="1")
FAIL = "AirflowFailException"


def a_case(kind: Kind = Kind.SMS, name: str = "c", row: Row = ROW) -> Case:
    return Case(row, name, kind, Way.WORKER, 0)


def effects_named(*names: str) -> Effects:
    """Return effects by their keys; ``-`` is one without a key, and a trailing ``/`` marks an undone one."""
    return Effects(
        tuple(
            Effect(str(40 + place), None if name.startswith("-") else name.rstrip("/"), name.endswith("/"))
            for place, name in enumerate(names)
        )
    )


def failed(*errors: tuple[str, str]) -> Report:
    return Report("failed", 4, errors=[LoggedError(*error) for error in errors])


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with Sandbox(SandboxConfig(numbers=DIDS[:3])).serve() as running:
        yield running


@pytest.fixture
def client(server: SandboxServer) -> Iterator[Client]:
    config = server.sandbox.config
    with Client(Settings(config.client_id, config.client_secret, base_url=server.url)) as running:
        yield running


def made(server: SandboxServer, kind: Kind, name: str = "c") -> Effects:
    return effects_of(server.state(), a_case(kind, name))


@pytest.mark.parametrize("times", [0, 1, 2])
def test_effects_are_counted_by_case(server: SandboxServer, client: Client, times: int) -> None:
    for _ in range(times):
        client.send(methods.send_sms(PERSON, "oi", origin=AGENT, tags={"case": "sms"}))
        client.send(methods.send_voice_message(PERSON, text="oi", origin=AGENT, tags={"case": "voice"}))
        client.send(methods.place_call(AGENT, PERSON, tags={"case": "call"}))
    client.send(methods.send_sms(PERSON, "oi", origin=AGENT, tags={"case": "another"}))
    client.send(methods.send_sms(PERSON, "oi", origin=AGENT))
    for kind in SENDS:
        assert made(server, kind, kind.value).made == times


def test_a_call_that_was_hung_up_is_undone(server: SandboxServer, client: Client) -> None:
    placed = client.send(methods.place_call(AGENT, LONG_CALL, tags={"case": "c"}))
    client.send(methods.end_call(AGENT, LONG_CALL))
    assert placed.callerid is not None
    (effect,) = made(server, Kind.CALL).all
    assert (effect.name, effect.is_undone, effect.outcome) == (placed.callerid, True, "cancelada")


def test_effects_know_their_keys(server: SandboxServer, client: Client) -> None:
    for key in ("k1", "k2", "k1"):
        client.send(methods.send_sms(PERSON, "oi", origin=AGENT, tags={"case": "c", "airflow_key": key}))
    client.send(methods.send_sms(PERSON, "oi", origin=AGENT, tags={"case": "c"}))
    assert [effect.key for effect in made(server, Kind.SMS).all] == ["k1", "k2", "k1", None]


def test_a_rule_created_twice_is_a_duplicate(server: SandboxServer, client: Client) -> None:
    did = DIDS[0]
    assert made(server, Kind.RULE, did).made == 0
    server.write_rule(
        **{"did": did, "action": "fwd", "priority": str(RULE_PRIORITY), "data[phone]": FORWARD_TO, "data[wait]": "20"}
    )
    server.write_rule(**{"did": did, "action": "fwd", "priority": "8", "data[phone]": FORWARD_TO, "data[wait]": "20"})
    assert made(server, Kind.RULE, did).made == 1
    server.write_rule(
        **{"did": did, "action": "fwd", "priority": str(RULE_PRIORITY), "data[phone]": FORWARD_TO, "data[wait]": "20"}
    )
    effects = made(server, Kind.RULE, did)
    assert effects.made == 2
    assert judge_effects(a_case(Kind.RULE, did), SUCCESS, effects).duplicates == 1


def test_success_is_foreign_where_another_rule_was_changed(server: SandboxServer, client: Client) -> None:
    did = DIDS[0]
    (default,) = server.state()["rules"][did]
    server.write_rule(
        **{"did": did, "action": "fwd", "priority": str(RULE_PRIORITY), "data[phone]": FORWARD_TO, "data[wait]": "20"}
    )
    assert not judge_effects(a_case(Kind.RULE, did), SUCCESS, made(server, Kind.RULE, did)).is_foreign
    server.write_rule(did=did, remove=str(default["dpId"]))
    assert judge_effects(a_case(Kind.RULE, did), SUCCESS, made(server, Kind.RULE, did)).is_foreign
    unsure = failed((FAIL, "the new rule was written and is not among the rules read back"))
    assert not judge_effects(a_case(Kind.RULE, did), unsure, made(server, Kind.RULE, did)).is_lost


@pytest.mark.parametrize(
    ("keys", "generations", "duplicates", "lost"),
    [
        ("", 1, 0, True),
        ("a", 1, 0, False),
        # The same key twice is always a duplicate, even if one of the two was undone.
        ("a a", 1, 1, False),
        ("a a a", 1, 2, False),
        ("a/ a", 1, 1, False),
        ("a a/", 1, 1, False),
        ("a/ a/", 1, 1, True),
        # Another key is right only if another generation was requested.
        ("a b", 1, 1, False),
        ("a/ b", 1, 1, False),
        ("a/", 1, 0, True),
        ("a b", 2, 0, False),
        ("a b c", 2, 1, False),
        # Two effects of one generation do not replace the missing one of the other.
        ("a a", 2, 1, True),
        ("a", 2, 0, True),
        ("a a b", 2, 1, False),
        ("a/ b", 2, 0, True),
        # The baseline has no keys, so only the sums count.
        ("-", 1, 0, False),
        ("- - -", 1, 2, False),
        ("- -", 2, 0, False),
        ("-", 2, 0, True),
    ],
)
def test_success_means_that_each_generation_was_sent_once(
    keys: str, generations: int, duplicates: int, lost: bool
) -> None:
    row = Row(name="row", meaning="", generations=generations)
    verdict = judge_effects(a_case(row=row), SUCCESS, effects_named(*keys.split()))
    assert (verdict.ending, verdict.duplicates, verdict.is_lost) == (Ending.SENT, duplicates, lost)


@pytest.mark.parametrize(
    ("keys", "undone", "duplicates", "lost", "surprising"),
    [
        ("a/ b", 1, 0, False, False),
        ("a/ b", 0, 0, True, True),
        ("a/ b", None, 0, False, False),
        ("a b", 1, 0, False, True),
        ("a/ b/", 1, 0, True, True),
        ("a/ a b", 1, 1, False, True),
        ("a/ b c", 1, 1, False, True),
    ],
)
def test_undone_effects_are_no_loss_if_the_row_expects_them(
    keys: str, undone: int | None, duplicates: int, lost: bool, surprising: bool
) -> None:
    row = Row(name="row", meaning="", generations=2, undone=undone)
    verdict = judge_effects(a_case(row=row), SUCCESS, effects_named(*keys.split()))
    assert (verdict.duplicates, verdict.is_lost) == (duplicates, lost)
    assert bool(a_batch(row, verdict).surprises) is surprising


@pytest.mark.parametrize(
    ("keys", "duplicates", "surprising"), [("a/", 0, False), ("a", 0, True), ("a/ b", 1, True), ("a/ a", 1, True)]
)
def test_marked_as_failed_requires_a_hang_up_and_no_second_call(keys: str, duplicates: int, surprising: bool) -> None:
    row = row_named("marked_failed")
    stopped = Report("failed", 1, was_stopped=True)
    verdict = judge_effects(a_case(Kind.CALL, row=row), stopped, effects_named(*keys.split()))
    assert (verdict.ending, verdict.duplicates, verdict.is_lost) == (Ending.STOPPED, duplicates, False)
    assert bool(a_batch(row, verdict).surprises) is surprising


def test_a_task_that_goes_on_after_the_mark_is_a_surprise() -> None:
    row = row_named("marked_failed")
    verdict = judge_effects(a_case(Kind.CALL, row=row), Report("success", 2, was_stopped=True), effects_named("a/"))
    assert a_batch(row, verdict).surprises == [verdict]


@pytest.mark.parametrize(
    ("report", "ending"),
    [
        (Report("success", 1, result={"state": "unknown", "callerid": None}), Ending.UNKNOWN),
        (Report("success", 1, result={"state": "sent"}), Ending.SENT),
        (Report("success", 1, result="17953459386424"), Ending.SENT),
        (Report("success", 1), Ending.SENT),
        (failed((FAIL, "The SMS to 5511*****0001 may be out, and nobody can say (airflow_key k)")), Ending.UNKNOWN),
        (failed(("RuntimeError", "Directcall refused: 201 Sem saldo")), Ending.REFUSED),
        (failed((FAIL, "send_message: cut"), ("DirectcallOutcomeUnknown", "cut")), Ending.UNKNOWN),
        (failed((FAIL, "insufficient balance"), ("DirectcallRefused", "insufficient balance")), Ending.REFUSED),
        (failed((FAIL, "callerid 7: the wait ended"), ("DirectcallWaitTimeout", "the wait ended")), Ending.SENT),
        (failed((FAIL, "callerid 42: boom")), Ending.SENT),
        (failed(("DirectcallNotSent", "connection refused")), Ending.NOT_SENT),
        (failed(("ReadTimeout", "The read operation timed out")), Ending.NOT_SENT),
        (failed(), Ending.MUTE),
        (Report("running", 1), Ending.UNFINISHED),
        (Report("never started", 0), Ending.UNFINISHED),
    ],
)
def test_ending_of_a_report(report: Report, ending: Ending) -> None:
    assert ending_of(report, effects_named("x", "y", "z")) is ending


@pytest.mark.parametrize("ending", ["NOT_SENT", "MUTE", "REFUSED", "UNFINISHED"])
def test_an_effect_that_is_not_reported_is_a_silent_loss(ending: str) -> None:
    reports = {
        "NOT_SENT": failed(("ReadTimeout", "timed out")),
        "MUTE": failed(),
        "REFUSED": failed(("DirectcallRefused", "no")),
        "UNFINISHED": Report("running", 1),
    }
    with_effect = judge_effects(a_case(), reports[ending], effects_named("a"))
    without = judge_effects(a_case(), reports[ending], Effects())
    assert with_effect.ending is without.ending is Ending[ending]
    assert (with_effect.is_lost, without.is_lost) == (True, False)


@pytest.mark.parametrize("effects", [Effects(), effects_named("a")])
def test_an_unknown_outcome_that_is_reported_is_no_loss(effects: Effects) -> None:
    assert not judge_effects(a_case(), failed((FAIL, "It may be out")), effects).is_lost


def verdict(ending: Ending = Ending.SENT, *, duplicates: int = 0, lost: bool = False, foreign: bool = False) -> Verdict:
    return Verdict(a_case(), ending, effects_named("a"), 2, duplicates, lost, "its error", is_foreign=foreign)


def a_batch(row: Row, *ours: Verdict, baseline: tuple[Verdict, ...] = ()) -> RowResult:
    return RowResult(row, 1, 2.0, disturbed=True, verdicts={OURS: list(ours), BASELINE: list(baseline)})


@pytest.mark.parametrize(
    "surprise",
    [
        verdict(duplicates=1),
        verdict(lost=True),
        verdict(foreign=True),
        verdict(Ending.UNKNOWN),
        verdict(Ending.UNFINISHED),
    ],
)
def test_surprises_are_found_and_shown(surprise: Verdict) -> None:
    batch = a_batch(ROW, verdict(), surprise, baseline=(verdict(duplicates=3),))
    assert batch.surprises == [surprise]
    console = Console(width=130, file=io.StringIO())
    show([Summary.of(batch)], console)
    assert "row (seed 1): c to 0001 (worker, fail): 1 effects" in console.file.getvalue()
    assert "its error" in Summary.of(batch).as_line()


def test_a_file_of_results_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert read_summaries(path) == []
    batch = a_batch(ROW, verdict(), verdict(Ending.UNKNOWN), baseline=(verdict(lost=True),))
    path.write_text(Summary.of(batch).as_line() * 2)
    assert read_summaries(path) == [Summary.of(batch)] * 2
    ours = total(read_summaries(path), OURS)
    assert (ours.sends, ours.tries, ours.endings[Ending.UNKNOWN], ours.endings[Ending.SENT]) == (4, 8, 2, 2)


def resent(policy: str, *, shown_at: float | None) -> Verdict:
    """Judge a send that had two effects under one key, at 10 and at 20."""
    case = replace(a_case(), policy=policy)
    effects = Effects((Effect("1", "k", at=10), Effect("2", "k", at=20)))
    return judge_effects(case, SUCCESS, effects, {} if shown_at is None else {"k": shown_at, "other": 1})


@pytest.mark.parametrize(
    ("policy", "shown_at", "duplicates", "as_asked"),
    [
        ("resend", None, 0, 1),
        ("resend", 25, 0, 1),
        ("resend", 15, 1, 0),
        ("fail", None, 1, 0),
        ("hold", 25, 1, 0),
    ],
)
def test_resend_may_send_twice_only_where_the_statement_had_not_shown_the_key(
    policy: str, shown_at: float | None, duplicates: int, as_asked: int
) -> None:
    judged = resent(policy, shown_at=shown_at)
    assert (judged.duplicates, judged.as_asked) == (duplicates, as_asked)
    batch = a_batch(ROW, judged)
    assert bool(batch.surprises) is bool(duplicates)
    assert (batch.tally(OURS).duplicates, batch.tally(OURS).as_asked) == (duplicates, as_asked)


BUSY = Effect("a1", "k", outcome="ocupado")
DELIVERED = Effect("71", "k", outcome="delivered")


@pytest.mark.parametrize(
    ("result", "effect", "foreign"),
    [
        ({"callerid": "a1", "outcome": "busy"}, BUSY, False),
        ({"callerid": "A1", "outcome": "busy"}, BUSY, False),
        # The id as the quirk of other ids shows it.
        ({"callerid": "f8", "outcome": "busy"}, BUSY, False),
        ({"callerid": "a2", "outcome": "busy"}, BUSY, True),
        ({"callerid": "a1", "outcome": "answered"}, BUSY, True),
        ({"callerid": None, "outcome": "answered"}, BUSY, True),
        ({"callerid": None, "state": "unknown"}, BUSY, False),
        ({"callerid": "a1", "outcome": "caixa postal"}, BUSY, False),
        ({"callerid": "71", "state": "delivered"}, DELIVERED, False),
        ({"callerid": "71", "state": "failed"}, DELIVERED, True),
        ({"callerid": "71", "state": "sent"}, DELIVERED, False),
        ({"callerid": "71", "state": "delivered"}, None, True),
        ({"callerid": None, "state": "unknown"}, None, False),
        (None, BUSY, False),
    ],
)
def test_a_result_of_something_else_is_foreign(result: object, effect: Effect | None, foreign: bool) -> None:
    effects = Effects(() if effect is None else (effect,))
    assert judge_effects(a_case(), Report("success", 1, result=result), effects).is_foreign is foreign


@pytest.mark.parametrize(
    "quirk",
    ["campos_json", "campos_pairs", "campos_hidden", "page_2_repeats", "tag_values_upper", "tag_values_cut"],
)
def test_the_witness_knows_the_keys_that_the_statement_has_shown(quirk: str) -> None:
    directcall = Directcall()
    quirks, settings = (quirk, "tag_filter_ignored"), {"tag_characters": 8}
    row = Row(name="row", meaning="", quirks=quirks, settings=settings, statement_seconds=0)
    try:
        directcall.open_account(row, seed=1)
        server, config = directcall.server, directcall.server.sandbox.config
        with Client(Settings(config.client_id, config.client_secret, base_url=server.url)) as client:
            window = [datetime.now(config.zone) + timedelta(days=days) for days in (-1, 1)]
            key = delivery_key(TaskIdentity("dag", "run", "task"), 0)
            before = server.now()
            client.send(methods.send_sms(PERSON, "oi", origin=AGENT, tags={KEY_TAG: key}))
            server.advance(60)
            assert directcall.witness.shown([key]) == {}
            list(client.rows(methods.list_messages(*window, tags={KEY_TAG: key})))
        if quirk == "campos_hidden":
            assert directcall.witness.shown([key]) == {}
        else:
            assert before < directcall.witness.shown([key])[key] <= server.now()
        directcall.open_account(ROW, seed=2)
        assert directcall.witness.shown([key]) == {}
    finally:
        directcall.server.stop()


def test_the_last_error_of_the_last_try_is_read(tmp_path: Path) -> None:
    folder = log_folder(tmp_path, "ours", "run", "sms", 3)
    folder.mkdir(parents=True)
    assert last_error(folder) == []

    def line(*chain: tuple[str, str]) -> str:
        return json.dumps(
            {"event": "x", "error_detail": [{"exc_type": kind, "exc_value": text} for kind, text in chain]}
        )

    (folder / "attempt=11.log.trigger.3.log").write_text(line(("Trigger", "not the task's")))
    (folder / "attempt=2.log").write_text(line(("Old", "of the second try")))
    (folder / "attempt=10.log").write_text(
        "\n".join([line(("First", "a")), "no json", line(("FailNow", "b"), ("Cause", "c")), json.dumps({"event": "x"})])
    )
    assert last_error(folder) == [LoggedError("FailNow", "b"), LoggedError("Cause", "c")]
    (folder / "attempt=11.log").write_text(json.dumps({"event": "killed"}))
    assert last_error(folder) == []


@pytest.mark.parametrize("row", FAULTS, ids=[row.name for row in FAULTS])
def test_each_row_of_faults_makes_cases(row: Row) -> None:
    check_cases(row)


def test_each_row_of_quirks_makes_cases() -> None:
    for row in MATRIX[len(FAULTS) :]:
        check_cases(row)


def check_cases(row: Row) -> None:
    assert row_named(row.name) is row
    ours = cases_of([row], 36, 1, by=OURS)
    assert len({case.name for case in ours}) == 36
    assert {(case.kind, case.way) for case in ours} == {
        (kind, way) for kind, way in product(row.kinds, row.ways) if kind is not Kind.RULE or way is Way.WORKER
    }
    assert {(case.policy, case.number) for case in ours} == set(product(row.policies, row.numbers))
    assert {case.kind for case in cases_of([row], len(row.kinds), 1, by=OURS)} == set(row.kinds)
    json.dumps([arguments_of_ours(case) for case in ours])
    if row.with_baseline:
        theirs = cases_of([row], 20, 1, by=BASELINE, among_ways=ON_WORKER)
        assert len({case.name for case in ours} | {case.name for case in theirs}) == 56
        assert not any(case.way.is_deferrable for case in theirs)
        json.dumps([arguments_of_baseline(case) for case in theirs])


def test_each_row_except_for_one_has_a_fault() -> None:
    def has_fault(row: Row) -> bool:
        around = row.disturbance or row.without_server or row.numbers != ("0001",)
        return bool(row.faults(1) or row.quirks or row.kills or around)

    assert [row.name for row in MATRIX if not has_fault(row)] == ["nothing"]


def test_the_matrix_has_every_quirk_of_the_sandbox() -> None:
    met = {name for row in MATRIX for name in (*row.quirks, *(trouble.kind for trouble in row.troubles))}
    # No send asks for the state of a scheduled call.
    assert QUIRKS.keys() - met == {"retorno_list"}
    assert len(MATRIX) >= 150
    assert {policy for row in MATRIX for policy in row.policies} == set(POLICIES)


def test_rows_side_by_side_have_accounts_of_their_own_and_the_same_disturbance() -> None:
    groups = side_by_side(MATRIX, 6)
    assert sorted(row.name for group in groups for row in group) == sorted(row.name for row in MATRIX)
    assert all(len({row.disturbance for row in group}) == 1 and len(group) <= 6 for group in groups)
    cut_after, cut_before = row_named("cut_after"), row_named("cut_before")
    cases = cases_of([cut_after, cut_before], 12, 1, by=OURS, accounts={"cut_after": 3, "cut_before": 5})
    assert {(case.row.name, case.account) for case in cases} == {("cut_after", 3), ("cut_before", 5)}
    assert len({(case.account, case.name) for case in cases}) == 24
    for kind in Kind:
        indexes = [case.map_index for case in cases if case.kind is kind]
        assert indexes == list(range(len(indexes)))
    assert len({destination_of(case) for case in cases if case.account == 3}) == 12


def test_names_of_rows_are_different() -> None:
    assert len({row.name for row in MATRIX}) == len(MATRIX)

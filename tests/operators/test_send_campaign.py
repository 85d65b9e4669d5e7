from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import exceptions

from airflow_provider_directcall.campaigns.frequency import LEDGER_FOLDER, FrequencyLedger
from airflow_provider_directcall.campaigns.storage import LocalFolder
from airflow_provider_directcall.operators.campaigns import (
    Again,
    DirectcallPlanCampaignOperator,
    DirectcallReportCampaignOperator,
    DirectcallSendCampaignOperator,
    DirectcallTrackCampaignOperator,
)

NOON = datetime.fromisoformat("2026-11-04T12:00:00-03:00")
RESCHEDULED = getattr(exceptions, "AirflowRescheduleException", None)
TEXT = {"text": "Ola {name}", "id_column": "id", "price_brl": "0.09"}


@pytest.fixture
def plan(run, world, variables, tmp_path):
    """Plan contacts, by default two, and return the result of the plan task."""
    world.sandbox.set_time(NOON)

    def planned(*numbers: str, **given: object):
        rows = "".join(
            f"{place};{number};Ana\n" for place, number in enumerate(numbers or ("11990000001", "11990000002"))
        )
        (tmp_path / "contacts.csv").write_text(f"id;phone;name\n{rows}")
        arguments = {**TEXT, "storage": str(tmp_path / "campaigns"), **given}
        task = DirectcallPlanCampaignOperator(task_id="plan", contacts=str(tmp_path / "contacts.csv"), **arguments)
        return run.start(task)

    return planned


def send(planned, number: int = 0, /, **given: object) -> DirectcallSendCampaignOperator:
    arguments = {**TEXT, "plan": planned, "chunk": planned["chunks"][number], **given}
    return DirectcallSendCampaignOperator(task_id="send", **arguments)


def destinations(world) -> list[str]:
    sent = [each for each in world.sandbox.state()["messages"] if each["destination"].startswith("55119900000")]
    return sorted(message["destination"] for message in sent)


def test_each_contact_gets_one_message(run, world, plan, logged):
    planned = plan()
    result = run.start(send(planned))
    assert result == {
        "chunk": "chunks/00000.parquet",
        "states": {"sent": 2},
        "waiting": 0,
        "parts": 2,
        "cost_brl": 0.18,
        "stopped": None,
    }
    assert destinations(world) == ["5511990000001", "5511990000002"]
    shown = logged() + json.dumps(run.ti.xcoms) + json.dumps(result)
    assert run.ti.xcoms["progress"]["sent"] == 2
    assert "990000001" not in shown
    assert "Ana" not in shown


def test_numbers_are_counted_over_campaigns_once_the_storage_has_a_ledger(run, world, plan, tmp_path):
    plan()
    assert not (tmp_path / "campaigns" / LEDGER_FOLDER).exists()
    ledger = FrequencyLedger(LocalFolder(tmp_path / "campaigns"))
    ledger.begin()
    run.start(send(plan("11990000003", "11990000404", "11990000005")))
    (name,) = ledger.names(NOON)
    assert sorted(ledger.rows(name)["number"]) == sorted(ledger.hashes(["5511990000003", "5511990000005"])[0])


def test_progress_is_logged_and_not_each_message(run, plan, logged):
    run.start(send(plan()))
    assert "2 of 2 sent" in logged()
    assert "send_message: HTTP" not in logged()


def test_a_retry_and_a_clear_send_to_nobody_again(run, world, plan):
    planned = plan()
    run.start(send(planned))
    run.retry()
    run.start(send(planned))
    run.clear()
    assert run.start(send(planned))["states"] == {"sent": 2}
    assert destinations(world) == ["5511990000001", "5511990000002"]


def test_it_defers_until_the_window_opens(run, world, plan):
    world.sandbox.set_time(NOON.replace(hour=20))
    planned = plan()
    world.sandbox.set_time(NOON.replace(hour=20))
    task = send(planned)
    assert run.start(task) is None
    trigger = run.deferred.trigger
    assert datetime.fromisoformat(trigger.moment) == NOON.replace(hour=9) + timedelta(days=1)
    assert destinations(world) == []
    world.sandbox.set_time(NOON.replace(hour=9) + timedelta(days=1))
    assert run.resume(task, "execute_complete", {"event": None})["states"] == {"sent": 2}


@pytest.mark.skipif(RESCHEDULED is None, reason="Airflow 3.1 counts no deferred task")
def test_a_task_that_waits_for_a_window_leaves_its_place_to_another_chunk(run, world, plan):
    planned = plan()
    world.sandbox.set_time(NOON.replace(hour=20))
    with pytest.raises(RESCHEDULED) as raised:
        run.start(send(planned, rate=10, max_active_tis_per_dagrun=1))
    assert raised.value.reschedule_date == NOON.replace(hour=9) + timedelta(days=1)
    assert run.ti.xcoms["outcome"]["waiting"] == 2
    # The other chunk keeps the place until the window has closed again.
    world.sandbox.set_time(raised.value.reschedule_date + timedelta(hours=12))
    with pytest.raises(RESCHEDULED) as raised:
        run.start(send(planned, rate=10, max_active_tis_per_dagrun=1))
    assert (raised.value.reschedule_date, destinations(world)) == (NOON.replace(hour=9) + timedelta(days=2), [])
    world.sandbox.set_time(raised.value.reschedule_date)
    assert run.start(send(planned, rate=10, max_active_tis_per_dagrun=1))["states"] == {"sent": 2}
    assert destinations(world) == ["5511990000001", "5511990000002"]


def test_a_task_keeps_its_place_while_its_calls_are_in_progress(run, world, plan):
    planned = plan("11990000001", channel="call", text=None)
    task = send(planned, channel="call", text=None, max_active_tis_per_dagrun=1)
    assert run.start(task) is None
    moment = datetime.fromisoformat(run.deferred.trigger.moment)
    world.sandbox.set_time(moment + timedelta(minutes=5))
    assert run.resume(task, "execute_complete", {"event": None})["states"] == {"sent": 1}


def test_before_airflow_3_2_a_task_that_waits_is_deferred(run, world, plan, monkeypatch):
    planned = plan()
    world.sandbox.set_time(NOON.replace(hour=20))
    monkeypatch.delattr(exceptions, "AirflowRescheduleException", raising=False)
    assert run.start(send(planned, rate=10, max_active_tis_per_dagrun=1)) is None
    assert run.deferred is not None


def test_it_skips_contacts_outside_the_window_by_choice(run, world, plan):
    planned = plan()
    world.sandbox.set_time(NOON.replace(hour=20))
    assert run.start(send(planned, outside_window="skip"))["states"] == {"out_of_window": 2}
    assert destinations(world) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": "Oi {name}"}, "the plan is stale: texts, columns, tags, the window or another argument"),
        ({"window": None}, "the plan is stale"),
        ({"tags": {"a": "1"}}, "the plan is stale"),
    ],
)
def test_a_plan_of_other_arguments_is_stale(run, world, plan, given, says):
    with pytest.raises(AirflowFailException, match=says):
        run.start(send(plan(), **given))
    assert destinations(world) == []


CALL = {"channel": "call", "text": None, "price_brl": None}


@pytest.mark.parametrize("given", [{"tags": {"a": "2"}}, {"number_column": "other"}, {"frequency_cap": {"day": 1}}])
def test_a_plan_of_calls_with_other_arguments_is_stale(run, world, plan, given):
    planned = plan(**CALL, tags={"a": "1"})
    with pytest.raises(AirflowFailException, match="the plan is stale"):
        run.start(send(planned, **CALL, **{"tags": {"a": "1"}, **given}))
    assert world.sandbox.state()["calls"] == []


def test_a_task_that_only_sends_calls_needs_none_of_the_arguments_of_their_plan(run, world, plan):
    planned = plan(**CALL, window="strict")
    run.start(send(planned, **CALL, id_column=None, window=None))
    assert len(world.sandbox.state()["calls"]) == 2


def test_a_plan_of_other_contacts_is_stale(run, world, plan, tmp_path):
    planned = plan()
    (tmp_path / "contacts.csv").write_text("id;phone;name\n9;11990000009;Ana\n")
    with pytest.raises(AirflowFailException, match=r"the plan is stale: contacts.csv has changed"):
        run.start(send(planned))
    assert destinations(world) == []


def test_once_begun_the_plan_alone_decides(run, world, plan, tmp_path):
    planned = plan(chunk_size=1)
    run.start(send(planned))
    (tmp_path / "contacts.csv").write_text("id;phone;name\n9;11990000009;Ana\n")
    assert run.start(send(planned, 1, text="Oi"))["states"] == {"sent": 1}
    assert destinations(world) == ["5511990000001", "5511990000002"]


def test_replies_and_lists_since_the_plan_count(run, world, plan, tmp_path):
    planned = plan("11990000001", "11990000002", "11990000003")
    world.sandbox.receive_message("5511990000001", "27000", "SAIR")
    (tmp_path / "stop.csv").write_text("numero\n11 99000-0002\n")
    result = run.start(send(planned, suppress=str(tmp_path / "stop.csv")))
    assert result["states"] == {"opted_out": 1, "suppressed": 1, "sent": 1}
    assert destinations(world) == ["5511990000003"]


def test_of_the_lists_the_entries_of_the_chunk_alone_are_kept_and_their_reasons_reported(run, plan, logged, tmp_path):
    planned = plan("11990000001", "11990000002", "11990000003")
    entries = ["11990000002;;asked", "11990000003;2026-11-03;", "11990000009;2026-11-03;"]
    others = [f"119{70000000 + place};;" for place in range(30)]
    (tmp_path / "stop.csv").write_text("\n".join(["numero;expires;source", *others, *entries, ""]))
    result = run.start(send(planned, suppress=str(tmp_path / "stop.csv")))
    assert result["states"] == {"suppressed": 1, "sent": 2}
    assert "Suppression: 1 numbers of this chunk; 1 entries have expired." in logged()
    report = run.start(DirectcallReportCampaignOperator(task_id="report", plan=planned))
    rows = pl.read_parquet(report["results"]).drop_nulls("reason")
    assert rows.select("contact", "reason").rows() == [("1", "on suppression list stop.csv (asked)")]
    assert "asked" not in json.dumps(run.ti.xcoms) + logged()


def test_the_budget_is_kept_over_the_chunks(run, world, plan):
    planned = plan(*(f"1199000000{digit}" for digit in range(6)), chunk_size=2, budget_brl="0.30")
    run.start(send(planned, 0, budget_brl="0.30"))
    for chunk in (1, 2):
        with pytest.raises(AirflowFailException, match="the next message would pass budget_brl"):
            run.start(send(planned, chunk, budget_brl="0.30"))
    assert destinations(world) == ["5511990000000", "5511990000001", "5511990000002"]


def test_the_stop_file_and_the_variable_stop_it(run, world, plan, variables):
    planned = plan()
    stop = Path(planned["plan"]).with_name("stop")
    stop.write_text("")
    with pytest.raises(AirflowFailException, match=r"2 contacts had no turn. Clear the task to go on"):
        run.start(send(planned))
    assert run.ti.xcoms["outcome"]["waiting"] == 2
    stop.unlink()
    variables.set("directcall_campaign_stop", "true")
    with pytest.raises(AirflowFailException, match="the Variable directcall_campaign_stop is set"):
        run.start(send(planned))
    variables.set("directcall_campaign_stop", "false")
    run.clear()
    assert run.start(send(planned))["states"] == {"sent": 2}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"plan": None}, "plan: there is none; the plan task has returned nothing"),
        ({"plan": "/tmp/none-of-these/plan.json"}, "plan: there is none in /tmp/none-of-these"),
        ({"plan": "/tmp"}, "plan: the result of a plan task is needed"),
        ({"chunk": "chunks/00009.parquet", "budget_brl": 1}, "chunk: the plan has no 'chunks/00009.parquet'"),
        ({"on_unknown_outcome": "holds"}, "on_unknown_outcome: one of fail, resend, hold is needed"),
        ({"outside_window": "never"}, "outside_window: one of wait, skip is needed"),
        ({"rate": "-1"}, "rate: a number of"),
        ({"wave_size": 0}, "wave_size: 1 or more is needed"),
        ({"budget_brl": 5, "price_brl": None, "text": None}, "budget_brl: without price_brl"),
    ],
)
def test_a_wrong_argument_is_named(run, world, plan, given, says):
    with pytest.raises(AirflowFailException) as raised:
        run.start(send(plan(), **given))
    assert says in str(raised.value)
    assert destinations(world) == []


def test_the_report_counts_each_contact_once(run, world, plan):
    planned = plan("11990000001", "11990000410", "1130000001")
    run.start(send(planned))
    track = DirectcallTrackCampaignOperator(task_id="track", plan=planned, chunk=planned["chunks"][0], poll_interval=60)
    run.start(track)
    # For the page in Airflow: a return value is not kept when a task defers.
    assert run.ti.xcoms["progress"] == {"chunk": planned["chunks"][0], "states": {"sent": 2}, "pending": 2}
    assert run.to_the_end(track)["states"] == {"delivered": 1, "failed": 1}
    result = run.start(DirectcallReportCampaignOperator(task_id="report", plan=planned))
    assert result["states"] == {"delivered": 1, "failed": 1, "rejected": 1}
    assert result["contacts"] == 3
    assert run.ti.xcoms["report"] == result
    assert Path(result["again"]).exists()


def test_the_report_of_a_stopped_campaign_fails_after_it_is_written(run, plan):
    planned = plan()
    with pytest.raises(AirflowFailException, match="2 stopped contacts are in fail_on"):
        run.start(DirectcallReportCampaignOperator(task_id="report", plan=planned))
    assert Path(run.ti.xcoms["report"]["html"]).exists()


# Calls with retries


BUSY, ANSWERED = "11990000486", "11990000001"
CALLS = {"channel": "call", "text": None, "price_brl": None, "window": None}
AGAIN = {"busy": Again(after=10, at_most=2)}


def calls(world) -> list[str]:
    return sorted(call["destination"][-3:] for call in world.sandbox.state()["calls"])


@pytest.mark.parametrize(
    "attempts",
    [
        AGAIN,
        {"busy": {"after": 10, "at_most": 2}},
        '{"busy": {"after": "10", "at_most": 2}}',
        "{'busy': {'after': 10, 'at_most': 2}}",
    ],
)
def test_busy_contacts_are_called_again(run, world, plan, attempts, logged):
    planned = plan(BUSY, ANSWERED, **CALLS)
    result = run.to_the_end(send(planned, **CALLS, attempts=attempts))
    assert result["states"] == {"busy": 1, "answered": 1}
    assert calls(world) == ["001", "486", "486"]
    track = DirectcallTrackCampaignOperator(task_id="track", plan=planned, chunk=planned["chunks"][0])
    assert run.to_the_end(track)["states"] == {"busy": 1, "answered": 1}
    report = run.start(DirectcallReportCampaignOperator(task_id="report", plan=planned))
    assert (report["states"], report["contacts"], report["parts"]) == ({"busy": 1, "answered": 1}, 2, 3)
    shown = logged() + json.dumps(run.ti.xcoms)
    assert "990000486" not in shown


def test_a_retry_and_a_clear_call_nobody_again(run, world, plan):
    planned = plan(BUSY, **CALLS)
    task = send(planned, **CALLS, attempts=AGAIN)
    run.start(task)
    run.retry()
    run.start(task)
    run.clear()
    assert run.to_the_end(task)["states"] == {"busy": 1}
    run.clear()
    assert run.to_the_end(task)["states"] == {"busy": 1}
    assert calls(world) == ["486", "486"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"channel": "sms", "attempts": AGAIN}, "attempts: they are for calls and voice messages"),
        ({"attempts": {"bussy": Again(after=1)}}, "attempts: there is no outcome 'bussy'.*did you mean 'busy'"),
        ({"attempts": {"answered": Again(after=1)}}, "attempts: answered: such contacts were reached"),
        ({"attempts": {"busy": 5}}, "attempts: busy: Again"),
        ({"attempts": "busy"}, "attempts: the text is neither"),
        ({"attempts": [1]}, "attempts: a mapping of outcomes"),
        ({"attempts": {"busy": {"after": 0}}}, "attempts: after: a time above 0"),
        (
            {"channel": "voice_message", "attempts": {"busy": Again(after=1)}},
            "attempts: there is no outcome 'busy'; there are failed",
        ),
    ],
)
def test_wrong_attempts_are_named_before_anything_is_sent(run, world, plan, given, says):
    planned = plan(BUSY, **CALLS)
    with pytest.raises(AirflowFailException, match=says):
        run.start(send(planned, **{**CALLS, **given}))
    assert calls(world) == []


def test_the_further_calls_of_a_chunk_take_no_budget_of_another(run, world, plan):
    given = {**CALLS, "price_brl": "0.10", "budget_brl": "0.80"}
    planned = plan(*(f"{code}990000302" for code in (11, 21, 31, 41)), **given, chunk_size=2)
    attempts = {"voicemail": Again(after=10, at_most=3)}
    for chunk in (0, 1):
        with pytest.raises(AirflowFailException, match="further calls would pass budget_brl"):
            run.to_the_end(send(planned, chunk, **given, attempts=attempts))
    assert len(calls(world)) == 6


def test_what_first_calls_cost_counts_in_the_budget(run, world, plan):
    given = {**CALLS, "price_brl": "0.10", "budget_brl": "2.00"}
    planned = plan("11990000600", "21990000600", **given)
    with pytest.raises(AirflowFailException, match="would pass budget_brl; 1 contacts had no turn"):
        run.to_the_end(send(planned, **given, calls_at_once=1))
    assert len(calls(world)) == 1

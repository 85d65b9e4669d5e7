from __future__ import annotations

import inspect
import json

import pendulum
import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.sdk import DAG, TriggerRule
from airflow.serialization import serialized_objects

from airflow_provider_directcall.operators.campaign_operator import keywords_of
from airflow_provider_directcall.operators.campaigns import (
    DirectcallPlanCampaignOperator,
    DirectcallReportCampaignOperator,
    DirectcallSendCampaignOperator,
    SqlContacts,
)
from airflow_provider_directcall.task_groups.campaigns import (
    Again,
    CampaignChunksOperator,
    CampaignReportOperator,
    DirectcallCampaignTaskGroup,
)

#: Its name before Airflow 3.2.
DagSerialization = getattr(serialized_objects, "DagSerialization", serialized_objects.SerializedDAG)


def made(**given: object) -> DAG:
    with DAG("campaign", start_date=pendulum.datetime(2026, 1, 1), schedule=None) as dag:
        DirectcallCampaignTaskGroup(group_id="reminders", **{"contacts": "/c.csv", "text": "Ola {name}", **given})
    return dag


def test_the_tasks_follow_one_another():
    dag = made(approve_over=100)
    after = {task.task_id.partition(".")[2]: task.downstream_task_ids for task in dag.tasks}
    assert set(after) == {"plan", "approve", "chunks", "send", "track", "report", "done"}
    assert after["plan"] >= {"reminders.approve", "reminders.chunks", "reminders.send"}
    assert "reminders.chunks" in after["approve"]
    assert "reminders.track" in after["send"]
    assert "reminders.report" in after["track"]
    assert after["done"] == set()


@pytest.mark.parametrize(
    ("language", "question", "rejected"), [("en", "Send", "not accepted"), ("pt-BR", "Enviar", "não aceitos")]
)
def test_the_approval_asks_in_the_language_of_the_pages(language, question, rejected):
    approve = made(approve_over=100, language=language).get_task("reminders.approve")
    assert approve.subject.startswith(f"{question} ")
    assert f"| {rejected} | {{{{ task.plan['rejected'] }}}} |" in approve.body
    for approve_over in (100, None):
        with pytest.raises(ValueError, match="language: one of en, pt is needed"):
            made(approve_over=approve_over, language="fr")


def test_a_chunk_is_followed_after_a_failure_and_not_where_nothing_is_sent():
    rules = {task.task_id: TriggerRule(task.trigger_rule) for task in made().tasks}
    assert rules["reminders.track"] == TriggerRule.NONE_SKIPPED


@pytest.mark.parametrize("track", [True, False])
def test_a_failure_that_does_not_fail_the_report_fails_the_run(track):
    tasks = {task.task_id.partition(".")[2]: task for task in made(track=track).tasks}
    watched = {"reminders.send", "reminders.report"} | ({"reminders.track"} if track else set())
    assert tasks["done"].upstream_task_ids == watched
    assert TriggerRule(tasks["done"].trigger_rule) == TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    assert [task.task_id for task in made(track=track).leaves] == ["reminders.done"]


def test_a_plan_without_chunks_is_reported_and_a_dry_run_is_not():
    report = next(task for task in made().tasks if task.task_id == "reminders.report")
    assert TriggerRule(report.trigger_rule) == TriggerRule.ALL_DONE
    assert "reminders.chunks" in report.upstream_task_ids
    skipped = CampaignReportOperator(task_id="report", plan="/none/plan.json", chunks=None)
    with pytest.raises(AirflowSkipException, match="was not to be sent, or its plan failed"):
        skipped.execute({})
    with pytest.raises(AirflowFailException, match=r"plan: there is none in /none"):
        CampaignReportOperator(task_id="report", plan="/none/plan.json", chunks=[]).execute({})


def test_both_pages_are_in_the_language_of_the_group():
    tasks = {task.task_id.partition(".")[2]: task for task in made(language="pt").tasks}
    assert (tasks["plan"].language, tasks["report"].language) == ("pt", "pt")


def test_tasks_that_share_a_rate_are_as_many_as_they_are_told():
    (task,) = (task for task in made(rate=30, chunks_at_once=3).tasks if task.task_id == "reminders.send")
    assert task.partial_kwargs["chunks_at_once"] == task.partial_kwargs["max_active_tis_per_dagrun"] == 3
    (task,) = (task for task in made(rate=30).tasks if task.task_id == "reminders.send")
    assert task.partial_kwargs["max_active_tis_per_dagrun"] == 1


@pytest.mark.parametrize("given", [{"channel": "call"}, {"channel": "{{ params.channel }}"}, {"calls_at_once": 4}])
def test_tasks_that_share_lines_are_one_unless_they_are_told(given):
    (task,) = (task for task in made(**given).tasks if task.task_id == "reminders.send")
    assert task.partial_kwargs["max_active_tis_per_dagrun"] == 1


def test_without_a_limit_chunks_run_on_all_workers():
    (task,) = (task for task in made().tasks if task.task_id == "reminders.send")
    assert task.partial_kwargs.get("max_active_tis_per_dagrun") is None


@pytest.mark.parametrize("contacts", ["/c.csv", ["/a.csv", "/b.csv"], SqlContacts("db", "select 1", parameters=["x"])])
def test_it_is_serialized_as_airflow_stores_it(contacts):
    stored = json.dumps(DagSerialization.to_dict(made(contacts=contacts, approve_over=1)))
    assert "reminders.send" in stored
    assert "parameters" not in stored or "'x'" not in stored


def test_the_operators_show_all_their_arguments():
    shared = {"channel", "text", "window", "budget_brl", "suppress", "directcall_conn_id"}
    for operator, own in {DirectcallPlanCampaignOperator: "contacts", DirectcallSendCampaignOperator: "chunk"}.items():
        assert {*shared, own} <= inspect.signature(operator).parameters.keys()
        assert {*shared, own} <= set(operator.template_fields)


def test_the_group_gives_every_argument_to_the_tasks_that_have_it():
    own = {"group_id", "contacts", "approve_over", "track", "track_timeout", "track_interval", "outlets", "dry_run"}
    asked = set(keywords_of(DirectcallCampaignTaskGroup.__init__)) - own
    given = {name: f"the {name}" for name in asked - {"chunks_at_once", "rate", "on_unknown_outcome"}}
    given["language"] = "pt"
    plan, send, report = (
        next(task for task in made(**given).tasks if task.task_id == f"reminders.{name}")
        for name in ("plan", "send", "report")
    )
    operators = {
        DirectcallPlanCampaignOperator: lambda name: getattr(plan, name),
        DirectcallSendCampaignOperator: lambda name: send.partial_kwargs[name],
        DirectcallReportCampaignOperator: lambda name: getattr(report, name),
    }
    reached = set()
    for operator, value in operators.items():
        of_both = set(keywords_of(operator.__init__)) & set(given)
        assert {name: value(name) for name in of_both} == {name: given[name] for name in of_both}
        reached |= of_both
    assert reached == set(given)


def test_rules_of_further_calls_are_serialized_too():
    dag = made(channel="call", text=None, attempts={"busy": Again(after=10), "no_answer": {"after": 60}})
    assert "busy" in json.dumps(DagSerialization.to_dict(dag))


def test_a_dry_run_has_no_chunks():
    plan = {"chunks": ["chunks/00000.parquet"]}
    assert CampaignChunksOperator(task_id="chunks", plan=plan, dry_run="False").execute({}) == plan["chunks"]
    with pytest.raises(AirflowSkipException, match="dry_run"):
        CampaignChunksOperator(task_id="chunks", plan=plan, dry_run="True").execute({})

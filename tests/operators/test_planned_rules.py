"""Desired rules of the plan and apply operators: arguments, checks, and the plan."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, BaseOperator

from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.rules import Forward

from ..airflow_world.rule_tasks import (
    AFTER,
    BEFORE,
    CALENDAR,
    CHRISTMAS,
    DID,
    FORWARD,
    MOBILE,
    NUMBERS,
    OFFICE,
    ORDINARY,
    RULES,
    VOICEMAIL,
    YAML,
    apply,
    live,
    plan,
    restore,
    writes,
)

pytestmark = pytest.mark.usefixtures("ordinary_day")

# Wrong arguments


@pytest.mark.parametrize("operator", [plan, apply])
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"calendar": CALENDAR, "rules": RULES}, "calendar, rules: one of them"),
        ({"rules": RULES}, "did: "),
        ({"rules": RULES, "did": "99"}, "did: is too short"),
        ({"rules": [], "did": DID}, "a number without rules answers no call"),
        ({"rules": "{}", "did": DID}, "rules: a list"),
        ({"rules": "forward", "did": DID}, "rules: the text is neither JSON"),
        ({"rules": [3], "did": DID}, r"rules\[0\].a mapping or a rule is needed, not int"),
        ({"rules": RULES, "did": DID, "emergency": {"chain": []}}, "emergency: goes with a calendar"),
        ({"calendar": CALENDAR, "did": DID}, "did: goes with rules only"),
        ({"calendar": CALENDAR, "at": "2026-11-23T09:00"}, "at: a time zone is needed"),
        ({"calendar": CALENDAR, "at": "soon"}, "at: an ISO 8601 time"),
        ({"calendar": CALENDAR, "horizon_days": 8}, "horizon_days: 1 to 7"),
        ({"calendar": CALENDAR, "horizon_days": None}, "horizon_days: a number of days"),
        ({"calendar": CALENDAR, "emergency": "now!"}, "emergency: the text is neither JSON"),
        ({"calendar": CALENDAR, "emergency": {"until": "x"}}, r"emergency.chain: is missing"),
        ({"calendar": "hotline.yaml"}, "hotline.yaml is a relative path, and the task has no DAG"),
        ({"calendar": "/nowhere/hotline.yaml"}, "calendar: /nowhere/hotline.yaml cannot be read: No such file"),
        ({"calendar": ["x"]}, "calendar: a mapping is needed"),
        ({"calendar": "{"}, "is no JSON"),
    ],
)
def test_a_wrong_argument_fails_for_good_before_any_request(run, world, operator, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(operator(**arguments))
    assert not {"did/route", "did/save"} & world.requests.keys()


@pytest.mark.parametrize("arguments", [{"on_drift": "shrug"}, {"expected_digest": "{{ None }}"}])
def test_a_wrong_argument_of_applying_writes_nothing(run, world, arguments):
    with pytest.raises(AirflowFailException, match=next(iter(arguments))):
        run.start(apply(**arguments))
    assert writes(world) == 0


def test_all_problems_of_a_calendar_are_reported_at_once_and_no_number(run, tmp_path):
    path = tmp_path / "hotline.yaml"
    path.write_text(YAML.replace("08:00", "25:00").replace(OFFICE, "99") + f"owner: {MOBILE}\n")
    with pytest.raises(AirflowFailException) as caught:
        run.start(plan(calendar=str(path)))
    message = str(caught.value)
    assert all(place in message for place in ("open[0].to", "hours[0].start", "owner: is not known"))
    assert MOBILE not in message


def test_all_problems_of_rules_are_reported_at_once(run):
    with pytest.raises(AirflowFailException) as caught:
        run.start(plan(did="9", rules=[{**FORWARD, "to": "99"}, {**VOICEMAIL, "priority": "last"}]))
    assert all(place in str(caught.value) for place in ("did: ", "rules[0].to", "rules[1].priority"))


def test_a_moment_whose_rules_have_run_out_is_planned_and_not_applied(run, world):
    arguments = {"calendar": CALENDAR, "at": "2026-11-15T23:00:00-03:00"}
    assert run.start(plan(**arguments))["has_changes"]
    with pytest.raises(AirflowFailException, match="were valid until 2026-11-22"):
        run.start(apply(**arguments))
    assert live(world) == BEFORE
    arguments["at"] = "2026-11-17T00:00:00-03:00"
    assert run.start(apply(**arguments))["changed"]


def test_a_future_moment_is_planned_and_not_applied(run, world):
    arguments = {"calendar": CALENDAR, "at": CHRISTMAS}
    assert run.start(plan(**arguments))["has_changes"]
    with pytest.raises(AirflowFailException, match=r"made for 2026-12-24 would hold from now on.*PlanNumberRules"):
        run.start(apply(**arguments))
    assert (live(world), world.requests["did/save"]) == (BEFORE, 0)
    with pytest.raises(AirflowFailException, match="made for 2026-11-24"):
        run.start(apply(calendar=CALENDAR, at="2026-11-24T00:00:00-03:00"))
    assert run.start(apply(calendar=CALENDAR, at="2026-11-23T23:59:00-03:00"))["warnings"] == []


@pytest.mark.parametrize(("task", "action"), [(plan, "planned"), (apply, "applied")])
def test_the_week_of_a_calendar_is_an_xcom_without_numbers(run, task, action):
    run.start(task(calendar=CALENDAR))
    week = run.ti.xcoms["week"]
    assert (week["did"], week["action"], week["first_day"]) == ("11*****0001", action, "2026-11-23")
    states = [answer["state"] for answer in week["answers"]]
    opening, closed = states.index("open"), states.index("closed")
    assert week["week"][0] == [["00:00", "08:00", closed], ["08:00", "18:00", opening], ["18:00", "24:00", closed]]
    assert week["week"][6] == [["00:00", "24:00", closed]]
    (forward,) = (answer["steps"][0] for answer in week["answers"] if answer["state"] == "open")
    assert forward == {"action": "fwd", "target": "5511*****0031", "seconds": 20}
    (christmas,) = (each for each in week["exceptions"] if each[0] == "2026-12-25T00:00")
    assert christmas[1] == "2026-12-26T00:00"
    assert week["answers"][christmas[2]]["state"] == "holiday"
    assert not [number for number in (*NUMBERS, "plantao@") if number in json.dumps(week)]


def test_an_emergency_without_an_end_is_one_exception(run):
    run.start(plan(calendar=CALENDAR, emergency={"chain": [{"action": "hangup"}], "reason": "flood, call 11990000032"}))
    week = run.ti.xcoms["week"]
    ((begins, ends, answer, reason),) = week["exceptions"]
    assert (begins, ends) == ("2026-11-23T00:00", "2027-11-24T00:00")
    assert week["answers"][answer] == {"state": "emergency", "steps": [{"action": "hangup", "ends": True}]}
    assert reason.startswith("emergency: flood, call ")
    assert MOBILE[2:] not in reason


def test_a_list_of_rules_has_no_week(run):
    run.start(plan(rules=RULES, did=DID))
    assert "week" not in run.ti.xcoms


@pytest.mark.parametrize("allow_future", [True, "{{ 'true' }}"])
def test_a_future_moment_is_applied_with_allow_future_and_a_warning(run, allow_future):
    (warning,) = run.start(apply(calendar=CALENDAR, at=CHRISTMAS, allow_future=allow_future))["warnings"]
    assert "2026-12-24 and later" in warning


# Checks


ROUND = {**CALENDAR, "open": [{"action": "forward", "to": f"55{DID}"}]}
WRONG = [
    ({"calendar": ROUND}, "loop"),
    ({"calendar": CALENDAR, "emergency": {"chain": ROUND["open"]}}, "loop"),
    ({"rules": [{**FORWARD, "to": f"55{DID}"}, VOICEMAIL], "did": DID}, "loop"),
    ({"rules": [{**VOICEMAIL, "weekdays": "1-5"}], "did": DID}, "gap"),
]


@pytest.mark.parametrize(("arguments", "code"), WRONG)
def test_rules_with_errors_are_planned_and_not_applied(run, world, logged, arguments, code):
    planned = run.start(plan(**arguments))
    (error,) = [each for each in planned["findings"] if each["severity"] == "error"]
    assert error["code"] == code
    assert f"[{code}]" in planned["text"]
    assert f"[{code}]" in logged()
    with pytest.raises(AirflowFailException, match=rf"the rules have errors.*\[{code}\]"):
        run.start(apply(**arguments))
    assert (live(world), "snapshot" in run.ti.xcoms) == (BEFORE, False)
    result = run.start(apply(**arguments, skip_checks=True))
    shown = json.dumps([planned, result]) + logged()
    assert f"[{code}]" in shown
    assert (result["changed"], error in result["findings"]) == (True, True)
    assert not [number for number in NUMBERS if number[2:] in shown]


def test_a_warning_is_logged_and_does_no_harm(run, world, logged):
    result = run.start(apply(rules=[FORWARD], did=DID))
    assert [each["code"] for each in result["findings"]] == ["rings_out"]
    assert "[rings_out]" in logged()
    assert live(world) == AFTER[:1]
    assert run.start(apply())["findings"] == []


# Planning


def test_a_plan_lists_the_changes_and_writes_nothing(run, world, logged):
    result = run.start(plan(rules=RULES, did=DID))
    assert result["has_changes"] is True
    assert result["did"] == "11*****0001"
    assert (result["writes"], result["summary"]) == (2, "1 to create, 1 to change, 0 to move, 0 to remove")
    log = logged()
    assert result["text"] in log
    assert len(result["digest"]) == 64
    shown = json.dumps(result) + log
    assert not [number for number in NUMBERS if number[2:] in shown]
    assert writes(world) == 0
    assert not world.variables.kept


def test_a_plan_shows_numbers_when_asked_but_not_in_the_log(run, logged):
    result = run.start(plan(rules=RULES, did=DID, include_numbers=True))
    assert OFFICE in result["text"]
    assert OFFICE in result["markdown"]
    shown = re.findall(r"^`(.*)`  $", result["markdown"], re.MULTILINE)
    assert shown == [line.strip() for line in result["text"].splitlines() if line]
    assert DID in result["did"]
    assert OFFICE not in logged()


def test_a_plan_of_the_live_rules_has_no_changes(run):
    run.start(apply(calendar=CALENDAR))
    result = run.start(plan(calendar=CALENDAR))
    assert (result["has_changes"], result["changes"]) == (False, [])


@pytest.mark.parametrize("operator", [plan, apply, restore])
def test_every_template_field_is_an_attribute(operator):
    made = operator(snapshot="x") if operator is restore else operator(calendar=CALENDAR)
    arguments = set(type(made).template_fields)
    assert arguments <= vars(made).keys()
    assert isinstance(made, BaseOperator)
    with pytest.raises(Exception, match=r"keyword|positional"):
        type(made)("task")


@pytest.mark.parametrize(
    "calendar",
    [
        CALENDAR,
        json.dumps(CALENDAR),
        YAML,
        RoutingCalendar(
            DID,
            open=[Forward(to=OFFICE, wait_seconds=20, priority=1)],
            closed=CALENDAR["closed"],
            hours=CALENDAR["hours"],
        ),
    ],
    ids=["mapping", "json", "yaml", "object"],
)
def test_every_form_of_a_calendar_gives_the_same_rules(run, world, calendar):
    run.start(apply(calendar=calendar, at=ORDINARY))
    assert live(world) == [(10_000, "fwd", OFFICE), (10_001, "hangup", None), (30_000, "voicemail", AFTER[1][2])]


@pytest.mark.parametrize("name", ["hotline.yaml", "calendars/hotline.json"])
def test_a_relative_path_begins_beside_the_dag_file(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir("/")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(CALENDAR) if path.suffix == ".json" else YAML)
    with DAG("routing", schedule=None) as dag:
        task = plan(calendar="{{ 'X' if 0 else '" + name + "' }}")
    dag.fileloc = str(tmp_path / "routing.py")
    assert run.start(task)["has_changes"]
    path.unlink()
    with pytest.raises(AirflowFailException, match=f"{path} cannot be read"):
        run.start(task)


@pytest.mark.parametrize(
    "rules", [json.dumps(RULES), str(RULES), [Forward(to=OFFICE, wait_seconds=20, priority=1), VOICEMAIL]]
)
def test_every_form_of_rules_is_taken(run, world, rules):
    run.start(apply(did="{{ '" + DID + "' }}", rules=rules))
    assert live(world) == AFTER


def test_values_of_rules_can_be_templates(run, world):
    rule = {name: "{{ '" + str(value) + "' }}" for name, value in FORWARD.items()}
    run.start(apply(did=DID, rules=[{**rule, "weekdays": "{{ '' }}"}, VOICEMAIL]))
    assert live(world) == AFTER


@pytest.mark.parametrize("emergency", ["", "None", None, "{}", {}])
def test_no_emergency(run, world, emergency):
    run.start(apply(calendar=CALENDAR, emergency=emergency))
    assert live(world)[0][0] == 10_000


@pytest.mark.parametrize("form", [dict, json.dumps, str])
def test_an_emergency_goes_before_the_calendars_own(run, world, form):
    own = {"chain": [{"action": "hangup"}], "reason": "of the file"}
    given = form({"chain": [{"action": "forward", "to": MOBILE}], "reason": "flood"})
    run.start(apply(calendar={**CALENDAR, "emergency": own}, emergency=given))
    assert live(world)[0] == (100, "fwd", MOBILE)


def test_an_emergency_with_an_end_is_gone_after_it(run, world):
    given = {"chain": [{"action": "forward", "to": MOBILE}], "until": "2026-11-23T12:00-03:00"}
    run.start(apply(calendar=CALENDAR, emergency=given))

    def answers(at):
        call = world.sandbox.receive_call(DID, "5541990000099", at=datetime.fromisoformat(at), keep=False)
        return call["phone"]

    assert answers("2026-11-23T11:59:00-03:00") == MOBILE
    assert answers("2026-11-23T12:00:00-03:00") == OFFICE

"""Planning, applying and restoring all rules of a number as tasks."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout
from airflow.sdk import DAG, BaseOperator

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallNotSent, DirectcallUnavailable
from airflow_provider_directcall.operators.number_rules import (
    DirectcallApplyNumberRulesOperator,
    DirectcallPlanNumberRulesOperator,
    DirectcallRestoreNumberRulesOperator,
)
from airflow_provider_directcall.routing.calendars.calendar import RoutingCalendar
from airflow_provider_directcall.routing.errors import DirectcallApplyError, DirectcallSnapshotError
from airflow_provider_directcall.routing.rules import Forward
from airflow_provider_directcall.sandbox import Fault

from .variables import variables  # noqa: F401 - a fixture
from .world import Killed, Run

DID = "1130000001"
OFFICE, MOBILE, OTHERS = "5511990000031", "5511990000032", "5511990000033"
FIRST = {"phone": "5511990000010", "wait": 12}
NUMBERS = (OFFICE, MOBILE, OTHERS, FIRST["phone"], DID)
CALENDAR = {
    "did": DID,
    "open": [{"action": "forward", "to": OFFICE, "wait_seconds": 20}],
    "closed": [{"action": "voicemail", "email": "plantao@example.com"}],
    "hours": [{"weekdays": "1-5", "start": "08:00", "end": "18:00"}],
    "holidays": {"state": "SP"},
}
YAML = f"""
did: "{DID}"
open:
  - {{action: forward, to: "{OFFICE}", wait_seconds: 20}}
closed:
  - {{action: voicemail, email: plantao@example.com}}
hours:
  - {{weekdays: "1-5", start: "08:00", end: "18:00"}}
"""
#: A Monday without a holiday in the seven days from it on, and Christmas Eve.
ORDINARY, CHRISTMAS = "2026-11-23T09:00:00-03:00", "2026-12-24T09:00:00-03:00"
FORWARD = {"action": "forward", "to": OFFICE, "wait_seconds": 20, "priority": 1}
VOICEMAIL = {"action": "voicemail", "email": "plantao@example.com", "priority": 2}
RULES = [FORWARD, VOICEMAIL]


@pytest.fixture(autouse=True)
def _world(world, variables):  # noqa: F811 - the fixture of that name
    world.sandbox.set_time(datetime.fromisoformat(ORDINARY))
    world.variables = variables


def plan(**arguments):
    return DirectcallPlanNumberRulesOperator(task_id="task", **arguments)


def apply(**arguments):
    if not {"rules", "calendar"} & arguments.keys():
        arguments = {"rules": RULES, "did": DID, **arguments}
    return DirectcallApplyNumberRulesOperator(task_id="task", **arguments)


def restore(**arguments):
    return DirectcallRestoreNumberRulesOperator(task_id="task", **(arguments or {"snapshot_task_id": "task"}))


def live(world):
    return sorted(
        (int(rule["priority"]), rule["action"], rule["data"].get("phone") or rule["data"].get("email") or None)
        for rule in world.sandbox.state()["rules"][DID]
    )


BEFORE = [(1, "fwd", FIRST["phone"])]
AFTER = [(1, "fwd", OFFICE), (2, "voicemail", "plantao@example.com")]


def writes(world):
    return world.requests["did/save"] + world.requests["did/remove"]


def somebody_writes(world, **fields):
    world.sandbox.write_rule(did=DID, **fields)


@pytest.fixture
def logged(capfd, caplog):
    """All that a task's log has."""
    return lambda: "".join(capfd.readouterr()) + caplog.text


def rule_ids(world):
    return [rule["dpId"] for rule in world.sandbox.state()["rules"][DID]]


def next_run(world, *, remembers=True):
    """The next day's run of the same task."""
    world.sandbox.advance(86_400)
    return Run(world, remembers=remembers)


# Wrong arguments


@pytest.mark.parametrize("operator", [plan, apply])
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"calendar": CALENDAR, "rules": RULES}, "calendar, rules: one of them"),
        ({"rules": RULES}, "did: "),
        ({"rules": RULES, "did": "99"}, "did: is too short"),
        ({"rules": [], "did": DID}, "a number without rules answers nobody"),
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
def test_a_wrong_argument_fails_for_good_before_anything_is_asked(run, world, operator, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(operator(**arguments))
    assert not {"did/route", "did/save"} & world.requests.keys()


@pytest.mark.parametrize("arguments", [{"on_drift": "shrug"}, {"expected_digest": "{{ None }}"}])
def test_a_wrong_argument_of_applying_writes_nothing(run, world, arguments):
    with pytest.raises(AirflowFailException, match=next(iter(arguments))):
        run.start(apply(**arguments))
    assert writes(world) == 0


def test_all_problems_of_a_calendar_are_told_at_once_and_no_number(run, tmp_path):
    path = tmp_path / "hotline.yaml"
    path.write_text(YAML.replace("08:00", "25:00").replace(OFFICE, "99") + f"owner: {MOBILE}\n")
    with pytest.raises(AirflowFailException) as caught:
        run.start(plan(calendar=str(path)))
    told = str(caught.value)
    assert all(place in told for place in ("open[0].to", "hours[0].start", "owner: is not known"))
    assert MOBILE not in told


def test_all_problems_of_rules_are_told_at_once(run):
    with pytest.raises(AirflowFailException) as caught:
        run.start(plan(did="9", rules=[{**FORWARD, "to": "99"}, {**VOICEMAIL, "priority": "last"}]))
    assert all(place in str(caught.value) for place in ("did: ", "rules[0].to", "rules[1].priority"))


def test_a_moment_whose_rules_have_run_out_is_refused_by_apply_and_shown_by_plan(run, world):
    arguments = {"calendar": CALENDAR, "at": "2026-11-15T23:00:00-03:00"}
    assert run.start(plan(**arguments))["has_changes"]
    with pytest.raises(AirflowFailException, match="were right until 2026-11-22"):
        run.start(apply(**arguments))
    assert live(world) == BEFORE
    arguments["at"] = "2026-11-17T00:00:00-03:00"
    assert run.start(apply(**arguments))["changed"]


def test_a_moment_to_come_is_planned_and_not_applied(run, world):
    arguments = {"calendar": CALENDAR, "at": CHRISTMAS}
    assert run.start(plan(**arguments))["has_changes"]
    with pytest.raises(AirflowFailException, match=r"made for 2026-12-24 would hold from now on.*PlanNumberRules"):
        run.start(apply(**arguments))
    assert (live(world), world.requests["did/save"]) == (BEFORE, 0)
    with pytest.raises(AirflowFailException, match="made for 2026-11-24"):
        run.start(apply(calendar=CALENDAR, at="2026-11-24T00:00:00-03:00"))
    assert run.start(apply(calendar=CALENDAR, at="2026-11-23T23:59:00-03:00"))["warnings"] == []


@pytest.mark.parametrize("allow_future", [True, "{{ 'true' }}"])
def test_a_moment_to_come_is_applied_where_that_is_wanted_and_is_a_warning(run, allow_future):
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
def test_what_cannot_be_meant_is_shown_by_plan_and_refused_by_apply(run, world, logged, arguments, code):
    planned = run.start(plan(**arguments))
    (error,) = [each for each in planned["findings"] if each["severity"] == "error"]
    assert error["code"] == code
    assert f"[{code}]" in planned["text"]
    assert f"[{code}]" in logged()
    with pytest.raises(AirflowFailException, match=rf"cannot be meant.*\[{code}\]"):
        run.start(apply(**arguments))
    assert (live(world), "snapshot" in run.ti.xcoms) == (BEFORE, False)
    result = run.start(apply(**arguments, skip_checks=True))
    told = json.dumps([planned, result]) + logged()
    assert f"[{code}]" in told
    assert (result["changed"], error in result["findings"]) == (True, True)
    assert not [number for number in NUMBERS if number[2:] in told]


def test_a_warning_is_logged_and_does_no_harm(run, world, logged):
    result = run.start(apply(rules=[FORWARD], did=DID))
    assert [each["code"] for each in result["findings"]] == ["rings_out"]
    assert "[rings_out]" in logged()
    assert live(world) == AFTER[:1]
    assert run.start(apply())["findings"] == []


# Planning


def test_a_plan_says_what_would_change_and_writes_nothing(run, world, logged):
    result = run.start(plan(rules=RULES, did=DID))
    assert result["has_changes"] is True
    assert result["did"] == "11*****0001"
    assert (result["writes"], result["summary"]) == (2, "1 to create, 1 to change, 0 to move, 0 to remove")
    log = logged()
    assert result["text"] in log
    assert len(result["digest"]) == 64
    told = json.dumps(result) + log
    assert not [number for number in NUMBERS if number[2:] in told]
    assert writes(world) == 0
    assert not world.variables.kept


def test_a_plan_shows_numbers_when_asked_but_not_in_the_log(run, logged):
    result = run.start(plan(rules=RULES, did=DID, include_numbers=True))
    assert OFFICE in result["text"]
    assert DID in result["did"]
    assert OFFICE not in logged()


def test_a_plan_of_what_stands_has_no_changes(run):
    run.start(apply(calendar=CALENDAR))
    result = run.start(plan(calendar=CALENDAR))
    assert (result["has_changes"], result["changes"]) == (False, [])


@pytest.mark.parametrize("operator", [plan, apply, restore])
def test_nothing_heavy_is_kept_by_the_constructor_and_all_is_templated(operator):
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


# What goes wrong in applying


def test_a_dead_network_is_left_to_retries(run, connect, dead_port):
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(apply())
    assert "snapshot" not in run.ti.xcoms


def test_a_wrong_secret_is_left_to_retries_and_not_shown(run, connect, logged):
    connect(password="not the secret")
    with pytest.raises(DirectcallAuthError) as caught:
        run.start(apply())
    assert "not the secret" not in str(caught.value) + logged()


def test_an_unknown_number_fails_for_good(run):
    with pytest.raises(AirflowFailException, match="refused with code 010"):
        run.start(apply(did="1130000009"))


@pytest.mark.parametrize("after", [0, 1])
def test_a_refused_write_puts_the_previous_rules_back_and_fails_for_good(run, world, logged, after):
    rules = (
        [FORWARD, {"action": "sound", "sound_id": 4711, "priority": 2}]
        if after
        else [{"action": "sound", "sound_id": 4711, "priority": 1}]
    )
    with pytest.raises(AirflowFailException, match=r"state: previous") as caught:
        run.start(apply(rules=rules, did=DID))
    assert isinstance(caught.value.__cause__, DirectcallApplyError)
    assert live(world) == BEFORE
    log = logged()
    assert "State of the rules: previous. A retry would not help." in log
    assert not [number for number in NUMBERS if number[2:] in str(caught.value) + log]


def test_rules_that_cannot_be_put_back_are_left_to_a_retry_which_makes_them_stand(run, world, logged):
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", after=1))
    with pytest.raises(DirectcallApplyError, match="state: mixed"):
        run.start(apply(retries=1))
    assert "A retry begins with what stands." in logged()
    world.sandbox.clear_faults()
    snapshot = run.ti.xcoms["snapshot"]
    run.retry()
    result = run.start(apply(retries=1))
    assert (result["state"], live(world)) == ("desired", AFTER)
    assert result["drift"] == {"known": True, "unexpected": [], "missing": [], "done": None}
    assert run.ti.xcoms["snapshot"] == snapshot


@pytest.mark.parametrize("kind", ["cut_after", "html_502_after"])
def test_a_write_of_unknown_outcome_is_found_by_reading(run, world, kind):
    world.sandbox.inject(Fault(kind=kind, endpoint="did/save", times=1))
    assert run.start(apply())["writes"] == 2
    assert (live(world), writes(world)) == (AFTER, 2)


def test_rules_that_cannot_be_read_are_left_to_retries(run, world):
    world.sandbox.inject(Fault(kind="html_502_before", endpoint="did/route"))
    with pytest.raises(DirectcallUnavailable):
        run.start(apply())
    assert writes(world) == 0


def test_a_timeout_in_the_middle_puts_nothing_back(run, world):
    def ends_here():
        raise AirflowTaskTimeout

    world.sandbox.inject(Fault(kind="cut_before", endpoint="did/save", times=1, after=1))
    world.while_waiting = ends_here
    with pytest.raises(AirflowTaskTimeout):
        run.start(apply())
    assert writes(world) == 2
    assert len(live(world)) in {1, 2}


def test_a_snapshot_that_cannot_be_kept_stops_everything(run, world, tmp_path):
    with pytest.raises(DirectcallSnapshotError, match="could not be written"):
        run.start(apply(snapshot_path=tmp_path / "missing" / "snapshot.json"))
    assert writes(world) == 0


# What applying does


def test_applying_tells_what_was_done_and_the_next_run_writes_nothing(run, world, logged):
    result = run.start(apply())
    digest = result.pop("digest_before")
    assert result == {
        "did": "11*****0001",
        "state": "desired",
        "changed": True,
        "writes": 2,
        "summary": "1 to create, 1 to change, 0 to move, 0 to remove",
        "drift": {"known": False, "unexpected": [], "missing": [], "done": None},
        "snapshot_path": None,
        "findings": [],
        "warnings": [],
    }
    assert (live(world), writes(world)) == (AFTER, 2)
    again = next_run(world).start(apply())
    assert (again["changed"], again["writes"], writes(world)) == (False, 0, 2)
    assert again["drift"]["known"]
    assert again["digest_before"] != digest
    told = json.dumps([result, world.variables.history]) + logged()
    assert not [number for number in NUMBERS if number[2:] in told]


def test_the_snapshot_is_an_xcom_before_the_first_write_and_also_without_one(run, world):
    with pytest.raises(Killed):
        run.start(apply(), dies="before did/save")
    sealed = run.ti.xcoms["snapshot"]
    assert not [number for number in NUMBERS if number[2:] in sealed]
    other = next_run(world)
    run.retry()
    run.start(apply(retries=1))
    other.start(apply())
    assert other.ti.xcoms["snapshot"] not in {None, sealed}


@pytest.mark.parametrize("point", ["after did/save", "after write 1"])
def test_a_retry_keeps_the_first_snapshot(run, world, point):
    with pytest.raises(Killed):
        run.start(apply(retries=2), dies=point)
    for _ in range(2):
        run.retry()
        run.start(apply(retries=2))
    assert live(world) == AFTER
    assert run.start(restore())["changed"]
    assert live(world) == BEFORE


@pytest.mark.parametrize("kind", ["error_500_before", "cut_before"])
@pytest.mark.parametrize("with_file", [True, False])
def test_a_try_of_which_nothing_stands_leaves_no_snapshot_to_the_next_one(run, world, tmp_path, kind, with_file):
    arguments = {"retries": 1, **({"snapshot_path": tmp_path / "snapshot.json"} if with_file else {})}
    world.sandbox.inject(Fault(kind=kind, endpoint="did/save", times=1))
    with pytest.raises(DirectcallApplyError, match="state: previous"):
        run.start(apply(**arguments))
    assert not list(tmp_path.iterdir())
    somebody_writes(world, priority="7", action="hangup")
    changed = live(world)
    run.retry()
    run.start(apply(**arguments))
    assert live(world) == AFTER
    run.start(restore())
    assert live(world) == changed


def test_a_retry_that_fails_does_not_lose_the_first_snapshot(run, world):
    with pytest.raises(Killed):
        run.start(apply(retries=2), dies="after did/save")
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save", times=1))
    run.retry()
    with pytest.raises(DirectcallApplyError, match="state: previous"):
        run.start(apply(retries=2))
    run.retry()
    run.start(apply(retries=2))
    run.start(restore())
    assert live(world) == BEFORE


def test_a_run_that_changes_nothing_leaves_the_file_of_an_earlier_one(run, world, tmp_path):
    path = tmp_path / "snapshot.json"
    run.start(apply(snapshot_path=path))
    kept = path.read_bytes()
    assert next_run(world).start(apply(snapshot_path=path))["snapshot_path"] is None
    assert path.read_bytes() == kept
    run.start(restore(snapshot_path=path))
    assert live(world) == BEFORE


def test_a_retry_that_cannot_even_read_has_the_first_snapshot_too(run, world, connect, dead_port):
    with pytest.raises(Killed):
        run.start(apply(retries=2), dies="after did/save")
    first = run.ti.xcoms["snapshot"]
    run.retry()
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent):
        run.start(apply(retries=2))
    assert run.ti.xcoms["snapshot"] == first


def test_a_clear_takes_a_new_snapshot(run, world):
    run.start(apply())
    run.clear()
    run.start(apply())
    assert not run.start(restore())["changed"]
    assert live(world) == AFTER


def test_another_number_than_before_takes_a_new_snapshot(run, world):
    with pytest.raises(Killed):
        run.start(apply(retries=1), dies="after did/save")
    run.retry()
    run.start(apply(did="1130000002", retries=1))
    result = run.start(restore(snapshot_task_id="task", include_numbers=True))
    assert result["did"] == "1130000002"


def test_without_a_store_a_retry_takes_the_half_way_state(forgetful_run, world):
    with pytest.raises(Killed):
        forgetful_run.start(apply(retries=1), dies="after did/save")
    forgetful_run.retry()
    forgetful_run.start(apply(retries=1))
    forgetful_run.start(restore())
    assert live(world) not in (BEFORE, AFTER)


def test_without_a_store_the_file_of_this_run_keeps_the_first_snapshot(forgetful_run, world, tmp_path):
    path = tmp_path / "snapshot.json"
    run = forgetful_run
    with pytest.raises(Killed):
        run.start(apply(retries=1, snapshot_path=str(path)), dies="after did/save")
    at = world.now().timestamp() + 1
    os.utime(path, (at, at))
    run.retry()
    result = run.start(apply(retries=1, snapshot_path=str(path)))
    assert result["snapshot_path"] == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    run.start(restore())
    assert live(world) == BEFORE


def test_without_a_store_the_file_of_an_older_run_is_not_taken(forgetful_run, world, tmp_path):
    path = tmp_path / "snapshot.json"
    run = forgetful_run
    run.start(apply(snapshot_path=path))
    old = (world.now() - timedelta(hours=1)).timestamp()
    os.utime(path, (old, old))
    run.retry()
    run.start(apply(snapshot_path=path, retries=1))
    assert not run.start(restore())["changed"]
    path.unlink()
    run.retry()
    run.start(apply(snapshot_path=path, retries=2))
    assert not run.start(restore())["changed"]


def test_a_snapshot_that_is_too_large_for_the_store_is_an_xcom_all_the_same(run, world, monkeypatch, logged):
    monkeypatch.setattr("airflow_provider_directcall.tasks.snapshot_keeping._LARGEST_KEPT", 10)
    run.start(apply())
    assert "too large for the task's state store" in logged()
    assert run.store.kept == {}
    assert run.start(restore())["changed"]
    assert live(world) == BEFORE


# Approving


def test_an_approved_plan_is_applied(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    assert run.start(apply(expected_digest=f"{{{{ '{digest}' }}}}"))["changed"]
    assert live(world) == AFTER


@pytest.mark.parametrize("what", ["the live rules", "the wanted rules"])
def test_what_nobody_approved_is_refused_for_good(run, world, what):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    wanted = RULES
    if what == "the live rules":
        somebody_writes(world, priority="7", action="hangup")
    else:
        wanted = [{**FORWARD, "to": MOBILE}, VOICEMAIL]
    before = live(world)
    with pytest.raises(AirflowFailException, match="not the one that was approved"):
        run.start(apply(rules=wanted, did=DID, expected_digest=digest))
    assert (live(world), writes(world)) == (before, 0)


def test_a_retry_finishes_what_was_approved(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(Killed):
        run.start(apply(expected_digest=digest, retries=1), dies="after did/save")
    run.retry()
    run.start(apply(expected_digest=digest, retries=1))
    assert live(world) == AFTER


def test_a_retry_does_not_finish_what_somebody_else_has_changed_since(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(Killed):
        run.start(apply(expected_digest=digest, retries=1), dies="after did/save")
    somebody_writes(world, priority="7", action="hangup")
    run.retry()
    with pytest.raises(AirflowFailException, match="not the one that was approved"):
        run.start(apply(expected_digest=digest, retries=1))


@pytest.mark.parametrize("remembers", [True, False])
def test_a_retry_finishes_nothing_where_it_is_not_known_who_has_changed_what(world, remembers):
    run = Run(world, remembers=remembers)
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(Killed):
        run.start(apply(expected_digest=digest, retries=1), dies="after did/save")
    somebody_writes(world, priority="7", action="hangup")
    world.variables.kept.clear()
    before = live(world)
    run.retry()
    with pytest.raises(AirflowFailException, match="not the one that was approved"):
        run.start(apply(expected_digest=digest, retries=1))
    assert live(world) == before


# Drift


def test_what_somebody_else_changed_is_overwritten_and_told(run, world, logged):
    run.start(apply())
    somebody_writes(
        world, dpId=rule_ids(world)[0], priority="1", action="fwd", **{"data[phone]": OTHERS, "data[wait]": "9"}
    )
    result = next_run(world).start(apply())
    assert result["drift"] == {
        "known": True,
        "unexpected": ["rule 18000: fwd, priority 1"],
        "missing": ["rule 18000: fwd, priority 1"],
        "done": "overwrite",
    }
    assert live(world) == AFTER
    assert "somebody else has changed the rules of number 11*****0001" in logged()
    assert not next_run(world).start(apply())["drift"]["unexpected"]


def test_what_somebody_else_changed_is_kept_for_as_long_as_that_is_wanted(run, world):
    run.start(apply())
    forward, voicemail = rule_ids(world)
    somebody_writes(world, dpId=forward, priority="1", action="fwd", **{"data[phone]": OTHERS, "data[wait]": "9"})
    somebody_writes(world, remove=voicemail)
    for _ in range(2):
        result = next_run(world).start(apply(on_drift="keep"))
        assert (result["changed"], live(world)) == (False, [(1, "fwd", OTHERS)])
        assert result["drift"]["done"] == "keep"
        assert result["drift"]["missing"] == ["rule 18000: fwd, priority 1", f"rule {voicemail}: voicemail, priority 2"]
    added = [FORWARD, {"action": "hangup", "priority": 3}]
    next_run(world).start(apply(rules=added, did=DID, on_drift="keep"))
    assert live(world) == [(1, "fwd", OTHERS), (3, "hangup", None)]
    next_run(world).start(apply())
    assert live(world) == AFTER


def test_what_is_kept_may_not_leave_the_number_without_a_rule(run, world):
    run.start(apply(rules=[VOICEMAIL], did=DID))
    somebody_writes(world, remove=rule_ids(world)[0])
    with pytest.raises(AirflowFailException, match=r"gone: \[rule \d+: voicemail, priority 2\].*would have no rule"):
        next_run(world).start(apply(rules=[VOICEMAIL], did=DID, on_drift="keep"))
    assert next_run(world).start(apply(rules=[VOICEMAIL], did=DID))["changed"]


def test_keeping_does_not_go_with_an_approved_plan(run, world):
    digest = run.start(plan(rules=RULES, did=DID))["digest"]
    with pytest.raises(AirflowFailException, match="'keep' would write something else than what was approved"):
        run.start(apply(expected_digest=digest, on_drift="keep"))
    assert live(world) == BEFORE


def test_drift_can_fail_the_task_for_good_until_somebody_decides(run, world):
    run.start(apply())
    somebody_writes(world, priority="5", action="hangup")
    before, written = live(world), writes(world)
    for _ in range(2):
        other = next_run(world)
        with pytest.raises(AirflowFailException, match=r"hangup, priority 5.*nothing was written"):
            other.start(apply(on_drift="fail"))
        assert "snapshot" in other.ti.xcoms
    assert (live(world), writes(world)) == (before, written)
    next_run(world).start(apply())
    assert live(world) == AFTER


@pytest.mark.parametrize("remembers", [True, False])
@pytest.mark.parametrize("on_drift", ["fail", "keep"])
def test_our_own_half_way_writes_are_no_drift(world, remembers, on_drift):
    Run(world).start(apply(rules=[FORWARD], did=DID))
    rules = [{**FORWARD, "to": MOBILE}, {**VOICEMAIL, "sources": [OTHERS]}, {"action": "hangup", "priority": 3}]
    run = next_run(world, remembers=remembers)
    with pytest.raises(Killed):
        run.start(apply(rules=rules, did=DID, retries=1, on_drift=on_drift), dies="after did/save")
    run.retry()
    result = run.start(apply(rules=rules, did=DID, retries=1, on_drift=on_drift))
    assert result["drift"]["done"] is None
    assert live(world) == [(1, "fwd", MOBILE), AFTER[1], (3, "hangup", None)]


def test_what_another_dag_wrote_is_no_drift(run, world):
    run.start(apply())
    next_run(world).start(apply(rules=[FORWARD], did=DID, on_drift="fail"))
    next_run(world).start(restore(snapshot=run.ti.xcoms["snapshot"]))
    assert not next_run(world).start(apply(on_drift="fail"))["drift"]["unexpected"]


@pytest.mark.parametrize("broken", ["no JSON", "[]", '{"standing": 3}'])
def test_a_broken_memory_counts_as_none(run, world, broken, logged):
    run.start(apply())
    (name,) = world.variables.kept
    world.variables.kept[name] = broken
    assert next_run(world).start(apply(on_drift="fail"))["drift"]["known"] is False
    assert "changes made elsewhere are not noticed" in logged()


def test_a_memory_that_airflow_does_not_give_does_not_stop_the_rules(run, world, logged):
    world.variables.is_down = True
    assert run.start(apply())["changed"]
    assert live(world) == AFTER
    assert "could not be written (AirflowRuntimeError)" in logged()


# Restoring


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"snapshot": None}, "one of them is needed"),
        ({"snapshot": "x", "snapshot_path": "y"}, "one of them is needed"),
        ({"snapshot": "x"}, "no sealed snapshot"),
        ({"snapshot": "dcr1.AAAA"}, "another client secret, or the text is damaged"),
    ],
)
def test_a_snapshot_that_cannot_be_is_final(run, arguments, named):
    with pytest.raises(AirflowFailException, match=named):
        run.start(restore(**arguments))


def test_a_snapshot_of_another_secret_is_final_and_nothing_is_written(run, world, connect):
    run.start(apply())
    world.sandbox.configure(client_secret="the new one")
    connect(password="the new one")
    with pytest.raises(AirflowFailException, match="sealed with another client secret"):
        run.start(restore())
    assert live(world) == AFTER


def test_a_missing_file_is_left_to_retries(run, tmp_path):
    with pytest.raises(DirectcallSnapshotError, match="could not be read"):
        run.start(restore(snapshot_path=str(tmp_path / "snapshot.json")))


def test_a_task_that_pushed_nothing_wrote_nothing(run, world):
    assert run.start(restore()) == {"did": None, "changed": False, "writes": 0, "not_restored": [], "warnings": []}
    assert run.start(restore(snapshot="{{ None }}"))["did"] is None
    assert not world.requests


def test_a_task_id_that_is_nobodys_is_final(run):
    with DAG("routing", schedule=None):
        task = restore(snapshot_task_id="aply")
    with pytest.raises(AirflowFailException, match="the DAG has no task 'aply'"):
        run.start(task)


def test_the_many_snapshots_of_a_mapped_task_are_not_guessed_at(run):
    with DAG("routing", schedule=None):
        DirectcallApplyNumberRulesOperator.partial(task_id="many", rules=RULES).expand(did=[DID])
        task = restore(snapshot_task_id="many")
    run.ti.map_index = -1
    with pytest.raises(AirflowFailException, match="'many' is mapped"):
        run.start(task)


@pytest.mark.parametrize("way", ["task", "text", "file"])
def test_the_rules_are_given_back(run, world, tmp_path, way):
    path = tmp_path / "snapshot.json"
    run.start(apply(snapshot_path=path))
    arguments = {
        "task": {"snapshot_task_id": "task"},
        "text": {"snapshot": run.ti.xcoms["snapshot"]},
        "file": {"snapshot_path": path},
    }[way]
    result = run.start(restore(**arguments))
    assert result == {"did": "11*****0001", "changed": True, "writes": 2, "not_restored": [], "warnings": []}
    assert live(world) == BEFORE
    assert run.start(restore(**arguments))["changed"] is False


def test_what_cannot_be_given_back_is_told(run, world):
    run.start(apply(rules=[{"action": "hangup", "priority": 5}], did=DID))
    somebody_writes(world, remove=rule_ids(world)[0])
    somebody_writes(world, priority="5", action="hangup")
    result = run.start(restore())
    assert live(world) == BEFORE
    assert result["not_restored"] == [f"rule 18000 is rule {rule_ids(world)[0]} now"]


def test_a_refused_restore_says_which_rules_stand(run, world):
    run.start(apply())
    world.sandbox.inject(Fault(kind="error_500_before", endpoint="did/save"))
    with pytest.raises(DirectcallApplyError, match="state: "):
        run.start(restore())

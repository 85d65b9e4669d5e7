"""The arguments that the sending operators share, which their base classes name."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG, BaseOperator

from airflow_provider_directcall.errors import DirectcallAuthError, DirectcallNotSent
from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator

from ..airflow_world.kinds import each_kind
from ..airflow_world.message_tasks import message, sent, voice
from ..airflow_world.world import NO_BALANCE, ORIGIN, PERSON

SHARED = {
    "fail_on": ["failed"],
    "completion_timeout": 60.0,
    "settle_seconds": 30.0,
    "on_unknown_outcome": "hold",
    "poll_interval": 5.0,
    "include_numbers": True,
    "directcall_conn_id": "other",
    "deferrable": True,
    "tags": {"order": "1"},
    "origin": "5541990000021",
}


def names_of_arguments(operator: type[BaseOperator]) -> set[str]:
    ours = operator.mro()[: operator.mro().index(BaseOperator)]
    return {name for cls in ours for name in inspect.signature(cls.__init__).parameters} - {"self", "waits", "kwargs"}


@each_kind
def test_every_argument_but_three_flags_is_templated(kind):
    names = names_of_arguments(kind.operator)
    assert set(kind.operator.template_fields) == names - {kind.waits, "include_numbers", "deferrable"}


@each_kind
def test_every_argument_is_in_the_docstring(kind):
    text = inspect.getdoc(kind.operator)
    names = names_of_arguments(kind.operator)
    assert [name for name in sorted(names) if f":param {name}:" not in text and f"``{name}``" not in text] == []


@each_kind
@pytest.mark.parametrize("way", ["default_args", "partial", "expand"])
def test_shared_arguments_from_default_args_and_in_mapped_tasks(kind, way):
    own = {kind.waits: True} | ({} if kind.is_call else {"text": "bom dia"})
    defaults = SHARED | own if way == "default_args" else {}
    with DAG("dag", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC), default_args=defaults):
        if way == "default_args":
            task = kind.operator(task_id="task", destination=PERSON)
        else:
            kept, mapped = ({**SHARED, **own}, {}) if way == "partial" else ({}, {**SHARED, **own})
            many = kind.operator.partial(task_id="task", **kept).expand_kwargs([{"destination": PERSON, **mapped}])
            task = many.unmap(many.expand_input.value[0])
    assert {name: getattr(task, name) for name in SHARED} == SHARED
    assert task._waits is True


@each_kind
def test_misspelt_arguments_are_rejected(kind):
    with pytest.raises(TypeError, match="settle_second"):
        kind.task(settle_second=1.0)
    with pytest.raises(TypeError, match="settle_second"):
        kind.operator.partial(task_id="task", settle_second=1.0)


def call(destination=PERSON, **arguments):
    return DirectcallPlaceCallOperator(task_id="task", destination=destination, **arguments)


def fails_unsent(run, world, task, named):
    """Expect a failure without a retry, before any request."""
    with pytest.raises(AirflowFailException, match=named) as caught:
        run.start(task)
    assert world.requests == {}
    assert "99000000" not in str(caught.value)


# Numbers

SPREADSHEET = {
    "float": 1199000001.0,
    "float that looks like a number": 11.990000001,
    "decimal text": "1199000001.0",
    "comma": "1199000001,0",
    "exponent": "5,51199E+12",
    "formula": '="5511990000001"',
    "apostrophe": "'5511990000001",
    "of a data frame": float("nan"),
}


@each_kind
@pytest.mark.parametrize("written", ["(11) 99000-0001", "0 11 99000-0001", "0xx11 99000.0001", "+55 (11) 99000 0001"])
def test_a_national_notation_as_plain_text(run, world, kind, written):
    run.start(kind.task(written))
    assert world.requests[kind.path] == 1
    assert world.sandbox.state()["calls" if kind.is_call else "messages"][0]["destination"] == PERSON


@each_kind
@pytest.mark.parametrize("form", SPREADSHEET)
@pytest.mark.parametrize("argument", ["destination", "origin"])
def test_a_number_that_a_spreadsheet_has_touched_reaches_no_one(run, world, kind, form, argument):
    task = kind.task(**{argument: SPREADSHEET[form]})
    fails_unsent(run, world, task, f"{argument}: .*(read the column as text)")


@pytest.mark.parametrize("kind", [message, voice])
def test_one_number_of_a_list_that_a_spreadsheet_has_touched(run, world, kind):
    texts = f"[{PERSON}, 1199000001.0]", f"{PERSON};1199000001.0"
    for listed in (*texts, [PERSON, 1199000001.0], [11.990000001, PERSON]):
        fails_unsent(run, world, kind(destination=listed, **({"text": "oi"} if kind is voice else {})), "decimal")


def test_an_sms_to_a_landline(run, world):
    fails_unsent(run, world, message(destination=ORIGIN), "fixed-line numbers are not allowed here")


@pytest.mark.parametrize("origin", [PERSON, "(11) 99000-0001", None])
def test_a_call_of_a_number_to_itself(run, world, connect, origin):
    connect(extra={"default_origin": PERSON})
    fails_unsent(run, world, call(origin=origin), r"origin: 5511\*{5}0001 is the destination too")


# Times


@each_kind
def test_a_time_that_is_past(run, world, kind):
    task = kind.task(**kind.at(world.now() - timedelta(minutes=2)))
    fails_unsent(run, world, task, f"{kind.schedule}: .* is past; nothing was sent")
    assert run.store.kept == {}


@each_kind
def test_a_time_that_has_just_passed_counts_as_now(run, world, kind):
    run.start(kind.task(**kind.at(world.now() - timedelta(seconds=30))))
    assert world.requests[kind.path] == 1


# Words


@each_kind
def test_a_misspelt_outcome(run, world, kind):
    misspelt = kind.good_end[:-2] + "d"
    fails_unsent(run, world, kind.task(waits=True, fail_on=misspelt), f"did you mean '{kind.good_end}'")


@each_kind
def test_a_misspelt_policy(run, world, kind):
    fails_unsent(run, world, kind.task(on_unknown_outcome="resent"), "on_unknown_outcome: .* did you mean 'resend'")


# Parts


def test_the_log_says_how_many_parts_a_text_makes(run, world, capfd, caplog):
    caplog.set_level("INFO")
    run.start(message(text="Segredo! " * 10 + "\U0001f389"))
    log = caplog.text + str(capfd.readouterr())
    assert "about 2 parts (UCS-2, because of 1 character outside GSM-7: emoji or symbol)" in log
    assert "Segredo" not in log
    assert len(sent(world)) == 1


# The connection


def test_errors_of_a_request_name_the_connection(run, world, connect, dead_port):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError, match=r"\(connection 'directcall_default'\)$"):
        run.start(call())
    connect(host=f"http://127.0.0.1:{dead_port}")
    with pytest.raises(DirectcallNotSent, match=r"\(connection 'directcall_default'\)$"):
        run.start(call())


def test_a_refusal_and_a_missing_origin_name_the_connection(run, world, connect):
    with pytest.raises(AirflowFailException, match=r"201.*\(connection 'directcall_default'\)$"):
        run.start(call(NO_BALANCE))
    connect(extra={})
    with pytest.raises(AirflowFailException, match="the connection 'directcall_default' has no default_origin"):
        run.start(call())

"""Placing a call as a task."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_directcall.errors import (
    DirectcallAuthError,
    DirectcallRefused,
)

from ..airflow_world.call_tasks import call, placed, waiting_call
from ..airflow_world.world import (
    NO_BALANCE,
    ORIGIN,
    PERSON,
    REFUSED_NUMBER,
    Run,
)

# Failures before the call


def test_a_wrong_secret_may_be_repaired_before_a_retry(run, connect):
    connect(password="wrong")
    with pytest.raises(DirectcallAuthError) as caught:
        run.start(call())
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("destination", [NO_BALANCE, REFUSED_NUMBER])
def test_refusal_that_lasts_is_final(run, world, destination):
    with pytest.raises(AirflowFailException, match=r"refused with code (201|001)") as caught:
        run.start(call(destination))
    assert isinstance(caught.value.__cause__, DirectcallRefused)
    assert placed(world) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"destination": "123"}, "destination"),
        ({"origin": "nobody"}, "origin"),
        ({"tags": {"a[b": "x"}}, "tags"),
        ({"tags": {"flag": True}}, "tags"),
        ({"record": "perhaps"}, "record"),
        ({"schedule_at": "2026-01-31T10:00:00"}, "schedule_at: a time zone is needed"),
        ({"schedule_at": "tomorrow"}, "schedule_at"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"poll_interval": "often"}, "poll_interval"),
        ({"completion_timeout": "-1"}, "completion_timeout"),
        ({"settle_seconds": "-1"}, "settle_seconds"),
        ({"settle_seconds": "some"}, "settle_seconds"),
        ({"on_unknown_outcome": "guess"}, "on_unknown_outcome: one of fail, resend, hold"),
        ({"tags": {"airflow_key": "mine"}}, "tags: 'airflow_key' is set by this package"),
        ({"wait_for_completion": True, "fail_on": ["engaged"]}, "fail_on: there is no engaged; there are answered"),
        ({"fail_on": "busy"}, "fail_on"),
    ],
)
def test_a_wrong_argument_fails_for_good_before_anything_is_sent(run, world, arguments, named):
    with pytest.raises(AirflowFailException, match=named) as caught:
        run.start(call(**{"destination": PERSON, **arguments}))
    assert isinstance(caught.value.__cause__, ValueError)
    assert "voz/call" not in world.sandbox.state()["requests"]


def test_a_connection_without_a_secret_is_named(run, connect):
    connect(password="")
    with pytest.raises(AirflowFailException, match="directcall_default"):
        run.start(call())


# Calls without waiting


def test_the_call_is_placed_with_everything_that_was_asked_for(run, world):
    task = call(origin=ORIGIN, record=True, tags={"contact": "7"}, dial_destination_first=True)
    result = run.start(task)
    (made,) = placed(world)
    assert (made["origin"], made["destination"]) == (ORIGIN, PERSON)
    key = result["airflow_key"]
    assert (made["recorded"], made["destination_first"]) == (True, True)
    assert made["tags"] == {"contact": "7", "airflow_key": key}
    assert result == {"callerid": made["callerid"], "schedule_id": None, "state": "sent", "airflow_key": key}
    assert run.ti.xcoms == {"callerid": made["callerid"]}


def test_templates_render_texts_that_are_parsed(run, world):
    run.context |= {
        "who": {"phone": PERSON, "id": 7},
        "later": world.now() + timedelta(hours=2),
        "yes": True,
        "no": None,
    }
    task = call(
        "{{ who.phone }}",
        origin="{{ no }}",
        record="{{ yes }}",
        tags="{{ {'contact': who.id} }}",
        dial_destination_first="{{ not yes }}",
        schedule_at="{{ later }}",
        completion_timeout="{{ 60 * 5 }}",
        settle_seconds="{{ 60 }}",
        on_unknown_outcome="{{ 'HOLD' }}",
        poll_interval="{{ 7.5 }}",
        fail_on="{{ [] }}",
        directcall_conn_id="{{ 'directcall_' ~ 'default' }}",
    )
    result = run.start(task)
    (made,) = placed(world)
    assert (made["origin"], made["destination"], made["tags"]["contact"]) == (ORIGIN, PERSON, "7")
    assert (made["recorded"], made["destination_first"]) == (True, False)
    assert made["starts_at"] - made["placed_at"] == pytest.approx(7200, abs=1)
    assert (result["callerid"], result["schedule_id"]) == (None, made["schedule_id"])
    assert run.ti.xcoms == {"schedule_id": made["schedule_id"]}


def test_two_runs_place_two_calls(world):
    first, second = Run(world).to_the_end(waiting_call()), Run(world).to_the_end(waiting_call())
    assert first["callerid"] != second["callerid"]

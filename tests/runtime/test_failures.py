"""What holds for the surface as a whole: imports, errors, the link, the provider's info."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowTaskTimeout
from airflow.sdk import BaseOperator

from airflow_provider_directcall import errors
from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallNotSent,
    DirectcallRefused,
    DirectcallUnexpectedEvent,
    DirectcallUnwantedOutcome,
    DirectcallWaitFailed,
    DirectcallWaitTimeout,
)
from airflow_provider_directcall.links.recording import RecordingLink
from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.provider_info import get_provider_info
from airflow_provider_directcall.runtime.failures import (
    failing_without_retry,
    is_final_after_effect,
    is_final_before_effect,
)
from airflow_provider_directcall.sensors.statement import DirectcallTaggedCallSensor

SURFACE = [
    "errors",
    "links.recording",
    "operators.calls",
    "operators.messages",
    "operators.number_rules",
    "operators.numbers",
    "operators.sounds",
    "sensors.statement",
    "triggers.calls",
    "triggers.messages",
    "triggers.settling",
    "triggers.statement",
]
IMPORTS = """
import json, sys
import airflow.sdk
from airflow.sdk import BaseOperator, BaseSensorOperator, BaseOperatorLink, PokeReturnValue
import airflow.triggers.base
from airflow.providers.common.compat.sdk import conf
before = set(sys.modules)
for name in {modules!r}:
    __import__("airflow_provider_directcall." + name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_importing_the_surface_loads_next_to_nothing():
    script = IMPORTS.format(modules=SURFACE)
    output = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120)
    loaded = json.loads(output.stdout.splitlines()[-1])
    ours = [name for name in loaded if name.startswith("airflow_provider_directcall")]
    assert set(loaded) == set(ours)
    routing = ("routing.rules", "routing.plans.changes", "routing.writes.applying")
    api = ("api.client", "api.methods", "api.replies", "api.protocol")
    heavy = ("hooks", "telephony", "sandbox", *routing, *api)
    assert not [
        name for name in ours if name.startswith(tuple(f"airflow_provider_directcall.{part}" for part in heavy))
    ]


def test_every_error_is_a_directcall_error_and_none_is_airflows():
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, DirectcallError)
        assert not issubclass(kind, AirflowException)


def test_what_the_provider_info_names_exists():
    info = get_provider_info()
    modules = [module for kind in ("sensors", "triggers") for entry in info[kind] for module in entry["python-modules"]]
    for module in modules:
        import_module(module)
    for link in info["extra-links"]:
        module, _, name = link.rpartition(".")
        assert getattr(import_module(module), name) is RecordingLink


@pytest.mark.parametrize("kind", [DirectcallPlaceCallOperator, DirectcallTaggedCallSensor])
def test_the_recording_link_is_on_what_waits_for_calls(kind):
    assert [link.name for link in kind.operator_extra_links] == ["Recording"]


def test_a_task_of_another_kind_has_no_recording():
    assert RecordingLink().get_link(BaseOperator(task_id="task"), ti_key="the task") == ""


def test_an_error_that_fails_for_good_already_stays_as_it_is():
    with (
        pytest.raises(AirflowFailException, match=r"^once$"),
        failing_without_retry(lambda error: True, lambda: "a"),
    ):
        raise AirflowFailException("once")


@pytest.mark.parametrize("remembers", [True, False])
def test_an_end_that_is_not_wanted_is_final_only_where_a_retry_would_reach_somebody_twice(remembers):
    unwanted = {"outcome": "busy", "callerid": None}
    assert not is_final_after_effect(DirectcallUnwantedOutcome("x", **unwanted), remembers=remembers)
    assert is_final_after_effect(DirectcallUnwantedOutcome("x", **unwanted, retryable=False), remembers=remembers)


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (RuntimeError(), False),
        (SystemExit(), False),
        (DirectcallWaitFailed("x"), False),
        (DirectcallUnexpectedEvent("x"), False),
        (DirectcallRefused("x", code="002"), False),
        (DirectcallRefused("x", code="201"), True),
        (DirectcallWaitTimeout("x"), True),
        (AirflowTaskTimeout("x"), True),
        (ValueError("x"), True),
    ],
)
def test_after_an_effect_a_store_leaves_to_retries_what_going_on_may_mend(error, is_final):
    assert is_final_after_effect(error, remembers=True) is is_final


@pytest.mark.parametrize("error", [RuntimeError(), SystemExit(), DirectcallWaitFailed("x"), DirectcallWaitTimeout("x")])
def test_after_an_effect_and_without_a_store_failures_are_final(error):
    assert is_final_after_effect(error, remembers=False)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), AirflowTaskTimeout("x"), RuntimeError(), DirectcallNotSent("x")]
)
def test_before_an_effect_nothing_that_strikes_from_outside_is_final(error):
    assert not is_final_before_effect(error)

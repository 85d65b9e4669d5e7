"""Decisions of the example of incoming calls; the process tests run it on a real Airflow."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pendulum
import pytest

from airflow_provider_directcall.errors import DirectcallReplyError
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.operators.messages import DirectcallSendSMSOperator

from ..airflow_world.world import BUSY, ORIGIN, PERSON, Run, World

FILE = Path(__file__).resolve().parents[2] / "example_dags" / "example_incoming.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = spec_from_file_location("example_incoming", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("at", "now", "is_open"),
    [
        ("2026-11-27T16:30:00-03:00", "2026-11-27T16:31:00-03:00", True),
        ("2026-11-27T19:30:00+00:00", "2026-11-27T16:31:00-03:00", True),
        ("2026-11-27T08:59:59-03:00", "2026-11-27T09:00:30-03:00", False),
        ("2026-11-27T18:00:00-03:00", "2026-11-27T18:00:30-03:00", False),
        ("2026-11-28T16:30:00-03:00", "2026-11-28T16:31:00-03:00", False),
        ("2026-11-27T12:00:00-03:00", "2026-11-27T13:00:01-03:00", False),
        (None, "2026-11-27T13:00:01-03:00", False),
    ],
)
def test_only_calls_in_business_hours_are_answered(
    example: ModuleType, monkeypatch: pytest.MonkeyPatch, at: str | None, now: str, is_open: bool
) -> None:
    moment = pendulum.parse(now)
    monkeypatch.setattr(example.pendulum, "now", lambda zone: moment)
    assert example.is_open(at) is is_open


def events(*ids: str, at: str) -> dict[str, list[SimpleNamespace]]:
    return {
        "asset": [SimpleNamespace(extra={"payload": {"kind": "missed_call", "id": each, "at": at}}) for each in ids]
    }


@pytest.fixture
def incoming(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Id of an event -> the number of its row; the others cannot be read."""
    numbers = {"first": PERSON, "second": BUSY}

    def read(hook: DirectcallHook, event: dict[str, str]) -> SimpleNamespace:
        if event["id"] not in numbers:
            raise DirectcallReplyError("the statement shows no such event")
        return SimpleNamespace(origin=numbers[event["id"]])

    monkeypatch.setattr(DirectcallHook, "incoming", read)
    monkeypatch.setattr(example, "is_open", lambda at: True)
    return numbers


def test_a_filter_by_tags_that_is_ignored_holds_no_answer_back(
    world: World, example: ModuleType, incoming: dict[str, str]
) -> None:
    at = pendulum.instance(world.now()).isoformat()
    answered = DirectcallSendSMSOperator(
        task_id="task", origin=ORIGIN, destination=PERSON, text="Ola", tags={"missed_call": "first"}
    )
    Run(world).start(answered)
    world.sandbox.advance(60)
    world.sandbox.configure(quirks=frozenset({"tag_filter_ignored"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(example.pendulum, "now", lambda zone: pendulum.instance(world.now()))
        tags = example.missed.function(events("first", "second", at=at))
    assert [each["missed_call"] for each in tags] == ["second"]


def test_an_event_that_cannot_be_read_fails_alone(world: World, example: ModuleType, incoming: dict[str, str]) -> None:
    at = pendulum.instance(world.now()).isoformat()
    tags = example.missed.function(events("unreadable", "second", at=at))
    assert {each["missed_call"] for each in tags} == {"unreadable", "second"}


def test_an_opt_out_that_cannot_be_read_keeps_no_other_from_the_list(
    world: World, example: ModuleType, incoming: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example, "OPT_OUTS", tmp_path / "opt-outs.csv")
    with pytest.raises(DirectcallReplyError):
        example.add_to_list.function(events("unreadable", "second", at="2026-11-27T12:00:00-03:00"))
    assert (tmp_path / "opt-outs.csv").read_text().split() == ["number", BUSY]


def test_the_number_of_a_caller_is_masked_in_rendered_fields(
    world: World, example: ModuleType, incoming: dict[str, str]
) -> None:
    from airflow.sdk._shared.secrets_masker import redact

    number = example.caller({"missed_call": "second", "missed_at": "2026-11-27T12:00:00-03:00"})
    assert number == BUSY
    assert BUSY not in str(redact({"destination": number}))


def test_each_task_has_retries(example: ModuleType) -> None:
    assert {task.retries for dag in (example.call_back, example.opt_out) for task in dag.tasks} == {3}

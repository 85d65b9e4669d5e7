"""The arguments that the sending operators share, which their base classes name."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime

import pytest
from airflow.sdk import DAG, BaseOperator

from ..airflow_world.kinds import each_kind
from ..airflow_world.world import PERSON

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

"""The READMEs' and the endpoints' tables and examples agree with the code, and the READMEs stay short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_directcall.api.wire import ENDPOINTS
from airflow_provider_directcall.sandbox.magic_numbers import MAGIC_NUMBERS

ROOT = Path(__file__).resolve().parents[2]
READMES = ("README.md", "README.pt-BR.md")


def test_every_endpoint_has_its_row() -> None:
    row = re.compile(r"^\| `(\w+)` \| (\w+) `([^`]+)` \| ([^|]+) \| (\w+) \|$", re.MULTILINE)
    rows = row.findall((ROOT / "docs" / "endpoints.md").read_text())
    repeated = {True: "only if surely not sent", False: "yes"}
    assert rows == [
        (name, endpoint.verb, endpoint.path, repeated[endpoint.once_only], endpoint.mark.value)
        for name, endpoint in ENDPOINTS.items()
    ]


@pytest.mark.parametrize("name", READMES)
def test_a_readme_has_900_words_at_most(name: str) -> None:
    assert len((ROOT / name).read_text().split()) <= 900


@pytest.mark.parametrize("name", READMES)
def test_magic_numbers_are_those_of_the_sandbox(name: str) -> None:
    shown = set(re.findall(r"55 11 99000-(\d{4})", (ROOT / name).read_text()))
    assert shown
    assert shown <= {scenario.suffix for scenario in MAGIC_NUMBERS}


@pytest.mark.parametrize("name", READMES)
def test_code_examples_run_unchanged(name: str) -> None:
    from airflow.sdk import DAG

    from airflow_provider_directcall.operators.numbers import DirectcallUpdateNumberRuleOperator
    from airflow_provider_directcall.routing.rule_parsing import rule_from

    whole_dag, rule, *_ = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(whole_dag, name, "exec"), names)
    with DAG("rules", schedule=None) as dag:
        exec(compile(rule, name, "exec"), {"DirectcallUpdateNumberRuleOperator": DirectcallUpdateNumberRuleOperator})
    (task,) = dag.tasks
    assert rule_from(task.rule).to_wire().action == "fwd"
    assert any(isinstance(value, DAG) and len(value.tasks) == 2 for value in names.values()) or "with DAG(" in whole_dag

"""The example DAGs as Airflow parses them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "example_dags"


# Airflow's own standard provider uses what Airflow 3.3 has moved.
@pytest.mark.filterwarnings("ignore:The .airflow.utils.operator_helpers")
@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_an_example_is_parsed(file: Path) -> None:
    assert runpy.run_path(str(file))["__doc__"]

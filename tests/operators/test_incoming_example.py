"""Decisions of the example of incoming calls; the process tests run it on a real Airflow."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pendulum
import pytest

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

"""The rehearsal of a holiday, as docs/how-to/routing.md shows it: calls on the day, and a write that fails."""

from __future__ import annotations

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import httpx
import pytest

from airflow_provider_directcall.routing.errors import DirectcallApplyError

from ..airflow_world.world import Run

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "example_dags" / "example_holiday_rehearsal.py"
PAGES = ("docs/how-to/routing.md", "docs/how-to/routing.pt-BR.md")
DID = "1130000001"


@pytest.fixture
def rehearse(world, ordinary_day, monkeypatch):
    """Runs the DAG's task for the day that the pages name."""
    monkeypatch.setenv("AIRFLOW_CONN_DIRECTCALL_SANDBOX", world.sandbox.connection_json())
    spec = spec_from_file_location("example_holiday_rehearsal", FILE)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    dag = module.example_holiday_rehearsal()
    dag.fileloc = str(FILE)  # the calendar is beside it
    task = dag.get_task("rehearse")

    def run(day: str) -> object:
        run = Run(world)
        run.context["params"] = {"day": day}
        return run.start(task)

    return run


def shown(page: str) -> tuple[str, list[tuple[str, dict[str, object]]], dict[str, object]]:
    """Return the day, the requests to the sandbox and the reply that a page shows."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (day,) = set(re.findall(r"""dags test example_holiday_rehearsal --conf '\{"day": "([\d-]+)"\}'""", text))
    requests = [(path, json.loads(body)) for path, body in re.findall(r"/_sandbox/(\w+) -d '(.*)'", text)]
    (reply,) = re.findall(r'^(\{"callerid".*\})$', text, re.MULTILINE)
    return day, requests, json.loads(reply)


@pytest.mark.parametrize("page", PAGES)
def test_calls_on_the_day_are_answered_as_the_page_shows(world, rehearse, page):
    day, requests, expected = shown(page)
    (call,) = [body for path, body in requests if path == "incoming"]
    rehearse(day)
    reply, on_thursday = (
        httpx.post(f"{world.sandbox.url}/_sandbox/incoming", json=call | change).json()
        for change in ({}, {"at": "2027-02-11T15:00"})
    )
    assert reply | {"callerid": "..."} == expected
    assert on_thursday["phone"] == "551130000099"


@pytest.mark.parametrize("page", PAGES)
def test_a_write_that_fails_is_rolled_back_as_the_page_shows(world, rehearse, page):
    day, requests, _ = shown(page)
    before = world.sandbox.state()["rules"][DID]
    (fault,) = [body for path, body in requests if path == "faults"]
    assert httpx.post(f"{world.sandbox.url}/_sandbox/faults", json=fault).is_success
    with pytest.raises(DirectcallApplyError, match="state: previous"):
        rehearse(day)
    after = world.sandbox.state()["rules"][DID]
    assert [(rule["priority"], rule["data"]) for rule in after] == [(rule["priority"], rule["data"]) for rule in before]

"""The page Telephony as the API server serves it: who may see it, its headers, its files."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import httpx
import pytest
from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse
from fastapi.routing import APIRoute
from starlette.routing import Mount

import airflow_provider_directcall.operators as operators_package
from airflow_provider_directcall.plugin import PAGE_PREFIX, DirectcallPlugin
from airflow_provider_directcall.plugin.page import STATIC, page_app

#: Airflow's check of rights imports the test client of Starlette.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")
SCRIPTS = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
PACKAGE = operators_package.__path__[0].rpartition("/")[0]


def get(path: str, **headers: str) -> httpx.Response:
    """Ask the application for a path, without a login."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(page_app())
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


def test_no_route_but_the_static_files_is_open() -> None:
    routes = page_app().routes
    assert [route.path for route in routes if isinstance(route, APIRoute)] == ["/"]
    assert [route.path for route in routes if isinstance(route, Mount)] == ["/static"]
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/static/../page.py", "/static/%2e%2e/page.py"):
        answer = get(path)
        assert answer.status_code in (401, 404), path
        assert "Telephony" not in answer.text
    assert get("/").status_code == 401


def test_without_a_known_check_of_rights_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "airflow.api_fastapi.core_api.security", None)
    assert get("/").status_code == 403


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/static/page.css", "/static/none.js"])
def test_every_answer_has_a_strict_policy(path: str) -> None:
    headers = get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("name", "kind"), [("main.js", "javascript"), ("page.css", "css"), ("phone.svg", "svg")])
def test_static_files_have_their_type_and_are_asked_for_again(name: str, kind: str) -> None:
    answer = get(f"/static/{name}")
    assert kind in answer.headers["Content-Type"]
    assert get(f"/static/{name}", **{"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_airflow_accepts_the_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/data/")
    views = [ExternalViewResponse.model_validate(view) for view in DirectcallPlugin().external_views]
    assert {view.destination: view.href for view in views} == {
        "nav": "directcall/ui/",
        "dag_run": "directcall/ui/?view=run&dag={DAG_ID}&run={RUN_ID}",
    }
    assert len({view.url_route for view in views}) == len(views)
    assert {view.icon for view in views} == {f"/data{PAGE_PREFIX}/static/phone.svg"}


def test_the_page_loads_what_is_there_and_builds_no_markup_from_texts() -> None:
    page = (STATIC / "index.html").read_text(encoding="utf-8")
    named = re.findall(r'(?:src|href)="static/([^"]+)"', page)
    named += [name for script in SCRIPTS.values() for name in re.findall(r'from "\./([^"]+)"', script)]
    assert {name for name in named if not (STATIC / name).exists()} == set()
    assert set(SCRIPTS) <= set(named)
    for name, script in SCRIPTS.items():
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", script), name
        assert "http://" not in script.replace("https?://", ""), name
    assert not re.search(r"<script(?! type=\"module\" src=)|style=|onclick=", page)


def test_every_word_is_there_in_both_languages() -> None:
    english, portuguese = (
        set(re.findall(r"\b(\w+): (?=\"(?:[^\"\\]|\\.)*\",)", part)) for part in SCRIPTS["words.js"].split("PORTUGUESE")
    )
    assert english == portuguese
    used = {word for script in SCRIPTS.values() for word in re.findall(r"\bt\(\"(\w+)\"", script)}
    assert used <= english


def test_the_tasks_it_looks_for_are_ours() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(PACKAGE).rglob("*.py"))
    classes = set(re.findall(r"^class (\w+)\(", source, re.MULTILINE))
    named = {name for script in SCRIPTS.values() for name in re.findall(r"\b_?[A-Z]\w+(?:Operator|Sensor)\b", script)}
    assert named
    assert named <= classes

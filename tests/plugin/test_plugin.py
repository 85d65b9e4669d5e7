"""The plugin as Airflow loads it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from airflow_provider_directcall.assets import Doorbell, doorbell
from airflow_provider_directcall.plugin import DirectcallPlugin, doorbells
from airflow_provider_directcall.plugin.doorbells import read_credentials
from airflow_provider_directcall.plugin.receiver import Credentials, NotReadyError

#: Airflow's check of rights imports the test client of Starlette.
pytestmark = pytest.mark.filterwarnings("ignore:Using .httpx. with .starlette.testclient.")

IMPORT = """
import json, sys, time
import airflow.sdk
from airflow.providers.common.compat.sdk import AirflowPlugin
started = time.perf_counter()
from airflow_provider_directcall.plugin import DirectcallPlugin
DirectcallPlugin()
print(json.dumps([time.perf_counter() - started, [n for n in ("fastapi", "starlette", "uvicorn") if n in sys.modules]]))
"""


def test_it_loads_no_server_before_the_api_server_asks() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True, timeout=120)
    _, loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded == []


def prefixes() -> list[str]:
    return [app["url_prefix"] for app in DirectcallPlugin().fastapi_apps]


def test_the_receiver_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prefixes() == ["/directcall/ui"]
    monkeypatch.setenv("AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID", " ")
    assert prefixes() == ["/directcall/ui"]
    monkeypatch.setenv("AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID", "webhooks")
    # Airflow gives a request to the first prefix that fits.
    assert prefixes() == ["/directcall/ui", "/directcall"]


def test_airflow_finds_it_with_its_application(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow import plugins_manager

    monkeypatch.setenv("AIRFLOW__DIRECTCALL__WEBHOOK_CONN_ID", "webhooks")
    if hasattr(plugins_manager, "get_fastapi_plugins"):
        found = plugins_manager.get_fastapi_plugins()[0]
    else:  # Airflow 3.1
        plugins_manager.initialize_fastapi_plugins()
        found = plugins_manager.fastapi_apps
    apps = [app for app in found if app.get("url_prefix") == "/directcall"]
    assert len(apps) == 1
    paths = {route.path for route in apps[0]["app"].routes}
    assert paths == {"/events/call", "/events/message", "/events/received"}


@pytest.mark.parametrize(
    ("connection", "complaint"),
    [
        ({"conn_type": "generic", "login": "directcall"}, "no password"),
        ({"conn_type": "generic", "login": "directcall", "password": "  "}, "no password"),
        ({"conn_type": "generic", "password": "secret-of-a-test"}, "no login"),
        ({"conn_type": "directcall", "login": "directcall", "password": "secret-of-a-test"}, "of its own"),
        ({"conn_type": "generic", "login": "a:b", "password": "secret-of-a-test"}, "colon"),
        (None, "does not exist"),
    ],
)
def test_a_connection_that_protects_nothing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, str] | None, complaint: str
) -> None:
    if connection is not None:
        monkeypatch.setenv("AIRFLOW_CONN_WEBHOOKS", json.dumps(connection))
    with pytest.raises(NotReadyError, match=f"'webhooks'.*{complaint}") as raised:
        read_credentials("webhooks")
    assert "secret-of-a-test" not in str(raised.value)


def test_credentials_are_those_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "generic", "login": "directcall", "password": "secret-of-a-test"}
    monkeypatch.setenv("AIRFLOW_CONN_WEBHOOKS", json.dumps(connection))
    read = read_credentials("webhooks")
    assert read == Credentials("directcall", "secret-of-a-test")
    assert "secret-of-a-test" not in repr(read)


def test_an_asset_that_no_dag_names_any_more_is_not_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow keeps the row of an asset after the last DAG that named it is gone."""
    from airflow.models.asset import AssetActive, AssetModel
    from airflow.models.base import Base

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine, tables=[AssetModel.__table__, AssetActive.__table__])
    asset = doorbell("call")
    with Session(engine) as session:
        session.add(AssetModel(name=asset.name, uri=asset.uri))
        session.commit()
    rung: list[str] = []
    monkeypatch.setattr(doorbells, "create_session", lambda **options: Session(engine))
    monkeypatch.setattr(
        doorbells.asset_manager, "register_asset_change", lambda *, asset, **about: rung.append(asset.uri)
    )
    with pytest.raises(NotReadyError, match="no DAG names"):
        doorbells.ring(Doorbell.CALL, datetime.now(UTC))
    with Session(engine) as session:
        session.add(AssetActive.for_asset(session.scalars(select(AssetModel)).one()))
        session.commit()
    doorbells.ring(Doorbell.CALL, datetime.now(UTC))
    assert rung == [asset.uri]


def test_an_asset_for_each_kind() -> None:
    assert [doorbell(kind).uri for kind in Doorbell] == [f"directcall://doorbell/{kind}" for kind in Doorbell]
    assert doorbell("call").name == "directcall_doorbell_call"
    with pytest.raises(ValueError, match="call, message, received"):
        doorbell("fax")

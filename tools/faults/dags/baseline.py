"""The baseline, as a DAG author would write it without our operators: httpx in a ``@task`` with ``retries=3``."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, BaseHook, task

from tools.faults.dags.killing import DyingTransport, point_of
from tools.faults.dags.reading import read_cases

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

ORIGIN = "551130000000"
POLL_SECONDS = 1
WAIT_SECONDS = 300
#: States of a message that are final.
ENDED = ("entregue", "nao entregue", "cancelada")
PATHS = {"sms": "/sms/send", "voice": "/sms/send", "call": "/voz/call", "rule": "/did/save"}


def fields_of(kind: str, case: str, destination: str) -> dict[str, str]:
    """Return the form fields of one send."""
    if kind == "rule":
        return {"did": case, "action": "fwd", "priority": "7", "data[phone]": "5511990000077", "data[wait]": "20"}
    fields = {"origem": ORIGIN, "destino": destination, "campos[case]": case, "formato": "JSON"}
    if kind == "call":
        return fields
    return {**fields, "tipo": "voz" if kind == "voice" else "texto", "texto": "Bom dia"}


def ask(client: httpx.Client, verb: str, path: str, fields: dict[str, str]) -> dict[str, Any]:
    """Send a request and return the reply; raise unless its ``status`` is ok."""
    response = client.get(path, params=fields) if verb == "GET" else client.post(path, data=fields)
    response.raise_for_status()
    reply: dict[str, Any] = response.json()
    if reply.get("status", "ok") != "ok":
        raise RuntimeError(f"Directcall refused: {reply.get('codigo')} {reply.get('msg')}")
    return reply


def wait_for_end(client: httpx.Client, token: str, kind: str, callerid: str) -> None:
    """Poll once a second until the message is delivered or the call is over."""
    today = datetime.now(ZoneInfo("America/Sao_Paulo"))
    window = [f"{today + timedelta(days=days):%Y%m%d}000000" for days in (-1, 2)]
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if kind == "call":
            fields = {"dataInicial": window[0], "dataFinal": window[1], "callerid": callerid}
            if ask(client, "POST", "/extrato/list", {"access_token": token, **fields})["msg"]:
                return
        else:
            reply = ask(client, "GET", "/sms/status", {"access_token": token, "code": callerid})
            if any(word in str(reply) for word in ENDED):
                return
        time.sleep(POLL_SECONDS)
    raise TimeoutError("no end in time")


with DAG("baseline", schedule=None, max_active_tasks=64):

    @task(show_return_value_in_logs=False)
    def cases(**context: Any) -> list[dict[str, object]]:  # noqa: ANN401 - Airflow's context
        """Return the arguments of all sends."""
        return read_cases(context["dag_run"].conf, "cases")

    @task(retries=3, retry_delay=timedelta(seconds=1), execution_timeout=timedelta(minutes=20))
    def send(
        kind: str,
        case: str,
        destination: str,
        waits: bool,
        kill_at: list[str | None],
        connection: str,
        without_server: list[int],
        **context: Any,  # noqa: ANN401 - Airflow's context
    ) -> str | None:
        """Get a token, send, and wait for the end if asked to."""
        import httpx

        number = context["ti"].try_number
        dying = DyingTransport(point_of(kill_at, number))
        account = BaseHook.get_connection("directcall_without_server" if number in without_server else connection)
        hooks: dict[str, list[Callable[..., object]]] = {"request": [dying.before], "response": [dying.after]}
        timeout = float(account.extra_dejson["timeout"])
        with closing(httpx.Client(base_url=account.host or "", timeout=timeout, event_hooks=hooks)) as client:
            secrets = {"client_id": account.login or "", "client_secret": account.password or ""}
            token = str(ask(client, "POST", "/request_token", secrets)["access_token"])
            reply = ask(client, "POST", PATHS[kind], {"access_token": token, **fields_of(kind, case, destination)})
            callerid: str | None = reply.get("callerid")
            if waits and callerid is not None:
                wait_for_end(client, token, kind, callerid)
        dying.end()
        return callerid

    send.expand_kwargs(cases())

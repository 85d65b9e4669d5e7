from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from airflow_provider_directcall.sandbox import FAULT_KINDS, Fault, Sandbox, SandboxConfig
from airflow_provider_directcall.sandbox.answers import ANSWERS, CHANGES, TRANSPORT_ANSWERS

DID = "1130000001"


def raw(api, path, timeout=5, **fields):
    """Every byte that a request is answered with; None when the connection was reset."""
    body = urlencode({"access_token": api.token, **fields}).encode()
    host, port = api.server.url.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=timeout) as connection:
        connection.sendall(head.encode() + body)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            return received
        return received


def place(api, **options):
    return raw(api, "/voz/call", origem="551130000001", destino="5511990000001", **options)


def calls(api):
    return len(api.server.state()["calls"])


def test_no_fault_kind_is_untested():
    source = Path(__file__).read_text()
    others = {f"{name}_{side}" for name in ANSWERS | TRANSPORT_ANSWERS for side in ("before", "after")} | CHANGES.keys()
    others |= {"neighbour_write", "empty_list", "one_byte_a_second", "gzip_bomb", "previous_reply"}  # elsewhere
    assert [kind for kind in FAULT_KINDS.keys() - others if f'"{kind}"' not in source] == []


@pytest.mark.parametrize(("kind", "effects"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_connection_gives_not_one_byte(api, kind, effects):
    api.server.inject(Fault(kind=kind, endpoint="voz/call", times=1))
    assert place(api) == b""
    assert calls(api) == effects
    assert b"200 OK" in place(api)


def test_a_cut_amid_the_answer(api):
    api.server.inject(Fault(kind="cut_in_body", times=1))
    head, _, body = place(api).partition(b"\r\n\r\n")
    assert b"200 OK" in head
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < length
    assert calls(api) == 1


@pytest.mark.parametrize("kind", ["cut_before", "cut_in_body"])
def test_cut_is_a_protocol_error_for_the_client(api, kind):
    api.server.inject(Fault(kind=kind, times=1))
    with pytest.raises(httpx.RemoteProtocolError):
        api.call()


@pytest.mark.parametrize(("kind", "effects"), [("hang_before", 0), ("hang_after", 1)])
def test_no_answer_until_the_client_goes(api, kind, effects):
    api.server.inject(Fault(kind=kind, times=1))
    with pytest.raises(TimeoutError):
        place(api, timeout=0.2)
    assert calls(api) == effects
    assert b"200 OK" in place(api)


@pytest.mark.parametrize(
    ("kind", "status", "effects"),
    [
        ("error_500_before", 500, 0),
        ("error_500_after", 500, 1),
        ("html_502_before", 502, 0),
        ("html_502_after", 502, 1),
        ("unavailable", 404, 0),
    ],
)
def test_html_errors(api, kind, status, effects):
    api.server.inject(Fault(kind=kind, endpoint="/voz/call"))
    reply = api.post("/voz/call", origem="551130000001", destino="5511990000001")
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/html")
    assert "<" in reply.text
    assert calls(api) == effects


def test_too_many_requests(api):
    api.server.inject(Fault(kind="too_many_requests", retry_after=7, times=1))
    reply = api.post("/voz/call")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "7")
    assert calls(api) == 0


@pytest.mark.parametrize(("kind", "effects"), [("garbage_before", 0), ("garbage_after", 1), ("truncated", 1)])
def test_answers_that_are_no_json(api, kind, effects):
    api.server.inject(Fault(kind=kind, times=1))
    reply = api.post("/voz/call", origem="551130000001", destino="5511990000001")
    assert reply.status_code == 200
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        reply.json()
    assert calls(api) == effects


@pytest.mark.parametrize("files", [None, {"destino_csv": ("d.csv", b"5511990000001", "text/csv")}])
def test_each_value_of_a_field_meets_a_fault_on_its_own(api, files):
    api.server.inject(Fault(kind="error_500_before", endpoint="sms/send", each="campos[contact]", after=1, times=1))
    contacts = ["c1", "c2", "c1", "c2", "c1", None, None]
    statuses = []
    for contact in contacts:
        fields = {"destino": "5511990000001"} if files is None else {}
        tags = {} if contact is None else {"campos[contact]": contact}
        statuses.append(api.post("/sms/send", files=files, origem="loja", texto="oi", **fields, **tags).status_code)
    assert statuses == [200, 200, 500, 500, 200, 200, 200]
    assert api.server.state()["faults"][0]["fired"] == 2


def test_each_number_meets_a_fault_on_its_own_in_a_query_too(api):
    api.server.inject(Fault(kind="too_many_requests", endpoint="voz/status", each="destino", times=1))
    ask = [api.get("/voz/status", origem="551130000001", destino=f"551199000000{n}").status_code for n in (1, 2, 1)]
    assert ask == [429, 429, 200]


def test_a_form_that_cannot_be_read_has_no_fields_to_count(api):
    api.server.inject(Fault(kind="error_500_before", each="destino"))
    headers = {"content-type": "multipart/form-data"}
    reply = api.http.post("/sms/send", content=b"no parts", headers=headers)
    assert reply.status_code == 400


def test_a_fault_may_concern_some_values_only(api):
    fault = {"kind": "error_500_before", "each": "destino", "among": ["551199000000" + n for n in "13"], "times": 1}
    assert api.http.post("/_sandbox/faults", json=fault).status_code == 200
    ask = [api.get("/voz/status", origem="551130000001", destino=f"551199000000{n}").status_code for n in (1, 2, 3, 1)]
    assert ask == [500, 200, 500, 200]


def test_among_needs_each():
    with pytest.raises(ValueError, match="each is needed"):
        Fault(kind="slow", among=("a",))


@pytest.mark.parametrize("name", ["", "[x]"])
def test_each_has_to_be_a_name(name):
    with pytest.raises(ValueError, match="each"):
        Fault(kind="slow", each=name)


def test_slow_waits_and_then_answers(api):
    api.server.inject(Fault(kind="slow", seconds=0.2, times=1))
    began = time.monotonic()
    assert api.call()["status"] == "ok"
    assert time.monotonic() - began >= 0.2


def test_slow_has_no_effect_for_a_client_that_went(api):
    api.server.inject(Fault(kind="slow", seconds=30, times=1))
    with pytest.raises(TimeoutError):
        place(api, timeout=0.1)
    assert calls(api) == 0


def test_expired_token(api):
    api.server.inject(Fault(kind="expired_token", endpoint="voz/call", times=1))
    reply = api.post("/voz/call", origem="551130000001", destino="5511990000001")
    assert reply.status_code == 401
    assert "expired" in reply.json()["error_description"]
    assert calls(api) == 0
    assert api.call()["status"] == "ok"


def test_an_unavailable_message_statement(start):
    api = start(faults=(Fault(kind="unavailable", endpoint="extrato/list-sms"),))
    assert api.statement("/extrato/list-sms").status_code == 404
    assert api.statement().json()["status"] == "ok"
    api.server.reset()
    api.token = api.login()
    assert api.statement("/extrato/list-sms").status_code == 404


def read_pages(api):
    pages = api.statement().json()["paginas"]
    return [[row["callerid"] for row in api.rows(pagina=str(page))] for page in range(1, pages + 1)]


def test_duplicated_rows(api):
    api.server.seed(150)
    api.server.inject(Fault(kind="duplicated_rows", endpoint="extrato/list"))
    pages = read_pages(api)
    assert [len(page) for page in pages] == [150, 75]
    assert len({row for page in pages for row in page}) == 150


def test_reordered_pages(api):
    api.server.seed(950)
    straight = read_pages(api)
    api.server.inject(Fault(kind="reordered_pages", endpoint="extrato/list", seed=4))
    moved = read_pages(api)
    assert moved != straight
    assert sorted(moved) == sorted(straight)


def test_a_second_writer_comes_first(api):
    write = {"did": DID, "priority": "9", "action": "hangup"}
    api.server.inject(Fault(kind="second_writer", endpoint="did/save", times=1, write=write))
    mine = api.post("/did/save", did=DID, dpId="18000", priority="5").json()
    rules = api.post("/did/route", did=DID).json()["data"]
    assert mine["status"] == "ok"
    assert [(rule["dpId"], rule["priority"]) for rule in rules] == [("18000", "5"), ("18003", "9")]
    assert api.server.state()["effects"]["rules_saved"] == 1


def test_a_second_writer_removes_the_rule_that_is_changed(api):
    api.server.inject(Fault(kind="second_writer", endpoint="did/save", write={"did": DID, "remove": "18000"}))
    assert api.post("/did/save", did=DID, dpId="18000", priority="5").json()["codigo"] == "010"


def test_a_write_that_is_ignored(api):
    api.server.inject(Fault(kind="ignored_write"))
    saved = api.post("/did/save", did=DID, dpId="18000", priority="5").json()
    removed = api.post("/did/remove", did=DID, dpId="18000").json()
    assert (saved["status"], saved["data"]["priority"], removed["status"]) == ("ok", "5", "ok")
    assert api.post("/did/route", did=DID).json()["data"][0]["priority"] == "1"
    assert "rules_saved" not in api.server.state()["effects"]


def statuses(api, count):
    return [api.post("/did/list").status_code for _ in range(count)]


def test_by_count_after_some(api):
    api.server.inject(Fault(kind="error_500_before", endpoint="did/list", after=2, times=2))
    assert statuses(api, 6) == [200, 200, 500, 500, 200, 200]
    [report] = api.server.state()["faults"]
    assert report["fired"] == 2


def test_by_probability_with_a_seed(api):
    fault = Fault(kind="error_500_before", endpoint="did/list", probability=0.5, seed=3)
    api.server.inject(fault)
    first = statuses(api, 30)
    api.server.clear_faults()
    api.server.inject(fault)
    assert statuses(api, 30) == first
    assert set(first) == {200, 500}


def test_other_endpoints_are_untouched(api):
    api.server.inject(Fault(kind="error_500_before", endpoint="voz/call"))
    assert statuses(api, 1) == [200]
    assert api.http.get("/_sandbox/state").status_code == 200


def test_faults_add_up(api):
    api.server.inject(
        Fault(kind="slow", seconds=0.05, endpoint="voz/call"),
        Fault(kind="html_502_after", endpoint="voz/call", times=1),
        Fault(kind="cut_after", endpoint="voz/call", times=1),
    )
    assert b"502" in place(api)
    assert calls(api) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "rain"},
        {"kind": "slow", "probability": 2},
        {"kind": "slow", "after": -1},
        {"kind": "slow", "times": -1},
    ],
)
def test_invalid_faults_are_rejected(fields):
    with pytest.raises(ValueError, match=r"kind|probability|negative"):
        Fault(**fields)


def test_over_http(api):
    injected = api.http.post("/_sandbox/faults", json={"kind": "error_500_before", "times": 1}).json()
    assert injected[0]["kind"] == "error_500_before"
    assert api.http.get("/_sandbox/faults").json() == injected
    assert statuses(api, 2) == [500, 200]
    assert api.http.delete("/_sandbox/faults").json() == []
    assert api.http.post("/_sandbox/faults", json={"kind": "rain"}).status_code == 422
    assert api.http.post("/_sandbox/faults", json={"sort": "rain"}).status_code == 422
    nowhere = api.http.post("/_sandbox/faults", json={"kind": "cut_after", "endpoint": "sms/sent"})
    assert nowhere.status_code == 422
    assert "sms/send" in nowhere.text


def test_requests_are_counted_despite_faults(api):
    api.server.inject(Fault(kind="cut_before", times=1))
    place(api)
    place(api)
    assert api.server.state()["requests"]["voz/call"] == 2
    assert api.server.state()["effects"]["calls_placed"] == 1


def test_a_client_that_goes_in_the_middle_of_its_request(api):
    host, port = api.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /voz/call HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nacc")
    assert calls(api) == 0
    assert api.call()["status"] == "ok"


def test_stop_disconnects_hanging_clients(start):
    api = start(faults=(Fault(kind="hang_after", endpoint="did/list"),))
    host, port = api.server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"POST /did/list HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        while api.server.state()["requests"].get("did/list") != 1:
            time.sleep(0.01)
        began = time.monotonic()
        api.server.stop()
        assert time.monotonic() - began < 3
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(10) == b""


async def test_a_cut_needs_the_sandboxs_own_server():
    sandbox = Sandbox(SandboxConfig(faults=(Fault(kind="cut_before"),)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://x") as client:
        with pytest.raises(RuntimeError, match="own server"):
            await client.post("/did/list")

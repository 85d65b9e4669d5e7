"""Quirks of ``/voz/status`` and of number rules."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.sandbox import Fault

DID, OTHER = "1130000001", "1130000002"
PAIR = {"origem": "551130000001", "destino": "5511990000001"}


@pytest.mark.parametrize(
    ("quirk", "codigo", "legs"),
    [
        ("idle_004", "004", None),
        ("idle_009", "009", None),
        ("idle_010", "010", None),
        ("idle_empty", "000", []),
        ("idle_ended", "000", [("encerrada", "00:00:30")]),
    ],
)
def test_a_line_without_a_live_call(api, quirk, codigo, legs):
    api.server.configure(quirks={quirk})
    api.call()
    api.server.advance(3)
    assert api.get("/voz/status", **PAIR).json()["msg"][0]["status"] == "chamando"
    api.server.advance(60)
    reply = api.get("/voz/status", **PAIR).json()
    assert reply["codigo"] == codigo
    if legs is not None:
        assert [(leg["status"], leg["duracao"]) for leg in reply["msg"]] == legs
    assert api.get("/voz/end", **PAIR).json()["codigo"] == "003"


def test_a_line_that_never_ends(api):
    api.server.configure(quirks={"answered_forever", "idle_empty"})
    assert api.get("/voz/status", **PAIR).json()["msg"] == []
    api.call("5511990000486")
    api.server.advance(10**6)
    [leg] = api.get("/voz/status", **{**PAIR, "destino": "5511990000486"}).json()["msg"]
    assert leg["status"] == "atendida"


def rules(api, did=DID):
    return api.post("/did/route", did=did).json()["data"]


def ids(api, did=DID):
    return [rule["dpId"] for rule in rules(api, did)]


def test_rules_of_other_numbers(api):
    api.server.configure(quirks={"route_other_numbers"})
    assert {rule["did"] for rule in rules(api)} == {DID, OTHER, "4130000001"}


def test_an_empty_first_reading(api):
    api.server.configure(quirks={"route_empty_first"})
    assert [ids(api), ids(api), ids(api, OTHER), ids(api, OTHER)] == [[], ["18000"], [], ["18001"]]


def test_a_replica_one_write_behind(api):
    api.server.configure(quirks={"route_one_write_behind"})
    assert ids(api) == ["18000"]
    api.post("/did/save", did=DID, priority="2", action="hangup")
    assert ids(api) == ["18000"]
    api.post("/did/remove", did=DID, dpId="18000")
    assert ids(api) == ["18000", "18003"]
    assert [rule["dpId"] for rule in api.server.state()["rules"][DID]] == ["18003"]
    api.server.reset()
    api.token = api.login()
    assert ids(api) == ["18000"]


@pytest.mark.parametrize("more", [set(), {"old_did"}])
def test_unknown_fields_at_every_level(api, more):
    api.server.configure(quirks={"route_unknown_fields", *more})
    text = api.post("/did/route", did=DID).text
    assert all(name in text for name in ("servidor", "rotulo", "grupo", "cor"))
    assert "rotulo" not in str(api.server.state()["rules"])


def test_writes_that_do_nothing(api):
    api.server.configure(quirks={"ignored_write"})
    assert api.post("/did/save", did=DID, dpId="18000", priority="5").json()["data"]["priority"] == "5"
    assert api.post("/did/remove", did=DID, dpId="18000").json()["status"] == "ok"
    assert rules(api)[0]["priority"] == "1"


def test_writes_that_change_a_neighbour(api):
    api.server.configure(quirks={"neighbour_write"})
    saved = api.post("/did/save", did=DID, dpId="18000", priority="5").json()
    assert (saved["status"], saved["data"]["dpId"]) == ("ok", "18000")
    assert (rules(api)[0]["priority"], rules(api, OTHER)[0]["priority"]) == ("1", "5")
    assert api.post("/did/remove", did=DID, dpId="18000").json()["status"] == "ok"
    assert (ids(api), ids(api, "4130000001")) == (["18000"], [])


def test_a_neighbour_is_of_the_same_number_if_there_is_one(api):
    api.post("/did/save", did=DID, priority="2", action="hangup")
    api.server.inject(Fault(kind="neighbour_write", times=1))
    api.post("/did/save", did=DID, dpId="18000", priority="9")
    assert [(rule["dpId"], rule["priority"]) for rule in rules(api)] == [("18000", "1"), ("18003", "9")]


def test_a_neighbour_that_does_not_exist(start):
    api = start(numbers=(DID,), quirks=frozenset({"neighbour_write"}))
    for path in ("/did/save", "/did/remove"):
        assert api.post(path, did=DID, dpId="18000", priority="9").json()["status"] == "ok"
    assert rules(api)[0]["priority"] == "1"


def test_a_listing_that_is_empty_once(api):
    api.server.inject(Fault(kind="empty_list", endpoint="did/list", times=1))
    assert [len(api.post("/did/list").json()["data"]) for _ in range(2)] == [0, 3]

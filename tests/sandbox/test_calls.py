from __future__ import annotations

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest


def live(api, origin, person):
    return api.get("/voz/status", origem=origin, destino=person).json()


def test_reply_is_the_documented_one(api, person):
    reply = api.call(person)
    callerid = reply.pop("callerid")
    assert str(uuid.UUID(callerid)) == callerid
    assert reply == {
        "api": "voz",
        "modulo": "chamar",
        "status": "ok",
        "codigo": "000",
        "msg": "Completando a sua ligacao, por favor aguarde!",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"origem": ""},
        {"destino": ""},
        {"destino": "990000001"},
        {"destino": "55119900000011"},
        {"destino": "+5511990000001"},
        {"destino": "0011234567890"},
        {"origem": "loja"},
        {"gravar": "yes"},
        {"inverter_discagem": "1"},
        {"cron": "2026-03-04 10:00:00"},
        {"cron": "31-02-2026-10-00-00"},
        {"campos": "x"},
        {"campos[a][b]": "x"},
        {"destino[]": "5511990000001"},
    ],
)
def test_bad_parameters_are_refused(api, origin, person, fields):
    good = {"origem": origin, "destino": person}
    if "destino[]" in fields:
        del good["destino"]
    reply = api.post("/voz/call", **{**good, **fields}).json()
    assert (reply["status"], reply["codigo"], reply["api"], reply["modulo"]) == ("erro", "001", "voz", "chamar")
    assert api.server.state()["calls"] == []


def test_a_call_goes_through_its_life(api, origin, person):
    api.call(person)
    phases = []
    for seconds in (0, 1, 3, 1, 29, 1):
        api.server.advance(seconds)
        phases.append(api.server.state()["calls"][0]["phase"])
    assert phases == ["queued", "ringing", "ringing", "answered", "answered", "ended"]


def test_status_shows_a_live_call_with_blanks_in_its_number(api, origin, person):
    api.call(person)
    api.server.advance(15)
    reply = live(api, origin, person)
    assert reply["modulo"] == "status"
    assert reply["msg"] == [
        {"telefone": " 55 11  99000 0001", "status": "atendida", "inicio": "2026-03-04 10:00:00", "duracao": "00:00:10"}
    ]


def test_status_before_the_answer_has_no_duration(api, origin, person):
    api.call(person)
    assert live(api, origin, person)["msg"][0]["duracao"] == "00:00:00"


def test_status_and_end_of_no_call_are_003(api, origin, person):
    assert live(api, origin, person)["codigo"] == "003"
    assert api.get("/voz/end", origem=origin, destino=person).json()["codigo"] == "003"
    api.call(person)
    api.server.advance(36)
    assert live(api, origin, person)["codigo"] == "003"


def test_hanging_up_a_talk_shortens_it(api, origin, person):
    callerid = api.call(person)["callerid"]
    api.server.advance(12)
    reply = api.get("/voz/end", origem=origin, destino=person).json()
    assert (reply["status"], reply["codigo"]) == ("ok", "000")
    assert isinstance(reply["msg"], str)
    api.server.advance(5)
    [row] = api.rows()
    assert (row["callerid"], row["status"], row["duracao"]) == (callerid, "atendida", "00:00:07")
    assert api.server.state()["effects"]["calls_ended"] == 1


def test_hanging_up_while_it_rings_cancels(api, origin, person):
    api.call(person)
    api.server.advance(2)
    api.get("/voz/end", origem=origin, destino=person)
    api.server.advance(5)
    [row] = api.rows()
    assert (row["status"], row["duracao"], row["valor"]) == ("cancelada", "00:00:00", "0.0000")


def test_a_call_that_cannot_be_hung_up_is_004(api, origin):
    api.call("5511990000409")
    api.server.advance(10)
    assert api.get("/voz/end", origem=origin, destino="5511990000409").json()["codigo"] == "004"
    assert live(api, origin, "5511990000409")["msg"][0]["status"] == "atendida"


def test_hanging_up_needs_the_same_numbers(api, origin, person):
    api.call(person)
    assert api.get("/voz/end", origem=origin, destino="5511990000002").json()["codigo"] == "003"
    assert api.get("/voz/end", origem=origin).json()["codigo"] == "001"


def test_scheduled_call_waits_and_returns_its_callerid(api, origin, person):
    reply = api.call(person, cron="04-03-2026-11-00-00")
    assert "callerid" not in reply
    ask = {"origem": origin, "agendamentoId": reply["agendamentoId"]}
    assert api.post("/voz/status-agendamento", **ask).json()["retorno"] == []
    assert api.server.state()["calls"][0]["phase"] == "scheduled"
    api.server.advance(3600)
    reply = api.post("/voz/status-agendamento", **ask).json()
    assert reply["modulo"] == "agendamento-status"
    assert reply["retorno"]["modulo"] == "chamar"
    assert reply["retorno"]["callerid"] == api.server.state()["calls"][0]["callerid"]


def test_retorno_as_a_list(start, origin):
    api = start(quirks=frozenset({"retorno_list"}))
    ask = {"origem": origin, "agendamentoId": api.call(cron="04-03-2026-10-30-00")["agendamentoId"]}
    assert api.post("/voz/status-agendamento", **ask).json()["retorno"] == []
    api.server.advance(1800)
    [answer] = api.post("/voz/status-agendamento", **ask).json()["retorno"]
    assert answer["callerid"]


def test_unknown_schedule_is_010(api, origin, person):
    schedule = api.call(person, cron="04-03-2026-11-00-00")["agendamentoId"]
    for fields in ({"origem": origin, "agendamentoId": "1"}, {"origem": person, "agendamentoId": schedule}):
        assert api.post("/voz/status-agendamento", **fields).json()["codigo"] == "010"


def test_a_schedule_in_the_past_starts_at_once(api, person):
    api.call(person, cron="01-01-2020-00-00-00")
    assert api.server.state()["calls"][0]["phase"] == "queued"


def test_sip_numbers_are_for_calls(api):
    assert api.call("ip4130000000")["status"] == "ok"
    assert api.send("ip4130000000")["codigo"] == "001"


def test_the_second_party_first_is_kept(api, person):
    api.call(person, inverter_discagem="s")
    assert api.server.state()["calls"][0]["destination_first"] is True


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_the_wrong_verb_is_a_php_error(api, verb):
    reply = api.http.request(verb, "/voz/call")
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert "Fatal error" in reply.text


def test_unknown_paths_are_html(api):
    reply = api.post("/voz/nothing")
    assert reply.status_code == 404
    assert reply.headers["content-type"].startswith("text/html")


def test_a_json_body_is_no_form(api, origin, person):
    reply = api.http.post("/voz/call", json={"access_token": api.token, "origem": origin, "destino": person})
    assert reply.status_code == 401
    reply = api.http.post("/voz/call", content=b"access_token=1", headers={"content-type": "text/plain"})
    assert reply.status_code == 401


def test_calls_can_live_faster_than_the_clock(start, person):
    api = start(pace=10)
    callerid = api.call(person)["callerid"]
    api.server.advance(3.4)
    assert [call["phase"] for call in api.server.state()["calls"]] == ["answered"]
    assert api.rows() == []
    api.server.advance(0.7)
    (row,) = api.rows()
    assert (row["callerid"], row["duracao"]) == (callerid, "00:00:30")
    assert row["inicio"] == api.server.state()["calls"][0]["starts"]


def test_scheduled_call_starts_on_time_at_any_pace(start, person):
    api = start(pace=10)
    in_five_minutes = datetime.fromtimestamp(api.server.now() + 300, ZoneInfo("America/Sao_Paulo"))
    api.call(person, cron=in_five_minutes.strftime("%d-%m-%Y-%H-%M-%S"))
    api.server.advance(299)
    assert api.server.state()["calls"][0]["phase"] == "scheduled"
    api.server.advance(2)
    assert api.server.state()["calls"][0]["phase"] == "answered"


def test_set_speed_resets_the_pace_of_calls(start, person):
    api = start(pace=10)
    api.server.set_speed(0)
    api.call(person)
    api.server.advance(34)
    assert api.server.state()["calls"][0]["phase"] == "answered"

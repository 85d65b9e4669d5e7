from __future__ import annotations

import pytest


def test_row_of_a_recorded_call(api, person):
    callerid = api.call(person, gravar="s", **{"campos[contact id]": "c/1"})["callerid"]
    api.server.advance(40)
    [row] = api.rows()
    link = row.pop("gravacao_link")
    assert row == {
        "origem": "551130000001",
        "destino": person,
        "inicio": "2026-03-04 10:00:00",
        "callerid": callerid,
        "duracao": "00:00:30",
        "status": "atendida",
        "tipo": "realizada",
        "valor": "0.1450",
        "campos": {"contact id": "c/1"},
    }
    audio = api.http.get(link)
    assert audio.headers["content-type"] == "audio/wav"
    assert audio.content.startswith(b"RIFF")


def test_no_recording_without_an_answer_or_a_wish(api, person):
    api.call("5511990000486", gravar="s")
    api.call(person)
    api.server.advance(60)
    assert all("gravacao_link" not in row for row in api.rows())
    assert api.rows("/extrato/list-recordings") == []


def test_recordings_are_listed_apart(api, person):
    api.call(person, gravar="s")
    api.call(person)
    api.server.advance(60)
    [row] = api.rows("/extrato/list-recordings")
    assert row["gravacao_link"]


@pytest.mark.parametrize("wanted", ["nothing", "0" * 40])
def test_other_recordings_do_not_exist(api, wanted):
    assert api.http.get(f"/recordings/{wanted}").status_code == 404


def test_a_call_that_was_not_recorded_has_no_audio(start, person):
    api = start(recording_host="http://recordings.example")
    api.call(person, gravar="s")
    api.server.advance(60)
    [row] = api.rows()
    host, wanted = row["gravacao_link"].rsplit("/recordings/")
    assert host == "http://recordings.example"
    assert len(wanted) == 40
    assert api.http.get(f"/recordings/{wanted}").status_code == 200


@pytest.mark.parametrize(("settings", "delay"), [({}, 5), ({"statement_delay": 60}, 60)])
def test_a_row_appears_after_the_delay_only(api, person, settings, delay):
    api.server.configure(**settings)
    api.call(person)
    api.server.advance(34 + delay)
    assert api.rows() == []
    api.server.advance(1)
    assert len(api.rows()) == 1


def test_rows_can_be_late_by_different_times(api, person):
    api.server.configure(statement_delay=5, statement_jitter=100)
    for _ in range(30):
        api.call(person)
        api.send(person)
    api.server.advance(39)
    seen = []
    for _ in range(3):
        api.server.advance(34)
        seen.append((len(api.rows()), len(api.rows("/extrato/list-sms"))))
    assert seen == sorted(seen)
    assert 0 < seen[0][0] < 30 == seen[-1][0]
    assert seen[-1] == (30, 30)


def test_the_window_is_inclusive_on_both_sides(api, person):
    api.call(person)
    api.server.advance(60)
    for since, until, found in (
        ("20260304100000", "20260304100000", 1),
        ("20260304100001", "20260304235959", 0),
        ("20260304000000", "20260304095959", 0),
    ):
        assert len(api.rows(dataInicial=since, dataFinal=until)) == found


@pytest.mark.parametrize("fields", [{"dataInicial": ""}, {"dataFinal": "2026-03-04"}, {"dataFinal": "20260231000000"}])
def test_the_window_is_needed(api, fields):
    fields = {"dataInicial": "20260304100000", "dataFinal": "20260304100000", **fields}
    assert api.post("/extrato/list", **fields).json()["codigo"] == "001"


def test_filters(api):
    first = api.call("5511990000001", **{"campos[a]": "1", "campos[b]": "2"})["callerid"]
    second = api.call("5511990000002", **{"campos[a]": "1"})["callerid"]
    api.server.advance(60)
    for fields, found in (
        ({}, {first, second}),
        ({"numeroDestino": "5511990000002"}, {second}),
        ({"numeroOrigem": "551130000001"}, {first, second}),
        ({"numeroOrigem": "551130000009"}, set()),
        ({"callerid": first}, {first}),
        ({"campos[a]": "1"}, {first, second}),
        ({"campos[a]": "1", "campos[b]": "2"}, {first}),
        ({"campos[a]": "2"}, set()),
        ({"campos[c]": ""}, set()),
        ({"getAllPins": "true", "mostrarPlayer": "n"}, {first, second}),
    ):
        assert {row["callerid"] for row in api.rows(**fields)} == found


@pytest.mark.parametrize("key", ["campos[search]", "campos['search']"])
def test_tags_are_shown_when_asked_for(api, person, key):
    api.call(person, **{"campos[a]": "1"})
    api.call(person)
    api.server.advance(60)
    window = {"dataInicial": "20260304100000", "dataFinal": "20260304100000"}
    assert [row["campos"] for row in api.post("/extrato/list", **window, **{key: "s"}).json()["msg"]] == [
        {"a": "1"},
        [],
    ]
    assert all("campos" not in row for row in api.post("/extrato/list", **window).json()["msg"])


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ({}, ["realizada"]),
        ({"tipoFiltro": "realizadas"}, ["realizada"]),
        ({"tipoFiltro": "recebidas"}, ["recebida"]),
        ({"tipoFiltro": "perdidas"}, ["recebida"]),
        ({"tipoFiltro": "todas"}, ["realizada", "recebida", "recebida"]),
    ],
)
def test_placed_received_and_missed_calls(api, person, kind, found):
    api.call(person)
    api.server.receive_call("1130000001", person)
    api.server.receive_call("1130000001", person, unanswered=["5511990000010"])
    api.server.advance(120)
    assert [row["tipo"] for row in api.rows(**kind)] == found


def test_unknown_kinds_and_pages_are_refused(api):
    for fields in ({"tipoFiltro": "x"}, {"pagina": "0"}, {"pagina": "x"}):
        assert api.statement(**fields).json()["codigo"] == "001"
    assert api.statement("/extrato/list-sms", tipo="x").json()["codigo"] == "001"


def read_all(api, path="/extrato/list", **fields):
    rows, page, pages = [], 1, 1
    while page <= pages:
        reply = api.statement(path, **fields, pagina=str(page)).json()
        rows += reply["msg"]
        pages = int(reply["paginas"])
        page += 1
    return rows, pages


def test_pages_hold_a_hundred_rows_and_each_row_once(api):
    api.server.seed(250, tags={"contact": "c{n}", "campaign": "x"})
    api.call()
    api.server.advance(60)
    rows, pages = read_all(api)
    assert pages == 3
    assert len({row["callerid"] for row in rows}) == len(rows) == 251
    assert api.rows(pagina="4") == []


def test_an_empty_statement_has_no_page(api):
    assert read_all(api) == ([], 0)


def test_order_can_be_lost_without_losing_rows(api):
    api.server.configure(statement_shuffle=3, page_size=10)
    api.server.seed(95)
    rows, pages = read_all(api)
    times = [row["inicio"] for row in rows]
    assert pages == 10
    assert len({row["callerid"] for row in rows}) == 95
    assert times != sorted(times)


def test_200_000_made_up_rows_page_and_filter_quickly(api):
    api.server.seed(200_000, tags={"contact": "c{n}", "campaign": "x"})
    last = api.statement(pagina="2000").json()
    assert last["paginas"] == 2000
    assert len(last["msg"]) == 100
    assert last["msg"][-1]["campos"] == {"contact": "c199999", "campaign": "x"}
    assert api.server.state()["seeded_rows"] == 200_000
    [row] = read_all(api, **{"campos[contact]": "c777", "campos[campaign]": "x"})[0]
    assert row["campos"]["contact"] == "c777"
    assert read_all(api, callerid=row["callerid"])[0] == [row]
    for nothing in (
        {"campos[contact]": "c0777"},
        {"campos[contact]": "777"},
        {"campos[campaign]": "y"},
        {"campos[z]": "1"},
    ):
        assert read_all(api, **nothing) == ([], 0)
    assert read_all(api, callerid="nobody") == ([], 0)
    assert read_all(api, numeroOrigem="551130000009") == ([], 0)


def test_made_up_rows_filter_by_destination_window_and_recording(api, start_time):
    api.server.seed(1000, first_at=start_time, step_seconds=2)
    rows, _ = read_all(api, numeroDestino="5511990000007")
    assert len(rows) == 10
    rows, _ = read_all(api, dataInicial="20260304100010", dataFinal="20260304100015")
    assert [row["inicio"][-2:] for row in rows] == ["10", "12", "14"]
    recorded, _ = read_all(api, "/extrato/list-recordings")
    assert recorded == [row for row in read_all(api)[0] if "gravacao_link" in row]
    assert api.http.get(recorded[3]["gravacao_link"]).status_code == 200
    one, _ = read_all(api, "/extrato/list-recordings", callerid=recorded[3]["callerid"])
    assert one == [recorded[3]]
    assert read_all(api, tipoFiltro="recebidas") == ([], 0)


def test_statement_of_messages(api, person):
    reply = api.send(f"{person};5511990000410", texto="x" * 200, **{"campos[k]": "v"})
    api.send(person, tipo="voz", texto="fala")
    api.server.advance(60)
    first, second, voice = api.rows("/extrato/list-sms")
    assert first == {
        "origem": "loja",
        "destino": person,
        "inicio": "2026-03-04 10:00:00",
        "tipo": "texto",
        "texto": "x" * 200,
        "status": "entregue",
        "callerid": reply["callerid"],
        "id_mensagem": reply["detalhe"][0]["id_mensagem"],
        "valor": "0.1800",
        "campos": {"k": "v"},
    }
    assert (second["status"], second["valor"]) == ("nao entregue", "0.0000")
    assert (voice["tipo"], voice["valor"]) == ("voz", "0.1500")
    assert len(api.rows("/extrato/list-sms", tipo="voz")) == 1
    assert len(api.rows("/extrato/list-sms", **{"campos[k]": "v"})) == 2
    assert len(api.rows("/extrato/list-sms", numeroDestino=person, callerid=reply["callerid"])) == 1


def test_messages_reach_the_statement_after_the_delay(api):
    api.send()
    api.server.advance(5)
    assert api.rows("/extrato/list-sms") == []
    api.server.advance(1)
    assert len(api.rows("/extrato/list-sms")) == 1


def test_scheduled_messages_in_the_statement_are_a_setting(start):
    api = start(scheduled_in_statement=True)
    code = api.send(cron="04-03-2026-12-00-00")["callerid"]
    api.server.advance(5)
    [row] = api.rows("/extrato/list-sms")
    assert (row["status"], row["valor"]) == ("agendada", "0.0000")
    api.get("/sms/remove", code=code)
    assert api.rows("/extrato/list-sms")[0]["status"] == "cancelada"


@pytest.mark.parametrize(
    ("destination", "price"),
    [
        ("551130000002", "0.0400"),
        ("5511990000001", "0.1250"),
        ("ip1130000002", "0.0400"),
        ("5511990000104", "0.1250"),  # a short call costs thirty seconds
    ],
)
def test_prices_of_calls(api, destination, price):
    api.call(destination)
    api.server.advance(60)
    assert api.rows()[0]["valor"] == price


def test_a_foreign_sms_costs_more(api):
    api.send("0011234567890")
    api.server.advance(60)
    assert api.rows("/extrato/list-sms")[0]["valor"] == "0.3000"


def test_balance(api):
    assert api.post("/extrato/saldo").json() == {
        "api": "extrato",
        "modulo": "saldo",
        "status": "ok",
        "codigo": "000",
        "msg": {"moeda": "BRL", "saldo": "1234.56"},
    }


def test_balance_as_xml(api):
    assert "<saldo>1234.56</saldo>" in api.post("/extrato/saldo", format="XML").text

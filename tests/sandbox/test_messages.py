from __future__ import annotations

import pytest

MP3 = b"ID3" + bytes(100)


def phrase(api, code):
    return api.get("/sms/status", code=code).json()["msg"]


def test_reply_is_the_observed_one(api, person):
    reply = api.send(person)
    callerid = reply["callerid"]
    assert len(callerid) == 14
    assert reply == {
        "api": "sms",
        "modulo": "enviar",
        "status": "ok",
        "codigo": "000",
        "msg": f"001 - Mensagem enviada com sucessso - CALLER-ID: {callerid}",
        "destino": [person],
        "callerid": callerid,
        "detalhe": [{"destino": person, "id_mensagem": reply["detalhe"][0]["id_mensagem"]}],
    }
    assert isinstance(reply["detalhe"][0]["id_mensagem"], int)
    assert reply["detalhe"][0]["id_mensagem"] != int(callerid)


@pytest.mark.parametrize(
    "fields",
    [
        {"origem": ""},
        {"destino": ""},
        {"destino": ";;"},
        {"destino": "12"},
        {"texto": ""},
        {"texto": "x" * 701},
        {"tipo": "fax"},
        {"cron": "tomorrow"},
        {"short_number": "x"},
        {"enviar_de": "24"},
        {"enviar_ate": "-1"},
        {"campos[a][]": "x"},
    ],
)
def test_bad_parameters_are_refused(api, fields):
    reply = api.send(**{"destination": fields.pop("destino", "5511990000001"), **fields})
    assert (reply["status"], reply["codigo"]) == ("erro", "001")
    assert api.server.state()["messages"] == []


def test_one_request_of_many_has_one_callerid_and_many_ids(api):
    reply = api.send("5511990000001; 5511990000002;5511990000003", texto="x" * 700)
    ids = [entry["id_mensagem"] for entry in reply["detalhe"]]
    assert len(set(ids)) == 3
    assert {message["callerid"] for message in api.server.state()["messages"]} == {reply["callerid"]}
    assert api.server.state()["effects"]["messages_accepted"] == 3
    assert api.server.state()["effects"]["message_requests_accepted"] == 1


def test_ids_are_unique_on_a_stopped_clock(api):
    replies = [api.send() for _ in range(5)]
    ids = {reply["callerid"] for reply in replies} | {str(reply["detalhe"][0]["id_mensagem"]) for reply in replies}
    assert len(ids) == 10


def test_some_are_refused_and_the_others_go(api, person):
    reply = api.send(f"{person};5511990000404;5511990000402;5511990000500;123")
    assert reply["status"] == "ok"
    assert [entry.get("codigo") for entry in reply["detalhe"]] == [None, "001", "201", "008", "001"]
    assert all(entry["msg"] for entry in reply["detalhe"][1:])
    assert len(api.server.state()["messages"]) == 1


def test_when_all_are_refused_the_request_is(api):
    reply = api.send("5511990000402;5511990000404")
    assert (reply["status"], reply["codigo"]) == ("erro", "201")
    assert [entry["codigo"] for entry in reply["detalhe"]] == ["201", "001"]
    assert "messages_accepted" not in api.server.state()["effects"]


def test_numbers_from_a_file(api):
    listed = b"5511990000001\n5511990000002,5511990000003|nobody"
    reply = api.post("/sms/send", files={"destino_csv": ("n.csv", listed)}, origem="loja", texto="oi").json()
    assert reply["destino"] == ["5511990000001", "5511990000002", "5511990000003"]


def test_an_empty_file_is_refused(api):
    reply = api.post("/sms/send", files={"destino_csv": ("n.csv", b"nobody")}, origem="loja", texto="oi").json()
    assert reply["codigo"] == "001"


QUEUED, SENT = "Mensagem na fila de envio", "Mensagem enviada, aguardando confirmacao"
DELIVERED, FAILED = "Mensagem entregue", "Mensagem nao entregue"
ANSWERS, BUSY, SILENT, UNDELIVERED = "5511990000001", "5511990000486", "5511990000480", "5511990000410"
HOUR = 3600


def voice(attempts):
    return {"tipo": "voz", "num_tentativas": attempts}


@pytest.mark.parametrize(
    ("destination", "fields", "phrases"),
    [
        (ANSWERS, {}, {0: QUEUED, 1: SENT, 5: DELIVERED}),
        (f"{ANSWERS};{UNDELIVERED}", {}, {10: SENT, 40: f"{FAILED}: {UNDELIVERED}"}),
        (UNDELIVERED, {}, {31: FAILED}),
        (ANSWERS, {"short_number": "n"}, {10**6: SENT}),
        (BUSY, voice("2"), {180: SENT, 201: DELIVERED}),
        (BUSY, voice("1"), {31: FAILED}),
        (SILENT, voice("1"), {30: SENT, 31: FAILED}),
        (SILENT, voice(""), {390: SENT, 391: FAILED}),
        (SILENT, voice("many"), {390: SENT, 391: FAILED}),
        (SILENT, voice("0"), {390: SENT, 391: FAILED}),
        (SILENT, voice("4"), {570: SENT, 571: FAILED}),
        (
            ANSWERS,
            {"tipo": "voz", "enviar_de": "14", "enviar_ate": "18"},
            {4 * HOUR - 1: QUEUED, 4 * HOUR + 20: DELIVERED},
        ),
        (
            ANSWERS,
            {"tipo": "voz", "enviar_de": "8", "enviar_ate": "9"},
            {22 * HOUR - 1: QUEUED, 22 * HOUR + 20: DELIVERED},
        ),
        (ANSWERS, {"tipo": "voz", "enviar_ate": "9"}, {14 * HOUR - 1: QUEUED, 14 * HOUR + 20: DELIVERED}),
    ],
)
def test_status_phrase_by_seconds_after_sending(api, destination, fields, phrases):
    code, now = api.send(destination, **fields)["callerid"], api.server.now()
    for seconds, expected in phrases.items():
        api.server.advance(now + seconds - api.server.now())
        assert phrase(api, code) == expected


def test_unknown_code_is_010(api):
    message = api.send()["detalhe"][0]["id_mensagem"]
    for path in ("/sms/status", "/sms/remove"):
        assert api.get(path, code="1").json()["codigo"] == "010"
        assert api.get(path, code=str(message)).json()["codigo"] == "010"
        assert api.get(path).json()["codigo"] == "001"


def test_scheduled_message_waits_and_can_be_cancelled(api):
    code = api.send(cron="04-03-2026-11-00-00")["callerid"]
    assert phrase(api, code) == "Mensagem agendada"
    assert api.get("/sms/remove", code=code).json()["codigo"] == "000"
    api.server.advance(7200)
    assert phrase(api, code) == "Mensagem cancelada"
    assert api.get("/sms/remove", code=code).json()["codigo"] == "010"
    assert api.rows("/extrato/list-sms") == []
    assert api.server.state()["effects"]["messages_cancelled"] == 1


def test_a_message_on_its_way_cannot_be_cancelled(api):
    code = api.send(cron="04-03-2026-11-00-00")["callerid"]
    api.server.advance(3600)
    assert api.get("/sms/remove", code=code).json()["codigo"] == "010"
    api.server.advance(10)
    assert phrase(api, code) == DELIVERED


def test_voice_message_by_stored_audio(api, person):
    stored = api.post("/sms/audio", files={"audio": ("a.mp3", MP3)}).json()
    assert stored["modulo"] == "recebimento"
    assert stored["msg"] == f"Audio Cadastrado com sucesso - AUDIO_ID: {stored['audio_id']}"
    assert len(stored["audio_id"]) == 24
    api.post("/sms/send", origem="loja", destino=person, tipo="voz", audio_id=stored["audio_id"])
    assert api.server.state()["messages"][0]["audio"] == stored["audio_id"]


def test_voice_message_by_uploaded_audio(api, person):
    fields = {"origem": "loja", "destino": person, "tipo": "voz", "campos[a.b]": "c"}
    reply = api.post("/sms/send", files={"audio": ("a.mp3", MP3)}, **fields).json()
    assert reply["status"] == "ok"
    [message] = api.server.state()["messages"]
    assert message["audio"].startswith("sha256:")
    assert message["tags"] == {"a.b": "c"}
    assert api.server.state()["audios"] == []


def test_audio_that_does_not_exist_or_is_none(api, person):
    fields = {"origem": "loja", "destino": person, "tipo": "voz"}
    assert api.post("/sms/send", audio_id="nope", **fields).json()["codigo"] == "010"
    assert api.post("/sms/send", files={"audio": ("a.mp3", b"RIFF")}, **fields).json()["codigo"] == "001"
    assert api.post("/sms/send", **fields).json()["codigo"] == "001"


@pytest.mark.parametrize("content", [b"", b"plain text", MP3 + bytes(4 * 1024 * 1024)])
def test_audio_that_is_no_mp3_or_too_large(api, content):
    assert api.post("/sms/audio", files={"audio": ("a.mp3", content)}).json()["codigo"] == "001"
    assert api.post("/sms/audio").json()["codigo"] == "001"


def test_an_mp3_without_id3_is_one(api):
    assert api.post("/sms/audio", files={"audio": ("a.mp3", b"\xff\xfb\x90\x00")}).json()["status"] == "ok"


def test_a_window_over_midnight(api, start_time):
    api.server.set_time(start_time.replace(hour=23))
    code = api.send(tipo="voz", enviar_de="22", enviar_ate="6")["callerid"]
    api.server.advance(30)
    assert phrase(api, code) == DELIVERED


def test_lot_sends_each_its_text(api):
    body = {
        "access_token": api.token,
        "origem": "551130000001",
        "campos": {"lote": 7},
        "destinatarios": [
            {"id_destinatario": "a", "destino": "5511990000001", "texto": "oi Ana", "campos": {"nome": "Ana"}},
            {"id_destinatario": 2, "destino": 5511990000002, "texto": "oi Bia"},
            {"id_destinatario": "a", "destino": "5511990000003", "texto": "again"},
            {"id_destinatario": "c", "destino": "5511990000404", "texto": "no"},
            {"destino": "5511990000005", "texto": "no id"},
            "nonsense",
        ],
    }
    reply = api.http.post("/sms/lot-send", json=body).json()
    assert reply["status"] == "ok"
    assert [entry.get("codigo") for entry in reply["detalhe"]] == [None, None, "001", "001", "001", "001"]
    assert [entry.get("id_destinatario") for entry in reply["detalhe"][:4]] == ["a", "2", "a", "c"]
    first, second = api.server.state()["messages"]
    assert (first["text"], first["tags"], first["recipient_id"]) == ("oi Ana", {"lote": "7", "nome": "Ana"}, "a")
    assert (second["text"], second["tags"]) == ("oi Bia", {"lote": "7"})


@pytest.mark.parametrize("recipients", [None, [], "x", [{"id_destinatario": "1"}] * 501])
def test_bad_lots_are_refused(api, recipients):
    body = {"access_token": api.token, "origem": "loja", "destinatarios": recipients}
    assert api.http.post("/sms/lot-send", json=body).json()["codigo"] == "001"


@pytest.mark.parametrize("content", [b"{", b"[1]", b"null"])
def test_a_lot_that_is_no_json_object_has_no_token(api, content):
    reply = api.http.post("/sms/lot-send", content=content, headers={"content-type": "application/json"})
    assert reply.json()["error"] == "invalid_token"


def test_received_messages_of_a_closed_window(api, person):
    api.server.receive_message(person, "27000", "sim")
    api.server.advance(60)
    api.server.receive_message("5511990000002", "27000", "não")
    ask = {"data_inicio": "2026-03-04 10:00:00", "data_fim": "2026-03-04 10:00:59"}
    assert api.post("/sms/recebimento", **ask).json()["msg"] == [
        {"origem": person, "destino": "27000", "texto": "sim", "dataHora": "2026-03-04 10:00:00"}
    ]
    ask["data_fim"] = "2026-03-04 10:01:00"
    pages = [api.post("/sms/recebimento", itens_por_pagina="1", pagina=page, **ask).json()["msg"] for page in "123"]
    assert [[row["texto"] for row in page] for page in pages] == [["sim"], ["não"], []]
    assert api.post("/sms/recebimento", data_inicio="20260304100000", data_fim="x").json()["codigo"] == "001"


def test_received_messages_by_the_early_method(api, person):
    api.server.receive_message(person, "27000", "sim")
    api.server.receive_message(person, "28000", "sim")
    ask = {"data_inicio": "04-03-2026-10-00-00", "data_fim": "04-03-2026-10-00-00"}
    [row] = api.post("/sms/received", destino="28000", **ask).json()["msg"]
    assert row["destino"] == "28000"


def test_people_reply_to_an_sms_that_arrives(api):
    window = {"data_inicio": "2026-03-04 10:00:00", "data_fim": "2026-03-04 11:00:00"}
    api.send("5541990000701;5541990000702;5511990000001")
    api.send("5541990000703", tipo="voz")
    api.send("5541990000703", short_number="n")
    api.send("5541990000703", cron="04-03-2026-10-30-00")
    api.server.advance(60)
    assert api.post("/sms/recebimento", **window).json()["msg"] == []
    api.server.advance(6)
    replies = api.post("/sms/recebimento", **window).json()["msg"]
    assert [(row["origem"], row["destino"], row["texto"]) for row in replies] == [
        ("5541990000701", "27000", " Sim "),
        ("5541990000702", "27000", "1."),
    ]
    assert {row["dataHora"] for row in replies} == {"2026-03-04 10:01:05"}
    api.server.advance(3600)
    assert [row["texto"] for row in api.post("/sms/recebimento", **window).json()["msg"]][2:] == ["1️⃣"]


def test_people_reply_at_the_pace_of_messages(start):
    api = start(pace=10)
    api.send("5541990000704")
    api.server.advance(7)
    window = {"data_inicio": "2026-03-04 10:00:00", "data_fim": "2026-03-04 11:00:00"}
    (reply,) = api.post("/sms/recebimento", **window).json()["msg"]
    assert (reply["texto"], reply["dataHora"]) == ("2", "2026-03-04 10:00:06")

from __future__ import annotations

import sqlite3

MP3 = b"ID3" + bytes(10)


def test_everything_survives_a_restart(start, tmp_path, person):
    db = tmp_path / "sandbox.db"
    settings = {"db": db, "recording_host": "http://recordings.example"}
    api = start(**settings)
    api.call(person, **{"campos[nome]": "João"})
    api.send(cron="04-03-2026-12-00-00")
    api.post("/sms/audio", files={"audio": ("a.mp3", MP3)})
    api.post("/did/add-sound", files={"audio": ("a.mp3", MP3)}, nome="n")
    api.post("/did/save", did="1130000001", priority="2", action="hangup")
    api.post("/did/remove", did="1130000001", dpId="18000")
    api.post("/voz/add-callback", url="https://hook.example/")
    api.server.receive_message(person, "27000", "sim")
    api.server.seed(1000, tags={"a": "{n}"})
    api.server.advance(120)
    before = api.server.state()
    rows = api.rows()
    before["requests"]["extrato/list"] = 1
    api.server.stop()

    again = start(**settings)
    after = again.server.state()
    assert after["requests"].pop("request_token") == before["requests"].pop("request_token") + 1
    assert after["effects"].pop("tokens_issued") == before["effects"].pop("tokens_issued") + 1
    assert after == before
    assert again.rows() == rows
    assert again.post("/did/save", did="1130000001", priority="2", action="hangup").json()["data"]["dpId"] == "18004"


def test_reset_empties_the_file_too(start, tmp_path):
    db = tmp_path / "sandbox.db"
    api = start(db=db)
    api.call()
    api.server.reset()
    api.server.stop()
    assert start(db=db).server.state()["calls"] == []
    with sqlite3.connect(db) as connection:
        kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT kind FROM record")}
    connection.close()
    assert "CallRecord" not in kinds


def test_tokens_do_not_survive(start, tmp_path):
    db = tmp_path / "sandbox.db"
    first = start(db=db)
    first.server.stop()
    second = start(db=db)
    second.token = first.token
    assert second.post("/did/list").status_code == 401

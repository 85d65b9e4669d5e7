from __future__ import annotations

import json
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


def test_file_of_an_earlier_build_is_read(start, tmp_path):
    db = tmp_path / "sandbox.db"
    first = start(db=db)
    first.server.receive_message("5511990000001", "27000", "sim")
    first.post("/sms/audio", files={"audio": ("a.mp3", MP3)})
    first.post("/did/add-sound", files={"audio": ("a.mp3", MP3)}, nome="n")
    first.post("/did/save", did="1130000001", dpId="18000", priority="7", action="hangup")
    first.server.advance(120)
    before = first.server.state()
    first.server.stop()
    with sqlite3.connect(db) as connection:
        make_old(connection)
    connection.close()
    again = start(db=db).server.state()
    for name in ("now", "received_messages", "audios", "sounds", "rules"):
        assert again[name] == before[name]
    assert again["requests"]["did/save"] == before["requests"]["did/save"]


def make_old(connection):
    """Give the rows the kinds and keys of before."""
    for kind, old in (
        ("ReceivedMessageRecord", "ReceivedMessage"),
        ("AudioRecord", "StoredAudio"),
        ("SoundRecord", "StoredSound"),
    ):
        assert connection.execute("UPDATE record SET kind = ? WHERE kind = ?", (old, kind)).rowcount == 1
    connection.execute("UPDATE record SET kind = 'setting', key = 'clock' WHERE kind = 'clock'")
    connection.execute("UPDATE record SET kind = 'setting', key = 'last ' || key WHERE kind = 'last ids'")
    for name in ("requests", "effects"):
        counts = {
            key: json.loads(text)
            for key, text in connection.execute("SELECT key, text FROM record WHERE kind = ?", (name,))
        }
        connection.execute("DELETE FROM record WHERE kind = ?", (name,))
        connection.execute("INSERT INTO record VALUES ('tally', ?, ?)", (name, json.dumps(counts)))


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

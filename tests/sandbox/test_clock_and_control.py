from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_directcall.sandbox.clock import SandboxClock


class Real:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def test_clock_runs_at_its_speed():
    real = Real()
    clock = SandboxClock(start=0.0, speed=60, real=real)
    real.now += 2
    assert clock.now() == 120
    clock.set_speed(1)
    real.now += 5
    assert clock.now() == 125
    assert clock.speed == 1


def test_stopped_clock_is_moved_by_hand():
    real = Real()
    clock = SandboxClock(speed=0, real=real)
    real.now += 100
    assert clock.now() == 1000
    clock.advance(0.5)
    assert clock.now() == 1000.5
    clock.set(7)
    assert clock.now() == 7
    clock.set_speed(2)
    real.now += 1
    assert clock.now() == 9


def test_clock_rejects_negative_numbers():
    with pytest.raises(ValueError, match="speed"):
        SandboxClock(speed=-1)
    with pytest.raises(ValueError, match="seconds"):
        SandboxClock(speed=0).advance(-1)


def test_clock_goes_on_after_a_restart():
    real = Real()
    clock = SandboxClock(start=0.0, speed=2, real=real)
    real.now += 10
    later = SandboxClock(speed=1, real=real)
    later.restore(*clock.anchor())
    assert later.now() == 20
    real.now += 1
    assert later.now() == 21


def test_clock_over_http(api):
    moved = api.http.post("/_sandbox/clock", json={"to": "2026-12-25T08:00:00", "advance": 60}).json()
    assert moved == {"now": "2026-12-25 08:01:00", "speed": 0}
    aware = api.http.post("/_sandbox/clock", json={"to": "2026-12-25T08:00:00+00:00"}).json()
    assert aware["now"] == "2026-12-25 05:00:00"
    assert api.http.post("/_sandbox/clock", json={"speed": 5}).json()["speed"] == 5
    for wrong in ({"advance": -1}, {"to": "tomorrow"}, {"jump": 1}):
        assert api.http.post("/_sandbox/clock", json=wrong).status_code == 422


def test_clock_in_process(server, start_time):
    server.set_time(datetime(2026, 5, 1, 12, 0, tzinfo=UTC))
    assert server.state()["now"] == "2026-05-01 09:00:00"
    server.set_time(datetime(2026, 5, 1, 12, 0))
    assert server.state()["now"] == "2026-05-01 12:00:00"
    before = server.now()
    server.set_speed(1000)
    while server.now() == before:
        continue
    server.set_speed(0)
    assert server.now() > before


def test_settings_over_http(api):
    changed = api.http.post("/_sandbox/statement", json={"statement_delay": 0, "page_size": 7}).json()
    assert (changed["statement_delay"], changed["page_size"]) == (0, 7)
    quirks = api.http.post("/_sandbox/settings", json={"quirks": ["bom"]}).json()["quirks"]
    assert quirks == ["bom"]
    for wrong in ({"client_secret": "x"}, {"page_size": 0}, {"quirks": ["x"]}):
        assert api.http.post("/_sandbox/settings", json=wrong).status_code == 422
    assert api.http.post("/_sandbox/reset").json() == {"reset": True}
    assert api.http.get("/_sandbox/state").json()["settings"]["page_size"] == 100


def test_reset_restores_the_initial_state(api):
    api.call()
    api.send()
    api.post("/did/save", did="1130000001", priority="3", action="hangup")
    api.server.seed(10)
    api.server.advance(100)
    api.server.reset()
    state = api.server.state()
    assert (state["calls"], state["messages"], state["seeded_rows"], state["effects"]) == ([], [], 0, {})
    assert state["now"] == "2026-03-04 10:00:00"
    assert [rule["dpId"] for rule in state["rules"]["1130000001"]] == ["18000"]


def test_seed_over_http(api):
    body = {"count": 5, "first_at": "2026-01-01T00:00:00", "step_seconds": 3600, "tags": {"k": "v{n}"}}
    assert api.http.post("/_sandbox/seed", json=body).json() == {"block": 1, "count": 5}
    rows = api.rows()
    assert [row["inicio"] for row in rows][::4] == ["2026-01-01 00:00:00", "2026-01-01 04:00:00"]
    assert rows[3]["campos"] == {"k": "v3"}
    wrong_tag, wrong_kind = {"count": 1, "tags": {"k": "{n}{n}"}}, {"count": 1, "kind": "faxes"}
    for wrong in ({"count": 0}, wrong_tag, wrong_kind, {"count": 1, "step_seconds": 0}):
        assert api.http.post("/_sandbox/seed", json=wrong).status_code == 422


def test_seeded_messages_are_rows_and_no_effects(api):
    api.server.seed(3, first_at=api.server.state()["now"][:10], step_seconds=60, tags={"k": "v{n}"}, kind="messages")
    rows = api.rows("/extrato/list-sms")
    assert [row["campos"]["k"] for row in rows] == ["v0", "v1", "v2"]
    assert {row["status"] for row in rows} == {"entregue"}
    assert [row["callerid"] for row in api.rows("/extrato/list-sms", **{"campos[k]": "v1"})] == [rows[1]["callerid"]]
    assert api.rows() == []
    state = api.server.state()
    assert (state["seeded_rows"], state["messages"]) == (3, [])
    assert not [effect for effect in state["effects"] if effect.startswith("message")]


def test_messages_and_rules_and_tokens_over_http(api):
    sent = api.http.post("/_sandbox/messages", json={"origin": "5511990000001", "destination": "27000", "text": "PARE"})
    assert sent.json()["received_id"] == api.server.state()["received_messages"][0]["received_id"]
    rules = api.http.post("/_sandbox/rules", json={"did": "1130000001", "priority": 7, "action": "hangup"}).json()
    assert [rule["priority"] for rule in rules["1130000001"]] == ["1", "7"]
    assert api.http.post("/_sandbox/rules", json={"did": "1"}).status_code == 422
    api.http.post("/_sandbox/expire-tokens")
    assert api.post("/did/list").status_code == 401


@pytest.mark.parametrize("content", [b"{", b"[1]", b'"x"'])
def test_control_bodies_that_are_no_objects(api, content):
    assert api.http.post("/_sandbox/clock", content=content).status_code == 422


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:80"},
        {"host": "[::1"},
        {"host": ""},
    ],
)
def test_control_from_another_site(api, headers):
    for verb, name in (("POST", "reset"), ("POST", "seed"), ("GET", "state"), ("DELETE", "faults")):
        assert api.http.request(verb, f"/_sandbox/{name}", headers=headers).status_code == 403
    assert api.post("/did/list").json()["status"] == "ok"


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8025"},
        {"host": "[::1]:8025"},
        {"host": "sandbox:8025"},
        {"host": "localhost:1", "origin": "http://localhost:1", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_control_from_this_machine(start, headers):
    api = start(host_names=("sandbox",))
    assert api.http.post("/_sandbox/reset", headers=headers).json() == {"reset": True}


def test_the_api_answers_to_any_host(api):
    reply = api.http.post("/did/list", data={"access_token": api.token}, headers={"host": "directcall:80"})
    assert reply.json()["status"] == "ok"


def test_state_has_the_end_of_calls_and_messages(api, start_time):
    api.call()
    api.send()
    state = api.http.get("/_sandbox/state").json()
    assert state["calls"][0]["ended_at"] == (start_time + timedelta(seconds=35)).timestamp()
    assert state["messages"][0]["ended_at"] == (start_time + timedelta(seconds=5)).timestamp()

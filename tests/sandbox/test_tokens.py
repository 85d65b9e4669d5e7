from __future__ import annotations

import base64
import json
import re
import time


def test_token_is_a_jwt_with_the_vendors_claims(api):
    head, payload, _ = api.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": "HS256"}
    assert claims.keys() == {"iss", "aud", "iat", "nbf", "exp", "client_oauth_id"}
    assert claims["iss"] == "http://api.directcallsoft.com"
    assert claims["exp"] == claims["iat"] + 3600
    assert abs(claims["iat"] - time.time()) < 60
    assert len(api.token) > 250


def test_wrong_secret_gives_false(api):
    reply = api.http.post("/request_token", data={"client_id": "sandbox@example.com", "client_secret": "no"})
    assert reply.status_code == 200
    assert reply.json()["access_token"] is False
    assert reply.json()["msg"]
    assert api.server.state()["effects"] == {"tokens_issued": 1}


def test_missing_token_is_refused_without_effect(api, origin, person):
    reply = api.http.post("/voz/call", data={"origem": origin, "destino": person})
    assert reply.status_code == 401
    assert reply.json() == {"error": "invalid_token", "error_description": "The access token was not found"}
    assert api.server.state()["calls"] == []


def test_unknown_token_is_refused(api):
    api.token = "x"
    assert "invalid" in api.get("/sms/status", code="1").json()["error_description"]


def test_a_token_given_as_an_array_is_refused(api):
    assert api.http.post("/did/list", data={"access_token[]": api.token}).json()["error"] == "invalid_token"


def test_a_token_in_the_query_does_not_serve_a_post(api):
    assert api.http.post(f"/did/list?access_token={api.token}").status_code == 401


def test_expired_tokens_are_refused_until_a_new_one(api):
    api.server.expire_tokens()
    assert "expired" in api.post("/did/list").json()["error_description"]
    api.token = api.login()
    assert api.post("/did/list").json()["status"] == "ok"


def test_life_runs_on_the_simulated_clock_when_asked(start):
    api = start(token_life=600, tokens_by="simulated")
    api.server.advance(599)
    assert api.post("/did/list").json()["status"] == "ok"
    api.server.advance(1)
    assert api.post("/did/list").status_code == 401


def test_a_life_of_nothing_expires_at_once(start):
    assert start(token_life=0).post("/did/list").status_code == 401


def test_envelope_and_status_of_the_refusal_can_be_chosen(start):
    api = start(quirks=frozenset({"auth_envelope", "auth_200"}))
    api.token = "x"
    reply = api.post("/did/list")
    assert reply.status_code == 200
    assert reply.json()["codigo"] == "006"
    assert reply.json()["status"] == "erro"


def test_old_tokens_are_forty_hex_digits(start):
    api = start(quirks=frozenset({"hex_token"}))
    assert re.fullmatch("[0-9a-f]{40}", api.token)
    assert api.post("/did/list").json()["status"] == "ok"


def test_reset_forgets_tokens(api):
    api.server.reset()
    assert api.post("/did/list").status_code == 401


def test_encrypt_gives_another_key_each_time(api, person):
    fields = {"client_id": "sandbox@example.com", "client_secret": "sandbox-secret", "destino": person}
    first, second = (api.http.post("/encrypt", data=fields).json()["cipher"] for _ in range(2))
    assert len(first) == 24
    assert first != second


def test_encrypt_works_without_a_number(api):
    fields = {"client_id": "sandbox@example.com", "client_secret": "sandbox-secret"}
    assert api.http.post("/encrypt", data=fields).json()["cipher"]


def test_encrypt_needs_the_secret_and_a_number(api):
    assert api.http.post("/encrypt", data={"client_id": "x"}).json()["codigo"] == "006"
    fields = {"client_id": "sandbox@example.com", "client_secret": "sandbox-secret", "destino": "12"}
    assert api.http.post("/encrypt", data=fields).json()["codigo"] == "001"

"""Settings of the client from Airflow connections of all forms, valid and invalid."""

from __future__ import annotations

import json
import socket
from urllib.parse import quote_plus

import pytest

from airflow_provider_directcall.api.settings import Settings
from airflow_provider_directcall.hooks.connection import settings_of
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook, DirectcallHook
from airflow_provider_directcall.provider_info import get_provider_info
from airflow_provider_directcall.sandbox import Fault

ENDPOINTS = {"save_rule": "/did/gravar"}
FIELDS = {"list_statement": {"valor": "preco"}}


def settings(conn_id: str, **arguments: float) -> Settings:
    return DirectcallHook(conn_id, **arguments).settings


def test_only_what_is_needed(enter) -> None:
    assert settings(enter()) == Settings("me@example.com", "s3cret-x")


@pytest.mark.parametrize(
    "extra",
    [
        {
            "default_origin": "551130000001",
            "timezone": "America/Manaus",
            "timeout": 7,
            "requests_per_second": 0.5,
            "endpoints": ENDPOINTS,
            "fields": FIELDS,
        },
        {
            "default_origin": 551130000001,
            "timezone": " America/Manaus ",
            "timeout": "7",
            "requests_per_second": "0.5",
            "endpoints": json.dumps(ENDPOINTS),
            "fields": json.dumps(FIELDS),
        },
    ],
    ids=["typed", "texts"],
)
def test_everything(enter, extra) -> None:
    read = settings(enter(host="http://127.0.0.1:8025/", extra=extra))
    assert read == Settings(
        "me@example.com",
        "s3cret-x",
        base_url="http://127.0.0.1:8025",
        default_origin="551130000001",
        timezone="America/Manaus",
        timeout=7,
        requests_per_second=0.5,
        endpoints=ENDPOINTS,
        fields=FIELDS,
    )


@pytest.mark.parametrize("empty", ["", None])
def test_empty_means_not_set(enter, empty) -> None:
    names = get_provider_info()["connection-types"][0]["conn-fields"]
    assert settings(enter(host=empty, extra=dict.fromkeys(names, empty))) == Settings("me@example.com", "s3cret-x")


def test_the_form_s_fields_are_those_that_are_read() -> None:
    """The form's fields are the fields that are read."""

    class Asked(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            self[name] = None
            return default

    class Bare:
        conn_id, login, password, host, schema, port, extra = "x", "a", "b", None, None, None, None

    asked = Asked()
    settings_of(Bare(), asked, DirectcallHook("x")._overrides)
    assert asked.keys() == get_provider_info()["connection-types"][0]["conn-fields"].keys()


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("directcall://me%40example.com:s3cret-x@http%3A%2F%2F127.0.0.1%3A8025", "http://127.0.0.1:8025"),
        ("directcall://me%40example.com:s3cret-x@127.0.0.1:8025/http", "http://127.0.0.1:8025"),
        ("directcall://me%40example.com:s3cret-x@[::1]:8025/http", "http://[::1]:8025"),
        ("directcall://me%40example.com:s3cret-x@api.example.com", "https://api.example.com"),
        ("directcall://me%40example.com:s3cret-x@", "https://api.directcallsoft.com"),
    ],
)
def test_as_a_uri(enter, uri, base_url) -> None:
    extra = quote_plus(json.dumps({"timeout": 7, "endpoints": ENDPOINTS}))
    for query in ("", "/" * ("/http" not in uri) + f"?__extra__={extra}"):
        read = settings(enter(uri + query))
        assert (read.client_id, read.client_secret, read.base_url) == ("me@example.com", "s3cret-x", base_url)
        assert (read.timeout, read.endpoints) == ((7, ENDPOINTS) if query else (30, {}))


def test_as_a_uri_with_texts(enter) -> None:
    endpoints = quote_plus(json.dumps(ENDPOINTS))
    read = settings(enter(f"directcall://a:b@h?timeout=7&requests_per_second=2&endpoints={endpoints}"))
    assert (read.timeout, read.requests_per_second, read.endpoints) == (7, 2, ENDPOINTS)


@pytest.mark.parametrize(
    ("fields", "base_url"),
    [
        ({"host": "h", "port": 8025, "schema": "http"}, "http://h:8025"),
        ({"host": "http://h", "port": 8025}, "http://h:8025"),
        ({"host": "h:8025"}, "https://h:8025"),
        ({"host": "api.directcallsoft.com"}, "https://api.directcallsoft.com"),
        ({"host": "localhost:8080"}, "http://localhost:8080"),
        ({"host": "localhost", "port": 8025}, "http://localhost:8025"),
        ({"host": "127.0.0.1:8025", "schema": "https"}, "https://127.0.0.1:8025"),
        ({"host": "::1", "port": 1}, "http://[::1]:1"),
        ({"host": "localhost.example.com"}, "https://localhost.example.com"),
        ({"host": "h", "schema": "HTTP"}, "http://h"),
        ({"host": "http://h/base/"}, "http://h/base"),
        ({"host": "h", "schema": "public"}, "https://h"),
        ({"host": "::1", "schema": "http", "port": 1}, "http://[::1]:1"),
        ({"host": "[::1]:7", "schema": "http"}, "http://[::1]:7"),
    ],
)
def test_host_scheme_and_port(enter, fields, base_url) -> None:
    assert settings(enter(**fields)).base_url == base_url


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"login": ""}, ("login", "missing")),
        ({"password": None}, ("password", "missing")),
        ({"password": "  "}, ("password", "missing")),
        ({"host": "ftp://h"}, ("host", "http", "ftp://h")),
        ({"host": "https://me:hunter2@h"}, ("host", "credentials")),
        ({"host": "ftp://me:hunter2@h"}, ("host", "credentials")),
        ({"host": "http://h:port"}, ("host", "http://h:port")),
        ({"host": "http://h:1", "port": 2}, ("host", "http://h:1:2")),
        ({"host": "http://h", "port": 70000}, ("host", "70000")),
        ({"host": "http://[::1"}, ("host",)),
        ({"host": "http://"}, ("host",)),
        ({"host": "https://h/?a=b"}, ("host",)),
        ({"host": "two words"}, ("host",)),
        ({"extra": {"timeout": "soon"}}, ("timeout", "number")),
        ({"extra": {"timeout": "0"}}, ("timeout", "above 0")),
        ({"extra": {"timeout": -1}}, ("timeout", "above 0")),
        ({"extra": {"timeout": "nan"}}, ("timeout", "above 0")),
        ({"extra": {"timeout": True}}, ("timeout", "number")),
        ({"extra": {"requests_per_second": 0}}, ("requests_per_second", "above 0")),
        ({"extra": {"requests_per_second": "inf"}}, ("requests_per_second", "above 0")),
        ({"extra": {"requests_per_second": []}}, ("requests_per_second", "number")),
        ({"extra": {"timezone": "Mars/Olympus"}}, ("timezone", "Mars/Olympus")),
        ({"extra": {"timezone": "../../etc/passwd"}}, ("timezone",)),
        ({"extra": {"timezone": ["x"]}}, ("timezone", "text")),
        ({"extra": {"default_origin": "12345"}}, ("default_origin", "short")),
        ({"extra": {"default_origin": "5520990000001"}}, ("default_origin", "5520*****0001")),
        ({"extra": {"default_origin": False}}, ("default_origin", "text")),
        ({"extra": {"default_origin": 1199000001.0}}, ("default_origin", "decimal number")),
        ({"extra": {"default_origin": "5,51199E+12"}}, ("default_origin", "scientific notation")),
        ({"host": "https:h"}, ("host", "http or https")),
        ({"host": "localhost:http"}, ("host", "http or https")),
        ({"extra": {"endpoints": "{"}}, ("endpoints", "JSON")),
        ({"extra": {"endpoints": [1]}}, ("endpoints", "object")),
        ({"extra": {"endpoints": {"place_call": 5}}}, ("endpoints", "texts")),
        ({"extra": {"endpoints": {"dial": "/x"}}}, ("endpoints", "'dial'", "place_call")),
        ({"extra": {"endpoints": {"place_call": "voz"}}}, ("endpoints", "place_call", "slash")),
        ({"extra": {"endpoints": {"end_call": "/voz?x=1"}}}, ("endpoints", "end_call")),
        ({"extra": {"endpoints": {"end_call": "/vo z"}}}, ("endpoints", "end_call")),
        ({"extra": {"fields": "5"}}, ("fields", "object")),
        ({"extra": {"fields": {"place_call": "x"}}}, ("fields.place_call", "object")),
        ({"extra": {"fields": {"dial": {}}}}, ("fields", "'dial'")),
        ({"extra": {"fields": {"place_call": {"origem": "x"}}}}, ("fields", "origem", "agendamentoId, cron")),
        ({"extra": {"fields": {"end_call": {"origem": "x"}}}}, ("fields", "origem", "none")),
        ({"extra": {"fields": {"place_call": {"cron": ""}}}}, ("fields", "place_call")),
        ({"extra": "{no json"}, ("extra", "JSON")),
        ({"extra": "[1]"}, ("extra", "object")),
    ],
)
async def test_what_is_wrong_is_named(enter, fields, parts) -> None:
    conn_id = enter(**fields)
    with pytest.raises(ValueError, match=r"^connection 'dc': ") as caught:
        _ = DirectcallHook(conn_id).settings
    text = str(caught.value)
    assert all(part in text for part in parts), text
    assert not any(secret in text for secret in ("s3cret-x", "hunter2", "5520990000001"))
    with pytest.raises(ValueError, match=r"^connection 'dc': ") as caught:
        await DirectcallAsyncHook(conn_id).client()
    assert str(caught.value) == text


def test_arguments_win_over_the_connection(enter) -> None:
    conn_id = enter(extra={"timeout": 7, "requests_per_second": 1})
    read = settings(conn_id, timeout=3, requests_per_second=9)
    assert (read.timeout, read.requests_per_second) == (3, 9)
    with pytest.raises(ValueError, match="timeout"):
        settings(conn_id, timeout=0)


def test_neither_settings_nor_hook_show_the_secret(enter) -> None:
    hook = DirectcallHook(enter(extra={"default_origin": "551130000001"}))
    assert "s3cret-x" not in f"{hook.settings!r} {hook!r} {vars(hook)!r}"
    assert "551130000001" not in repr(hook.settings)


# --- the button


def test_a_good_connection(directcall_connection) -> None:
    assert DirectcallHook(directcall_connection).test_connection() == (
        True,
        "Directcall accepted the client id and the secret; tokens live 60 minutes",
    )


def test_a_wrong_secret(enter, directcall_sandbox) -> None:
    good, text = DirectcallHook(enter(host=directcall_sandbox.url)).test_connection()
    assert not good
    assert text.startswith("request_token: the client id or secret was not accepted")
    assert "s3cret-x" not in text
    assert directcall_sandbox.state()["requests"] == {"request_token": 1}


def test_a_dead_network(enter) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    good, text = DirectcallHook(enter(host=f"http://127.0.0.1:{port}")).test_connection()
    assert not good
    assert text.startswith("request_token: nothing was sent (http")
    # The UI tests under a random id.
    assert "connection 'dc'" not in text


def test_a_server_in_trouble_is_asked_once(directcall_connection, directcall_sandbox) -> None:
    directcall_sandbox.inject(Fault(kind="html_502_before", endpoint="request_token"))
    good, text = DirectcallHook(directcall_connection).test_connection()
    assert not good
    assert "HTTP 502" in text
    assert directcall_sandbox.state()["requests"] == {"request_token": 1}


def test_a_connection_that_is_not_filled_in(enter) -> None:
    assert DirectcallHook(enter(login="")).test_connection() == (
        False,
        "connection 'dc': login (the client id): it is missing",
    )

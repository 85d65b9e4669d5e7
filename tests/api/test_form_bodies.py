"""PHP and the sandbox parse the client's requests back into their arguments."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request as StarletteRequest
from starlette.types import Message

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.methods.arguments import tag_params
from airflow_provider_directcall.api.protocol import build
from airflow_provider_directcall.api.requests import Request
from airflow_provider_directcall.api.wire import ENDPOINTS, Encoding
from airflow_provider_directcall.sandbox.requests import ApiRequest, RequestContext, read_request

from .awkward import ZONE, values
from .case import SETTINGS, Case
from .cases import CASES, wire_fields
from .php_forms import php_request

TOKEN = "t.o+k"


def test_no_endpoint_is_left_out() -> None:
    assert CASES.keys() == ENDPOINTS.keys()


def test_no_method_is_left_out() -> None:
    """The table of cases covers the endpoint of each public method."""
    makers = {name for name in methods.__all__ if name[0].islower()}
    assert makers - ENDPOINTS.keys() == {"send_sms", "send_voice_message"}
    assert ENDPOINTS.keys() - makers == {"send_message"}


def sent(request: Request[object]) -> httpx.Request:
    return build(request, SETTINGS, TOKEN if request.authenticated else None)


def sandbox_request(request: httpx.Request) -> ApiRequest:
    body = request.read()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": request.method,
        "path": request.url.path,
        "query_string": request.url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": ("127.0.0.1", 1),
    }
    endpoint_takes_json = request.headers.get("content-type") == "application/json"
    return asyncio.run(
        read_request(StarletteRequest(scope, receive), RequestContext(""), ZONE, takes_json=endpoint_takes_json)
    )


@pytest.mark.parametrize("endpoint_name", CASES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_arguments_come_back(endpoint_name, data) -> None:
    case = data.draw(CASES[endpoint_name])
    request = sent(case.request)
    endpoint = ENDPOINTS[endpoint_name]
    assert (request.method, request.url.path) == (endpoint.verb, endpoint.path)
    in_php, in_sandbox = php_request(request), sandbox_request(request)
    if endpoint.encoding is Encoding.JSON:
        assert in_php.json == in_sandbox.json_body == {"access_token": TOKEN, **case.json}
        return
    assert in_php.fields == in_sandbox.fields == wire_fields(case)
    assert in_php.files == dict(case.files)
    assert {name: (file.name, file.content) for name, file in in_sandbox.files.items()} == dict(case.files)


@pytest.mark.parametrize(
    "files", [(), (Case(methods.upload_audio(b"\xff\xfb")).request.files)], ids=["form", "multipart"]
)
@settings(max_examples=300, deadline=None)
@given(
    name=st.text(max_size=12) | st.sampled_from(["", " ", "\t", "a\0b", "a]b", "a[b", 'a"b', "a\\b", "a\nb", "search"]),
    value=values,
)
def test_a_tag_survives_or_is_refused(files, name, value) -> None:
    """PHP parses any tag's name and value, or the client rejects them before sending."""
    try:
        params = tag_params({name: value})
    except ValueError:
        return  # its text is tested with the other arguments
    request = Request("send_message", {"tipo": "texto", **params}, lambda reply: None, files=files)
    assert php_request(sent(request)).fields["campos"] == {name: value}


@pytest.mark.parametrize("endpoint_name", ENDPOINTS)
def test_the_token_is_in_no_header_and_in_no_address_of_a_post(endpoint_name) -> None:
    request = sent(Request(endpoint_name, {"origem": "551130000001"}, lambda reply: None))
    assert not any(TOKEN in value for value in request.headers.values())
    assert bool(request.url.query) == (ENDPOINTS[endpoint_name].verb == "GET")

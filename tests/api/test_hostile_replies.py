"""Replies that would leave a foreign exception, or put a text of the request into an error."""

from __future__ import annotations

import json

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.errors import DirectcallOutcomeUnknown, DirectcallReplyError

from .replying import SETTINGS, A, B, answer, ok

SMS = m.send_sms(A, "bom dia, Fulano Silva", origin=B)


@pytest.mark.parametrize("token", ["\ud800", "a\0b", "a\r\nX: y", "t" * 20_000, "olá", "a b"], ids=ascii)
def test_a_text_that_cannot_be_a_token(token: str) -> None:
    with pytest.raises(DirectcallReplyError):
        answer(m.request_token(SETTINGS), {"access_token": token})


def test_a_blank_around_a_token() -> None:
    assert answer(m.request_token(SETTINGS), {"access_token": " abc\n"}).value == "abc"


@pytest.mark.parametrize(
    "names", [{"bom_dia_Fulano": 1}, {"Fulano_Silva": 1}, {"Beltrano": 1}, {"x_fulano": 1}], ids=str
)
def test_names_of_an_echo(names: dict[str, object]) -> None:
    with pytest.raises(DirectcallOutcomeUnknown) as caught:
        answer(SMS, {**names, "error": 1, "status": "x"}, 400)
    assert "lano" not in str(caught.value)
    assert "fields error, status" in str(caught.value)


@pytest.mark.parametrize("content_type", ["text/bom-dia-Fulano", "Fulano/html"])
def test_a_media_type_of_an_echo(content_type: str) -> None:
    with pytest.raises(DirectcallOutcomeUnknown) as caught:
        answer(SMS, b"x", 500, headers={"Content-Type": content_type})
    assert "Fulano" not in str(caught.value)


@pytest.mark.parametrize("depth", [200, 900])
def test_rules_that_are_nested_too_deep(depth: int) -> None:
    nested = json.loads("[" * depth + "]" * depth)
    rule = {"dpId": "1", "did": "4130000001", "priority": "1", "action": "fwd", "data": {}, "x": nested}
    with pytest.raises(DirectcallReplyError, match="nested too deep"):
        answer(m.list_rules("4130000001"), ok(data=[rule]))

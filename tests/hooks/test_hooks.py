"""The two hooks: every method, blocking and awaited, with its signature and docstring."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from airflow.sdk.log import redact as mask

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import Client
from airflow_provider_directcall.hooks import directcall as module
from airflow_provider_directcall.hooks.directcall import DirectcallAsyncHook, DirectcallHook

A, B = "5511990000001", "5511990000002"
#: The clients request tokens themselves.
NOT_IN_HOOKS = {"request_token"}
METHODS = sorted(name for name in methods.__all__ if name[0].islower() and name not in NOT_IN_HOOKS)


@pytest.mark.parametrize("hook", [DirectcallHook, DirectcallAsyncHook])
@pytest.mark.parametrize("name", METHODS)
def test_an_editor_shows_the_method_of_the_api(hook, name) -> None:
    method, described = getattr(hook, name), getattr(methods, name)
    assert method.__name__ == name
    assert inspect.getdoc(method) == inspect.getdoc(described)
    parameters = list(inspect.signature(method).parameters.values())
    assert parameters[0].name == "self"
    assert parameters[1:] == list(inspect.signature(described).parameters.values())


@pytest.mark.parametrize(
    ("name", "blocking", "awaited"),
    [
        ("place_call", "PlacedCall", "PlacedCall"),
        ("list_numbers", "tuple[Number, ...]", "tuple[Number, ...]"),
        ("list_statement", "Iterator[StatementRow]", "AsyncIterator[StatementRow]"),
    ],
)
def test_help_shows_types_and_what_the_method_returns(name, blocking, awaited) -> None:
    for hook, returned in ((DirectcallHook, blocking), (DirectcallAsyncHook, awaited)):
        method = getattr(hook, name)
        assert inspect.signature(method).return_annotation == returned
        assert method.__annotations__["return"] == returned
        shown = pydoc.plain(pydoc.render_doc(method))
        assert f"{name}(self" in shown
        assert f"-> '{returned}'" in shown
    assert "destination: 'str'" in pydoc.plain(pydoc.render_doc(DirectcallHook.place_call))
    assert inspect.iscoroutinefunction(DirectcallAsyncHook.place_call)


@pytest.mark.parametrize("name", METHODS)
def test_no_method_shows_the_inner_types_of_the_api(name) -> None:
    for hook in (DirectcallHook, DirectcallAsyncHook):
        returned = inspect.signature(getattr(hook, name)).return_annotation
        assert returned
        assert not returned.startswith(("Request", "Listing"))


def test_both_hooks_have_the_same_methods() -> None:
    def public(hook: type) -> set[str]:
        return {name for name in vars(hook) if not name.startswith("_")}

    assert public(DirectcallHook) - public(DirectcallAsyncHook) == {
        "settings",
        "get_conn",
        "test_connection",
        "check_account",
        "incoming",
        "get_ui_field_behaviour",
        "get_connection_form_widgets",
    }
    assert public(DirectcallAsyncHook) <= public(DirectcallHook)


def test_making_a_hook_reads_no_connection() -> None:
    DirectcallHook("there-is-none")
    DirectcallAsyncHook("there-is-none")
    assert DirectcallHook().directcall_conn_id == "directcall_default"


def test_a_call_and_its_row(directcall_connection, directcall_sandbox) -> None:
    directcall_sandbox.set_speed(0)
    now = datetime.fromtimestamp(directcall_sandbox.now(), UTC)
    with DirectcallHook(directcall_connection) as hook:
        placed = hook.place_call(A, B, record=True, tags={"customer": "42"})
        directcall_sandbox.advance(300)
        (row,) = hook.list_statement(now, now + timedelta(hours=1), tags={"customer": "42"})
    assert row.callerid == placed.callerid
    assert (row.outcome, row.tags) == ("answered", {"customer": "42"})


async def test_a_call_and_its_row_awaited(directcall_connection, directcall_sandbox) -> None:
    directcall_sandbox.set_speed(0)
    now = datetime.fromtimestamp(directcall_sandbox.now(), UTC)
    async with DirectcallAsyncHook(directcall_connection) as hook:
        placed = await hook.place_call(A, B)
        directcall_sandbox.advance(300)
        rows = [row async for row in hook.list_statement(now, now + timedelta(hours=1))]
    assert [row.callerid for row in rows] == [placed.callerid]


async def test_the_balance(directcall_connection) -> None:
    with DirectcallHook(directcall_connection) as hook:
        balance = hook.balance()
    async with DirectcallAsyncHook(directcall_connection) as async_hook:
        assert await async_hook.balance() == balance
    assert (balance.currency, balance.amount) == ("BRL", Decimal("1234.56"))


async def test_a_key_for_a_browser(directcall_connection) -> None:
    with DirectcallHook(directcall_connection) as hook:
        cipher = hook.create_cipher(A)
    async with DirectcallAsyncHook(directcall_connection) as async_hook:
        other = await async_hook.create_cipher()
    assert cipher.value != other.value
    assert cipher.value not in repr(cipher)


def test_wrong_arguments_of_a_listing_show_at_the_call(directcall_connection) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="until"):
        DirectcallHook(directcall_connection).list_statement(moment, moment - timedelta(1))
    with pytest.raises(ValueError, match="until"):
        DirectcallAsyncHook(directcall_connection).list_statement(moment, moment - timedelta(1))


async def test_wrong_arguments_need_no_connection() -> None:
    with pytest.raises(ValueError, match="destination"):
        await DirectcallAsyncHook("there-is-none").place_call(A, "x")
    with pytest.raises(ValueError, match="destination"):
        DirectcallHook("there-is-none").place_call(A, "x")


def test_a_hook_goes_on_after_it_was_closed(directcall_connection) -> None:
    hook = DirectcallHook(directcall_connection)
    hook.close()
    assert isinstance(hook.get_conn(), Client)
    assert hook.lookup_carrier(A).current
    hook.close()
    assert hook.lookup_carrier(A).current
    hook.close()


async def test_an_async_hook_makes_one_client_for_all_who_ask_at_once(directcall_connection) -> None:
    hook = DirectcallAsyncHook(directcall_connection)
    clients = await asyncio.gather(*(hook.client() for _ in range(10)))
    assert len({id(client) for client in clients}) == 1
    await hook.close()
    assert await hook.client() is not clients[0]
    await hook.close()
    await hook.close()


async def test_hooks_register_each_token_as_a_secret(directcall_connection, directcall_sandbox, monkeypatch) -> None:
    """Airflow masks a token that gets into a log after all."""
    registered: list[str] = []

    async def mask_on_loop(token: str) -> None:
        registered.append(token)

    monkeypatch.setattr(module, "mask_secret", registered.append)
    monkeypatch.setattr(module, "_mask_on_loop", mask_on_loop)
    with DirectcallHook(directcall_connection) as hook:
        hook.lookup_carrier(A)
        hook.test_connection()
    async with DirectcallAsyncHook(directcall_connection) as async_hook:
        await async_hook.lookup_carrier(A)
    assert len(registered) == directcall_sandbox.state()["requests"]["request_token"] == 3


async def test_airflow_masks_it_also_from_an_event_loop(directcall_connection) -> None:
    async with DirectcallAsyncHook(directcall_connection) as hook:
        await hook.lookup_carrier(A)
        client = await hook.client()
    token = client._tokens.current(0)
    assert token is not None
    assert mask(f"x {token} y") == "x *** y"


def test_airflow_masks_it(directcall_connection) -> None:
    tokens: list[str] = []
    with DirectcallHook(directcall_connection) as hook:
        hook.client._on_token = lambda token, mask=hook.client._on_token: (tokens.append(token), mask(token))
        hook.lookup_carrier(A)
    assert mask(f"x {tokens[0]} y") == "x *** y"

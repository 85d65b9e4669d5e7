"""Hooks for Directcall's API: blocking, and for an event loop.

Both classes have the same methods, generated from :mod:`airflow_provider_directcall.api.methods`; those of the second
are awaited.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Self, TypeVar

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_provider_directcall.api import methods
from airflow_provider_directcall.api.client import AsyncClient, Client, RetryBudget
from airflow_provider_directcall.api.clock import current_clock
from airflow_provider_directcall.api.errors import DirectcallError
from airflow_provider_directcall.hooks.connection import Overrides, settings_of
from airflow_provider_directcall.provider_info import CONNECTION_TYPE, form_behaviour, form_widgets

if TYPE_CHECKING:
    from airflow_provider_directcall.api.replies import ReceivedMessage, StatementRow
    from airflow_provider_directcall.api.requests import Listing, Request
    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.checking import AccountReport

#: The test of a connection reports the present state to a waiting user.
_TEST_BUDGET: Final = RetryBudget(attempts=1)

P = ParamSpec("P")
T = TypeVar("T")
Row = TypeVar("Row")


def _sends(build: Callable[P, Request[T]]) -> Callable[Concatenate[DirectcallHook, P], T]:
    """Make a hook method that sends the request of an API method."""

    def method(self: DirectcallHook, /, *args: P.args, **kwargs: P.kwargs) -> T:
        request = build(*args, **kwargs)
        return self.client.send(request)

    return _named_after(method, build, "{}")


def _lists(build: Callable[P, Listing[Row]]) -> Callable[Concatenate[DirectcallHook, P], Iterator[Row]]:
    """Make a hook method that yields the rows of a listing; it validates arguments when it is called."""

    def method(self: DirectcallHook, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Row]:
        listing = build(*args, **kwargs)
        return self.client.rows(listing)

    return _named_after(method, build, "Iterator[{}]")


def _awaits(build: Callable[P, Request[T]]) -> Callable[Concatenate[DirectcallAsyncHook, P], Coroutine[Any, Any, T]]:
    """Make the twin of :func:`_sends` for an event loop."""

    async def method(self: DirectcallAsyncHook, /, *args: P.args, **kwargs: P.kwargs) -> T:
        request = build(*args, **kwargs)
        return await (await self.client()).send(request)

    return _named_after(method, build, "{}")


def _iterates(build: Callable[P, Listing[Row]]) -> Callable[Concatenate[DirectcallAsyncHook, P], AsyncIterator[Row]]:
    """Make the twin of :func:`_lists` for an event loop."""

    async def rows(self: DirectcallAsyncHook, listing: Listing[Row]) -> AsyncIterator[Row]:
        client = await self.client()
        async for row in client.rows(listing):
            yield row

    def method(self: DirectcallAsyncHook, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Row]:
        return rows(self, build(*args, **kwargs))

    return _named_after(method, build, "AsyncIterator[{}]")


_Method = TypeVar("_Method", bound=Callable[..., object])


def _named_after(method: _Method, build: Callable[..., object], returned: str) -> _Method:
    """Copy name, docstring and signature (with ``self``) of the API method, for ``help()`` and editors.

    :param returned: annotation of the result, with ``{}`` for the type that the API method requests or lists.
    """
    functools.update_wrapper(method, build)
    signature = inspect.signature(build)
    self_parameter = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [self_parameter, *signature.parameters.values()]
    # Annotations are texts here: Request[PlacedCall], Listing[StatementRow].
    result = returned.format(str(signature.return_annotation).partition("[")[2].removesuffix("]"))
    vars(method)["__signature__"] = signature.replace(parameters=parameters, return_annotation=result)
    method.__annotations__ = {**build.__annotations__, "return": result}
    return method


class _DirectcallHookBase(BaseHook):
    """The connection type and the arguments of both hooks."""

    conn_name_attr = "directcall_conn_id"
    default_conn_name = "directcall_default"
    conn_type = CONNECTION_TYPE
    hook_name = "Directcall"

    def __init__(
        self,
        directcall_conn_id: str = default_conn_name,
        *,
        timeout: float | None = None,
        requests_per_second: float | None = None,
        **kwargs: Any,  # noqa: ANN401 - Airflow's arguments for BaseHook
    ) -> None:
        super().__init__(**kwargs)
        self.directcall_conn_id = directcall_conn_id
        self._overrides = Overrides(timeout=timeout, requests_per_second=requests_per_second)


class DirectcallHook(_DirectcallHookBase):
    """Blocking hook for Directcall's API.

    A context manager; outside ``with``, :meth:`close` or the end of the process closes its connections.

    :param directcall_conn_id: id of the connection (type ``directcall``).
    :param timeout: seconds; overrides the connection's.
    :param requests_per_second: overrides the connection's.

    Methods raise the errors of :mod:`airflow_provider_directcall.api.errors`, and ValueError for a wrong argument,
    before anything is sent.
    """

    # Airflow 3.1 looks for these two in the class itself, not in its parents; 3.2 and later read the provider's info.
    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return hidden fields, labels and placeholders of the connection form, for Airflow 3.1."""
        return form_behaviour()

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the connection form, for Airflow 3.1."""
        return form_widgets()

    place_call = _sends(methods.place_call)
    end_call = _sends(methods.end_call)
    call_status = _sends(methods.call_status)
    scheduled_call_status = _sends(methods.scheduled_call_status)
    send_sms = _sends(methods.send_sms)
    send_voice_message = _sends(methods.send_voice_message)
    send_lot = _sends(methods.send_lot)
    message_status = _sends(methods.message_status)
    cancel_message = _sends(methods.cancel_message)
    upload_audio = _sends(methods.upload_audio)
    received_messages = _lists(methods.received_messages)
    list_statement = _lists(methods.list_statement)
    list_recordings = _lists(methods.list_recordings)
    list_messages = _lists(methods.list_messages)
    balance = _sends(methods.balance)
    list_numbers = _sends(methods.list_numbers)
    list_rules = _sends(methods.list_rules)
    save_rule = _sends(methods.save_rule)
    remove_rule = _sends(methods.remove_rule)
    add_sound = _sends(methods.add_sound)
    lookup_carrier = _sends(methods.lookup_carrier)
    create_cipher = _sends(methods.create_cipher)
    add_call_callback = _sends(methods.add_call_callback)
    list_call_callbacks = _sends(methods.list_call_callbacks)
    remove_call_callback = _sends(methods.remove_call_callback)
    add_message_callback = _sends(methods.add_message_callback)
    add_received_callback = _sends(methods.add_received_callback)
    list_message_callbacks = _sends(methods.list_message_callbacks)
    remove_message_callback = _sends(methods.remove_message_callback)

    @cached_property
    def settings(self) -> Settings:
        """Settings of the connection, read at first use."""
        connection = self.get_connection(self.directcall_conn_id)
        return settings_of(connection, connection.extra_dejson, self._overrides)

    @cached_property
    def client(self) -> Client:
        """The API client, created at first use."""
        return Client(self.settings, on_token=mask_secret)

    def get_conn(self) -> Client:
        """Return the API client."""
        return self.client

    def test_connection(self) -> tuple[bool, str]:
        """Request an access token; return success and a text for the user."""
        try:
            # The UI tests a connection under an id of its own.
            with Client(replace(self.settings, name=""), budget=_TEST_BUDGET) as client:
                token = client.send(methods.request_token(self.settings))
            mask_secret(token.value)
        except (DirectcallError, ValueError) as error:
            return False, str(error)
        return (
            True,
            f"Directcall accepted the client id and the secret; tokens live {token.life_seconds / 60:.0f} minutes",
        )

    def check_account(self) -> AccountReport:
        """Compare this package's assumptions about Directcall with the account's answers. Reads only, sends nothing.

        The report has ``ok``, ``findings``, ``extra`` (settings to add to the connection), ``as_text()`` and
        ``as_json()``, neither with personal data. ``directcall-check`` can send one message to learn more.

        :raises DirectcallError: there is no access token, so nothing can be asked.
        """
        from airflow_provider_directcall.checking import check_account

        return check_account(self.settings, on_token=mask_secret)

    def incoming(self, event: Mapping[str, object]) -> StatementRow | ReceivedMessage:
        """Return the row of a watcher's event: who called or wrote, and the text.

        :param event: ``{"kind", "id", "at"}``, the payload of the event of an asset.
        :raises ValueError: it is no such event.
        :raises DirectcallReplyError: the statement does not show the row, or not at the moment.
        """
        from airflow_provider_directcall.statement.incoming import read_incoming

        return self.client.run(read_incoming(event, current_clock().now(), self.settings.client_secret))

    def close(self) -> None:
        """Close the client's connections, if it was used."""
        client = self.__dict__.pop("client", None)
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


async def _mask_on_loop(token: str) -> None:
    """Mask a token in Airflow's logs; the blocking function can deadlock with another call on an event loop."""
    try:
        from airflow.sdk.log import amask_secret
    except ImportError:  # before Airflow 3.3.2; a plain thread would read replies meant for the loop
        from asgiref.sync import sync_to_async

        await sync_to_async(mask_secret)(token)
    else:
        await amask_secret(token)


class DirectcallAsyncHook(_DirectcallHookBase):
    """Hook for Directcall's API on an event loop, for triggers and async tasks.

    Has the methods of :class:`DirectcallHook`, awaited (listings: ``async for``). An async context manager; belongs to
    one event loop. Resolves its connection once.
    """

    place_call = _awaits(methods.place_call)
    end_call = _awaits(methods.end_call)
    call_status = _awaits(methods.call_status)
    scheduled_call_status = _awaits(methods.scheduled_call_status)
    send_sms = _awaits(methods.send_sms)
    send_voice_message = _awaits(methods.send_voice_message)
    send_lot = _awaits(methods.send_lot)
    message_status = _awaits(methods.message_status)
    cancel_message = _awaits(methods.cancel_message)
    upload_audio = _awaits(methods.upload_audio)
    received_messages = _iterates(methods.received_messages)
    list_statement = _iterates(methods.list_statement)
    list_recordings = _iterates(methods.list_recordings)
    list_messages = _iterates(methods.list_messages)
    balance = _awaits(methods.balance)
    list_numbers = _awaits(methods.list_numbers)
    list_rules = _awaits(methods.list_rules)
    save_rule = _awaits(methods.save_rule)
    remove_rule = _awaits(methods.remove_rule)
    add_sound = _awaits(methods.add_sound)
    lookup_carrier = _awaits(methods.lookup_carrier)
    create_cipher = _awaits(methods.create_cipher)
    add_call_callback = _awaits(methods.add_call_callback)
    list_call_callbacks = _awaits(methods.list_call_callbacks)
    remove_call_callback = _awaits(methods.remove_call_callback)
    add_message_callback = _awaits(methods.add_message_callback)
    add_received_callback = _awaits(methods.add_received_callback)
    list_message_callbacks = _awaits(methods.list_message_callbacks)
    remove_message_callback = _awaits(methods.remove_message_callback)

    _client: AsyncClient | None = None

    async def client(self) -> AsyncClient:
        """Return the API client; the first use creates it and resolves the connection."""
        async with self._opening:
            if self._client is None:
                from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson

                connection = await get_async_connection(self.directcall_conn_id, hook=self)
                extra = await get_async_extra_dejson(connection)
                self._client = AsyncClient(settings_of(connection, extra, self._overrides), on_token=_mask_on_loop)
            return self._client

    @cached_property
    def _opening(self) -> asyncio.Lock:
        return asyncio.Lock()

    async def close(self) -> None:
        """Close the client's connections, if it was used."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

"""Signals that a task's process sends to itself at one point of a request's life.

SIGKILL as from the kernel when memory runs out, SIGTERM as from a platform that removes a machine, and the alarm of
``execution_timeout``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    import httpx

    from airflow_provider_directcall.api.client import Client
    from airflow_provider_directcall.api.requests import Request

T = TypeVar("T")

BEFORE_REQUEST, AFTER_REPLY, AT_LOOK, AT_END = "before_request", "after_reply", "at_look", "at_end"
TERMINATED_AT_LOOK, ALARM_AFTER_REPLY = "terminated_at_look", "alarm_after_reply"

_SENDS: Final = frozenset({"place_call", "send_message", "save_rule"})
_LOOKS: Final = frozenset({"message_status", "list_statement", "list_messages", "call_status", "list_rules"})
_SENDING_PATHS: Final = ("/sms/send", "/voz/call", "/did/save")
_LOOKING_PATHS: Final = ("/sms/status", "/extrato/list", "/did/route")


def point_of(kill_at: Sequence[str | None], try_number: int) -> str | None:
    """Return the point at which this try dies, or None."""
    return kill_at[try_number - 1] if try_number <= len(kill_at) else None


@contextmanager
def dying_at(point: str | None) -> Iterator[None]:
    """Run a block in which our client's requests reach the point."""
    from airflow_provider_directcall.api.client import Client

    kept = Client.send

    def send(self: Client, request: Request[T]) -> T:
        name = request.endpoint_name
        _die_if(point, BEFORE_REQUEST, name in _SENDS)
        _die_if(point, AT_LOOK, name in _LOOKS)
        _terminate_if(point, condition=name in _LOOKS)
        reply: T = kept(self, request)
        _die_if(point, AFTER_REPLY, name in _SENDS)
        _time_out_if(point, condition=name in _SENDS)
        return reply

    Client.send = send  # type: ignore[method-assign]  # the process belongs to the task, and ends with it
    try:
        yield
    finally:
        Client.send = kept  # type: ignore[method-assign]  # as above, and back
    _die_if(point, AT_END, condition=True)


class DyingTransport:
    """The same for plain httpx: hooks for ``httpx.Client(event_hooks=...)``."""

    def __init__(self, point: str | None) -> None:
        self._point = point

    def before(self, request: httpx.Request) -> None:
        """Handle a request before it leaves."""
        _die_if(self._point, BEFORE_REQUEST, request.url.path in _SENDING_PATHS)
        _die_if(self._point, AT_LOOK, request.url.path in _LOOKING_PATHS)
        _terminate_if(self._point, condition=request.url.path in _LOOKING_PATHS)

    def after(self, response: httpx.Response) -> None:
        """Handle a reply after reading it."""
        response.read()
        _die_if(self._point, AFTER_REPLY, response.request.url.path in _SENDING_PATHS)
        _time_out_if(self._point, condition=response.request.url.path in _SENDING_PATHS)

    def end(self) -> None:
        """Handle the end of the task."""
        _die_if(self._point, AT_END, condition=True)


def _die_if(point: str | None, here: str, condition: bool) -> None:
    if condition and point == here:
        _die()


def _terminate_if(point: str | None, *, condition: bool) -> None:
    """Send SIGTERM; the process's own handler decides whether and when it ends."""
    if condition and point == TERMINATED_AT_LOOK:
        os.kill(os.getpid(), signal.SIGTERM)


def _time_out_if(point: str | None, *, condition: bool) -> None:
    """Raise the alarm of Airflow's ``execution_timeout`` early."""
    if condition and point == ALARM_AFTER_REPLY:
        signal.raise_signal(signal.SIGALRM)


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive after SIGKILL")

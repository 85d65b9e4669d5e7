"""Webhooks: registration, list, removal. The content of their requests is not documented.

After an unknown outcome of a registration, the list of addresses shows whether it took effect.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_provider_directcall.api.methods.arguments import identifier, one_line
from airflow_provider_directcall.api.replies import Acknowledgement, Callback
from airflow_provider_directcall.api.requests import Request, Value


def add_call_callback(url: str, *, pin: str | None = None) -> Request[Callback]:
    """Register an address for the states of calls (``/voz/add-callback``, documented). Once-only: twice may call twice.

    :param url: http or https address; may hold Basic credentials.
    :param pin: limits it to one product of the account (``pin``).
    """
    params: dict[str, Value] = {"url": _checked_url(url)}
    if pin is not None:
        params["pin"] = identifier("pin", pin)
    return Request("add_call_callback", params, Callback.from_reply)


def list_call_callbacks() -> Request[tuple[Callback, ...]]:
    """List the addresses registered for call states (path inferred)."""
    return Request("list_call_callbacks", {}, Callback.list_from_reply)


def remove_call_callback(code: str) -> Request[Acknowledgement]:
    """Remove an address for call states (path inferred), by the ``code`` of its registration."""
    return Request("remove_call_callback", {"code": identifier("code", code)}, Acknowledgement.from_reply)


def add_message_callback(url: str) -> Request[Callback]:
    """Register an address for the states of sent SMS (``/sms/add-callback-status``, documented). Once-only."""
    return Request("add_message_callback", {"url": _checked_url(url)}, Callback.from_reply)


def add_received_callback(url: str) -> Request[Callback]:
    """Register an address for received SMS (path inferred). Once-only."""
    return Request("add_received_callback", {"url": _checked_url(url)}, Callback.from_reply)


def list_message_callbacks() -> Request[tuple[Callback, ...]]:
    """List the addresses registered for SMS states or received SMS (``/sms/list-callback``)."""
    return Request("list_message_callbacks", {}, Callback.list_from_reply)


def remove_message_callback(code: str) -> Request[Acknowledgement]:
    """Remove an address for SMS states or received SMS (path inferred), by its ``code``."""
    return Request("remove_message_callback", {"code": identifier("code", code)}, Acknowledgement.from_reply)


def _checked_url(url: str) -> str:
    if any(char.isspace() for char in one_line("url", url)):
        raise ValueError("url: it cannot hold blanks")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("url: an http or https address is needed")
    return url

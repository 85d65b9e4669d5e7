"""A Directcall on localhost, over real HTTP: for demonstrations, trials and tests.

``with Sandbox(SandboxConfig(pace=10)).serve() as server:`` runs one at ``server.url``.

The way of a request to the API:

1. ``server``: uvicorn in a thread passes it to the ASGI application.
2. ``fault_middleware``: reads the body, counts the request, and applies the ``faults`` before the effect.
3. ``app``: finds the row of ``routes``, parses the parameters (``requests``, ``php_forms``), checks the token.
4. ``endpoints/*``: the row's handler changes the ``account`` and its ``store``, and returns the fields of a success.
5. ``app``: puts them into the vendor's envelope, applies the ``quirks`` of the reply.
6. ``replies``: encodes JSON or XML, with the quirks of bytes.
7. ``fault_middleware``: applies faults after the effect (``connection_faults``), logs one line.

A new endpoint is a row in ``routes`` and a handler; a new quirk is a row in a table of ``quirks``; a new operation is
a method of ``operations`` and a row in ``control``.
"""

from __future__ import annotations

from airflow_provider_directcall.sandbox.config import SandboxConfig
from airflow_provider_directcall.sandbox.faults import FAULT_KINDS, Fault
from airflow_provider_directcall.sandbox.magic_numbers import MAGIC_NUMBERS, Scenario
from airflow_provider_directcall.sandbox.quirks import QUIRKS
from airflow_provider_directcall.sandbox.server import Sandbox, SandboxServer

__all__ = [
    "FAULT_KINDS",
    "MAGIC_NUMBERS",
    "QUIRKS",
    "Fault",
    "Sandbox",
    "SandboxConfig",
    "SandboxServer",
    "Scenario",
]

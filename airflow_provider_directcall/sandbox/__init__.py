"""A Directcall on localhost, over real HTTP: for demonstrations, for trying things out, and for tests.

``with Sandbox(SandboxConfig(pace=10)).serve() as server:`` gives a running one, at ``server.url``.
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

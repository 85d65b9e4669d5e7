"""Apache Airflow provider for Directcall: calls, SMS, voice messages and number routing in Brazil."""

from __future__ import annotations

__version__ = "0.1.0"

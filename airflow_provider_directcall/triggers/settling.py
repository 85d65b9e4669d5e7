"""Import path of 0.1.0, kept for deferred tasks that are waiting in a database."""

from airflow_provider_directcall.triggers.legacy import CallSettlingTrigger, MessageSettlingTrigger

__all__ = ["CallSettlingTrigger", "MessageSettlingTrigger"]

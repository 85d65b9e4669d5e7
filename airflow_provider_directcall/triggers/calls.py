"""Import path of 0.1.0, kept for deferred tasks that are waiting in a database."""

from airflow_provider_directcall.triggers.legacy import CallCompletedTrigger

__all__ = ["CallCompletedTrigger"]

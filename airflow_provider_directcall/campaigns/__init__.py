"""Outbound campaigns: contacts -> plan -> waves -> report. Free of Airflow."""

"""Facts about telephony in Brazil: numbers, areas, masking, holidays. Imports neither Airflow nor `api`."""

from __future__ import annotations

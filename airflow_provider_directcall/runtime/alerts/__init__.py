"""Alerts in Airflow: their options, events and slots, and who carries their steps out."""

"""Hooks: Directcall's API with an Airflow connection."""

"""Campaigns on a real Airflow: invented contacts, kills and stops, a judge, and a search for traces."""

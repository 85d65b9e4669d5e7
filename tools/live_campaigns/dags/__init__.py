"""DAGs of campaigns that the harness runs on a real Airflow."""

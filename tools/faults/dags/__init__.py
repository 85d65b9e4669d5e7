"""DAGs that the fault harness runs on a real Airflow."""

"""A cluster on this machine: PostgreSQL, Redis, and an Airflow with CeleryExecutor; and what it must show."""

"""A cluster on this machine: PostgreSQL, Redis, an Airflow with CeleryExecutor, and a campaign over it."""

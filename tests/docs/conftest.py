"""The tests that the pages show run in an Airflow of their own, see ``test_testing_page.py``."""

collect_ignore = ["dag_repo"]

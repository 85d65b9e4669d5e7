"""``directcall-check``: compares the assumptions of this package with the answers of one account.

``assumptions`` is the table, as data; ``account``, ``statements``, ``rows`` and ``filters`` ask; ``sending`` follows
one message or call; ``report`` and ``extra`` show the result. Knows nothing of Airflow.
"""

from airflow_provider_directcall.checking.check import check_account, validate
from airflow_provider_directcall.checking.report import AccountReport

__all__ = ["AccountReport", "check_account", "validate"]

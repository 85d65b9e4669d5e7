"""What all tests share."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings

# The time that a test takes is the machine's.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def no_secrets_of_earlier_tests() -> None:
    """Airflow compiles one pattern of all secrets at each new one: every test would be slower than the last."""
    if masker := sys.modules.get("airflow.sdk._shared.secrets_masker"):
        masker.reset_secrets_masker()

"""The retry policy for custom tasks that use the hook."""

from __future__ import annotations

from datetime import timedelta

import pytest

pytest.importorskip("airflow.sdk.definitions.retry_policy", reason="retry policies came with Airflow 3.3")

from airflow.sdk.definitions.retry_policy import RetryAction

from airflow_provider_directcall.errors import (
    DirectcallAuthError,
    DirectcallNotSent,
    DirectcallOutcomeUnknown,
    DirectcallRefused,
    DirectcallUnavailable,
)
from airflow_provider_directcall.retry_policy import DirectcallRetryPolicy

FAIL, RETRY, DEFAULT = RetryAction.FAIL, RetryAction.RETRY, RetryAction.DEFAULT


def decided(error):
    return DirectcallRetryPolicy().evaluate(error, try_number=1, max_tries=3)


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (DirectcallOutcomeUnknown("the connection was cut"), FAIL),
        (DirectcallRefused("no balance", code="201"), FAIL),
        (DirectcallRefused("try again", code="002"), RETRY),
        (DirectcallNotSent("connection refused"), RETRY),
        (DirectcallUnavailable("HTTP 503"), RETRY),
        (DirectcallAuthError("client id or secret"), RETRY),
        # Errors of other origin: Airflow's own rule holds.
        (ValueError("cannot parse the file of today"), DEFAULT),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), DEFAULT),
        (KeyError("contact"), DEFAULT),
        (ConnectionError("database"), DEFAULT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_table(error, action):
    assert decided(error).action is action


def test_a_retry_waits_as_long_as_the_vendor_asks_for():
    assert decided(DirectcallNotSent("later", retry_after=90.0)).retry_delay == timedelta(seconds=90)
    assert decided(DirectcallNotSent("later")).retry_delay is None


def test_it_is_the_same_after_it_was_stored():
    again = DirectcallRetryPolicy.deserialize(DirectcallRetryPolicy().serialize())
    assert again.evaluate(DirectcallOutcomeUnknown("cut"), 1, 3).action is FAIL

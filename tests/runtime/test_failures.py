from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowTaskTimeout

from airflow_provider_directcall.errors import (
    DirectcallNotSent,
    DirectcallRefused,
    DirectcallUnexpectedEvent,
    DirectcallUnwantedOutcome,
    DirectcallWaitFailed,
    DirectcallWaitTimeout,
)
from airflow_provider_directcall.runtime.failures import (
    failing_without_retry,
    is_final_after_effect,
    is_final_before_effect,
)


def test_a_final_error_is_raised_unchanged():
    with (
        pytest.raises(AirflowFailException, match=r"^once$"),
        failing_without_retry(lambda error: True, lambda: "a"),
    ):
        raise AirflowFailException("once")


@pytest.mark.parametrize("remembers", [True, False])
def test_an_unwanted_outcome_is_final_only_if_it_is_not_retryable(remembers):
    unwanted = {"outcome": "busy", "callerid": None}
    assert not is_final_after_effect(DirectcallUnwantedOutcome("x", **unwanted), remembers=remembers)
    assert is_final_after_effect(DirectcallUnwantedOutcome("x", **unwanted, retryable=False), remembers=remembers)


@pytest.mark.parametrize(
    ("error", "is_final"),
    [
        (RuntimeError(), False),
        (SystemExit(), False),
        (DirectcallWaitFailed("x"), False),
        (DirectcallUnexpectedEvent("x"), False),
        (DirectcallRefused("x", code="002"), False),
        (DirectcallRefused("x", code="201"), True),
        (DirectcallWaitTimeout("x"), True),
        (AirflowTaskTimeout("x"), True),
        (ValueError("x"), True),
    ],
)
def test_after_an_effect_with_a_store_transient_errors_are_left_to_retries(error, is_final):
    assert is_final_after_effect(error, remembers=True) is is_final


@pytest.mark.parametrize("error", [RuntimeError(), SystemExit(), DirectcallWaitFailed("x"), DirectcallWaitTimeout("x")])
def test_after_an_effect_and_without_a_store_failures_are_final(error):
    assert is_final_after_effect(error, remembers=False)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), AirflowTaskTimeout("x"), RuntimeError(), DirectcallNotSent("x")]
)
def test_before_an_effect_interruptions_are_not_final(error):
    assert not is_final_before_effect(error)

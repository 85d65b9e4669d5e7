"""The access token: requested when needed, cached, renewed once for all waiting requests."""

from __future__ import annotations

import pytest

from airflow_provider_directcall.api import methods as m
from airflow_provider_directcall.api.client import RetryBudget
from airflow_provider_directcall.api.errors import DirectcallAuthError, DirectcallUnavailable
from airflow_provider_directcall.api.replies import Token
from airflow_provider_directcall.api.tokens import TokenCache
from airflow_provider_directcall.sandbox import Fault, SandboxServer

from .clock import SimulatedClock
from .drivers import AsyncDriver, Driver

A, B = "5511990000001", "5511990000002"
CALL = m.place_call(A, B)
CARRIER = m.lookup_carrier(A)


def tokens_asked(sandbox: SandboxServer) -> int:
    return sandbox.state()["requests"].get("request_token", 0)


def calls(sandbox: SandboxServer) -> int:
    return sandbox.state()["effects"].get("calls_placed", 0)


def waiting(api: Driver) -> int:
    """Return the number of concurrent requests: coroutines are cheaper than threads."""
    return 50 if isinstance(api, AsyncDriver) else 20


def test_none_is_asked_for_before_the_first_request(connect, sandbox) -> None:
    connect()
    assert tokens_asked(sandbox) == 0


@pytest.mark.parametrize(("life", "kept"), [(3600, 3600 - 300), (100, 50)])
def test_one_is_kept_until_five_minutes_before_its_end_or_for_half_of_a_short_life(
    api, sandbox, clock, life, kept
) -> None:
    sandbox.configure(token_life=life)
    api.send(CARRIER)
    clock.advance(kept - 1)
    api.send(CARRIER)
    assert tokens_asked(sandbox) == 1
    clock.advance(2)
    api.send(CARRIER)
    assert tokens_asked(sandbox) == 2


@pytest.mark.parametrize(
    "quirks", [set(), {"auth_200"}, {"auth_envelope"}, {"auth_envelope", "auth_200"}, {"hex_token"}]
)
def test_an_expired_one_is_renewed_and_the_call_placed_once(api, sandbox, quirks) -> None:
    sandbox.configure(quirks=frozenset(quirks))
    api.send(CARRIER)
    sandbox.expire_tokens()
    assert api.send(CALL).callerid
    assert (tokens_asked(sandbox), calls(sandbox), sandbox.state()["requests"]["voz/call"]) == (2, 1, 2)


def test_one_that_is_never_accepted_is_renewed_only_once(api, sandbox) -> None:
    sandbox.inject(Fault(kind="expired_token", endpoint="voz/call"))
    with pytest.raises(DirectcallAuthError, match="place_call: the access token was not accepted"):
        api.send(CALL)
    assert (tokens_asked(sandbox), calls(sandbox), sandbox.state()["requests"]["voz/call"]) == (2, 0, 2)


def test_all_who_wait_share_the_first_one(api, sandbox) -> None:
    results = api.together([CARRIER] * waiting(api))
    assert {result.current for result in results}
    assert tokens_asked(sandbox) == 1


def test_all_who_wait_share_one_renewal(api, sandbox) -> None:
    api.send(CARRIER)
    sandbox.expire_tokens()
    sandbox.inject(Fault(kind="slow", endpoint="request_token", seconds=0.3))
    results = api.together([CARRIER] * waiting(api))
    assert {result.current for result in results}
    assert tokens_asked(sandbox) == 2


def test_a_wrong_secret_is_asked_about_once(connect, sandbox) -> None:
    api = connect(client_secret="wrong-secret")
    with pytest.raises(DirectcallAuthError, match="request_token: the client id or secret was not accepted") as caught:
        api.send(CALL)
    assert "wrong-secret" not in str(caught.value)
    assert sandbox.state()["requests"] == {"request_token": 1}


def test_a_wrong_secret_is_not_hammered_by_all_who_wait(connect, sandbox) -> None:
    api = connect(client_secret="wrong-secret")
    sandbox.inject(Fault(kind="slow", endpoint="request_token", seconds=0.5))
    errors = api.together([CALL] * waiting(api))
    assert {type(error) for error in errors} == {DirectcallAuthError}
    assert len({id(error) for error in errors}) == len(errors)
    assert sandbox.state()["requests"] == {"request_token": 1}


def test_a_failed_renewal_is_tried_again_by_the_next_request(api, sandbox) -> None:
    sandbox.inject(Fault(kind="unavailable", endpoint="request_token", times=1))
    with pytest.raises(Exception, match="request_token"):
        api.send(CARRIER)
    assert api.send(CARRIER)
    assert tokens_asked(sandbox) == 2


def test_trouble_with_the_token_is_repeated_once_not_by_both(connect, sandbox) -> None:
    """A request that waits for a token does not multiply the retries of the token's own request."""
    api = connect(budget=RetryBudget(attempts=3))
    sandbox.inject(Fault(kind="html_502_before", endpoint="request_token"))
    with pytest.raises(DirectcallUnavailable, match="request_token") as caught:
        api.send(CARRIER)
    assert not caught.value.may_have_taken_effect
    assert sandbox.state()["requests"] == {"request_token": 3}


def test_passing_trouble_with_the_token_does_not_stop_a_call(api, sandbox) -> None:
    sandbox.inject(Fault(kind="cut_after", endpoint="request_token", times=2))
    api.send(CALL)
    assert (tokens_asked(sandbox), calls(sandbox)) == (3, 1)


@pytest.fixture
def cache(clock: SimulatedClock) -> TokenCache:
    return TokenCache(clock)


def store(cache: TokenCache, value: str) -> None:
    with cache.renewal() as keep:
        keep(Token(value, 3600))


def test_the_cache_shows_no_token(cache) -> None:
    store(cache, "the-token")
    assert "the-token" not in repr(cache)


def test_a_newer_token_is_not_rejected_with_an_older_one(cache) -> None:
    store(cache, "new")
    cache.reject("old")
    assert cache.current(0) == "new"
    cache.reject("new")
    assert cache.current(0) is None

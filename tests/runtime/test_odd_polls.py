"""One odd answer while a task waits is a failed look; it does not end the wait."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_directcall.errors import (
    DirectcallError,
    DirectcallRefused,
    DirectcallReplyError,
    DirectcallWaitFailed,
)
from airflow_provider_directcall.runtime.polling import PollPace, poll


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 3, 4, tzinfo=UTC)


def polled(*answers: object) -> object:
    following = iter(answers)

    def look(now: datetime) -> object:
        answer = next(following)
        if isinstance(answer, DirectcallError):
            raise answer
        return answer

    pace = PollPace(interval=15, max_consecutive_failures=3)
    return poll(look, pace, Clock(), lambda seconds: None)


def test_an_odd_answer_is_asked_for_again() -> None:
    odd = DirectcallReplyError("a maintenance page with HTTP 200")
    assert polled(odd, odd, None, odd, odd, "end") == "end"


def test_too_many_odd_answers_end_the_wait() -> None:
    with pytest.raises(DirectcallWaitFailed):
        polled(*[DirectcallReplyError("a maintenance page with HTTP 200")] * 3)


def test_a_permanent_refusal_ends_the_wait() -> None:
    with pytest.raises(DirectcallRefused):
        polled(DirectcallRefused("refused", code="200"))

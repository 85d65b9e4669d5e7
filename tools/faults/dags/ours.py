"""Our operators under faults: a task for each kind, mapped over its sends. The run's ``conf`` names their file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, task

from airflow_provider_directcall.operators.calls import DirectcallPlaceCallOperator
from airflow_provider_directcall.operators.messages import (
    DirectcallSendSMSOperator,
    DirectcallSendVoiceMessageOperator,
)
from airflow_provider_directcall.operators.numbers import DirectcallUpdateNumberRuleOperator
from tools.faults.dags.killing import dying_at, point_of
from tools.faults.dags.reading import TEXT_MARK, read_cases

if TYPE_CHECKING:
    from airflow.sdk import Context

ORIGIN = "551130000000"
#: With a mark, by which the search for private data knows it.
TEXT = f"Bom dia, {TEXT_MARK}"
#: The time-out is longer than any task takes; rows that need it raise its alarm.
RETRYING = {"retries": 3, "retry_delay": timedelta(seconds=1), "execution_timeout": timedelta(minutes=20)}


class Mortal(BaseOperator):
    """An operator whose process dies at one point in each of its first tries.

    :param kill_at: the points, first try first; None for a try that lives.
    """

    def __init__(self, *, kill_at: Sequence[str | None] = (), **kwargs: Any) -> None:  # noqa: ANN401 - Airflow's own
        super().__init__(**kwargs)
        self.kill_at = kill_at

    def execute(self, context: Context) -> Any:  # noqa: ANN401 - the operator's result
        """Run the task until it dies or ends."""
        with dying_at(self._point(context)):
            return super().execute(context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:  # noqa: ANN401 - as above
        """Resume after a deferral until it dies or ends."""
        with dying_at(self._point(context)):
            return super().resume_execution(next_method, next_kwargs, context)

    def _point(self, context: Context) -> str | None:
        return point_of(self.kill_at, context["ti"].try_number)


class SMS(Mortal, DirectcallSendSMSOperator):
    """Sends an SMS."""


class VoiceMessage(Mortal, DirectcallSendVoiceMessageOperator):
    """Sends a voice message."""


class PlaceCall(Mortal, DirectcallPlaceCallOperator):
    """Places a call."""


class UpdateNumberRule(Mortal, DirectcallUpdateNumberRuleOperator):
    """Writes a rule."""


with DAG("ours", schedule=None, max_active_tasks=64):
    # By default, Airflow logs the return value of an author's task.
    @task(show_return_value_in_logs=False)
    def cases(kind: str, **context: Any) -> list[dict[str, object]]:  # noqa: ANN401 - Airflow's context
        """Return the arguments of all sends of a kind."""
        return read_cases(context["dag_run"].conf, kind)

    sending = {**RETRYING, "origin": ORIGIN, "poll_interval": 1}
    SMS.partial(task_id="sms", text=TEXT, **sending).expand_kwargs(cases.override(task_id="sms_cases")("sms"))
    VoiceMessage.partial(task_id="voice", text=TEXT, **sending).expand_kwargs(
        cases.override(task_id="voice_cases")("voice")
    )
    PlaceCall.partial(task_id="call", **sending).expand_kwargs(cases.override(task_id="call_cases")("call"))
    UpdateNumberRule.partial(task_id="rule", **RETRYING).expand_kwargs(cases.override(task_id="rule_cases")("rule"))

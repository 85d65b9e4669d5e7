"""Ask for the approval of a campaign. Imported only where it is used: it needs Airflow's standard provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    from airflow.sdk import Context

_BODY = """\
| | |
| --- | --- |
| accepted | {{ task.plan["accepted"] }} |
| not accepted | {{ task.plan["rejected"] }} |
| parts | {{ task.plan["parts"] }} |
| cost, R$ | {{ task.plan["cost_brl"] }} |
| preview | {{ task.plan["preview"] }} |
"""


class DirectcallApproveCampaignOperator(ApprovalOperator):
    """Wait for a user's approval of a plan with more contacts than a limit; let any other pass.

    :param plan: the result of a plan task. Templated.
    :param approve_over: contacts that need no approval. Templated.
    :param subject: the question. Templated.
    :param body: Markdown below it; by default the plan's counts and cost. Templated.
    """

    template_fields: Sequence[str] = ("plan", "approve_over", "subject", "body")

    def __init__(
        self,
        *,
        plan: Mapping[str, Any],
        approve_over: int | str,
        subject: str = "Send the campaign to {{ task.plan['accepted'] }} contacts?",
        body: str = _BODY,
        **kwargs: Any,  # noqa: ANN401 - the arguments of ApprovalOperator
    ) -> None:
        super().__init__(subject=subject, body=body, **kwargs)
        self.plan = plan
        self.approve_over = approve_over

    def execute(self, context: Context) -> object:
        """Ask, or return at once."""
        limit = arguments.integer("approve_over", self.approve_over)
        if limit is None or int(self.plan["accepted"]) <= limit:
            self.log.info("%s contacts need no approval.", self.plan["accepted"])
            return None
        return super().execute(context)

"""Ask for the approval of a campaign. Imported only where it is used: it needs Airflow's standard provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.standard.operators.hitl import ApprovalOperator

from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.translations.languages import language_name

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Language -> question, and the names of the plan's values.
_TEXTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "en": (
        "Send the campaign to {{ task.plan['accepted'] }} contacts?",
        {
            "accepted": "accepted",
            "rejected": "not accepted",
            "parts": "parts",
            "cost_brl": "cost, R$",
            "preview": "preview",
        },
    ),
    "pt": (
        "Enviar a campanha a {{ task.plan['accepted'] }} contatos?",
        {
            "accepted": "aceitos",
            "rejected": "não aceitos",
            "parts": "partes",
            "cost_brl": "custo, R$",
            "preview": "prévia",
        },
    ),
}


class DirectcallApproveCampaignOperator(ApprovalOperator):
    """Wait for a user's approval of a plan with more contacts than a limit; let any other pass.

    :param plan: the result of a plan task. Templated.
    :param approve_over: contacts that need no approval. Templated.
    :param subject: the question; by default how many contacts the plan has. Templated.
    :param body: Markdown below it; by default the plan's counts and cost. Templated.
    :param language: of both by default, ``en`` or ``pt``.
    :raises ValueError: there is no such language here.
    """

    template_fields: Sequence[str] = ("plan", "approve_over", "subject", "body")

    def __init__(
        self,
        *,
        plan: Mapping[str, Any],
        approve_over: int | str,
        subject: str | None = None,
        body: str | None = None,
        language: str = "en",
        **kwargs: Any,  # noqa: ANN401 - the arguments of ApprovalOperator
    ) -> None:
        question, names = _TEXTS[language_name(language)]
        rows = "".join(f"| {name} | {{{{ task.plan[{key!r}] }}}} |\n" for key, name in names.items())
        super().__init__(subject=subject or question, body=body or f"| | |\n| --- | --- |\n{rows}", **kwargs)
        self.plan = plan
        self.approve_over = approve_over

    def execute(self, context: Context) -> object:
        """Ask, or return at once."""
        limit = arguments.integer("approve_over", self.approve_over)
        if limit is None or int(self.plan["accepted"]) <= limit:
            self.log.info("%s contacts need no approval.", self.plan["accepted"])
            return None
        return super().execute(context)

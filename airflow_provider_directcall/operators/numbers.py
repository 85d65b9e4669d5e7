"""The operator that changes one rule of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

from airflow_provider_directcall.operators.desired_rules import is_final
from airflow_provider_directcall.runtime import arguments
from airflow_provider_directcall.runtime.failures import failing_without_retry
from airflow_provider_directcall.runtime.number_rules.writer import RuleWriter
from airflow_provider_directcall.runtime.rule_arguments import rule_from_template

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.routing.plans.changes import RuleChange
    from airflow_provider_directcall.routing.rules import NumberRule


class DirectcallUpdateNumberRuleOperator(BaseOperator):
    """Make one rule of a number stand as wanted: change it, or create it where none stands; no change needed, no write.

    Writing rules is assumed, not documented by Directcall. So what was written is read back and compared; a difference
    fails the task with what was asked for and what stands now. Fields of the live rule that are unknown here survive.

    A retry begins by reading the rules, so it never repeats a write that took effect. A wrong argument, a refusal that
    will stand, and a write that was taken and stands differently fail the task without a retry. For tasks that look for
    changes made elsewhere (``on_drift``) this one's are no such changes.

    :param did: the number, with or without 55 (``did``).
    :param rule: the wanted rule, a mapping such as ``{"action": "forward", "to": "...", "wait_seconds": 20,
        "priority": 1}``, or an object of :mod:`airflow_provider_directcall.routing.rules`, where the fields are
        described. Actions: ``forward``, ``sound``, ``voicemail``, ``hangup``; conditions: ``weekdays``, ``start``,
        ``end``, ``sources``. The mapping's values, or all of it, can be templates; what comes out empty or as ``None``
        is not given.
    :param rule_id: the vendor's id of the rule to change (``dpId``); without it, the rule at the wanted priority.
    :param include_numbers: show phone numbers and e-mail addresses in the result in full instead of masked.
    :param directcall_conn_id: id of the connection.

    Gives ``{"did", "changed", "before", "after"}``: ``before`` and ``after`` are rules as ``{"rule_id", "priority",
    "action", "data"}`` in the vendor's terms, ``before`` is None when the rule was created.
    """

    template_fields: Sequence[str] = ("did", "rule", "rule_id", "directcall_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"rule": "json"}
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        did: str,
        rule: Mapping[str, object] | NumberRule | str,
        rule_id: str | None = None,
        include_numbers: bool = False,
        directcall_conn_id: str = "directcall_default",
        **kwargs: Any,  # noqa: ANN401 - BaseOperator's own arguments
    ) -> None:
        super().__init__(**kwargs)
        self.did = did
        self.rule = rule
        self.rule_id = rule_id
        self.include_numbers = include_numbers
        self.directcall_conn_id = directcall_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the number's rules, write the wanted one if it differs, read back."""
        from airflow_provider_directcall.hooks.directcall import DirectcallHook
        from airflow_provider_directcall.routing.plans.changes import plan_change
        from airflow_provider_directcall.telephony.numbers import parse_did

        with failing_without_retry(is_final), DirectcallHook(self.directcall_conn_id) as hook:
            did, wanted = parse_did(self.did), rule_from_template(self.rule, name="rule")
            change = plan_change(hook.list_rules(did), wanted, arguments.optional_text(self.rule_id))
            if change.before is not None and not change.is_needed:
                self.log.info("Rule %s stands as wanted; nothing was written.", change.before.rule_id)
                return self._result(did, change, change.before)
            after = RuleWriter(hook, did).change(change)
        done = "created with" if change.before is None else "changed in"
        self.log.info("Rule %s was %s: %s.", after.rule_id, done, ", ".join(change.fields) or "no fields")
        return self._result(did, change, after)

    def _result(self, did: str, change: RuleChange, after: Rule) -> dict[str, Any]:
        from airflow_provider_directcall.routing.views import rule_view
        from airflow_provider_directcall.telephony.numbers import mask_number

        before = change.before
        return {
            "did": did if self.include_numbers else mask_number(did),
            "changed": change.is_needed,
            "before": None if before is None else rule_view(before, include_numbers=self.include_numbers),
            "after": rule_view(after, include_numbers=self.include_numbers),
        }

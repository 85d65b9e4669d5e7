"""The operator that changes one rule of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_directcall.api.replies import Rule
    from airflow_provider_directcall.hooks.directcall import DirectcallHook
    from airflow_provider_directcall.routing.changes import RuleChange
    from airflow_provider_directcall.routing.rules import NumberRule


class DirectcallUpdateNumberRuleOperator(BaseOperator):
    """Make one rule of a number stand as wanted: change it, or create it where none stands; no change needed, no write.

    What was written is read back and compared, because the way Directcall takes rules is assumed, not documented.

    :param did: the number, with or without 55 (``did``).
    :param rule: the wanted rule: a mapping such as ``{"action": "forward", "to": "...", "wait_seconds": 20,
        "priority": 1}``, whose values can be templates, or an object of
        :mod:`airflow_provider_directcall.routing.rules`. Actions: ``forward``, ``sound``, ``voicemail``, ``hangup``;
        conditions: ``weekdays``, ``start``, ``end``, ``sources``.
    :param rule_id: the vendor's id of the rule to change (``dpId``); without it, the rule at the wanted priority.
    :param include_numbers: show phone numbers in the result in full.
    :param directcall_conn_id: the connection.

    Gives ``{"did", "changed", "before", "after"}``; ``before`` is None when the rule was created.
    """

    template_fields: Sequence[str] = ("did", "rule", "rule_id", "directcall_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"rule": "json"}
    ui_color = "#e3f0e6"

    def __init__(
        self,
        *,
        did: str,
        rule: Mapping[str, object] | NumberRule,
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
        from airflow_provider_directcall.routing.changes import plan_change
        from airflow_provider_directcall.routing.rules import rule_from

        wanted = rule_from(self.rule)
        with DirectcallHook(self.directcall_conn_id) as hook:
            change = plan_change(hook.list_rules(self.did), wanted, self.rule_id or None)
            if not change.is_needed:
                self.log.info("Rule %s stands as wanted; nothing was written.", change.wanted.rule_id)
                return self._result(change, change.wanted, changed=False)
            after = self._write(hook, change)
        self.log.info("Rule %s was %s.", after.rule_id, "created" if change.before is None else "changed")
        return self._result(change, after, changed=True)

    def _write(self, hook: DirectcallHook, change: RuleChange) -> Rule:
        """Write the rule; what stands afterwards decides, not what the reply says."""
        from airflow_provider_directcall.errors import DirectcallOutcomeUnknown
        from airflow_provider_directcall.routing.changes import DirectcallRuleError, differences, find_written

        saved = change.wanted
        try:
            saved = hook.save_rule(self.did, change.wanted)
        except DirectcallOutcomeUnknown as unknown:
            self.log.warning("The reply to the write is unknown, reading the rules back: %s", unknown)
        written = find_written(hook.list_rules(self.did), saved, change.wanted)
        if written is None:
            raise DirectcallRuleError("the rule was written, and it is not among the rules read back")
        wrong = differences(change.wanted, written)
        if wrong:
            raise DirectcallRuleError(
                f"rule {written.rule_id} was written and stands differently in: {', '.join(wrong)}. Directcall does "
                "not document how rules are written: the assumed field names may not fit this account (set them in the "
                "connection's extra, 'fields')"
            )
        return written

    def _result(self, change: RuleChange, after: Rule, *, changed: bool) -> dict[str, Any]:
        from airflow_provider_directcall.routing.changes import rule_view
        from airflow_provider_directcall.telephony.numbers import mask_number

        return {
            "did": self.did if self.include_numbers else mask_number(str(self.did)),
            "changed": changed,
            "before": rule_view(change.before, include_numbers=self.include_numbers),
            "after": rule_view(after, include_numbers=self.include_numbers),
        }

"""One number of the local Directcall, with the routing code to change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from airflow_provider_directcall.api.replies import Rule
from airflow_provider_directcall.hooks.directcall import DirectcallHook
from airflow_provider_directcall.routing.plans.changes import RuleChange, plan_change
from airflow_provider_directcall.routing.rule_parsing import rule_from
from airflow_provider_directcall.routing.writes.apply import apply_change
from airflow_provider_directcall.sandbox import SandboxServer

DID = "1130000001"
RULE_ID = "18000"


@dataclass
class Number:
    sandbox: SandboxServer
    hook: DirectcallHook
    did: str
    while_waiting: Callable[[], None] = lambda: None
    pauses: list[float] = field(default_factory=list)

    def plan(self, rule_id: str | None = None, **rule: object) -> RuleChange:
        return plan_change(self.hook.list_rules(self.did), rule_from(rule), rule_id)

    def apply(self, change: RuleChange) -> Rule:
        return apply_change(self.hook, self.did, change, sleep=self._sleep)

    def make(self, rule_id: str | None = None, **rule: object) -> Rule:
        return self.apply(self.plan(rule_id, **rule))

    def other_writes(self, **fields: str) -> None:
        """Write as from the vendor's panel: the fields of ``/did/save``, and any others that a rule may have."""
        self.sandbox.write_rule(did=self.did, **fields)

    @property
    def rules(self) -> list[Mapping[str, object]]:
        """Live rules at Directcall."""
        return self.sandbox.state()["rules"][self.did]

    def data(self, rule_id: str = RULE_ID) -> Mapping[str, object]:
        return next(rule["data"] for rule in self.rules if rule["dpId"] == rule_id)

    @property
    def writes(self) -> int:
        """Number of write requests, with or without effect."""
        return self.sandbox.state()["requests"].get("did/save", 0)

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.while_waiting()

"""The effects at a sandbox: placed calls, accepted messages, created rules."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.sandbox.state import SandboxState
from tools.faults.cases import FORWARD_TO, RULE_PRIORITY, Case
from tools.faults.rows import Kind

#: Of the rule that each number of the sandbox has at first.
_DEFAULT_PRIORITY: Final = "1"
_MIRRORED: Final = str.maketrans("0123456789abcdef", "9876543210fedcba")


@dataclass(frozen=True, slots=True)
class Effect:
    """One placed call, accepted message or created rule.

    :ivar name: the vendor's id.
    :ivar key: its ``airflow_key``; None for rules and the baseline.
    :ivar is_undone: the call was hung up or the message cancelled.
    :ivar at: when it was made, in seconds of the sandbox's clock.
    :ivar outcome: the vendor's word for its end.
    """

    name: str
    key: str | None = None
    is_undone: bool = False
    at: float = 0.0
    outcome: str | None = None

    @property
    def shown_ids(self) -> frozenset[str]:
        """Its id in the forms in which the statement may show it: the quirk ``callerid_other`` mirrors the digits."""
        return frozenset({self.name, self.name.translate(_MIRRORED)})


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of one case."""

    all: tuple[Effect, ...] = ()
    harm: int = 0
    """The number of rules that were changed and should not have been."""

    @property
    def made(self) -> int:
        """The number of effects, undone ones included."""
        return len(self.all)

    @property
    def undone(self) -> int:
        """The number of effects that were hung up or cancelled."""
        return sum(effect.is_undone for effect in self.all)

    @property
    def repeated(self) -> int:
        """The number of effects with the key of an earlier one, even if one of the two was undone."""
        return sum(times - 1 for times in self._times_by_key.values())

    @property
    def distinct(self) -> int:
        """The number of keys, plus the number of effects without a key."""
        return self.made - self.repeated

    @property
    def remaining(self) -> int:
        """The same number, without keys whose effects were all undone."""
        return Effects(tuple(effect for effect in self.all if not effect.is_undone)).distinct

    def made_after_sign(self, shown: Mapping[str, float]) -> int:
        """Return the number of effects that were made although the statement had shown an earlier one's key.

        :param shown: the moment at which it first showed a key, by key.
        """
        return sum(
            any(earlier.key == effect.key and shown.get(str(earlier.key), math.inf) < effect.at for earlier in before)
            for before, effect in ((self.all[:place], effect) for place, effect in enumerate(self.all))
        )

    @property
    def _times_by_key(self) -> Counter[str]:
        return Counter(effect.key for effect in self.all if effect.key is not None)


def keys_in(state: SandboxState) -> set[str]:
    """Return the idempotency keys of all calls and messages."""
    records = [*state["calls"], *state["messages"]]
    return {str(tags[KEY_TAG]) for record in records if isinstance(tags := record["tags"], dict) and KEY_TAG in tags}


def effects_of(state: SandboxState, case: Case) -> Effects:
    """Return the sandbox's effects of one case; a message to several recipients is one."""
    if case.kind is Kind.RULE:
        return _rules(state, case.name)
    if case.kind is Kind.CALL:
        records, at, undone, outcome = state["calls"], "placed_at", "hung_up_at", "outcome"
    else:
        records, at, undone, outcome = state["messages"], "accepted_at", "cancelled_at", "phase"
    found = {
        str(record["callerid"]): Effect(
            str(record["callerid"]),
            tags.get(KEY_TAG),
            record[undone] is not None,
            float(str(record[at])),
            str(record[outcome]),
        )
        for record in records
        if isinstance(tags := record["tags"], dict) and tags.get("case") == case.name
    }
    return Effects(tuple(sorted(found.values(), key=lambda effect: effect.at)))


def _rules(state: SandboxState, did: str) -> Effects:
    """Return the number's live rules that equal the requested one; a second one is a duplicate."""
    rules = state["rules"].get(did, [])
    is_default_there = any(str(rule["priority"]) == _DEFAULT_PRIORITY for rule in rules)
    live = tuple(Effect(str(rule["dpId"])) for rule in rules if _is_requested(rule))
    return Effects(live, harm=int(bool(rules) and not is_default_there))


def _is_requested(rule: dict[str, object]) -> bool:
    data = rule["data"]
    phone = data.get("phone") if isinstance(data, dict) else None
    return str(rule["priority"]) == str(RULE_PRIORITY) and phone == FORWARD_TO

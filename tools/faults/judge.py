"""Verdicts: the reported outcome of each task compared with the effects in the sandbox."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.sandbox.state import SandboxState
from tools.faults.cases import FORWARD_TO, RULE_PRIORITY, Case
from tools.faults.logs import LoggedError
from tools.faults.rows import Ending, Kind, Row

#: Classes of errors, by the outcome that they report.
_REFUSALS: Final = frozenset({"DirectcallRefused"})
_UNKNOWN: Final = frozenset({"DirectcallOutcomeUnknown"})
_AFTER_SENDING: Final = frozenset({"DirectcallWaitTimeout", "DirectcallWaitFailed", "DirectcallUnwantedOutcome"})
#: The baseline's text for a refusal.
_REFUSED_TEXT: Final = "Directcall refused"
#: Texts that report a possible effect.
_DOUBT: Final = ("may be out", "may have taken effect", "was written and is not among the rules read back")

#: Endings after which an effect is not a silent loss: it was reported as possible, or a user has ended the task.
_NOT_SILENT: Final = frozenset({Ending.UNKNOWN, Ending.STOPPED})

#: Of the rule that each number of the sandbox has at first.
_DEFAULT_PRIORITY: Final = "1"
_SUCCESS, _FAILED = "success", "failed"
#: The sandbox's words for the ends that we report.
_WORDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "answered": frozenset({"atendida"}),
        "busy": frozenset({"ocupado"}),
        "no_answer": frozenset({"nao atendida"}),
        "cancelled": frozenset({"cancelada", "cancelled"}),
        "failed": frozenset({"falha", "failed"}),
        "delivered": frozenset({"delivered"}),
    }
)
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


@dataclass(frozen=True, slots=True)
class Report:
    """The reported outcome of one task instance.

    :ivar state: Airflow's state.
    :ivar tries: the number of its tries.
    :ivar result: its XCom.
    :ivar errors: the error that ended it, with its causes.
    :ivar was_stopped: a user has marked it as failed.
    """

    state: str
    tries: int
    result: object = None
    errors: Sequence[LoggedError] = ()
    was_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """The end of a batch at one Directcall.

    :ivar state: the sandbox's state.
    :ivar shown: the moment at which its statement first showed a key, by key.
    """

    state: SandboxState
    shown: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on one send.

    :ivar duplicates: the number of effects beyond the requested ones.
    :ivar as_asked: the same where the policy asks for a second send, and the statement had not shown the first.
    :ivar is_lost: it reports success without an effect, or has an effect and does not report it.
    :ivar is_foreign: its result has the id or the outcome of something else, or it changed another rule and reports
        success.
    """

    case: Case
    ending: Ending
    effects: Effects
    tries: int
    duplicates: int
    is_lost: bool
    error: str = ""
    as_asked: int = 0
    is_foreign: bool = False


#: The counts of a tally.
COUNTS: Final = ("sends", "duplicates", "as_asked", "lost", "foreign", "undone", "tries")


@dataclass(slots=True)
class Tally:
    """The sum of the verdicts on one row."""

    sends: int = 0
    duplicates: int = 0
    as_asked: int = 0
    lost: int = 0
    foreign: int = 0
    undone: int = 0
    tries: int = 0
    endings: Counter[Ending] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Add a verdict."""
        self.sends += 1
        self.duplicates += verdict.duplicates
        self.as_asked += verdict.as_asked
        self.lost += verdict.is_lost
        self.foreign += verdict.is_foreign
        self.undone += verdict.effects.undone
        self.tries += verdict.tries
        self.endings[verdict.ending] += 1

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.endings.update(other.endings)


def effects_of(state: SandboxState, case: Case) -> Effects:
    """Return the sandbox's effects of one case."""
    if case.kind is Kind.RULE:
        return _rules(state, case.name)
    if case.kind is Kind.CALL:
        records, at, undone, outcome = state["calls"], "placed_at", "hung_up_at", "outcome"
    else:
        records, at, undone, outcome = state["messages"], "accepted_at", "cancelled_at", "phase"
    found = [
        Effect(
            str(record["callerid"]),
            tags.get(KEY_TAG),
            record[undone] is not None,
            float(str(record[at])),
            str(record[outcome]),
        )
        for record in records
        if isinstance(tags := record["tags"], dict) and tags.get("case") == case.name
    ]
    return Effects(tuple(sorted(found, key=lambda effect: effect.at)))


def judge(case: Case, report: Report, account: Account) -> Verdict:
    """Judge one send by the effects at its account."""
    return judge_effects(case, report, effects_of(account.state, case), account.shown)


def judge_effects(
    case: Case, report: Report, effects: Effects, shown: Mapping[str, float] = MappingProxyType({})
) -> Verdict:
    """Judge one send by its effects.

    Each requested generation has its own key and one effect. A second effect with the same key is a duplicate, also
    when one of the two was hung up or cancelled, and so is a further key. Effects without a key are only counted.
    Where the case may duplicate, only those are duplicates that came although the statement had shown the key.
    ``tries`` and the text of the last error are for readers.
    """
    ending = ending_of(report, effects)
    surplus = effects.repeated + max(0, effects.distinct - case.row.generations)
    duplicates = effects.made_after_sign(shown) if case.may_duplicate else surplus
    return Verdict(
        case=case,
        ending=ending,
        effects=effects,
        tries=report.tries,
        duplicates=duplicates,
        is_lost=_is_lost(ending, effects, case.row),
        error="; ".join(f"{error.kind}: {error.text}" for error in report.errors),
        as_asked=max(0, surplus - duplicates),
        is_foreign=_is_foreign(report.result, effects) or (ending is Ending.SENT and effects.harm > 0),
    )


def _is_foreign(result: object, effects: Effects) -> bool:
    """Whether a result has an id that none of the effects has, or another outcome than all of them.

    The outcome of a call without an id counts too: it was read from a row.
    """
    if not isinstance(result, dict):
        return False
    callerid, words = result.get("callerid"), _WORDS.get(str(result.get("outcome", result.get("state"))))
    own = [effect for effect in effects.all if callerid is None or str(callerid).casefold() in effect.shown_ids]
    if not own:
        return callerid is not None or words is not None
    return words is not None and words.isdisjoint({effect.outcome for effect in own})


def ending_of(report: Report, effects: Effects) -> Ending:
    """Classify the reported outcome of a task.

    :param effects: only their names are used: an error that contains one reports that it was sent.
    """
    if report.state == _SUCCESS:
        is_unknown = isinstance(report.result, dict) and report.result.get("state") == "unknown"
        return Ending.UNKNOWN if is_unknown else Ending.SENT
    if report.state != _FAILED:
        return Ending.UNFINISHED
    if report.was_stopped:
        return Ending.STOPPED
    if not report.errors:
        return Ending.MUTE
    return _ending_of_failure(report.errors, effects)


def _ending_of_failure(errors: Sequence[LoggedError], effects: Effects) -> Ending:
    kinds = {error.kind for error in errors}
    text = " ".join(error.text for error in errors)
    if kinds & _AFTER_SENDING or any(effect.name in text for effect in effects.all):
        return Ending.SENT
    if kinds & _UNKNOWN or any(words in text for words in _DOUBT):
        return Ending.UNKNOWN
    return Ending.REFUSED if kinds & _REFUSALS or _REFUSED_TEXT in text else Ending.NOT_SENT


def _is_lost(ending: Ending, effects: Effects, row: Row) -> bool:
    if ending is Ending.SENT:
        undone = effects.undone if row.undone is None else row.undone
        return effects.remaining < row.generations - undone
    return ending not in _NOT_SILENT and effects.made > 0


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

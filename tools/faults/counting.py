"""The judge: compares what a task said with what the local Directcall did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from airflow_provider_directcall.delivery.keys import KEY_TAG
from airflow_provider_directcall.sandbox.state import SandboxState
from tools.faults.cases import FORWARD_TO, RULE_PRIORITY, Case
from tools.faults.logs import Said
from tools.faults.rows import Ending, Kind, Row

#: Words of an error that leave no doubt that something was sent, or may have been.
_REFUSALS: Final = frozenset({"DirectcallRefused"})
_UNKNOWN: Final = frozenset({"DirectcallOutcomeUnknown"})
_AFTER_SENDING: Final = frozenset({"DirectcallWaitTimeout", "DirectcallWaitFailed", "DirectcallUnwantedOutcome"})
#: How the baseline says that the API has refused.
_SAID_NO: Final = "Directcall said no"
_DOUBT: Final = ("may be out", "may have taken effect")

#: Endings after which an effect is no silent loss: it is said that there may be one, or a user has ended the task.
_TOLD_OTHERWISE: Final = frozenset({Ending.UNKNOWN, Ending.STOPPED})

_SUCCESS, _FAILED = "success", "failed"


@dataclass(frozen=True, slots=True)
class Effect:
    """One call that was placed, one message that was accepted, or one rule that was created.

    :ivar name: what the vendor calls it.
    :ivar key: its ``airflow_key``; None where it carries none, as whatever an author writes without us.
    :ivar is_undone: the call was hung up, the message was cancelled.
    """

    name: str
    key: str | None = None
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Effects:
    """What really happened for one case."""

    all: tuple[Effect, ...] = ()

    @property
    def made(self) -> int:
        """How many there are, whatever became of them."""
        return len(self.all)

    @property
    def undone(self) -> int:
        """How many were hung up or cancelled."""
        return sum(effect.is_undone for effect in self.all)

    @property
    def repeated(self) -> int:
        """How many carry a key that another one carries already; that the other one was undone is no excuse."""
        return sum(times - 1 for times in self._times_by_key.values())

    @property
    def doings(self) -> int:
        """How often it was done by intention: once for each key, and once for each effect without a key."""
        return self.made - self.repeated

    @property
    def standing(self) -> int:
        """The doings of which at least one effect was not undone."""
        return Effects(tuple(effect for effect in self.all if not effect.is_undone)).doings

    @property
    def _times_by_key(self) -> Counter[str]:
        return Counter(effect.key for effect in self.all if effect.key is not None)


@dataclass(frozen=True, slots=True)
class Report:
    """What one task instance said in the end.

    :ivar state: Airflow's word.
    :ivar tries: how often it was started.
    :ivar result: its XCom.
    :ivar said: the error that ended it, with the errors behind it.
    :ivar was_stopped: a user has marked it as failed.
    """

    state: str
    tries: int
    result: object = None
    said: Sequence[Said] = ()
    was_stopped: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be thought of one send.

    :ivar duplicates: effects beyond those that were wanted.
    :ivar is_lost: it says sent and nothing happened, or something happened and it does not say so.
    """

    case: Case
    ending: Ending
    effects: Effects
    tries: int
    duplicates: int
    is_lost: bool
    said: str = ""


@dataclass(slots=True)
class Tally:
    """The verdicts on one row, added up.

    ``by_design`` counts second sends that ``on_unknown_outcome="resend"`` asked for.
    """

    sends: int = 0
    duplicates: int = 0
    by_design: int = 0
    lost: int = 0
    undone: int = 0
    tries: int = 0
    endings: Counter[Ending] = field(default_factory=Counter)

    def add(self, verdict: Verdict, *, may_duplicate: bool = False) -> None:
        """Count one more verdict."""
        self.sends += 1
        if may_duplicate:
            self.by_design += verdict.duplicates
        else:
            self.duplicates += verdict.duplicates
        self.lost += verdict.is_lost
        self.undone += verdict.effects.undone
        self.tries += verdict.tries
        self.endings[verdict.ending] += 1

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        for name in ("sends", "duplicates", "by_design", "lost", "undone", "tries"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.endings.update(other.endings)


def effects_in(state: SandboxState, cases: Iterable[Case]) -> dict[str, Effects]:
    """What the sandbox did, by the names of the cases."""
    calls = _by_case(state["calls"], undone=lambda call: call["hung_up_at"] is not None)
    messages = _by_case(state["messages"], undone=lambda message: message["cancelled_at"] is not None)
    return {
        case.name: _rules(state, case.name) if case.kind is Kind.RULE else _of(case, calls, messages) for case in cases
    }


def judge(case: Case, report: Report, effects: Effects) -> Verdict:
    """Judge one send.

    Each doing that is wanted has a key of its own and one effect. A second effect with the same key is a duplicate,
    also when one of the two was hung up or cancelled; a further key is one too. What carries no key is only counted.
    ``tries`` and the text of the last error come along for people.
    """
    ending = ending_of(report, effects)
    return Verdict(
        case=case,
        ending=ending,
        effects=effects,
        tries=report.tries,
        duplicates=effects.repeated + max(0, effects.doings - case.row.generations),
        is_lost=_is_lost(ending, effects, case.row),
        said="; ".join(f"{error.kind}: {error.text}" for error in report.said),
    )


def ending_of(report: Report, effects: Effects) -> Ending:
    """What a task said in the end.

    :param effects: only their names are used: an error that names one says that it was sent.
    """
    if report.state == _SUCCESS:
        is_unknown = isinstance(report.result, dict) and report.result.get("state") == "unknown"
        return Ending.UNKNOWN if is_unknown else Ending.SENT
    if report.state != _FAILED:
        return Ending.UNFINISHED
    if report.was_stopped:
        return Ending.STOPPED
    if not report.said:
        return Ending.MUTE
    return _ending_of_failure(report.said, effects)


def _ending_of_failure(said: Sequence[Said], effects: Effects) -> Ending:
    kinds = {error.kind for error in said}
    text = " ".join(error.text for error in said)
    if kinds & _AFTER_SENDING or any(effect.name in text for effect in effects.all):
        return Ending.SENT
    if kinds & _UNKNOWN or any(words in text for words in _DOUBT):
        return Ending.UNKNOWN
    return Ending.REFUSED if kinds & _REFUSALS or _SAID_NO in text else Ending.NOT_SENT


def _is_lost(ending: Ending, effects: Effects, row: Row) -> bool:
    if ending is Ending.SENT:
        undone = effects.undone if row.undone is None else row.undone
        return effects.standing < row.generations - undone
    return ending not in _TOLD_OTHERWISE and effects.made > 0


def _by_case(records: Iterable[dict[str, object]], undone: Callable[[dict[str, object]], bool]) -> dict[str, Effects]:
    found: dict[str, Effects] = {}
    for record in records:
        tags = record["tags"] if isinstance(record["tags"], dict) else {}
        name = tags.get("case")
        if name is not None:
            effect = Effect(str(record["callerid"]), tags.get(KEY_TAG), undone(record))
            found[name] = Effects((*found.get(name, Effects()).all, effect))
    return found


def _of(case: Case, calls: dict[str, Effects], messages: dict[str, Effects]) -> Effects:
    return (calls if case.kind is Kind.CALL else messages).get(case.name, Effects())


def _rules(state: SandboxState, did: str) -> Effects:
    """Rules of a number that stand as they were wanted; the second one is a duplicate."""
    standing = [rule for rule in state["rules"].get(did, []) if _is_wanted(rule)]
    return Effects(tuple(Effect(str(rule["dpId"])) for rule in standing))


def _is_wanted(rule: dict[str, object]) -> bool:
    data = rule["data"]
    phone = data.get("phone") if isinstance(data, dict) else None
    return str(rule["priority"]) == str(RULE_PRIORITY) and phone == FORWARD_TO

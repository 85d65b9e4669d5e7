"""Verdicts: the reported outcome of each task compared with the effects in the sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
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
_DOUBT: Final = ("may be out", "may have taken effect")

#: Endings after which an effect is not a silent loss: it was reported as possible, or a user has ended the task.
_NOT_SILENT: Final = frozenset({Ending.UNKNOWN, Ending.STOPPED})

_SUCCESS, _FAILED = "success", "failed"


@dataclass(frozen=True, slots=True)
class Effect:
    """One placed call, accepted message or created rule.

    :ivar name: the vendor's id.
    :ivar key: its ``airflow_key``; None for rules and the baseline.
    :ivar is_undone: the call was hung up or the message cancelled.
    """

    name: str
    key: str | None = None
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Effects:
    """The effects of one case."""

    all: tuple[Effect, ...] = ()

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
class Verdict:
    """The verdict on one send.

    :ivar duplicates: the number of effects beyond the requested ones.
    :ivar is_lost: it reports success without an effect, or has an effect and does not report it.
    """

    case: Case
    ending: Ending
    effects: Effects
    tries: int
    duplicates: int
    is_lost: bool
    error: str = ""


@dataclass(slots=True)
class Tally:
    """The sum of the verdicts on one row.

    ``by_design`` counts second sends requested by ``on_unknown_outcome="resend"``.
    """

    sends: int = 0
    duplicates: int = 0
    by_design: int = 0
    lost: int = 0
    undone: int = 0
    tries: int = 0
    endings: Counter[Ending] = field(default_factory=Counter)

    def add(self, verdict: Verdict, *, may_duplicate: bool = False) -> None:
        """Add a verdict."""
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
    """Return the sandbox's effects by the names of the cases."""
    calls = _by_case(state["calls"], undone=lambda call: call["hung_up_at"] is not None)
    messages = _by_case(state["messages"], undone=lambda message: message["cancelled_at"] is not None)
    return {
        case.name: _rules(state, case.name) if case.kind is Kind.RULE else _of(case, calls, messages) for case in cases
    }


def judge(case: Case, report: Report, effects: Effects) -> Verdict:
    """Judge one send.

    Each requested generation has its own key and one effect. A second effect with the same key is a duplicate, also
    when one of the two was hung up or cancelled, and so is a further key. Effects without a key are only counted.
    ``tries`` and the text of the last error are for readers.
    """
    ending = ending_of(report, effects)
    return Verdict(
        case=case,
        ending=ending,
        effects=effects,
        tries=report.tries,
        duplicates=effects.repeated + max(0, effects.distinct - case.row.generations),
        is_lost=_is_lost(ending, effects, case.row),
        error="; ".join(f"{error.kind}: {error.text}" for error in report.errors),
    )


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
    """Return the number's live rules that equal the requested one; a second one is a duplicate."""
    live = [rule for rule in state["rules"].get(did, []) if _is_requested(rule)]
    return Effects(tuple(Effect(str(rule["dpId"])) for rule in live))


def _is_requested(rule: dict[str, object]) -> bool:
    data = rule["data"]
    phone = data.get("phone") if isinstance(data, dict) else None
    return str(rule["priority"]) == str(RULE_PRIORITY) and phone == FORWARD_TO

"""Verdicts: the reported outcome of each task compared with the effects in the sandbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.sandbox.state import SandboxState
from tools.faults.cases import Case
from tools.faults.effects import Effects, effects_of
from tools.faults.logs import LoggedError
from tools.faults.rows import Ending, Row

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

    @property
    def share_unknown(self) -> float:
        """The share of the sends that end with the outcome reported as unknown."""
        return self.endings[Ending.UNKNOWN] / max(1, self.sends)

    def merge(self, other: Tally) -> None:
        """Add another tally."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.endings.update(other.endings)


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
        is_foreign=_is_foreign(report.result, effects) or (report.state == _SUCCESS and effects.harm > 0),
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

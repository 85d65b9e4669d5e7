"""What a row of the fault matrix is made of: what is sent and how, what goes wrong and where, how it should end."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.sandbox import Fault


class Kind(StrEnum):
    """What a task has Directcall do once."""

    SMS = "sms"
    VOICE = "voice"
    CALL = "call"
    RULE = "rule"


class Way(StrEnum):
    """How a task goes about it."""

    WORKER = "worker"
    WORKER_WAITS = "worker, waits for the end"
    DEFERRABLE = "deferrable"
    DEFERRABLE_WAITS = "deferrable, waits for the end"

    @property
    def is_deferrable(self) -> bool:
        """Whether it waits and settles in the triggerer."""
        return self in {Way.DEFERRABLE, Way.DEFERRABLE_WAITS}

    @property
    def waits(self) -> bool:
        """Whether it waits until the call is over or the message delivered."""
        return self in {Way.WORKER_WAITS, Way.DEFERRABLE_WAITS}


class Point(StrEnum):
    """Where a task's process is killed, by SIGKILL from itself unless another signal is named."""

    BEFORE_REQUEST = "before_request"
    """All is ready, and the request has not left."""
    AFTER_REPLY = "after_reply"
    """The reply is read, and nobody was told."""
    AT_LOOK = "at_look"
    """At the first look at a state, a statement or rules: while waiting or settling."""
    AT_END = "at_end"
    """All is done, and Airflow has not heard of it."""
    TERMINATED_AT_LOOK = "terminated_at_look"
    """At the first look too, but by SIGTERM, as a worker's platform does it; Airflow still wants the task."""
    ALARM_AFTER_REPLY = "alarm_after_reply"
    """The reply is read, and nobody was told: the alarm of the task's ``execution_timeout``. The process lives."""


class Disturbance(StrEnum):
    """What happens to Airflow or to Directcall's server while a batch is under way."""

    SCHEDULER_KILLED = "scheduler_killed"
    """The scheduler's process alone; its workers and their tasks live on."""
    MACHINE_LOST = "machine_lost"
    """The scheduler with its workers and their tasks."""
    TRIGGERER_KILLED = "triggerer_killed"
    """The triggerer, when half of the deferrable tasks are deferred."""
    OUTAGE = "outage"
    """Directcall's server goes away for some seconds, with whatever it was doing."""
    CLEARED_DURING = "cleared_during"
    """A user clears tasks that wait for the end of what they sent, or look for it."""
    CLEARED_AFTER = "cleared_after"
    """A user clears the tasks after they have succeeded: everything is wanted once more."""
    MARKED_FAILED = "marked_failed"
    """A user marks tasks as failed while they wait for the end of what they sent."""


class Ending(StrEnum):
    """What a task said in the end about what it sent."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It says that it may be out, and that nobody can say."""
    NOT_SENT = "not sent"
    """It failed, and nothing in its error says that anything was, or may have been, sent."""
    MUTE = "mute"
    """It failed without any error in its log: its process died."""
    STOPPED = "stopped"
    """A user has marked it as failed."""
    UNFINISHED = "unfinished"
    """It had not ended when the harness stopped waiting."""


class Where(StrEnum):
    """Which requests of a task a trouble meets."""

    LOG_IN = "log_in"
    SEND = "send"
    WAIT = "wait"
    SETTLE = "settle"


#: Requests by their place in the life of a send: endpoint, and the field that tells one task's requests from another's.
_REQUESTS: Final[Mapping[Where, tuple[tuple[str, str | None], ...]]] = MappingProxyType(
    {
        Where.LOG_IN: (("request_token", None),),
        Where.SEND: (("sms/send", "campos[case]"), ("voz/call", "campos[case]"), ("did/save", "did")),
        Where.WAIT: (("sms/status", "code"), ("extrato/list", "callerid")),
        Where.SETTLE: (
            ("extrato/list-sms", "campos[airflow_key]"),
            ("extrato/list", "campos[airflow_key]"),
            ("voz/status", "destino"),
            ("did/route", "did"),
        ),
    }
)

#: An account without statements.
_NO_STATEMENTS: Final = ("extrato/list-sms", "extrato/list")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fault of the sandbox, at one place in the life of every send.

    :ivar kind: one of the sandbox's fault kinds.
    :ivar times: how often it meets each send, None for always.
    :ivar after: so many requests of each send pass before.
    :ivar probability: how many of the requests meet it; which ones, a seed decides.
    """

    kind: str
    where: Where = Where.SEND
    times: int | None = 1
    after: int = 0
    probability: float = 1.0

    def faults(self, seed: int, cases: Collection[str]) -> list[Fault]:
        """The same for the sandbox.

        :param cases: the names of those it meets; only a trouble with the send itself can tell them from others.
        """
        return [
            Fault(
                kind=self.kind,
                endpoint=endpoint,
                each=each,
                among=tuple(cases) if self.where is Where.SEND else None,
                times=self.times,
                after=self.after,
                probability=self.probability,
                seed=seed,
            )
            for endpoint, each in _REQUESTS[self.where]
        ]


ALL_WAYS: Final = tuple(Way)
WAITING: Final = (Way.WORKER_WAITS, Way.DEFERRABLE_WAITS)
ON_WORKER: Final = (Way.WORKER, Way.WORKER_WAITS)
SENDS: Final = (Kind.SMS, Kind.VOICE, Kind.CALL)
WITH_RULES: Final = (*SENDS, Kind.RULE)
_SENT: Final = frozenset({Ending.SENT})


@dataclass(frozen=True, slots=True)
class Setting:
    """What a row needs of the whole world; rows with equal settings can run side by side. Fields as in :class:`Row`.

    :ivar aimless: troubles that meet the requests of every task.
    """

    statement: bool
    statement_seconds: float
    pace: float
    disturbance: Disturbance | None
    aimless: tuple[Trouble, ...]

    def faults(self) -> list[Fault]:
        """What the sandbox lacks."""
        missing = () if self.statement else _NO_STATEMENTS
        return [Fault(kind="unavailable", endpoint=endpoint) for endpoint in missing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault: what goes wrong, for which tasks, and how they should end.

    :ivar name: short, unique.
    :ivar meaning: for people.
    :ivar troubles: what the sandbox does.
    :ivar kills: where the task's process is killed in its first, second ... try; None leaves a try alone.
    :ivar without_server: the tries (from 1) that find nobody who listens at Directcall's address.
    :ivar disturbance: what happens around the tasks.
    :ivar statement: whether the account has statements.
    :ivar statement_seconds: real seconds from the end of a call, or the leaving of a message, to its row.
    :ivar pace: how many times faster calls and messages live.
    :ivar policy: ``on_unknown_outcome``.
    :ivar number: the last four digits of every destination; they decide what happens there.
    :ivar kinds: what is sent.
    :ivar ways: how.
    :ivar ends_as: how every task of ours should end.
    :ivar generations: how often each send is wanted.
    :ivar undone: of these, how many are hung up or cancelled; None for any number.
    :ivar may_duplicate: our own second sends are what the policy asks for, so they do not count as duplicates.
    :ivar with_baseline: whether what an author would write without us meets it too.
    """

    name: str
    meaning: str
    troubles: tuple[Trouble, ...] = ()
    kills: tuple[Point | None, ...] = ()
    without_server: tuple[int, ...] = ()
    disturbance: Disturbance | None = None
    statement: bool = True
    statement_seconds: float = 0.3
    pace: float = 20.0
    policy: str = "fail"
    number: str = "0001"
    kinds: tuple[Kind, ...] = SENDS
    ways: tuple[Way, ...] = ALL_WAYS
    ends_as: frozenset[Ending] = field(default=_SENT)
    generations: int = 1
    undone: int | None = 0
    may_duplicate: bool = False
    with_baseline: bool = True

    def faults(self, seed: int, cases: Collection[str]) -> list[Fault]:
        """The row's faults for the sandbox, apart from a missing statement."""
        return [fault for trouble in self.troubles for fault in trouble.faults(seed, cases)]

    @property
    def setting(self) -> Setting:
        """What it needs of the world."""
        aimless = tuple(trouble for trouble in self.troubles if trouble.where is not Where.SEND)
        return Setting(self.statement, self.statement_seconds, self.pace, self.disturbance, aimless)


def side_by_side(rows: Iterable[Row], most: int) -> list[list[Row]]:
    """Rows in groups that can run at the same time.

    :param most: rows in a group, at most.
    """
    groups: dict[Setting, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.setting, []).append(row)
    return [group[start : start + most] for group in groups.values() for start in range(0, len(group), most)]

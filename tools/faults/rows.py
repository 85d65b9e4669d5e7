"""The parts of a row of the fault matrix: kinds of sends, ways, faults, disturbances, expected endings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.sandbox import Fault


class Kind(StrEnum):
    """The kind of a send."""

    SMS = "sms"
    VOICE = "voice"
    CALL = "call"
    RULE = "rule"


class Way(StrEnum):
    """The way in which a task sends and waits."""

    WORKER = "worker"
    WORKER_WAITS = "worker, waits for the end"
    DEFERRABLE = "deferrable"
    DEFERRABLE_WAITS = "deferrable, waits for the end"

    @property
    def is_deferrable(self) -> bool:
        """Whether it waits and reconciles in the triggerer."""
        return self in {Way.DEFERRABLE, Way.DEFERRABLE_WAITS}

    @property
    def waits(self) -> bool:
        """Whether it waits until the call is over or the message delivered."""
        return self in {Way.WORKER_WAITS, Way.DEFERRABLE_WAITS}


class Point(StrEnum):
    """The point at which a task's process is killed, by SIGKILL unless another signal is named."""

    BEFORE_REQUEST = "before_request"
    """The request is ready and has not left."""
    AFTER_REPLY = "after_reply"
    """The reply is read and not yet recorded."""
    AT_LOOK = "at_look"
    """At the first read of a state, a statement or rules: while waiting or reconciling."""
    AT_END = "at_end"
    """The task is done, and Airflow has not noticed."""
    TERMINATED_AT_LOOK = "terminated_at_look"
    """At the first read too, but by SIGTERM, as from a worker's platform; Airflow still runs the task."""
    ALARM_AFTER_REPLY = "alarm_after_reply"
    """After the reply, the alarm of the task's ``execution_timeout``. The process lives."""


class Disturbance(StrEnum):
    """A disturbance of Airflow or of Directcall's server while a batch runs."""

    SCHEDULER_KILLED = "scheduler_killed"
    """The scheduler's process alone; its workers and their tasks go on."""
    MACHINE_LOST = "machine_lost"
    """The scheduler with its workers and their tasks."""
    TRIGGERER_KILLED = "triggerer_killed"
    """The triggerer, when half of the deferrable tasks are deferred."""
    OUTAGE = "outage"
    """Directcall's server goes away for some seconds and cuts its connections."""
    CLEARED_DURING = "cleared_during"
    """A user clears tasks that wait for an end, or reconcile."""
    CLEARED_AFTER = "cleared_after"
    """A user clears the tasks after they have succeeded, which requests each send once more."""
    MARKED_FAILED = "marked_failed"
    """A user marks tasks as failed while they wait for an end."""


class Ending(StrEnum):
    """The reported outcome of a send."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It reports that the outcome is unknown."""
    NOT_SENT = "not sent"
    """It failed, and its error does not mention a send or a possible one."""
    MUTE = "mute"
    """It failed without an error in its log: its process died."""
    STOPPED = "stopped"
    """A user has marked it as failed."""
    UNFINISHED = "unfinished"
    """It had not ended when the harness stopped waiting."""


class Where(StrEnum):
    """The requests of a task that meet a trouble."""

    LOG_IN = "log_in"
    SEND = "send"
    WAIT = "wait"
    RECONCILE = "reconcile"


#: Requests by their place in the life of a send: endpoint, and the field that identifies the task.
_REQUESTS: Final[Mapping[Where, tuple[tuple[str, str | None], ...]]] = MappingProxyType(
    {
        Where.LOG_IN: (("request_token", None),),
        Where.SEND: (("sms/send", "campos[case]"), ("voz/call", "campos[case]"), ("did/save", "did")),
        Where.WAIT: (("sms/status", "code"), ("extrato/list", "callerid")),
        Where.RECONCILE: (
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
    :ivar times: the number of times for each send, None for always.
    :ivar after: the number of requests of each send that pass first.
    :ivar probability: the share of the requests that meet it, chosen by a seed.
    """

    kind: str
    where: Where = Where.SEND
    times: int | None = 1
    after: int = 0
    probability: float = 1.0

    def faults(self, seed: int) -> list[Fault]:
        """Return the sandbox's faults."""
        return [
            Fault(
                kind=self.kind,
                endpoint=endpoint,
                each=each,
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


#: The values of ``on_unknown_outcome``.
POLICIES: Final = ("fail", "hold", "resend")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault, the tasks that meet it and their expected ending.

    Each row has an account of its own while it runs.

    :ivar name: short, unique.
    :ivar meaning: a description.
    :ivar troubles: the sandbox's faults.
    :ivar quirks: the sandbox's quirks, on all the time.
    :ivar quirk_seconds: real seconds after which they are off; None leaves them on.
    :ivar settings: further settings of the sandbox.
    :ivar kills: the point at which the process is killed in its first, second ... try; None leaves a try alone.
    :ivar without_server: the tries (from 1) that find no server at Directcall's address.
    :ivar disturbance: the disturbance of Airflow or Directcall.
    :ivar statement: whether the account has statements.
    :ivar statement_seconds: real seconds from the end of a call, or the sending of a message, to its row.
    :ivar pace: the factor by which calls and messages proceed faster.
    :ivar policies: the values of ``on_unknown_outcome``, which alternate over the sends.
    :ivar numbers: the last four digits of the destinations, which select their behaviour and alternate too.
    :ivar completion_seconds: ``completion_timeout``; None for the default.
    :ivar recipients: the number of recipients of each message.
    :ivar due_seconds: how far ahead each send is scheduled; None sends at once.
    :ivar kinds: the kinds of sends.
    :ivar ways: the ways of sending.
    :ivar ends_as: the permitted endings of our tasks.
    :ivar generations: the number of times that each send is requested.
    :ivar undone: the number of these that are hung up or cancelled; None for any number.
    :ivar may_duplicate: second sends are as designed, whatever the policy.
    :ivar with_baseline: whether the baseline meets the fault too.
    """

    name: str
    meaning: str
    troubles: tuple[Trouble, ...] = ()
    quirks: tuple[str, ...] = ()
    quirk_seconds: float | None = None
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)
    kills: tuple[Point | None, ...] = ()
    without_server: tuple[int, ...] = ()
    disturbance: Disturbance | None = None
    statement: bool = True
    statement_seconds: float = 0.3
    pace: float = 20.0
    policies: tuple[str, ...] = ("fail",)
    numbers: tuple[str, ...] = ("0001",)
    completion_seconds: float | None = None
    recipients: int = 1
    due_seconds: float | None = None
    kinds: tuple[Kind, ...] = SENDS
    ways: tuple[Way, ...] = ALL_WAYS
    ends_as: frozenset[Ending] = field(default=_SENT)
    generations: int = 1
    undone: int | None = 0
    may_duplicate: bool = False
    with_baseline: bool = True

    def faults(self, seed: int) -> list[Fault]:
        """Return the sandbox's faults, a missing statement among them."""
        missing = () if self.statement else _NO_STATEMENTS
        return [
            *(Fault(kind="unavailable", endpoint=endpoint) for endpoint in missing),
            *(fault for trouble in self.troubles for fault in trouble.faults(seed)),
        ]


def side_by_side(rows: Iterable[Row], most: int) -> list[list[Row]]:
    """Group rows that can run at the same time: those whose disturbance comes at the same moment.

    :param most: the maximum number of rows in a group.
    """
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        moment = (row.disturbance, row.statement_seconds, row.pace) if row.disturbance is not None else ()
        groups.setdefault(moment, []).append(row)
    return [group[start : start + most] for group in groups.values() for start in range(0, len(group), most)]

"""The fault matrix as data: a row for each fault at one point of a request's life."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from packaging.version import Version

from tools.faults.quirk_rows import of_the_vendor
from tools.faults.rows import (
    POLICIES,
    WAITING,
    WITH_RULES,
    Disturbance,
    Ending,
    Kind,
    Point,
    Row,
    Trouble,
    Way,
    Where,
)


def _at_send(kind: str, meaning: str) -> Row:
    return Row(name=kind, meaning=meaning, troubles=(Trouble(kind),), kinds=WITH_RULES)


_UNKNOWN: Final = frozenset({Ending.UNKNOWN})
_REFUSED: Final = frozenset({Ending.REFUSED})

#: Below 3.3, a task cannot know whether it was cleared while waiting or afterwards, so a Clear requests another send.
_HAS_STATE_STORE: Final = Version(version("apache-airflow")) >= Version("3.3")

#: Seconds for which an unknown outcome is reconciled, in every row.
SETTLE_SECONDS: Final = 6.0
#: A statement row this late is found only if all of that time is used.
_NEARLY_SETTLE_SECONDS: Final = 0.9 * SETTLE_SECONDS

FAULTS: Final[tuple[Row, ...]] = (
    Row(name="nothing", meaning="nothing goes wrong", kinds=WITH_RULES),
    # The request itself.
    Row(
        name="connection_refused",
        meaning="no server at Directcall's address in the first try",
        without_server=(1,),
        kinds=WITH_RULES,
    ),
    _at_send("cut_before", "the connection is cut before the effect"),
    _at_send("cut_after", "the connection is cut after the effect"),
    _at_send("cut_in_body", "the connection is cut within the reply"),
    _at_send("hang_before", "no reply and no effect, until the time-out"),
    _at_send("hang_after", "no reply after the effect, until the time-out"),
    _at_send("error_500_before", "HTTP 500 before the effect"),
    _at_send("error_500_after", "HTTP 500 after the effect"),
    _at_send("html_502_before", "an HTML 502 of a gateway before the effect"),
    _at_send("html_502_after", "an HTML 502 of a gateway after the effect"),
    _at_send("too_many_requests", "HTTP 429"),
    _at_send("expired_token", "the token has expired"),
    _at_send("garbage_before", "a reply that is not JSON, before the effect"),
    _at_send("garbage_after", "a reply that is not JSON, after the effect"),
    _at_send("truncated", "half of the reply"),
    # Before and after the request.
    Row(
        name="log_in_trouble",
        meaning="every second log-in is cut",
        troubles=(Trouble("cut_before", Where.LOG_IN, times=None, probability=0.5),),
        kinds=WITH_RULES,
    ),
    Row(
        name="wait_trouble",
        meaning="the first requests for the state are cut or answered with 502",
        troubles=(Trouble("cut_before", Where.WAIT), Trouble("html_502_before", Where.WAIT)),
        ways=WAITING,
    ),
    Row(
        name="settle_trouble",
        meaning="cut after the effect, and the first reads of the statement fail too",
        troubles=(
            Trouble("cut_after"),
            Trouble("error_500_before", Where.RECONCILE),
            Trouble("cut_before", Where.RECONCILE),
        ),
    ),
    # The task's process.
    Row(
        name="killed_before_request",
        meaning="SIGKILL just before the request",
        kills=(Point.BEFORE_REQUEST,),
        kinds=WITH_RULES,
    ),
    Row(
        name="killed_after_reply",
        meaning="SIGKILL between the reply and its record",
        kills=(Point.AFTER_REPLY,),
        kinds=WITH_RULES,
    ),
    Row(name="killed_waiting", meaning="SIGKILL while waiting", kills=(Point.AT_LOOK,), ways=WAITING),
    Row(
        name="terminated_waiting",
        meaning="SIGTERM while waiting, while Airflow still runs the task",
        kills=(Point.TERMINATED_AT_LOOK,),
        undone=0 if _HAS_STATE_STORE else None,
        ways=WAITING,
    ),
    Row(
        name="killed_at_end",
        meaning="SIGKILL after the end, before Airflow notices it",
        kills=(Point.AT_END,),
        kinds=WITH_RULES,
    ),
    # Two in a row.
    Row(
        name="unknown_twice",
        meaning="cut before the effect, then cut after it",
        troubles=(Trouble("cut_before"), Trouble("cut_after")),
    ),
    Row(
        name="timed_out_sending",
        meaning="the task's execution_timeout comes between the effect and the reply",
        kills=(Point.ALARM_AFTER_REPLY,),
    ),
    Row(
        name="killed_twice",
        meaning="SIGKILL before the request, then between reply and record",
        kills=(Point.BEFORE_REQUEST, Point.AFTER_REPLY),
    ),
    Row(
        name="killed_settling",
        meaning="SIGKILL between reply and record, then while reconciling",
        kills=(Point.AFTER_REPLY, Point.AT_LOOK),
    ),
    Row(
        name="lost_and_refused",
        meaning="SIGKILL between reply and record; no server in the next try",
        kills=(Point.AFTER_REPLY,),
        without_server=(2,),
        ends_as=frozenset({Ending.SENT, Ending.UNKNOWN}),
    ),
    # The statement.
    Row(
        name="statement_late",
        meaning="cut after the effect, and the row comes nearly settle_seconds later",
        troubles=(Trouble("cut_after"),),
        statement_seconds=_NEARLY_SETTLE_SECONDS,
    ),
    Row(
        name="statement_late_after_kill",
        meaning="SIGKILL between reply and record, and the row comes nearly settle_seconds later",
        kills=(Point.AFTER_REPLY,),
        statement_seconds=_NEARLY_SETTLE_SECONDS,
    ),
    Row(
        name="no_statement_fail",
        meaning="cut after the effect on an account without statements; on_unknown_outcome=fail",
        troubles=(Trouble("cut_after"),),
        statement=False,
        ends_as=_UNKNOWN,
        ways=(Way.WORKER, Way.DEFERRABLE),
    ),
    Row(
        name="no_statement_fail_after_kill",
        meaning="SIGKILL between reply and record on an account without statements; on_unknown_outcome=fail",
        kills=(Point.AFTER_REPLY,),
        statement=False,
        ends_as=_UNKNOWN,
        ways=(Way.WORKER, Way.DEFERRABLE),
    ),
    Row(
        name="no_statement_hold",
        meaning="cut after the effect on an account without statements; on_unknown_outcome=hold",
        troubles=(Trouble("cut_after"),),
        statement=False,
        policies=("hold",),
        ends_as=_UNKNOWN,
    ),
    Row(
        name="no_statement_resend",
        meaning="cut after the effect on an account without statements; on_unknown_outcome=resend",
        troubles=(Trouble("cut_after"),),
        statement=False,
        policies=("resend",),
        ways=(Way.WORKER, Way.DEFERRABLE),
    ),
    # Schedules, recipients, and two kinds of trouble at once.
    Row(
        name="scheduled_without_looks",
        meaning="a send an hour ahead is cut after the effect, and so is every read of the statement: never sent again",
        troubles=(Trouble("cut_after"), Trouble("cut_before", Where.RECONCILE, times=None)),
        due_seconds=3600,
        policies=POLICIES,
        ends_as=_UNKNOWN,
        with_baseline=False,
    ),
    Row(
        name="several_recipients",
        meaning="an SMS to three recipients, cut after the effect",
        troubles=(Trouble("cut_after"),),
        recipients=3,
        kinds=(Kind.SMS,),
        with_baseline=False,
    ),
    Row(
        name="timed_out_sending_times_2_behind",
        meaning="the execution_timeout comes between effect and reply, and times of the statement are two hours behind",
        kills=(Point.ALARM_AFTER_REPLY,),
        quirks=("times_2_behind",),
        policies=POLICIES,
        ends_as=frozenset({Ending.SENT, Ending.UNKNOWN}),
        with_baseline=False,
    ),
    # Around the task.
    Row(
        name="triggerer_killed_waiting",
        meaning="the triggerer is killed while tasks wait in it",
        disturbance=Disturbance.TRIGGERER_KILLED,
        ways=(Way.DEFERRABLE_WAITS,),
        with_baseline=False,
    ),
    Row(
        name="triggerer_killed_settling",
        meaning="cut after the effect, and the triggerer is killed while tasks reconcile in it",
        troubles=(Trouble("cut_after"),),
        disturbance=Disturbance.TRIGGERER_KILLED,
        ways=(Way.DEFERRABLE,),
        with_baseline=False,
    ),
    Row(
        name="scheduler_killed",
        meaning="the scheduler is killed and started again; the tasks live on",
        disturbance=Disturbance.SCHEDULER_KILLED,
    ),
    Row(
        name="machine_lost",
        meaning="the scheduler is killed with all its workers and their tasks",
        disturbance=Disturbance.MACHINE_LOST,
    ),
    Row(
        name="outage",
        meaning="Directcall's server goes away for some seconds",
        disturbance=Disturbance.OUTAGE,
        ends_as=frozenset({Ending.SENT, Ending.NOT_SENT}),
    ),
    Row(
        name="cleared_during",
        meaning="a user clears tasks that wait",
        disturbance=Disturbance.CLEARED_DURING,
        may_duplicate=not _HAS_STATE_STORE,
        undone=0 if _HAS_STATE_STORE else None,
        pace=2.0,
        ways=WAITING,
        with_baseline=False,
    ),
    Row(
        name="cleared_settling",
        meaning="cut after the effect, and a user clears the tasks that reconcile it",
        troubles=(Trouble("cut_after"),),
        disturbance=Disturbance.CLEARED_DURING,
        statement_seconds=_NEARLY_SETTLE_SECONDS,
        may_duplicate=not _HAS_STATE_STORE,
        undone=0 if _HAS_STATE_STORE else None,
        with_baseline=False,
    ),
    Row(
        name="cleared_after",
        meaning="a user clears the tasks after their end: each is sent once more",
        disturbance=Disturbance.CLEARED_AFTER,
        generations=2,
        with_baseline=False,
    ),
    Row(
        name="marked_failed",
        meaning="a user marks tasks as failed while they wait for long calls: they are hung up and not placed again",
        disturbance=Disturbance.MARKED_FAILED,
        numbers=("0600",),
        pace=2.0,
        kinds=(Kind.CALL,),
        ways=WAITING if _HAS_STATE_STORE else (Way.WORKER_WAITS,),
        undone=1,
        ends_as=frozenset({Ending.STOPPED}),
        with_baseline=False,
    ),
    # Refusals for good.
    Row(name="bad_number", meaning="refused: the number is wrong", numbers=("0404",), ends_as=_REFUSED),
    Row(name="no_balance", meaning="refused: no balance", numbers=("0402",), ends_as=_REFUSED),
)

#: Every row.
MATRIX: Final[tuple[Row, ...]] = (*FAULTS, *of_the_vendor(row.name for row in FAULTS))


def row_named(name: str) -> Row:
    """Return the row of that name.

    :raises KeyError: it does not exist.
    """
    return {row.name: row for row in MATRIX}[name]

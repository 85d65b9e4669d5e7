"""The event of a callback: from Airflow's context to ids and a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_directcall.delivery.alert_slots import AlertSubject

_HELD_BACK: Final = "held_back"
_VERBS: Final[Mapping[str, str]] = {
    "failed": "failed",
    "success": "succeeded",
    "skipped": "was skipped",
    "running": "has started",
    "asking": "needs an answer",
    "deadline": "missed its deadline",
}


def default_text(subject: AlertSubject, held_back: int | None = None) -> str:
    """Return the text of an alert, made of Airflow's ids."""
    if is_summary(subject):
        count = f"{held_back} tasks of {subject.dag_id} have" if held_back else f"more of {subject.dag_id} has"
        return f"Airflow: {count} failed; further alerts are held back. Run {subject.run_id}"
    what = f"{subject.dag_id}.{subject.task_id}" if subject.task_id else f"DAG {subject.dag_id}"
    index = f"[{subject.map_index}]" if subject.map_index >= 0 else ""
    attempt = f" (try {subject.try_number})" if subject.try_number > 1 else ""
    verb = _VERBS.get(subject.state.partition(" ")[0], subject.state)
    return f"Airflow: {what}{index} {verb}{attempt}. Run {subject.run_id}"


def is_summary(subject: AlertSubject) -> bool:
    """Whether it is a line that says how many were held back."""
    return subject.state.startswith(_HELD_BACK)


def summary_subject(subject: AlertSubject, claim: str) -> AlertSubject:
    """Return the subject of a line that says how many were held back; it has a key of its own each time."""
    return AlertSubject(subject.dag_id, subject.run_id, state=f"{_HELD_BACK} {claim}")


def subject_of(context: Mapping[str, Any]) -> AlertSubject:
    """Return the event of a callback's context, as thin as it may be.

    Airflow calls the callback of one try from the process of the task and from the DAG processor; only values that both
    have go into the key.
    """
    if "deadline" in context:
        run, deadline = _fields(context.get("dag_run")), _fields(context["deadline"])
        run_id = run.get("dag_run_id") or run.get("run_id") or ""
        return AlertSubject(str(run.get("dag_id", "")), str(run_id), state=f"deadline {deadline.get('id', '')}")
    ti: Any = context.get("ti") or context.get("task_instance")
    if "reason" in context or ti is None:
        state = "success" if context.get("reason") == "success" else "failed"
        return AlertSubject(_dag_id(context), str(context.get("run_id") or getattr(ti, "run_id", "")), state=state)
    map_index = getattr(ti, "map_index", None)
    return AlertSubject(
        str(ti.dag_id),
        str(ti.run_id),
        str(ti.task_id),
        map_index if map_index is not None else -1,
        int(getattr(ti, "try_number", 0) or 0),
        _state_of(ti, context),
    )


def _state_of(ti: Any, context: Mapping[str, Any]) -> str:  # noqa: ANN401 - Airflow has no type for all of them
    """Return the state of a task; an operator that asks people for an answer has notifiers of its own for that.

    In its own process a task has a state, an enumeration; in the DAG processor, one that has failed has none.
    """
    given = getattr(ti, "state", None)
    state = str(getattr(given, "value", given))
    if context.get("exception") is not None or state not in {"running", "success", "skipped"}:
        return "failed"
    is_asking = state == "running" and bool(getattr(getattr(ti, "task", None), "notifiers", None))
    return "asking" if is_asking else state


def _dag_id(context: Mapping[str, Any]) -> str:
    holders = (context.get(name) for name in ("dag", "dag_run", "ti"))
    return next((str(found) for holder in holders if (found := getattr(holder, "dag_id", None))), "")


def _fields(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}

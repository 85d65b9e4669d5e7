"""The errors in a task's log."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The log of a try on a worker; names of the triggerer's logs have a further suffix.
_OF_A_TRY: Final = re.compile(r"attempt=([0-9]+)\.log")


@dataclass(frozen=True, slots=True)
class LoggedError:
    """One error of a chain: the name of its class and its text."""

    kind: str
    text: str


def log_folder(home: Path, dag_id: str, run_id: str, task_id: str, map_index: int) -> Path:
    """Return the folder of the logs of one mapped task instance."""
    return home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}" / f"map_index={map_index}"


def last_error(folder: Path) -> list[LoggedError]:
    """Return the error that ended the last try, with its causes; empty if the process died without logging one."""
    tries = [(int(found[1]), path) for path in folder.glob("*") if (found := _OF_A_TRY.fullmatch(path.name))]
    if not tries:
        return []
    _, last = max(tries)
    errors = [_chain(line) for line in last.read_text(encoding="utf-8").splitlines()]
    return next((chain for chain in reversed(errors) if chain), [])


def _chain(line: str) -> list[LoggedError]:
    try:
        entry = json.loads(line)
    except ValueError:
        return []  # a line printed by something other than Airflow's logging
    details = entry.get("error_detail") if isinstance(entry, dict) else None
    return [LoggedError(detail["exc_type"], detail["exc_value"]) for detail in details or []]

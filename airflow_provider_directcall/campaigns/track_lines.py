"""What the statement shows of a chunk's contacts: written as ``track/CHUNK/NNNNNN.jsonl``, one line for each change.

The last line of a contact holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder


@dataclass(frozen=True, slots=True)
class TrackLine:
    """One contact in the statement.

    :ivar state: a :class:`ContactState`; of a call that ended, its outcome.
    :ivar is_final: whether no later look changes it.
    :ivar delivery: the vendor's state of a message, parsed; None for calls.
    :ivar parts: of the text.
    :ivar cost_brl: the sum of the prices that its rows show; None where they show none.
    :ivar outcome: of a call.
    :ivar attempts: calls to the contact so far.
    :ivar answered_seconds: talk time of a call.
    :ivar recording: link to the recording.
    """

    contact: str
    state: str
    is_final: bool
    delivery: str | None = None
    parts: int = 1
    cost_brl: Decimal | None = None
    outcome: str | None = None
    attempts: int = 1
    answered_seconds: int | None = None
    recording: str | None = field(default=None, repr=False)

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {**asdict(self), "cost_brl": str(self.cost_brl) if self.cost_brl is not None else None}

    @staticmethod
    def from_json(fields: Mapping[str, object]) -> TrackLine:
        """Read what :meth:`as_json` returned.

        :raises ValueError: it is no such line.
        """
        return _LINES.validate_python(fields)


_LINES: Final = TypeAdapter(TrackLine)


def track_states(folder: Folder, log_name: str) -> dict[str, TrackLine]:
    """Return the last line of each contact: id -> line.

    :param log_name: of :func:`~.voice.attempt_name`.
    """
    latest = {}
    for name in folder.names(f"track/{log_name}/"):
        for text in folder.read(name).splitlines():
            line = TrackLine.from_json(json.loads(text))
            latest[line.contact] = line
    return latest


def write_track_lines(folder: Folder, log_name: str, lines: Iterable[TrackLine]) -> None:
    """Write the changes as the next file; a file is written once."""
    prefix = f"track/{log_name}/"
    numbers = [int(name.removeprefix(prefix).removesuffix(".jsonl")) for name in folder.names(prefix)]
    content = "".join(json.dumps(line.as_json()) + "\n" for line in lines)
    folder.write(f"{prefix}{max(numbers, default=-1) + 1:06}.jsonl", content.encode())

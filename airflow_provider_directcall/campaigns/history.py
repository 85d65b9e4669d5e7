"""What became of a chunk's contacts so far: all requests to each, over all attempts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from airflow_provider_directcall.api.replies import CallOutcome
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.track_lines import track_states
from airflow_provider_directcall.campaigns.voice import VOICEMAIL, CallAttempt, attempt_name, attempts_made
from airflow_provider_directcall.campaigns.wave_log import STATE_OF, ContactResult, Progress, WaveLog

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.chunks import Contact
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.campaigns.track_lines import TrackLine

#: Progress of requests that left, or may have left.
_LEFT: Final = frozenset({Progress.SENT, Progress.DOUBTFUL, Progress.UNKNOWN})
#: States of contacts who surely cost something.
_CHARGED: Final = frozenset({CallOutcome.ANSWERED, VOICEMAIL, ContactState.DELIVERED, ContactState.SENT})


@dataclass(frozen=True, slots=True)
class Turn:
    """A contact in one attempt.

    :ivar line: what the statement shows, or None.
    """

    attempt: int
    result: ContactResult
    line: TrackLine | None

    @property
    def has_left(self) -> bool:
        """Whether a request left, or may have left."""
        return self.result.progress in _LEFT or self.line is not None

    @property
    def is_open(self) -> bool:
        """Whether the end of its request is not known."""
        return self.has_left and not (self.line is not None and self.line.is_final)

    @property
    def cost_brl(self) -> Decimal | None:
        """What it has cost, as the statement shows it; None while it may cost more.

        A price of 0 is believed of a contact who was not reached: of any other, it may not be known yet.
        """
        if self.line is None or self.is_open:
            return None
        return self.line.cost_brl if self.line.cost_brl or self.line.state not in _CHARGED else None

    @property
    def outcome(self) -> str | None:
        """How it ended; None while that is not known."""
        if self.result.progress is Progress.REFUSED:
            return ContactState.REFUSED.value
        return None if self.line is None or self.is_open else self.line.outcome or self.line.state

    @property
    def state(self) -> str | None:
        """The state of its contact, if this is its last attempt; None where it surely was not sent."""
        if self.line is not None:
            return self.line.state
        state = STATE_OF.get(self.result.progress)
        return None if state is None else state.value


@dataclass(frozen=True)
class ChunkHistory:
    """All turns of a chunk's contacts.

    :ivar contacts: id -> contact.
    :ivar turns: contact's id -> its turns, the first attempt first.
    """

    contacts: Mapping[str, Contact] = field(repr=False)
    turns: Mapping[str, Sequence[Turn]]

    @classmethod
    def read(cls, folder: Folder, chunk_name: str, contacts: Mapping[str, Contact]) -> ChunkHistory:
        """Read the logs of the waves and of the tracking.

        :param contacts: of the chunk.
        :raises CampaignError: a log cannot be read.
        """
        turns: dict[str, list[Turn]] = {}
        for attempt in attempts_made(folder, chunk_name):
            name = attempt_name(chunk_name, attempt)
            lines = track_states(folder, name)
            for contact, result in WaveLog(folder, name).state().latest.items():
                if contact in contacts:
                    turns.setdefault(contact, []).append(Turn(attempt, result, lines.get(contact)))
        return cls(contacts, turns)

    def last_attempts(self) -> Iterator[CallAttempt]:
        """Yield the last call to each contact, for :func:`~.voice.due_attempts`."""
        for own, turns in self.turns.items():
            made = [turn for turn in turns if turn.result.progress is not Progress.NOT_SENT]
            if not made:
                continue
            last, contact = made[-1], self.contacts[own]
            place = last.result.place
            yield CallAttempt(
                own,
                contact.numbers[place],
                last.attempt,
                last.result.since,
                last.outcome,
                further=contact.numbers[place + 1 :],
                place=place,
                called=Counter(contact.numbers[turn.result.place] for turn in made),
                zone=contact.zone,
                not_after=contact.not_after,
            )

    def states(self) -> Counter[str]:
        """Return state -> contacts, of those with a turn. A further attempt that did not leave changes nothing."""
        return Counter(state for turns in self.turns.values() if (state := _final_state(turns)) is not None)

    def open_turns(self, since: datetime, *, without: int) -> int:
        """Return how many calls may be in progress.

        :param since: aware; older ones have ended.
        :param without: an attempt whose calls do not count.
        """
        turns = (turn for own in self.turns.values() for turn in own if turn.attempt != without)
        return sum(turn.is_open and turn.result.since > since for turn in turns)

    def accepted(self, *, without: int) -> int:
        """Return how many requests were accepted.

        :param without: an attempt whose requests do not count.
        """
        turns = (turn for own in self.turns.values() for turn in own if turn.attempt != without)
        return sum(turn.result.progress is Progress.SENT for turn in turns)

    def surplus_brl(self, price_brl: Decimal) -> Decimal:
        """Return what requests that have ended cost above an assumed price; below 0 where they cost less.

        :param price_brl: of one part, or one call.
        """
        turns = (turn for own in self.turns.values() for turn in own)
        costs = ((turn.cost_brl, turn.result.parts) for turn in turns)
        return sum((cost - parts * price_brl for cost, parts in costs if cost is not None), Decimal(0))

    def parts(self, *, without: int) -> int:
        """Return the parts that may be charged.

        :param without: an attempt whose parts do not count.
        """
        turns = (turn for own in self.turns.values() for turn in own if turn.attempt != without)
        return sum(turn.result.parts for turn in turns)


def _final_state(turns: Sequence[Turn]) -> str | None:
    left = [turn for turn in turns if turn.has_left]
    return left[-1].state if left else turns[-1].state

"""A Directcall without HTTP: effects, late rows, a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from airflow_provider_directcall.delivery.matching import Match, MatchKind
from airflow_provider_directcall.errors import DirectcallRefused, DirectcallReplyError, DirectcallUnavailable

BEGIN = datetime(2026, 3, 4, 10, tzinfo=UTC)


class Fate(Enum):
    """The effect and the answer of a request."""

    ACCEPTED = auto()
    REFUSED_FOR_NOW = auto()
    REFUSED_FOR_GOOD = auto()
    LOST_BEFORE = auto()
    LOST_AFTER = auto()

    @property
    def has_effect(self) -> bool:
        return self in {Fate.ACCEPTED, Fate.LOST_AFTER}


@dataclass(frozen=True, slots=True)
class Effect:
    """A call that was placed, or a message that was sent."""

    name: str
    key: str
    began_at: datetime
    ended_at: datetime
    word: str
    lateness: timedelta

    @property
    def in_statement_at(self) -> datetime:
        return self.ended_at + self.lateness


class Directcall:
    """One account. Calls last; a message is over when it leaves."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.effects: list[Effect] = []
        self.statement_is_down_until = BEGIN
        self.has_statement = True

    def take(self, key: str, *, seconds: float, word: str, lateness: float) -> Effect:
        """Carry out a request."""
        ends_at = self.now + timedelta(seconds=seconds)
        late = timedelta(seconds=lateness)
        self.effects.append(Effect(f"id-{len(self.effects)}", key, self.now, ends_at, word, late))
        return self.effects[-1]

    def of(self, key: str) -> list[Effect]:
        return [effect for effect in self.effects if effect.key == key]

    def hang_up(self, key: str) -> bool:
        """End the effects in progress; return whether there were any."""
        live = [effect for effect in self.of(key) if self.now < effect.ended_at]
        for effect in live:
            place = self.effects.index(effect)
            self.effects[place] = replace(effect, ended_at=self.now, word="cancelled")
        return bool(live)

    def row(self, name: str) -> Effect | None:
        """Return an effect by its id, once it is in the statement."""
        self._ask()
        return next((effect for effect in self.effects if effect.name == name and self._shows(effect)), None)

    def look(self, key: str) -> Match:
        """Look once for a key, as operators and triggers do."""
        self._ask()
        shown = [effect for effect in self.of(key) if self._shows(effect)]
        if shown:
            return Match(MatchKind.THERE, {"callerid": shown[0].name})
        live = any(effect.began_at <= self.now < effect.ended_at for effect in self.effects)
        return Match(MatchKind.IN_PROGRESS if live else MatchKind.NONE)

    def _shows(self, effect: Effect) -> bool:
        return effect.in_statement_at <= self.now

    def _ask(self) -> None:
        if not self.has_statement:
            raise DirectcallReplyError("no such page")
        if self.now < self.statement_is_down_until:
            raise DirectcallUnavailable("no statement for now")


def refusal(fate: Fate) -> DirectcallRefused:
    return DirectcallRefused("refused", code="002" if fate is Fate.REFUSED_FOR_NOW else "201")

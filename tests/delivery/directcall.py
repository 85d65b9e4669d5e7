"""A Directcall without HTTP: effects, late rows, a clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from zoneinfo import ZoneInfo

from airflow_provider_directcall.api.lookups import drive
from airflow_provider_directcall.api.methods import list_statement
from airflow_provider_directcall.api.replies import StatementRow
from airflow_provider_directcall.api.requests import Page
from airflow_provider_directcall.delivery.looking import StatementLookup
from airflow_provider_directcall.delivery.matching import LookupKey, Match, MatchKind, match_call
from airflow_provider_directcall.errors import DirectcallReplyError, DirectcallUnavailable

BEGIN = datetime(2026, 3, 4, 10, tzinfo=UTC)
PERSON, STRANGER = "5511990000001", "5511988880002"
ORIGIN = "551130000001"
_ZONE = ZoneInfo("UTC")


class Fate(Enum):
    """The effect and the answer of a request."""

    ACCEPTED = auto()
    REFUSED = auto()
    NOT_CONNECTED = auto()
    LOST_BEFORE = auto()
    """No answer, or one that proves nothing: a gateway's page, the refusal 002."""
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


@dataclass(frozen=True, slots=True)
class Other:
    """A call of another system of the account.

    :ivar seconds: after the begin of the test.
    """

    seconds: int
    number: str
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the statement answers.

    :ivar hours_off: of its times, and of the window that it takes.
    :ivar shows_tags: ``always``, ``on search`` or ``never``.
    """

    keeps_tags: bool = True
    shows_tags: str = "on search"
    filters: bool = True
    search_filters: bool = False
    is_dead: bool = False
    hours_off: int = 0
    has_history: bool = True
    others: tuple[Other, ...] = ()


class Directcall:
    """One account. Calls last; a message is over when it leaves."""

    def __init__(self, form: Form | None = None) -> None:
        self.form = form or Form()
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

    def look(self, key: str, since: datetime) -> Match:
        """Look once for a key, as operators and triggers do."""
        match = drive(self._lookup(key, since).find(self.now), self._list)
        live = any(effect.began_at <= self.now < effect.ended_at for effect in self.effects)
        return Match(MatchKind.IN_PROGRESS) if live and not match.shows_key else match

    def control(self, key: str, since: datetime) -> Match:
        """Look once among all rows."""
        return drive(self._lookup(key, since).control(self.now), self._list)

    def _lookup(self, key: str, since: datetime) -> StatementLookup[StatementRow]:
        return StatementLookup(list_statement, match_call, LookupKey(key, [PERSON], since))

    def _list(self, request) -> Page[StatementRow]:
        """Answer a request for a statement, in the form of this account."""
        self._ask()
        form, asked = self.form, request.params
        off = timedelta(hours=form.hours_off)
        since, until = (asked[name].moment - off for name in ("dataInicial", "dataFinal"))
        has_search = "campos[search]" in asked
        wanted = asked.get("campos[airflow_key]") if form.filters else None
        shows = form.keeps_tags and (form.shows_tags == "always" or (form.shows_tags == "on search" and has_search))
        rows = []
        for name, number, moment, tags in self._all_rows():
            kept = dict(tags) if form.keeps_tags else {}
            is_wanted = (wanted is None or kept.get("airflow_key") == wanted) and not (
                form.search_filters and has_search
            )
            if is_wanted and since <= moment <= until and not form.is_dead:
                fields = {"callerid": name, "origem": ORIGIN, "destino": number, "inicio": f"{moment + off:%F %T}"}
                rows.append(StatementRow.from_fields({**fields, **({"campos": kept} if shows else {})}, _ZONE))
        return Page(tuple(rows), total_pages=1)

    def _all_rows(self):
        if self.form.has_history:
            yield "history", STRANGER, BEGIN - timedelta(days=2), ()
        for place, other in enumerate(self.form.others):
            moment = BEGIN + timedelta(seconds=other.seconds)
            if moment <= self.now:
                yield f"other-{place}", other.number, moment, other.tags
        for effect in self.effects:
            if self._shows(effect):
                yield effect.name, PERSON, effect.began_at, (("airflow_key", effect.key),)

    def _shows(self, effect: Effect) -> bool:
        return effect.in_statement_at <= self.now

    def _ask(self) -> None:
        if not self.has_statement:
            raise DirectcallReplyError("no such page")
        if self.now < self.statement_is_down_until:
            raise DirectcallUnavailable("no statement for now")

"""Contacts -> plan: who gets which text when, at what cost, and who does not and why. Sends nothing."""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.contacts.reading import ContactFile
from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, RESERVED, ROW
from airflow_provider_directcall.campaigns.errors import CampaignError, ContactsError
from airflow_provider_directcall.campaigns.numbers import COUNTRY, with_numbers
from airflow_provider_directcall.campaigns.samples import Samples
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.texts import Template, plain_letters, with_parts
from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.numbers import CALLABLE, NumberKind
from airflow_provider_directcall.telephony.segments import PROFILES, Profile

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.storage import Folder
    from airflow_provider_directcall.telephony.windows import Window

ACCEPTED: Final = "accepted"
PLAN_FILE: Final = "plan.json"
OTHERS_FILE: Final = "others.parquet"
PREVIEW_FILE: Final = "preview.html"
#: Prefixes of a chunk's columns: a tag's name, the name of a column of the contacts' file.
TAG: Final = "tag "
COLUMN: Final = "column "
_DIGEST_BYTES: Final = 16


#: Kinds of numbers that a channel reaches. That fixed lines receive an SMS is not documented.
_KINDS: Final[Mapping[Channel, frozenset[NumberKind]]] = {
    Channel.SMS: frozenset({NumberKind.MOBILE, NumberKind.INTERNATIONAL}),
    Channel.VOICE_MESSAGE: frozenset({NumberKind.MOBILE, NumberKind.FIXED}),
    Channel.CALL: CALLABLE,
}


@dataclass(frozen=True, kw_only=True)
class CampaignSettings:
    """What a campaign sends and to whom it may.

    :param number_columns: columns of the number, in order of preference.
    :param id_column: column of the contact's id; None takes the file's name and the number of the row.
    :param text: ``{column}`` for values of the row.
    :param text_column: column with texts made upstream, instead of ``text``.
    :param origin: sender as it is sent; its length counts in an SMS of Directcall.
    :param tags: name -> value, with ``{column}``.
    :param window: when numbers may be reached; None at any time.
    :param keeps_accents: leave accented letters in texts.
    :param profile: how parts are counted.
    :param price_brl: of one part, one voice message; None where it is not known.
    :param budget_brl: what the campaign may cost; None for any.
    :param chunk_size: contacts in one file, which one task sends; doubled where there would be too many files.
    :param most_chunks: files at most.
    :raises CampaignError: an argument is missing or contradicts another.
    """

    channel: Channel = Channel.SMS
    number_columns: tuple[str, ...] = ("phone",)
    id_column: str | None = None
    text: str | None = field(default=None, repr=False)
    text_column: str | None = None
    origin: str = field(default="", repr=False)
    tags: Mapping[str, str] = field(default_factory=dict, repr=False)
    window: Window | None = None
    keeps_accents: bool = False
    profile: Profile = PROFILES["directcall"]
    price_brl: Decimal | None = None
    budget_brl: Decimal | None = None
    chunk_size: int = 10_000
    most_chunks: int = 1024

    def __post_init__(self) -> None:
        """Check what contradicts itself before a contact is read."""
        if (self.text is None) == (self.text_column is None) and self.channel is not Channel.CALL:
            raise CampaignError("text: give either text or text_column")
        if self.text is not None and not self.text.strip():
            raise CampaignError("text: it is empty")
        if not self.number_columns:
            raise CampaignError("number_column: at least one is needed")
        if self.chunk_size < 1:
            raise CampaignError("chunk_size: 1 or more is needed")
        self._check_budget()

    def _check_budget(self) -> None:
        if self.budget_brl is None:
            return
        if self.price_brl is None:
            raise CampaignError("budget_brl: without price_brl, the price of a part, no cost can be counted")
        if self.budget_brl < self.price_brl:
            raise CampaignError(f"budget_brl: {self.budget_brl} is below the price of one part, {self.price_brl}")

    @property
    def fingerprint(self) -> str:
        """Digest of everything that changes what is sent; without a text or a number in it."""
        parts = [self.channel, self.number_columns, self.id_column, self.text, self.text_column, self.origin]
        window = self.window and [self.window.name, repr(sorted(self.window.hours.items()))]
        rest = [sorted(self.tags.items()), window, self.keeps_accents, self.profile.name, str(self.price_brl)]
        return _digest(json.dumps([*parts, *rest]).encode())


@dataclass(frozen=True)
class Exclusions:
    """Digits that must not be reached, and why.

    :ivar suppressed: from lists.
    :ivar opted_out: from replies.
    """

    suppressed: frozenset[str] = field(default=frozenset(), repr=False)
    opted_out: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class PlanChunk:
    """One file of accepted contacts.

    :ivar parts: of all its texts.
    """

    name: str
    contacts: int
    parts: int
    digest: str


@dataclass(frozen=True)
class CampaignPlan:
    """A plan's summary: counts and reasons; no number, no text, no name.

    :ivar digest: changes with the contacts, the texts and every argument.
    :ivar states: how many contacts are accepted, rejected, ...
    :ivar reasons: why contacts are rejected, with the number of them.
    :ivar parts: of all texts.
    :ivar cost_brl: None where no price is known.
    :ivar transliterated: how many texts have other letters than they were given.
    :ivar channel: how contacts are reached.
    :ivar fingerprint: of the settings.
    :ivar planned_at: aware.
    :ivar sources: the files of contacts, as they were read.
    """

    digest: str
    chunks: tuple[PlanChunk, ...]
    states: Mapping[str, int]
    reasons: Mapping[str, int]
    parts: int
    cost_brl: Decimal | None
    transliterated: int
    channel: Channel
    fingerprint: str
    planned_at: datetime
    sources: tuple[ContactFile, ...]

    @property
    def accepted(self) -> int:
        """The number of contacts that will be reached."""
        return self.states.get(ACCEPTED, 0)

    @property
    def contacts(self) -> int:
        """The number of rows."""
        return sum(self.states.values())

    def summary_lines(self) -> list[str]:
        """Return the summary for people: how the files were read, counts, reasons, cost."""
        counts = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        cost = "without a price" if self.cost_brl is None else f"R$ {self.cost_brl}"
        return [
            *(f"Read {each.name}: {each.form}." for each in self.sources),
            f"Plan {self.digest[:12]}: {self.contacts} contacts, of which {counts}.",
            f"{self.parts} parts, {cost}, in {len(self.chunks)} chunks; {self.transliterated} texts in plain letters.",
            *(f"Rejected {count}: {reason}." for reason, count in sorted(self.reasons.items(), key=_most_first)),
        ]

    def as_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "digest": self.digest,
            "chunks": [asdict(each) for each in self.chunks],
            "states": dict(self.states),
            "reasons": dict(self.reasons),
            "parts": self.parts,
            "cost_brl": str(self.cost_brl) if self.cost_brl is not None else None,
            "transliterated": self.transliterated,
            "channel": self.channel.value,
            "fingerprint": self.fingerprint,
            "planned_at": self.planned_at.isoformat(),
            "sources": [asdict(each) for each in self.sources],
        }

    @classmethod
    def read(cls, folder: Folder) -> CampaignPlan:
        """Read the summary of a plan that is complete.

        :raises CampaignError: there is none, or it cannot be read.
        """
        try:
            fields = json.loads(folder.read(PLAN_FILE))
        except FileNotFoundError:
            raise CampaignError(
                f"plan: there is none in {folder.uri}. A local folder is on one machine only: several workers need a "
                "storage that all of them reach"
            ) from None
        except ValueError:
            raise CampaignError(f"plan: {PLAN_FILE} in {folder.uri} is damaged") from None
        return cls(
            digest=fields["digest"],
            chunks=tuple(PlanChunk(**each) for each in fields["chunks"]),
            states=fields["states"],
            reasons=fields["reasons"],
            parts=fields["parts"],
            cost_brl=Decimal(fields["cost_brl"]) if fields["cost_brl"] is not None else None,
            transliterated=fields["transliterated"],
            channel=Channel(fields["channel"]),
            fingerprint=fields["fingerprint"],
            planned_at=datetime.fromisoformat(fields["planned_at"]),
            sources=tuple(ContactFile(**each) for each in fields["sources"]),
        )


def _most_first(reason: tuple[str, int]) -> tuple[int, str]:
    return -reason[1], reason[0]


def plan(
    settings: CampaignSettings,
    batches: Iterable[pl.DataFrame],
    folder: Folder,
    *,
    exclusions: Exclusions,
    now: datetime,
    sources: Callable[[], Iterable[ContactFile]] = tuple,
    on_batch: Callable[[int], None] = lambda rows: None,
) -> CampaignPlan:
    """Plan a campaign and write its files: chunks of accepted contacts, all the others, the summary.

    :param batches: of texts, with the columns of :mod:`.contacts.rows`.
    :param folder: where the files go.
    :param now: aware; the earliest moment of a send.
    :param sources: returns the files of the batches, once these were taken.
    :param on_batch: called with the number of rows that are done.
    :raises CampaignError: a column is missing, or the window never opens.
    :raises ContactsError: there are no contacts.
    :raises OSError: a file cannot be written.
    """
    planner = _Planner(settings, folder, exclusions, now)
    for batch in batches:
        planner.add(batch)
        on_batch(planner.rows)
    return planner.finish(sources())


class _Planner:
    def __init__(self, settings: CampaignSettings, folder: Folder, exclusions: Exclusions, now: datetime) -> None:
        self._settings = settings
        self._folder = folder
        self._exclusions = exclusions
        self._now = now
        self._numbers: set[str] = set()
        self._ids: set[str] = set()
        self._waiting: list[pl.DataFrame] = []
        self._others: list[pl.DataFrame] = []
        self._chunks: list[PlanChunk] = []
        self._states: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._parts = 0
        self._transliterated = 0
        self._chunk_size = settings.chunk_size
        self._samples = Samples()
        self._templates: dict[str, Template] = {}

    @property
    def rows(self) -> int:
        """How many rows were decided on."""
        return sum(self._states.values())

    def add(self, batch: pl.DataFrame) -> None:
        """Decide on a batch's contacts, and write the chunks that are full."""
        if not self._templates:
            self._read_columns(batch.columns)
        decided = self._decided(batch)
        accepted = decided.filter(pl.col("state") == ACCEPTED)
        self._others.append(
            decided.filter(pl.col("state") != ACCEPTED).select(
                FILE, ROW, "id", "number", "state", "reason", pl.when(_MAY_FOLLOW).then(_ORIGINALS).name.keep()
            )
        )
        self._states.update(dict(decided.group_by("state").len().iter_rows()))
        self._reasons.update(dict(decided.drop_nulls("reason").group_by("reason").len().iter_rows()))
        self._parts += int(accepted.get_column("parts").sum())
        self._transliterated += int(accepted.get_column("is_changed").sum())
        self._samples.add(accepted)
        self._waiting.append(
            accepted.select(FILE, ROW, "id", "number", "text", "opens_at", "parts", pl.col(f"^{TAG}.*$"), _ORIGINALS)
        )
        self._write_chunks()

    def finish(self, sources: Iterable[ContactFile]) -> CampaignPlan:
        """Write what is left."""
        if not self._states:
            raise ContactsError("there are no contacts: the file has no rows")
        self._write_chunks(at_least=1)
        self._folder.write(OTHERS_FILE, _parquet(pl.concat(self._others)))
        price = self._settings.price_brl
        made = CampaignPlan(
            digest=_digest("".join([self._settings.fingerprint, *(each.digest for each in self._chunks)]).encode()),
            chunks=tuple(self._chunks),
            states=dict(self._states),
            reasons=dict(self._reasons),
            parts=self._parts,
            cost_brl=None if price is None else price * self._parts,
            transliterated=self._transliterated,
            channel=self._settings.channel,
            fingerprint=self._settings.fingerprint,
            planned_at=self._now,
            sources=tuple(sources),
        )
        self._folder.write(PREVIEW_FILE, self._samples.page(made.contacts, made.accepted).encode())
        self._folder.write(PLAN_FILE, json.dumps(made.as_json(), indent=1).encode())
        return made

    def _read_columns(self, columns: Collection[str]) -> None:
        """Check that the columns are there, and parse the templates."""
        settings = self._settings
        known = [name for name in columns if name not in RESERVED]
        wanted = {"number_column": settings.number_columns, "id_column": (settings.id_column,)}
        for argument, names in (*wanted.items(), ("text_column", (settings.text_column,))):
            for name in names:
                if name is not None and name not in known:
                    raise CampaignError(
                        f"{argument}: the contacts have no column {name!r}; they have {', '.join(known)}"
                    )
        text = settings.text if settings.text is not None else f"{{{settings.text_column}}}"
        if settings.channel is not Channel.CALL or settings.text is not None:
            self._templates["text"] = Template.parse(text, known)
        for name, value in settings.tags.items():
            self._templates[TAG + name] = Template.parse(value, known, argument=f"tags: {name}")

    def _decided(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return the batch with each contact's id, number, text, parts, opening, state and reason."""
        # Under names of their own, as a file may have columns called "number" or "text", and for the list of those who
        # were not reached.
        named = batch.rename(lambda name: name if name in RESERVED else COLUMN + name)
        rows = self._with_texts(self._with_chosen_number(named))
        rows = rows.with_columns(reason=self._reason, opens_at=self._opens_at).with_columns(state=self._state)
        return self._without_excluded(rows)

    def _with_chosen_number(self, batch: pl.DataFrame) -> pl.DataFrame:
        settings, kinds = self._settings, _KINDS[self._settings.channel]
        first, *others = settings.number_columns
        rows = with_numbers(batch, COLUMN + first, kinds)
        for column in others:
            other = with_numbers(batch, COLUMN + column, kinds).get_column("number")
            rows = rows.with_columns(number=pl.coalesce("number", other))
        place = pl.concat_str(FILE, pl.col(ROW).cast(pl.String), separator=":")
        own = pl.col(COLUMN + settings.id_column).str.strip_chars() if settings.id_column else place
        return rows.with_columns(id=pl.when(own != "").then(own))

    def _with_texts(self, rows: pl.DataFrame) -> pl.DataFrame:
        settings = self._settings
        rows = rows.with_columns(pl.lit(None, pl.String).alias("text"))
        rows = rows.with_columns(**{name: template.filled(COLUMN) for name, template in self._templates.items()})
        rows = rows.with_columns(is_changed=pl.lit(value=False))
        if not settings.keeps_accents and "text" in self._templates:
            text = rows.get_column("text")
            plain = plain_letters(text)
            rows = rows.with_columns(plain, is_changed=(plain != text).fill_null(value=False))
        if settings.channel is Channel.SMS:
            return with_parts(rows, "text", settings.profile, len(settings.origin))
        return rows.with_columns(parts=pl.lit(1, pl.Int64))

    @property
    def _reason(self) -> pl.Expr:
        """The first reason to reject a contact, or null."""
        settings, profile = self._settings, self._settings.profile
        reasons = [
            pl.col(BAD),
            pl.when(pl.col("number").is_null()).then(pl.col("reason")),
            pl.when(pl.col("id").is_null()).then(pl.lit("the id is missing")),
        ]
        for column in dict.fromkeys(name for template in self._templates.values() for name in template.columns):
            is_missing = pl.col(COLUMN + column).str.strip_chars().fill_null("") == ""
            reasons.append(pl.when(is_missing).then(pl.lit(f"the column {column} is empty, and the text needs it")))
        if profile.longest is not None and settings.channel is Channel.SMS:
            room = profile.longest - (len(settings.origin) if profile.counts_origin else 0)
            is_too_long = pl.col("text").str.len_chars() > room
            reasons.append(pl.when(is_too_long).then(pl.lit(f"the text is longer than {room} characters")))
        if settings.window is not None:
            is_abroad = pl.col("number").str.starts_with("00")
            reasons.append(pl.when(is_abroad).then(pl.lit("the time zone of a number abroad is not known")))
        return pl.coalesce(reasons)

    @property
    def _state(self) -> pl.Expr:
        never_opens = pl.col("opens_at").is_null()
        conditions = {
            ContactState.REJECTED: pl.col("reason").is_not_null(),
            ContactState.OUT_OF_WINDOW: never_opens,
        }
        states = [pl.when(condition).then(pl.lit(state.value)) for state, condition in conditions.items()]
        return pl.coalesce([*states, pl.lit(ACCEPTED)])

    @property
    def _opens_at(self) -> pl.Expr:
        """When the number may be reached: the window's next opening in its area, null where there is none."""
        if self._settings.window is None:
            return pl.lit(self._now.astimezone(UTC), _MOMENT)
        area = pl.col("number").str.slice(len(COUNTRY), 2)
        return area.replace_strict(self._openings, default=None, return_dtype=_MOMENT)

    @cached_property
    def _openings(self) -> dict[str, datetime | None]:
        window = self._settings.window
        assert window is not None  # noqa: S101 - for the type checker; asked only with a window
        openings = {code: window.next_opening(self._now, area) for code, area in AREAS.items()}
        if not any(openings.values()):
            raise CampaignError(f"window: {window.name} does not open anywhere within a year")
        return {code: opening and opening.astimezone(UTC) for code, opening in openings.items()}

    def _without_excluded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Mark excluded contacts, and those whose number or id an accepted one had before: others block no one."""
        candidates = rows.filter(pl.col("state") == ACCEPTED)
        numbers, ids = candidates.get_column("number"), candidates.get_column("id")
        excluded = self._excluded(numbers.to_list())
        left = ~numbers.is_in(list(excluded)) if excluded else pl.repeat(True, len(numbers), eager=True)
        suspects = left & (self._may_repeat(numbers, self._numbers) | self._may_repeat(ids, self._ids))
        self._numbers.update(numbers.filter(left & ~suspects).to_list())
        self._ids.update(ids.filter(left & ~suspects).to_list())
        states = numbers.replace_strict(excluded, default=ACCEPTED, return_dtype=pl.String)
        if suspects.any():
            repeated = self._states_of_suspects(numbers.filter(suspects), ids.filter(suspects))
            states = states.scatter(suspects.arg_true(), repeated)
        places = (rows.get_column("state") == ACCEPTED).arg_true()
        return rows.with_columns(rows.get_column("state").scatter(places, states))

    def _excluded(self, numbers: Collection[str]) -> dict[str, str]:
        """Return those of the numbers that must not be reached, with the state of their contacts."""
        lists = {
            ContactState.SUPPRESSED: self._exclusions.suppressed,
            ContactState.OPTED_OUT: self._exclusions.opted_out,
        }
        return {number: state.value for state, digits in lists.items() for number in digits.intersection(numbers)}

    @staticmethod
    def _may_repeat(values: pl.Series, seen: set[str]) -> pl.Series:
        """Whether each value is there twice, or was seen in an earlier batch."""
        earlier = seen.intersection(values.to_list())
        twice = ~values.is_unique()
        return twice | values.is_in(list(earlier)) if earlier else twice

    def _states_of_suspects(self, numbers: pl.Series, ids: pl.Series) -> list[str]:
        states = []
        for number, contact in zip(numbers, ids, strict=True):
            is_repeated = number in self._numbers or contact in self._ids
            if not is_repeated:
                self._numbers.add(number)
                self._ids.add(contact)
            states.append(ContactState.DUPLICATE.value if is_repeated else ACCEPTED)
        return states

    def _write_chunks(self, *, at_least: int | None = None) -> None:
        """Write the chunks that are full, or have at least so many contacts."""
        while sum(map(len, self._waiting)) >= (at_least or self._chunk_size):
            if len(self._chunks) == self._settings.most_chunks:
                self._merge_chunks()
                continue
            rows = pl.concat(self._waiting)
            chunk, self._waiting = rows[: self._chunk_size], [rows[self._chunk_size :]]
            self._chunks.append(self._written(len(self._chunks), chunk))

    def _written(self, number: int, chunk: pl.DataFrame) -> PlanChunk:
        name, content = f"chunks/{number:05}.parquet", _parquet(chunk)
        self._folder.write(name, content)
        return PlanChunk(name, len(chunk), int(chunk.get_column("parts").sum()), _digest(content))

    def _merge_chunks(self) -> None:
        """Double the size of chunks: one file for each two, in the same order."""
        names = [each.name for each in self._chunks]
        pairs = [names[place : place + 2] for place in range(0, len(names), 2)]
        self._chunks = [
            self._written(number, pl.concat([pl.read_parquet(io.BytesIO(self._folder.read(name))) for name in pair]))
            for number, pair in enumerate(pairs)
        ]
        for name in names[len(pairs) :]:
            self._folder.remove(name)
        self._chunk_size *= 2


_MOMENT: Final = pl.Datetime("us", "UTC")
_ORIGINALS: Final = pl.col(f"^{COLUMN}.*$")
#: A contact whose window does not open may get another campaign; the rows of all others have no further use.
_MAY_FOLLOW: Final = pl.col("state") == ContactState.OUT_OF_WINDOW.value


def _parquet(rows: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    rows.write_parquet(content)
    return content.getvalue()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()

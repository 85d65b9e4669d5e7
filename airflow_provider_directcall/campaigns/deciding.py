"""Decide on a batch's contacts: the number, text, parts and opening of each, or the reason to reject it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.columns import COLUMN, MOMENT, TAG
from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, RESERVED, ROW
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.numbers import COUNTRY, with_numbers
from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.texts import Template, plain_letters, with_parts
from airflow_provider_directcall.telephony.areas import AREAS
from airflow_provider_directcall.telephony.numbers import CALLABLE, NumberKind

if TYPE_CHECKING:
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings

#: Kinds of numbers that a channel reaches. That fixed lines receive an SMS is not documented.
_KINDS: Final[Mapping[Channel, frozenset[NumberKind]]] = {
    Channel.SMS: frozenset({NumberKind.MOBILE, NumberKind.INTERNATIONAL}),
    Channel.VOICE_MESSAGE: frozenset({NumberKind.MOBILE, NumberKind.FIXED}),
    Channel.CALL: CALLABLE,
}


class Decisions:
    """Decides on batches with the same columns.

    :param columns: of the contacts.
    :param now: aware; the earliest moment of a send.
    :raises CampaignError: a column is missing, or a template names one that is.
    """

    def __init__(self, settings: CampaignSettings, columns: Collection[str], now: datetime) -> None:
        self._settings = settings
        self._now = now
        self._known = [name for name in columns if name not in RESERVED]
        self._check_columns()
        self._templates = dict(self._parsed_templates())
        self._is_plain = not settings.keeps_accents and "text" in self._templates
        self._changes_all = False
        if self._is_plain:
            given = self._templates["text"]
            self._templates["text"] = given.plain()
            self._changes_all = self._templates["text"] != given

    def _check_columns(self) -> None:
        settings = self._settings
        wanted = {"number_column": settings.number_columns, "id_column": (settings.id_column,)}
        for argument, names in (*wanted.items(), ("text_column", (settings.text_column,))):
            for name in names:
                if name is not None and name not in self._known:
                    raise CampaignError(
                        f"{argument}: the contacts have no column {name!r}; they have {', '.join(self._known)}"
                    )

    def _parsed_templates(self) -> Iterator[tuple[str, Template]]:
        settings = self._settings
        text = settings.text if settings.text is not None else f"{{{settings.text_column}}}"
        if settings.channel is not Channel.CALL or settings.text is not None:
            yield "text", Template.parse(text, self._known)
        for name, value in settings.tags.items():
            yield TAG + name, Template.parse(value, self._known, argument=f"tags: {name}")

    def decided(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Return the batch with each contact's id, number, text, parts, opening, state and reason."""
        # Under names of their own, as a file may have columns called "number" or "text", and for the list of those who
        # were not reached.
        named = batch.rename(lambda name: name if name in RESERVED else COLUMN + name)
        rows = self._with_texts(self._with_chosen_number(named))
        return rows.with_columns(reason=self._reason, opens_at=self._opens_at).with_columns(state=self._state)

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
        rows = rows.with_columns(pl.lit(None, pl.String).alias("text"), is_changed=pl.lit(value=False))
        rows = rows.with_columns(**{name: template.filled(COLUMN) for name, template in self._templates.items()})
        if self._is_plain:
            rows = self._with_plain_text(rows)
        if settings.channel is Channel.SMS:
            return with_parts(rows, "text", settings.profile, len(settings.origin))
        return rows.with_columns(parts=pl.lit(1, pl.Int64))

    def _with_plain_text(self, rows: pl.DataFrame) -> pl.DataFrame:
        text = rows.get_column("text")
        plain = plain_letters(text)
        is_changed = pl.lit(value=True) if self._changes_all else (plain != text).fill_null(value=False)
        return rows.with_columns(plain, is_changed=is_changed)

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
            return pl.lit(self._now.astimezone(UTC), MOMENT)
        area = pl.col("number").str.slice(len(COUNTRY), 2)
        return area.replace_strict(self._openings, default=None, return_dtype=MOMENT)

    @cached_property
    def _openings(self) -> dict[str, datetime | None]:
        window = self._settings.window
        assert window is not None  # noqa: S101 - for the type checker; asked only with a window
        openings = {code: window.next_opening(self._now, area) for code, area in AREAS.items()}
        if not any(openings.values()):
            raise CampaignError(f"window: {window.name} does not open anywhere within a year")
        return {code: opening and opening.astimezone(UTC) for code, opening in openings.items()}

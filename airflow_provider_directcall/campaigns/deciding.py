"""Decide on a batch's contacts: the number, text, parts and opening of each, or the reason to reject it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from airflow_provider_directcall.api.methods.arguments import MAX_TEXT_LENGTH
from airflow_provider_directcall.campaigns.channels import Channel
from airflow_provider_directcall.campaigns.columns import COLUMN, FURTHER, TAG
from airflow_provider_directcall.campaigns.contact_times import TIMES_REASON, ContactTimes
from airflow_provider_directcall.campaigns.contacts.rows import BAD, FILE, RESERVED, ROW
from airflow_provider_directcall.campaigns.errors import CampaignError
from airflow_provider_directcall.campaigns.numbers import with_numbers
from airflow_provider_directcall.campaigns.plan_summary import ACCEPTED
from airflow_provider_directcall.campaigns.states import ContactState
from airflow_provider_directcall.campaigns.texts import Template, plain_letters, with_parts
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
        self._known = [name for name in columns if name not in RESERVED]
        self._check_columns()
        self._times = ContactTimes(settings, now)
        self._templates = dict(self._parsed_templates())
        self._is_plain = not settings.keeps_accents and "text" in self._templates
        self._changes_all = False
        if self._is_plain:
            given = self._templates["text"]
            self._templates["text"] = given.plain()
            self._changes_all = self._templates["text"] != given

    def _check_columns(self) -> None:
        numbers = [("number_column", name) for name in self._settings.number_columns]
        for argument, name in [*numbers, *self._settings.contact_columns.items()]:
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
        rows = self._times.added(self._with_texts(self._with_chosen_number(named)))
        return self._with_priority(rows).with_columns(reason=self._reason).with_columns(state=self._state)

    def moved(self, accepted: pl.DataFrame) -> Counter[str]:
        """Count the accepted contacts of a batch that are not reached at once, by the rule."""
        return self._times.moved(accepted)

    def _with_chosen_number(self, batch: pl.DataFrame) -> pl.DataFrame:
        settings, kinds = self._settings, _KINDS[self._settings.channel]
        first, *others = settings.number_columns
        rows = with_numbers(batch, COLUMN + first, kinds)
        if others:
            numbers = [with_numbers(batch, COLUMN + column, kinds).get_column("number") for column in others]
            own = pl.concat_list("number", *numbers).list.drop_nulls().list.unique(maintain_order=True)
            rows = rows.with_columns(own.list.slice(1).alias(FURTHER), number=pl.coalesce("number", *numbers))
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
        if "text" in self._templates:
            counts_origin = settings.channel is Channel.SMS and profile.counts_origin
            room = MAX_TEXT_LENGTH - (len(settings.origin) if counts_origin else 0)
            is_too_long = pl.col("text").str.len_chars() > room
            reasons.append(pl.when(is_too_long).then(pl.lit(f"the text is longer than {room} characters")))
            is_empty = pl.col("text").str.strip_chars() == ""
            reasons.append(pl.when(is_empty).then(pl.lit("nothing is left of the text without accents and marks")))
        reasons += [pl.col(TIMES_REASON), pl.col(_PRIORITY_REASON)]
        return pl.coalesce(reasons)

    @property
    def _state(self) -> pl.Expr:
        conditions = {
            ContactState.REJECTED: pl.col("reason").is_not_null(),
            ContactState.OUT_OF_WINDOW: pl.col("opens_at").is_null(),
        }
        states = [pl.when(condition).then(pl.lit(state.value)) for state, condition in conditions.items()]
        return pl.coalesce([*states, pl.lit(ACCEPTED)])

    def _with_priority(self, rows: pl.DataFrame) -> pl.DataFrame:
        column = self._settings.priority_column
        if column is None:
            return rows.with_columns(pl.lit(None, pl.String).alias(_PRIORITY_REASON))
        text = pl.col(COLUMN + column).str.strip_chars().fill_null("")
        is_wrong = ~text.str.contains(_PRIORITY)
        reason = pl.lit(f"the column {column} is no integer of at most nine digits")
        return rows.with_columns(
            pl.when(is_wrong).then(reason).alias(_PRIORITY_REASON),
            priority=pl.when(~is_wrong & (text != "")).then(text).cast(pl.Int64, strict=False).fill_null(0),
        )


_PRIORITY: Final = "^(?:[+-]?[0-9]{1,9})?$"
_PRIORITY_REASON: Final = "_priority_reason"

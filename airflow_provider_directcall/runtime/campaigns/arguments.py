"""Arguments that the tasks of one campaign share, as templates render them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_directcall.runtime import arguments

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from airflow_provider_directcall.api.settings import Settings
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.channels import Channel
    from airflow_provider_directcall.campaigns.contacts.reading import ContactSource
    from airflow_provider_directcall.runtime.campaigns.queries import SqlContacts
    from airflow_provider_directcall.telephony.segments import Profile
    from airflow_provider_directcall.telephony.windows import Window

#: A path, a URI or a pattern, several of them, or a query.
Contacts: TypeAlias = "str | os.PathLike[str] | SqlContacts | Sequence[str | os.PathLike[str] | SqlContacts]"

Choice = TypeVar("Choice", bound=StrEnum)

DEFAULT_NUMBER_COLUMN: Final = "phone"
DEFAULT_CHUNK_SIZE: Final = 10_000
_MOST_MAPPED: Final = 1024


class CampaignTask(Protocol):
    """A task with the arguments that decide on the texts of a campaign and on who gets them."""

    channel: str
    number_column: str | Sequence[str]
    id_column: str | None
    zone_column: str | None
    not_before_column: str | None
    not_after_column: str | None
    priority_column: str | None
    frequency_cap: Mapping[str, int] | str | None
    text: str | None
    text_column: str | None
    origin: str | None
    tags: Mapping[str, str] | str | None
    window: str | Window | None
    keep_accents: bool | str
    profile: str
    price_brl: float | str | Decimal | None
    budget_brl: float | str | Decimal | None
    suppress: Contacts | None
    opt_out_words: Sequence[str] | str
    opt_out_days: float | str


def describes_plan(task: CampaignTask) -> bool:
    """Whether a task's arguments are those of a plan, and not of its sending alone.

    They are where there is a text. A call has none: there, an argument says so that only a plan uses. Without any, the
    plan of a call has nothing that its sending does not look at by itself.
    """
    from airflow_provider_directcall.campaigns.channels import Channel

    if _is_given(task.text) or _is_given(task.text_column):
        return True
    columns = (task.id_column, task.zone_column, task.not_before_column, task.not_after_column, task.priority_column)
    given = any(_is_given(each) for each in (*columns, task.tags, task.frequency_cap))
    numbers = arguments.texts("number_column", task.number_column) or [DEFAULT_NUMBER_COLUMN]
    return channel_named(task.channel) is Channel.CALL and (given or numbers != [DEFAULT_NUMBER_COLUMN])


def settings_of(task: CampaignTask, connection: Settings, *, chunk_size: int | None = None) -> CampaignSettings:
    """Parse what decides on a plan.

    :param connection: has the default origin.
    :raises ValueError: an argument is wrong.
    :raises CampaignError: an argument is missing or contradicts another.
    """
    from airflow_provider_directcall.campaigns.campaign_settings import CampaignSettings
    from airflow_provider_directcall.campaigns.frequency import FrequencyCap

    cap = arguments.tags("frequency_cap", task.frequency_cap)
    return CampaignSettings(
        channel=channel_named(task.channel),
        number_columns=tuple(arguments.texts("number_column", task.number_column) or ()),
        id_column=arguments.optional_text(task.id_column),
        zone_column=arguments.optional_text(task.zone_column),
        not_before_column=arguments.optional_text(task.not_before_column),
        not_after_column=arguments.optional_text(task.not_after_column),
        priority_column=arguments.optional_text(task.priority_column),
        frequency_cap=None if cap is None else FrequencyCap.of(cap),
        text=arguments.optional_text(task.text),
        text_column=arguments.optional_text(task.text_column),
        origin=arguments.optional_number("origin", task.origin) or connection.default_origin or "",
        tags=arguments.tags("tags", task.tags) or {},
        window=window_of(task.window),
        keeps_accents=arguments.boolean("keep_accents", task.keep_accents),
        profile=profile_named(task.profile),
        price_brl=money("price_brl", task.price_brl),
        budget_brl=money("budget_brl", task.budget_brl),
        chunk_size=chunk_size or DEFAULT_CHUNK_SIZE,
        most_chunks=conf.getint("core", "max_map_length", fallback=_MOST_MAPPED),
    )


def channel_named(name: str) -> Channel:
    """Return a channel.

    :raises ValueError: there is none of this name.
    """
    from airflow_provider_directcall.campaigns.channels import Channel

    return one_of("channel", name, Channel)


def profile_named(name: str) -> Profile:
    """Return a way of counting the parts of an SMS.

    :raises ValueError: there is none of this name.
    """
    from airflow_provider_directcall.telephony.segments import PROFILES

    word = str(name).strip().casefold()
    if word not in PROFILES:
        hint = arguments.suggestion(word, PROFILES)
        raise ValueError(f"profile: one of {', '.join(PROFILES)} is needed{hint}")
    return PROFILES[word]


def one_of(argument: str, word: object, choices: type[Choice]) -> Choice:
    """Return the choice that a word names.

    :raises ValueError: there is none of this name.
    """
    try:
        return choices(str(word).strip().casefold())
    except ValueError:
        hint = arguments.suggestion(str(word), choices)
        raise ValueError(f"{argument}: one of {', '.join(choices)} is needed{hint}") from None


def window_of(value: str | Window | None) -> Window | None:
    """Return a preset by its name, or the user's own.

    :raises ValueError: there is no such preset.
    """
    from airflow_provider_directcall.telephony.windows import Window, window_named

    if isinstance(value, Window):
        return value
    name = arguments.optional_text(value)
    return None if name is None else window_named(name.strip())


def money(name: str, value: object) -> Decimal | None:
    """Parse an amount above 0, in BRL; None for an empty one.

    :raises ValueError: it is none.
    """
    text = arguments.optional_text(value)
    if text is None:
        return None
    try:
        amount = Decimal(text.strip())
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"{name}: an amount above 0 is needed, such as 0.09")
    return amount


def sources_of(name: str, value: object, scratch: Path) -> Iterator[ContactSource]:
    """Yield the files and queries of an argument; files that follow one another are one source.

    :param scratch: an empty private folder; the caller removes it.
    :raises ContactsError: there are none, or a pattern matches none.
    """
    from airflow_provider_directcall.campaigns.contacts.places import files_at
    from airflow_provider_directcall.campaigns.contacts.reading import ContactFiles
    from airflow_provider_directcall.runtime.campaigns.files import stored_path
    from airflow_provider_directcall.runtime.campaigns.queries import SqlContacts, query_rows

    places: list[str] = []
    for item in items_of(name, value):
        if isinstance(item, SqlContacts):
            yield query_rows(item)
        else:
            places.append(item)
    if places:
        yield ContactFiles(files_at(places, stored_path, argument=name), scratch)


def items_of(name: str, value: object) -> list[str | SqlContacts]:
    """Return the paths and queries of an argument: one, a list, or the text of a list as templates render it."""
    from airflow_provider_directcall.runtime.campaigns.queries import SqlContacts

    if isinstance(value, str) and value.lstrip().startswith("["):
        value = arguments.literal(name, value)
    items = value if isinstance(value, (list, tuple)) else [value]
    return [item if isinstance(item, SqlContacts) else str(item) for item in items if _is_given(item)]


def _is_given(item: object) -> bool:
    return item is not None and arguments.optional_text(str(item)) is not None

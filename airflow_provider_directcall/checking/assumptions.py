"""The assumptions (docs/directcall-api.md, section 13) and the forms in which an account may answer, as data.

A probe names a form; its texts and its consequence are read from here. A detail in braces is a count, a duration, a
return code, the name of a field or a word of this package: never a value of the account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """The status of an assumption."""

    HOLDS = "holds"
    HANDLED = "handled"
    """It does not hold, and this package copes with that."""
    ATTENTION = "attention"
    """It does not hold, and the user has something to do or to know."""
    OPEN = "open"
    """It cannot be known yet."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way in which an account may answer.

    :ivar assumption: key in :data:`ASSUMPTIONS`.
    :ivar finding: text with details in braces.
    :ivar consequence: text with details in braces; empty where there is none.
    """

    assumption: str
    status: Status
    finding: str
    consequence: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One form that was found.

    :ivar form: key in :data:`FORMS`.
    :ivar place: the endpoint that showed it, as in the table of endpoints.
    :ivar details: by name; see the module.
    """

    form: str
    place: str
    details: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        """The status of its assumption."""
        return FORMS[self.form].status

    @property
    def assumption(self) -> str:
        """The assumption in words."""
        return ASSUMPTIONS[FORMS[self.form].assumption]

    @property
    def text(self) -> str:
        """The finding in words."""
        return FORMS[self.form].finding.format(**self.details)

    @property
    def consequence(self) -> str:
        """The consequence in words."""
        return FORMS[self.form].consequence.format(**self.details)


#: Key -> the assumption in words, in the order of the report.
ASSUMPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "answers": "the path answers",
        "first": "it answers at the first try",
        "token": "tokens are JWTs that live an hour",
        "clock": "our clock and Directcall's agree",
        "numbers": "the account lists its numbers",
        "rules": "a number's rules are its own, and two reads agree",
        "balance": "the balance can be read",
        "accepted": "a send is answered with ok and an id",
        "delay": "a row appears within settle_seconds (300 s)",
        "steady": "a row is whole at once, and stays",
        "fields": "rows have the assumed fields",
        "time": "times are Y-m-d H:i:s",
        "zone": "times are in the connection's zone",
        "id": "a row has the id of the answer",
        "legs": "a call has one row",
        "tags_shown": "rows show their tags with campos[search]",
        "tags_form": "tags are an object",
        "tags_kept": "tags are kept as they were sent",
        "search": "campos[search] is no filter",
        "tag_filter": "the filter by tag is exact, and all tags have to match",
        "destination_filter": "numeroDestino filters",
        "destination": "numbers have the country code 55",
        "id_filter": "callerid filters",
        "pages": "paginas is the number of pages, and each can be read",
        "order": "the order of rows is not promised",
        "empty": "an empty statement is an empty list",
        "states": "states are known words",
        "recordings": "a recording has an http address",
    }
)

_HOLDS, _HANDLED, _ATTENTION, _OPEN = Status
_BY_HAND: Final = "an unknown outcome stays unknown and has to be looked up by hand; no extra changes that"
_SEND: Final = "{option} shows it"


def _kept(name: str, description: str, consequence: str, *, of: str = "values") -> dict[str, Form]:
    return {name: Form("tags_kept", _ATTENTION, f"tag {of} are kept {description}", consequence)}


# fmt: off
#: Key -> form.
FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        # every path
        "answers": Form("answers", _HOLDS, "it answers"),
        "refused": Form("answers", _ATTENTION, "refused with code {code} (HTTP {status})", "{use} cannot be used; ask Directcall whether the account includes it"),
        "no_answer": Form("answers", _ATTENTION, "{kind} (HTTP {status})", "{use} cannot be used; where the account has another path, name it in the extra: endpoints"),
        "not_answered": Form("answers", _ATTENTION, "no answer: {kind}", "{use} cannot be used for now; check again"),
        "not_asked": Form("answers", _OPEN, "not asked: {reason}"),
        "first_unreadable": Form("first", _HANDLED, "the first {count} answers could not be read", "such a look counts as failed, and is repeated"),
        # token
        "token_jwt": Form("token", _HOLDS, "a JWT of {minutes} minutes"),
        "token_other": Form("token", _HANDLED, "a text without claims", "it counts as valid for an hour"),
        "clock_agrees": Form("clock", _HOLDS, "they are less than a minute apart"),
        "clock_differs": Form("clock", _ATTENTION, "they are {seconds} s apart", "set this machine's clock; above 300 s, rows are not recognised"),
        # numbers and rules
        "numbers": Form("numbers", _HOLDS, "numbers: {count}"),
        "no_numbers": Form("numbers", _OPEN, "no numbers"),
        "rules": Form("rules", _HOLDS, "those of one number, read twice: {count}"),
        "rules_of_others": Form("rules", _ATTENTION, "rules of other numbers are listed too", "tasks that write rules stop before the first write"),
        "rules_change": Form("rules", _ATTENTION, "two reads differ", "do not write rules now; check again"),
        "balance": Form("balance", _HOLDS, "it can be read"),
        "balance_unread": Form("balance", _HANDLED, "no readable answer", "balance() cannot be used; nothing else needs it"),
        # one message or call, followed
        "sent": Form("accepted", _HOLDS, "accepted, with an id"),
        "not_sent": Form("accepted", _ATTENTION, "nothing was sent: {kind}, code {code}", "correct the cause; check again"),
        "maybe_sent": Form("accepted", _ATTENTION, "no usable answer: {kind}; it may have been sent", "it is not sent again; a row in the statement proves that it was"),
        "row_delay": Form("delay", _HOLDS, "{seconds} s after {event}"),
        "row_late": Form("delay", _ATTENTION, "{seconds} s after {event}", "set settle_seconds={wanted} on tasks that call or send"),
        "row_missing": Form("delay", _ATTENTION, "no row within {seconds} s", f"without rows, {_BY_HAND}"),
        "row_steady": Form("steady", _HOLDS, "it is"),
        "row_in_pieces": Form("steady", _HANDLED, "whole after {seconds} s; before, it lacked {names}", "settle_seconds covers it"),
        "row_vanished": Form("steady", _HANDLED, "it was gone from {first} s to {last} s after it appeared", "settle_seconds covers it; do not set it below {wanted}"),
        # rows
        "no_rows": Form("fields", _OPEN, "no rows in {days} days", "forms of rows, tags, filters, pages and times stay open; {option} makes a row"),
        "fields": Form("fields", _HOLDS, "all {count} fields"),
        "fields_missing": Form("fields", _ATTENTION, "missing: {names}; not known: {others}", "where one is another's new name: the extra's fields"),
        "field_renamed": Form("fields", _ATTENTION, "{shown} has the form of {assumed}", "compare a row; then paste the extra's fields"),
        "fields_more": Form("fields", _HANDLED, "all, and more: {others}", "they are in each row's raw"),
        "time": Form("time", _HOLDS, "they are"),
        "time_without_seconds": Form("time", _HANDLED, "without seconds", "they are read"),
        "time_day_first": Form("time", _HANDLED, "as d/m/Y", "they are read"),
        "time_day_first_without_seconds": Form("time", _HANDLED, "as d/m/Y, without seconds", "they are read"),
        "time_unknown": Form("time", _ATTENTION, "in no known form", "rows have no time; " + _BY_HAND),
        "zone": Form("zone", _HOLDS, "they are: {seconds} s from the sending"),
        "zone_differs": Form("zone", _ATTENTION, "they are {minutes} minutes {way}", "paste the extra's timezone"),
        "zone_ahead": Form("zone", _ATTENTION, "a row is {minutes} minutes in the future", "at least that far ahead; {option} measures it"),
        "zone_likely": Form("zone", _HOLDS, "likely: the newest row is {minutes} minutes old"),
        "zone_open": Form("zone", _OPEN, "no row of the last hours", _SEND),
        "id": Form("id", _HOLDS, "it has"),
        "id_present": Form("id", _HOLDS, "rows have ids of the known form"),
        "id_missing": Form("id", _HANDLED, "rows have no id", "a call or message is followed by its key"),
        "id_other": Form("id", _ATTENTION, "it has another id", "a call or message is followed by its key; callerid= finds nothing"),
        "id_upper": Form("id", _HANDLED, "the same in upper case", "compare ids without regard to case"),
        "id_form": Form("id", _HANDLED, "ids are of another form", "ids are taken as they are"),
        "one_row": Form("legs", _HOLDS, "one row a call"),
        "leg_rows": Form("legs", _HANDLED, "up to {count} rows under one id", "they count as one call; add up their prices"),
        "recording_none": Form("recordings", _OPEN, "no recording in {days} days"),
        "recording": Form("recordings", _HOLDS, "with an http address: {count}"),
        "recording_other": Form("recordings", _ATTENTION, "rows without one: {count}", "recordings cannot be fetched"),
        "states": Form("states", _HOLDS, "all known; seen: {count}"),
        "states_unknown": Form("states", _ATTENTION, "not known: {count}", "they stay as they are: name them in fail_on, or report them"),
        # tags
        "tags_shown": Form("tags_shown", _HOLDS, "with it only"),
        "tags_always": Form("tags_shown", _HANDLED, "without it too", "the extra can leave it out: tag_search"),
        "tags_hidden": Form("tags_shown", _ATTENTION, "rows never show tags", "only the filter by tag finds a request; near other rows to its number, its absence stays unknown"),
        "tags_open": Form("tags_shown", _OPEN, "no row with tags", _SEND),
        "tags_object": Form("tags_form", _HOLDS, "they are"),
        "tags_json": Form("tags_form", _HANDLED, "as JSON text", "they are read"),
        "tags_list": Form("tags_form", _HANDLED, "a list of {{{name}, valor}}", "they are read"),
        "tags_pairs": Form("tags_form", _HANDLED, "a list of pairs", "they are read"),
        "tags_unreadable": Form("tags_form", _ATTENTION, "in no known form", _BY_HAND),
        "tags_kept": Form("tags_kept", _HOLDS, "they are"),
        "tags_lost": Form("tags_kept", _ATTENTION, "tags are not kept", "no request is recognised; near any row to its number, an unknown outcome stays unknown"),
        **_kept("tag_values_cut", "to {count} characters", "keep values short; our key needs 16"),
        **_kept("tag_names_cut", "to {count} characters", "keep names short; our key's has 11", of="names"),
        **_kept("tag_values_upper", "in upper case", "write the values of your tags in upper case"),
        **_kept("tag_names_upper", "in upper case", "write the names of your tags in upper case", of="names"),
        **_kept("tag_values_trimmed", "without blanks around them", "write values without them"),
        **_kept("tag_names_trimmed", "without blanks around them", "write names without them", of="names"),
        **_kept("tag_values_unaccented", "without accents", "write values without accents"),
        **_kept("tag_names_unaccented", "without accents", "write names without accents", of="names"),
        **_kept("tag_changed", "otherwise", f"keep tags to lower-case letters and digits; {_BY_HAND}"),
        "kept_open": Form("tags_kept", _OPEN, "not known: nothing was sent", _SEND),
        "key_changed": Form("tags_kept", _ATTENTION, "our own key is changed or lost", _BY_HAND),
        "search_harmless": Form("search", _HOLDS, "the same rows with and without it"),
        "search_filters": Form("search", _ATTENTION, "no rows with it, and rows without it", "paste the extra's tag_search, which leaves it out"),
        "search_refused": Form("search", _ATTENTION, "a question with it is refused", "paste the extra's tag_search, which leaves it out"),
        "search_open": Form("search", _OPEN, "the question with it was not answered", "check again"),
        "tag_filter": Form("tag_filter", _HOLDS, "it is, and they have to"),
        "tag_filter_likely": Form("tag_filter", _OPEN, "a value never used finds nothing; no row with tags to compare", _SEND),
        "tag_filter_ignored": Form("tag_filter", _HANDLED, "it is ignored", "rows are chosen by the tags that they show; looks take longer"),
        "tag_filter_or": Form("tag_filter", _HANDLED, "one tag that matches is enough", "rows are checked again here"),
        "tag_filter_prefix": Form("tag_filter", _HANDLED, "the beginning of a value is enough", "rows are checked again here"),
        "tag_filter_loses": Form("tag_filter", _ATTENTION, "a row is not found by the tag that was sent with it", "only looks without a filter find it"),
        # numbers in rows and filters
        "destination_filter": Form("destination_filter", _HOLDS, "it does"),
        "destination_filter_ignored": Form("destination_filter", _HANDLED, "it is ignored", "rows are checked again here; looks take longer"),
        "short_destination_ignored": Form("destination_filter", _HANDLED, "a number without 55 is ignored", "numbers are always sent with 55"),
        "destination_filter_loses": Form("destination_filter", _ATTENTION, "a row's own number does not find it", "do not use destination= in statements"),
        "destination_with_55": Form("destination", _HOLDS, "they have"),
        "destination_without_55": Form("destination", _HANDLED, "without it", "numbers are compared with and without 55"),
        "id_filter": Form("id_filter", _HOLDS, "it does"),
        "id_filter_ignored": Form("id_filter", _HANDLED, "it is ignored", "rows are checked again here"),
        "id_filter_loses": Form("id_filter", _ATTENTION, "a row's own id does not find it", "calls are followed by their key"),
        # pages
        "pages": Form("pages", _HOLDS, "pages: {count}, rows a page: {size}"),
        "one_page": Form("pages", _HOLDS, "one page, rows on it: {size}"),
        "pages_text": Form("pages", _HANDLED, "paginas is a text", "it is read"),
        "pages_missing": Form("pages", _HANDLED, "no paginas", "pages are read until one has nothing new"),
        "pages_endless": Form("pages", _HANDLED, "paginas is too large", "pages are read until one has nothing new"),
        "page_2_refused": Form("pages", _ATTENTION, "page 2 is refused", "read windows of at most {size} rows"),
        "page_2_repeats": Form("pages", _ATTENTION, "page 2 is page 1 again", "read windows of at most {size} rows"),
        "page_2_empty": Form("pages", _ATTENTION, "page 2 of {count} is empty", "read windows of at most {size} rows"),
        "order": Form("order", _HOLDS, "{direction} by time"),
        "empty_list": Form("empty", _HOLDS, "it is"),
        "empty_text": Form("empty", _HANDLED, "a text in place of a list", "it proves nothing by itself: a look without filters decides"),
        "empty_refused": Form("empty", _HANDLED, "the refusal {code} (HTTP {status})", "it proves nothing by itself: a look without filters decides"),
        "empty_missing": Form("empty", _HANDLED, "no list", "it proves nothing by itself: a look without filters decides"),
    }
)
# fmt: on

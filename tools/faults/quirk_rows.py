"""Rows of a vendor that does not behave: a row for each quirk of the sandbox, with a lost answer before and after.

Answers to a send come once for each send; quirks of the statement, of ``/voz/status``, of forms and of the transport
are on all the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from airflow_provider_directcall.sandbox.quirks import QUIRKS
from airflow_provider_directcall.sandbox.quirks.answers import SEND_ANSWERS, TRANSPORT
from airflow_provider_directcall.sandbox.quirks.calls import CALLS
from airflow_provider_directcall.sandbox.quirks.forms import FORMS
from airflow_provider_directcall.sandbox.quirks.rules import RULES
from airflow_provider_directcall.sandbox.quirks.statement import STATEMENT
from tools.faults.rows import POLICIES, Ending, Kind, Row, Trouble

#: Answered, busy, and failed: a result that belongs to another send has another outcome.
_NUMBERS: Final = ("0001", "0486", "0503")
#: Calls take a few seconds; what is not found by then is not found later.
_COMPLETION_SECONDS: Final = 20.0
_KNOWN: Final = frozenset({Ending.SENT})
_MAYBE: Final = frozenset({Ending.SENT, Ending.UNKNOWN})
#: A rule whose write cannot be proven fails, and says so.
_CAREFUL: Final = frozenset({Ending.SENT, Ending.UNKNOWN, Ending.NOT_SENT, Ending.REFUSED})
#: Lost answers: name, fault, and what is lost.
_LOST: Final = (("lost_before", "cut_before", "cut before the effect"), ("lost_after", "cut_after", "cut after it"))

#: Quirks that do not hide a send: where the answer is lost, the statement still proves its presence or absence.
_HARMLESS: Final = frozenset(FORMS) | {
    "campos_always",
    "campos_json",
    "campos_list",
    "campos_list_chave",
    "campos_list_nome",
    "campos_pairs",
    "idle_empty",
    "idle_ended",
    "leg_rows",
    "tag_values_trimmed",
    "tag_names_trimmed",
    "tag_values_unaccented",
    "tag_names_unaccented",
    "times_without_seconds",
}
#: Of forms that no send meets.
_ELSEWHERE: Final = frozenset({"old_did", "retorno_list"})
#: A reply that drips takes each look-up a minute, and each task four times three of them.
_QUIRK_SECONDS: Final[Mapping[str, float]] = MappingProxyType({"one_byte_a_second": 150.0})
#: The quirk's own durations, in the sandbox's seconds, must fit into ``settle_seconds``.
_PACES: Final[Mapping[str, float]] = MappingProxyType({"rows_late": 75.0})
_SETTINGS: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        **{name: {"tag_characters": 8} for name in ("tag_values_cut", "tag_names_cut")},
        **{name: {"page_size": 2} for name in STATEMENT if "pag" in name},
    }
)

#: Answers that the baseline meets too, for comparison.
_COMPARED: Final = frozenset(
    {
        "json_status_message_503_before",
        "json_status_message_503_after",
        "json_status_codigo_error_message_500_after",
        "json_error_429_after",
        "empty_504_after",
        "refusal_503_after",
        "refusal_002_before",
        "refusal_002_after",
        "status_processando",
        "status_missing",
        "id_beside_refusal",
        "two_documents",
        "php_notice",
        "byte_order_mark",
        "echo_500_after",
        "maintenance_after",
        "redirect_307_after",
    }
)


def of_the_vendor(taken: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of all quirks.

    :param taken: names of rows that there are already.
    """
    names = frozenset(taken)
    yield from (_answered_once(name) for name in (*SEND_ANSWERS, *TRANSPORT) if name not in names)
    for name in (*STATEMENT, *FORMS):
        if name not in _ELSEWHERE:
            yield from _with_lost_answers(name)
    for name in CALLS:
        yield from _with_lost_answers(name, kinds=(Kind.CALL,))
    yield from (_with_rules(name) for name in (*RULES, "old_did"))
    yield from (_always(name) for name in TRANSPORT)


def _answered_once(name: str) -> Row:
    return Row(
        name=name,
        meaning=f"the answer to a send: {QUIRKS[name].description}",
        troubles=(Trouble(name),),
        policies=POLICIES,
        with_baseline=name in _COMPARED,
    )


def _with_lost_answers(name: str, kinds: Collection[Kind] = (Kind.SMS, Kind.VOICE, Kind.CALL)) -> Iterator[Row]:
    for suffix, fault, lost in _LOST:
        yield Row(
            name=f"{name}_{suffix}",
            meaning=f"{lost}, and {QUIRKS[name].description}",
            troubles=(Trouble(fault),),
            quirks=(name,),
            settings=_SETTINGS.get(name, {}),
            pace=_PACES.get(name, 20.0),
            policies=POLICIES,
            numbers=_NUMBERS,
            completion_seconds=_COMPLETION_SECONDS,
            kinds=tuple(kinds),
            ends_as=_KNOWN if name in _HARMLESS else _MAYBE,
            with_baseline=False,
        )


def _with_rules(name: str) -> Row:
    return Row(
        name=name,
        meaning=QUIRKS[name].description,
        quirks=(name,),
        kinds=(Kind.RULE,),
        ends_as=_CAREFUL,
        with_baseline=False,
    )


def _always(name: str) -> Row:
    return Row(
        name=f"{name}_always",
        meaning=f"every answer: {QUIRKS[name].description}",
        quirks=(name,),
        quirk_seconds=_QUIRK_SECONDS.get(name),
        policies=POLICIES,
        numbers=_NUMBERS,
        completion_seconds=_COMPLETION_SECONDS,
        ends_as=_CAREFUL,
        with_baseline=False,
    )
